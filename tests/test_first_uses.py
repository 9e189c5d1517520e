"""The first things that a new user does, from the README alone."""

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import Zoo
from documents import README, blocks, follow, section
from PIL import Image

from zoo import list_checkpoints
from zoo.sampling import provenance


def use(name: str) -> str:
    """What the quick start says of a use, up to the next one."""
    text = section(README, "## Quick start")
    start = text.index(f"**{name}")
    end = re.search(r"^\*\*", text[start + 2 :], re.MULTILINE)
    return text[start:][: end.start() + 2] if end else text[start:]


def grey_values(picture: str) -> int:
    with Image.open(picture) as image:
        return len(set(image.tobytes()))


def test_one_picture(zoo: Zoo) -> None:
    follow(use("One picture"), zoo)
    assert grey_values("digits.png") > 50 and grey_values("sevens.png") > 50
    assert provenance.read(Path("digits.png"))["checkpoint"] == "dcgan-mnist"


def test_a_first_vae_and_gan_with_their_pictures(zoo: Zoo) -> None:
    follow(use("Your first VAE and GAN"), zoo)
    assert grey_values("my-vae.png") > 50 and grey_values("my-gan.png") > 50


def test_twenty_thousand_files(zoo: Zoo) -> None:
    follow(use("20,000 images"), zoo)
    files = sorted(Path("digits").rglob("*.png"))
    with np.load("digits.npz") as arrays:
        samples = arrays["samples"]
    assert len(files) == len(samples) == 100
    with Image.open(files[7]) as image:
        assert np.array_equal(np.asarray(image), samples[7, 0])


@pytest.mark.long
def test_a_sweep_of_twelve_trainings_ends_in_a_table_of_means_and_deviations(
    zoo: Zoo, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = blocks(README, "python")[-1]
    assert len(sweep.splitlines()) <= 15
    follow(f"```python\n{sweep}```\n", zoo)
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "latents:" in line]
    assert [row[0] for row in rows] == ["2", "8", "20", "50"]
    assert all(float(mean) > float(deviation) > 0 for _, _, mean, _, deviation in rows)
    assert len(list_checkpoints("sweep-*")) == 12
