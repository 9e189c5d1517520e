"""How the zoo computes: devices, precision, threads, memory, seeds."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from zoo.common import compute
from zoo.common.compute import channels_last, emulates_bf16, keep_channels_last
from zoo.common.errors import ConfigError

TOUCHED = """
import resource
from zoo.common.compute import keep_freed

keep_freed()
bytearray(100 << 20)  # which frees it at once, and the C library with it
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(100 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="only glibc keeps what is freed when it is told to"
)
def test_memory_that_was_freed_is_not_asked_of_the_system_again() -> None:
    def faults(code: str) -> int:
        return int(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
        )

    assert faults(TOUCHED) < 100 < faults(TOUCHED.replace("keep_freed()\n", "\n"))


@pytest.mark.parametrize(
    ("able", "emulates"),
    [
        ({"architecture": "x86_64", "avx512_bf16": True, "amx_bf16": False}, False),
        ({"architecture": "x86_64", "avx512_bf16": False, "amx_bf16": True}, False),
        ({"architecture": "x86_64", "avx2": True}, True),
        ({"architecture": "aarch64"}, False),  # torch doesn't say
    ],
)
def test_a_processor_without_instructions_for_bf16_emulates_it(
    able: dict[str, object], emulates: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert emulates_bf16(torch.device("cpu")) is emulates


def test_maps_and_their_gradients_stay_in_the_order_that_convolutions_compute_in() -> None:
    network = nn.Sequential(
        nn.Linear(2, 32),
        nn.Unflatten(1, (8, 2, 2)),
        nn.Conv2d(8, 4, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 1),
    )
    keep_channels_last(channels_last(network))
    orders = []

    def note(layer: nn.Module, given: tuple[Tensor, ...], maps: Tensor) -> None:
        orders.append(maps.stride())
        maps.register_hook(lambda gradient: orders.append(gradient.stride()))

    for layer in (network[1], network[2]):
        layer.register_forward_hook(note)
    network(torch.randn(3, 2)).sum().backward()
    assert orders == [(32, 1, 16, 8), (16, 1, 8, 4), (16, 1, 8, 4), (32, 1, 16, 8)]


# threads


def group(root: Path, path: str, **files: str) -> None:
    """A control group's folder below a file system's root, with its files."""
    folder = root / "sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def belongs(root: Path, line: str) -> None:
    (root / "proc/self").mkdir(parents=True, exist_ok=True)
    (root / "proc/self/cgroup").write_text(line + "\n")


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(64)), raising=False)
    return 64


def test_without_a_quota_the_cores_of_the_affinity_are_usable(tmp_path: Path, cores: int) -> None:
    assert compute.usable_cores(tmp_path) == cores
    group(tmp_path, "", cpu__max="max 100000")
    assert compute.usable_cores(tmp_path) == cores


def test_a_quota_of_a_control_group_of_version_2_counts(tmp_path: Path, cores: int) -> None:
    group(tmp_path, "", cpu__max="150000 100000")
    assert compute.usable_cores(tmp_path) == 2


def test_the_least_quota_of_a_group_and_those_above_it_counts(tmp_path: Path, cores: int) -> None:
    belongs(tmp_path, "0::/users/me/job")
    group(tmp_path, "users", cpu__max="300000 100000")
    group(tmp_path, "users/me/job", cpu__max="800000 100000")
    assert compute.usable_cores(tmp_path) == 3


def test_a_quota_of_a_control_group_of_version_1_counts(tmp_path: Path, cores: int) -> None:
    belongs(tmp_path, "4:cpu,cpuacct:/docker/1234")
    group(tmp_path, "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert compute.usable_cores(tmp_path) == cores
    group(tmp_path, "cpu/docker/1234", cpu__cfs_quota_us="400000", cpu__cfs_period_us="100000")
    assert compute.usable_cores(tmp_path) == 4


@pytest.mark.parametrize("text", ["", "0 0", "much", "\0", "-5 100000", "1 2 3"])
def test_a_quota_that_makes_no_sense_is_no_quota(tmp_path: Path, cores: int, text: str) -> None:
    group(tmp_path, "", cpu__max=text)
    assert compute.usable_cores(tmp_path) == cores


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What torch is told, in place of telling it."""
    told = {"now": 64}
    monkeypatch.setattr("torch.get_num_threads", lambda: told["now"])
    monkeypatch.setattr("torch.set_num_threads", lambda number: told.update(now=number))
    monkeypatch.setattr(compute, "usable_cores", lambda: 2)
    for name in ("OMP_NUM_THREADS", "ZOO_THREADS"):
        monkeypatch.delenv(name, raising=False)
    return told


def test_torch_computes_with_the_cores_that_the_process_may_use(threads: dict[str, int]) -> None:
    assert compute.use_threads() == threads["now"] == 2


def test_what_was_asked_for_comes_before_the_variable_and_that_before_the_cores(
    threads: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_THREADS", "5")
    assert compute.use_threads() == 5
    assert compute.use_threads(7) == 7


def test_openmp_is_taken_at_its_word(
    threads: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert compute.use_threads() == 64


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "99999999999999"])
def test_a_number_of_threads_that_is_none_is_refused(
    threads: dict[str, int], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ZOO_THREADS", text)
    with pytest.raises(
        ConfigError, match=r"ZOO_THREADS = .* must be a whole number from 1 to 4096"
    ):
        compute.use_threads()


def test_threads_out_of_range_are_refused(threads: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="threads = 0 is out of range: give 1 to 4096"):
        compute.use_threads(0)


# devices


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert compute.pick_device("auto") == "cpu"
    assert compute.pick_device(torch.device("cpu")) == "cpu"


@pytest.mark.parametrize("choice", ["gpu", "", "cuda:x", 7.5])
def test_a_device_that_torch_does_not_know_is_refused(choice: str) -> None:
    with pytest.raises(ConfigError, match=r"There is no device .*: name auto, cpu or cuda"):
        compute.pick_device(choice)
