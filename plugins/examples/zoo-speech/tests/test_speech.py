"""The VAE of spectrograms keeps the contract and draws sound; digits have two parts."""

import hashlib
import io
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from zoo_speech import digits
from zoo_speech.judge import Judge, accuracy
from zoo_speech.vae import HOP, SpeechVAE, log_magnitudes, waveforms

from zoo.models import ConfigError
from zoo.testing import ModelContract

# a few frames, so that the tests are fast
SMALL = {"sample_shape": [1, 448], "latent_dim": 2, "width": 8, "iterations": 2}


class TestSpeechVAE(ModelContract):
    model = "speech-vae"
    config = SMALL


class TestConditionalSpeechVAE(ModelContract):
    model = "speech-vae"
    config = {**SMALL, "num_classes": 3}


def tones(frequency: float = 687.5, length: int = 6_080) -> Tensor:
    """A tone that swells and fades, `(1, 1, length)`."""
    time = torch.arange(length) / 8_000
    swell = torch.hann_window(length)
    return (0.5 * swell * torch.sin(2 * torch.pi * frequency * time))[None, None]


def test_a_spectrogram_has_a_frame_every_eight_milliseconds() -> None:
    spectrogram = log_magnitudes(tones())
    assert spectrogram.shape == (1, 128, 96) and HOP / 8_000 == 0.008
    # 31.25 Hz a bin
    assert int(spectrogram[0, :, 48].argmax()) == round(687.5 / 31.25)


def test_a_waveform_is_found_that_has_the_magnitudes() -> None:
    wanted = log_magnitudes(tones())
    found = log_magnitudes(waveforms(wanted, 32)[:, None])
    difference = (found.exp() - wanted.exp()).norm() / wanted.exp().norm()
    assert difference < 0.1


def test_more_rounds_come_closer_to_the_magnitudes() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = 0.2 * torch.randn(1, 1, 6_080, generator=generator)
    wanted = log_magnitudes(noise)

    def error(rounds: int) -> float:
        return float((log_magnitudes(waveforms(wanted, rounds)[:, None]) - wanted).abs().mean())

    assert error(32) < error(4) < error(0)


def test_samples_are_as_loud_as_the_data() -> None:
    torch.manual_seed(0)
    model = SpeechVAE(SpeechVAE.Config.from_dict(SMALL)).eval()
    with torch.no_grad():
        torch.nn.init.ones_(list(model.decoder.parameters())[-1])
        sounds = model.sample(3, generator=torch.Generator().manual_seed(0))
    assert sounds.abs().amax((1, 2)).tolist() == pytest.approx([0.9] * 3)
    assert waveforms(torch.full((2, 128, 8), 9.0), 4).isfinite().all()


@pytest.mark.parametrize("shape", [(1, 6_000), (2, 6_080)])
def test_a_length_that_the_networks_cannot_halve_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=r"takes 1 channel and k · 512 − 64 samples"):
        SpeechVAE.Config(sample_shape=shape)


def test_latents_get_the_mean_and_the_covariance_of_those_of_their_class() -> None:
    model = SpeechVAE(SpeechVAE.Config.from_dict({**SMALL, "num_classes": 2}))
    torch.manual_seed(0)
    turn = torch.tensor([[1.0, 0.5], [0.0, 0.2]])
    for _ in range(300):
        labels = torch.randint(2, (64,))
        mean = torch.randn(64, 2) @ turn + torch.tensor([[3.0, 0.0], [-3.0, 1.0]])[labels]
        model.follow(mean, torch.full((64, 2), 0.01), labels)
    labels = torch.arange(4_000) % 2
    z = model.of_class(torch.randn(4_000, 2), labels)
    for label, middle in enumerate(([3.0, 0.0], [-3.0, 1.0])):
        assert z[labels == label].mean(0).tolist() == pytest.approx(middle, abs=0.15)
        wanted = turn.T @ turn + 0.01 * torch.eye(2)
        assert torch.allclose(torch.cov(z[labels == label].T), wanted, atol=0.15)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    torch.manual_seed(0)
    model = SpeechVAE(SpeechVAE.Config()).eval()
    for parameter in model.decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    z = torch.randn(5, 40)
    with torch.no_grad():
        whole = model.decode(z)
        alone = torch.cat([model.decode(one) for one in z[:, None]])
    # but for the last bit of a float32
    assert whole.dtype == torch.float32 and (whole - alone).abs().max() <= 1e-7


def test_sampling_needs_no_encoder() -> None:
    model = SpeechVAE(SpeechVAE.Config.from_dict(SMALL)).eval()
    del model.encoder
    assert model.sample(2, generator=torch.Generator().manual_seed(0)).shape == (2, 1, 448)


def write(path: Path, samples: np.ndarray, rate: int = 8_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight takes of two digits, of growing lengths."""
    for digit in (3, 7):
        for take in (0, 4, 5, 11):
            loud = np.full(1_000 * (take + 1), 1_000 * (digit - 2))
            write(tmp_path / "recordings" / f"{digit}_ann_{take}.wav", loud)
    return tmp_path


def test_takes_zero_to_four_are_the_test_set_and_all_are_as_loud(root: Path) -> None:
    samples, labels, lengths = digits.load(root, "test")
    assert samples.shape == (4, 1, 6_080) and labels.tolist() == [3, 3, 7, 7]
    assert lengths.tolist() == [1_000, 5_000, 1_000, 5_000]
    assert samples.amax((1, 2)).tolist() == pytest.approx([0.9] * 4)
    assert not samples[0, 0, 1_000:].any()
    samples, labels, lengths = digits.load(root, "train")
    assert lengths.tolist() == [6_080, 6_000] * 2 and samples[0, 0].min() > 0.89


def test_a_recording_of_another_rate_is_refused(root: Path) -> None:
    write(root / "recordings" / "3_ann_9.wav", np.ones(100), 16_000)
    with pytest.raises(OSError, match=r"3_ann_9\.wav is not a recording of 16 bits, mono, 8 kHz"):
        digits.load(root, "train")


def test_only_the_known_recordings_are_taken_from_an_archive(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, recording = io.BytesIO(), (root / "recordings" / "3_ann_5.wav").read_bytes()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("digits-26eb/recordings/3_ann_5.wav", recording)
        file.writestr("digits-26eb/../../out.wav", b"no")
        file.writestr("digits-26eb/README.md", b"no")
    place, home = root / "archive.zip", tmp_path_factory.mktemp("home")
    place.write_bytes(archive.getvalue())
    monkeypatch.setattr(digits, "ADDRESS", place.as_uri())
    with pytest.raises(OSError, match="SHA-256 differs"):
        digits.load(home, "train")
    assert not any(home.iterdir())
    monkeypatch.setattr(digits, "SHA256", hashlib.sha256(recording).hexdigest())
    assert len(digits.load(home, "train")[0]) == 1
    assert [path.name for path in home.rglob("*.wav")] == ["3_ann_5.wav"]


def test_the_judge_says_one_of_ten_digits() -> None:
    judge, sound = Judge().eval(), tones().expand(3, -1, -1)
    assert judge(log_magnitudes(sound)).shape == (3, 10)
    assert accuracy(judge, sound, torch.zeros(3, dtype=torch.int64)) in (0.0, 1.0)
