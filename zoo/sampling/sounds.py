"""Recordings as WAV files, and as pictures of their waveform and spectrogram."""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo.common.errors import OutputError
from zoo.sampling.provenance import WAV_CHUNK

# seconds of silence between the recordings of one file
PAUSE = 0.25
# bytes that the samples of a WAV file may take: its sizes are numbers of 32 bits
MOST_BYTES = (1 << 32) - (1 << 20)
# width and height of a picture of one recording, and how much of it is the waveform
WIDTH = 128
WAVEFORM = 32
SPECTROGRAM = 64
# decibels below the loudest that a spectrogram shows
DEPTH = 70.0
# the colours of a spectrogram from quiet to loud, red, green and blue
COLOURS = ((0, 0, 8), (60, 15, 110), (160, 40, 120), (240, 110, 70), (255, 240, 180))


def to_pcm(samples: Tensor) -> bytes:
    """One recording, float `(channels, n)` in [-1, 1], as 16-bit numbers, channels interleaved."""
    whole = samples.detach().cpu().float().mul(32_767).round().clamp(-32_768, 32_767)
    return whole.to(torch.int16).T.contiguous().numpy().astype("<i2", copy=False).tobytes()


def header(channels: int, rate: int, size: int, made: Mapping[str, Any] | None = None) -> bytes:
    """What stands in a WAV file before its samples.

    **Arguments:**
    - `channels`: 1 or 2.
    - `rate`: samples a second.
    - `size`: bytes of all samples.
    - `made`: how they were made; kept in a chunk of its own, which players pass over.

    **Raises:** `OutputError` for more than a WAV file can hold."""
    if size > MOST_BYTES:
        raise OutputError(
            f"A WAV file can't hold {size / 1e9:.1f} GB: draw fewer samples, or write them to a "
            "folder or to .npz."
        )
    frame = 2 * channels
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    if made is not None:
        record = json.dumps(made).encode()
        record += b" " * (len(record) % 2)
        chunks += WAV_CHUNK + struct.pack("<I", len(record)) + record
    chunks += b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + size) + b"WAVE" + chunks


def pause(channels: int, rate: int) -> bytes:
    """The silence between two recordings of one file."""
    return bytes(2 * channels * round(PAUSE * rate))


def to_wav(samples: Tensor, rate: int, made: Mapping[str, Any] | None = None) -> bytes:
    """A whole WAV file of one recording, 16 bits a sample.

    **Arguments:**
    - `samples`: float `(channels, n)` in [-1, 1].
    - `rate`: samples a second.
    - `made`: how it was made.
    """
    data = to_pcm(samples)
    return header(samples.shape[0], rate, len(data), made) + data


def tiles(samples: Tensor, rate: int) -> Tensor:
    """Pictures of recordings: the waveform, and below it the spectrogram.

    The spectrogram shows time to the right and frequency upwards, 0 to half the sample rate;
    loudness in decibels, from the loudest of each recording down by 70.

    **Arguments:**
    - `samples`: float `(n, channels, samples in time)`; the mean of the channels is shown.
    - `rate`: samples a second.

    **Returns:** uint8 `(n, 3, 97, 128)`.
    """
    mono = samples.float().mean(1)
    line = torch.full((len(mono), 3, 1, WIDTH), 96, dtype=torch.uint8)
    return torch.cat([_waveforms(mono), line, _spectrograms(mono, rate)], 2)


def _waveforms(mono: Tensor) -> Tensor:
    """In each column a bar from the least to the greatest value, white on dark blue."""
    length = mono.shape[1]
    padded = torch.nn.functional.pad(mono, (0, -length % WIDTH))
    columns = padded.unflatten(1, (WIDTH, -1))  # (n, columns, values)
    # from 0 at the upper edge to WAVEFORM - 1 at the lower one
    high, low = (
        ((1 - one) / 2 * (WAVEFORM - 1)).round()[:, None, :]
        for one in (columns.amax(2), columns.amin(2))
    )
    rows = torch.arange(WAVEFORM)[None, :, None]
    on = (rows >= high) & (rows <= low)  # (n, rows, columns)
    colours = torch.tensor([[12, 16, 32], [235, 240, 250]], dtype=torch.uint8)
    return colours[on.long()].permute(0, 3, 1, 2)


def _spectrograms(mono: Tensor, rate: int) -> Tensor:
    """Decibels as colours, `(n, 3, SPECTROGRAM, WIDTH)`."""
    # windows of about 32 ms, a power of 2
    size = max(16, 2 ** round(math.log2(0.032 * rate)))
    step = max(1, min(size // 4, math.ceil(mono.shape[1] / WIDTH)))
    mono = torch.nn.functional.pad(mono, (size // 2, size // 2))
    # (n, frequencies, times)
    spectra = torch.stft(
        mono, size, step, window=torch.hann_window(size), center=False, return_complex=True
    ).abs()
    decibels = 20 * spectra.clamp(min=1e-6).log10()
    loudest = decibels.flatten(1).amax(1).clamp(min=-40)[:, None, None]
    level = (1 + (decibels - loudest) / DEPTH).clamp(0, 1)
    level = torch.nn.functional.interpolate(level[:, None], (SPECTROGRAM, WIDTH), mode="area")[:, 0]
    place = level.flip(1) * (len(COLOURS) - 1)
    below = place.floor().clamp(max=len(COLOURS) - 2)
    colours = torch.tensor(COLOURS, dtype=torch.float32)
    share = (place - below)[..., None]
    mixed = torch.lerp(colours[below.long()], colours[below.long() + 1], share)
    return mixed.round().to(torch.uint8).permute(0, 3, 1, 2)
