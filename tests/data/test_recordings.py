"""Recordings as data: classes, rates, channels and lengths; what can't be read is refused."""

import logging
import math
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo.common.errors import DataError
from zoo.data import Dataset, load_dataset
from zoo.data.recordings import as_channels, resampled

soundfile = pytest.importorskip("soundfile")


def tone(frequency: float = 440, rate: int = 8_000, seconds: float = 0.1) -> Tensor:
    """Half of full scale."""
    return 0.5 * torch.sin(2 * math.pi * frequency * torch.arange(round(rate * seconds)) / rate)


def write(path: str, sound: Tensor, rate: int = 8_000, subtype: str = "PCM_16") -> None:
    """A WAV file of `(n,)` or `(channels, n)`."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound.mT.numpy() if sound.dim() > 1 else sound.numpy(), rate, subtype)


def read(reference: str, **asked: object) -> Dataset:
    """The recordings of a folder."""
    return load_dataset(reference, kind="audio", **asked)  # type: ignore[arg-type]


def test_a_folder_gives_floats_their_rate_and_their_lengths() -> None:
    write("takes/a.wav", tone())
    write("takes/b.wav", tone(seconds=0.05))
    data = read("./takes")
    assert data.sample_shape == (1, 800) and data.metadata == {"sample_rate": 8_000}
    assert data.labels is None and data.lengths is not None
    assert sorted(data.lengths.tolist()) == [400, 800]
    whole, short = data.samples[:][data.lengths.argsort(descending=True)]
    assert torch.allclose(whole[0], tone(), atol=1e-4) and not short[0, 400:].any()
    assert data.inputs(data.samples[:]).equal(data.samples[:])


def test_sub_folders_are_classes() -> None:
    for name in ("yes", "no"):
        write(f"takes/{name}/1.wav", tone())
    data = read("./takes")
    assert data.class_names == ("no", "yes") and data.labels is not None
    assert sorted(data.labels.tolist()) == [0, 1]


def test_a_pattern_of_names_gives_the_classes() -> None:
    for name in ("7_ann_0", "7_bob_1", "3_ann_0", "notes"):
        write(f"takes/{name}.wav", tone())
    data = read("./takes/{label}_*_*.wav")
    assert data.class_names == ("3", "7") and len(data) == 3
    with pytest.raises(DataError, match=r"No recording in takes fits '\{label\}-\*\.wav'"):
        read("./takes/{label}-*.wav")


def test_other_rates_are_resampled_to_the_most_frequent_or_the_one_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    write("takes/a.wav", tone())
    write("takes/b.wav", tone())
    write("takes/c.wav", tone(rate=44_100), 44_100)
    with caplog.at_level(logging.INFO, "zoo"):
        data = read("./takes")
    assert "1 recording resampled to 8,000 a second" in caplog.text
    middle = data.samples[:, 0, 100:700]
    assert torch.allclose(middle, tone()[100:700].expand_as(middle), atol=2e-3)
    assert read("./takes", fields={"sample_rate": 16_000}).sample_shape == (1, 1_600)


@pytest.mark.parametrize(("rate", "wanted"), [(44_100, 8_000), (8_000, 11_025), (16_000, 8_000)])
def test_a_tone_below_the_new_half_rate_stays_and_one_above_it_goes(rate: int, wanted: int) -> None:
    low = resampled(tone(500, rate, 0.5)[None], rate, wanted)[0]
    assert len(low) == math.ceil(wanted / 2)
    assert (low[: wanted // 2] - tone(500, wanted, 0.5)[: wanted // 2]).abs()[200:-200].max() < 2e-3
    if wanted < rate:
        high = resampled(tone(wanted / 2 + 700, rate, 0.5)[None], rate, wanted)
        assert high[:, 200:-200].abs().max() < 2e-3


def test_two_channels_become_one_by_their_mean_and_one_is_repeated() -> None:
    write("takes/a.wav", torch.stack([tone(), 0 * tone()]))
    write("takes/b.wav", tone())
    data = read("./takes")
    assert data.sample_shape == (1, 800)
    loudest = data.samples[:].abs().amax((1, 2)).sort().values
    assert loudest.tolist() == pytest.approx([0.25, 0.5], abs=0.01)
    assert read("./takes", sample_shape=(2, 800)).sample_shape == (2, 800)
    assert as_channels(tone()[None], 2).shape == (2, 800)


def test_longer_recordings_are_cut_where_a_length_is_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    write("takes/a.wav", tone(seconds=0.2))
    with caplog.at_level(logging.INFO, "zoo"):
        assert read("./takes", sample_shape=(1, 1_000)).sample_shape == (1, 1_000)
    assert "1 recording cut to 1,000 samples" in caplog.text


def bad(kind: str) -> None:
    """A recording that can't be read."""
    if kind == "text":
        Path("takes/bad.wav").write_text("no sound")
    elif kind == "cut":
        Path("takes/bad.wav").write_bytes(Path("takes/a.wav").read_bytes()[:30])
    elif kind == "empty":
        with wave.open("takes/bad.wav", "wb") as file:
            file.setparams((1, 2, 8_000, 0, "NONE", ""))
    elif kind == "channels":
        write("takes/bad.wav", torch.zeros(6, 100))
    elif kind == "loud":
        write("takes/bad.wav", 3 * torch.ones(100), subtype="FLOAT")
    elif kind == "nan":
        write("takes/bad.wav", torch.full((100,), np.nan), subtype="FLOAT")
    elif kind == "rate":
        write("takes/bad.wav", tone(), 200)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("text", "bad.wav is not a readable recording"),
        ("cut", "bad.wav is not a readable recording"),
        ("empty", "bad.wav holds no samples"),
        ("channels", "bad.wav has 6 channels: 1 or 2 can be read"),
        ("loud", "bad.wav reaches 3, beyond full scale"),
        ("nan", "bad.wav holds NaN or infinite values"),
        ("rate", "bad.wav has 200 samples a second"),
    ],
)
def test_a_recording_that_cannot_be_read_is_named_or_left_out(
    kind: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    write("takes/a.wav", tone())
    write("takes/b.wav", tone())
    bad(kind)
    with pytest.raises(DataError, match=f"{why}.*--skip-bad"):
        read("./takes")
    data = read("./takes", skip_bad=True)
    assert len(data) == 2 and data.facts == {"recordings_skipped": 1}
    assert "Left out 1 of 3" in caplog.text


def test_a_folder_without_recordings_and_one_with_unclear_classes_are_refused() -> None:
    Path("empty").mkdir()
    with pytest.raises(DataError, match="empty holds no recordings"):
        read("./empty")
    write("takes/a.wav", tone())
    write("takes/yes/a.wav", tone())
    with pytest.raises(DataError, match=r"others outside of them, such as a\.wav"):
        read("./takes")


def test_a_recording_longer_than_a_sample_can_be_is_refused_with_what_to_do() -> None:
    write("takes/a.wav", torch.zeros(70_000))
    with pytest.raises(DataError, match=r"70,000 samples.*--set sample_shape=1,65536"):
        read("./takes")


def test_a_file_is_no_folder_of_recordings() -> None:
    write("a.wav", tone())
    with pytest.raises(DataError, match="is not a folder"):
        read("./a.wav")
