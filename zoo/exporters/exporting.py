"""export(): a checkpoint as a file that other programs run, checked against torch at once."""

import importlib.util
import logging
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zoo.checkpoints import Folder, find
from zoo.common import arguments, files
from zoo.common.errors import CapabilityError, ConfigError, MissingDependencyError, OutputError
from zoo.common.words import either
from zoo.registry import installed
from zoo.sampling import formats, request
from zoo.sampling.request import Reference

# the suffixes of exports
SUFFIXES = (".onnx", ".pt2")
WHAT = ("decode", "encode", "sample")
PRECISIONS = ("float32", "float16")
# the version of ONNX's operators
OPSET = 20
LEAST_OPSET = 18
MOST_OPSET = 23

logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Exported:
    """An export, and how near it comes to torch.

    **Arguments:**
    - `path`: the file or folder.
    - `made`: how it was made, as the file records it.
    - `farthest`: the largest difference to torch's numbers that was seen.
    """

    path: Path
    made: Mapping[str, Any]
    farthest: float

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {"path": str(self.path), **self.made}


def export(
    reference: Reference,
    output: str | Path | None = None,
    *,
    to: str | None = None,
    what: str | None = None,
    precision: str = "float32",
    opset: int = OPSET,
    runtime: str | Path | None = None,
    force: bool = False,
) -> Exported:
    """Write a checkpoint as a program that other runtimes execute.

    The export is run at once, at batches of 1, 2, 7 and 64, and compared with torch: each number
    must be within 1e-5 of torch's, times the largest number where that is above 1; within 2 of 255
    levels in float16. An export that is not leaves no file.

    **Arguments:**
    - `reference`: a checkpoint.
    - `output`: where to: `.onnx` (run by onnxruntime) or `.pt2` (run by `torch.export.load`);
        the checkpoint's name with `.onnx` unless given. With `to="page"` a folder.
    - `to`: "page" for a folder with a page that runs the model in the browser.
    - `what`: "decode" goes from latents to samples, "encode" from samples to the means of their
        latents, "sample" from noise to samples. "decode" unless given, "sample" for a model
        without latents. The batch is free; a conditional model takes labels, int64, as well.
    - `precision`: "float32"; or "float16", in which the weights are stored in half the bytes and
        computed with in float32.
    - `opset`: the version of ONNX's operators.
    - `runtime`: for a page, a folder with onnxruntime-web, such as
        `node_modules/onnxruntime-web`; it is fetched once unless given.
    - `force`: replace a file that the zoo did not write.

    **Returns:** where the export is, and how near it comes to torch.

    **Raises:** `CapabilityError` for a model that can't; `MissingDependencyError` without the extra
    `onnx`; `ZooError`.
    """
    folder = find(reference)
    if to not in (None, "page"):
        raise ConfigError(f"to = {str(to)[:80]!r} is not known: there is page.")
    if precision not in PRECISIONS:
        raise ConfigError(
            f"precision = {str(precision)[:80]!r} is none of {', '.join(PRECISIONS)}."
        )
    opset = arguments.whole("opset", opset, LEAST_OPSET, MOST_OPSET)
    if to == "page":
        if what is not None:
            raise ConfigError(
                f"{either('--what', 'what')} is not for pages: they take all there is."
            )
        from zoo.exporters import page

        made: Exported = page.write(
            folder, output, precision=precision, runtime_folder=runtime, force=force
        )
        return made
    if runtime is not None:
        raise ConfigError(f"{either('--runtime', 'runtime')} is for pages: {_page()}.")
    chosen = what_of(folder, what)
    path = _checked(folder, output, force)
    if path.suffix.lower() == ".pt2" and opset != OPSET:
        raise ConfigError(f"{either('--opset', 'opset')} is for .onnx files.")
    return _write(folder, path, chosen, precision, opset, output is not None)


def what_of(folder: Folder, what: str | None) -> str:
    """What is exported, once nothing speaks against it.

    **Raises:** `CapabilityError` for a model that can't do it."""
    spec = installed().models.get(folder.model)
    can = ("sample",) if spec is None else spec.capabilities
    if what is None:
        return "decode" if "decode" in can else "sample"
    if what not in WHAT:
        raise ConfigError(f"what = {str(what)[:80]!r} is none of {', '.join(WHAT)}.")
    if what not in can:
        raise CapabilityError(
            f"{folder.reference} is a {folder.model}, which can {' and '.join(can)}, not {what}: "
            f"choose {' or '.join(can)}."
        )
    return what


def require_onnx() -> None:
    """Raise `MissingDependencyError` where a package of the extra `onnx` is not installed."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        if importlib.util.find_spec(name) is None:
            raise MissingDependencyError(
                f"ONNX files need {name}, which is not here: pip install 'genzoo[onnx]'", name=name
            )


def record(
    folder: Folder, what: str, precision: str, opset: int | None, words: list[str]
) -> dict[str, Any]:
    """What an export says of itself.

    **Arguments:**
    - `words`: of the command, after the checkpoint.
    """
    kind = request.kind_of_folder(folder)
    return {
        "checkpoint": folder.reference,
        "sha256": folder.sha256,
        "model": folder.model,
        "license": str(folder.facts.get("license") or ""),
        "what": what,
        "precision": precision,
        **({} if opset is None else {"opset": opset}),
        "kind": kind.name,
        "num_classes": folder.num_classes,
        "class_names": list(folder.class_names),
        "version": version("genzoo"),
        "command": shlex.join(["zoo", "export", folder.reference, *words]),
    }


def default_name(folder: Folder) -> str:
    """The checkpoint's name as the name of a file."""
    name = folder.path.name if files.is_path(folder.reference) else folder.reference
    return (
        "".join(one if one.isalnum() or one in "-_." else "-" for one in name).strip(".") or "model"
    )


def _page() -> str:
    return either("--to page", "to='page'")


def _checked(folder: Folder, output: Any, force: bool) -> Path:
    path = request.output_path(output, f"{default_name(folder)}.onnx")
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"{path} must end in {' or '.join(SUFFIXES)}; a folder with a page needs {_page()}."
        )
    if path.is_dir():
        raise OutputError(f"{path} is a folder: choose another name.")
    files.refuse_unwritable(path)
    formats.refuse_foreign(path, force=force)
    return path


def _write(
    folder: Folder, path: Path, what: str, precision: str, opset: int, is_named: bool
) -> Exported:
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        require_onnx()
    from zoo.checkpoints import weights
    from zoo.exporters import onnx, parity, pt2
    from zoo.exporters.program import capture

    model: Any = weights.read_model(folder).requires_grad_(False)
    program = capture(model, what, precision, folder.reference)
    content = onnx.converted(program, opset) if suffix == ".onnx" else pt2.converted(program)
    run = onnx.runner(content) if suffix == ".onnx" else pt2.runner(content)
    farthest = parity.check(program, run, precision, suffix)
    words = ["--what", what]
    words += ["--precision", precision] if precision != "float32" else []
    words += ["--opset", str(opset)] if opset != OPSET else []
    words += ["-o", path.name] if is_named else []
    made = record(folder, what, precision, opset if suffix == ".onnx" else None, words)
    made |= {**program.shapes(), "farthest": farthest}
    content = onnx.told(content, made) if suffix == ".onnx" else pt2.converted(program, made)
    with files.replacing(path) as partial:
        partial.write_bytes(content)
    logger.info(
        f"{folder.reference}, {what}, in {path} ({files.readable_size(len(content))}); at most "
        f"{parity.distance(farthest, precision)} from torch at batches of "
        f"{', '.join(map(str, parity.BATCHES[:-1]))} and {parity.BATCHES[-1]}"
    )
    return Exported(path, made, farthest)
