"""A likelihood of texts: in nats a text, and in bits a character."""

import math
from pathlib import Path

import pytest
import torch
import walkers
from conftest import Zoo

import zoo as door


@pytest.fixture
def speller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A checkpoint of text, and texts to measure it by."""
    walkers.offer(tmp_path / "site", monkeypatch)
    config = walkers.Speller.Config(sample_shape=(4,), alphabet="abcde")
    door.save(walkers.Speller(config).eval(), "speller")
    Path("texts.txt").write_text("abba\nbad\ncab\nace\nbead\n" * 4)
    Path("unseen.txt").write_text("dead\nbee\na\n" * 4)
    return "./speller"


def test_the_likelihood_of_texts_comes_in_bits_for_each_character_too(
    speller: str, zoo: Zoo
) -> None:
    found = {
        one.metric: one
        for one in door.evaluate(
            speller, data="./texts.txt", test="./unseen.txt", importance_samples=20, write=True
        )
    }
    bits, nll = found["bits_per_character"], found["nll"]
    characters = (4 + 4 + 2) / 3  # with the ends of those that are shorter than 4
    assert bits.value == pytest.approx(nll.value / math.log(2) / characters)
    assert bits.unit == "bits" and bits.standard_error and bits.importance_samples == 20
    assert bits.title == "Bits per character (Categorical, K = 20, 12 samples) ↓"
    assert "Bits per character" in door.card(speller)


def test_a_model_that_spells_by_tokens_of_its_own_is_measured_by_the_characters_it_renders(
    speller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(self: walkers.Speller, samples: torch.Tensor) -> list[str]:
        return ["xy" * int((row > 0).sum()) for row in samples]

    asked = {"data": "./texts.txt", "test": "./unseen.txt", "importance_samples": 2}
    plain = next(o for o in door.evaluate(speller, **asked) if o.metric == "bits_per_character")
    monkeypatch.setattr(walkers.Speller, "render", twice)
    other = next(o for o in door.evaluate(speller, **asked) if o.metric == "bits_per_character")
    assert other.value == pytest.approx(plain.value * (4 + 4 + 2) / (8 + 7 + 3))
