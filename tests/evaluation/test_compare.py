"""zoo.compare: tables for people, papers and pandas; patterns; and words for what is wrong."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo

import zoo as door
from zoo.checkpoints import Folder
from zoo.common.errors import ConfigError, NotFoundError, OutputError, ZooError
from zoo.evaluation import Comparison
from zoo.sampling import provenance

Trained = Callable[..., Path]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where checkpoints are kept that a test has measured."""
    return tmp_path_factory.mktemp("measured")


@pytest.fixture
def two(trained: Trained, measured: Path) -> tuple[str, str]:
    """Two checkpoints with results, which a test may change."""
    for name, model in (("s-vae", "mlp-vae"), ("s-gan", "mlp-gan")):
        if not (measured / name).exists():
            shutil.copytree(trained(model), name)
            door.evaluate(f"./{name}", n=40, importance_samples=3, write=True)
            shutil.copytree(name, measured / name)
        else:
            shutil.copytree(measured / name, name)
    return "./s-vae", "./s-gan"


def test_python_and_the_command_compare_the_same_numbers(zoo: Zoo, two: tuple[str, str]) -> None:
    found = door.compare(*two)
    shown = json.loads(zoo("compare", *two, "--json").stdout)["evaluations"]
    assert {
        name: [one.to_dict() for one in results] for name, results in found.columns.items()
    } == shown
    assert repr(found) == zoo("compare", *two).stdout.rstrip("\n")
    assert found._repr_html_().count("<th>") == 4


def test_without_an_output_no_picture_is_made(two: tuple[str, str]) -> None:
    assert door.compare(*two).picture is None and not Path("compare.png").exists()
    assert door.compare(*two, output="both.png").picture == Path("both.png")
    assert Path("both.png").is_file()


def test_rows_are_dicts_with_all_that_a_number_depends_on(two: tuple[str, str]) -> None:
    rows = door.compare(*two).rows
    facts = {name: Folder(name).facts["evaluations"] for name in two}
    assert len(rows) == sum(map(len, facts.values()))
    for row in rows:
        assert {key: value for key, value in row.items() if key not in ("checkpoint", "title")} in (
            facts[row["checkpoint"]]
        )


def test_csv_holds_every_number_with_all_digits(two: tuple[str, str]) -> None:
    found = door.compare(*two)
    read = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [(one["checkpoint"], one["metric"], float(one["value"])) for one in read] == [
        (one["checkpoint"], one["metric"], one["value"]) for one in found.rows
    ]


def test_markdown_and_latex_hold_the_table(two: tuple[str, str]) -> None:
    found = door.compare(*two)
    markdown = found.to_markdown().splitlines()
    assert markdown[0] == "| METRIC | ./s-vae | ./s-gan | FLOOR |" and len(markdown) == 2 + len(
        found.cells()
    )
    latex = found.to_latex()
    assert r"\begin{tabular}{lrrr}" in latex and r"Fréchet distance $\downarrow$ &" in latex
    assert latex.count(r"\\") == 1 + len(found.cells())


def test_a_pattern_stands_for_every_checkpoint_that_fits(zoo: Zoo, two: tuple[str, str]) -> None:
    assert door.compare("./s-*").checkpoints == ("./s-gan", "./s-vae")
    for name in ("s-1", "s-2", "other"):
        words = ["train", "mlp-gan", "--name", name, "--epochs", 1, "--set", "generator_dims=8"]
        assert zoo(*words).exit_code == 0
    assert door.compare("s-*", n=20).checkpoints == ("s-1", "s-2")
    assert zoo("compare", "s-*", "-n", 20).stdout.split()[:4] == ["METRIC", "s-1", "s-2", "FLOOR"]


@pytest.mark.parametrize(
    ("references", "arguments", "error", "message"),
    [
        ((), {}, ConfigError, "Name at least two different checkpoints. None was named"),
        (("./s-vae",), {}, ConfigError, "There is only ./s-vae"),
        (("./s-vae", "./s-vae"), {}, ConfigError, "There is only ./s-vae"),
        (("t-*",), {}, NotFoundError, "No checkpoint here matches 't-*'"),
        (("./t-*",), {}, NotFoundError, "No checkpoint here matches './t-*'"),
        (
            ("./s-vae", 7),
            {},
            ConfigError,
            "reference = 7 is of the type int: pass a checkpoint's name",
        ),
        ((["./s-vae", "./s-gan"],), {}, ConfigError, "is of the type list"),
        (("./s-vae", "no-such"), {}, NotFoundError, "No checkpoint is called 'no-such'"),
        (("./s-*",), {"n": "many"}, ConfigError, "n = 'many' is of the type str: pass a whole"),
        (("./s-*",), {"seed": 1.5}, ConfigError, "seed = 1.5 is of the type float: pass a whole"),
        (("./s-*",), {"data": "mnst"}, NotFoundError, "Did you mean 'mnist'"),
        (("./s-*",), {"features": "digit"}, NotFoundError, "Did you mean 'digits'"),
        (("./s-*",), {"output": "both.gif"}, OutputError, "Can't write '.gif' files"),
        (("./s-*",), {"output": 7}, ConfigError, "output must be the path of a picture, not int"),
    ],
)
def test_a_wrong_argument_is_refused_in_words(
    references: tuple[Any, ...],
    arguments: dict[str, Any],
    error: type[ZooError],
    message: str,
    two: tuple[str, str],
) -> None:
    with pytest.raises(error) as refused:
        door.compare(*references, **arguments)
    assert message in str(refused.value)


def test_a_comparison_of_nothing_is_an_empty_table() -> None:
    empty = Comparison({"mine": [], "yours": []})
    assert empty.rows == [] and repr(empty).split() == ["METRIC", "mine", "yours", "FLOOR"]
    assert empty.to_csv() == "\n" and empty.to_markdown().count("\n") == 1


def outdate(folder: str) -> None:
    """Make the results of a checkpoint those of version 1."""
    path = Path(folder, "facts.json")
    facts = json.loads(path.read_text())
    for one in facts["evaluations"]:
        del one["version"]
    path.write_text(json.dumps(facts))


def test_results_of_two_versions_are_refused_until_arguments_say_how_to_measure(
    two: tuple[str, str],
) -> None:
    outdate("s-gan")
    with pytest.raises(ConfigError) as refused:
        door.compare(*two)
    assert "Measure ./s-gan again: zoo evaluate ./s-gan --write" in str(refused.value)
    found = door.compare(*two, n=40, importance_samples=3)
    assert {row["version"] for row in found.rows if row["metric"] == "recall"} == {2}
    outdate("s-vae")
    assert {row["version"] for row in door.compare(*two).rows} == {1}


def test_nothing_is_measured_to_stand_beside_results_of_an_older_version(
    two: tuple[str, str],
) -> None:
    outdate("s-gan")
    path = Path("s-vae/facts.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "evaluations": []}))
    with pytest.raises(ConfigError, match=r"compared with new results of \./s-vae"):
        door.compare(*two)


@pytest.mark.parametrize("name", ["both.PNG", "both.jpg", "both.webp"])
def test_the_picture_is_of_any_format_that_tells_how_it_was_made(
    name: str, two: tuple[str, str]
) -> None:
    door.compare(*two, output=name)
    assert provenance.read(Path(name))["checkpoints"] == ["./s-vae", "./s-gan"]


def test_a_picture_that_the_zoo_did_not_write_is_not_replaced_unless_forced(
    two: tuple[str, str],
) -> None:
    Path("both.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"both.png exists, and the zoo did not write it"):
        door.compare(*two, output="both.png")
    assert Path("both.png").read_bytes() == b"mine"
    for _ in range(2):  # the second time it is the zoo's own
        door.compare(*two, output="both.png", force=Path("both.png").read_bytes() == b"mine")
    assert provenance.read(Path("both.png"))["seed"] == 0
