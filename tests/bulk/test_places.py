"""Data sets in an object store: a real S3 server on loopback, and other file systems of fsspec."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo
from kills import held

from zoo.bulk.generate import generate
from zoo.bulk.places import open_place
from zoo.bulk.verify import verify
from zoo.common import files
from zoo.common.errors import HubError, MissingDependencyError, OutputError

WORDS: dict[str, Any] = {"n": 600, "seed": 0, "per_shard": 100}
# of the libraries that speak with S3
pytestmark = pytest.mark.filterwarnings("ignore")
# with a server, beside a cluster's
served = pytest.mark.cluster


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An S3 server of the package moto, as a process of its own; its address."""
    script = (
        "from moto.server import ThreadedMotoServer\n"
        "server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)\n"
        "server.start()\n"
        "print('http://%s:%s' % server.get_host_and_port(), flush=True)\n"
        "import threading; threading.Event().wait()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    lines = (line.strip() for line in process.stdout)
    yield next(line for line in lines if line.startswith("http"))
    process.kill()
    process.communicate()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a new bucket."""
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    name = f"digits-{time.monotonic_ns()}"
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
    return name


def contents(address: str) -> dict[str, str]:
    """The digest of each file below an address, as another client reads it."""
    import fsspec

    system, root = fsspec.core.url_to_fs(address, skip_instance_cache=True)
    found: list[str] = system.find(root)
    return {
        name.removeprefix(f"{root}/"): hashlib.sha256(system.cat_file(name)).hexdigest()
        for name in found
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "digits"
    generate("vae-mnist", folder, **WORDS)
    return folder


@served
def test_s3_holds_the_same_bytes_as_a_folder(bucket: str, whole: Path) -> None:
    made = generate("vae-mnist", f"s3://{bucket}/digits", **WORDS)
    assert made.path == f"s3://{bucket}/digits" and made.finished
    assert contents(f"s3://{bucket}/digits") == held(whole)
    assert generate("vae-mnist", f"s3://{bucket}/digits", **WORDS).made == 0
    (verdict,) = verify(f"s3://{bucket}/digits")
    assert verdict["ok"] and len(verdict["files"]) == 6


@served
def test_parts_of_two_machines_meet_in_one_bucket(bucket: str, whole: Path) -> None:
    address = f"s3://{bucket}/parts"
    for part in ("1/2", "2/2"):
        generate("vae-mnist", address, part=part, **WORDS)
    assert generate("vae-mnist", address, **WORDS).made == 0
    assert contents(address) == held(whole)


@served
def test_a_killed_command_goes_on_in_s3(bucket: str, whole: Path) -> None:
    address = f"s3://{bucket}/killed"
    words = ("-n", 600, "--seed", 0, "--per-shard", 100, "-o", address)
    command = [sys.executable, "-m", "zoo", "generate", "vae-mnist", *map(str, words)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    place = open_place(address)
    until = time.monotonic() + 60
    while len(place.names(".zoo/shards")) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    again = generate("vae-mnist", address, **WORDS)
    assert again.made <= 400 and contents(address) == held(whole)


@served
def test_a_shard_that_was_damaged_in_s3_is_found_and_made_again(bucket: str, whole: Path) -> None:
    address = f"s3://{bucket}/damaged"
    generate("vae-mnist", address, **WORDS)
    place = open_place(address)
    place.write("data/train-00001-of-00006.parquet", b"other")
    place.remove("data/train-00002-of-00006.parquet")
    (verdict,) = verify(address)
    states = list(verdict["files"].values())
    assert states == ["ok", "damaged", "missing", "ok", "ok", "ok"]
    assert generate("vae-mnist", address, **WORDS).made == 200
    assert contents(address) == held(whole)


@served
def test_a_bucket_that_is_not_there_is_said_and_not_made(bucket: str) -> None:
    for _ in range(2):
        with pytest.raises(OutputError, match="there is no 'no-such-bucket-here' yet"):
            generate("vae-mnist", "s3://no-such-bucket-here/digits", **WORDS)


@served
def test_a_server_that_can_not_be_reached_is_said_in_words(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(OutputError, match="mend the cause and give the same command again"):
        generate("vae-mnist", f"s3://{bucket}/digits", **WORDS)
    s3fs.S3FileSystem.clear_instance_cache()


@served
def test_a_folder_of_pngs_and_tars_go_to_s3(bucket: str) -> None:
    for format, number in (("folder", 30), ("webdataset", 3)):
        address = f"s3://{bucket}/{format}"
        generate("cvae-mnist", address, n=30, seed=0, per_shard=10, format=format)
        assert len(contents(address)) == number + 2
        assert verify(address)[0]["ok"]


def test_a_folder_that_vanishes_before_a_shard_is_hashed_is_said_in_words(tmp_path: Path) -> None:
    place = open_place(str(tmp_path / "d"))
    place.prepare()
    with pytest.raises(OutputError, match="was removed or moved"), place.scratch() as scratch:
        (scratch / "shard").write_bytes(b"samples")
        (tmp_path / "d").rename(tmp_path / "elsewhere")
        files.sha256(scratch / "shard")


def test_other_file_systems_of_fsspec_work_as_well(tmp_path: Path, whole: Path) -> None:
    generate("vae-mnist", f"file://{tmp_path}/digits", **WORDS)
    assert held(tmp_path / "digits") == held(whole)


def test_an_address_of_an_unknown_kind_and_a_missing_package_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError, match="abc"):
        generate("vae-mnist", "abc://bucket/digits", **WORDS)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingDependencyError, match=r"genzoo\[remote\]"):
        generate("vae-mnist", "s3://bucket/digits", **WORDS)


def test_a_push_wants_a_folder_of_this_machine(zoo: Zoo) -> None:
    from zoo.bulk.push import push

    with pytest.raises(HubError, match="copy it to a folder here"):
        push("s3://bucket/digits", "owner/digits")
