"""zoo.load and zoo.save: from a checkpoint to a model, and back."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Zoo, make_model
from toys import Toy

import zoo as door
from zoo.checkpoints.folder import CARD, CONFIG, FACTS, WEIGHTS, read_config, read_facts
from zoo.common.errors import CheckpointError, ConfigError, NotFoundError, OutputError
from zoo.models import GenerativeModel

Trained = Callable[..., Path]


# zoo.load


def test_a_loaded_model_gives_numbers_without_detaching(trained: Trained) -> None:
    model: Any = door.load(trained("mlp-vae"))
    assert not any(parameter.requires_grad for parameter in model.parameters())
    z = torch.zeros(3, *model.latent_shape)
    assert model.decode(z).numpy().shape == (3, 1, 28, 28)


def test_gradients_flow_to_latents_and_to_parameters_that_are_asked_to_have_them(
    trained: Trained,
) -> None:
    model: Any = door.load(trained("mlp-vae"))
    z = torch.zeros(2, *model.latent_shape, requires_grad=True)
    model.decode(z).sum().backward()
    assert z.grad is not None and z.grad.abs().sum() > 0
    model.requires_grad_(True)
    model.decode(z.detach()).sum().backward()
    assert any(parameter.grad is not None for parameter in model.parameters())
    assert "requires_grad_(True)" in (door.load.__doc__ or "")


def test_auto_takes_what_is_here(trained: Trained) -> None:
    found = "cuda" if torch.cuda.is_available() else "cpu"
    assert door.load(trained("mlp-vae"), device="auto").device.type == found


def test_a_path_object_is_a_path_however_it_begins(trained: Trained) -> None:
    Path("here").symlink_to(trained("mlp-vae"))
    assert door.load(Path("here")).config == door.load("./here").config


def test_a_model_knows_what_its_labels_mean(trained: Trained) -> None:
    names = tuple(map(str, range(10)))
    assert door.load(trained("mlp-gan", "num_classes=10")).class_names == names
    assert door.load(trained("mlp-vae")).class_names == ()


def test_a_model_samples_without_a_generator_by_torchs_own_numbers(trained: Trained) -> None:
    model: Any = door.load(trained("mlp-vae"))
    torch.manual_seed(3)
    first = model.sample(4)
    second = model.sample(4)
    torch.manual_seed(3)
    assert torch.equal(first, model.sample(4)) and not torch.equal(first, second)


def test_without_a_reference_it_says_what_to_pass() -> None:
    with pytest.raises(ConfigError, match=r"zoo\.load\('NAME', device='auto'\).*vae-mnist"):
        door.load(device="auto")


@pytest.mark.parametrize("reference", [7, 1.5, ["vae-mnist"], b"vae-mnist", torch.zeros(1)])
def test_a_reference_that_is_none_is_refused_with_its_type(reference: Any) -> None:
    with pytest.raises(ConfigError, match=r"reference = .* is of the type .*: pass a checkpoint"):
        door.load(reference)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", 7.5, None])
def test_a_device_that_is_none_is_refused(trained: Trained, device: Any) -> None:
    with pytest.raises(ConfigError, match="There is no device"):
        door.load(trained("mlp-vae"), device=device)


@pytest.mark.parametrize("model", ["mlp-vae", dict, 7])
def test_a_class_that_is_no_model_is_refused(trained: Trained, model: Any) -> None:
    with pytest.raises(ConfigError, match="is no class of a model: pass the class itself"):
        door.load(trained("mlp-vae"), model=model)


def test_a_name_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'vae-mnist'"):
        door.load("vae-mnst")


# zoo.save


def test_a_model_is_saved_complete_and_comes_back(trained: Trained, zoo: Zoo) -> None:
    model: Any = door.load(trained("mlp-vae"))
    saved = door.save(model, "mine", dataset="mnist", facts={"license": "mit", "seed": 3})
    assert sorted(one.name for one in Path("mine").iterdir()) == [CARD, CONFIG, FACTS, WEIGHTS]
    facts = read_facts("mine")
    assert (facts["dataset"], facts["license"], facts["seed"]) == ("mnist", "mit", 3)
    assert facts["parameters"] == sum(one.numel() for one in model.parameters())
    assert read_config("mine")["made_by"]["distribution"] == "genzoo"
    assert saved.path == Path("mine") and saved.model == "mlp-vae"
    z = torch.ones(2, *model.latent_shape)
    assert torch.equal(model.decode(z), door.load("./mine").decode(z))  # type: ignore[attr-defined]
    assert zoo("show", "./mine").exit_code == 0
    assert "zoo sample ./mine" in (Path("mine") / CARD).read_text()


def test_a_class_of_ones_own_is_saved_and_loads_when_it_is_passed() -> None:
    door.save(Toy(), "toy")
    with pytest.raises(NotFoundError, match=r"Load it in Python: zoo\.load\('\./toy', model=Toy\)"):
        door.load("./toy")
    assert isinstance(door.load("./toy", model=Toy), Toy)
    card = (Path("toy") / CARD).read_text()
    assert 'import zoo\nfrom toys import Toy\n\nmodel = zoo.load("./toy", model=Toy)\n' in card
    assert "zoo sample" not in card


def test_another_class_than_the_one_that_is_needed_is_refused() -> None:
    class Other(Toy):
        pass

    door.save(Toy(), "toy")
    with pytest.raises(ConfigError, match=r"needs the class 'Toy' .* and 'Other' was passed"):
        door.load("./toy", model=Other)


def test_the_command_says_how_a_class_of_ones_own_is_loaded(zoo: Zoo) -> None:
    door.save(Toy(), "toy")
    result = zoo("sample", "./toy")
    assert result.exit_code == 1 and "zoo.load('./toy', model=Toy)" in result.stderr


def test_a_folder_that_holds_something_is_not_written_to() -> None:
    Path("full").mkdir()
    (Path("full") / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        door.save(Toy(), "full")
    assert [one.name for one in Path("full").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("model", [None, 7, torch.nn.Linear(1, 1), Toy])
def test_what_is_no_model_is_not_saved(model: Any) -> None:
    with pytest.raises(ConfigError, match=r"zoo\.save takes an instance of a class"):
        door.save(model, "mine")


@pytest.mark.parametrize("facts", [{"seed": torch.zeros(1)}, {"a": {1, 2}}, {"path": Path()}])
def test_facts_that_are_no_json_are_refused_and_nothing_is_left(facts: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be JSON values"):
        door.save(Toy(), "mine", facts=facts)
    assert not list(Path.cwd().iterdir())


def test_a_model_in_training_on_its_way_is_saved_as_it_is() -> None:
    model: GenerativeModel[Any] = make_model("mlp-vae", hidden_dims=(8,)).train()
    door.save(model, "mine")
    assert model.training and not door.load("./mine").training


def test_weights_that_are_not_finite_are_refused_when_they_are_loaded() -> None:
    model = Toy()
    torch.nn.init.constant_(model.first, math.nan)
    door.save(model, "mine")
    with pytest.raises(CheckpointError, match="holds NaN or infinite values"):
        door.load("./mine", model=Toy)
