"""LIGHT: where weights are imported from: a file, a folder, a repository of the Hub."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.checkpoints import parse_hub
from zoo.common import files, settings
from zoo.common.errors import NotFoundError
from zoo.importers.opening import PICKLES, SAFE

MOST_FILES = 1000
# beside a file; where there are more, the folder is of other things
MOST_CONFIGS = 20
READ = (".json", SAFE, *PICKLES, "README.md")  # of a repository; nothing else is fetched
LICENCE = re.compile(r"^license:[ \t]*['\"]?([\w.+-]{1,60})['\"]?[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files of a source on this machine.

    **Arguments:**
    - `called`: how it was named, without the folders of this machine.
    - `folder`: where its files are.
    - `files`: their names below it.
    - `revision`: the commit, of a repository.
    """

    called: str
    folder: Path
    files: tuple[str, ...]
    revision: str = ""

    @property
    def licence(self) -> str:
        """What its README.md states between its first two lines of dashes; "" where it doesn't."""
        readme = self.folder / "README.md"
        if "README.md" not in self.files:
            return ""
        text = readme.read_bytes()[:20_000].decode(errors="replace")
        front = text.split("---")[1] if text.startswith("---") else ""
        found = LICENCE.search(front)
        return found[1].lower() if found else ""


@contextlib.contextmanager
def gathered(source: str, **hub: Any) -> Iterator[Source]:
    """The files of a source, as long as the block lasts.

    **Arguments:**
    - `source`: a path, or "hf:OWNER/REPO[@REVISION]".
    - `hub`: `endpoint`, `token` and `watch`, as `zoo.pull` takes them.

    **Raises:** `NotFoundError` for a path that isn't there; `HubError`."""
    if source.startswith("hf:"):
        from zoo.hub.foreign import fetch

        repository, revision = parse_hub(source)
        with tempfile.TemporaryDirectory(prefix="zoo-import-") as scratch:
            folder = Path(scratch)
            commit, names = fetch(repository, revision, folder, READ, **hub)
            yield Source(
                called=f"hf:{repository}", folder=folder, files=tuple(names), revision=commit
            )
        return
    path = settings.expand(source, "source")
    files.refuse_unreadable(path)
    if path.is_file():
        yield Source(called=path.name, folder=path.parent, files=(path.name, *_configs_of(path)))
    elif path.is_dir():
        yield Source(called=path.name, folder=path, files=_files_of(path))
    else:
        raise NotFoundError(
            f"There is no {source}: name a file or a folder, or hf:OWNER/REPO[@REVISION]."
        )


def _configs_of(path: Path) -> list[str]:
    """The few JSON files beside a file of weights, which may say how it was made."""
    beside = sorted(one.name for one in path.parent.glob("*.json") if one.is_file())
    return beside if len(beside) <= MOST_CONFIGS else []


def _files_of(folder: Path) -> tuple[str, ...]:
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name.endswith(READ):
            found.append(path.relative_to(folder).as_posix())
        if len(found) > MOST_FILES:
            raise NotFoundError(
                f"{folder} holds more than {MOST_FILES:,} files: name the folder of one model."
            )
    return tuple(found)
