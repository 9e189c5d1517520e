"""How the zoo computes: devices, precision, threads, memory, and seeds that are derived."""

import contextlib
import ctypes
import hashlib
import math
import os
import platform
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from zoo.common import settings
from zoo.common.errors import ConfigError, counted

PRECISIONS = ("float32", "bf16")

TRIM_THRESHOLD = -1  # of mallopt(3)
MMAP_THRESHOLD = -3  # of mallopt(3)
LARGEST = 1 << 30  # bytes: what glibc takes today
DOCUMENTED = 1 << 25  # bytes: what mallopt(3) says that it takes


Module = TypeVar("Module", bound=nn.Module)


# devices


def pick_device(choice: str | torch.device = "auto") -> str:
    """The device that a choice means, as torch names it.

    **Arguments:**
    - `choice`: "auto" (a GPU where there is one, else the CPU), "cpu", "cuda", or any name that
        torch knows, such as "cuda:1".

    **Raises:** `ConfigError` when there is no such device here."""
    if choice == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(choice)
    except (RuntimeError, TypeError) as error:
        raise ConfigError(
            f"There is no device {str(choice)[:80]!r}: name auto, cpu or cuda."
        ) from error
    gpus = torch.cuda.device_count()
    if device.type == "cuda" and not gpus:
        raise ConfigError(
            f"There is no device {str(choice)!r}: torch sees 0 GPUs here. Take 'cpu' or "
            "'auto' (in a command: --device cpu)."
        )
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise ConfigError(
            f"There is no device {str(choice)!r}: torch sees {counted(gpus, 'GPU')} here."
        )
    return str(device)


def hardware(device: str | torch.device) -> str:
    """What a device is, in a few words: "AMD EPYC …, 2 threads" or a GPU's name."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.is_file() else ():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    return f"{name}, {counted(torch.get_num_threads(), 'thread')}"


def gpus_of(model: nn.Module) -> list[torch.device]:
    """The GPU that a model is on, as `torch.random.fork_rng` takes it; none on the CPU."""
    devices = {parameter.device for parameter in model.parameters()}
    return [device for device in devices if device.type == "cuda"]


# precision and the order of memory


def emulates_bf16(device: torch.device) -> bool:
    """Whether a device has no instructions for bfloat16, as far as torch can tell, so that float32
    is faster there.
    """
    if device.type == "cuda":
        return not torch.cuda.is_bf16_supported(including_emulation=False)
    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older torch can't tell
    return able.get("architecture") == "x86_64" and not (
        able.get("avx512_bf16") or able.get("amx_bf16")
    )


def channels_last(model: Module) -> Module:
    """The model, its convolutions now computing in channels-last order: in bf16 that halves their
    time on a CPU.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.to(memory_format=torch.channels_last)
    return model


def keep_channels_last(model: nn.Module) -> None:
    """Have maps, and their gradients, come in channels-last order from where they are flat.

    A layer that walks through maps in one order and their gradients in another takes thirty times
    as long on a CPU."""

    def ordered(maps: Tensor) -> Tensor:
        return maps.contiguous(memory_format=torch.channels_last) if maps.dim() == 4 else maps

    def order_gradient(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        if given[0].requires_grad:
            given[0].register_hook(ordered)

    for layer in model.modules():
        if isinstance(layer, nn.Unflatten):
            layer.register_forward_hook(lambda layer, given, maps: ordered(maps))
        elif isinstance(layer, nn.Flatten):
            layer.register_forward_pre_hook(order_gradient)


def laid_out_as(parameter: Tensor, tensor: Tensor) -> Tensor:
    """A tensor in the memory order of a parameter: fused optimizers walk both side by side,
    whatever their strides.
    """
    if tensor.shape != parameter.shape or tensor.stride() == parameter.stride():
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)


def exact_convolutions() -> AbstractContextManager[None]:
    """Let a GPU compute convolutions in float32 and in one order, so that its results agree with a
    CPU's.
    """
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )


# seeds


def derived_seed(*purpose: object) -> int:
    """A seed of its own for each purpose, the user's seed among its words: hardly any two share
    random numbers.
    """
    digest = hashlib.sha256(" ".join(map(str, purpose)).encode()).digest()
    return int.from_bytes(digest[:4], "big")  # torch's CPU generator takes 32 bits


# threads


def use_threads(asked: int | None = None) -> int:
    """Set how many threads torch computes with, and return the number.

    **Arguments:**
    - `asked`: how many; what `ZOO_THREADS` says unless given. With neither, it is at most
        `usable_cores()`: torch counts the cores of the host, and in a container with a quota more
        threads than that wait for each other. `OMP_NUM_THREADS` is left to its word.

    **Raises:** `ConfigError` for a number below 1 or above 4096."""
    wanted = settings.threads() if asked is None else asked
    if wanted is not None and not 1 <= wanted <= settings.MOST_THREADS:
        raise ConfigError(f"threads = {wanted} is out of range: give 1 to {settings.MOST_THREADS}.")
    if wanted is None and not settings.openmp_threads():
        wanted = min(torch.get_num_threads(), usable_cores())
    if wanted is not None and wanted != torch.get_num_threads():
        torch.set_num_threads(wanted)
    return torch.get_num_threads()


def usable_cores(root: Path = Path("/")) -> int:
    """How many cores this process may really use: those of its affinity, and no more than the
    quota of its control groups (versions 1 and 2) allows.

    **Arguments:**
    - `root`: where the file system begins.

    **Returns:** 1 at least; a quota of 1.5 cores counts as 2."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quotas = [quota for quota in (_quota_v2(root), _quota_v1(root)) if quota]
    return max(1, min([cores, *map(math.ceil, quotas)]))


def _quota_v2(root: Path) -> float | None:
    """The least quota, in cores, of this process's group and of those above it, by cpu.max."""
    quotas = []
    for folder in _groups(root, "", root / "sys/fs/cgroup"):
        words = _words(folder / "cpu.max")
        if len(words) == 2 and words[0].isdecimal() and words[1].isdecimal() and int(words[1]):
            quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def _quota_v1(root: Path) -> float | None:
    """The same by cpu.cfs_quota_us, of which -1 is no quota."""
    quotas = []
    for folder in _groups(root, "cpu", root / "sys/fs/cgroup/cpu"):
        quota = _words(folder / "cpu.cfs_quota_us")
        period = _words(folder / "cpu.cfs_period_us")
        if quota and period and quota[0].isdecimal() and period[0].isdecimal() and int(period[0]):
            quotas.append(int(quota[0]) / int(period[0]))
    return min(quotas, default=None)


def _groups(root: Path, controller: str, mount: Path) -> list[Path]:
    """The folders of this process's control group and of those above it, as far as they can be
    seen; in a container the group's own path often can't, and its mount is what it has.
    """
    folders = [mount]
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controller in controllers.split(","):
            inner = mount / group.strip().lstrip("/")
            levels = PurePosixPath(group.strip().lstrip("/")).parents
            folders += [inner, *(mount / level for level in levels)]
    return folders


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


# memory


def keep_freed() -> None:
    """Have the process keep up to a gigabyte of memory that it has freed, for what it allocates
    next.

    Else each batch's maps go back to the system, and come again filled with zeros page by page,
    which takes a quarter of the sampling of a convolutional network and a fifteenth of its
    training. Where the C library is not glibc, this does nothing."""
    with contextlib.suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        # an older glibc refuses the first; a threshold that is not set would stay at 128 kB once
        # the other is
        mallopt(MMAP_THRESHOLD, LARGEST) or mallopt(MMAP_THRESHOLD, DOCUMENTED)
        mallopt(TRIM_THRESHOLD, LARGEST)
