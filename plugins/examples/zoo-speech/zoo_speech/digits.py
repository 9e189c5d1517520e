"""spoken-digits: 3,000 takes of the digits 0 to 9, by 6 speakers, 8 kHz mono."""

import hashlib
import io
import urllib.request
import wave
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

RATE = 8_000
# samples of a take: 0.76 s; 97 % of the takes are shorter
LENGTH = 6_080
# the loudest value of each take
PEAK = 0.9
# takes 0 to 4 of each digit and speaker are the test set
TEST_TAKES = 5
# where the recordings are, below the folder of the data
PLACES = ("spoken-digits", "free-spoken-digit-dataset/recordings", "fsdd/recordings", "recordings")
ADDRESS = (
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/"
    "26eb9aaf76e81b692f806f9140c2d2777410d7a1.zip"
)
# of all recordings, in the order of their names
SHA256 = "ddb17656a0bca4c5ddace082be188ca630516dc2ef1110afe3c4e9cc71173de4"
SECONDS = 60


def load(root: Path, split: str) -> tuple[Tensor, Tensor, Tensor]:
    """Read the recordings, `DIGIT_SPEAKER_TAKE.wav`, from a folder in `root`; they are downloaded
    to `root/spoken-digits` when there are none.

    Each take is scaled so that its loudest value is 0.9. Silence is put behind one that is shorter
    than 0.76 s; the end of a longer one is cut off.

    **Arguments:**
    - `root`: the folder of the data.
    - `split`: "train" (2,700 takes) or "test" (300).

    **Returns:** waveforms, float32 `(n, 1, 6080)` in [-1, 1]; labels, int64 `(n,)`, the digit;
    and how many samples of each are not padding, int64 `(n,)`.
    """
    folder = next((root / place for place in PLACES if any((root / place).glob("*_*_*.wav"))), None)
    paths = sorted((folder or _downloaded(root)).glob("*_*_*.wav"))
    chosen = [path for path in paths if (_take(path) < TEST_TAKES) == (split == "test")]
    samples = torch.zeros(len(chosen), 1, LENGTH)
    lengths = torch.zeros(len(chosen), dtype=torch.int64)
    for index, path in enumerate(chosen):
        take = read(path)[:LENGTH]
        samples[index, 0, : len(take)] = PEAK * take / take.abs().max().clamp(min=1e-4)
        lengths[index] = len(take)
    return samples, torch.tensor([int(path.name[0]) for path in chosen]), lengths


def read(path: Path) -> Tensor:
    """A WAV file of 16 bits, mono, 8 kHz, as float32 `(n,)` in [-1, 1]."""
    with wave.open(str(path)) as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
            raise OSError(f"{path} is not a recording of 16 bits, mono, 8 kHz")
        content = file.readframes(file.getnframes())
    return torch.from_numpy(np.frombuffer(content, "<i2").astype(np.float32)) / 32_768


def _take(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def _downloaded(root: Path) -> Path:
    with urllib.request.urlopen(ADDRESS, timeout=SECONDS) as answer:
        content = answer.read(1 << 26)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        inside = [Path(name) for name in archive.namelist()]
        wanted = [one for one in inside if one.parent.name == "recordings" and one.suffix == ".wav"]
        recordings = {path.name: archive.read(path.as_posix()) for path in wanted}
    digest = hashlib.sha256(b"".join(recordings[name] for name in sorted(recordings)))
    if digest.hexdigest() != SHA256:
        raise OSError(f"{ADDRESS} does not hold the recordings that are known: SHA-256 differs")
    partial = root / ".spoken-digits.partial"
    partial.mkdir(parents=True, exist_ok=True)
    for name, recording in recordings.items():
        (partial / name).write_bytes(recording)
    return partial.rename(root / "spoken-digits")
