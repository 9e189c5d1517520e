"""Text and audio: what each format writes of them, and how each is shown."""

import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from zoo.common.errors import OutputError
from zoo.models import to_texts, to_tokens
from zoo.sampling import formats, provenance, sounds

MADE = {"checkpoint": "c", "seed": 7, "start": 3, "command": "zoo sample c"}
TEXTS = ["anna", "bo", "", "zoë", "a b", "bab"]
ALPHABET = "abnoëz "
TOKENS = to_tokens(TEXTS, ALPHABET, 5)
RATE = 8_000
SOUNDS = torch.sin(torch.linspace(0, 400, 6 * 2 * 800).view(6, 2, 800))


def render(samples: Tensor) -> list[str]:
    """The strings of TOKENS."""
    return to_texts(samples, ALPHABET)


def batches(
    samples: Tensor, labels: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Samples in batches of 4."""
    for first in range(0, len(samples), 4):
        yield samples[first : first + 4], None if labels is None else labels[first : first + 4]


def write_text(target: Path | io.BytesIO, labels: Tensor | None = None, **further: object) -> None:
    """TOKENS to a file."""
    formats.write(
        target,
        batches(TOKENS, labels),
        6,
        MADE,
        sample_kind="text",
        render=render,
        **further,  # type: ignore[arg-type]
    )


def write_sounds(
    target: Path | io.BytesIO, labels: Tensor | None = None, **further: object
) -> None:
    """SOUNDS to a file."""
    formats.write(
        target,
        batches(SOUNDS, labels),
        6,
        MADE,
        sample_kind="audio",
        rate=RATE,
        **further,  # type: ignore[arg-type]
    )


def test_a_txt_has_its_provenance_in_the_first_line_and_a_text_in_each_below() -> None:
    write_text(Path("new.txt"))
    first, *lines = Path("new.txt").read_text(encoding="utf-8").splitlines()
    assert lines == TEXTS and json.loads(first.removeprefix("# zoo: ")) == MADE
    assert provenance.read(Path("new.txt")) == MADE


def test_standard_output_gets_the_texts_alone() -> None:
    stream = io.BytesIO()
    write_text(stream, suffix=".txt")
    assert stream.getvalue().decode().splitlines() == TEXTS


def test_a_jsonl_has_index_text_and_label_in_each_line_and_the_provenance_in_the_first() -> None:
    write_text(Path("new.jsonl"), torch.arange(6) % 3, class_names=("x", "y"))
    rows = [json.loads(line) for line in Path("new.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    assert [row["index"] for row in rows] == [3, 4, 5, 6, 7, 8]
    assert [row["label"] for row in rows] == ["x", "y", 2] * 2
    assert rows[0]["zoo"] == MADE == provenance.read(Path("new.jsonl")) and "zoo" not in rows[1]


def test_an_npz_of_text_holds_tokens_and_strings() -> None:
    write_text(Path("new.npz"))
    with np.load("new.npz") as archive:
        assert archive["samples"].dtype == np.int64
        assert archive["samples"].tolist() == TOKENS.tolist()
        assert archive["texts"].tolist() == TEXTS
    assert provenance.read(Path("new.npz")) == MADE


def test_a_wav_holds_all_recordings_with_pauses_and_its_provenance() -> None:
    write_sounds(Path("new.wav"))
    with wave.open("new.wav") as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE, 2)
        assert file.getnframes() == 6 * 800 + 5 * 2_000
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert not frames[800:2_800].any()
    second = SOUNDS[1].T.mul(32_767).round().numpy()
    assert np.array_equal(frames[2_800:3_600], second)
    assert provenance.read(Path("new.wav")) == MADE
    assert (
        Path("new.wav").stat().st_size
        == int.from_bytes(Path("new.wav").read_bytes()[4:8], "little") + 8
    )


def test_a_wav_goes_to_standard_output_as_well() -> None:
    write_sounds(Path("new.wav"))
    stream = io.BytesIO()
    write_sounds(stream, suffix=".wav")
    assert stream.getvalue() == Path("new.wav").read_bytes()


def test_a_folder_has_a_wav_for_each_recording_by_class() -> None:
    write_sounds(Path("new"), torch.arange(6) % 2, class_names=("zero", "one"))
    found = sorted(path.relative_to("new").as_posix() for path in Path("new").rglob("*.wav"))
    assert found[0] == "one/000004.wav" and found[-1] == "zero/000007.wav" and len(found) == 6
    with wave.open("new/zero/000003.wav") as file:
        assert file.getnframes() == 800
    assert provenance.read(Path("new")) == MADE


def test_an_npz_of_audio_holds_floats_and_the_sample_rate() -> None:
    write_sounds(Path("new.npz"))
    with np.load("new.npz") as archive:
        assert archive["samples"].dtype == np.float32 and int(archive["sample_rate"]) == RATE
        assert np.array_equal(archive["samples"], SOUNDS.numpy())


def test_a_png_of_audio_shows_waveforms_above_spectrograms() -> None:
    write_sounds(Path("new.png"))
    with Image.open("new.png") as picture:
        assert picture.size == (3 * 130 + 2, 2 * 99 + 2) and picture.mode == "RGB"


def test_a_tone_is_a_line_in_the_spectrogram_at_its_frequency() -> None:
    time = torch.arange(RATE) / RATE
    tone = 0.5 * torch.sin(2 * torch.pi * 1_000 * time)[None, None]
    (tile,) = sounds.tiles(tone, RATE)
    spectrogram = tile[:, sounds.WAVEFORM + 1 :].float().sum(0)  # brightness
    row = int(spectrogram[:, 20:-20].mean(1).argmax())
    frequency = (1 - (row + 0.5) / sounds.SPECTROGRAM) * RATE / 2
    assert frequency == pytest.approx(1_000, abs=80)
    waveform = tile[:, : sounds.WAVEFORM].float().sum(0)
    lit = (waveform > 600).nonzero()[:, 0]
    assert lit.min() == pytest.approx(8, abs=1) and lit.max() == pytest.approx(23, abs=1)


@pytest.mark.parametrize("sound", [torch.zeros(1, 1, 900), torch.full((1, 2, 50), 1.0)])
def test_silence_and_short_recordings_have_a_picture(sound: Tensor) -> None:
    assert sounds.tiles(sound, 44_100).shape == (1, 3, 97, 128)


def test_loud_samples_are_clipped_and_full_scale_is_kept() -> None:
    pcm = np.frombuffer(sounds.to_pcm(torch.tensor([[-2.0, -1.0, 0.0, 1.0, 2.0]])), "<i2")
    assert pcm.tolist() == [-32_768, -32_767, 0, 32_767, 32_767]


def test_a_wav_that_would_be_too_large_is_refused() -> None:
    with pytest.raises(OutputError, match=r"can't hold 4\.3 GB: draw fewer samples"):
        sounds.header(1, RATE, 1 << 32)


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("x.png", "text", "are text: write them to .npz or .txt or .jsonl, not 'x.png'"),
        ("x", "text", "are text: write them to .npz or .txt or .jsonl, not 'x'"),
        ("x.safetensors", "text", "are text"),
        ("x.txt", "audio", "are audio: write them to .png or .jpg"),
        ("x.wav", "image", "are images: write them to .png"),
        ("x.mp3", "audio", "Can't write '.mp3' files: choose .png"),
        ("x.csv", "text", "Can't write '.csv' files: choose .npz, .txt, .jsonl."),
    ],
)
def test_a_file_that_cannot_hold_a_kind_is_refused_in_words(name: str, kind: str, why: str) -> None:
    with pytest.raises(OutputError) as caught:
        formats.check_path(Path(name), kind)
    assert why in str(caught.value)


@pytest.mark.parametrize("name", ["own.txt", "own.jsonl", "own.wav"])
@pytest.mark.parametrize("content", [b"", b"anna\n", b"RIFF\x00\x00\x00\x00WAVE", b"{}\n", b"\xff"])
def test_a_file_that_the_zoo_did_not_write_is_not_replaced(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(OutputError, match="the zoo did not write it"):
        formats.refuse_foreign(Path(name))
