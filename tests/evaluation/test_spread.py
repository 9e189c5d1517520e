"""Spread: checkpoints that differ by one field become a mean and a deviation."""

import dataclasses
import statistics
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo

import zoo as library
from zoo.checkpoints import Evaluation, Folder
from zoo.common import files
from zoo.common.errors import ConfigError
from zoo.evaluation import Comparison, Spread
from zoo.evaluation.spread import grouped

ONE = Evaluation(
    metric="frechet_distance",
    value=3.0,
    standard_error=0.1,
    n=20,
    seed=0,
    reference="mnist",
    split="train",
    reference_n=800,
    reference_sha256="0" * 64,
    extractor="digits",
)


def folder(name: str, *, seed: int = 0, latent_dim: int = 2, **facts: Any) -> Folder:
    """A checkpoint of these facts; its weights are not read."""
    path = Path(name)
    path.mkdir()
    config = {"format": 1, "model": "mlp-vae", "config": {"latent_dim": latent_dim}}
    files.write_json(path / "config.json", {**config, "made_by": {}})
    told = {"name": name, "seed": seed, "dataset": "mnist", "recipe": {"epochs": 2}, **facts}
    files.write_json(path / "facts.json", told)
    return Folder(path, name)


def folders(*names: str) -> dict[str, Folder]:
    found = {}
    for name in names:
        _, latent_dim, seed = name.split("-")
        found[name] = folder(name, seed=int(seed), latent_dim=int(latent_dim))
    return found


def test_checkpoints_that_differ_by_a_seed_are_a_group() -> None:
    several = folders("s-2-0", "s-2-1", "s-8-0", "s-8-1")
    assert [*grouped(several, "seed").values()] == [["s-2-0", "s-2-1"], ["s-8-0", "s-8-1"]]
    assert [*grouped(several, "latent_dim").values()] == [["s-2-0", "s-8-0"], ["s-2-1", "s-8-1"]]


def test_a_group_is_called_by_what_its_names_share() -> None:
    several = {
        "s-latent_dim-2-seed-0": folder("a", seed=0),
        "s-latent_dim-2-seed-1": folder("b", seed=1),
        "mine": folder("c", seed=0, latent_dim=3),
        "yours": folder("d", seed=4, latent_dim=3),
    }
    assert list(grouped(several, "seed")) == ["s-latent_dim-2", "mine …"]


def test_other_data_recipes_and_parents_are_no_matter_of_seeds() -> None:
    several = {
        "a": folder("a", seed=0),
        "b": folder("b", seed=1, dataset="kmnist"),
        "c": folder("c", seed=2, recipe={"epochs": 3}),
        "d": folder("d", seed=3, parent={"sha256": "1" * 64}),
    }
    with pytest.raises(ConfigError, match="No two of these checkpoints differ by seed alone"):
        grouped(several, "seed")


def test_a_field_that_a_checkpoint_does_not_say_is_mended() -> None:
    with pytest.raises(ConfigError, match=r"does not say its 'sead'\. Did you mean 'seed'"):
        grouped(folders("s-2-0", "s-2-1"), "sead")


def compared(values: list[float], error: float | None = 0.1) -> Spread:
    columns = {
        f"s-seed-{seed}": [dataclasses.replace(ONE, value=value, standard_error=error)]
        for seed, value in enumerate(values)
    }
    return Spread(Comparison(columns), {"s": list(columns)}, "seed")


def test_a_cell_is_mean_deviation_number_and_the_error_of_each() -> None:
    spread = compared([3.0, 3.4, 3.2])
    assert spread.headers == ("METRIC", "s", "FLOOR")
    assert spread.cells() == [("Fréchet distance ↓", "3.20 ± 0.20 (3, each ± 0.10)", "")]
    (row,) = spread.rows
    assert row["mean"] == pytest.approx(3.2) and row["n"] == 3
    assert row["deviation"] == pytest.approx(statistics.stdev([3.0, 3.4, 3.2]))
    assert row["error"] == pytest.approx(0.1) and row["values"] == [3.0, 3.4, 3.2]


def test_no_error_equal_values_and_one_alone_are_said_plainly() -> None:
    assert compared([3.0, 3.0], None).cells()[0][1] == "3.000 ± 0.000 (2)"
    assert compared([3.0]).cells()[0][1] == "3.00 ± 0.10 (1)"
    assert compared([3.0]).rows[0]["deviation"] is None


def test_a_spread_is_text_for_papers_and_rows_for_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    spread = compared([3.0, 3.4])
    assert r"Fréchet distance $\downarrow$ & 3.20 $\pm$ 0.28 (2, each $\pm$ 0.10)" in (
        spread.to_latex()
    )
    assert "| Fréchet distance ↓ | 3.20 ± 0.28 (2, each ± 0.10) |" in spread.to_markdown()
    assert (
        spread.to_csv().splitlines()[1].startswith("s,frechet_distance,Fréchet distance ↓,2,3.2,")
    )
    assert pandas.DataFrame(spread.rows)["mean"].iloc[0] == pytest.approx(3.2)
    assert "3.20 ± 0.28" in repr(spread) and "<td>" in spread._repr_html_()


def test_the_command_compares_over_seeds_in_every_format(zoo: Zoo) -> None:
    made = library.sweep(
        "mlp-vae", {"seed": [0, 1]}, name="s", hidden_dims=8, latent_dim=2, epochs=1, watch=None
    )
    for one in made:
        library.evaluate(one, n=20, test_images=20, importance_samples=2, write=True)
    words = ["compare", "s-*", "--over", "seed", "-o", "s.png"]
    table = zoo(*words)
    assert table.exit_code == 0, table.stderr
    assert table.stdout.splitlines()[0].split() == ["METRIC", "s", "FLOOR"]
    assert "(2, each ±" in table.stdout
    latex = zoo(*words, "--format", "latex")
    assert latex.stdout.startswith(r"\begin{tabular}") and r"\bottomrule" in latex.stdout
    assert zoo(*words, "--format", "csv").stdout.startswith("group,metric,title,n,mean,deviation")
    assert zoo(*words, "--format", "markdown").stdout.startswith("| METRIC | s | FLOOR |")
    assert '"over": "seed"' in zoo(*words, "--format", "json").stdout
    single = zoo("evaluate", "s-seed-0", "-n", 20, "--test-images", 20, "-k", 2, "--format", "csv")
    assert single.stdout.startswith("title,metric,value,")
    assert zoo("list", "s-*", "--format", "csv").stdout.startswith("name,model,dataset,")
    assert r"s-seed-0 & mlp-vae & mnist" in zoo("list", "s-*", "--format", "latex").stdout
    assert zoo("list", "--models", "--format", "markdown").stdout.startswith("| NAME |")
    wrong = zoo("list", "--format", "xml")
    assert wrong.exit_code == 2 and "'csv', 'latex', 'markdown', 'json'" in wrong.stderr
