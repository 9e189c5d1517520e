"""speech-vae: a VAE of spectrograms, which become sound by Griffin and Lim's algorithm."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from zoo.models import (
    AudioConfig,
    Bounds,
    ConfigError,
    Count,
    Fraction,
    LatentModel,
    Objective,
    Size,
    Step,
    TrainConfig,
    at_least_float32,
)

# samples in the window of a spectrum, and between two windows
WINDOW = 256
HOP = 64
BINS = WINDOW // 2
# frames that the networks see as one
PAIRED = 2
# how often the networks halve the time after that
HALVINGS = 2
# a magnitude below this counts as silence; full scale is about 64
FLOOR = 0.05
# a waveform is not made louder than from this
QUIETEST = 0.01
# how far one recording moves what is known of the latents of its class
RATE = 0.002


class SpeechVAE(LatentModel["SpeechVAE.Config"]):
    """Draws the logarithm of a magnitude spectrogram, and finds a waveform that has it.

    The latents of each class have a mean and a covariance of their own, taken from the encoder in
    training, so that samples come from where the data is (Ghosh et al. 2020, arXiv:1903.12436,
    section 4). `decode` takes z from a standard normal distribution and moves it there.

    The encoder is needed in training only. The likelihood of a spectrogram is a Laplace
    distribution around the decoder's output. The waveform comes from the magnitudes by the
    algorithm of Griffin & Lim (1984, doi:10.1109/TASSP.1984.1164317), which begins with the phases
    of steady tones. It makes small differences of the magnitudes a hundred times as large, so all
    of `decode` computes in float64: a sample is then the same in every batch.
    """

    sample_kind = "audio"
    training_only = ("encoder",)
    recipe = TrainConfig(
        epochs=60,
        batch_size=32,
        learning_rate=1e-3,
        max_grad_norm=1.0,
        warmup=0.05,
        schedule="cosine",
        ema_decay=0.999,
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(AudioConfig):
        """The sizes of the networks.

        **Arguments:**
        - `sample_shape`: 1 channel and 64 · (8 k) − 64 samples, such as 6080.
        - `latent_dim`: dimensions of z.
        - `width`: channels of the convolutions.
        - `spread`: scale of the Laplace distribution, in nepers: smaller gives finer detail and
            latents that are less like the prior.
        - `kl_warmup`: part of the training, 0 to 1, in which the weight of the KL term grows from
            0 to 1.
        - `iterations`: rounds of the algorithm that finds the waveform.
        - `peak`: the loudest value of each waveform, as in the data; 0 leaves it as it is found.
        """

        sample_shape: tuple[Size, ...] = (1, 6_080)
        latent_dim: Size = 40
        width: Size = 128
        spread: Annotated[float, Bounds(0.01, 1_000.0)] = 1.5
        kl_warmup: Fraction = 0.2
        iterations: Count = 12
        peak: Fraction = 0.9

        def __post_init__(self) -> None:
            super().__post_init__()
            channels, length = self.sample_shape
            whole = HOP * PAIRED * 2**HALVINGS
            if channels != 1 or (length + HOP) % whole:
                raise ConfigError(
                    f"sample_shape = {channels},{length} does not fit: speech-vae takes 1 channel "
                    f"and k · {whole} − {HOP} samples, such as 1,6080."
                )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.latent_shape = (config.latent_dim,)
        self.frames = (config.sample_shape[1] + HOP) // HOP
        known, width = config.num_classes, config.width
        steps = self.frames // PAIRED // 2**HALVINGS
        classes, numbers = max(1, known), config.latent_dim
        self.register_buffer("means", torch.zeros(classes, numbers))
        self.register_buffer("moments", torch.eye(numbers).repeat(classes, 1, 1))
        self.encoder = nn.Sequential(
            nn.Conv1d(PAIRED * BINS + known, width, 3, padding=1),
            nn.SiLU(),
            *(
                layer
                for _ in range(HALVINGS)
                for layer in (nn.Conv1d(width, width, 4, stride=2, padding=1), nn.SiLU())
            ),
            nn.Flatten(),
            nn.Linear(width * steps, width),
            nn.SiLU(),
            nn.Linear(width, 2 * config.latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(config.latent_dim + known, width),
            nn.SiLU(),
            nn.Linear(width, width * steps),
            nn.Unflatten(1, (width, steps)),
            *(
                layer
                for _ in range(HALVINGS)
                for layer in (Residual(width), nn.Upsample(scale_factor=2))
            ),
            Residual(width),
            nn.SiLU(),
            nn.Conv1d(width, PAIRED * BINS, 3, padding=1),
        )

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The waveforms of latents, in [-1, 1]."""
        with torch.autocast(z.device.type, enabled=False):
            latents = self.of_class(z.double(), labels)
            exact = {name: one.double() for name, one in self.decoder.named_parameters()}
            drawn = functional_call(self.decoder, exact, (self.with_labels(latents, labels),))
            spectrograms = _unpaired(drawn)
            sounds = waveforms(spectrograms, self.config.iterations)
            if self.config.peak:
                loudest = sounds.abs().amax(1, keepdim=True).clamp(min=QUIETEST)
                sounds = self.config.peak * sounds / loudest
            return sounds.clamp(-1, 1).float()[:, None]

    def of_class(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents with the mean and the covariance of those of a class.

        **Arguments:**
        - `z`: standard normal, `(n, latent_dim)`.
        - `labels`: as for `decode`.
        """
        self.check_labels(labels, z.shape[0])
        classes = torch.zeros_like(z[:, 0], dtype=torch.int64) if labels is None else labels
        means, moments = self.get_buffer("means").double(), self.get_buffer("moments").double()
        small = 1e-4 * torch.eye(z.shape[1], device=z.device, dtype=torch.float64)
        roots = torch.linalg.cholesky(moments - means[:, :, None] * means[:, None] + small)
        moved = (roots[classes] * z.double()[:, None]).sum(2)
        latents: Tensor = means[classes] + moved
        return latents.to(z.dtype)

    @torch.no_grad()
    def follow(self, mean: Tensor, variance: Tensor, labels: Tensor | None) -> None:
        """Move what is known of the latents of each class towards those of a batch.

        **Arguments:**
        - `mean`, `variance`: of q(z | x), `(n, latent_dim)`.
        - `labels`: int64 `(n,)`, None for an unconditional model.
        """
        means, moments = self.get_buffer("means"), self.get_buffer("moments")
        classes = torch.zeros_like(mean[:, 0], dtype=torch.int64) if labels is None else labels
        chosen = F.one_hot(classes, len(means)).to(mean.dtype)  # (n, classes)
        counts = chosen.sum(0)
        weights = chosen / counts.clamp(min=1)
        second = torch.einsum("nc,ni,nj->cij", weights, mean, mean)
        second = second + torch.diag_embed(weights.T @ variance)
        share = 1 - (1 - RATE) ** counts
        means.lerp_(weights.T @ mean, share[:, None])
        moments.lerp_(second, share[:, None, None])

    def spectrograms(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logarithms of magnitudes, `(n, 128, frames)`, as `log_magnitudes` gives them."""
        return _unpaired(self.decoder(self.with_labels(z, labels)))

    def posterior(self, spectrograms: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each `(n, latent_dim)`."""
        paired = spectrograms.unflatten(2, (-1, PAIRED)).permute(0, 3, 1, 2).flatten(1, 2)
        mean, log_variance = at_least_float32(self.encoder(self.with_labels(paired, labels))).chunk(
            2, dim=1
        )
        return mean, log_variance.clamp(-8, 2)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Minimise −log p(spectrogram | z) + KL(q(z | x) ‖ p(z)), in nats per recording, without
        the constant log(2 · spread) of each value.
        """
        heard = log_magnitudes(samples)
        mean, log_variance = self.posterior(heard, labels)
        if self.training:
            self.follow(mean, log_variance.exp(), labels)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        distance = (self.spectrograms(z, labels) - heard).abs().flatten(1)
        kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(1)
        warmup = self.config.kl_warmup * step.total
        weight = min(1.0, step.index / warmup) if warmup else 1.0
        loss = distance.sum(1) / self.config.spread + weight * kl
        yield Objective(loss, metrics={"error": distance.mean().detach(), "kl": kl.mean().detach()})


class Residual(nn.Module):
    """Two convolutions over time, added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.added = nn.Sequential(
            nn.SiLU(),
            nn.Conv1d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv1d(width, width, 3, padding=1),
        )

    def forward(self, h: Tensor) -> Tensor:
        """`(n, width, steps)` to the same shape."""
        added: Tensor = h + self.added(h)
        return added


def log_magnitudes(samples: Tensor) -> Tensor:
    """log(|STFT| + 0.05) of waveforms.

    **Arguments:**
    - `samples`: float32 `(n, 1, length)`.

    **Returns:** nepers, float32 `(n, 128, frames)`: the highest frequency, half the sample rate,
    is left out.
    """
    return (_spectra(samples[:, 0].float()).abs()[:, :BINS] + FLOOR).log()


def waveforms(logarithms: Tensor, iterations: int) -> Tensor:
    """Waveforms with nearly these magnitudes, by the algorithm of Griffin & Lim (1984).

    **Arguments:**
    - `logarithms`: as `log_magnitudes` gives them.
    - `iterations`: how often the magnitudes are put in place again.

    **Returns:** `(n, length)`, in the precision of the logarithms.
    """
    magnitudes = F.pad((logarithms.clamp(max=6).exp() - FLOOR).clamp(min=0), (0, 0, 0, 1))
    bins, frames = magnitudes.shape[1:]
    turns = torch.outer(
        torch.arange(bins, device=magnitudes.device), torch.arange(frames, device=magnitudes.device)
    )
    # a steady tone in the middle of each bin; one between two bins has opposite signs in them
    angles = 2 * math.pi * HOP / WINDOW * turns + math.pi * torch.arange(bins)[:, None].to(turns)
    spectra = torch.polar(magnitudes, angles.expand_as(magnitudes).to(magnitudes.dtype))
    for _ in range(iterations):
        spectra = _spectra(_inverse(spectra))
        # where little is heard the phase is of no matter; the small number keeps it steady there
        spectra = magnitudes * spectra / (spectra.abs() + FLOOR)
    return _inverse(spectra)


def _unpaired(drawn: Tensor) -> Tensor:
    """What the decoder gives, `(n, 2 · 128, frames / 2)`, frame by frame."""
    return at_least_float32(drawn.unflatten(1, (PAIRED, BINS)).permute(0, 2, 3, 1).flatten(2))


def _spectra(samples: Tensor) -> Tensor:
    window = torch.hann_window(WINDOW, device=samples.device, dtype=samples.dtype)
    return torch.stft(samples, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)


def _inverse(spectra: Tensor) -> Tensor:
    real = spectra.real.dtype
    window = torch.hann_window(WINDOW, device=spectra.device, dtype=real)
    length = HOP * (spectra.shape[2] - 1)
    return torch.istft(spectra, WINDOW, HOP, window=window, length=length)
