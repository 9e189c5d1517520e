"""Folders of recordings (.wav, .flac): classes, rates, channels and lengths made alike."""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.common import files
from zoo.common.errors import DataError, MissingDependencyError, counted
from zoo.data.dataset import Dataset
from zoo.data.digests import files_digest
from zoo.data.forms import LABEL, Asked, Place
from zoo.data.samples import fits

SUFFIXES = (".wav", ".flac")
# samples of a recording that a config can keep, and that are read of a file at most
MOST_LENGTH = 65_536
MOST_READ = 1 << 27

log = logging.getLogger("zoo")


@dataclass(frozen=True)
class Recording:
    """What the head of a file says.

    **Arguments:**
    - `path`: of the file.
    - `rate`: samples a second.
    - `channels`: how many.
    - `length`: samples of each channel.
    """

    path: Path
    rate: int
    channels: int
    length: int


def read_folder(place: Place, asked: Asked) -> Dataset:
    """The recordings of a folder, float32 in [-1, 1].

    Classes are its sub-folders, or what stands for `{label}` in the names, as in
    `./takes/{label}_*.wav`. All get one rate: `sample_rate` where the model's fields give it, else
    the most frequent; others are resampled (see `resampled`). All get one number of channels:
    that of `sample_shape`, else the least; the mean of two is one, and one is repeated for two.
    All get one length: that of `sample_shape`, else the longest; silence is put behind a shorter
    one, and the end of a longer one is cut off.

    **Raises:** `DataError` for a folder without recordings, and for files that can't be read
    unless they are to be left out; `MissingDependencyError` without soundfile."""
    folder, classes = _found(place)
    paths = sorted(classes, key=lambda path: _position(folder, path))
    heads, bad = _heads(paths)
    _refuse_or_leave_out(bad, len(paths), asked)
    rate = _rate(asked, heads)
    channels, length = _shape(asked, heads, rate)
    if not fits((4 * len(heads), channels, length)):
        raise DataError(
            f"{counted(len(heads), 'recording')} of {length:,} samples don't fit in memory: take "
            "shorter ones (--set sample_shape=CHANNELS,LENGTH) or fewer."
        )
    samples = torch.zeros(len(heads), channels, length)
    lengths = torch.zeros(len(heads), dtype=torch.int64)
    kept: list[Recording] = []
    bad = {}
    for head in asked.watch(heads, len(heads), "Reading recordings") if asked.watch else heads:
        try:
            sound = as_channels(resampled(_samples(head), head.rate, rate), channels)[:, :length]
        except DataError as error:
            bad[head.path] = error
            continue
        samples[len(kept), :, : sound.shape[1]] = sound
        lengths[len(kept)] = sound.shape[1]
        kept.append(head)
    _refuse_or_leave_out(bad, len(heads), asked)
    _say(heads, rate, channels, length)
    names = tuple(sorted({classes[head.path] for head in kept} - {""}))
    labels = torch.tensor([names.index(classes[head.path]) for head in kept]) if names else None
    skipped = len(paths) - len(kept)
    return Dataset(
        place.name,
        samples[: len(kept)],
        labels,
        names,
        {"recordings_skipped": skipped} if skipped else {},
        lengths=lengths[: len(kept)].clamp(min=1),
        metadata={"sample_rate": rate},
        origin_sha256=files_digest({path.relative_to(folder).as_posix(): path for path in paths}),
    )


def resampled(sound: Tensor, rate: int, wanted: int) -> Tensor:
    """A recording at another rate: its spectrum, cut off or filled up with zeros at the new half
    rate.

    The recording counts as one period of a signal, so a second of silence is put behind it first.

    **Arguments:**
    - `sound`: `(channels, n)` at `rate` samples a second.

    **Returns:** float32 `(channels, n · wanted / rate)`, rounded up.
    """
    if rate == wanted:
        return sound
    length = -(-sound.shape[1] * wanted // rate)
    # whole seconds have whole numbers of samples at both rates
    seconds = -(-sound.shape[1] // rate) + 1
    padded = torch.nn.functional.pad(sound.double(), (0, seconds * rate - sound.shape[1]))
    spectrum = torch.fft.rfft(padded)
    bins = seconds * min(rate, wanted) // 2
    cut = torch.zeros(len(sound), seconds * wanted // 2 + 1, dtype=spectrum.dtype)
    cut[:, :bins] = spectrum[:, :bins]
    other = torch.fft.irfft(cut, seconds * wanted) * (wanted / rate)
    cut_off: Tensor = other[:, :length].clamp(-1, 1).float()
    return cut_off


def as_channels(sound: Tensor, channels: int) -> Tensor:
    """A recording `(c, n)` with another number of channels: the mean of two, or one repeated."""
    if sound.shape[0] == channels:
        return sound
    return sound.mean(0, keepdim=True).expand(channels, -1)


def _found(place: Place) -> tuple[Path, dict[Path, str]]:
    """The folder, and its recordings with the names of their classes, "" where there are none."""
    folder = place.path
    assert folder is not None  # a path
    try:
        inside = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise DataError(f"Can't read {folder}: {error.strerror}.", path=folder) from error
    inside = [path for path in inside if not path.name.startswith(".") and path.is_file()]
    if place.pattern:
        return folder, _by_name(folder, inside, place.pattern)
    if not inside:
        raise DataError(
            f"{folder} holds no recordings ({', '.join(SUFFIXES)}), nor do the folders in it.",
            path=folder,
        )
    own = [path for path in inside if path.parent == folder]
    if own and len(own) < len(inside):
        raise DataError(
            f"{folder} has recordings in sub-folders, which are its classes, and others outside of "
            f"them, such as {own[0].name}. Move those into a class, or out of the folder.",
            path=folder,
        )
    return folder, {path: "" if own else path.relative_to(folder).parts[0] for path in inside}


def _by_name(folder: Path, paths: Sequence[Path], pattern: str) -> dict[Path, str]:
    """The recordings whose names fit a pattern, with what stands for `{label}`."""
    parts = re.split(r"(\{label\}|\*)", pattern)
    as_regex = {LABEL: "(?P<label>[^/]+?)", "*": "[^/]*"}
    wanted = re.compile("".join(as_regex.get(part, re.escape(part)) for part in parts))
    fits_ = {path: wanted.fullmatch(path.relative_to(folder).as_posix()) for path in paths}
    chosen = {path: match["label"] for path, match in fits_.items() if match}
    if not chosen:
        example = f", such as {paths[0].name}" if paths else ""
        raise DataError(
            f"No recording in {folder} fits {pattern!r}: there are {len(paths):,}{example}.",
            path=folder,
        )
    return chosen


def _position(folder: Path, path: Path) -> bytes:
    """Where a recording stands in the order: the classes are mixed, so that the last ones, which
    may be held out, are of every class.
    """
    name = path.relative_to(folder).as_posix()
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()


def _soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise MissingDependencyError(
            "Recordings can be read where soundfile is installed: pip install 'genzoo[audio]'",
            name="soundfile",
        ) from error
    return soundfile


def _heads(paths: Sequence[Path]) -> tuple[list[Recording], dict[Path, DataError]]:
    """What each file says of itself, and which can't be read."""
    soundfile = _soundfile()
    heads, bad = [], {}
    for path in paths:
        try:
            files.refuse_irregular(path)
            info = soundfile.info(str(path))
        except DataError as error:
            bad[path] = error
            continue
        except (OSError, RuntimeError, ValueError) as error:
            bad[path] = _unreadable(path, error)
            continue
        head = Recording(path, info.samplerate, info.channels, info.frames)
        if why := _why_not(head):
            bad[path] = DataError(f"{path} {why}", path=path)
        else:
            heads.append(head)
    return heads, bad


def _why_not(head: Recording) -> str:
    if head.channels not in (1, 2):
        return f"has {head.channels} channels: 1 or 2 can be read."
    if not head.length:
        return "holds no samples."
    if head.length > MOST_READ:
        return f"has {head.length:,} samples, more than the {MOST_READ:,} that are read: cut it."
    if not 1_000 <= head.rate <= 192_000:
        return f"has {head.rate:,} samples a second: 1,000 to 192,000 can be read."
    return ""


def _samples(head: Recording) -> Tensor:
    """The samples of a file, float32 `(channels, n)`."""
    path = head.path
    try:
        values, _ = _soundfile().read(str(path), dtype="float32", always_2d=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise _unreadable(path, error) from error
    sound = torch.from_numpy(values).T
    if not sound.isfinite().all():
        raise DataError(f"{path} holds NaN or infinite values.", path=path)
    if (loudest := float(sound.abs().max())) > 1:
        raise DataError(
            f"{path} reaches {loudest:.3g}, beyond full scale: scale it to [-1, 1] first.",
            path=path,
        )
    return sound


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split())[:200].rstrip(".")
    return DataError(f"{path} is not a readable recording: {reason}.", path=path)


def _refuse_or_leave_out(bad: Mapping[Path, DataError], n: int, asked: Asked) -> None:
    if not bad:
        return
    first = next(iter(bad.values()))
    if not asked.skip_bad or len(bad) == n:
        more = f" So it is with {len(bad):,} of {n:,}." if len(bad) > 1 else ""
        raise DataError(f"{first}{more} To leave such recordings out: --skip-bad", path=first.path)
    log.warning("Left out %s of %s. The first: %s", f"{len(bad):,}", f"{n:,}", first)


def _rate(asked: Asked, heads: Sequence[Recording]) -> int:
    given = asked.fields.get("sample_rate")
    if isinstance(given, int):
        return given
    return Counter(head.rate for head in heads).most_common(1)[0][0]


def _shape(asked: Asked, heads: Sequence[Recording], rate: int) -> tuple[int, int]:
    """Channels and length of every sample."""
    if asked.sample_shape is not None:
        if len(asked.sample_shape) != 2 or asked.sample_shape[0] not in (1, 2):
            shape = ",".join(map(str, asked.sample_shape))
            raise DataError(
                f"sample_shape = {shape} is not the shape of a recording: give 1 or 2 channels and "
                "the number of samples, such as 1,8000."
            )
        return int(asked.sample_shape[0]), int(asked.sample_shape[1])
    channels = min(head.channels for head in heads)
    longest = max(heads, key=lambda head: head.length / head.rate)
    length = -(-longest.length * rate // longest.rate)
    if length > MOST_LENGTH:
        raise DataError(
            f"{longest.path} has {length:,} samples at {rate:,} a second, more than the "
            f"{MOST_LENGTH:,} of a sample. Cut all of them: --set "
            f"sample_shape={channels},{MOST_LENGTH}, or take a lower rate: --set sample_rate=8000"
        )
    return channels, length


def _say(heads: Sequence[Recording], rate: int, channels: int, length: int) -> None:
    """What was done to make the recordings alike."""
    other = sum(head.rate != rate for head in heads)
    mixed = sum(head.channels != channels for head in heads)
    cut = sum(head.length * rate > length * head.rate for head in heads)
    if other:
        log.info("%s resampled to %s a second.", counted(other, "recording"), f"{rate:,}")
    if mixed:
        made = "mixed down to one channel" if channels == 1 else "given a second channel"
        log.info("%s %s.", counted(mixed, "recording"), made)
    if cut:
        log.info("%s cut to %s samples.", counted(cut, "recording"), f"{length:,}")
