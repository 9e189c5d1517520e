"""zoo evaluate: how good a checkpoint is, in numbers that say how they came about."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.checkpoints import (
    CARD,
    FACTS,
    FEWEST,
    IMPORTANCE_SAMPLES,
    SAMPLES,
    SEED,
    WEIGHTS,
    Evaluation,
    Store,
    is_path,
    merged,
    read_facts,
    recorded,
)
from zoo.cli.console import command, note, open_store, print_json, print_table, track
from zoo.cli.options import as_json, complete_checkpoints, complete_datasets, device_option
from zoo.cli.sample import load, names_of_classes
from zoo.common import files
from zoo.common.errors import (
    CapabilityError,
    ConfigError,
    NotFoundError,
    OutputError,
    choose_from,
    counted,
)
from zoo.registry import installed

if TYPE_CHECKING:
    from zoo.data import Dataset, Extractor
    from zoo.models import GenerativeModel

SHOWN = 16  # samples with their nearest training images, and images with their reconstructions

MEASURING = (  # the options of whatever measures, in the order of its --help
    click.option(
        "--data",
        shell_complete=complete_datasets,
        help="Name, or ./FOLDER; what it was trained on unless given.",
    ),
    click.option(
        "-n", "n", type=click.IntRange(FEWEST), help="Samples to draw; 10,000 unless given."
    ),
    click.option(
        "--seed", type=click.IntRange(0, 2**63 - 1), help="Of everything random; 0 unless given."
    ),
    click.option("--features", help="Features by name; those meant for the data unless given."),
    click.option("--weights", type=click.Path(path_type=Path), help="Safetensors of the features."),
    click.option(
        "-k",
        "--importance-samples",
        type=click.IntRange(1),
        help="Latents an image for the likelihood; 500 unless given.",
    ),
    click.option(
        "--data-root",
        type=click.Path(path_type=Path),
        help="Folder that holds the data; else ZOO_DATA.",
    ),
    device_option,
    as_json,
)


def measuring(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of whatever measures."""
    for option in reversed(MEASURING):
        function = option(function)
    return function


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@measuring
@click.option(
    "--test-images",
    type=click.IntRange(1),
    help="Test images for the likelihood, chosen by the seed; all unless given.",
)
@click.option(
    "--write", is_flag=True, help="Keep the results in the checkpoint's facts.json and card."
)
def evaluate(
    reference: str,
    data: str | None,
    n: int | None,
    seed: int | None,
    features: str | None,
    weights: Path | None,
    importance_samples: int | None,
    test_images: int | None,
    write: bool,
    data_root: Path | None,
    device: str,
    json_: bool,
) -> None:
    """Measure REF: its samples against the training images, by their features, and the likelihood
    of test images.

    The floor is what real test images, chosen by the seed, get in place of the samples. A VAE's
    likelihood is a bound, by importance sampling. Distances are of images: of other samples the
    likelihood alone is measured. The same command gives the same numbers on one machine."""
    store = open_store()
    directory = store.find(reference)
    if write:
        refuse_foreign(store, reference)
    data = data or trained_on(reference, directory)
    name = name_of_features(features, data)
    model = load(directory, device)
    if write:  # refuse what can't be written before anything is measured
        from zoo.checkpoints import card as cards

        cards.made_of(directory, read_facts(directory))
        files.refuse_unwritable(directory / FACTS)
    train, test = read_data(data, data_root, model)
    extractor = load_extractor(name, weights, device, model, data)
    results = measure(
        reference,
        model,
        train,
        test,
        extractor,
        n=n or SAMPLES,
        seed=SEED if seed is None else seed,
        importance_samples=importance_samples or IMPORTANCE_SAMPLES,
        test_images=test_images,
        class_names=names_of_classes(directory) or None,
    )
    if json_:
        print_json({"name": reference, "evaluations": [one.to_dict() for one in results]})
    else:
        rows = [(one.title, one.text, one.floor_text, one.unit) for one in results]
        print_table(("METRIC", "VALUE", "FLOOR", "UNIT"), rows)
        for one in results:
            if one.values:
                values = " ".join(f"{value:.2f}" for value in one.values)
                click.echo(
                    f"\n{one.title}, of each dimension, the largest first, 64 at most: {values}"
                )
    if write:
        keep(directory, model, train, test, results)
        note(f"Kept in {directory / FACTS} and its card.")


def trained_on(reference: str, directory: Path) -> str:
    """The data set that a checkpoint's facts name."""
    name = read_facts(directory).get("dataset")
    if not isinstance(name, str) or name not in installed().datasets:
        known = f": no plugin offers {name[:80]!r}" if isinstance(name, str) else ""
        raise ConfigError(
            f"Say what {reference} is to be measured against{known}. Use --data NAME "
            f"({', '.join(installed().datasets) or 'none offered'}) or --data ./FOLDER"
        )
    return name


def name_of_features(asked: str | None, data: str) -> str | None:
    """The features to compare by: those asked for, else those meant for the data; None when there
    are none.
    """
    offered = installed().features
    if asked is not None and asked not in offered:
        raise NotFoundError(
            f"No installed plugin offers features {asked!r}.{choose_from(asked, offered)}"
        )
    meant = installed().features_for(data)
    return asked or (meant.name if meant else None)


def read_data(
    reference: str, root: Path | None, model: "GenerativeModel[Any]"
) -> tuple["Dataset", "Dataset | None"]:
    """The training images and the test images; a folder has none of the latter."""
    from zoo.data import load_dataset

    shape = model.config.sample_shape
    train = load_dataset(reference, root=root, sample_shape=shape)
    if reference not in installed().datasets:
        note(
            f"{reference} is a folder, which has no test images: there is no floor, and no "
            "likelihood."
        )
        return train, None
    if (own := tuple(installed().datasets[reference].sample_shape)) != tuple(shape):
        note(f"{reference} is scaled from {own} to {tuple(shape)}, which the model takes.")
    return train, load_dataset(reference, root=root, split="test", sample_shape=shape)


def load_extractor(
    name: str | None, weights: Path | None, device: str, model: "GenerativeModel[Any]", data: str
) -> "Extractor | None":
    """The features' network; None, with a note, when there is a likelihood only, for want of
    features or of images.
    """
    from zoo.common.compute import pick_device
    from zoo.data import load_features
    from zoo.evaluation import has_likelihood

    if model.sample_kind != "image":
        if not has_likelihood(model):
            raise CapabilityError(
                "Distances are of images, which its samples are not, and it has no likelihood."
            )
        note("Distances are of images, which its samples are not. Only the likelihood is measured.")
        return None
    if name is not None:
        return load_features(name, weights, pick_device(device))
    words = (
        f"No features are meant for {data}: name some with --features "
        f"({', '.join(installed().features) or 'none'})."
    )
    if not has_likelihood(model) or data not in installed().datasets:  # a folder has no test images
        raise ConfigError(words)
    note(f"{words} Only the likelihood is measured.")
    return None


def measure(
    reference: str,
    model: "GenerativeModel[Any]",
    train: "Dataset",
    test: "Dataset | None",
    extractor: "Extractor | None",
    *,
    n: int,
    seed: int,
    importance_samples: int,
    class_names: Sequence[str] | None,
    test_images: int | None = None,
) -> list[Evaluation]:
    """Evaluate a model, saying on standard error what is done and how long the likelihood will
    take.
    """
    from zoo.evaluation import evaluator, likelihood

    if extractor is not None:
        note(
            f"{n:,} samples of {reference}, seed {seed}, against "
            f"{counted(len(train), 'training image')} of "
            f"{train.name}, by the features {extractor.name} (sha256 {extractor.sha256[:12]})."
            + (
                " Its classes are drawn evenly, whatever those of the images."
                if model.config.num_classes
                else ""
            )
        )
        if test is not None:
            note(f"The floor is the same of {_told(n, test)}, in place of the samples.")
    if not likelihood.shares_classes(model, test or train, class_names):
        note(
            f"The classes of {reference} are not those of {train.name}: whether samples show the "
            "class asked for, and "
            f"a likelihood, are left out."
        )
    elif test is not None and likelihood.has_likelihood(model):
        some = evaluator.some(test, test_images, seed)
        seconds = likelihood.seconds(model, some, importance_samples=importance_samples, seed=seed)
        about = f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{max(seconds, 2):.0f} seconds"
        noun, binarised = (
            "image" if model.sample_kind == "image" else "sample",
            likelihood.binarises(model),
        )
        pixels = (
            f"binarised with seed {seed}"
            if binarised
            else "as they are, grey (not to be compared with binarised)"
        )
        note(
            f"Likelihood of {_told(len(some), test, noun)}, "
            f"{f'pixels {pixels}, ' if noun == 'image' else ''}with "
            f"{counted(importance_samples, 'importance sample')} each: about {about}."
        )
    return evaluator.evaluate(
        model,
        train,
        test,
        extractor,
        n=n,
        seed=seed,
        importance_samples=importance_samples,
        test_images=test_images,
        class_names=class_names,
        watch=track,
    )


def _told(n: int, test: "Dataset", noun: str = "image") -> str:
    all_of_them = counted(len(test), f"test {noun}")
    return f"{n:,} of {all_of_them}, chosen by the seed" if n < len(test) else all_of_them


def refuse_foreign(store: Store, reference: str) -> None:
    """Raise `OutputError` for a checkpoint whose files are not the user's to change."""
    if is_path(reference):
        return
    state = store.entry(reference).state
    if state != "trained":
        raise OutputError(
            f"--write changes files of a checkpoint, but {reference} is {state}: its files are its "
            "publisher's. Name a "
            f"directory of your own by its path, such as ./cards/{reference.rpartition('/')[2]}, "
            "or leave --write out."
        )


def keep(
    directory: Path,
    model: "GenerativeModel[Any]",
    train: "Dataset",
    test: "Dataset | None",
    results: Sequence[Evaluation],
) -> None:
    """Put results into facts.json and the card, and, of images, pictures into their folder."""
    from zoo.checkpoints import card as cards

    facts = read_facts(directory)
    facts["evaluations"] = [one.to_dict() for one in merged(recorded(facts), results)]
    if model.sample_kind == "image":
        name = facts.get("name")
        own = facts.get("reference") or (name if name in installed().checkpoints else directory)
        _draw(directory, model, train, test, str(own), results[0].seed)
    card = cards.made_of(directory, facts)
    files.write_json(directory / FACTS, facts)
    files.write_text(directory / CARD, card)


def _draw(
    directory: Path,
    model: "GenerativeModel[Any]",
    train: "Dataset",
    test: "Dataset | None",
    reference: str,
    seed: int,
) -> None:
    """Pictures of what the model can do and has learnt by heart."""
    from zoo.evaluation import likelihood, nearest
    from zoo.sampling import images, pictures, sampler

    picture = nearest.picture(sampler.draw(model, SHOWN, seed=seed), train.samples)
    made = {
        "sha256": files.sha256(directory / WEIGHTS),
        "n": SHOWN,
        "seed": seed,
        "reference": train.name,
    }
    images.save_png(picture, directory / "images" / "nearest.png", {**made, "picture": "nearest"})
    unseen = (test or train).part(slice(SHOWN))
    fit = likelihood.shares_classes(model, unseen, names_of_classes(directory) or None)
    pictures.write_all(
        model,
        directory,
        {"checkpoint": reference},
        samples=unseen.samples[:] if fit else None,
        labels=unseen.labels,
    )
