"""A likelihood of texts: in nats a text, and in bits a character."""

import math
from pathlib import Path

import pytest
import torch
import walkers
from conftest import Zoo

import zoo as door
from zoo.data import Dataset
from zoo.evaluation import evaluator
from zoo.models import GenerativeModel, TextConfig, to_tokens


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


class Dice(GenerativeModel[TextConfig]):
    """Each place has each character, or the end, with one chance: its likelihood is exact."""

    Config = TextConfig
    sample_kind = "text"
    exact_likelihood = True

    def sample(
        self,
        n: int,
        labels: torch.Tensor | None = None,
        *,
        generator: torch.Generator,
        options: object = None,
    ) -> torch.Tensor:
        return torch.randint(6, (n, *self.config.sample_shape), generator=generator)

    def log_likelihood(
        self,
        samples: torch.Tensor,
        labels: torch.Tensor | None = None,
        *,
        importance_samples: int = 1,
    ) -> torch.Tensor:
        assert importance_samples == 1
        counted = ((samples > 0).sum(1) + 1).clamp(max=samples.shape[1])
        return -math.log(6) * counted


def test_an_exact_likelihood_names_no_number_of_importance_samples() -> None:
    tokens = to_tokens(["dead", "bee", "a"], "abcde", 4)
    data = Dataset("some", tokens, None, metadata={"alphabet": "abcde"})
    model = Dice(TextConfig(sample_shape=(4,), alphabet="abcde")).eval()
    found = {one.metric: one for one in evaluator.evaluate(model, data, data, n=20)}
    assert found["nll"].name == "Negative log-likelihood (3 samples)"
    assert found["nll"].importance_samples is None and "elbo" not in found
    assert found["bits_per_character"].value == pytest.approx(math.log2(6))
