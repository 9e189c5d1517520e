"""onnxruntime-web, which runs ONNX files in a browser: one version, held to its digests."""

import io
import logging
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from zoo.common import files, settings
from zoo.common.errors import DataError, OutputError

VERSION = "1.30.0"
# the files that a page needs, with their SHA-256
DIGESTS = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
# bytes of the package and of one file that are read at most
LARGEST = 100 << 20
TIMEOUT = 60.0

logger = logging.getLogger("zoo")


def read(folder: Any = None) -> dict[str, bytes]:
    """The files by name.

    **Arguments:**
    - `folder`: where to copy them from, such as `node_modules/onnxruntime-web`; unless given, they
        are fetched once into the zoo's home.

    **Raises:** `DataError` when they can't be had, or are not those of the version."""
    if folder is not None:
        return _of_folder(settings.expand(folder, "runtime"))
    kept = settings.home() / "runtime" / f"onnxruntime-web-{VERSION}"
    if all(files.is_file(kept / name) for name in DIGESTS):
        return _of_folder(kept)
    found = _fetched()
    try:
        for name, content in found.items():
            with files.replacing(kept / name) as partial:
                partial.write_bytes(content)
    except OutputError as error:
        logger.warning(f"{error} The files are fetched again next time.")
    return found


def _of_folder(folder: Path) -> dict[str, bytes]:
    found = {}
    for name in DIGESTS:
        places = [folder / name, folder / "dist" / name]
        path = next((one for one in places if files.is_file(one)), None)
        if path is None:
            raise DataError(
                f"{folder} has no {name}: name a folder with onnxruntime-web {VERSION}, such as "
                "node_modules/onnxruntime-web after npm install onnxruntime-web@"
                f"{VERSION}.",
                path=folder,
            )
        content = bytes(files.mapped(path))
        _refuse_other(name, content, str(path))
        found[name] = content
    return found


def _refuse_other(name: str, content: bytes, where: str) -> None:
    if files.sha256_of(content) != DIGESTS[name]:
        raise DataError(f"{where} is not the {name} of onnxruntime-web {VERSION}.")


def _fetched() -> dict[str, bytes]:
    """The files out of the package, as the registry of npm has it."""
    address = f"{settings.npm_registry()}/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
    logger.info(f"Fetching onnxruntime-web {VERSION} (33 MB, once) from {address}")
    advice = (
        "Fetch it yourself (npm install onnxruntime-web@"
        f"{VERSION}) and name its folder: --runtime node_modules/onnxruntime-web"
    )
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            package = answer.read(LARGEST + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"{address} can't be fetched: {reason}. {advice}") from error
    if len(package) > LARGEST:
        raise DataError(f"{address} is larger than {files.readable_size(LARGEST)}. {advice}")
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
            for name in DIGESTS:
                entry = archive.extractfile(f"package/dist/{name}")
                content = entry.read(LARGEST) if entry else b""
                _refuse_other(name, content, address)
                found[name] = content
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise DataError(f"{address} is not the package: {error}. {advice}") from error
    return found
