"""Going on: from another checkpoint's weights, and for more epochs than a training had."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Zoo
from safetensors.torch import load_file

import zoo as library
from zoo.common import files
from zoo.common.errors import CheckpointError, ConfigError, NotFoundError
from zoo.data import load_dataset
from zoo.registry import installed
from zoo.sampling.images import to_image
from zoo.training.keep import Trained

SMALL: dict[str, Any] = {"hidden_dims": 8, "latent_dim": 2, "watch": None}


@pytest.fixture
def notes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    """What the zoo says."""
    monkeypatch.setattr(logging.getLogger("zoo"), "propagate", True)
    caplog.set_level(logging.INFO, "zoo")
    return caplog


def train(name: str = "mine", **given: Any) -> Trained:
    return library.train("mlp-vae", name=name, **{"epochs": 1, "seed": 3, **SMALL, **given})


def from_it(parent: Any, name: str = "child", **given: Any) -> Trained:
    return library.train(
        name=name, from_checkpoint=parent, **{"epochs": 1, "seed": 5, "watch": None, **given}
    )


def tensors(made: Trained) -> dict[str, torch.Tensor]:
    return load_file(made.path / "model.safetensors")


def folder_of_digits(folder: Path, classes: int, n: int = 60) -> Path:
    """Real digits below a number as a folder of images, a class each."""
    data = load_dataset("mnist")
    assert data.labels is not None
    for index in range(n):
        if (label := int(data.labels[index])) < classes:
            path = folder / f"class-{label}" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            to_image(data.samples[index]).save(path)
    return folder


# --- from a checkpoint


def test_a_training_begins_with_the_weights_of_a_checkpoint(
    notes: pytest.LogCaptureFixture,
) -> None:
    parent = train(epochs=3)
    child = from_it("mine", learning_rate=1e-12)
    before, after = tensors(parent), tensors(child)
    assert all(torch.allclose(before[key], after[key], atol=1e-6) for key in before)
    assert child.facts["parent"] == {
        "reference": "mine",
        "model": "mlp-vae",
        "sha256": parent.folder.sha256,
    }
    assert f"the weights of mine (sha256 `{parent.folder.sha256}`)" in child.folder.card
    assert child.model.config == parent.model.config
    assert "From mine" in notes.text and "8 of 8 tensors" in notes.text
    assert "zoo train mlp-vae --from mine --name child" in child.facts["command"]


def test_its_command_makes_the_same_checkpoint_again(zoo: Zoo, tmp_path: Path) -> None:
    train()
    child = from_it("mine", freeze="encoder*", keep="best")
    words = child.facts["command"].split()[1:]
    assert zoo(*(word.strip("'").replace("child", "again") for word in words)).exit_code == 0
    again = tmp_path / "home" / "checkpoints" / "again" / "model.safetensors"
    assert files.sha256(again) == child.folder.sha256


def test_what_a_training_returned_can_be_gone_on_from() -> None:
    parent = train()
    assert from_it(parent).facts["parent"]["sha256"] == parent.folder.sha256
    assert from_it(parent.path, "other").facts["parent"]["reference"] == str(parent.path)


def test_a_discriminator_is_taken_too_where_it_was_kept(notes: pytest.LogCaptureFixture) -> None:
    small = {"generator_dims": 8, "discriminator_dims": 8, "latent_dim": 4, "watch": None}
    parent = library.train("mlp-gan", name="gan", epochs=1, seed=0, **small)
    kept = load_file(parent.path / "training.safetensors")
    child = from_it("gan", learning_rate=1e-12)
    after = load_file(child.path / "training.safetensors")
    assert all(torch.allclose(kept[key], after[key], atol=1e-5) for key in kept)
    files.remove(parent.path / "training.safetensors")
    notes.clear()
    from_it("gan", "without")
    assert "New, with fresh weights: discriminator" in notes.text


def test_tensors_that_fit_are_taken_and_the_others_are_new_and_listed(
    notes: pytest.LogCaptureFixture,
) -> None:
    parent = train()
    child = from_it("mine", latent_dim=5, learning_rate=1e-12)
    before, after = tensors(parent), tensors(child)
    assert torch.allclose(before["encoder.0.weight"], after["encoder.0.weight"], atol=1e-6)
    assert after["decoder.0.weight"].shape == (8, 5)
    assert "5 of 8 tensors" in notes.text
    assert "New, with fresh weights: encoder.2.weight (10, 8)" in notes.text


def test_another_number_of_classes_makes_anew_what_depends_on_it(tmp_path: Path) -> None:
    parent = train(num_classes=10)
    folder = folder_of_digits(tmp_path / "three", 3)
    child = from_it("mine", data=folder, learning_rate=1e-12)
    assert child.model.config.num_classes == 3
    assert child.facts["class_names"] == ["class-0", "class-1", "class-2"]
    before, after = tensors(parent), tensors(child)
    shared = [key for key in before if before[key].shape == after[key].shape]
    assert shared and len(shared) < len(before)
    assert all(torch.allclose(before[key], after[key], atol=1e-6) for key in shared)
    assert library.draw(child.model, 2, labels=["class-1", "class-2"], seed=0).shape[0] == 2


class Wider(installed().model_class("mlp-vae")):  # type: ignore[misc]  # a class of a plugin
    """Has the encoder of mlp-vae, and one layer more in its decoder."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.decoder.append(torch.nn.Linear(784, 784))


def test_another_model_takes_the_tensors_that_match_by_name_and_shape(
    notes: pytest.LogCaptureFixture,
) -> None:
    parent = train()
    child = library.train(
        Wider,
        name="child",
        from_checkpoint="mine",
        epochs=1,
        seed=5,
        learning_rate=1e-12,
        **SMALL,
    )
    before, after = tensors(parent), tensors(child)
    assert all(torch.allclose(before[key], after[key], atol=1e-6) for key in before)
    assert set(after) - set(before) == {"decoder.3.weight", "decoder.3.bias"}
    assert "8 of 10 tensors" in notes.text and "New, with fresh weights: decoder.3" in notes.text


def test_a_checkpoint_of_another_family_is_refused(zoo: Zoo, tmp_path: Path) -> None:
    train()
    done = zoo("train", "mlp-gan", "--from", "mine", "--name", "other")
    assert done.exit_code == 1 and "mine is a checkpoint of mlp-vae" in done.stderr
    assert not (tmp_path / "home" / "runs" / "other").exists()


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("mien", "No checkpoint is called 'mien'. Did you mean 'mine'"),
        ("./nowhere", "There is no folder ./nowhere"),
        ("owner/name", "write hf:owner/name"),
        ("", "is not a valid name"),
    ],
)
def test_a_parent_that_is_not_there_is_mended(reference: str, said: str) -> None:
    train()
    with pytest.raises(NotFoundError, match=said):
        from_it(reference)


def test_a_damaged_parent_is_said(tmp_path: Path) -> None:
    parent = train()
    weights = parent.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="damaged"):
        from_it("mine")
    assert not list((tmp_path / "home" / "runs" / "child").glob("*"))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_frozen_parts_stay_as_they_are(batch_norm: bool) -> None:
    parent = train(batch_norm=batch_norm, ema_decay=0.9)
    child = from_it("mine", freeze=["encoder.*"], epochs=2)
    before, after = tensors(parent), tensors(child)
    for key in before:
        assert torch.equal(before[key], after[key]) == key.startswith("encoder."), key
    assert child.facts["frozen"] == ["encoder.*"]
    assert "Left as they were | encoder.*" in child.folder.card


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("encodr.*", "fits no parameter of MLPVAE. Its parts are decoder.*, encoder.*"),
        ("*", "has no parameter that can be trained"),
    ],
)
def test_patterns_that_freeze_nothing_or_all_are_refused(pattern: str, said: str) -> None:
    train()
    with pytest.raises(ConfigError, match=said.replace("*", r"\*")):
        from_it("mine", freeze=pattern)


def test_a_training_from_a_checkpoint_goes_on_without_it() -> None:
    def stop(reports: Any, total: int, name: str) -> Any:
        for report in reports:
            yield report
            if report.epoch_ended:
                raise KeyboardInterrupt

    train()
    whole = from_it("mine", "whole", epochs=3, freeze="encoder*")
    with pytest.raises(KeyboardInterrupt):
        from_it("mine", epochs=3, freeze="encoder*", watch=stop)
    library.remove("mine")
    resumed = library.train(resume="child", watch=None)
    assert resumed.folder.sha256 == whole.folder.sha256


def test_resume_and_from_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="leave one out"):
        library.train(resume="mine", from_checkpoint="mine")


# --- for more epochs


@pytest.mark.parametrize("keep", [None, "best"])
def test_a_training_whose_state_was_kept_goes_on_to_the_same_bits(keep: str | None) -> None:
    whole = train("whole", epochs=4, keep=keep)
    train(epochs=2, keep=keep, save_state=True)
    longer = library.train(resume="mine", epochs=4, watch=None)
    assert longer.folder.sha256 == whole.folder.sha256
    assert [one["epoch"] for one in longer.history] == [1, 2, 3, 4]
    assert longer.facts["went_on"][0]["optimizer"] == "kept"
    assert "--epochs 4" in longer.facts["command"]


def test_a_finished_training_goes_on_with_a_new_optimizer_and_says_so(
    notes: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    before = train(epochs=2)
    was = before.folder.sha256
    longer = library.train(resume="mine", epochs=3, watch=None)
    assert "its optimizer starts anew" in notes.text
    assert [one["epoch"] for one in longer.history] == [1, 2, 3]
    assert longer.facts["went_on"] == [{"epoch": 2, "sha256": was, "optimizer": "new"}]
    assert longer.path == before.path and longer.folder.sha256 != was
    assert longer.history[-1]["losses"]["loss"] < longer.history[0]["losses"]["loss"]
    again = library.train(resume="mine", epochs=4, watch=None)
    assert [one["epoch"] for one in again.facts["went_on"]] == [2, 3]


def test_one_in_a_folder_of_its_own_goes_on_there(tmp_path: Path) -> None:
    library.train("mlp-vae", out="made", epochs=1, seed=0, save_state=True, **SMALL)
    longer = library.train(resume="made.run", epochs=2, watch=None)
    assert [one["epoch"] for one in longer.history] == [1, 2]
    assert json.loads((Path("made") / "facts.json").read_text())["name"] == "made"
    assert not list(Path().glob(".made*"))


def test_an_unfinished_training_can_be_given_more_epochs(tmp_path: Path) -> None:
    def stop(reports: Any, total: int, name: str) -> Any:
        for report in reports:
            yield report
            if report.epoch_ended:
                raise KeyboardInterrupt

    whole = train("whole", epochs=3)
    with pytest.raises(KeyboardInterrupt):
        train(epochs=2, watch=stop)
    longer = library.train(resume="mine", epochs=3, watch=None)
    assert longer.folder.sha256 == whole.folder.sha256 and len(longer.history) == 3


def test_a_killed_extension_goes_on_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    train(epochs=1)

    def stop(reports: Any, total: int, name: str) -> Any:
        for report in reports:
            yield report
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.train(resume="mine", epochs=3, watch=stop)
    longer = library.train(resume="mine", watch=None)
    assert [one["epoch"] for one in longer.history] == [1, 2, 3]
    assert len(longer.facts["went_on"]) == 1


@pytest.mark.parametrize("epochs", [1, 2])
def test_fewer_epochs_than_it_has_had_are_refused(epochs: int) -> None:
    made = train(epochs=2, save_state=True)
    with pytest.raises(ConfigError, match="has been trained for 2 epochs: give --epochs more"):
        library.train(resume="mine", epochs=epochs, watch=None)
    assert made.folder.sha256 == files.sha256(made.path / "model.safetensors")
    assert [one["epoch"] for one in library.train(resume="mine", epochs=3, watch=None).history] == [
        1,
        2,
        3,
    ]


def test_one_whose_checkpoint_is_gone_is_not_gone_on_with() -> None:
    made = train()
    files.remove(made.path)
    with pytest.raises(CheckpointError, match=r"is no longer in .*: train anew"):
        library.train(resume="mine", epochs=2)


def test_a_finished_training_without_more_epochs_says_that_it_is_finished(zoo: Zoo) -> None:
    train(save_state=True)
    done = zoo("train", "--resume", "mine")
    assert done.exit_code == 1 and "holds no unfinished training: it is finished" in done.stderr
    done = zoo("list", "--runs")
    assert "mine" not in done.stdout
