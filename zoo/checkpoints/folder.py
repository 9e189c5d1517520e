"""A checkpoint at rest: a folder whose files are each read and hashed at most once."""

import functools
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common import files
from zoo.common.errors import CheckpointError

if TYPE_CHECKING:
    import mmap

FORMAT = 1

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TRAINING = "training.safetensors"
FACTS = "facts.json"
CARD = "README.md"
ORIGIN = "origin.json"

# bytes of a README.md; those that the zoo makes have some 10,000
CARD_LIMIT = 1 << 20


class Folder:
    """A checkpoint's folder. Each property reads its file when it is first used, and keeps the
    value: a command that passes a Folder on reads each file once.

    **Arguments:**
    - `path`: the folder; nothing is read yet.
    - `reference`: how the person named it, such as "vae-mnist"; the path unless given.
    - `origin`: what origin.json says, when the caller has read it already.
    - `digests`: SHA-256 by file name, when the caller has computed some already.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        reference: str = "",
        *,
        origin: Mapping[str, Any] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.reference = reference or files.as_reference(self.path)
        self._digests = dict(digests or {})
        if origin is not None:
            self.origin = dict(origin)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Folder({str(self.path)!r})"

    def file(self, name: str) -> Path:
        """The path of one of its files, whether it is there or not."""
        return self.path / name

    def has(self, name: str) -> bool:
        """Whether one of its files is there."""
        return files.is_file(self.file(name))

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """config.json, its outer layer checked: `{"format", "model", "config", "made_by"}`.

        **Raises:** `CheckpointError` when the folder is not a checkpoint that this zoo can read."""
        return _checked_config(self)

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """facts.json, what is known of the training; empty when there is no such file.

        **Raises:** `CheckpointError` when the file can't be read."""
        return self._read_json(FACTS) if self.has(FACTS) else {}

    @functools.cached_property
    def origin(self) -> dict[str, Any]:
        """origin.json, where the store has it from; empty when there is no such file.

        **Raises:** `CheckpointError` when the file can't be read."""
        return self._read_json(ORIGIN) if self.has(ORIGIN) else {}

    @functools.cached_property
    def card(self) -> str:
        """The text of README.md; empty when there is no such file.

        **Raises:** `CheckpointError` when it can't be read, or is larger than 1 MiB."""
        if not self.has(CARD):
            return ""
        return files.parse_text(self.content(CARD), self.file(CARD), CARD_LIMIT)

    @property
    def model(self) -> str:
        """The name of its model."""
        return str(self.config["model"])

    @property
    def own_class(self) -> str:
        """MODULE:CLASS of a model that no plugin offers; empty for all others. It is never
        imported: whoever loads the checkpoint passes the class.
        """
        named = self.config.get("class")
        return named[:200] if isinstance(named, str) else ""

    @property
    def num_classes(self) -> int:
        """How many classes it is conditioned on; 0 when it is unconditional."""
        number = self.config["config"].get("num_classes", 0)
        return number if isinstance(number, int) else 0

    @property
    def class_names(self) -> tuple[str, ...]:
        """What its labels mean, as its facts say; empty when they don't."""
        names = self.facts.get("class_names")
        return tuple(map(str, names)) if isinstance(names, list) else ()

    @property
    def dataset(self) -> str:
        """The data set that it was trained on, as its facts say; empty when they don't."""
        return str(self.facts.get("dataset") or "")

    @property
    def sha256(self) -> str:
        """The SHA-256 of model.safetensors."""
        return self.digest(WEIGHTS)

    def digest(self, name: str) -> str:
        """The SHA-256 of one of its files, as 64 hexadecimal digits.

        **Raises:** `CheckpointError` when the file can't be read."""
        if name not in self._digests:
            self._digests[name] = files.sha256_of(self.content(name))
        return self._digests[name]

    def content(self, name: str) -> "mmap.mmap | bytes":
        """The bytes of one of its files; those of a large one are mapped and not loaded. The file
        is opened once.

        **Raises:** `CheckpointError` when the file can't be read."""
        if name not in self._contents:
            self._contents[name] = files.mapped(self.file(name))
        return self._contents[name]

    def _read_json(self, name: str) -> dict[str, Any]:
        return files.parse_json(self.content(name), self.file(name))

    @functools.cached_property
    def _contents(self) -> dict[str, "mmap.mmap | bytes"]:
        return {}

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Replace config.json, whole or not at all."""
        files.write_json(self.file(CONFIG), config)
        self._replaced(CONFIG)
        self.config = dict(config)

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Replace facts.json, whole or not at all."""
        files.write_json(self.file(FACTS), facts)
        self._replaced(FACTS)
        self.facts = dict(facts)

    def write_card(self, text: str) -> None:
        """Replace README.md, whole or not at all."""
        files.write_text(self.file(CARD), text)
        self._replaced(CARD)
        self.card = text

    def write_origin(self, origin: Mapping[str, Any]) -> None:
        """Replace origin.json, whole or not at all."""
        files.write_json(self.file(ORIGIN), origin)
        self._replaced(ORIGIN)
        self.origin = dict(origin)

    def _replaced(self, name: str) -> None:
        """Forget what was known of a file's old content."""
        self._digests.pop(name, None)
        self._contents.pop(name, None)


def read_config(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """The config.json of a checkpoint of which nothing else is wanted; see `Folder.config`."""
    return Folder(directory).config


def read_facts(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """The facts.json of a checkpoint of which nothing else is wanted; see `Folder.facts`."""
    return Folder(directory).facts


def hint_pickle(directory: Path) -> str:
    """The end of a message that a file is missing: a file that may be a pickle, if one is there."""
    found = [
        file.name
        for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
        for file in directory.glob(pattern)
    ]
    return (
        f" There is {found[0]!r}, which may be a pickle: the zoo never opens one." if found else ""
    )


def _checked_config(folder: Folder) -> dict[str, Any]:
    path = folder.file(CONFIG)
    if not folder.has(CONFIG):
        raise CheckpointError(
            f"{folder.path} is not a checkpoint: it has no {CONFIG}.{hint_pickle(folder.path)}",
            path=folder.path,
        )
    config = files.parse_json(folder.content(CONFIG), path)
    if config.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has the format {str(config.get('format'))[:20]!r}; this is genzoo "
            f"{version('genzoo')}, which reads format {FORMAT}. A newer one may read it: "
            "pip install -U genzoo"
        )
    model = config.get("model")
    if not isinstance(model, str) or len(model) > 80 or not isinstance(config.get("config"), dict):
        raise CheckpointError(f"{path} does not name its model and config.")
    return config
