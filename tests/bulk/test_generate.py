"""Data sets in shards: the same bytes however often a command was killed and whoever made them."""

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Zoo
from kills import held
from PIL import Image

import zoo as package
from zoo.bulk.generate import generate
from zoo.common.errors import ConfigError, LabelError, NotFoundError, OutputError

COMMAND = [sys.executable, "-m", "zoo", "generate"]


def manifest(folder: str | Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(Path(folder, "manifest.json").read_text())
    return values


def start(*words: object) -> subprocess.Popen[str]:
    """A command as a process of its own."""
    command = [*COMMAND, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, pattern: str, number: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many files are there."""
    until = time.monotonic() + 60
    while len(list(path.glob(pattern))) < number:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4,000 digits in eight shards, made at once by one worker; do not change it."""
    folder = tmp_path_factory.mktemp("whole") / "digits"
    generate("vae-mnist", folder, n=4000, seed=0, per_shard=512)
    return folder


def test_a_data_set_has_shards_a_manifest_and_a_card(whole: Path) -> None:
    names = {path.name for path in whole.iterdir()}
    assert names == {"data", "manifest.json", "README.md"}
    shards = sorted(path.name for path in (whole / "data").iterdir())
    assert shards == [f"train-{number:05}-of-00008.parquet" for number in range(8)]
    told = manifest(whole)
    assert (told["draws"], told["rows"]) == (4000, 4000)
    assert told["plan"]["asked"]["checkpoint"] == "vae-mnist"
    assert told["plan"]["environment"]["threads"] == "1"
    for one in told["shards"]:
        content = (whole / one["file"]).read_bytes()
        assert one["sha256"] == hashlib.sha256(content).hexdigest()
        assert one["bytes"] == len(content)


def test_the_samples_are_those_of_draw(whole: Path) -> None:
    import pyarrow.parquet as parquet

    table = parquet.read_table(whole / "data" / "train-00003-of-00008.parquet").to_pydict()
    assert table["index"] == list(range(1536, 2048)) and set(table["seed"]) == {0}
    drawn = package.draw("vae-mnist", 4, seed=0, start=1536)
    import io

    for position in range(4):
        with Image.open(io.BytesIO(table["image"][position]["bytes"])) as image:
            pixels = np.asarray(image)
        expected = (drawn[position, 0] * 255).round().numpy()
        assert np.abs(pixels - expected).max() <= 1  # a pixel may round to the other side
        assert table["image"][position]["path"] == f"{1536 + position:09}.png"


def test_datasets_and_pandas_read_it_unaided(whole: Path, tmp_path: Path) -> None:
    import datasets
    import pandas

    loaded = datasets.load_dataset(str(whole), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == 4000 and loaded[7]["image"].size == (28, 28)
    assert loaded[3999]["index"] == 3999
    frame = pandas.read_parquet(whole / "data")
    assert frame["index"].tolist() == list(range(4000))


def test_a_command_that_is_given_again_has_nothing_to_do(whole: Path, zoo: Zoo) -> None:
    before = held(whole)
    again = zoo("generate", "vae-mnist", "-n", 4000, "--seed", 0, "--per-shard", 512, "-o", whole)
    assert again.exit_code == 0 and "is finished" in again.stderr, again.stderr
    without_seed = zoo("generate", "vae-mnist", "-n", 4000, "--per-shard", 512, "-o", whole)
    assert without_seed.exit_code == 0 and without_seed.stdout.strip() == str(whole)
    assert held(whole) == before


@pytest.mark.kills
def test_a_killed_command_goes_on_and_gives_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "digits"
    words = ("vae-mnist", "-n", 4000, "--seed", 0, "--per-shard", 512, "-o", output)
    first = start(*words)
    wait_for(output / "data", "*.parquet", 2, first)
    first.kill()
    first.communicate()
    kept = {path: path.stat().st_mtime_ns for path in (output / "data").iterdir()}
    second = start(*words)
    _, said = second.communicate()
    assert second.returncode == 0 and "are there already" in said, said
    assert held(output) == held(whole)
    # what was whole was kept; the last one may have lacked its record
    same = [path for path, time in kept.items() if path.stat().st_mtime_ns == time]
    assert len(same) >= len(kept) - 1


@pytest.mark.kills
def test_twenty_random_kills_leave_no_trace(whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "digits"
    words = ("vae-mnist", "-n", 4000, "--seed", 0, "--per-shard", 512, "--workers", 2, "-o", output)
    chance = random.Random(0)
    killed = 0
    while killed < 20:
        process = start(*words)
        time.sleep(chance.uniform(0.1, 5.0))
        if process.poll() is None:
            process.kill()
            killed += 1
        process.communicate()
        if (output / "manifest.json").exists():
            # it was done in time: a shard is taken away, so that there is work again
            (output / "data" / f"train-0000{chance.randrange(8)}-of-00008.parquet").unlink()
    done = start(*words)
    _, said = done.communicate()
    assert done.returncode == 0, said
    assert held(output) == held(whole)


def test_two_workers_make_the_same_bytes_as_one_and_progress_counts_the_samples_of_both(
    whole: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, str]] = []
    drawn: list[int] = []

    def watch(steps: Any, samples: int, doing: str) -> Any:
        told.append((samples, doing))
        for step in steps:
            drawn.append(len(step))
            yield step

    words: dict[str, Any] = {"n": 4000, "seed": 0, "per_shard": 512}
    made = generate("vae-mnist", tmp_path / "two", workers=2, watch=watch, **words)
    assert held(tmp_path / "two") == held(whole)
    assert sum(one["samples"] for one in made.workers) == 4000 and made.finished
    assert told == [(4000, "Generating")] and sum(drawn) == 4000 and max(drawn) <= 256


@pytest.mark.kills
def test_a_worker_that_dies_is_replaced_and_its_shard_made_by_another(
    whole: Path, tmp_path: Path
) -> None:
    import psutil

    output = tmp_path / "digits"
    words = ("vae-mnist", "-n", 4000, "--seed", 0, "--per-shard", 512, "--workers", 2, "-o", output)
    process = start(*words)
    wait_for(output / "data", "*.parquet", 1, process)
    victim = psutil.Process(process.pid).children()[0]
    victim.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert held(output) == held(whole)
    # the summary: samples a second of all and of each worker, and what the dead one cost
    assert re.search(r"4,000 in [\d.]+ s: [\d,]+ a second; [\d.]+ s were lost with workers", said)
    assert re.search(r"worker \d: [\d,]+ samples in \d shards?, [\d,]+ a second", said), said


@pytest.mark.kills
def test_workers_end_with_the_command_that_started_them(tmp_path: Path) -> None:
    import psutil

    process = start(
        "vae-mnist", "-n", 400_000, "--per-shard", 2048, "--workers", 2, "-o", tmp_path / "d"
    )
    wait_for(tmp_path / "d" / "data", "*.parquet", 1, process)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=20)
    # a machine whose first process buries nobody keeps them as zombies
    assert all(one.status() == psutil.STATUS_ZOMBIE for one in alive)


@pytest.mark.kills
def test_ctrl_c_ends_it_in_a_line_and_it_goes_on(tmp_path: Path) -> None:
    process = start("vae-mnist", "-n", 400_000, "--per-shard", 2048, "-o", tmp_path / "d")
    wait_for(tmp_path / "d" / "data", "*.parquet", 1, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130 and "Interrupted" in said and "Traceback" not in said


def test_parts_are_made_apart_and_joined_by_the_command_without_part(
    whole: Path, tmp_path: Path, zoo: Zoo
) -> None:
    output = tmp_path / "digits"
    words = ("generate", "vae-mnist", "-n", 4000, "--seed", 0, "--per-shard", 512, "-o", output)
    for part in ("1/3", "2/3", "3/3"):
        done = zoo(*words, "--part", part)
        assert done.exit_code == 0 and "This is part" in done.stderr, done.stderr
        assert not (output / "manifest.json").exists()
    joined = zoo(*words, "--json")
    assert joined.exit_code == 0, joined.stderr
    told = json.loads(joined.stdout)
    assert (told["made"], told["finished"], told["shards"]) == (0, True, 8)
    assert held(output) == held(whole)


def test_parts_in_folders_of_their_own_are_joined_once_they_are_copied_together(
    whole: Path, tmp_path: Path
) -> None:
    import shutil

    for part in ("1/2", "2/2"):
        generate(
            "vae-mnist", tmp_path / part[0], n=4000, seed=0, per_shard=512, part=part, workers=1
        )
    shutil.copytree(tmp_path / "2", tmp_path / "1", dirs_exist_ok=True)
    assert generate("vae-mnist", tmp_path / "1", n=4000, seed=0, per_shard=512).made == 0
    assert held(tmp_path / "1") == held(whole)


def test_a_damaged_part_of_a_finished_data_set_is_made_again(whole: Path, tmp_path: Path) -> None:
    import shutil

    output = tmp_path / "digits"
    shutil.copytree(whole, output)
    (output / "data" / "train-00002-of-00008.parquet").unlink()
    made = generate("vae-mnist", output, n=4000, seed=0, per_shard=512)
    assert made.made == 512 and held(output) == held(whole)


def test_further_samples_go_into_a_folder_of_their_own(tmp_path: Path) -> None:
    import datasets

    output = tmp_path / "digits"
    words = {"seed": 0, "per_shard": 256}
    generate("vae-mnist", output, n=512, **words)
    before = held(output / "data")
    made = generate("vae-mnist", output, n=1000, extend=True, **words)
    assert made.made == 488 and held(output / "data") == before
    assert sorted(path.name for path in (output / "extension-1" / "data").iterdir()) == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]
    again = generate("vae-mnist", output, n=1000, extend=True, **words)
    assert again.made == 0
    assert generate("vae-mnist", output, n=1001, extend=True, **words).made == 1
    loaded = datasets.load_dataset(str(output), split="train", cache_dir=str(tmp_path / "cache"))
    assert sorted(loaded["index"]) == list(range(1001))
    assert "# 1,001 images drawn by vae-mnist" in (output / "README.md").read_text()
    with pytest.raises(ConfigError, match="1,001 samples are there already"):
        generate("vae-mnist", output, n=900, extend=True, **words)
    # the first command is still a finished one
    assert generate("vae-mnist", output, n=512, **words).made == 0


def test_classes_take_turns_and_per_class_counts_them(tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    words = {"seed": 0, "per_shard": 100}
    generate("cvae-mnist", tmp_path / "all", per_class=7, **words)
    labels = parquet.read_table(tmp_path / "all" / "data").to_pydict()["label"]
    assert labels == 7 * list(range(10))
    generate("cvae-mnist", tmp_path / "two", n=8, labels=["1", 3], **words)
    labels = parquet.read_table(tmp_path / "two" / "data").to_pydict()["label"]
    assert labels == [1, 3] * 4
    assert manifest(tmp_path / "two")["classes"] == {"1": 4, "3": 4}


def test_the_size_of_a_shard_is_turned_into_samples_once(tmp_path: Path) -> None:
    generate("vae-mnist", tmp_path / "d", n=3000, seed=0, shard_size="1MB")
    told = manifest(tmp_path / "d")
    # a digit takes some 800 bytes with its mark, and half of that where Parquet has packed it
    assert told["plan"]["per_shard"] % 256 == 0 and 512 <= told["plan"]["per_shard"] <= 3072
    sizes = [path.stat().st_size for path in (tmp_path / "d" / "data").iterdir()]
    assert max(sizes) <= 1_000_000 and len(sizes) >= 2


@pytest.mark.parametrize("format", ["webdataset", "npz", "folder"])
def test_each_format_holds_the_same_samples(format: str, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "set"
    generate("cvae-mnist", output, n=200, seed=0, per_shard=64, format=format)
    again = tmp_path / "again"
    generate("cvae-mnist", again, n=200, seed=0, per_shard=64, format=format)
    assert held(output) == held(again)
    expected = package.draw("cvae-mnist", 200, seed=0, labels=list(range(10)) * 20)
    pixels, labels = READ[format](output, tmp_path)
    assert labels == list(range(10)) * 20
    off = np.abs(pixels.astype(int) - (expected[:, 0] * 255).round().int().numpy())
    assert off.max() <= 1


def read_npz(folder: Path, cache: Path) -> tuple[Any, list[int]]:
    parts = [np.load(path) for path in sorted((folder / "data").iterdir())]
    assert np.concatenate([one["index"] for one in parts]).tolist() == list(range(200))
    labels = np.concatenate([one["labels"] for one in parts]).tolist()
    return np.concatenate([one["samples"] for one in parts])[:, 0], labels


def read_datasets(folder: Path, cache: Path) -> tuple[Any, list[int]]:
    import datasets

    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(cache / "cache"))
    rows = list(loaded)
    if "png" in rows[0]:
        rows.sort(key=lambda one: one["json"]["index"])
        pixels = [np.asarray(one["png"]) for one in rows]
        assert [one["json"]["label"] for one in rows] == [one["cls"] for one in rows]
        return np.stack(pixels), [one["cls"] for one in rows]
    # an image folder is sorted by class: 20 of each
    pixels = np.stack([np.asarray(one["image"]) for one in rows])
    labels = [one["label"] for one in rows]
    order = [label * 20 + turn for turn in range(20) for label in range(10)]
    return pixels[order], [labels[one] for one in order]


READ = {"npz": read_npz, "webdataset": read_datasets, "folder": read_datasets}


def test_filters_leave_fewer_rows_in_the_same_ranges(tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    words = {"n": 300, "seed": 0, "per_shard": 100}
    generate("cvae-mnist", tmp_path / "all", **words)
    made = generate(
        "cvae-mnist", tmp_path / "kept", where=["confidence>0.9", "agreement==1"], **words
    )
    told = manifest(tmp_path / "kept")
    assert 0 < made.rows < 300 and told["rows"] == made.rows and told["draws"] == 300
    assert [(one["start"], one["stop"]) for one in told["shards"]] == [
        (0, 100),
        (100, 200),
        (200, 300),
    ]
    rows = parquet.read_table(tmp_path / "all" / "data").to_pylist()
    every = {one["index"]: one for one in rows}
    kept = parquet.read_table(tmp_path / "kept" / "data").to_pylist()
    assert len(kept) == made.rows and all(every[one["index"]] == one for one in kept)
    assert f"{made.rows} of 300 draws pass" in (tmp_path / "kept" / "README.md").read_text()


@pytest.mark.parametrize("format", ["parquet", "webdataset", "npz", "folder"])
def test_a_filter_may_leave_nothing(format: str, tmp_path: Path) -> None:
    made = generate(
        "vae-mnist",
        tmp_path / "d",
        n=100,
        seed=0,
        per_shard=50,
        where="confidence>2",
        format=format,
    )
    assert made.rows == 0 and made.finished
    assert (
        generate(
            "vae-mnist",
            tmp_path / "d",
            n=100,
            seed=0,
            per_shard=50,
            where="confidence>2",
            format=format,
        ).made
        == 0
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, "seed is 0, here it is 1"),
        ({"n": 5000}, "n is 4,000, here it is 5,000. To make further samples, add extend=True"),
        ({"per_shard": 100}, "per_shard is 512, here it is 100"),
        ({"format": "npz"}, "format is parquet, here it is npz"),
        ({"threads": 2}, "threads is 1, here it is 2"),
        ({"where": "confidence>0.5"}, "where is none"),
    ],
)
def test_another_command_into_the_same_folder_is_refused(
    changed: dict[str, Any], said: str, whole: Path
) -> None:
    words: dict[str, Any] = {"n": 4000, "seed": 0, "per_shard": 512}
    with pytest.raises(OutputError) as refused:
        generate("vae-mnist", whole, **(words | changed))
    assert said in str(refused.value)


def test_another_checkpoint_under_the_same_name_is_refused(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="digest of its weights"):
        generate("vae-mnist-2d", whole, n=4000, seed=0, per_shard=512)


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({}, ConfigError, "Say how many samples"),
        ({"n": 1, "per_class": 1}, ConfigError, "Say how many samples"),
        ({"per_class": 3}, LabelError, "has no classes"),
        ({"n": 0}, ConfigError, "n = 0 is out of range"),
        ({"n": 1, "per_shard": 0}, ConfigError, "per_shard = 0"),
        ({"n": 1, "shard_size": "0MB"}, ConfigError, "is not a size"),
        ({"n": 1, "shard_size": "many"}, ConfigError, "is not a size"),
        ({"n": 1, "shard_size": "6GB"}, ConfigError, "5 GB at most"),
        ({"n": 1, "shard_size": "1MB", "per_shard": 5}, ConfigError, "not both"),
        ({"n": 1, "format": "csv"}, ConfigError, "none of parquet"),
        ({"n": 1, "part": "5/4", "seed": 0}, ConfigError, "is not a part"),
        ({"n": 1, "part": "1/4"}, ConfigError, "part needs seed"),
        ({"n": 1, "workers": 0}, ConfigError, "workers = 0"),
        ({"n": 1, "threads": 5000}, ConfigError, "threads = 5000"),
        ({"n": 1, "precision": "fp8"}, ConfigError, "precision"),
        ({"n": 1, "engine": "spark"}, ConfigError, "none of local, ray"),
        ({"n": 1, "address": "auto"}, ConfigError, "for the engine ray only"),
        ({"n": 1, "labels": [3]}, LabelError, "is unconditional"),
        ({"n": 1, "where": "confidence"}, ConfigError, "is not a filter"),
        ({"n": 1, "where": "confidense>1"}, ConfigError, "Did you mean 'confidence'"),
        ({"n": 1, "where": "agreement==1"}, LabelError, "is unconditional"),
        ({"n": 1, "features": "digits"}, ConfigError, "is for where only"),
        ({"n": 1, "where": "confidence>0", "features": "digit"}, NotFoundError, "digits"),
        ({"n": 1, "extend": True}, OutputError, "no finished data set"),
        ({"n": 10**6, "per_shard": 1}, ConfigError, "100,000 are possible"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_left(
    words: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as refused:
        generate("vae-mnist", tmp_path / "digits", **words)
    assert said in str(refused.value)
    assert not list(tmp_path.glob("digits/*/*.parquet"))


def test_a_checkpoint_that_is_not_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="vae-mnist"):
        generate("vae-mnits", tmp_path / "d", n=1)


def test_a_shard_of_one_sample_and_a_shard_larger_than_all_are_possible(tmp_path: Path) -> None:
    generate("vae-mnist", tmp_path / "one", n=3, seed=0, per_shard=1)
    assert len(manifest(tmp_path / "one")["shards"]) == 3
    generate("vae-mnist", tmp_path / "byte", n=2, seed=0, shard_size="1B")
    assert len(manifest(tmp_path / "byte")["shards"]) == 2
    generate("vae-mnist", tmp_path / "all", n=3, seed=0, shard_size="5GB")
    assert len(manifest(tmp_path / "all")["shards"]) == 1


def test_a_folder_that_can_not_be_written_is_refused_before_torch_is_imported(
    tmp_path: Path, zoo: Zoo
) -> None:
    (tmp_path / "file").write_text("")
    done = zoo("generate", "vae-mnist", "-n", 1, "-o", tmp_path / "file" / "digits")
    assert done.exit_code == 1 and "is a file, not a folder" in done.stderr, done.stderr


@pytest.mark.kills
def test_a_folder_that_vanishes_is_said_in_words(tmp_path: Path) -> None:
    process = start("vae-mnist", "-n", 400_000, "--per-shard", 1024, "-o", tmp_path / "d")
    wait_for(tmp_path / "d" / "data", "*.parquet", 1, process)
    (tmp_path / "d").rename(tmp_path / "elsewhere")
    _, said = process.communicate()
    assert process.returncode == 1 and "was removed or moved" in said, said
    assert "Traceback" not in said


def test_a_file_of_a_stranger_among_the_shards_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d" / "data").mkdir(parents=True)
    (tmp_path / "d" / "data" / "train-00009-of-00010.parquet").write_bytes(b"")
    with pytest.raises(OutputError, match="Move it elsewhere"):
        generate("vae-mnist", tmp_path / "d", n=10, seed=0)


def test_other_threads_or_versions_are_refused_unless_mixed(tmp_path: Path) -> None:
    output = tmp_path / "d"
    generate("vae-mnist", output, n=300, seed=0, per_shard=100, part="1/3")
    plan = output / ".zoo" / "plan.json"
    text = plan.read_text()
    plan.write_text(text.replace('"pillow": "', '"pillow": "1'))
    with pytest.raises(OutputError, match="pillow"):
        generate("vae-mnist", output, n=300, seed=0, per_shard=100)
    made = generate("vae-mnist", output, n=300, seed=0, per_shard=100, mixed=True)
    assert made.made == 200
    assert all("environment" in one for one in manifest(output)["shards"])


@pytest.mark.long
def test_a_processor_with_other_instructions_is_refused_unless_mixed_and_agrees(
    tmp_path: Path,
) -> None:
    """torch is told to do without the instructions that this processor has."""
    words = ("vae-mnist", "-n", 200, "--seed", 0, "--per-shard", 100, "--format", "npz")
    plain = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}

    def run(output: str, *further: object, **world: Any) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *map(str, (*words, "-o", tmp_path / output, *further))]
        return subprocess.run(command, capture_output=True, text=True, **world)

    assert run("here", check=True).returncode == 0
    assert run("both", "--part", "1/2", check=True).returncode == 0
    refused = run("both", "--part", "2/2", env=plain)
    assert refused.returncode == 1 and "made with instructions" in refused.stderr, refused.stderr
    assert run("both", "--part", "2/2", "--mixed", env=plain).returncode == 0
    refused = run("both")
    assert refused.returncode == 1 and "agree within 1e-5 only" in refused.stderr, refused.stderr
    assert run("both", "--mixed").returncode == 0
    told = manifest(tmp_path / "both")["shards"]
    assert "environment" not in told[0] and told[1]["environment"]["instructions"] == "DEFAULT"
    name = "data/train-00001-of-00002.npz"
    with np.load(tmp_path / "here" / name) as one, np.load(tmp_path / "both" / name) as other:
        off = np.abs(one["samples"].astype(int) - other["samples"])
    # pixels of 8 bits: one on the edge between two values may fall to the other side
    assert off.max() <= 1 and (off > 0).mean() < 1e-3


def test_a_record_that_a_power_cut_shortened_costs_one_shard(tmp_path: Path, whole: Path) -> None:
    output = tmp_path / "d"
    generate("vae-mnist", output, n=4000, seed=0, per_shard=512, part="1/2")
    record = output / ".zoo" / "shards" / "00002.json"
    record.write_bytes(record.read_bytes()[:40])
    made = generate("vae-mnist", output, n=4000, seed=0, per_shard=512)
    assert made.made == 4000 - 3 * 512 and held(output) == held(whole)


def test_a_card_that_people_wrote_is_left(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "README.md").write_text("mine\n")
    generate("vae-mnist", tmp_path / "d", n=10, seed=0)
    assert (tmp_path / "d" / "README.md").read_text() == "mine\n"
