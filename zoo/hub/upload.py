"""The files that a push may send, and how a Hub is told of them."""

from collections.abc import Mapping

from huggingface_hub import CommitOperationAdd
from huggingface_hub.hf_api import RepoFile

from zoo.checkpoints import (
    CARD,
    CONFIG,
    FACTS,
    LAYOUT,
    TRAINING,
    WEIGHTS,
    Folder,
    check,
    refuse_large,
)
from zoo.common import files
from zoo.common.errors import CheckpointError


class Upload(CommitOperationAdd):
    """A file to send. The Hub asks for its SHA-256 and for git's SHA-1; each is computed once."""

    @classmethod
    def of(cls, folder: Folder, name: str) -> "Upload":
        """A file of a checkpoint; weights are sent from the disk, other files from memory."""
        if name in (WEIGHTS, TRAINING):
            one = cls(name, str(folder.file(name)))
            one.upload_info.sha256 = bytes.fromhex(folder.digest(name))
            return one
        return cls.text(name, bytes(folder.content(name)))

    @classmethod
    def text(cls, name: str, content: bytes) -> "Upload":
        """A file that is in memory."""
        return cls(name, content)

    @property
    def sha256(self) -> str:
        return str(self.upload_info.sha256.hex())

    @property
    def size(self) -> int:
        return int(self.upload_info.size)

    @property
    def blob_id(self) -> str:
        """What git calls the file."""
        if not hasattr(self, "_blob_id"):
            with self.as_file() as file:
                content = file.read()
            self._blob_id = files.blob_id(content)
        return self._blob_id

    @property
    def _local_oid(self) -> str | None:
        # the client's own, which would hash the file again
        if self._upload_mode is None:
            return None
        return self.sha256 if self._upload_mode == "lfs" else self.blob_id

    def is_there(self, remote: RepoFile | None) -> bool:
        """Whether a repository holds the very same file."""
        if remote is None or remote.size != self.size:
            return False
        if remote.lfs:
            return self.sha256 == str(remote.lfs.sha256)
        return self.blob_id == remote.blob_id


def own_files(folder: Folder) -> list[str]:
    """The files of a checkpoint by their names in a repository: no links, and nothing beside the
    layout.

    **Raises:** `CheckpointError` when the checkpoint is not whole, or larger than can be pulled."""
    found = [folder.file(name) for name in (CONFIG, WEIGHTS, TRAINING, FACTS, CARD)]
    pictures = folder.file("images")
    if not pictures.is_symlink():
        found += sorted(pictures.glob("*"))
    whole = [one for one in found if one.is_file() and not one.is_symlink()]
    names = [str(one.relative_to(folder.path)) for one in whole]
    own = [name for name in names if LAYOUT.fullmatch(name)]
    for name in (CONFIG, WEIGHTS):
        if name not in own:
            linked = folder.file(name).is_symlink()
            what = "is a link, and links are never sent" if linked else "is missing"
            raise CheckpointError(f"{folder.path} can't be pushed: its {name} {what}.")
    # nobody could pull it
    refuse_large(str(folder.path), {name: files.size(folder.file(name)) for name in own})
    for name in own:
        check(folder, name)
    return own


def uploads(folder: Folder, recorded: Mapping[str, str]) -> list[Upload]:
    """All of a checkpoint that is sent but its card.

    **Arguments:**
    - `folder`: the checkpoint.
    - `recorded`: the digests that its files must have, by name.

    **Raises:** `CheckpointError` when a file is missing or damaged."""
    sent = [Upload.of(folder, name) for name in own_files(folder) if name != CARD]
    for one in sent:
        expected = recorded.get(one.path_in_repo)
        if expected and one.sha256 != expected:
            raise CheckpointError(
                f"{one.path_in_repo} of {folder.reference} is damaged: its digest is not the "
                f"recorded one. Nothing was sent. See: zoo verify {folder.reference}"
            )
    return sent
