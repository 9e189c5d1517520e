"""Errors: the nearest name is offered."""

import pickle
from pathlib import Path

import pytest

from zoo.common import errors


def test_a_near_name_is_offered() -> None:
    assert errors.did_you_mean("vae-mnst", ["vae-mnist", "dcgan"]) == " Did you mean 'vae-mnist'?"


def test_a_name_that_contains_what_was_typed_is_offered() -> None:
    assert "'conv-vae-mnist'" in errors.did_you_mean("conv", ["conv-vae-mnist", "dcgan-mnist"])


def test_initials_are_offered_before_what_merely_looks_alike_and_alone() -> None:
    assert (
        errors.did_you_mean("lr", ["l1", "learning_rate", "learning_rates"])
        == " Did you mean 'learning_rate'?"
    )


def test_a_good_hit_is_offered_alone() -> None:
    fields = ["hidden_dims", "latent_dim", "learning_rate", "likelihood"]
    assert errors.nearest("latent", fields) == ["latent_dim"]
    assert errors.nearest("vae-mnst", ["cvae-fashion", "dcgan-mnist", "vae-mnist"]) == ["vae-mnist"]
    assert errors.nearest("VAE-MNIST", ["cvae-mnist", "vae-mnist"]) == ["vae-mnist"]


@pytest.mark.parametrize("number", ["12", "100", "-1", "7"])
def test_a_number_has_no_near_number(number: str) -> None:
    classes = [str(one) for one in range(10)]
    assert errors.nearest(number, classes) == []
    assert errors.choose_from(number, classes) == f" There is: {', '.join(classes)}."


def test_of_short_names_one_letter_may_be_wrong() -> None:
    assert errors.nearest("v2", ["main", "v1"]) == ["v1"]
    assert errors.nearest("rmi", ["rm", "train"]) == ["rm"]


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "image", "1 image"),
        (60_000, "image", "60,000 images"),
        (0, "class", "0 classes"),
        (1, "class", "1 class"),
    ],
)
def test_a_number_stands_with_its_noun(number: int, noun: str, text: str) -> None:
    assert errors.counted(number, noun) == text


def test_with_nothing_near_no_name_is_suggested() -> None:
    assert errors.did_you_mean("xyz", ["b", "a"]) == errors.did_you_mean("xyz", []) == ""


def test_of_few_names_all_are_listed_where_none_is_near() -> None:
    assert errors.choose_from("xyz", ["b", "a"]) == " There is: a, b."
    assert errors.choose_from("xyy", ["xyz", "a"]) == " Did you mean 'xyz'?"
    assert errors.choose_from("xyz", []) == ""


@pytest.mark.parametrize("name", [name for name in vars(errors) if name.endswith("Error")])
def test_every_error_is_in_the_tree_of_the_docstring_and_is_a_zoo_error(name: str) -> None:
    assert errors.__doc__ and name in errors.__doc__
    assert issubclass(getattr(errors, name), errors.ZooError)


def test_an_error_says_to_a_program_what_it_says_to_people() -> None:
    error = errors.NotFoundError("No such thing.", name="a", known=["b", "c"], path=Path("/d"))
    assert str(error) == "No such thing."
    assert (error.name, error.known, error.path) == ("a", ("b", "c"), "/d")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.name, again.known) == (str(error), error.name, error.known)
    plain = errors.ZooError("Alone.")
    assert (plain.name, plain.known, plain.path) == (None, (), None)
