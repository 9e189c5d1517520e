"""Progress within one batch: a note from time to time, and Ctrl-C between two steps."""

import itertools
import logging

import pytest
import torch
from torch import Tensor
from toys import Toy

import zoo
from zoo.models import progress
from zoo.sampling import sampler


class Slow(Toy):
    """Takes ten steps for each batch; at one of them somebody presses Ctrl-C."""

    stopped_at = -1
    taken = 0

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: object = None,
    ) -> Tensor:
        for step in progress(range(10)):
            if step == self.stopped_at:
                raise KeyboardInterrupt
            self.taken += 1
        return torch.zeros(n, *self.config.sample_shape)


def test_a_batch_of_many_steps_says_every_twenty_seconds_how_far_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count(0, 9)
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))
    with caplog.at_level(logging.INFO, "zoo"):
        assert list(progress(["a", "b", "c", "d", "e"], "Solving")) == ["a", "b", "c", "d", "e"]
    assert caplog.messages == ["Solving: step 3 of 5"]


def test_a_batch_that_is_quick_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "zoo"):
        assert list(progress(range(3))) == [0, 1, 2]
    assert caplog.messages == []


def test_ctrl_c_ends_a_batch_between_two_steps() -> None:
    model = Slow()
    model.stopped_at = 4
    with pytest.raises(KeyboardInterrupt):
        zoo.draw(model, 3, seed=0)
    assert model.taken == 4


@pytest.mark.parametrize(
    ("most", "batches"), [(65_536, [128, 72]), (100, [100, 100]), (16, [64, 64, 64, 8])]
)
def test_no_more_samples_are_computed_at_once_than_a_model_says(
    most: int, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slow, "sample_batch", most)
    drawn = [len(some) for some, _ in sampler.stream(Slow(), 200, seed=0, batch_size=128)]
    assert drawn == batches
