"""The `zoo` command as a whole: help, exit codes, completion."""

import os
import subprocess
import sys

import pytest
from conftest import Zoo

from zoo.cli import ALIASES, COMMANDS, SECTIONS

ZOO = [sys.executable, "-m", "zoo"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`zoo` as a process of its own."""
    return subprocess.run(
        [*ZOO, *arguments], capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_python_m_zoo_is_zoo(zoo: Zoo) -> None:
    result = run("list")
    assert result.returncode == 0 and result.stdout == zoo("list").stdout and result.stderr == ""


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_every_command(option: str, zoo: Zoo) -> None:
    result = zoo(option)
    assert result.exit_code == 0 and "zoo pull vae-mnist && zoo sample" in result.stdout
    sections = {title: [] for title in SECTIONS}
    for line in result.stdout.splitlines():
        if line.rstrip(":") in sections:
            title = line.rstrip(":")
        elif line.startswith("  ") and line[2] not in " -" and line.split()[0] in COMMANDS:
            sections[title].append(line.split()[0])
    assert sections == {title: list(some) for title, some in SECTIONS.items()}


def test_help_shows_each_summary_whole(zoo: Zoo) -> None:
    words = " ".join(zoo("--help").stdout.split())
    for name in COMMANDS:
        summary = zoo(name, "--help").stdout.partition("\n\n")[2].partition("\n\n")[0]
        assert " ".join(summary.split()).rstrip(".") in words, name
    assert "..." not in words.partition("Options:")[2]


@pytest.mark.parametrize("name", [*COMMANDS, *ALIASES])
def test_every_command_has_help_and_refuses_unknown_options(name: str, zoo: Zoo) -> None:
    result = zoo(name, "-h")
    assert (
        result.exit_code == 0
        and result.stdout.startswith("Usage: ")
        and result.stdout == zoo(name, "--help").stdout
    )
    # these two go on until they are stopped, and print an address
    assert "--json" in result.stdout or name in ("play", "serve")
    assert zoo(name, "--no-such-option").exit_code == 2


def test_no_command_shows_help(zoo: Zoo) -> None:
    assert "Get checkpoints:" in zoo().output


def test_version(zoo: Zoo) -> None:
    from importlib.metadata import version

    assert zoo("--version").stdout.strip() == f"zoo, version {version('genzoo')}"


@pytest.mark.parametrize("name", ["pull", "reconstruct", "interpolate", "rm"])
def test_a_missing_argument_is_a_usage_error(name: str, zoo: Zoo) -> None:
    result = zoo(name)
    assert result.exit_code == 2 and "Missing argument" in result.stderr and result.stdout == ""


def test_what_is_to_be_shown_must_be_named(zoo: Zoo) -> None:
    result = zoo("show")
    assert result.exit_code == 2 and "Name what to show" in result.stderr and result.stdout == ""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("zoo sa", {"sample"}),
        ("zoo sample vae", {"vae-mnist"}),
        ("zoo pull vae-m", {"vae-mnist"}),
        ("zoo train mlp", {"mlp-vae", "mlp-gan"}),
        ("zoo show conv-v", {"conv-vae"}),
        ("zoo train mlp-vae --data fash", {"fashion-mnist"}),
        ("zoo pull --from h", {"hub"}),
    ],
)
def test_the_shell_completes_names(words: str, offered: set[str]) -> None:
    last = str(len(words.split()) - 1)
    result = run(
        _ZOO_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=last,
        PYTHONPROFILEIMPORTTIME="1",
    )
    assert {line.partition(",")[2] for line in result.stdout.splitlines()} >= offered
    assert all(
        line.partition(",")[2].startswith(words.split()[-1]) for line in result.stdout.splitlines()
    )
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "click" in imported and imported.isdisjoint(
        {"torch", "torchvision", "numpy", "huggingface_hub"}
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_s_completion_script_can_be_had(shell: str) -> None:
    assert "_ZOO_COMPLETE" in run(_ZOO_COMPLETE=f"{shell}_source").stdout
