"""An afternoon of research, in small: an own folder, seeds and sizes, fine-tuning, a LaTeX table."""

from pathlib import Path

import pytest
from conftest import Zoo

import zoo as library
from zoo.data import load_dataset
from zoo.sampling.images import to_image

MEASURE = ["-k", 2, "--features", "digits", "--format", "latex"]


def folder_of_digits(n: int) -> None:
    """Real digits in ./digits, a folder for each class."""
    data = load_dataset("mnist")
    assert data.labels is not None
    for index in range(n):
        path = Path("digits") / str(int(data.labels[index])) / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        to_image(data.samples[index]).save(path)


def test_from_a_folder_of_images_to_a_table_in_a_few_seconds(zoo: Zoo) -> None:
    folder_of_digits(40)
    words = ["--data", "./digits", "--epochs", "1", "--keep", "best"]
    grid = ["--grid", "seed=0;1", "--set", "hidden_dims=8", "--set", "latent_dim=2"]
    trained = zoo("train", "mlp-vae", "--name", "s", *words, *grid)
    assert trained.exit_code == 0, trained.stderr
    tuned = zoo("train", "--from", "s-seed-0", "--name", "tuned", *words)
    assert tuned.exit_code == 0, tuned.stderr
    table = zoo("compare", "s-*", "--over", "seed", "-n", 20, *MEASURE)
    assert table.exit_code == 0 and "(2, each $\\pm$" in table.stdout, table.output


@pytest.mark.long
def test_from_a_folder_of_images_to_a_table_for_a_paper(zoo: Zoo) -> None:
    folder_of_digits(200)
    words = ["--data", "./digits", "--epochs", "3", "--keep", "best", "--set", "hidden_dims=32"]
    grid = ["--grid", "latent_dim=2;8", "--grid", "seed=0;1;2", "--workers", "2"]
    trained = zoo("train", "mlp-vae", "--name", "s", *words, *grid)
    assert trained.exit_code == 0, trained.stderr
    assert len(trained.stdout.splitlines()) == 6

    tuned = zoo("train", "--from", "vae-mnist", "--name", "tuned", *words[:6])
    assert tuned.exit_code == 0, tuned.stderr
    facts = library.info("tuned")["facts"]
    assert facts["parent"]["reference"] == "vae-mnist" and facts["kept"]["of"] == 3

    table = zoo("compare", "s-*", "--over", "seed", "-n", 40, *MEASURE)
    assert table.exit_code == 0, table.stderr
    assert "s-latent\\_dim-2 & s-latent\\_dim-8" in table.stdout
    assert "(3, each $\\pm$" in table.stdout and r"\bottomrule" in table.stdout
