"""A static folder with a page that runs a model in the browser, by onnxruntime-web."""

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.checkpoints import Folder, list_checkpoints, measured
from zoo.common import files
from zoo.common.errors import CapabilityError, OutputError
from zoo.editing import find_all
from zoo.exporters import onnx, parity, runtime
from zoo.exporters.exporting import OPSET, Exported, default_name, record, require_onnx
from zoo.exporters.program import capture
from zoo.models import Autoencoder, LatentModel
from zoo.sampling import FOLDER_FILE, request

# kinds of samples that the page shows
KINDS = ("image", "array", "audio")
# directions that get a slider
DIRECTIONS = 24
# files of the page of `zoo play` that are not for a page without a server; start.js has another in
# its place
OF_THE_SERVER = ("start.js", "http.js", "docs.html", "docs.js")
SUFFIXES = (".js", ".css", ".svg")
README = """---
title: {name}
sdk: static
app_file: index.html
license: {license}
---

# {name}

This page runs the generative model `{name}` in the browser. It was written by `{command}`
(genzoo {version}).

It needs no server program. Any static host does, such as `python -m http.server` in this folder.

The folder `runtime` holds onnxruntime-web {runtime}, Copyright (c) Microsoft Corporation, MIT
licence.
"""

logger = logging.getLogger("zoo")


def write(
    folder: Folder, output: Any, *, precision: str, runtime_folder: Any, force: bool
) -> Exported:
    """Write the page of a checkpoint: a folder that any static host can serve.

    **Arguments:**
    - `output`: the folder; the checkpoint's name with "-page" unless given.
    - `precision`: of the weights, "float32" or "float16".
    - `runtime_folder`: a folder with onnxruntime-web; it is fetched once unless given.
    - `force`: replace a folder that holds such a page.

    **Raises:** `CapabilityError` for a model without latents, or with other latents than standard
    normal ones; what `zoo.export` raises."""
    path = request.output_path(output, f"{default_name(folder)}-page")
    _refuse_taken(path, force)
    kind = request.kind_of_folder(folder)
    if kind.name not in KINDS:
        raise CapabilityError(
            f"The samples of {folder.reference} are of the kind {kind.name}, which pages do not "
            f"show: {', '.join(KINDS)}."
        )
    require_onnx()
    held = runtime.read(runtime_folder)
    model: Any = request.load(folder, "cpu").requires_grad_(False)
    _refuse_other_latents(folder, model)
    programs, farthest = _programs(folder, model, precision, kind.is_picture)
    words = ["--to", "page", *(["--precision", precision] if precision != "float32" else [])]
    words += ["-o", path.name] if output is not None else []
    made = {**record(folder, "page", precision, None, words), "farthest": farthest}
    with files.replacing(path) as partial:
        _fill(partial, folder, model, programs, held, made)
    size = files.readable_size(files.size(path))
    logger.info(
        f"{folder.reference} as a page in {path} ({size}); at most "
        f"{parity.distance(farthest, precision)} from torch. To look at it: python -m http.server "
        f"--directory {path}"
    )
    return Exported(path, made, farthest)


def _refuse_taken(path: Path, force: bool) -> None:
    if path.suffix and not path.is_dir():
        raise OutputError(f"A page is a folder: {path} must have no suffix.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        is_page = path.is_dir() and (path / FOLDER_FILE).is_file() and (path / "page").is_dir()
        if not (force and is_page):
            raise OutputError(
                f"{path} exists and is not an empty folder: remove it or choose another name."
            )
        shutil.rmtree(path)
    files.refuse_unwritable(path)


def _refuse_other_latents(folder: Folder, model: Any) -> None:
    if not isinstance(model, LatentModel):
        raise CapabilityError(
            f"{folder.reference} is a {folder.model}, which has no latents: a page needs some."
        )
    kind = type(model)
    standard = kind.prior is LatentModel.prior and kind.sample_prior is LatentModel.sample_prior
    if not standard:
        raise CapabilityError(
            f"The latents of {folder.reference} are not standard normal, and a page draws no "
            "others. Export the decoder as .onnx instead."
        )


def _programs(
    folder: Folder, model: Any, precision: str, is_picture: bool
) -> tuple[dict[str, bytes], float]:
    """The decoder, and the encoder where there is one, as ONNX; the farthest from torch."""
    wanted = ["decode"]
    wanted += ["encode"] if isinstance(model, Autoencoder) and is_picture else []
    found, farthest = {}, 0.0
    for what in wanted:
        program = capture(model, what, precision, folder.reference)
        content = onnx.converted(program, OPSET)
        far = parity.check(program, onnx.runner(content), precision, ".onnx")
        farthest = max(farthest, far)
        found[what] = content
    return found, farthest


def _fill(
    place: Path,
    folder: Folder,
    model: Any,
    programs: Mapping[str, bytes],
    held: Mapping[str, bytes],
    made: Mapping[str, Any],
) -> None:
    """Write all files of the page into a new folder."""
    for name in ("page", "model", "runtime"):
        (place / name).mkdir(parents=True)
    own = Path(__file__).parent / "static"
    # files, not code: what both pages have in common lies with the larger one
    shared = Path(__file__).parents[1] / "explorer" / "page"
    shutil.copyfile(shared / "index.html", place / "index.html")
    for file in (*sorted(shared.iterdir()), *sorted(own.iterdir())):
        if file.suffix in SUFFIXES and file not in [shared / name for name in OF_THE_SERVER]:
            shutil.copyfile(file, place / "page" / file.name)
    for what, content in programs.items():
        (place / "model" / f"{what}r.onnx").write_bytes(content)
    for name, content in held.items():
        (place / "runtime" / name).write_bytes(content)
    picture = folder.file("images/samples.png")
    if files.is_file(picture):
        shutil.copyfile(picture, place / "model" / "samples.png")
    told = _told(folder, model, list(programs), files.is_file(picture))
    told["bytes"] = sum(map(len, (*programs.values(), *held.values())))
    (place / "model" / "model.json").write_text(json.dumps(told))
    name = str(told["record"]["name"])
    text = README.format(**{**made, "name": name, "runtime": runtime.VERSION})
    (place / "README.md").write_text(files.in_utf8(text), encoding="utf-8")
    files.write_json(place / FOLDER_FILE, made)


def _told(folder: Folder, model: Any, programs: list[str], picture: bool) -> dict[str, Any]:
    """What the page is told of the model."""
    name = default_name(folder)
    known = list(find_all(folder, model).values())
    entry = next(iter(list_checkpoints(folder.reference)), {})
    return {
        "record": {
            "name": name,
            "reference": f"./{name}" if files.is_path(folder.reference) else folder.reference,
            "state": "here",
            "model": folder.model,
            "dataset": folder.dataset,
            "summary": str(entry.get("summary") or folder.facts.get("summary") or ""),
            "license": str(folder.facts.get("license") or ""),
            "size": files.size(folder.path),
            "num_classes": folder.num_classes,
            "class_names": list(folder.class_names),
            "kind": request.kind_of_folder(folder).name,
            "capabilities": ["sample", *programs],
            "sample_shape": list(model.config.sample_shape),
            "quality": measured(folder.facts),
            "pictures": ["samples"] if picture else [],
            "problem": "",
        },
        "latent_shape": list(model.latent_shape),
        "sample_rate": int(getattr(model.config, "sample_rate", 0) or 0),
        "programs": programs,
        "picture": picture,
        "directions": [
            {
                "name": one.name,
                "vector": [round(value, 6) for value in one.vector.flatten().tolist()],
            }
            for one in known[:DIRECTIONS]
        ],
    }
