"""The nearest training images: those of a plain search, read however they are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

from zoo.data import ImageFiles, load_dataset
from zoo.evaluation import nearest as room
from zoo.evaluation.nearest import nearest, picture
from zoo.sampling.images import to_image


def test_the_nearest_training_images_are_those_of_a_plain_search_however_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = load_dataset("mnist", split="test").samples[:8]
    training = load_dataset("mnist").samples[:300]
    flat = training.flatten(1).double().numpy()
    found = [((flat - one) ** 2).sum(1).argmin() for one in samples.flatten(1).double().numpy()]
    assert torch.equal(nearest(samples, training), training[found])
    paths = []
    for index, pixels in enumerate(training):
        paths.append(Path(f"{index}.png"))
        to_image(pixels).save(paths[-1])
    # Some at a time, the last part shorter.
    monkeypatch.setattr(room, "DISTANCES", 784 * 7)
    assert torch.equal(nearest(samples, ImageFiles(paths, (1, 28, 28))), training[found])


def test_a_copied_training_image_finds_itself_and_stands_below_itself() -> None:
    training = load_dataset("mnist").samples
    drawn = picture(training[[700, 5]] / 255, training)
    assert drawn.size == (2 * 30 + 2, 62)
    pixels = np.asarray(drawn)
    assert (pixels[2:30] == pixels[32:60]).all()
    assert (pixels[2:30, 2:30] == training[700, 0].numpy()).all()
