"""Errors: the nearest name is offered."""

import pytest

from zoo import errors


def test_a_near_name_is_offered() -> None:
    assert errors.did_you_mean("vae-mnst", ["vae-mnist", "dcgan"]) == " Did you mean 'vae-mnist'?"


def test_a_name_that_contains_what_was_typed_is_offered() -> None:
    assert "'conv-vae-mnist'" in errors.did_you_mean("conv", ["conv-vae-mnist", "dcgan-mnist"])


def test_with_nothing_near_all_names_are_listed() -> None:
    assert errors.did_you_mean("xyz", ["b", "a"]) == " There is: a, b."
    assert errors.did_you_mean("xyz", []) == ""


@pytest.mark.parametrize("name", [name for name in vars(errors) if name.endswith("Error")])
def test_every_error_is_in_the_tree_of_the_docstring_and_is_a_zoo_error(name: str) -> None:
    assert errors.__doc__ and name in errors.__doc__
    assert issubclass(getattr(errors, name), errors.ZooError)
