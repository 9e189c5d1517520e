"""Shards by a real Ray cluster of two nodes on this machine: nodes and drivers are killed."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kills import held

from zoo.bulk.generate import generate
from zoo.bulk.plan import Asked
from zoo.bulk.ray_crew import RayCrew
from zoo.bulk.worker import Job
from zoo.common.errors import OutputError

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]

WORDS: dict[str, Any] = {"n": 48_000, "seed": 0, "per_shard": 1000}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes."""
    folder = tmp_path_factory.mktemp("whole") / "digits"
    generate("vae-mnist", folder, **WORDS)
    return folder


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster whose head has a core, and to which nodes can be added."""
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "object_store_memory": 80 * 2**20,
            "include_dashboard": False,
        },
    )
    yield made
    made.shutdown()


def driver(cluster: Any, output: Path, *further: object) -> subprocess.Popen[str]:
    words = ["-n", 48_000, "--seed", 0, "--per-shard", 1000, "--engine", "ray", "-o", output]
    command = [sys.executable, "-m", "zoo", "generate", "vae-mnist", "--address", cluster.address]
    return subprocess.Popen(
        [*command, *map(str, [*words, *further])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_shards(output: Path, number: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 180
    while len(list(output.glob("data/*.parquet"))) < number:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.02)


def wait_for_workers(output: Path, number: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many processes were seen to write a shard: its folder names its process."""
    until = time.monotonic() + 180
    seen: set[str] = set()
    while len(seen) < number:
        seen |= {path.name.split(".")[2].split("-")[1] for path in output.glob(".zoo/.shard.*")}
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.005)


def test_two_nodes_make_the_same_bytes_and_a_node_killed_in_the_middle_costs_nothing_else(
    cluster: Any, whole: Path, tmp_path: Path
) -> None:
    other = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    cluster.wait_for_nodes()
    output = tmp_path / "digits"
    process = driver(cluster, output, "--json")
    wait_for_workers(output, 2, process)
    cluster.remove_node(other, allow_graceful=False)
    assert not (output / "manifest.json").exists()
    printed, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert json.loads(printed)["finished"]
    assert held(output) == held(whole)


def test_what_ray_says_at_the_end_is_not_among_the_data_of_a_command(
    cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ray keeps what is said twice, as of two lost nodes, and prints it when it ends."""
    import ray
    from ray._private.utils import publish_error_to_driver
    from ray._private.worker import global_worker

    asked = Asked(checkpoint="vae-mnist", sha256="", kind="image", format="parquet", n=1)
    job = Job(asked, str(tmp_path), "auto", False, False)
    with RayCrew(job, 1, cluster.address):
        for _ in range(3):
            publish_error_to_driver("lost", "A node is lost.", global_worker.gcs_client)
            time.sleep(1)
    assert not ray.is_initialized()
    said = capsys.readouterr()
    assert "[repeated 2x" in said.err and "[repeated" not in said.out


def test_a_driver_that_is_killed_goes_on(cluster: Any, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "digits"
    process = driver(cluster, output)
    wait_for_shards(output, 3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = driver(cluster, output, "--json")
    printed, said = again.communicate(timeout=300)
    assert again.returncode == 0 and "are there already" in said, said
    assert json.loads(printed)["made"] < 48_000
    assert held(output) == held(whole)


def test_a_plugin_that_a_node_lacks_is_said_with_the_name_of_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import platform

    from ray.cluster_utils import Cluster

    # the nodes are told to load no plugins: as if they had none
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "")
    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "object_store_memory": 80 * 2**20,
            "include_dashboard": False,
        },
    )
    monkeypatch.delenv("ZOO_LOAD_PLUGINS")
    try:
        process = driver(made, tmp_path / "digits")
        _, said = process.communicate(timeout=120)
    finally:
        made.shutdown()
    assert process.returncode == 1 and "Traceback" not in said, said
    assert "vae-mnist" in said and f"(on {platform.node()})" in said, said


def test_tasks_go_to_the_gpu_of_a_cluster_that_has_one(tmp_path: Path) -> None:
    """This machine has none, though its cluster says so: the tasks look for it."""
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "num_gpus": 1,
            "object_store_memory": 80 * 2**20,
            "include_dashboard": False,
        },
    )
    try:
        _, said = driver(made, tmp_path / "digits").communicate(timeout=300)
        assert "cuda" in said.casefold() and "Traceback" not in said, said
        process = driver(made, tmp_path / "digits", "--device", "cpu")
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    finally:
        made.shutdown()


def test_an_address_where_no_cluster_is_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No Ray cluster answers"):
        generate("vae-mnist", tmp_path / "d", n=5, engine="ray", address="127.0.0.1:9")
