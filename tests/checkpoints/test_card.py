"""Cards: a function of config and facts; and the bundled ones are whole, in step, and what the
catalogue says.
"""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hub_cards import front_matter, problems
from huggingface_hub import ModelCard
from PIL import Image

import zoo as door
from zoo.checkpoints import card as cards
from zoo.checkpoints import folder
from zoo.checkpoints.results import (
    FEWEST,
    IMPORTANCE_SAMPLES,
    METRICS,
    SAMPLES,
    SEED,
    recorded,
)
from zoo.common import files
from zoo.common.errors import CheckpointError
from zoo.data import load_features
from zoo.registry.registry import installed
from zoo.sampling import images, provenance
from zoo.sampling.sampler import draw

BUNDLED = sorted((Path(__file__).parents[2] / "cards").iterdir())

# of the data sets, as their cards have to say
AUTHORS = {
    "mnist": "LeCun",
    "fashion-mnist": "Xiao",
    "cifar10": "Krizhevsky",
    "dungeon-tiles": "Dungeon Crawl Stone Soup",
}

# images that the samples are compared with, and unseen ones that the floor is of
IMAGES = {
    "mnist": (60_000, 10_000),
    "fashion-mnist": (60_000, 10_000),
    "cifar10": (50_000, 1_000),
    "dungeon-tiles": (3_200, 635),
}

each_bundled = pytest.mark.parametrize("directory", BUNDLED, ids=lambda directory: directory.name)


@each_bundled
def test_a_bundled_checkpoint_is_what_the_catalogue_says(directory: Path) -> None:
    offered = installed().checkpoints[directory.name]
    assert offered.bundled is not None and offered.bundled.resolve() == directory.resolve()
    assert {name: files.sha256(directory / name) for name in offered.sha256} == dict(offered.sha256)
    facts, config = folder.read_facts(directory), folder.read_config(directory)
    assert (offered.model, offered.dataset) == (config["model"], facts["dataset"])
    assert (offered.parameters, offered.license) == (facts["parameters"], facts["license"])
    assert offered.num_classes == config["config"]["num_classes"]


@each_bundled
def test_a_bundled_checkpoint_is_small_and_holds_only_files_of_the_layout(directory: Path) -> None:
    names = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert names - {"training.safetensors"} - {f"images/{name}" for name in cards.PICTURES} == {
        "config.json", "facts.json", "model.safetensors", "README.md", "images/samples.png",
    }  # fmt: skip
    assert files.size(directory / "model.safetensors") <= 8_000_000


def test_all_cards_together_stay_under_85_mb() -> None:
    assert files.size(BUNDLED[0].parent) <= 85_000_000


@each_bundled
def test_its_card_is_in_step_with_its_facts(directory: Path) -> None:
    card = (directory / "README.md").read_text()
    assert card == cards.made_of(directory, folder.read_facts(directory))
    # beside the published results, which are by another network
    assert any(cards.own_text(card)) == (directory.name == "gan-cifar10")


@each_bundled
def test_its_card_says_what_a_reader_needs(directory: Path) -> None:
    card = (directory / "README.md").read_text()
    facts = folder.read_facts(directory)
    for needed in (
        f"zoo pull {directory.name} && zoo sample",
        facts["command"],
        facts["hardware"],
        "| Seed |",
        "| Duration |",
        "## Limits",
        "- Weights: apache-2.0",
        f"- Data set {facts['dataset']}",
        installed().datasets[facts["dataset"]].license,
        "https://arxiv.org/abs/",
        AUTHORS[facts["dataset"]],
    ):
        assert needed in card
    assert "More Information Needed" not in card


@each_bundled
def test_its_numbers_are_of_10_000_samples_by_the_features_that_ship_beside_real_test_images(
    directory: Path,
) -> None:
    assert (SAMPLES, SEED, IMPORTANCE_SAMPLES) == (
        10_000,
        0,
        500,
    )  # what zoo evaluate takes unless told otherwise
    facts = folder.read_facts(directory)
    found = [one for one in recorded(facts) if one.extractor]
    meant = installed().features_for(facts["dataset"])
    shipped = {meant.name if meant else "imagenet-lite"}
    # what it had to reach was asked for by these
    shipped |= {"imagenet-lite"} if directory.name == "gan-cifar10" else set()
    assert {(one.extractor, one.extractor_sha256) for one in found} == {
        (name, load_features(name).sha256) for name in shipped
    }
    assert {(one.n, one.seed) for one in found} == {(SAMPLES, SEED)}
    trained_on, unseen = IMAGES[facts["dataset"]]
    assert {(one.reference, one.split, one.reference_n) for one in found} == {
        (facts["dataset"], "train", trained_on)
    }
    assert {one.floor_n for one in found} == {unseen}
    assert all(one.floor is not None for one in found)


@pytest.mark.parametrize(
    ("name", "metric", "importance_samples", "least", "most"),
    [
        ("vae-mnist", "nll", 5_000, 0, 84.5),
        ("conv-vae-mnist", "nll", 500, 0, 81.5),
        (
            "vae-mnist-2d",
            "nll",
            500,
            0,
            543,
        ),  # what a coin for each pixel has: it has only to be reported
        ("gan-mnist", "classes_reached", None, 10, 10),
        ("gan-mnist", "class_kl", None, 0, 0.05),
        ("gan-mnist", "frechet_distance", None, 0, 23.9),  # that of the VAE of most tutorials
        (
            "dcgan-mnist",
            "frechet_distance",
            None,
            0,
            1.77 / 2,
        ),  # of the paper's recipe: same networks, 20 epochs
        ("dcgan-mnist", "precision", None, 0.8, 1),
        ("dcgan-mnist", "recall", None, 0.8, 1),
        ("cdcgan-mnist", "label_accuracy", None, 0.98, 1),
        ("cvae-mnist", "label_accuracy", None, 0.98, 1),
        ("cdcgan-fashion-mnist", "label_accuracy", None, 0.9, 1),
        ("cdcgan-fashion-mnist", "precision", None, 0.8, 1),
    ],
)
def test_a_bundled_checkpoint_is_as_good_as_it_has_to_be(
    name: str, metric: str, importance_samples: int | None, least: float, most: float
) -> None:
    facts = folder.read_facts(BUNDLED[0].parent / name)
    (found,) = (
        one
        for one in recorded(facts)
        if (one.metric, one.importance_samples) == (metric, importance_samples)
        and (one.reference_n == 10_000 or one.extractor)
    )
    assert least <= found.value <= most
    assert found.extractor or found.binarised


def test_the_card_of_two_latents_shows_their_plane() -> None:
    assert "(images/manifold.png)" in (BUNDLED[0].parent / "vae-mnist-2d" / "README.md").read_text()


@each_bundled
def test_its_pictures_say_which_checkpoint_they_are_of_as_a_command_would(directory: Path) -> None:
    made = {path.stem: provenance.read(path) for path in (directory / "images").glob("*.png")}
    of_it = files.sha256(directory / "model.safetensors")
    assert {one["checkpoint"] for name, one in made.items() if name != "nearest"} == {
        directory.name
    }
    assert made["nearest"]["sha256"] == of_it


@each_bundled
def test_its_picture_is_made_by_the_command_that_the_card_states(directory: Path) -> None:
    made = provenance.read(directory / "images" / "samples.png")
    assert made["command"] == folder.read_facts(directory)["samples_command"]
    assert made["sha256"] == files.sha256(directory / "model.safetensors")
    model = door.load(directory.name)
    classes = model.config.num_classes
    labels = torch.arange(made["n"]) % classes if classes else None
    samples = draw(model, made["n"], seed=made["seed"], labels=labels)
    if classes:  # a row of each
        samples = samples.unflatten(0, (-1, classes)).transpose(0, 1).flatten(0, 1)
    again = images.grid(samples, columns=made["n"] // classes if classes else 8)
    with Image.open(directory / "images" / "samples.png") as picture:
        off = max(abs(a - b) for a, b in zip(picture.tobytes(), again.tobytes(), strict=True))
    assert off <= 1  # rounding, on another machine


KEYS = {"library_name", "pipeline_tag", "license", "datasets", "tags", "thumbnail", "model-index"}


def refuse_what_the_hub_would(card: str) -> None:
    """The rules of the Hub, in the words it would refuse by, and what its own client reads of the
    card.
    """
    matter = front_matter(card.encode())
    assert problems(card) == [] and matter.keys() <= KEYS
    read = ModelCard(card, ignore_metadata_errors=False).data
    assert read.to_dict() | {"model-index": None} == matter | {"model-index": None}
    stated = [one for index in matter.get("model-index", []) for one in index["results"]]
    assert len(read.eval_results or []) == sum(len(one["metrics"]) for one in stated)
    for one in read.eval_results or []:
        assert one.task_type == "unconditional-image-generation" and one.dataset_split in (
            "train",
            "test",
        )
        assert one.metric_type in METRICS and math.isfinite(one.metric_value)
        assert one.metric_args["n"] >= FEWEST and one.metric_args["seed"] >= 0
        digest = one.metric_args.get("extractor_sha256", "")
        assert (
            (one.dataset_split == "train")
            == bool(one.metric_args.get("extractor"))
            == (len(digest) == 64)
        )


@each_bundled
def test_its_front_matter_keeps_the_rules_of_the_hub(directory: Path) -> None:
    card = (directory / "README.md").read_text()
    refuse_what_the_hub_would(card)
    matter, facts = front_matter(card.encode()), folder.read_facts(directory)
    config = folder.read_config(directory)
    hub_id = installed().datasets[facts["dataset"]].hub_id
    assert KEYS - {"model-index", "datasets"} <= matter.keys()
    assert matter["library_name"] == "genzoo"
    assert matter["pipeline_tag"] == "unconditional-image-generation"
    assert matter["license"] == "apache-2.0"
    # the tiles are on no Hub
    assert matter.get("datasets", []) == ([hub_id] if hub_id else [])
    assert (directory / matter["thumbnail"]).is_file()
    family = "gan" if "gan" in config["model"] else "vae"
    conditional = ["conditional-image-generation"] if config["config"]["num_classes"] else []
    assert matter["tags"] == [
        config["model"],
        family,
        facts["dataset"],
        "image-generation",
        *conditional,
    ]
    stated = [one for index in matter.get("model-index", []) for one in index["results"]]
    measured = [metric["value"] for one in stated for metric in one["metrics"]]
    assert sorted(measured) == sorted(one.rounded for one in recorded(facts))


@pytest.mark.parametrize("settings", [(), ("num_classes=10",)])
def test_a_fresh_card_keeps_the_rules_of_the_hub(
    settings: tuple[str, ...], trained: Callable[..., Path]
) -> None:
    directory = trained("mlp-vae", *settings)
    refuse_what_the_hub_would((directory / "README.md").read_text())
    facts = evaluated(directory)
    by_path = [
        json.loads(json.dumps(facts).replace("mnist", folder))
        for folder in ("/a b/ü ö", "./", "../digits")
    ]
    for renamed in (facts, cards.called(facts, "hf:you/it@dev/x"), *by_path):
        refuse_what_the_hub_would(cards.render(folder.read_config(directory), renamed))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("license: apache-2.0", "license: my own"),
        ("license: apache-2.0", "license: 2"),
        ("library_name:", "library_name: [a]\nlibrary:"),
        ("tags:\n", "tags:\n- 1\n"),
        ("- ylecun/mnist\n", "- a b/mnist\n"),
        ("type: ylecun/mnist", "type: ./mnist"),
        ("      name: mnist\n", ""),
        ("value:", "worth:"),
        ("- task:\n      type:", "- task:\n      kind:"),
        ("model-index:\n- name:", "model-index:\n- names:"),
    ],
)
def test_the_rules_of_the_hub_refuse_what_breaks_them(
    broken: str, said: str, trained: Callable[[str], Path]
) -> None:
    directory = trained("mlp-vae")
    card = cards.render(
        folder.read_config(directory), {**evaluated(directory), "license": "apache-2.0"}
    )
    assert problems(card) == [] and broken in card
    assert problems(card.replace(broken, said)) != []


def test_what_is_unknown_is_left_out(trained: Callable[[str], Path]) -> None:
    config = folder.read_config(trained("mlp-vae"))
    card = cards.render(config, {"name": "bare"})
    assert (
        "None" not in card
        and "images/samples.png" not in card
        and "## Training" not in card
        and "## Licences" not in card
    )
    assert set(front_matter(card.encode())) == {"library_name", "tags"}
    card = cards.render(
        {**config, "model": "of-nobody"},
        {"evaluations": evaluated(trained("mlp-vae"))["evaluations"]},
    )
    assert card.count("# of-nobody") == 1 and front_matter(card.encode())["tags"] == ["of-nobody"]
    for nowhere in (
        "trained on",
        "unnamed",
        "this checkpoint",
        "zoo sample",
        "zoo evaluate",
        "zoo.load",
        "()",
    ):
        assert nowhere not in card


def test_a_card_of_data_without_a_licence_says_so_and_cites_their_authors(
    trained: Callable[[str], Path],
) -> None:
    directory = trained("mlp-vae")
    facts = {**folder.read_facts(directory), "dataset": "cifar10"}
    card = cards.render(folder.read_config(directory), facts)
    assert "- Data set cifar10 (https://www.cs.toronto.edu/~kriz/cifar.html): no licence" in card
    assert "A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. 2009." in card


def test_a_conditional_checkpoint_is_tagged_so(trained: Callable[..., Path]) -> None:
    card = (trained("mlp-vae", "num_classes=10") / "README.md").read_text()
    tags = front_matter(card.encode())["tags"]
    assert isinstance(tags, list) and "conditional-image-generation" in tags


def test_a_trained_checkpoint_gets_a_card_that_repeats_its_command(
    trained: Callable[[str], Path],
) -> None:
    directory = trained("dcgan")
    assert front_matter((directory / "README.md").read_bytes())["tags"] == [
        "dcgan",
        "gan",
        "mnist",
        "image-generation",
    ]
    command = json.loads((directory / "facts.json").read_text())["command"]
    assert command.startswith("zoo train dcgan --name tiny-dcgan") and command.endswith("--seed 0")
    assert f"```\n{command}\n```" in (directory / "README.md").read_text()


def evaluated(directory: Path) -> dict[str, object]:
    """The facts of a checkpoint with results: a distance and a likelihood of the usual kind."""
    usual: dict[str, object] = {"seed": 0, "reference": "mnist", "reference_sha256": "a" * 64}
    over_features = {
        "split": "train",
        "reference_n": 60_000,
        "extractor": "digits",
        "extractor_sha256": "b" * 64,
    }
    of_images = {
        "split": "test",
        "reference_n": 10_000,
        "binarised": False,
        "unit": "nats per image",
    }
    records = [
        {"metric": "frechet_distance", "value": 12.345, "standard_error": 0.46, "n": 5_000, "floor": 0.987,
         "floor_n": 5_000, **usual, **over_features},
        {"metric": "recall", "value": 0.5, "standard_error": 0.01, "n": 5_000, "floor": 0.75,
         "floor_n": 5_000, **usual, **over_features},
        {"metric": "nll", "value": 96.18, "standard_error": 0.27, "n": 10_000, "importance_samples": 500,
         "family": "Bernoulli", **usual,
         **of_images},
        {"metric": "kl", "value": 3.5, "n": 10_000, "values": [2.25, 1.25], **usual, **of_images},
    ]  # fmt: skip
    return {**folder.read_facts(directory), "evaluations": records}


def test_the_numbers_of_a_card_have_their_errors_their_floor_and_what_they_depend_on(
    trained: Callable[[str], Path],
) -> None:
    directory = trained("mlp-vae")
    card = cards.render(folder.read_config(directory), evaluated(directory))
    for needed in (
        "5,000 samples, seed 0, against the 60,000 training images of mnist (sha256 "
        "`aaaaaaaaaaaa…`)",
        "by the features digits (sha256 `bbbbbbbbbbbb…`)",
        " --seed 0 -n 5000 --features digits\n```",
        " --seed 0 -k 500 --test-images 10000\n```",
        "The floor is the same of 5,000 test images in place of the samples.",
        "| Fréchet distance ↓ | 12.35 ± 0.46 | 0.99 |",
        "| Recall ↑ | 0.500 ± 0.010 | 0.750 |",
        "10,000 test images of mnist (sha256 `aaaaaaaaaaaa…`), seed 0; pixels grey as they are",
        "| Negative log-likelihood (Bernoulli, K = 500, grey pixels, 10,000 images) ↓ | 96.18 ± "
        "0.27 nats per image |",
        "of each latent dimension: 2.25, 1.25.",
    ):
        assert needed in card, needed


def test_a_folder_called_like_a_data_set_gets_none_of_its_licence_and_its_command_names_it(
    trained: Callable[[str], Path],
) -> None:
    directory = trained("mlp-vae")
    facts = json.loads(json.dumps(evaluated(directory)).replace('"mnist"', '"./mnist"'))
    card = cards.render(folder.read_config(directory), facts)
    assert (
        "datasets" not in front_matter(card.encode())
        and "cc-by-sa-3.0" not in card
        and "LeCun" not in card
    )
    assert (
        "trained on ./mnist" in card
        and " --data ./mnist --seed 0 -n 5000 --features digits\n" in card
    )


@pytest.mark.parametrize(
    "strange",
    [
        {"seconds": "x", "command": "c"},
        {"parameters": "many"},
        {"versions": [], "command": "c"},
        {"history": {}, "command": "c", "recipe": []},
        {"history": [7], "command": "c"},
        {"name": []},
        {"dataset": ["mnist"]},
    ],
)
def test_strange_facts_are_refused_in_words(
    strange: dict[str, object], trained: Callable[[str], Path]
) -> None:
    with pytest.raises(CheckpointError, match=r"facts\.json is not of the zoo's form"):
        cards.render(folder.read_config(trained("mlp-vae")), strange)


def test_a_card_says_what_was_held_out_and_how_long_it_took(trained: Callable[[str], Path]) -> None:
    config = folder.read_config(trained("mlp-vae"))
    history = [{"losses": {"model": 2.0}, "held_out": {"model": 3.0}}]  # as version 0.1.0 wrote it
    for seconds, said in ((0.0, "1 second"), (7.4, "7 seconds"), (90, "1.5 minutes")):
        card = cards.render(
            config, {"command": "zoo train", "seconds": seconds, "history": history}
        )
        assert (
            f"| Duration | {said} |" in card and "| Losses on what was held out | loss 3 |" in card
        )


def test_what_an_author_wrote_stays_when_the_card_is_made_anew(
    trained: Callable[[str], Path], tmp_path: Path
) -> None:
    directory = shutil.copytree(trained("mlp-vae"), tmp_path / "mine")
    card = directory / "README.md"
    matter, body = card.read_text().split(cards.BEGIN)
    mine = (
        f"{matter}> Do not feed.\n\n{cards.BEGIN}{body}\n## Why I made it\n\nFor the love of "
        "digits.\n"
    )
    card.write_text(mine.replace("samples of shape", "specimens of shape"))
    for _ in range(2):
        cards.write(directory)
        assert card.read_text() == mine


def test_a_card_that_the_zoo_did_not_make_stays_whole_below_its_own(
    trained: Callable[[str], Path], tmp_path: Path
) -> None:
    directory = shutil.copytree(trained("mlp-vae"), tmp_path / "mine")
    card = directory / "README.md"
    made = card.read_text()
    card.write_text("---\ntags: [old]\n---\n# My model\n")
    for _ in range(2):
        cards.write(directory)
        assert card.read_text() == f"{made}\n# My model\n"


def test_a_card_that_is_no_text_is_refused(trained: Callable[[str], Path], tmp_path: Path) -> None:
    directory = shutil.copytree(trained("mlp-vae"), tmp_path / "mine")
    (directory / "README.md").write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointError, match=r"README\.md can't be read"):
        cards.write(directory)


@pytest.mark.parametrize(
    ("maker", "said"),
    [
        ("genzoo", "pip install genzoo\n"),
        ("zoo-blobs", "pip install genzoo zoo-blobs\n"),
        ("x; rm -r .", "genzoo\n"),
    ],
)
def test_a_card_says_which_packages_its_checkpoint_needs(
    maker: str, said: str, trained: Callable[[str], Path]
) -> None:
    config = {
        **folder.read_config(trained("mlp-vae")),
        "made_by": {"distribution": maker, "version": "1"},
    }
    assert said in cards.render(config, {})


def test_a_training_without_a_whole_epoch_has_a_card(trained: Callable[[str], Path]) -> None:
    card = cards.render(
        folder.read_config(trained("mlp-vae")), {"command": "zoo train", "history": []}
    )
    assert "## Training" in card and "Losses" not in card


def test_the_hub_reads_the_evaluations_from_the_front_matter(
    trained: Callable[[str], Path],
) -> None:
    directory = trained("mlp-vae")
    results = ModelCard(
        cards.render(folder.read_config(directory), evaluated(directory))
    ).data.eval_results
    assert results is not None and len(results) == 4
    distance, _, likelihood, _ = results
    assert (distance.metric_type, distance.metric_value, distance.dataset_type) == (
        "frechet_distance", 12.35, "ylecun/mnist",
    )  # fmt: skip
    assert (
        distance.dataset_split == "train" and distance.metric_args["extractor_sha256"] == "b" * 64
    )
    assert (
        likelihood.metric_name
        == "Negative log-likelihood (Bernoulli, K = 500, grey pixels, 10,000 images)"
    )
    assert likelihood.dataset_split == "test"


def test_a_card_shows_the_pictures_that_are_there_in_their_order(
    trained: Callable[[str], Path], tmp_path: Path
) -> None:
    config = folder.read_config(trained("mlp-vae"))
    (tmp_path / "images").mkdir()
    for name in ("traversal.png", "nearest.png", "samples.png", "holiday.png"):
        (tmp_path / "images" / name).touch()
    shown = cards.pictures_in(tmp_path)
    assert shown == ("nearest.png", "traversal.png")
    card = cards.render(config, {}, shown)
    assert (
        card.index("(images/nearest.png)") < card.index("(images/traversal.png)")
        and "holiday" not in card
    )
    assert "## Pictures" not in cards.render(config, {})


def test_a_card_of_strange_evaluations_is_refused(trained: Callable[[str], Path]) -> None:
    with pytest.raises(CheckpointError, match=r"evaluations\[0\]: Unknown field 'score'"):
        cards.render(folder.read_config(trained("mlp-vae")), {"evaluations": [{"score": 1}]})
