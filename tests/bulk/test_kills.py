"""A `zoo generate` that is killed at any of its file-system events goes on to the same bytes and
leaves nothing else. All events: KILLS=all pytest -m kills.
"""

import os
import shutil
from pathlib import Path

import pytest
from conftest import Zoo
from kills import Trial, held, lefts

pytestmark = pytest.mark.kills

ROOMS = ["torch", "pyarrow.parquet", "zoo.bulk.generate", "zoo.bulk.work", "zoo.bulk.writers"]
WORDS = ["generate", "cvae-mnist", "-n", "9", "--seed", "0", "--batch-size", "5"]


def made(files: dict[str, str]) -> dict[str, str]:
    """What of a home is the data set, or was left on the way to it."""
    return {
        path: digest
        for path, digest in files.items()
        if path.startswith("out/") or ".partial" in path
    }


@pytest.mark.parametrize(
    "further",
    [
        ["--shard-size", "3kB"],
        ["--per-shard", "5", "--format", "folder"],
        ["--per-shard", "5", "--format", "webdataset", "--part", "1/2"],
    ],
    ids=["parquet", "folder", "part"],
)
def test_it_goes_on_to_the_same_bytes(further: list[str], zoo: Zoo, tmp_path: Path) -> None:
    home = Path(os.environ["ZOO_HOME"])
    words = [*WORDS, *further, "-o", f"{home}/{{n}}/out"]
    done = zoo(*(word.replace("{n}", "0") for word in words))
    assert done.exit_code == 0, done.stderr
    whole = made(held(home / "0"))
    shutil.rmtree(home / "0")
    for one in lefts(Trial(words, str(tmp_path / "none"), ROOMS)):
        assert one.code == 0, (one.event, one.output)
        assert made(one.again) == whole, one.event


def test_a_data_set_that_lost_a_shard_is_mended(zoo: Zoo, tmp_path: Path) -> None:
    home, template = Path(os.environ["ZOO_HOME"]), tmp_path / "template"
    words = [*WORDS, "--per-shard", "5", "-o", f"{home}/{{n}}/out"]
    assert zoo(*(word.replace("{n}", "0") for word in words)).exit_code == 0
    whole = made(held(home / "0"))
    shutil.copytree(home / "0", template)
    shutil.rmtree(home / "0")
    (template / "out" / "data" / "train-00001-of-00002.parquet").unlink()
    for one in lefts(Trial(words, str(template), ROOMS)):
        assert one.code == 0, (one.event, one.output)
        assert made(one.again) == whole, one.event


def test_an_extension_goes_on_to_the_same_bytes(zoo: Zoo, tmp_path: Path) -> None:
    home, template = Path(os.environ["ZOO_HOME"]), tmp_path / "template"
    words = [*WORDS, "--shard-size", "3kB", "-o", f"{home}/{{n}}/out"]
    assert zoo(*(word.replace("{n}", "0") for word in words)).exit_code == 0
    shutil.copytree(home / "0", template)
    more = ["15" if word == "9" else word for word in words] + ["--extend"]
    assert zoo(*(word.replace("{n}", "0") for word in more)).exit_code == 0
    whole = made(held(home / "0"))
    shutil.rmtree(home / "0")
    for one in lefts(Trial(more, str(template), ROOMS)):
        assert one.code == 0, (one.event, one.output)
        assert made(one.again) == whole, one.event
