"""What is kept of a training: a checkpoint, told by its facts, with pictures and a card."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Zoo
from torch import Tensor, nn

import zoo
from zoo import DatasetSpec
from zoo.checkpoints import Store
from zoo.common import files
from zoo.common.errors import ConfigError, NotFoundError, OutputError
from zoo.models import GenerativeModel, ModelConfig, Objective, Step
from zoo.registry import installed
from zoo.training import keep
from zoo.training.keep import Trained

SMALL: dict[str, Any] = {"hidden_dims": 8, "latent_dim": 2, "watch": None}


def train(name: str = "mine", **given: Any) -> Trained:
    return zoo.train("mlp-vae", name=name, **{"epochs": 1, "seed": 3, **SMALL, **given})


def test_a_training_returns_its_checkpoint(tmp_path: Path) -> None:
    run = train(epochs=2, learning_rate=2e-3, fields={"batch_size": 200})
    assert run.path == tmp_path / "home" / "checkpoints" / "mine" and run.name == "mine"
    assert run.facts == json.loads((run.path / "facts.json").read_text())
    assert run.facts["recipe"]["learning_rate"] == 2e-3
    assert run.facts["recipe"]["batch_size"] == 200
    assert [epoch["epoch"] for epoch in run.history] == [1, 2]
    assert set(run.history[-1]["losses"]) == {"loss", "reconstruction", "kl"}
    assert run.model.config.latent_dim == 2 and run.model is run.model
    assert not any(parameter.requires_grad for parameter in run.model.parameters())
    assert repr(run) == f"Trained({str(run.path)!r})"
    assert zoo.draw(run.model, 3, seed=0).shape == (3, 1, 28, 28)


def test_the_call_and_the_command_make_the_same_checkpoint(zoo: Zoo, tmp_path: Path) -> None:
    run = train(balance=True, augment=["shift"], fields={"num_classes": 10})
    words = run.facts["command"].split()[1:]
    words[words.index("mine")] = "again"
    result = zoo(*words)
    assert result.exit_code == 0, result.stderr
    again = tmp_path / "home" / "checkpoints" / "again"
    assert files.sha256(again / "model.safetensors") == run.folder.sha256
    facts = json.loads((again / "facts.json").read_text())
    assert facts["command"].replace("again", "mine") == run.facts["command"]
    assert "--set balance=true --set augment=shift" in facts["command"]


def test_help_and_card_say_that_a_model_learns_what_augmentation_does(zoo: Zoo) -> None:
    told = " ".join(zoo("train", "--help").stdout.split())
    assert "The model learns to draw such changed images, too. For a GAN" in told
    card = train(augment="flip").folder.card
    assert "| Changed at random | the training images (flip): the model draws such images" in card
    assert "Changed at random" not in train("plain").folder.card


def test_a_finished_training_says_what_to_do_next(zoo: Zoo) -> None:
    words = ["train", "mlp-vae", "--epochs", "1", "--set", "hidden_dims=8"]
    assert "Next: zoo sample mine, zoo evaluate mine" in zoo(*words, "--name", "mine").stderr
    assert "Next: zoo sample ./made, " in zoo(*words, "--out", "made").stderr
    for command in ("sample mine -n 2", "show mine", "sample ./made -n 2", "show ./made"):
        assert zoo(*command.split()).exit_code == 0


def test_quiet_leaves_the_path_alone(zoo: Zoo) -> None:
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, "--quiet")
    assert result.exit_code == 0 and result.stdout.strip().endswith("mine")
    assert "epoch" not in result.stderr and "Training" not in result.stderr


def test_each_file_is_read_once_and_the_weights_are_hashed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    hashed: list[int] = []
    open_regular, sha256_of = files.open_regular, files.sha256_of

    def counting_open(path: Path) -> Any:
        opened.append(path.name)
        return open_regular(path)

    def counting_hash(content: Any) -> str:
        hashed.append(len(content))
        return sha256_of(content)

    monkeypatch.setattr(files, "open_regular", counting_open)
    monkeypatch.setattr(files, "sha256_of", counting_hash)
    run = train()
    weights = (run.path / "model.safetensors").stat().st_size
    for name in ("config.json", "facts.json", "origin.json", "model.safetensors"):
        assert opened.count(name) <= 1, (name, opened)
    assert hashed.count(weights) <= 1


def test_an_old_history_is_read_by_the_names_of_today() -> None:
    run = train()
    facts = {**run.facts, "history": [{"epoch": 1, "losses": {"model": 2.0, "kl": 1.0}}]}
    run.folder.write_facts(facts)
    assert run.history == [{"epoch": 1, "losses": {"loss": 2.0, "kl": 1.0}}]


# --- a class of one's own


class Mean(GenerativeModel[ModelConfig]):
    """Draws the mean of the data, always."""

    Config = ModelConfig

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.logits = nn.Parameter(torch.zeros(config.sample_shape))

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        return torch.sigmoid(self.logits).expand(n, *self.config.sample_shape)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective((torch.sigmoid(self.logits) - samples).square().flatten(1).sum(1))


class Other(Mean):
    """Another class."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told(ModelConfig):
    """Asks what the data says of itself."""

    sample_rate: int = 0
    class_names: tuple[str, ...] = ()


class Listener(Mean):
    """Has a config of its own."""

    Config = Told
    sample_kind = "array"


def load_waves(root: Path, split: str) -> tuple[Tensor, Tensor]:
    return torch.rand(20, 6), torch.arange(20) % 2


def test_what_the_data_says_of_itself_reaches_the_fields_that_ask_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = DatasetSpec(
        name="waves",
        entry_point=f"{__name__}:load_waves",
        sample_shape=(6,),
        class_names=("low", "high"),
        dtype="float32",
        metadata={"sample_rate": 8000, "alphabet": "abc"},
    )
    monkeypatch.setitem(installed().datasets, "waves", spec)
    given: dict[str, Any] = {"data": "waves", "epochs": 1, "watch": None}
    told = zoo.train(Listener, name="told", **given).model.config
    assert (told.sample_shape, told.sample_rate) == ((6,), 8000)
    assert told.class_names == ("low", "high")
    chosen = zoo.train(Listener, name="chosen", sample_rate=16000, **given).model.config
    assert chosen.sample_rate == 16000


def load_without_a_test_set(root: Path, split: str) -> tuple[Tensor, Tensor]:
    if split == "test":
        raise OSError("its files are not there")
    return torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8), torch.arange(40) % 2


@pytest.mark.parametrize(
    ("model", "settings", "said"),
    [
        ("mlp-vae", SMALL, "The reconstructions are of training images: Can't load"),
        ("mlp-vae", {**SMALL, "holdout": 8}, "The reconstructions are of images that were held"),
        ("mlp-gan", {"latent_dim": 2, "watch": None}, ""),
    ],
)
def test_a_training_is_kept_though_the_test_set_is_missing(
    model: str,
    settings: dict[str, Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spec = DatasetSpec(
        name="half",
        entry_point=f"{__name__}:load_without_a_test_set",
        sample_shape=(1, 8, 8),
        class_names=("low", "high"),
    )
    monkeypatch.setitem(installed().datasets, "half", spec)
    run = zoo.train(model, name="mine", data="half", epochs=1, seed=0, **settings)
    warned = [one.getMessage() for one in caplog.records if "econstructions" in one.getMessage()]
    assert [one[: len(said)] for one in warned] == ([said] if said else [])
    assert (run.path / "images" / "reconstructions.png").is_file() == bool(said)


class Forgetful(installed().model_class("mlp-vae")):  # type: ignore[misc]  # a class of a plugin
    """Can't reconstruct, which shows when its checkpoint is written."""

    broken = True

    def reconstruct(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.broken:
            raise RuntimeError("no memory of it")
        copies: Tensor = super().reconstruct(samples, labels)
        return copies


def test_a_training_that_fails_at_its_very_end_says_that_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Exception, match="no memory of it"):
        zoo.train(Forgetful, name="mine", epochs=1, seed=0, **SMALL)
    said = caplog.records[-1].getMessage()
    assert said.startswith("The training is done, and its state is kept. To write the checkpoint: ")
    monkeypatch.setattr(Forgetful, "broken", False)
    assert zoo.train(Forgetful, resume="mine").history[0]["epoch"] == 1


def test_a_class_of_one_s_own_is_trained_and_loaded_by_passing_it() -> None:
    run = zoo.train(Mean, name="mine", epochs=2, seed=0, learning_rate=0.1, watch=None)
    assert isinstance(run.model, Mean)
    assert run.history[1]["losses"]["loss"] < run.history[0]["losses"]["loss"]
    assert run.facts["command"].startswith("zoo.train(Mean, name='mine', data='mnist', epochs=2")
    assert isinstance(zoo.load("mine", model=Mean), Mean)
    with pytest.raises(NotFoundError, match="needs the class 'Mean'"):
        zoo.load("mine")
    assert (run.path / "images" / "samples.png").is_file()


def test_a_class_that_a_plugin_offers_is_trained_by_its_name() -> None:
    run = zoo.train(installed().model_class("mlp-vae"), name="mine", epochs=1, seed=3, **SMALL)
    assert run.facts["command"].startswith("zoo train mlp-vae --name mine")
    assert run.folder.model == "mlp-vae"


def test_a_class_of_one_s_own_goes_on_by_passing_it_again() -> None:
    def stop(reports: Any, total: int, name: str) -> Any:
        for report in reports:
            yield report
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zoo.train(Mean, name="mine", epochs=2, seed=0, watch=stop)
    with pytest.raises(ConfigError, match=r'zoo\.train\(Mean, resume="mine"\)'):
        zoo.train(resume="mine")
    with pytest.raises(ConfigError, match="holds a training with model"):
        zoo.train(Other, resume="mine")
    whole = zoo.train(Mean, name="whole", epochs=2, seed=0, watch=None)
    assert zoo.train(Mean, resume="mine").folder.sha256 == whole.folder.sha256


# --- killed between the checkpoint's arrival and the end of the training


@pytest.mark.parametrize("place", [{"name": "mine"}, {"out": "made", "name": None}])
@pytest.mark.parametrize("moment", ["make_current", "finish", "unlink"])
def test_a_training_killed_after_its_checkpoint_came_only_ends_when_it_goes_on(
    place: dict[str, Any], moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        if moment == "make_current":
            patch.setattr(Store, "make_current", die)
            patch.setattr(keep.Run, "finish", die)
        elif moment == "finish":
            patch.setattr(keep.Run, "finish", die)
        else:  # between the state and the settings
            unlink, done = Path.unlink, list[Path]()

            def once(path: Path, missing_ok: bool = False) -> None:
                if path.name == "run.json":
                    raise Killed
                done.append(path)
                unlink(path, missing_ok)

            patch.setattr(Path, "unlink", once)
        with pytest.raises(Killed):
            train(**place)
    folder = Path("made.run") if "out" in place else tmp_path / "home" / "runs" / "mine"
    made = Path("made") if "out" in place else tmp_path / "home" / "checkpoints" / "mine"
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert (folder / "run.json").exists() and before

    again = zoo.train(resume=folder, watch=None)
    assert again.path.resolve() == made.resolve()
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before
    assert not (folder / "run.json").exists() and not (folder / "state.safetensors").exists()
    assert not (folder / "unsaved").exists()
    if "out" not in place:
        assert Store(installed().checkpoints).current() == "mine"


def test_another_checkpoint_of_that_name_is_not_taken_for_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(reports: Any, total: int, name: str) -> Any:
        for report in reports:
            yield report
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(seed=4, watch=stop, epochs=2)
    place = tmp_path / "home" / "checkpoints" / "mine"
    train("other", epochs=2).path.rename(place)
    with pytest.raises(OutputError, match="What was trained is in"):
        zoo.train(resume="mine", watch=None)
    assert json.loads((place / "facts.json").read_text())["name"] == "other"
    assert all((place / name).is_file() for name in ("config.json", "facts.json"))
