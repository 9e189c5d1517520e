"""Curves of losses: what is drawn where, and what is left out."""

import io
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.common.errors import MissingDependencyError, OutputError
from zoo.sampling import provenance
from zoo.training import curves

Trained = Callable[..., Path]
HISTORY = [
    {"epoch": epoch, "losses": {"model": 100 - epoch, "kl": 9 + epoch}} for epoch in range(1, 11)
]
BLUE, ORANGE, GREEN = (0x1F, 0x5F, 0x8B), (0xC2, 0x57, 0x1A), (0x3B, 0x7D, 0x4F)


def stroke(picture: Image.Image, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels that are nearly of a colour."""
    return np.nonzero(np.abs(np.asarray(picture.convert("RGB")).astype(int) - colour).sum(2) < 40)


def test_a_loss_that_falls_is_drawn_falling_and_the_held_out_one_dashed_above_it() -> None:
    history = [
        {"epoch": epoch, "losses": {"model": 20.0 - epoch}, "held_out": {"model": 25.0 - epoch}}
        for epoch in range(1, 11)
    ]
    picture = curves.loss_curves(history)
    title = 40  # pixels at the top, where numbers have colours too
    training, held_out = (
        {int(x): float(y[columns == x].mean()) for x in np.unique(columns)}
        for y, columns in (
            (y[y > title], x[y > title]) for y, x in map(stroke, [picture] * 2, [BLUE, ORANGE])
        )
    )
    heights = [training[x] for x in sorted(training)]
    assert heights == sorted(heights) and heights[-1] - heights[0] > 50  # rows count downwards
    shared = training.keys() & held_out.keys()
    assert len(shared) < 0.95 * len(training) and all(
        held_out[x] < training[x] - 20 for x in shared
    )


def test_a_first_epoch_far_above_the_others_does_not_flatten_their_curve() -> None:
    history = [
        {"epoch": epoch, "losses": {"model": 1e4 if epoch == 1 else 20.0 - epoch}}
        for epoch in range(1, 12)
    ]
    rows, columns = stroke(curves.loss_curves(history), BLUE)
    right = columns > np.median(columns)  # the second half of the training
    assert np.ptp(rows[right & (rows > 40)]) > 50


def test_what_is_not_finite_is_left_out_of_the_curves() -> None:
    strange = [
        {**entry, "held_out": {"model": math.inf}, "watched": {"diversity": math.nan}}
        for entry in HISTORY
    ]
    assert curves.loss_curves(strange).tobytes() == curves.loss_curves(HISTORY).tobytes()
    with pytest.raises(OutputError, match="no numbers"):
        curves.loss_curves([{"epoch": 1, "losses": {"model": math.nan}}])


def test_curves_get_a_panel_each_and_what_the_samples_show_one_of_its_own() -> None:
    plain = curves.loss_curves(HISTORY)
    assert len(stroke(plain, GREEN)[0]) == 0
    watched = curves.loss_curves([{**entry, "watched": {"diversity": 0.9}} for entry in HISTORY])
    assert watched.width > 1.4 * plain.width and len(stroke(watched, GREEN)[0]) > 0


@pytest.mark.parametrize(("epochs", "names"), [(1, 3), (300, 7)])
def test_curves_are_a_small_picture_whatever_there_is_to_draw(epochs: int, names: int) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(epochs, names, generator=generator).tolist()
    history = [
        {
            "epoch": epoch + 1,
            "losses": {f"loss {index}": value for index, value in enumerate(values)},
        }
        for epoch, values in enumerate(noise)
    ]
    written = io.BytesIO()
    curves.loss_curves(history).save(written, "png")
    assert 2_000 < len(written.getvalue()) <= 60_000


def test_the_curves_of_a_real_training_can_be_drawn(trained: Trained) -> None:
    facts = json.loads((trained("mlp-vae") / "facts.json").read_text())
    assert curves.loss_curves(facts["history"]).width > 300


def test_without_matplotlib_curves_are_refused_in_words_and_none_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it were not installed
    with pytest.raises(MissingDependencyError, match=r"pip install 'genzoo\[plots\]'"):
        curves.loss_curves(HISTORY)
    assert curves.write(Path(), {}, HISTORY) == [] and not Path("images").exists()


def test_curves_are_written_beside_the_other_pictures_and_are_no_generated_picture() -> None:
    assert curves.write(Path(), {"checkpoint": "mine"}, HISTORY) == ["losses.png"]
    path = Path("images/losses.png")
    assert provenance.read(path) == {"checkpoint": "mine", "picture": "losses"}
    assert provenance.source_type(path) == ""
    first = path.read_bytes()
    curves.write(Path(), {"checkpoint": "mine"}, HISTORY)
    assert path.read_bytes() == first
