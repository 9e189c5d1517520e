"""One training on two hosts: network namespaces with a cable between them, and gloo."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import DIGITS

from zoo.checkpoints.folder import read_facts

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"),
        reason="network namespaces need Linux, root and the command ip",
    ),
]
SMALL = {
    "mlp-vae": ["--set", "hidden_dims=32", "--set", "latent_dim=4"],
    "dcgan": ["--set", "width=4", "--set", "latent_dim=8"],
}


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Host:
    """A network namespace with an address of its own."""

    def __init__(self, name: str, rank: int) -> None:
        self.name, self.rank = name, rank

    def start(self, home: Path, *words: str) -> subprocess.Popen[str]:
        """A command of the zoo under torchrun, on this host."""
        torchrun = [str(Path(sys.executable).with_name("torchrun")), "--nnodes", "2"]
        torchrun += ["--nproc_per_node", "1", "--node_rank", str(self.rank)]
        torchrun += ["--master_addr", "10.77.0.1", "--master_port", "29511", "-m", "zoo"]
        return subprocess.Popen(
            ["ip", "netns", "exec", self.name, *torchrun, *words],
            env={
                **os.environ,
                "ACCELERATE_USE_CPU": "true",
                "GLOO_SOCKET_IFNAME": f"{self.name}-eth",
                "OMP_NUM_THREADS": "1",
                "ZOO_HOME": str(home),
                "ZOO_DATA": str(DIGITS),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def cable(self, state: str) -> None:
        """Pull the cable ("down"), or plug it in ("up")."""
        ip("-n", self.name, "link", "set", f"{self.name}-eth", state)

    def be_impatient(self) -> None:
        """Give a silent peer up after seconds; Linux waits for a quarter of an hour."""
        retries = "echo 3 > /proc/sys/net/ipv4/tcp_retries2"
        ip("netns", "exec", self.name, "sh", "-c", retries)

    def lose(self) -> None:
        """Let the host vanish: every process on it is killed."""
        pids = subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True
        ).stdout.split()
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts, 10.77.0.1 and 10.77.0.2."""
    one, other = f"zooa{os.getpid() % 10000}", f"zoob{os.getpid() % 10000}"
    try:
        for name in (one, other):
            ip("netns", "add", name)
        ip("link", "add", f"{one}-eth", "type", "veth", "peer", "name", f"{other}-eth")
        for number, name in enumerate((one, other), start=1):
            ip("link", "set", f"{name}-eth", "netns", name)
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", f"{name}-eth")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", f"{name}-eth", "up")
        yield Host(one, 0), Host(other, 1)
    finally:
        for name in (one, other):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


@pytest.mark.parametrize("model", SMALL)
def test_two_hosts_train_one_model(model: str, hosts: tuple[Host, Host], tmp_path: Path) -> None:
    words = ["train", model, "--name", "both", "--epochs", "2", "--seed", "0", *SMALL[model]]
    running = [host.start(tmp_path / "home", *words) for host in hosts]
    said = [process.communicate(timeout=300)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    facts = read_facts(tmp_path / "home" / "checkpoints" / "both")
    assert len(facts["history"]) == 2 and facts["hardware"].startswith("2 × ")


def wait_for_epochs(history: Path, number: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many epochs are in the history."""
    until = time.monotonic() + 120
    while not history.exists() or len(history.read_text().splitlines()) < number:
        assert time.monotonic() < until and process.poll() is None, process.communicate()
        time.sleep(0.05)


def go_on(hosts: tuple[Host, Host], home: Path, history: Path) -> None:
    """Resume on both hosts, and stop them once an epoch was trained."""
    there = len(history.read_text().splitlines())
    again = [host.start(home, "train", "--resume", "both") for host in hosts]
    wait_for_epochs(history, there + 1, again[0])
    for host in hosts:
        host.lose()
    for process in again:
        process.communicate()


def test_a_host_that_is_lost_ends_the_training_with_what_to_do_and_resume_does(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    _, second = hosts
    home = tmp_path / "home"
    words = ["train", "mlp-vae", "--name", "both", "--epochs", "300", "--seed", "0"]
    running = [host.start(home, *words, *SMALL["mlp-vae"]) for host in hosts]
    history = home / "runs" / "both" / "history.jsonl"
    wait_for_epochs(history, 3, running[0])
    second.lose()
    said, _ = running[0].communicate(timeout=120)
    running[1].communicate()
    assert running[0].returncode != 0
    assert "Another process of this training ended" in said, said
    assert "with: zoo train --resume both" in said
    go_on(hosts, home, history)


def test_a_cable_that_is_pulled_ends_the_training_with_what_to_do_and_resume_does(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    words = ["train", "mlp-vae", "--name", "both", "--epochs", "300", "--seed", "0"]
    for host in hosts:
        host.be_impatient()
    running = [host.start(home, *words, *SMALL["mlp-vae"]) for host in hosts]
    history = home / "runs" / "both" / "history.jsonl"
    wait_for_epochs(history, 2, running[0])
    hosts[1].cable("down")
    # one of them at least waits for an answer to what it sent; the other may wait for words only
    until = time.monotonic() + 120
    while all(process.poll() is None for process in running) and time.monotonic() < until:
        time.sleep(0.1)
    ended = [process.poll() is not None for process in running]
    for host in hosts:
        host.lose()
    said = [process.communicate()[0] for process in running]
    assert any(
        done and "its machine can't be reached" in text and "with: zoo train --resume both" in text
        for done, text in zip(ended, said, strict=True)
    ), said
    hosts[1].cable("up")
    go_on(hosts, home, history)
