"""zoo sample: draw from a checkpoint."""

import secrets
import shlex
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.checkpoints import CONFIG, WEIGHTS, read_facts
from zoo.cli.console import command, note, open_store, print_json, show_preview, track
from zoo.cli.options import as_json, complete_checkpoints, device_option, label_option, seed_option
from zoo.common import files
from zoo.common.errors import ConfigError, LabelError, choose_from, counted

if TYPE_CHECKING:
    from zoo.models import GenerativeModel

PER_CLASS = 8  # samples in a row of a conditional model's default grid


@command()
@click.argument("reference", required=False, metavar="[REF]", shell_complete=complete_checkpoints)
@click.option(
    "-n",
    "n",
    type=click.IntRange(1),
    help="How many; 64 unless given (8 a class for a conditional model).",
)
@seed_option
@click.option(
    "--start", type=click.IntRange(0), default=0, help="Index of the first sample of the seed."
)
@label_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help=".png, .npz, .safetensors or a folder."
)
@click.option(
    "--batch-size", type=click.IntRange(1), help="Samples computed at once; 256 unless given."
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bf16"]),
    default="float32",
    help="bf16 is faster and coarser.",
)
@device_option
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Sample-time option of the model; repeatable.",
)
@as_json
def sample(
    reference: str | None,
    n: int | None,
    seed: int | None,
    start: int,
    labels: tuple[str, ...],
    output: Path | None,
    batch_size: int | None,
    precision: str,
    device: str,
    options: tuple[str, ...],
    json_: bool,
) -> None:
    """Draw samples from REF (the current checkpoint unless given) into samples.png, or where -o
    says.

    The suffix decides: .png is a grid, .npz and .safetensors are arrays, a folder gets one PNG a
    sample. Equal seeds give equal samples. `zoo show samples.png` says how a picture was made."""
    store = open_store()
    reference = reference or store.current()
    directory = store.find(reference)
    model = load(directory, device)
    path = output or Path("samples.png" if model.sample_kind == "image" else "samples.npz")
    seed = secrets.randbelow(2**32) if seed is None else seed
    made = draw_to(
        path,
        model,
        reference,
        directory,
        n=n,
        seed=seed,
        start=start,
        labels=labels,
        batch_size=batch_size,
        options=options,
        precision=precision,
    )
    if json_:
        return print_json({"path": str(path), **made})
    note(f"{counted(made['n'], 'sample')} of {reference}, seed {seed}, in {path}")
    if path.suffix == ".png":
        show_preview(path)
    return click.echo(path)


def load(directory: Path, device: str) -> "GenerativeModel[Any]":
    """The model of a checkpoint, on the device that `--device` says, in a process that is there to
    use it.
    """
    from zoo.checkpoints import weights
    from zoo.common import compute

    compute.keep_freed()
    return weights.read_model(directory, compute.pick_device(device))


def draw_to(
    path: Path,
    model: "GenerativeModel[Any]",
    reference: str,
    directory: Path,
    *,
    n: int | None = None,
    seed: int,
    start: int = 0,
    labels: Sequence[str] = (),
    batch_size: int | None = None,
    options: Sequence[str] = (),
    precision: str = "float32",
) -> dict[str, Any]:
    """Draw samples to a file; returns how they were made, as the file records it."""
    from zoo.common.compute import emulates_bf16
    from zoo.sampling import formats, sampler

    formats.check_path(path, model.sample_kind)
    class_names = names_of_classes(directory)
    asked = numbers_of(labels, class_names, model.config.num_classes) or list(
        range(model.config.num_classes)
    )
    n = n or (PER_CLASS * len(asked) if asked else 64)
    made = {
        "checkpoint": reference,
        "sha256": files.sha256(directory / WEIGHTS),
        "n": n,
        "seed": seed,
        "start": start,
        "labels": list(labels),
        "options": list(options),
        "precision": precision,
        "version": version("genzoo"),
        "command": shlex.join(
            ["zoo", "sample", reference, "-n", str(n), "--seed", str(seed)]
            + (["--start", str(start)] if start else [])
            + [word for label in labels for word in ("--label", label)]
            + [word for option in options for word in ("--set", option)]
            + (["--batch-size", str(batch_size)] if batch_size else [])
            + (["--precision", precision] if precision != "float32" else [])
            + ["-o", path.name]
        ),
    }
    batches = sampler.stream(
        model,
        n,
        seed=seed,
        start=start,
        labels=_in_turn(asked, start, n),
        batch_size=batch_size,
        options=_options(model, options),
        precision=precision,
    )
    if precision == "bf16" and emulates_bf16(model.device):
        note(
            f"This {model.device.type} has no instructions for bf16 and emulates it: float32 is "
            "likely faster here."
        )
    formats.write(
        path,
        track(batches, n, "Sampling"),
        n,
        made,
        sample_kind=model.sample_kind,
        class_names=class_names,
        classes_asked=len(asked),
    )
    return made


def numbers_of(labels: Sequence[str], class_names: Sequence[str], num_classes: int) -> list[int]:
    """Classes asked for by name or number, as numbers; raises `LabelError` for one that there
    isn't.
    """
    if labels and not num_classes:
        raise LabelError(
            "This checkpoint is unconditional: it takes no --label. Train another with --set "
            "num_classes=N"
        )
    numbers = []
    for label in labels:
        if label in class_names:
            numbers.append(list(class_names).index(label))
        elif label.isdecimal() and len(label) < 10 and int(label) < num_classes:
            numbers.append(int(label))
        else:
            known = class_names or [str(number) for number in range(num_classes)]
            raise LabelError(f"There is no class {label[:80]!r}.{choose_from(label[:80], known)}")
    return numbers


def names_of_classes(directory: Path) -> tuple[str, ...]:
    """What a conditional checkpoint's labels mean, as its facts say; empty when they don't."""
    names = read_facts(directory).get("class_names")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def model_name(directory: Path) -> str:
    """The model that a checkpoint names, read without torch."""
    return str(files.read_json(directory / CONFIG).get("model"))


def _in_turn(asked: Sequence[int], start: int, n: int) -> Any:
    """Sample i has the class asked[i mod len(asked)], whatever the start."""
    import torch

    if not asked:
        return None
    return torch.tensor(asked)[torch.arange(start, start + n) % len(asked)]


def _options(model: "GenerativeModel[Any]", texts: Sequence[str]) -> Any:
    from zoo.common.config import parse_assignments

    if model.Options is None:
        if texts:
            raise ConfigError(
                f"This model has no sample-time options: it takes no --set {texts[0]}"
            )
        return None
    (values,) = parse_assignments(texts, model.Options)
    return model.Options.from_dict(values)
