"""A `zoo sample` that is killed at any of its file-system events leaves the old file or the new one,
and the next one sweeps what was left. All events: KILLS=all pytest -m kills.
"""

import os
import shutil
from pathlib import Path

import pytest
from conftest import Zoo
from kills import Trial, held, lefts

pytestmark = pytest.mark.kills

ROOMS = ["torch", "zoo.sampling.sampler", "zoo.sampling.writers", "zoo.editing.lines"]
SAMPLE = ["sample", "vae-mnist", "-n", "6", "--seed", "3", "--batch-size", "2"]


def output(files: dict[str, str]) -> dict[str, str]:
    """What of a home is the output, or was left on the way to it."""
    return {
        path: digest
        for path, digest in files.items()
        if path.startswith("out") or ".partial" in path
    }


@pytest.mark.parametrize(
    "words",
    [
        [*SAMPLE, "-o", "{n}/out.png"],
        [*SAMPLE, "-o", "{n}/out.npz"],
        [*SAMPLE, "-o", "{n}/out.safetensors"],
        ["interpolate", "vae-mnist", "-n", "2", "--seed", "3", "--steps", "3", "-o", "{n}/out.gif"],
    ],
    ids=lambda words: words[-1][4:],
)
def test_a_file_is_the_old_one_or_the_new_one(words: list[str], zoo: Zoo, tmp_path: Path) -> None:
    home, template = Path(os.environ["ZOO_HOME"]), tmp_path / "template"
    name = words[-1][4:]
    words = [*words[:-1], f"{home}/{words[-1]}"]
    old = [word.replace("{n}", "0") for word in words]
    old[old.index("--seed") + 1] = "4"
    assert zoo(*old).exit_code == 0
    template.mkdir()
    shutil.copy(home / "0" / name, template / name)
    before = output(held(template))
    new = [word.replace("{n}", "0") for word in words]
    assert zoo(*new).exit_code == 0
    after = output(held(home / "0"))
    shutil.rmtree(home / "0")
    for one in lefts(Trial(words, str(template), ROOMS)):
        there = {path: digest for path, digest in output(one.after).items() if path == name}
        assert there in (before, after), one.event
        assert one.code == 0, (one.event, one.output)
        assert output(one.again) == after, one.event


def test_a_folder_is_whole_or_not_there(zoo: Zoo, tmp_path: Path) -> None:
    home = Path(os.environ["ZOO_HOME"])
    words = [*SAMPLE, "-o", f"{home}/{{n}}/out"]
    assert zoo(*(word.replace("{n}", "0") for word in words)).exit_code == 0
    whole = output(held(home / "0"))
    assert len(whole) == 7
    shutil.rmtree(home / "0")
    for one in lefts(Trial(words, str(tmp_path / "none"), ROOMS)):
        there = {path: digest for path, digest in one.after.items() if path.startswith("out/")}
        assert there in ({}, whole), one.event
        assert output(one.again) == whole, one.event
        # a folder that is whole already is not replaced
        assert (one.code == 0) != (there == whole), (one.event, one.output)
