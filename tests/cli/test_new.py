"""zoo new: plugins that work as they come, and names that would not."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Zoo, files_no_larger_than
from environments import Environment

from zoo.registry.registry import installed

KINDS = ("gan", "latent", "plain", "vae")
# kinds that are no models of digits, or are like another
FURTHER = ("audio", "autoencoder", "importer", "text")
TREE = {
    ".github/workflows/test.yml",
    ".gitignore",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "tests/test_my_flow.py",
    "zoo_my_flow/__init__.py",
    "zoo_my_flow/model.py",
}
TRAIN_SAMPLE_AND_PUSH = """
from zoo.cli import main
for kind in {kinds}:
    words = ["train", f"my-{{kind}}", "--name", kind, "--data", "mnist", "--epochs", "2", "--seed", "0"]
    main(words, standalone_mode=False)
    main(["sample", kind, "-n", "4", "--seed", "0", "-o", f"{{kind}}.npz"], standalone_mode=False)
    main(["push", kind, f"owner/{{kind}}", "--yes"], standalone_mode=False)
main(["sample", "plain", "-n", "4", "--seed", "0", "--set", "steps=2", "-o", "coarse.npz"], standalone_mode=False)
"""


def files_of(tree: Path) -> set[str]:
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}


def names() -> list[str]:
    """What is in the folder that we stand in."""
    return sorted(path.name for path in Path().iterdir())


@pytest.fixture(scope="module")
def guests(
    make_environment: Callable[[], Environment], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Environment, Mapping[str, Path]]:
    """An environment in which a new plugin of each kind, `my-KIND`, is installed; and their trees
    by kind.
    """
    environment = make_environment()
    folder = tmp_path_factory.mktemp("guests")
    trees = {kind: folder / f"zoo-my-{kind}" for kind in KINDS}
    code = "from zoo.cli import main\n"
    for kind, tree in trees.items():
        code += (
            f"main(['new', 'my-{kind}', '--kind', '{kind}', '--out', {str(tree)!r}], "
            "standalone_mode=False)\n"
        )
    subprocess.run([str(environment.python), "-W", "error", "-c", code], check=True)
    environment.install(*trees.values())
    return environment, trees


@pytest.mark.long
def test_a_new_plugin_of_each_kind_installs_and_its_tests_pass(
    guests: tuple[Environment, Mapping[str, Path]],
) -> None:
    from zoo.testing import ModelContract

    environment, trees = guests
    checks = [name for name in dir(ModelContract) if name.startswith("test_")]
    tests = [str(environment.python), "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run([*tests, *map(str, trees.values())], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert f"{2 * len(KINDS) * len(checks)} passed" in done.stdout  # with classes and without


@pytest.mark.long
def test_a_new_plugin_of_each_kind_learns_is_sampled_and_is_pushed(
    guests: tuple[Environment, Mapping[str, Path]], hub: Any, tmp_path: Path
) -> None:
    import numpy as np

    code = TRAIN_SAMPLE_AND_PUSH.format(kinds=KINDS)
    environment = {
        **os.environ,
        "HF_TOKEN": "hf_write",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
    }
    subprocess.run([str(guests[0].python), "-c", code], check=True, env=environment)
    assert {f"owner/{kind}" for kind in KINDS} <= set(hub.repositories)
    drawn = {}
    for name in (*KINDS, "coarse"):
        with np.load(f"{name}.npz") as file:
            drawn[name] = file["samples"]
        assert drawn[name].shape == (4, 1, 28, 28) and len(np.unique(drawn[name])) > 50
    assert not np.array_equal(drawn["plain"], drawn["coarse"])  # its sample-time option
    for kind in KINDS:
        facts = json.loads(
            (Path(os.environ["ZOO_HOME"]) / "checkpoints" / kind / "facts.json").read_text()
        )
        first, last = (epoch["losses"] for epoch in facts["history"])
        assert kind == "gan" or last["loss"] < first["loss"]


@pytest.mark.long
def test_what_is_said_to_be_next_works_within_a_minute(
    make_environment: Callable[[], Environment], tmp_path: Path
) -> None:
    environment, began = make_environment(), time.monotonic()
    begun = environment.zoo("new", "my-first", "--out", tmp_path / "zoo-my-first")
    assert (
        begun.stderr == f"Next: cd {tmp_path}/zoo-my-first && pip install -e '.[test]' && pytest\n"
    )
    offline = ["--quiet", "--no-index", "--no-build-isolation"]  # what it needs is here
    for module in (
        ["pip", "install", *offline, "-e", ".[test]"],
        ["pytest", "-q", "-p", "no:cacheprovider"],
    ):
        command = [environment.python, "-m", *module]
        done = subprocess.run(
            command, cwd=tmp_path / "zoo-my-first", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout and time.monotonic() - began < 60
    assert "my-first" in environment.zoo("list", "--models").stdout


@pytest.mark.parametrize(
    ("kind", "brought"),
    [("vae", {"likelihood", "beta", "importance_samples"}), ("gan", {"objective", "r1"})],
)
def test_the_losses_come_with_the_base(
    kind: str, brought: set[str], guests: tuple[Environment, Mapping[str, Path]]
) -> None:
    environment, trees = guests
    model = trees[kind] / f"zoo_my_{kind}" / "model.py"
    assert not brought & set(re.findall(r"\w+", model.read_text()))  # not a word of them is written
    fields = json.loads(environment.zoo("show", f"my-{kind}", "--json").stdout)["config"]
    assert brought <= {one["name"] for one in fields}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["x", "a-very-long-name_of-32-letters-x"])
def test_what_is_written_has_nothing_to_lint_or_to_format(kind: str, name: str, zoo: Zoo) -> None:
    result = zoo("new", name, "--kind", kind, "--out", "tree")
    assert result.exit_code == 0, result.stderr
    for words in (["check", "--no-cache"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "tree"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_it_writes_a_distribution_and_says_where_and_what_is_next(zoo: Zoo) -> None:
    result = zoo("new", "my-flow")
    assert (result.exit_code, result.stdout) == (0, "zoo-my-flow\n")
    assert result.stderr == "Next: cd zoo-my-flow && pip install -e '.[test]' && pytest\n"
    assert files_of(Path("zoo-my-flow")) == TREE and names() == ["zoo-my-flow"]
    assert "class MyFlow(GenerativeModel[" in Path("zoo-my-flow/zoo_my_flow/model.py").read_text()
    for file in TREE:
        assert not re.search(r"\$\w", Path("zoo-my-flow", file).read_text()), (
            file
        )  # nothing is left open


def test_its_ci_runs_what_its_readme_says_one_runs(zoo: Zoo) -> None:
    assert zoo("new", "my-flow").exit_code == 0
    (job,) = yaml.safe_load(Path("zoo-my-flow/.github/workflows/test.yml").read_text())[
        "jobs"
    ].values()
    run = " && ".join(step["run"] for step in job["steps"] if "run" in step)
    assert (
        run == "pip install -e '.[test]' && ruff check . && ruff format --check . && mypy && pytest"
    )
    readme = Path("zoo-my-flow/README.md").read_text()
    assert (
        "pip install -e '.[test]' && pytest" in readme
        and "`ruff check .`, `ruff format .` and `mypy`" in readme
    )


def test_it_writes_where_it_is_told_to_and_says_so_in_json(zoo: Zoo) -> None:
    result = zoo("new", "my_flow", "--kind", "latent", "--out", "deep/in here", "--json")
    said = {
        "name": "my_flow",
        "kind": "latent",
        "path": "deep/in here",
        "model": "zoo_my_flow/model.py",
    }
    assert json.loads(result.stdout) == said and "cd 'deep/in here' &&" in result.stderr
    assert files_of(Path("deep/in here")) == TREE


def test_help_says_what_each_kind_is(zoo: Zoo) -> None:
    from zoo.cli.new import TEMPLATES

    kinds = sorted(one.name for one in (TEMPLATES / "kinds").iterdir())
    assert kinds == sorted((*KINDS, *FURTHER))
    for kind in KINDS:
        assert re.search(rf"^ +{kind} +\S", zoo("new", "--help").stdout, re.MULTILINE), kind
    assert zoo("new", "my-flow", "--kind", "flow").exit_code == 2 and names() == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MyFlow", "Did you mean 'my-flow'?"),
        ("my flow", "Did you mean 'my-flow'?"),
        ("my.flow", "Did you mean 'my-flow'?"),
        ("2flow", "Did you mean 'flow'?"),
        ("flow-", "Did you mean 'flow'?"),
        ("my--flow", "Did you mean 'my-flow'?"),
        ("../flow", "Did you mean 'flow'?"),
        ("flow\n", "Did you mean 'flow'?"),
        ("a" * 33, f"Did you mean '{'a' * 32}'?"),
        ("流", "'流' is not a valid name of a plugin"),
        ("zoo-flow", "leave out the zoo in front"),
        ("lambda", "'lambda' is a word of Python: choose another, such as my-lambda."),
        ("none", "'none' is a word of Python"),
        (
            "tensor",
            "The class would be called Tensor, as another that it uses: choose another, such as "
            "my-tensor.",
        ),
        ("vision", "'vision' is taken by the plugin of genzoo"),
        ("mlp-vae", "'mlp-vae' is taken by what genzoo offers in zoo_models"),
        ("vae-mnist", "'vae-mnist' is taken by what genzoo offers in zoo_checkpoints"),
        ("fashion-mnist", "'fashion-mnist' is taken by what genzoo offers in zoo_datasets"),
        ("inception", "'inception' is taken by what genzoo offers in zoo_features"),
        ("pythae-vae", "'pythae-vae' is taken by what genzoo offers in zoo_importers"),
    ],
)
def test_a_name_that_would_not_work_is_refused_in_words_that_mend_it(
    name: str, said: str, zoo: Zoo
) -> None:
    result = zoo("new", name)
    assert result.exit_code == 1 and said in result.stderr, result.stderr
    assert "Traceback" not in result.stderr and result.stdout == "" and names() == []


def test_the_name_of_a_package_that_is_installed_is_refused(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("zoo_my_flow").mkdir()
    monkeypatch.syspath_prepend(Path.cwd())
    assert "'my-flow' is taken by the installed package zoo_my_flow" in zoo("new", "my-flow").stderr
    assert names() == ["zoo_my_flow"]


def test_the_name_of_a_plugin_that_is_installed_is_refused_however_it_is_spelt(
    guests: tuple[Environment, Mapping[str, Path]],
) -> None:
    again = guests[0].zoo("new", "my-vae")
    assert again.returncode == 1 and "'my-vae' is taken by the plugin of zoo-my-vae" in again.stderr
    respelt = guests[0].zoo("new", "my_vae")
    assert (
        respelt.returncode == 1
        and "'my_vae' is taken by the installed distribution zoo-my-vae" in respelt.stderr
    )
    assert names() == []


def test_what_exists_is_never_written_into(zoo: Zoo) -> None:
    Path("zoo-my-flow").mkdir()
    Path("file").write_text("mine")
    for words in ([], ["--out", "file"], ["--out", "."]):
        result = zoo("new", "my-flow", *words)
        assert (
            result.exit_code == 1
            and "exists already: remove it, or name another folder with --out." in result.stderr
        )
    assert files_of(Path()) == {"file"} and Path("file").read_text() == "mine"


def test_a_full_disk_leaves_nothing_behind(zoo: Zoo) -> None:
    with files_no_larger_than(500):
        result = zoo("new", "my-flow")
    assert result.exit_code == 1 and "Can't write zoo-my-flow" in result.stderr
    assert names() == []


@pytest.mark.parametrize("kind", FURTHER)
def test_a_plugin_of_every_further_kind_keeps_the_contract_as_it_comes(
    kind: str, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.testing import verdicts

    made = zoo("new", f"fresh-{kind}", "--kind", kind, "--out", "made")
    assert made.exit_code == 0, made.stderr
    package = f"zoo_fresh_{kind}"
    metadata = Path("made") / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[zoo]\nfresh-{kind} = {package}\n")
    monkeypatch.syspath_prepend(Path("made").resolve())
    installed.cache_clear()
    text = Path("made", "tests", f"test_fresh_{kind}.py").read_text()
    config = json.loads(re.findall(r"config = (\{.*\})", text)[0])
    for classes in (0, 3):
        found = list(verdicts(f"fresh-{kind}", {**config, "num_classes": classes}))
        assert [one for one in found if one.verdict != "kept"] == []
    readme = Path("made", "README.md").read_text()
    assert "$" not in readme and f"fresh-{kind}" in readme


def test_the_importer_of_a_fresh_plugin_imports(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from safetensors.torch import save_file

    begun = zoo("new", "theirs", "--kind", "importer", "--out", "made")
    assert begun.exit_code == 0, begun.stderr
    metadata = Path("made") / "zoo_theirs-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo_theirs\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[zoo]\ntheirs = zoo_theirs\n")
    monkeypatch.syspath_prepend(Path("made").resolve())
    installed.cache_clear()
    layers = {"layer1": torch.nn.Linear(5, 7), "layer2": torch.nn.Linear(7, 784)}
    state = {
        f"{name}.{key}": one
        for name, each in layers.items()
        for key, one in each.state_dict().items()
    }
    save_file(state, "weights.safetensors")
    done = zoo("import", "weights.safetensors", "--as", "mine", "--with", "theirs")
    assert done.exit_code == 0, done.stderr
    assert zoo("sample", "mine", "-n", 4).exit_code == 0
    refused = zoo("train", "theirs", "--name", "other")
    assert refused.exit_code == 1 and "theirs can't be trained" in refused.stderr
