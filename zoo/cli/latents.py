"""zoo reconstruct, zoo interpolate: what models with latents can do."""

import secrets
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from zoo.checkpoints import WEIGHTS, Store, read_facts
from zoo.cli.console import command, note, open_store, print_json, show_preview
from zoo.cli.options import as_json, complete_checkpoints, device_option, label_option, seed_option
from zoo.cli.sample import load, model_name, names_of_classes, numbers_of
from zoo.common import files
from zoo.common.errors import CapabilityError, ConfigError, LabelError, OutputError, counted
from zoo.registry import installed


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.argument("images", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-n", "n", type=click.IntRange(1), default=16, help="How many test images, when none are named."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("reconstructions.png"),
    help="A .png.",
)
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder of the data set, when no images are named.",
)
@label_option
@device_option
@as_json
def reconstruct(
    reference: str,
    images: tuple[Path, ...],
    n: int,
    output: Path,
    data_root: Path | None,
    labels: tuple[str, ...],
    device: str,
    json_: bool,
) -> None:
    """Encode and decode IMAGES (else test images of the checkpoint's data): rows of originals above
    their copies.
    """
    store = open_store()
    directory = store.find(reference)
    _refuse_incapable(store, reference, directory, "encode")
    _refuse_suffix(output, ".png")
    model: Any = load(directory, device)

    import torch

    from zoo.data import load_images
    from zoo.sampling import pictures, save_png

    class_names, classes = names_of_classes(directory), model.config.num_classes
    asked = numbers_of(labels, class_names, classes)
    if images:
        samples = load_images(images, model.config.sample_shape)
        if classes and len(asked) != len(images):
            raise LabelError(
                f"{reference} is conditional: give a --label for each of "
                f"{counted(len(images), 'image')}."
            )
        given = torch.tensor(asked) if classes else None
    elif labels:
        raise LabelError(
            "--label goes with images that you name: test images have labels of their own."
        )
    else:
        samples, given = _test_images(directory, model, n, data_root)
    made = _made(reference, directory, n=len(samples))
    save_png(pictures.reconstructions(model, samples, given), output, made)
    _report(
        output,
        made,
        f"{counted(len(samples), 'image')} above reconstructions by {reference}, in {output}",
        json_,
    )


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.option("-n", "n", type=click.IntRange(1), default=8, help="How many lines.")
@click.option(
    "--steps",
    type=click.IntRange(2),
    help="Points on each line; 8 for a .png, 30 for a .gif unless given.",
)
@seed_option
@label_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("interpolation.png"),
    help="A .png or a .gif.",
)
@device_option
@as_json
def interpolate(
    reference: str,
    n: int,
    steps: int | None,
    seed: int | None,
    labels: tuple[str, ...],
    output: Path,
    device: str,
    json_: bool,
) -> None:
    """Walk straight lines between latents: line k goes from the latent of sample 2k of the seed to
    that of 2k + 1.
    """
    store = open_store()
    directory = store.find(reference)
    _refuse_incapable(store, reference, directory, "decode")
    _refuse_suffix(output, ".png", ".gif")
    model: Any = load(directory, device)

    import torch

    from zoo.sampling import images, pictures

    if model.sample_kind != "image":
        raise OutputError(f"The samples of {reference} are no images: there is nothing to show.")
    asked = numbers_of(labels, names_of_classes(directory), model.config.num_classes)
    seed = secrets.randbelow(2**32) if seed is None else seed
    steps = steps or (30 if output.suffix == ".gif" else 8)
    given = torch.tensor(asked)[torch.arange(n) % len(asked)] if asked else None
    made = _made(reference, directory, n=n, steps=steps, seed=seed)
    if output.suffix == ".gif":
        lines = pictures.walk(model, seed, n, steps, given)
        frames = [images.grid(lines[:, step]) for step in range(steps)]
        images.save_gif([*frames, *frames[-2:0:-1]], output)
    else:
        images.save_png(pictures.interpolation(model, seed, n, steps, given), output, made)
    lines_of = f"{counted(n, 'line')} of {steps} steps"
    _report(
        output,
        made,
        f"{lines_of} through the latents of {reference}, seed {seed}, in {output}",
        json_,
    )


def _test_images(directory: Path, model: Any, n: int, root: Path | None) -> tuple[Any, Any]:
    from zoo.data import load_dataset

    name = read_facts(directory).get("dataset")
    if not isinstance(name, str) or name not in installed().datasets:
        raise ConfigError(
            f"Name the images to reconstruct: no plugin offers the data set {str(name)[:80]!r}."
        )
    data = load_dataset(name, root=root, split="test", sample_shape=model.config.sample_shape)
    labels = data.labels[:n] if data.labels is not None and model.config.num_classes else None
    return data.samples[:n], labels


def _refuse_incapable(store: Store, reference: str, directory: Path, capability: str) -> None:
    """Say which models can, before torch is imported."""
    models = installed().models
    spec = models.get(model_name(directory))
    if spec and capability not in spec.capabilities:
        able = sorted(name for name, other in models.items() if capability in other.capabilities)
        ready = [
            entry.name
            for entry in store.entries()
            if entry.checkpoint and entry.checkpoint.model in able
        ]
        verb = {"encode": "encode images", "decode": "decode latents"}[capability]
        raise CapabilityError(
            f"{reference} is a {spec.name}, which can't {verb}. Models that can: {', '.join(able)}"
            + (f"; checkpoints: {', '.join(ready)}." if ready else ".")
        )


def _refuse_suffix(output: Path, *suffixes: str) -> None:
    if output.suffix not in suffixes:
        raise OutputError(f"{output} must end in {' or '.join(suffixes)}.")


def _made(
    reference: str, directory: Path, *, seed: int | None = None, **numbers: int
) -> dict[str, Any]:
    """How a picture is made, as its PNG records it."""
    numbers |= {} if seed is None else {"seed": seed}
    made = {"checkpoint": reference, "sha256": files.sha256(directory / WEIGHTS), **numbers}
    return {**made, "version": version("genzoo"), "command": _command(seed)}


def _command(seed: int | None = None) -> str:
    """The command line that was typed, with the seed that was drawn."""
    context = click.get_current_context()
    words = ["zoo", str(context.info_name)]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if isinstance(parameter, click.Argument):
            words += [str(one) for one in (value if isinstance(value, tuple) else (value,))]
        elif parameter.name not in ("json_", "device", "data_root") and value not in (
            None,
            parameter.default,
            (),
        ):
            for one in value if isinstance(value, tuple) else (value,):
                words += [parameter.opts[0], str(one)]
    if seed is not None and context.params.get("seed") is None:
        words += ["--seed", str(seed)]
    return shlex.join(words)


def _report(output: Path, made: dict[str, Any], text: str, json_: bool) -> None:
    if json_:
        return print_json({"path": str(output), **made})
    note(text)
    if output.suffix == ".png":
        show_preview(output)
    return click.echo(output)
