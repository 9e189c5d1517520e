"""Films of pictures that go round without end: GIF, WebP, and MP4 where its extra is installed."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from zoo.common import files
from zoo.common.errors import OutputError
from zoo.sampling import images, provenance

MILLISECONDS = 80  # that a picture is shown


def save(frames: Sequence[Image.Image], path: Path, made: Mapping[str, Any]) -> None:
    """Write a film as its suffix says, whole or not at all, with how it was made.

    **Arguments:**
    - `frames`: the pictures, all of one size.
    - `path`: ends in `.gif`, `.webp` or `.mp4`.
    """
    suffix = path.suffix.lower()
    if suffix == ".gif":
        images.save_gif(frames, path, MILLISECONDS, made)
    elif suffix == ".webp":
        images.refuse_side(frames[0].size, "WEBP")
        with files.replacing(path) as partial:
            frames[0].save(
                partial,
                format="webp",
                save_all=True,
                append_images=list(frames[1:]),
                duration=MILLISECONDS,
                loop=0,
                lossless=True,
                xmp=provenance.xmp(made),
            )
    else:
        _save_mp4(frames, path, made)


def _save_mp4(frames: Sequence[Image.Image], path: Path, made: Mapping[str, Any]) -> None:
    """H.264, which takes even sides only: black is added on the right and below."""
    import imageio_ffmpeg

    size = tuple(side + side % 2 for side in frames[0].size)
    with files.replacing(path) as partial:
        writer = imageio_ffmpeg.write_frames(
            str(partial),
            size,
            fps=1000 / MILLISECONDS,
            codec="libx264",
            macro_block_size=2,
            quality=9,
            output_params=["-f", "mp4"],
        )
        try:
            writer.send(None)
            for frame in frames:
                whole = Image.new("RGB", (size[0], size[1]))
                whole.paste(frame.convert("RGB"))
                writer.send(whole.tobytes())
        except OSError as error:
            raise OutputError(f"{path} can't be written: ffmpeg failed: {error}.") from error
        finally:
            writer.close()
        packet = provenance.xmp(made)
        with partial.open("ab") as file:
            length = 8 + len(provenance.MP4_XMP) + len(packet)
            file.write(struct.pack(">I4s", length, b"uuid") + provenance.MP4_XMP + packet)
