"""The combinations of a grid, and what each is called."""

import pytest

from zoo.training.grid import combinations


def test_names_say_the_values_and_the_last_field_varies_fastest() -> None:
    found = combinations("s", {"latent_dim": [2, 8], "seed": [0, 1]})
    assert [one.name for one in found] == [
        "s-latent_dim-2-seed-0",
        "s-latent_dim-2-seed-1",
        "s-latent_dim-8-seed-0",
        "s-latent_dim-8-seed-1",
    ]
    assert found[1].values == {"latent_dim": "2", "seed": "1"}
    assert combinations("s", ["latent_dim=2;8", "seed=0;1"]) == found


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ("400,200", "400_200"),
        ("1e-4", "1e-4"),
        ("True", "true"),
        ("generator:1e-4", "generator_1e-4"),
        ("./photos/", "photos"),
        ("É", "none"),
    ],
)
def test_any_value_is_a_part_of_a_name(values: str, part: str) -> None:
    (one,) = combinations("s", [f"field={values}"])
    assert one.name == f"s-field-{part}"
