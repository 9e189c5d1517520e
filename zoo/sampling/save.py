"""Draw samples: to a tensor, or to a file that says how they were made."""

import io
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from zoo.checkpoints import Folder, find
from zoo.common import arguments
from zoo.common.errors import ConfigError, OutputError, counted
from zoo.common.watching import Watch
from zoo.common.words import either
from zoo.sampling import formats, request
from zoo.sampling.kinds import Kind
from zoo.sampling.request import Reference

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.models import GenerativeModel

# samples of each class in the default grid of a conditional model, and of another in all
PER_CLASS = 8
IN_ALL = 64
# how `output` names standard output
STDOUT = "-"

logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Written:
    """A file or folder that was written.

    **Arguments:**
    - `path`: where it is; None for standard output.
    - `made`: how it was made, as the file records it.
    - `rows`: how many rows of images a picture has.
    """

    path: Path | None
    made: Mapping[str, Any]
    rows: int = 1

    def to_dict(self) -> dict[str, Any]:
        """The path and the record as JSON values."""
        return {"path": str(self.path or STDOUT), **self.made}


def draw(
    model: "GenerativeModel[Any] | Reference",
    n: int | None = None,
    *,
    seed: int | None = None,
    start: int = 0,
    labels: Any = None,
    batch_size: int | None = None,
    options: Any = None,
    precision: str = "float32",
    truncation: float | None = None,
    device: str = "auto",
) -> "Tensor":
    """Draw samples of a model. Equal seeds give equal samples.

    **Arguments:**
    - `model`: what `zoo.load` returns, or a checkpoint's reference.
    - `n`: how many samples, at least 1. When it is left out, one for each of several labels, else
        64.
    - `seed`: any whole number from 0; a random one when it is left out.
    - `start`: index of the first sample. Sample i of a seed is the same, whatever `start` and `n`.
    - `labels`: for a conditional model, its class by number or name: one for all samples, or one
        for each. Lists, numpy arrays and tensors do. Classes are drawn at random when left out.
    - `batch_size`: samples computed at once; 256 unless given.
    - `options`: sample-time options by name, for a model that has some.
    - `precision`: "float32", or "bf16", which is faster on some hardware and coarser.
    - `truncation`: of a model with latents, what these are multiplied by, around the mean of the
        prior: less than 1 gives samples that are more alike, 0 gives the mean alone.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda": where to load a reference.

    **Returns:** samples on the CPU, `(n, *sample_shape)`: float32, images in [0, 1], audio in
    [-1, 1]; int64 for text, whose strings `model.render(samples)` gives.

    **Raises:** `ZooError` for whatever the arguments get wrong.
    """
    labels = None if labels is None else request.as_list(labels)
    if n is None:
        n = len(labels) if labels and len(labels) > 1 else IN_ALL
    n = arguments.whole("n", n, 1)
    if isinstance(model, str | os.PathLike | Folder):
        model = find(model)
        # refused here, where the checkpoint is known: the message can name another one
        labels = None if labels is None else request.class_numbers(labels, model)
    chosen, class_names = request.model_of(model, device)
    from zoo.sampling import sampler

    wanted = None
    if labels is not None:
        wanted = request.labels_of_all(labels, n, class_names, chosen.config.num_classes)
    given, _ = request.options_of(type(chosen), options)
    return sampler.draw(
        chosen,
        n,
        seed=request.seed_or_fresh(seed),
        start=start,
        labels=wanted,
        batch_size=batch_size,
        options=given,
        precision=precision,
        truncation=truncation,
    )


def sample(
    reference: Reference | None = None,
    output: "str | Path | BinaryIO | None" = None,
    *,
    n: int | None = None,
    seed: int | None = None,
    start: int = 0,
    labels: Any = (),
    batch_size: int | None = None,
    precision: str = "float32",
    truncation: float | None = None,
    device: str = "auto",
    threads: int | None = None,
    options: Any = (),
    columns: int | None = None,
    scale: int | None = None,
    format: str | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Written:
    """Draw samples of a checkpoint into a file or a folder, which says how they were made.

    **Arguments:**
    - `reference`: the checkpoint: its name, a path such as "./mine", or "hf:OWNER/REPO"; the
        current checkpoint unless given.
    - `output`: where to: `.png`, `.jpg` or `.webp` is a grid, `.npz` and `.safetensors` are
        arrays, `.txt` and `.jsonl` hold text, `.wav` holds audio, a name without suffix is a
        folder with a PNG or WAV for each sample, "-" is standard output; an open file does as
        well. samples.png unless given, samples.wav for audio, samples.npz for arrays; text is
        printed.
    - `n`: how many; 64 unless given, or 8 for each class of a conditional model.
    - `seed`: random unless given; the file records it.
    - `start`: index of the first sample of the seed.
    - `labels`: classes by name or number, which the samples take in turn.
    - `batch_size`: samples computed at once; 256 unless given.
    - `precision`: "float32", or "bf16", which is faster on some hardware and coarser.
    - `truncation`: of a model with latents, what these are multiplied by, around the mean of the
        prior: less than 1 gives samples that are more alike, 0 gives the mean alone.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `options`: sample-time options of the model, by name or as texts `name=value`.
    - `columns`: images in a row of a grid.
    - `scale`: how many times as wide and as high to draw each pixel of a grid.
    - `format`: of standard output or an open file: "npz" unless given, "txt" for text.
    - `force`: replace a file that the zoo did not write.
    - `watch`: gets the batches, `n` and what is being done, and passes the batches on: for a
        progress bar.

    **Returns:** where the samples are and how they were made.

    **Raises:** `ZooError`; what can be refused is refused before torch is imported.
    """
    folder = find(reference)
    kind = request.kind_of_folder(folder)
    request.class_numbers(labels, folder)
    if output is None and kind.prints:
        output = STDOUT
    target, suffix = _target(output, format, kind)
    if isinstance(target, Path):
        formats.check_path(target, kind.name)
        formats.refuse_foreign(target, force=force)
    elif kind.name not in formats.FORMATS[suffix].kinds:
        use = either(f"--format {kind.stream}", f"format='{kind.stream}'")
        what = {"text": "text", "audio": "audio", "image": "images"}.get(kind.name, "not images")
        raise OutputError(f"The samples of {folder.reference} are {what}: use {use}")
    formats.refuse_layout(columns, scale, suffix)
    made = draw_to(
        target,
        request.load(folder, device, threads),
        folder.reference,
        folder,
        n=n,
        seed=request.seed_or_fresh(seed),
        start=start,
        labels=labels,
        batch_size=batch_size,
        options=options,
        precision=precision,
        truncation=truncation,
        columns=columns,
        scale=scale or 1,
        suffix=suffix,
        watch=watch,
    )
    path = target if isinstance(target, Path) else None
    logger.info(
        f"{counted(made['n'], 'sample')} of {folder.reference}, seed {made['seed']}, in "
        f"{path or 'standard output'}"
    )
    return Written(path, made, _rows(made, folder, columns))


def prints(reference: Reference | None = None) -> bool:
    """Whether `sample` prints the samples of a checkpoint unless told where to write them."""
    return request.kind_of_folder(find(reference)).prints


def draw_to(
    target: Path | BinaryIO,
    model: "GenerativeModel[Any]",
    reference: str,
    folder: Folder,
    *,
    n: int | None = None,
    seed: int,
    start: int = 0,
    labels: Any = (),
    batch_size: int | None = None,
    options: Any = (),
    precision: str = "float32",
    truncation: float | None = None,
    columns: int | None = None,
    scale: int = 1,
    suffix: str | None = None,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Draw samples of a loaded model to a file; returns how they were made, as the file records it.

    **Arguments:**
    - `target`: a path, or an open file, of which `suffix` says the format.
    - `reference`: how the checkpoint is called in the record.
    - `folder`: the checkpoint.
    - the others: as for `sample`.
    """
    from zoo.common.compute import emulates_bf16
    from zoo.sampling import sampler

    numbers = request.class_numbers(labels, folder)
    asked = numbers or list(range(folder.num_classes))
    given, texts = request.options_of(type(model), options)
    named = [str(label) for label in request.as_list(labels)]
    n = (PER_CLASS * len(asked) or IN_ALL) if n is None else arguments.whole("n", n, 1)
    start = arguments.whole("start", start, 0)
    made = how_made(
        folder,
        target.name if isinstance(target, Path) else STDOUT,
        reference=reference,
        n=n,
        seed=seed,
        start=start,
        labels=named,
        options=texts,
        batch_size=batch_size,
        precision=precision,
        truncation=truncation,
        columns=columns,
        scale=scale,
        suffix=suffix,
    )
    batches: Iterator[Any] = sampler.stream(
        model,
        n,
        seed=seed,
        start=start,
        labels=request.in_turn(asked, start, n),
        batch_size=batch_size,
        options=given,
        precision=precision,
        truncation=truncation,
    )
    if precision == "bf16" and emulates_bf16(model.device):
        logger.info(
            f"This {model.device.type} has no bf16 instructions and emulates them. float32 is "
            "probably faster here."
        )
    formats.write(
        target,
        watch(batches, n, "Sampling") if watch else batches,
        n,
        made,
        **formats.told_by(model),
        suffix=suffix,
        class_names=folder.class_names,
        classes_asked=len(asked),
        columns=columns,
        scale=scale,
    )
    return made


def how_made(
    folder: Folder,
    output: str,
    *,
    reference: str,
    n: int,
    seed: int,
    start: int = 0,
    labels: Sequence[str] = (),
    options: Sequence[str] = (),
    batch_size: int | None = None,
    precision: str = "float32",
    truncation: float | None = None,
    columns: int | None = None,
    scale: int = 1,
    suffix: str | None = None,
) -> dict[str, Any]:
    """How samples are made, as their file records it, with the command that makes them again.

    **Arguments:**
    - `folder`: the checkpoint.
    - `output`: the name of the file; "-" is standard output, of which `suffix` says the format.
    - `reference`: how the checkpoint is called in the record.
    - the others: as for `sample`, all of them known.
    """
    made = {
        "checkpoint": reference,
        "sha256": folder.sha256,
        "n": n,
        "seed": seed,
        "start": start,
        "labels": list(labels),
        "options": list(options),
        "precision": precision,
        **({} if truncation is None else {"truncation": truncation}),
        "version": version("genzoo"),
    }
    words = ["-n", n, "--seed", seed, *(["--start", start] if start else [])]
    words += [word for label in labels for word in ("--label", label)]
    words += [word for text in options for word in ("--set", text)]
    words += ["--batch-size", batch_size] if batch_size else []
    words += ["--precision", precision] if precision != "float32" else []
    words += [] if truncation is None else ["--truncation", f"{truncation:g}"]
    words += ["--columns", columns] if columns else []
    words += ["--scale", scale] if scale != 1 else []
    words += ["-o", output]
    words += ["--format", str(suffix)[1:]] if output == STDOUT and suffix != ".npz" else []
    made["command"] = shlex.join(["zoo", "sample", reference, *map(str, words)])
    return made


def _target(output: Any, format: str | None, kind: Kind) -> tuple[Any, str]:
    """Where to write, and the suffix of the format."""
    if output == STDOUT or hasattr(output, "write"):
        stream: Any = _standard_output() if output == STDOUT else output
        suffix = f".{format or kind.stream}"
        if suffix[1:] not in formats.STREAMS:
            raise OutputError(
                f"Can't write {format!r} to standard output: choose {', '.join(formats.STREAMS)}."
            )
        if stream.isatty() and suffix in formats.READABLE:
            return _Printed(), suffix
        if stream.isatty():
            raise OutputError(
                "Standard output is a terminal, which can't show these bytes. Send them to a file "
                f"or to another program, or name a file with {either('-o', 'output')}."
            )
        return stream, suffix
    if format is not None:
        raise ConfigError(
            f"{either('--format is for -o - only', 'format is for standard output only')}: the "
            "suffix of a file says its format."
        )
    path = request.output_path(output, kind.default_file)
    return path, path.suffix.lower()


class _Printed(io.RawIOBase):
    """Bytes of UTF-8 as text on standard output: in a notebook, which takes no bytes, and in a
    terminal, where the command takes out what would steer it.
    """

    def write(self, data: Any) -> int:
        """Print bytes of UTF-8."""
        sys.stdout.write(bytes(data).decode())
        return len(data)


def _standard_output() -> Any:
    return getattr(sys.stdout, "buffer", None) or _Printed()


def _rows(made: Mapping[str, Any], folder: Folder, columns: int | None) -> int:
    from zoo.sampling import images

    classes = len(made["labels"]) or folder.num_classes
    return images.layout(made["n"], columns, classes)[0]
