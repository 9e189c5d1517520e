"""Cards: a function of config and facts; and the bundled ones are whole, in step, and what the catalogue says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image

import zoo as door
from zoo import cards, checkpoints, files, images, provenance, store
from zoo.registry import installed
from zoo.sampling import draw

BUNDLED = sorted((Path(__file__).parents[1] / "cards").iterdir())

each_bundled = pytest.mark.parametrize("directory", BUNDLED, ids=lambda directory: directory.name)


def front_matter(card: str) -> dict[str, object]:
    matter = yaml.safe_load(card.split("---\n")[1])
    assert isinstance(matter, dict)
    return matter


@each_bundled
def test_a_bundled_checkpoint_is_what_the_catalogue_says(directory: Path) -> None:
    offered = installed().checkpoints[directory.name]
    assert offered.bundled is not None and offered.bundled.resolve() == directory.resolve()
    assert {name: files.sha256(directory / name) for name in offered.sha256} == dict(offered.sha256)
    facts, config = store.read_facts(directory), checkpoints.read_config(directory)
    assert (offered.model, offered.dataset) == (config["model"], facts["dataset"])
    assert (offered.parameters, offered.license) == (facts["parameters"], facts["license"])
    assert offered.num_classes == config["config"]["num_classes"]


@each_bundled
def test_a_bundled_checkpoint_is_small_and_holds_only_files_of_the_layout(directory: Path) -> None:
    names = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert names - {"training.safetensors"} == {
        "config.json", "facts.json", "model.safetensors", "README.md", "images/samples.png",
    }  # fmt: skip
    assert files.size(directory / "model.safetensors") <= 8_000_000


def test_all_cards_together_stay_under_40_mb() -> None:
    assert files.size(BUNDLED[0].parent) <= 40_000_000


@each_bundled
def test_its_card_is_in_step_with_its_facts(directory: Path) -> None:
    made = cards.render(checkpoints.read_config(directory), store.read_facts(directory))
    assert (directory / "README.md").read_text() == made


@each_bundled
def test_its_card_says_what_a_reader_needs(directory: Path) -> None:
    card = (directory / "README.md").read_text()
    facts = store.read_facts(directory)
    for needed in (
        f"zoo pull {directory.name} && zoo sample",
        facts["command"],
        facts["hardware"],
        "| Seed |",
        "| Duration |",
        "## Limits",
        "- Weights: apache-2.0",
        "- Data set mnist",
        "cc-by-sa-3.0",
        "https://arxiv.org/abs/",
        "LeCun",
    ):
        assert needed in card
    assert "More Information Needed" not in card


@each_bundled
def test_its_picture_is_made_by_the_command_that_the_card_states(directory: Path) -> None:
    made = provenance.read(directory / "images" / "samples.png")
    assert made["command"] == store.read_facts(directory)["samples_command"]
    assert made["sha256"] == files.sha256(directory / "model.safetensors")
    again = images.grid(draw(door.load(directory.name), made["n"], seed=made["seed"]))
    with Image.open(directory / "images" / "samples.png") as picture:
        off = max(abs(a - b) for a, b in zip(picture.tobytes(), again.tobytes(), strict=True))
    assert off <= 1  # rounding, on another machine


@each_bundled
def test_its_front_matter_is_what_the_hub_reads(directory: Path) -> None:
    matter = front_matter((directory / "README.md").read_text())
    assert matter["library_name"] == "genzoo"
    assert matter["pipeline_tag"] == "unconditional-image-generation"
    assert matter["license"] == "apache-2.0"
    assert matter["datasets"] == ["ylecun/mnist"]


def test_what_is_unknown_is_left_out(trained: Callable[[str], Path]) -> None:
    config = checkpoints.read_config(trained("mlp-vae"))
    card = cards.render(config, {"name": "bare"})
    assert (
        "None" not in card
        and "images/samples.png" not in card
        and "## Training" not in card
        and "## Licences" not in card
    )
    assert set(front_matter(card)) == {"library_name", "tags"}


def test_a_conditional_checkpoint_is_tagged_so(trained: Callable[..., Path]) -> None:
    card = (trained("mlp-vae", "num_classes=10") / "README.md").read_text()
    tags = front_matter(card)["tags"]
    assert isinstance(tags, list) and "conditional-image-generation" in tags


def test_a_trained_checkpoint_gets_a_card_that_repeats_its_command(trained: Callable[[str], Path]) -> None:
    directory = trained("dcgan")
    command = json.loads((directory / "facts.json").read_text())["command"]
    assert command.startswith("zoo train dcgan --name tiny-dcgan") and command.endswith("--seed 0")
    assert f"```\n{command}\n```" in (directory / "README.md").read_text()
