"""Files that samples can be written to: one table, with a row for each suffix."""

import importlib
import importlib.util
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from zoo.common import arguments, files
from zoo.common.errors import ConfigError, DataError, MissingDependencyError, OutputError
from zoo.common.words import either
from zoo.sampling import provenance
from zoo.sampling.kinds import Kind, kind_called, kind_of

if TYPE_CHECKING:
    from torch import Tensor

# samples that a grid may have
GRID_LIMIT = 100_000


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file.

    **Arguments:**
    - `writer`: the function in `sampling.writers` that writes it; "" where `zoo sample` does not.
    - `kinds`: the kinds of samples that it takes.
    - `is_picture`: whether it is one picture.
    - `keeps_provenance`: whether it says how it was made, so that the zoo knows its own files.
    - `streams`: whether it can be written to standard output.
    """

    writer: str
    kinds: tuple[str, ...] = ("image",)
    is_picture: bool = True
    keeps_provenance: bool = True
    streams: bool = True


# kinds that a picture shows
SEEN = ("image", "audio")

FORMATS = {
    ".png": Format(writer="write_grid", kinds=SEEN),
    ".jpg": Format(writer="write_grid", kinds=SEEN),
    ".jpeg": Format(writer="write_grid", kinds=SEEN),
    ".webp": Format(writer="write_grid", kinds=SEEN),
    ".gif": Format(writer="", streams=False),
    ".mp4": Format(writer="", streams=False),
    ".npz": Format(writer="write_npz", kinds=("image", "array", "text", "audio"), is_picture=False),
    ".safetensors": Format(
        writer="write_safetensors",
        kinds=("image", "array", "audio"),
        is_picture=False,
        streams=False,
    ),
    ".txt": Format(writer="write_txt", kinds=("text",), is_picture=False),
    ".jsonl": Format(writer="write_jsonl", kinds=("text",), is_picture=False),
    ".wav": Format(writer="write_wav", kinds=("audio",), is_picture=False),
    # programs, which `zoo export` writes
    ".onnx": Format(writer="", kinds=(), is_picture=False, streams=False),
    ".pt2": Format(writer="", kinds=(), is_picture=False, streams=False),
    # a folder
    "": Format(writer="write_folder", kinds=SEEN, is_picture=False, streams=False),
}
# what `zoo sample` writes
SAMPLES = tuple(suffix for suffix, format in FORMATS.items() if format.writer)
PICTURES = tuple(suffix for suffix in SAMPLES if FORMATS[suffix].is_picture)
FILMS = (".gif", ".webp", ".mp4")
# what a person can read in a terminal
READABLE = (".txt", ".jsonl")
# files that say how they were made
SUFFIXES = tuple(suffix for suffix, format in FORMATS.items() if suffix and format.keeps_provenance)
# what can go to standard output, without the dot
STREAMS = tuple(suffix[1:] for suffix in SAMPLES if FORMATS[suffix].streams)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a writer is told of the samples.

    **Arguments:**
    - `n`: how many there are in all.
    - `made`: how they were made.
    - `kind`: the row of their kind.
    - `suffix`: of the file.
    - `class_names`: what the labels mean.
    - `classes_asked`: labels go round in a circle of this length.
    - `columns`, `scale`: of a grid.
    - `render`: what strings text samples stand for.
    - `rate`: samples a second of audio.
    - `is_file`: whether it is written to a file of its own, and not to standard output.
    """

    n: int
    made: Mapping[str, Any]
    kind: Kind
    suffix: str
    class_names: Sequence[str] = ()
    classes_asked: int = 0
    columns: int | None = None
    scale: int = 1
    render: "Callable[[Tensor], list[str]] | None" = None
    rate: int = 0
    is_file: bool = True


def check_path(
    path: Path, sample_kind: str = "image", suffixes: Collection[str] = SAMPLES
) -> Format:
    """Refuse a path that can't be written to, before anything is drawn or heavy is imported.

    **Arguments:**
    - `path`: a file, or a folder where `suffixes` holds "".
    - `sample_kind`: of the samples.
    - `suffixes`: which a command takes.

    **Returns:** the row of the file's format.

    **Raises:** `OutputError` for an unknown suffix, one that does not take this kind of samples, a
    folder that is not empty, and a place that can't be written."""
    suffix = path.suffix.lower()
    if suffix not in suffixes and not ("" in suffixes and path.is_dir()):
        takes = [one for one in suffixes if sample_kind in FORMATS[one].kinds] or list(suffixes)
        folder = ", or a folder (no suffix)" if "" in takes else ""
        named = ", ".join(one for one in takes if one)
        what = f"{suffix!r} files" if suffix else f"{path}, which has no suffix"
        raise OutputError(f"Can't write {what}: choose {named}{folder}.")
    if suffix in suffixes and suffix and path.is_dir():
        raise OutputError(f"{path} is a folder: choose another name.")
    format = FORMATS[suffix if suffix in suffixes else ""]
    if format is FORMATS[""] and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputError(
            f"{path} exists and is not an empty folder: remove it or choose another name."
        )
    files.refuse_unwritable(path)
    if sample_kind not in format.kinds:
        raise OutputError(_not_taken(path, sample_kind, suffixes))
    return format


def _not_taken(path: Path, sample_kind: str, suffixes: Collection[str]) -> str:
    """Why a file can't hold samples of a kind, and what can."""
    takes = [one or "a folder" for one in suffixes if sample_kind in FORMATS[one].kinds]
    what = {"text": "are text", "audio": "are audio"}.get(sample_kind, "are not images")
    if sample_kind == "image":
        what = "are images"
    if not takes:
        return f"The samples {what}: there is nothing to show."
    return f"The samples {what}: write them to {' or '.join(takes)}, not {path.name!r}."


def refuse_foreign(path: Path, *, force: bool = False) -> None:
    """Refuse to replace a file that the zoo may not have written.

    **Arguments:**
    - `path`: where something is to be written.
    - `force`: replace it all the same.

    **Raises:** `OutputError` when a file is there that does not say that the zoo made it."""
    if force or path.is_dir() or not (path.exists() or path.is_symlink()):
        return
    try:
        provenance.read(path)
    except DataError as error:
        raise OutputError(
            f"{path} exists, and the zoo did not write it. Choose another name with "
            f"{either('-o', 'output')}, or replace it with {either('--force', 'force=True')}."
        ) from error


def require(suffix: str) -> None:
    """Raise `MissingDependencyError` for a film that needs a package that is not installed."""
    if suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise MissingDependencyError(
            "Films in .mp4 are made by imageio-ffmpeg, which is not here: pip install "
            "'genzoo[video]', or choose .gif or .webp.",
            name="imageio_ffmpeg",
        )


def refuse_layout(columns: Any, scale: Any, suffix: str) -> None:
    """Refuse a layout of what is no grid, and numbers that are none.

    **Raises:** `ConfigError`."""
    for name, value in (("columns", columns), ("scale", scale)):
        if value is None:
            continue
        arguments.whole(name, value, 1)
        if suffix not in PICTURES:
            raise ConfigError(
                f"{either('--' + name, name)} is for pictures only: choose "
                f"{', '.join(PICTURES)} for {either('-o', 'output')}."
            )


def told_by(model: Any) -> dict[str, Any]:
    """What `write` asks of the model whose samples it writes: their kind, and what texts or sounds
    they stand for.
    """
    kind = kind_of(model)
    return {
        "sample_kind": kind.name,
        "render": model.render if kind.name == "text" else None,
        "rate": int(model.config.sample_rate) if kind.name == "audio" else 0,
    }


def write(
    target: Path | BinaryIO,
    batches: "Iterable[tuple[Tensor, Tensor | None]]",
    n: int,
    made: Mapping[str, Any],
    *,
    sample_kind: str = "image",
    suffix: str | None = None,
    class_names: Sequence[str] = (),
    classes_asked: int = 0,
    columns: int | None = None,
    scale: int = 1,
    render: "Callable[[Tensor], list[str]] | None" = None,
    rate: int = 0,
) -> None:
    """Write samples as the suffix says. A file or folder is written whole or not at all.

    **Arguments:**
    - `target`: `.png`, `.jpg` or `.webp` (a grid), `.npz` (`samples`, uint8 for images, int64 for
        text, else float32, with `labels`, `seed` and `provenance`; of text also `texts`, of audio
        `sample_rate`), `.safetensors` (`samples`, float32, with `labels`), or a folder: one PNG or
        WAV a sample, named by its index, in sub-folders by class when there are labels. Text:
        `.txt` (a line each, below a line with the provenance) or `.jsonl`. Audio: `.wav` (one
        after the other, with pauses). Or an open file, such as standard output. All but grids are
        written batch by batch; of a grid, the picture is held in memory once.
    - `batches`: samples, float32 (int64 for text) `(b, *sample_shape)`, and their labels.
    - `n`: how many samples there are in all.
    - `made`: how they were made: kept in the file, or in the folder as provenance.json.
    - `sample_kind`: of the model.
    - `suffix`: of the format, for an open file.
    - `class_names`: what the labels mean, for the folder's sub-folders.
    - `classes_asked`: labels go round in a circle of this length, so the grid gets a row for each.
    - `columns`: images in a row of a grid.
    - `scale`: how many times as wide and as high to draw each pixel of a grid.
    - `render`: what strings text samples stand for: the model's.
    - `rate`: samples a second of audio.

    **Raises:** `OutputError` when it can't be written, or is a grid of more than 100,000 samples.
    """
    if isinstance(target, Path):
        format = check_path(target, sample_kind)
        suffix = target.suffix.lower() if format is not FORMATS[""] else ""
    else:
        suffix = suffix or ".npz"
        format = FORMATS[suffix]
    if format.is_picture and n > GRID_LIMIT:
        raise OutputError(
            f"{n:,} samples are too many for a grid: {GRID_LIMIT:,} at most. Use .npz or a folder."
        )
    job = Job(
        n=n,
        made=made,
        kind=kind_called(sample_kind),
        suffix=suffix,
        class_names=class_names,
        classes_asked=classes_asked,
        columns=columns,
        scale=scale,
        render=render,
        rate=rate,
        is_file=isinstance(target, Path),
    )
    writer: Callable[..., None] = getattr(
        importlib.import_module("zoo.sampling.writers"), format.writer
    )
    if not isinstance(target, Path):
        writer(target, batches, job)
        target.flush()
        return
    with files.replacing(target) as partial:
        if suffix == "":
            writer(partial, batches, job)
            return
        with partial.open("wb") as file:
            writer(file, batches, job)


def folder_names(class_names: Sequence[str]) -> list[str]:
    """A folder's name for each class, all different."""
    names = [_file_name(name) for name in class_names]
    return [
        f"{name}-{index}" if names.count(name) > 1 else name for index, name in enumerate(names)
    ]


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in text) or "_"
