"""What is shown to readers: the README, the guides and the authors' guide, to be done as they say."""

import re
import shlex
from pathlib import Path

from conftest import Zoo

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TUTORIAL = (ROOT / "plugins" / "README.md").read_text()
GUIDES = {path.stem: path.read_text() for path in (ROOT / "plugins" / "guides").glob("*.md")}

# What is shown at its real size is done at a small one.
SMALLER = (
    (r"-n 20000\b", "-n 100"),
    (r"-n 30000\b", "-n 150"),
    (r"\bn=20_?000\b", "n=100"),
    (r"--epochs 5\b", "--epochs 1"),
    (r"^(zoo train dcgan .*)", r"\1 --set width=8"),
    (r"-n 1000 -k 50\b", "-n 100 -k 5"),
    (r"^(zoo compare \S+ \S+)$", r"\1 -n 100 -k 2"),
    (r"\bn=1_?000\b", "n=100"),
    (r"(zoo\.train\(\"mlp-vae\", name=f.* seed=seed)\)", r"\1, epochs=1, hidden_dims=(16,))"),
)


def smaller(text: str) -> str:
    """The same command or code, of a size for tests."""
    for shown, done in SMALLER:
        text = re.sub(shown, done, text, flags=re.MULTILINE)
    return text


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def section(text: str, heading: str) -> str:
    """The part of a text below a heading, up to the next of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    start = text.index(f"\n{heading}\n") + 1
    rest = text[start + len(heading) :]
    end = re.search(rf"^#{{1,{level}}} ", rest, re.MULTILINE)
    return heading + (rest[: end.start()] if end else rest)


def commands(text: str) -> list[str]:
    """The commands that a reader types."""
    return [
        line[2:]
        for block in blocks(text, "console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def follow(text: str, zoo: Zoo) -> dict[str, object]:
    """Type the commands and run the Python of a text from its top to its end; the names left."""
    names: dict[str, object] = {"__name__": "__main__"}
    for language, code in re.findall(
        r"^```(console|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    ):
        if language == "python":
            exec(compile(smaller(code), "<shown>", "exec"), names)
            continue
        for command in commands(f"```console\n{code}```\n"):
            assert command.startswith("zoo "), command
            result = zoo(*shlex.split(smaller(command))[1:])
            assert result.exit_code == 0, f"{command}: {result.stderr}{result.exception!r}"
    return names
