"""A program of its own, run as a child: opens one pickle, bounded and without its code.

It imports nothing of the zoo. It writes the tensors as safetensors, and says on standard output,
in a line of JSON, what went wrong.
"""

import json
import pickle
import re
import resource
import sys
import warnings
import zipfile
from typing import Any

# bytes beyond a few times the file's size: torch itself needs some
SPARE = 1 << 29
SECONDS = 600
MOST_TENSORS = 20_000
DEEPEST = 8


class Refused(Exception):
    """What is wrong with a file, in words."""


def main(source: str, target: str) -> str:
    """Open the pickle `source` and write its tensors to `target`; returns what is wrong, or ""."""
    import torch
    from safetensors.torch import save_file

    try:
        size = _refuse_bomb(source)
        _bound(4 * size + SPARE)
        found = torch.load(source, map_location="cpu", weights_only=True)
        tensors: dict[str, Any] = {}
        _flatten(found, "", tensors, 0, torch)
        if not tensors:
            raise Refused("it holds no tensors by name: a state dict is needed")
        save_file({name: one.clone().contiguous() for name, one in tensors.items()}, target)
    except Refused as error:
        return str(error)
    except pickle.UnpicklingError as error:
        return _of_pickle(str(error))
    except MemoryError:
        return TOO_LARGE
    except RuntimeError as error:
        said = str(error).splitlines()[0][:200]
        return TOO_LARGE if "memory" in said else f"it can't be read: {said}"
    except Exception as error:
        return f"it can't be read: {type(error).__name__}: {str(error)[:200]}"
    return ""


TOO_LARGE = "opened, it takes far more memory than the file is large"


def _refuse_bomb(source: str) -> int:
    """The size of a file; refuses an archive that is packed: torch.save packs nothing."""
    with open(source, "rb") as file:  # noqa: PTH123  # a program of few imports
        size = file.seek(0, 2)
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            if any(one.compress_type != zipfile.ZIP_STORED for one in entries):
                raise Refused("its entries are compressed, which torch.save never does")
            if sum(one.file_size for one in entries) > 2 * size:
                raise Refused("its entries are said to be larger than the file is")
    return size


def _bound(more: int) -> None:
    """Let this process take so many bytes more than it has, and a bounded time."""
    with open("/proc/self/statm") if sys.platform == "linux" else _nothing() as file:  # noqa: PTH123
        pages = int((file.read() or "0").split()[0])
    limit = pages * resource.getpagesize() + more
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))


def _nothing() -> Any:
    import io

    return io.StringIO("4000000")  # 16 GB of pages: a system that does not say


def _flatten(found: Any, name: str, tensors: dict[str, Any], depth: int, torch: Any) -> None:
    """Collect the tensors of nested dicts, their names joined by dots."""
    if isinstance(found, torch.Tensor):
        if found.layout is not torch.strided or found.is_quantized:
            raise Refused(f"the tensor {name[:80]!r} is sparse or quantised")
        if name in tensors:
            raise Refused(f"it holds two tensors called {name[:80]!r}")
        if len(tensors) == MOST_TENSORS:
            raise Refused(f"it holds more than {MOST_TENSORS:,} tensors")
        tensors[name or "tensor"] = found.detach()
    elif isinstance(found, dict) and depth < DEEPEST:
        for key, value in found.items():
            if isinstance(key, str):
                _flatten(value, f"{name}.{key}" if name else key, tensors, depth + 1, torch)


def _of_pickle(said: str) -> str:
    wanted = re.search(r"(?:GLOBAL|global)[: ]+([\w.]+)", said)
    asks = f" ({wanted[1][:80]})" if wanted else ""
    return (
        f"it holds more than tensors: code or classes{asks}, which are never opened; nothing of it "
        "was run. Ask its publisher for the state dict: torch.save(model.state_dict(), …)"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(main(*sys.argv[1:])))
