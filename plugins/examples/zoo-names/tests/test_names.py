"""The VAE of texts keeps the contract and spells what it was asked to; names have two parts."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from zoo_names import ALPHABET, names
from zoo_names.measure import measure
from zoo_names.vae import TextVAE

import zoo
from zoo.models import ConfigError, Step, to_texts, to_tokens
from zoo.testing import ModelContract

SMALL = {
    "sample_shape": [5],
    "alphabet": "abc",
    "latent_dim": 2,
    "embedding_dim": 4,
    "encoder_dim": 8,
    "decoder_dim": 8,
    "free_nats": 0.0,
}


class TestTextVAE(ModelContract):
    model = "text-vae"
    config = SMALL


class TestConditionalTextVAE(ModelContract):
    model = "text-vae"
    config = {**SMALL, "num_classes": 3}


def rough(**config: Any) -> TextVAE:
    """A model whose weights are far from those that it begins with."""
    torch.manual_seed(1)
    model = TextVAE(TextVAE.Config.from_dict({**SMALL, **config}))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return model.eval()


@torch.no_grad()
def test_probabilities_of_all_texts_sum_to_one() -> None:
    model, z = rough(sample_shape=[3]), torch.tensor([[0.3, -1.2]])
    every = torch.cartesian_prod(*[torch.arange(4)] * 3)
    # behind the first 0 there is padding alone
    whole = every[
        [(row[row.tolist().index(0) :] == 0).all() if 0 in row else True for row in every]
    ]
    log_probabilities = model.likelihood(z.expand(len(whole), 2)).log_prob(whole)
    assert log_probabilities.exp().sum() == pytest.approx(1, abs=1e-5)


@torch.no_grad()
def test_a_text_is_spelt_by_the_most_likely_character_after_those_before_it() -> None:
    model, z = rough(), torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    spelt = model.decode(z)
    best = model.states(F.pad(spelt[:, :-1], (1, 0)), z).argmax(2)
    reached = F.pad(spelt[:, :-1] > 0, (1, 0), value=True)
    assert torch.equal(spelt[reached], best[reached]) and not spelt[~reached].any()
    assert len(spelt.unique(dim=0)) > 1


@torch.no_grad()
def test_padding_changes_neither_the_latents_nor_the_likelihood() -> None:
    model = rough()
    texts = to_tokens(["ab", "c", "", "abc"], "abc", 5)
    assert torch.allclose(model.encode(texts).mean, model.encode(texts[:, :4]).mean, atol=1e-6)
    spelling = model.likelihood(torch.randn(4, 2))
    assert torch.allclose(spelling.log_prob(texts), spelling.log_prob(texts[:, :4]), atol=1e-5)


@torch.no_grad()
def test_the_order_of_characters_matters_to_the_encoder() -> None:
    model = rough()
    one, other = model.encode(to_tokens(["ab", "ba"], "abc", 5)).mean
    assert not torch.allclose(one, other, atol=1e-3)


def test_free_nats_cost_nothing() -> None:
    model, texts = rough(free_nats=100.0, kl_warmup=0.0).train(), to_tokens(["ab"], "abc", 5)
    (objective,) = model.training_step(texts, None, Step(0, 1))
    assert float(objective.loss.detach() - objective.metrics["spelling"]) == pytest.approx(100)


def test_a_shape_that_no_text_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not the length of a text"):
        TextVAE.Config(sample_shape=(1, 28, 28))
    with pytest.raises(ConfigError, match="names 'a' twice"):
        TextVAE.Config(alphabet="aba")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with some names, of which ten are held out."""
    texts = ["".join((a, b, c)) for a in "abc" for b in "aeiou" for c in "xyz"]
    (tmp_path / "names.txt").write_text("\n".join([*texts, *texts[:5]]) + "\n")
    monkeypatch.setattr(names, "HELD_OUT", 10)
    return tmp_path


def test_no_name_is_in_both_parts_and_none_is_there_twice(root: Path) -> None:
    (train, labels), (test, _) = names.load(root, "train"), names.load(root, "test")
    spelt = to_texts(torch.cat([train, test]), ALPHABET)
    assert len(train) == 35 and len(test) == 10 and len(set(spelt)) == 45
    assert [ALPHABET[label] for label in labels] == [name[0] for name in spelt[:35]]
    last = max(hashlib.sha256(name.encode()).digest() for name in spelt[35:])
    assert all(hashlib.sha256(name.encode()).digest() > last for name in spelt[:35])


def test_a_file_that_is_not_the_known_one_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("anna\n")
    monkeypatch.setattr(names, "ADDRESS", other.as_uri())
    with pytest.raises(OSError, match="SHA-256 differs"):
        names.load(tmp_path, "train")
    monkeypatch.setattr(names, "SHA256", hashlib.sha256(b"anna\n").hexdigest())
    monkeypatch.setattr(names, "HELD_OUT", 0)
    assert len(names.load(tmp_path, "train")[0]) == 1
    assert (tmp_path / "names" / "names.txt").read_text() == "anna\n"


def test_a_model_is_measured_on_names_that_it_has_not_seen(root: Path) -> None:
    model = rough(sample_shape=[16], alphabet=ALPHABET, num_classes=26)
    found = measure(model, root, names=10, draws=3, samples=20)
    assert found["bits"] > found["bits_given"] > 1 and found["kl"] > 0
    assert 0 <= found["exact"] <= 1 and 0 <= found["new"] <= 1 and 0 < found["different"] <= 1


def test_the_checkpoint_spells_names_of_the_letter_asked_for_and_walks_between_two() -> None:
    samples = zoo.draw("text-vae-names", 52, seed=0, labels=torch.arange(52) % 26)
    spelt = to_texts(samples, ALPHABET)
    assert [name[0] for name in spelt].count("") == 0 and len(set(spelt)) > 50
    right = sum(name[0] == ALPHABET[index % 26] for index, name in enumerate(spelt))
    assert right >= 50
    (walk,) = zoo.interpolate("text-vae-names", texts=["anna", "maria"]).texts
    assert walk[0] == "anna" and walk[-1] == "maria" and len(set(walk)) >= 4
