"""Every variable is read in one room, and places that are not there are said in one line."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Zoo

from zoo.common import settings
from zoo.common.errors import ConfigError

ROOT = Path(__file__).parents[2]

# a user without an account: neither HOME nor the list of users says where the home folder is
NOBODY = """
import os, pwd, sys

def unknown(*_):
    raise KeyError("no such user")

pwd.getpwuid = unknown
for name in ("HOME", "XDG_DATA_HOME", "ZOO_HOME"):
    os.environ.pop(name, None)

from zoo.cli import main

main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "path", sorted((ROOT / "zoo").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_other_room_reads_the_environment(path: Path) -> None:
    if path.relative_to(ROOT / "zoo") == Path("common/settings.py") or "templates" in path.parts:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        read = isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        assert not read, f"{path}, line {getattr(node, 'lineno', 0)}"


COMMANDS = [
    ["list"],
    ["show", "vae-mnist"],
    ["sample"],
    ["sample", "vae-mnist"],
    ["pull", "vae-mnist"],
    ["train", "mlp-vae", "--name", "mine"],
    ["evaluate", "vae-mnist"],
    ["compare", "vae-mnist", "gan-mnist"],
    ["rm", "mine"],
    ["verify"],
    ["space"],
    ["card", "vae-mnist"],
    ["play", "--no-browser"],
    ["serve", "--port", "0"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_user_without_a_home_is_told_of_zoo_home(words: list[str]) -> None:
    command = [sys.executable, "-c", NOBODY, *words]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: This user has no home folder") and "ZOO_HOME" in line


@pytest.mark.parametrize("variable", ["ZOO_HOME", "ZOO_DATA"])
def test_a_variable_that_names_the_home_of_nobody_is_named(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "~no-such-user/zoo")
    result = zoo("train", "mlp-vae", "--name", "mine")
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert f"{variable} = '~no-such-user/zoo': the home folder in it is not known" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["sample", "~no-such-user/it"],
        ["show", "~no-such-user/it"],
        ["evaluate", "~no-such-user/it"],
        ["compare", "~no-such-user/it", "vae-mnist"],
        ["train", "mlp-vae", "--name", "mine", "--data", "~no-such-user/it"],
        ["train", "mlp-vae", "--name", "mine", "--data-root", "~no-such-user/it"],
        ["evaluate", "vae-mnist", "--data", "~no-such-user/it"],
    ],
    ids=" ".join,
)
def test_the_home_of_nobody_is_no_folder_whatever_names_it(zoo: Zoo, words: list[str]) -> None:
    result = zoo(*words)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    assert "no-such-user" in result.stderr and len(result.stderr.splitlines()) <= 2


def test_the_path_of_a_variable_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setenv("ZOO_DATA", "~/data")
    assert settings.data_root() == Path("/somewhere/data")
    monkeypatch.delenv("ZOO_DATA")
    assert settings.data_root() is None


def test_what_a_path_was_given_as_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^folder = '~no-such-user': the home folder in it"):
        settings.expand("~no-such-user", "folder")
    assert settings.expand("here/~there") == Path("here/~there")


@pytest.mark.parametrize(
    ("text", "names"), [(None, None), ("", set()), ("vae", {"vae"}), (" a ,,b", {"a", "b"})]
)
def test_plugins_to_load_are_all_or_those_that_are_listed(
    monkeypatch: pytest.MonkeyPatch, text: str | None, names: set[str] | None
) -> None:
    if text is not None:
        monkeypatch.setenv("ZOO_LOAD_PLUGINS", text)
    assert settings.plugins_to_load() == names


def test_the_tests_world_has_a_home_of_its_own(tmp_path: Path) -> None:
    assert settings.home() == tmp_path / "home" == Path(os.environ["ZOO_HOME"])
