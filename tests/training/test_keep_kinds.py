"""What a training of texts or of sound leaves: shown at each epoch, and on the card."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import zoo
from zoo.checkpoints import Folder
from zoo.checkpoints.card_text import body_of
from zoo.models import (
    AudioConfig,
    GenerativeModel,
    ModelConfig,
    Objective,
    Step,
    StrictConfig,
    TextConfig,
    TrainConfig,
)
from zoo.sampling import provenance


class Letters(GenerativeModel["Letters.Config"]):
    """Each character by itself, as often as in the data."""

    sample_kind = "text"
    recipe = TrainConfig(epochs=2, batch_size=4, learning_rate=0.1)

    @dataclass(frozen=True, kw_only=True)
    class Config(TextConfig):
        """Nothing of its own."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__(config)  # type: ignore[arg-type]
        self.logits = nn.Parameter(torch.zeros(*config.sample_shape, len(config.alphabet) + 1))

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        drawn = torch.rand(n, *self.logits.shape, generator=generator)
        return (self.logits.detach().cpu() - (-drawn.log()).log()).argmax(2)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        told = self.logits.log_softmax(1).expand(len(samples), -1, -1).gather(2, samples[..., None])
        yield Objective(-told.sum((1, 2)))


class Hum(GenerativeModel["Hum.Config"]):
    """Noise as loud as the data."""

    sample_kind = "audio"
    recipe = TrainConfig(epochs=2, batch_size=2, learning_rate=0.1)

    @dataclass(frozen=True, kw_only=True)
    class Config(AudioConfig):
        """Nothing of its own."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)  # type: ignore[arg-type]
        self.loudness = nn.Parameter(torch.tensor(0.1))

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        noise = torch.randn(n, *self.config.sample_shape, generator=generator)
        return (self.loudness.detach().cpu() * noise).clamp(-1, 1)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective((samples.flatten(1).std(1) - self.loudness) ** 2)


@pytest.fixture
def letters() -> Any:
    """A training of texts."""
    Path("names.txt").write_text("anna\nnaan\nbob\nobo\nann\nbobo\n")
    return zoo.train(Letters, name="letters", data="./names.txt", seed=0, watch=None)


@pytest.fixture
def hum() -> Any:
    """A training of sound."""
    soundfile = pytest.importorskip("soundfile")
    Path("takes").mkdir()
    for index in range(4):
        soundfile.write(f"takes/{index}.wav", 0.3 * torch.randn(900).clamp(-3, 3).numpy(), 11_025)
    return zoo.train(Hum, name="hum", data="./takes", seed=0, watch=None)


def test_the_alphabet_and_the_length_come_from_the_texts_and_are_kept(letters: Any) -> None:
    config = letters.folder.config["config"]
    assert config["alphabet"] == "abno" and config["sample_shape"] == [4]
    assert letters.model.render(torch.tensor([[1, 3, 3, 1], [2, 0, 0, 0]])) == ["anna", "b"]


def test_test_texts_are_read_by_the_alphabet_of_those_trained_on() -> None:
    Path("names.txt").write_text("anna\nnaan\nbob\nobo\nann\nbobo\n")
    Path("more.txt").write_text("bob\nbo\n")
    trained = zoo.train(
        Letters, name="letters", data="./names.txt", test="./more.txt", seed=0, watch=None
    )
    assert trained.folder.config["config"]["alphabet"] == "abno"
    Path("other.txt").write_text("bobby\n")
    with pytest.raises(zoo.ZooError, match="line 1: 'bobby' has 5 characters; 4 are the most"):
        zoo.train(Letters, name="x", data="./names.txt", test="./other.txt", watch=None)


def test_each_epoch_shows_twenty_texts(letters: Any) -> None:
    (folder,) = letters.path.parent.parent.rglob("history.jsonl")
    epochs = sorted(folder.parent.glob("epoch-*.txt"))
    assert [path.name for path in epochs] == ["epoch-001.txt", "epoch-002.txt"]
    last = epochs[-1].read_text().split("\n")[:-1]
    assert last == letters.model.render(zoo.draw(letters.model, 20, seed=0))


def test_a_card_shows_twenty_texts_and_the_command_that_prints_them(letters: Any) -> None:
    card, facts = zoo.card(letters.folder), letters.facts
    assert facts["samples_command"] == "zoo sample letters -n 20 --seed 0"
    assert facts["texts"] == letters.model.render(zoo.draw(letters.model, 20, seed=0))
    shown = card.split("```text\n")[1].split("\n```")[0].split("\n")
    assert shown == [" ".join(text.split()) for text in facts["texts"]]
    assert "The texts above were made by `zoo sample letters -n 20 --seed 0`" in card
    assert "![Samples]" not in card and "image" not in card.split("---")[1]
    assert not (letters.path / "images" / "samples.png").exists()


def test_no_text_of_a_stranger_ends_the_block_of_a_card() -> None:
    facts = {"samples_command": "zoo sample x", "texts": ["a```\n# Big", "b" * 999]}
    body = body_of({"model": "x", "config": {}}, facts)
    block = body.split("```text\n")[1].split("\n```")[0]
    assert block.split("\n") == ["aˋˋˋ # Big", "b" * 200]
    with pytest.raises(TypeError, match="texts must be a list of strings"):
        body_of({"model": "x", "config": {}}, {**facts, "texts": [1]})


def test_a_card_shows_the_last_known_loss_of_a_group_whose_phase_is_over() -> None:
    history = [
        {"epoch": 1, "losses": {"autoencoder": 5.0}},
        {"epoch": 2, "losses": {"autoencoder": 4.0, "prior": 3.0}},
        {"epoch": 3, "losses": {"prior": 2.0}},
    ]
    body = body_of({"model": "x", "config": {}}, {"command": "zoo train x", "history": history})
    assert "| Losses of the last epoch | autoencoder 4, prior 2 |" in body


def test_the_rate_comes_from_the_recordings_and_is_kept(hum: Any) -> None:
    config = hum.folder.config["config"]
    assert config["sample_rate"] == 11_025 and config["sample_shape"] == [1, 900]


def test_each_epoch_and_the_card_show_waveforms_and_spectrograms(hum: Any) -> None:
    (folder,) = hum.path.parent.parent.rglob("history.jsonl")
    with Image.open(folder.parent / "epoch-002.png") as picture:
        assert picture.size == (4 * 130 + 2, 4 * 99 + 2)
    with Image.open(hum.path / "images" / "samples.png") as picture:
        assert picture.size == (8 * 130 + 2, 8 * 99 + 2)
    assert provenance.read(hum.path / "images" / "samples.png")["command"].startswith("zoo sample")
    card = zoo.card(hum.folder)
    assert "![Samples](images/samples.png)" in card
    assert "samples = zoo.draw(model, 16, seed=0)  # float32, (16, 1, 900)" in card


def test_a_notebook_shows_texts_players_and_pictures(letters: Any, hum: Any) -> None:
    texts = zoo.display(letters.model, zoo.draw(letters.model, 3, seed=0))
    rendered = letters.model.render(zoo.draw(letters.model, 3, seed=0))
    assert str(texts).split("\n") == rendered
    assert texts._repr_html_().count("<li>") == 3
    players = zoo.display(hum.model, zoo.draw(hum.model, 2, seed=0))._repr_html_()
    assert players.count('<audio controls src="data:audio/wav;base64,UklGR') == 2
    one = zoo.display(hum.model, zoo.draw(hum.model, 1, seed=0)[0])
    assert one._repr_html_().count("<audio") == 1
    with pytest.raises(zoo.ZooError, match=r"not the model's: pass \(n, 1, 900\)"):
        zoo.display(hum.model, torch.zeros(3, 5))


def test_a_text_in_html_is_escaped() -> None:
    from zoo.sampling.showing import texts_html

    assert texts_html(["<b>&"]) == "<ol><li>&lt;b&gt;&amp;</li></ol>"


class Repeated(Letters):
    """One character again and again, where that is asked for by an option."""

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        """What is repeated."""

        place: int = 0

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        place = (options or self.Options()).place
        if not place:
            return super().sample(n, labels, generator=generator)
        return torch.full((n, *self.config.sample_shape), place)


def test_the_options_of_a_recipe_are_those_of_what_its_epochs_and_its_card_show() -> None:
    Path("names.txt").write_text("anna\nnaan\nbob\nobo\nann\nbobo\n")
    trained = zoo.train(
        Repeated,
        name="bs",
        data="./names.txt",
        seed=0,
        watch=None,
        epochs=1,
        sample_options={"place": "2"},
    )
    (history,) = trained.path.parent.parent.rglob("history.jsonl")
    assert (history.parent / "epoch-001.txt").read_text() == "bbbb\n" * 20
    facts = trained.facts
    assert facts["samples_command"] == "zoo sample bs -n 20 --seed 0 --set place=2"
    assert facts["texts"] == ["bbbb"] * 20
    assert facts["recipe"]["sample_options"] == {"place": "2"}


@pytest.mark.parametrize(
    ("model", "options", "why"),
    [
        (Letters, {"place": "2"}, "no sample-time options: it does not take 'place=2'"),
        (Repeated, {"plaice": "2"}, "Unknown field 'plaice'"),
        (Repeated, {"place": "b"}, "place = 'b' is not of its type"),
    ],
)
def test_options_of_a_recipe_that_the_model_has_not_are_refused_before_it_is_trained(
    model: Any, options: dict[str, str], why: str
) -> None:
    Path("names.txt").write_text("anna\nnaan\n")
    with pytest.raises(zoo.ZooError, match=why):
        zoo.train(model, name="x", data="./names.txt", sample_options=options, watch=None)


def test_a_model_of_another_kind_renders_nothing(hum: Any) -> None:
    with pytest.raises(zoo.ZooError, match="Hum does not make text"):
        hum.model.render(torch.zeros(1, 4, dtype=torch.int64))


def test_the_facts_of_texts_are_json(letters: Any) -> None:
    assert json.loads(json.dumps(Folder(letters.path).facts))["texts"]
