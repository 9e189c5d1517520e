"""Request: what was asked for is a record, a command and a call; what can't be is refused early."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import walkers

import zoo
from zoo.checkpoints import Store
from zoo.common.config import parse_assignments
from zoo.common.errors import CheckpointError, ConfigError, DataError, NotFoundError, OutputError
from zoo.models import TrainConfig
from zoo.registry import installed
from zoo.training.request import Asked, Request, as_settings, find_run

REQUEST = Request(model="mlp-vae", name="mine", settings=("latent_dim=2",), seed=7)


@pytest.fixture
def store() -> Store:
    return Store(installed().checkpoints)


def test_a_request_survives_its_record() -> None:
    for one in (
        REQUEST,
        dataclasses.replace(REQUEST, epochs=3, out="here/made", data_root="/data", folder="/desk"),
    ):
        assert Request.from_record(one.record()) == one


def test_a_request_is_a_command_that_says_it_again() -> None:
    assert REQUEST.command == (
        "zoo train mlp-vae --name mine --data mnist --set latent_dim=2 --seed 7"
    )
    out = dataclasses.replace(REQUEST, out="made/mine", epochs=3)
    assert out.command.endswith("--epochs 3 --out made/mine --set latent_dim=2 --seed 7")
    assert "--name" not in out.command
    assert "--name mine" in dataclasses.replace(REQUEST, out="made/other").command


def test_a_request_for_a_class_of_one_s_own_is_a_call() -> None:
    request = dataclasses.replace(REQUEST, model="my.module:Outer.Mine")
    assert request.command == (
        "zoo.train(Outer.Mine, name='mine', data='mnist', seed=7, fields=['latent_dim=2'])"
    )
    assert not REQUEST.is_own_class and request.is_own_class


def test_going_on_is_said_by_name_where_the_name_is_enough(store: Store) -> None:
    assert REQUEST.resume_hint(store, store.run("mine")) == "zoo train --resume mine"
    assert REQUEST.resume_hint(store, Path("made.run")) == "zoo train --resume made.run"
    own = dataclasses.replace(REQUEST, model="my.module:Mine")
    assert own.resume_hint(store, store.run("mine")) == 'zoo.train(Mine, resume="mine")'


def test_paths_begin_where_the_training_began(tmp_path: Path, store: Store) -> None:
    there = dataclasses.replace(
        REQUEST, folder=str(tmp_path / "there"), data="./photos", out="made"
    )
    assert there.data_path == str(tmp_path / "there" / "photos")
    assert there.place == tmp_path / "there" / "made"
    assert there.run_folder(store) == tmp_path / "there" / "made.run"
    here = dataclasses.replace(there, folder=str(Path.cwd()))
    assert (here.data_path, here.place) == ("./photos", Path("made"))


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("epochs", 3, 3),
        ("learning_rate", 0.1 + 0.2, 0.1 + 0.2),
        ("learning_rate", 3e-45, 3e-45),
        ("balance", True, True),
        ("betas", (0.5, 0.9), (0.5, 0.9)),
        ("betas", [0.5, 0.9], (0.5, 0.9)),
        ("augment", ["shift", "flip"], ("shift", "flip")),
        ("class_weights", (), ()),
        ("learning_rates", {"generator": 1e-4, "critic": 2.0}, {"generator": 1e-4, "critic": 2.0}),
        ("schedule", "cosine", "cosine"),
    ],
)
def test_a_value_from_python_is_read_back_from_its_text(field: str, value: Any, read: Any) -> None:
    (values,) = parse_assignments(as_settings({field: value}), TrainConfig)
    assert values == {field: read}


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    import numpy as np
    import torch

    given = {"a": np.int64(3), "b": torch.tensor(0.5), "c": np.bool_(True), "d": [np.int64(8)]}
    assert as_settings(given) == ("a=3", "b=0.5", "c=true", "d=8")


@pytest.mark.parametrize("value", [object(), ["a,b"], [["a"]], b"text", {"a": [1]}])
def test_a_value_that_no_command_could_say_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="latent_dim"):
        as_settings({"latent_dim": value})


def test_a_seed_is_drawn_when_none_is_given(store: Store) -> None:
    asked = Asked(model="mlp-vae", name="mine")
    seeds = {asked.begun(store).seed for _ in range(3)}
    assert len(seeds) == 3
    assert dataclasses.replace(asked, seed=0).begun(store).seed == 0


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"model": None}, ConfigError, "Name the model to train"),
        ({"name": None}, ConfigError, "Name the checkpoint: name="),
        ({"name": "Bad Name"}, ConfigError, "'Bad Name' is not a valid name"),
        ({"name": "vae-mnist"}, OutputError, "choose another name"),
        ({"model": "mlp-va"}, NotFoundError, "Did you mean 'mlp-vae'"),
        ({"model": "mlp-va", "name": None}, NotFoundError, "Did you mean 'mlp-vae'"),
        ({"model": "vae-mnist"}, NotFoundError, "is a checkpoint, not a model"),
        ({"data": "mnst"}, NotFoundError, "Did you mean 'mnist'"),
        ({"data": ""}, DataError, "No data set is called ''"),  # of a variable that is not set
        ({"data": "photos"}, DataError, "For the folder write ./photos"),
        ({"data": "./nowhere"}, DataError, "is not a folder"),
        ({"out": "photos"}, OutputError, "is not an empty folder"),
    ],
)
def test_what_can_not_be_trained_is_refused_with_what_to_do(
    changes: dict[str, Any], error: type[Exception], why: str, store: Store
) -> None:
    Path("photos").mkdir()
    Path("photos/file").touch()
    asked = Asked(**{"model": "mlp-vae", "name": "mine", **changes})
    with pytest.raises(error) as refused:
        asked.begun(store)
    assert why in str(refused.value)


def test_an_unfinished_training_of_that_name_is_refused_with_how_to_go_on(store: Store) -> None:
    run = store.run("mine")
    run.mkdir(parents=True)
    (run / "state.safetensors").touch()
    with pytest.raises(OutputError, match="Continue it with: zoo train --resume mine") as refused:
        Asked(model="mlp-vae", name="mine").begun(store)
    assert str(refused.value).endswith("To start anew, first remove it: zoo rm mine")


def test_an_unfinished_training_outside_of_the_store_is_removed_as_a_folder() -> None:
    Path("mine.run").mkdir()
    Path("mine.run", "state.safetensors").touch()
    with pytest.raises(OutputError, match=r"zoo train --resume mine\.run") as refused:
        Asked(model="mlp-vae", out="mine").begun(Store({}))
    assert str(refused.value).endswith("To start anew, first remove that folder.")


def test_a_folder_with_the_name_of_a_training_does_not_hide_it(store: Store) -> None:
    run = store.run("mine")
    run.mkdir(parents=True)
    (run / "run.json").touch()
    Path("mine").mkdir()
    assert find_run(store, Path("mine")) == run
    Path("mine", "run.json").touch()
    assert find_run(store, Path("mine")) == Path("mine")


def test_an_unfinished_training_is_found_by_name_and_by_folder(store: Store) -> None:
    run = store.run("mine")
    run.mkdir(parents=True)
    (run / "run.json").touch()
    store.run("finished").mkdir()
    assert find_run(store, Path("mine")) == run == find_run(store, run)
    with pytest.raises(NotFoundError, match="Did you mean 'mine'"):
        find_run(store, Path("mien"))
    with pytest.raises(NotFoundError, match=r"nor a training of that name\.$"):
        find_run(store, Path("finishd"))
    with pytest.raises(CheckpointError, match="There is no folder no/where"):
        find_run(store, Path("no/where"))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": 3}, "neither the name of a model"),
    ({"model": int}, "neither the name of a model"),
    ({"name": 3}, "pass a name for the checkpoint"),
    ({"data": 3}, "data is of the type int: pass a name or a path"),
    ({"out": 3}, "out is of the type int"),
    ({"resume": 3}, "resume is of the type int"),
    ({"data_root": 3}, "data_root is of the type int"),
    ({"epochs": "3"}, "pass a whole number of 1 or more"),
    ({"epochs": True}, "pass a whole number of 1 or more"),
    ({"epochs": 0}, "pass a whole number of 1 or more"),
    ({"seed": -1}, "pass a whole number of 0 or more"),
    (
        {"seed": 2**63},
        "seed is out of range: pass a whole number of 9,223,372,036,854,775,807 or less",
    ),
    ({"device": 3}, "pass 'auto', 'cpu' or 'cuda'"),
    ({"device": "tpu"}, "There is no device 'tpu'"),
    ({"threads": 0}, "threads = 0 is out of range: pass a whole number from 1 to 4096"),
    ({"threads": "2"}, "pass a whole number from 1 to 4096"),
    ({"threads": True}, "pass a whole number from 1 to 4096"),
    ({"watch": 3}, "pass 'auto', None, or a function"),
    ({"model": "mlp-vea", "name": 3, "epochs": 0}, "Did you mean 'mlp-vae'"),
    ({"fields": 3}, "give a dict"),
    ({"fields": "latent_dim=3"}, "give a dict"),
    ({"fields": {"latent_dims": 3}}, "Did you mean 'latent_dim'"),
    ({"latent_dims": 3}, "Did you mean 'latent_dim'"),
    ({"learning_rat": 3}, "Did you mean 'learning_rate'"),
    ({"latent_dim": "many"}, "whole number"),
    ({"latent_dim": 2.5}, "whole number"),
    ({"latent_dim": [1, 2]}, "whole number"),
    ({"latent_dim": object()}, "latent_dim is of the type object"),
    ({"latent_dim": 0}, "out of bounds"),
    ({"augment": "blur"}, "one of shift, rotate, zoom, flip"),
    ({"augment": 3}, "augment = 3: pass"),
    ({"data": "mnst"}, "Did you mean 'mnist'"),
    ({"num_classes": 5}, "num_classes=10"),
]


@pytest.mark.parametrize(
    ("changes", "why"), WRONG, ids=lambda value: str(value).partition(" at 0x")[0][:40]
)
def test_what_zoo_train_is_wrongly_given_is_said_with_what_to_pass(
    changes: dict[str, Any], why: str, tmp_path: Path
) -> None:
    with pytest.raises(zoo.ZooError) as refused:
        zoo.train(**{"model": "mlp-vae", "name": "mine", "watch": None, **changes})
    assert why in str(refused.value)
    assert not (tmp_path / "home" / "checkpoints" / "mine").exists()


@pytest.mark.parametrize(
    "call",
    [
        "zoo.train('mlp-va', name='x')",
        "zoo.train('mlp-vae', name='vae-mnist')",
        "zoo.train('mlp-vae', name='x', data='mnst')",
        "zoo.train('mlp-vae', name='x', data='./nowhere')",
        "zoo.train('mlp-vae', name='Bad Name')",
        "zoo.train('mlp-vae', name='x', epochs=0)",
        "zoo.train(resume='nowhere')",
    ],
)
def test_what_can_be_refused_without_torch_is_refused_before_it_is_imported(call: str) -> None:
    code = f"""
import sys, zoo
try:
    {call}
except zoo.ZooError:
    print([name for name in ("torch", "numpy", "accelerate") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_an_unknown_field_is_refused_before_data_are_read_or_a_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: Any, **__: Any) -> Any:
        raise AssertionError("the data were read")

    monkeypatch.setattr("zoo.data.load_dataset", read)
    with pytest.raises(ConfigError, match="Unknown field 'latent_dims'"):
        zoo.train("mlp-vae", name="mine", latent_dims=2)
    assert not (tmp_path / "home" / "runs").exists()


@pytest.mark.parametrize(("model", "example"), [("speller", "./texts.txt"), ("whistle", "./rec")])
def test_a_model_of_text_or_audio_takes_no_images_by_default(
    model: str, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walkers.offer(tmp_path / "site", monkeypatch)
    with pytest.raises(ConfigError, match=rf"no such data to take by default: .* {example}"):
        zoo.train(model, name="mine")
