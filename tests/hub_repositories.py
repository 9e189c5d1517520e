"""What a Hub knows: repositories with their commits, branches and tags, and the people who may read
and write them.
"""

import hashlib
import itertools
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from hub_cards import front_matter, words

LARGE = re.compile(r".*\.(safetensors|bin|pt|pth|pkl|ckpt|msgpack|npz|gz|zip)")
CLOCK = itertools.count(1_700_000_000)  # a second for each commit


@dataclass(frozen=True)
class User:
    """Who a token stands for.

    **Arguments:**
    - `name`: the namespace that is theirs.
    - `role`: "read" or "write", which is what the token may do.
    - `organisations`: the namespaces that are theirs too.
    """

    name: str
    role: str
    organisations: tuple[str, ...] = ()

    def owns(self, repository: str) -> bool:
        return repository.removeprefix("datasets/").partition("/")[0] in (
            self.name,
            *self.organisations,
        )


@dataclass(frozen=True)
class File:
    """A file of a commit: a git blob, or one in LFS, or one in Xet, whose bytes the Hub does not
    hold.
    """

    size: int
    sha256: str
    lfs: bool
    content: bytes = b""
    xet_hash: str = ""

    @cached_property
    def blob(self) -> bytes:
        """What git holds of it."""
        pointer = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize "
            f"{self.size}\n"
        )
        return pointer.encode() if self.lfs else self.content

    @cached_property
    def blob_id(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.blob) + self.blob).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.blob_id

    def listed(self, path: str) -> dict[str, Any]:
        """As an entry of a tree."""
        entry: dict[str, Any] = {
            "type": "file",
            "path": path,
            "size": self.size,
            "oid": self.blob_id,
        }
        if self.lfs:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": len(self.blob)}
        return entry | ({"xetHash": self.xet_hash} if self.xet_hash else {})

    def sibling(self, path: str) -> dict[str, Any]:
        """As an entry of a repository's description."""
        entry = {"rfilename": path, "size": self.size, "blobId": self.blob_id}
        lfs = {"sha256": self.sha256, "size": self.size, "pointerSize": len(self.blob)}
        return entry | ({"lfs": lfs} if self.lfs else {})


def file_of(path: str, content: bytes, *, lfs: bool | None = None) -> File:
    """A file of some bytes; in LFS when its name or its first bytes say so, unless told."""
    lfs = is_large(path, content[:512]) if lfs is None else lfs
    return File(len(content), hashlib.sha256(content).hexdigest(), lfs, content)


def is_large(path: str, sample: bytes) -> bool:
    """Whether the Hub wants a file in LFS: by its suffix, or because it is not a text."""
    return bool(LARGE.fullmatch(path.lower())) or b"\0" in sample


@dataclass(frozen=True)
class Commit:
    """The files as they were once; `oid` names it."""

    oid: str
    parent: str
    files: Mapping[str, File]
    title: str
    date: str


@dataclass
class Repository:
    """A model's repository: `commits` by oid, and the names that point at them."""

    id: str
    private: bool = False
    gated: bool = False
    admitted: set[str] = field(default_factory=set)  # users who accepted its terms
    downloads: int = 0
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return self.branches["main"]

    @property
    def files(self) -> Mapping[str, File]:
        """Those of the main branch."""
        return self.commits[self.head].files

    def commit(
        self, changes: Mapping[str, File | None], *, branch: str = "main", title: str = "A commit"
    ) -> Commit:
        """Let a branch point at a new commit: some files added or replaced, those that are None
        removed.
        """
        parent = self.branches.get(branch, "")
        files = {**(self.commits[parent].files if parent else {}), **changes}
        kept = {path: file for path, file in sorted(files.items()) if file}
        moment = next(CLOCK)
        told = repr(
            [self.id, parent, title, moment, [(path, file.etag) for path, file in kept.items()]]
        )
        date = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        commit = Commit(hashlib.sha1(told.encode()).hexdigest(), parent, kept, title, date)
        self.commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit

    def at(self, revision: str) -> Commit | None:
        """The commit that a branch, a tag or an oid means."""
        return self.commits.get(self.branches.get(revision) or self.tags.get(revision) or revision)

    def history(self, commit: Commit) -> list[Commit]:
        """A commit and those before it."""
        found = [commit]
        while found[-1].parent:
            found.append(self.commits[found[-1].parent])
        return found

    def refs(self) -> dict[str, Any]:
        def listed(names: Mapping[str, str], kind: str) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}
                for name, oid in names.items()
            ]

        return {
            "branches": listed(self.branches, "heads"),
            "converts": [],
            "tags": listed(self.tags, "tags"),
        }

    def info(self, commit: Commit) -> dict[str, Any]:
        """What the Hub says of it, with what its card says."""
        card = (
            front_matter(commit.files["README.md"].content) if "README.md" in commit.files else {}
        )
        tags = [
            *words(card.get("tags")),
            *(f"dataset:{name}" for name in words(card.get("datasets"))),
        ]
        tags += [card["library_name"]] if card.get("library_name") else []
        tags += [f"license:{card['license']}"] if card.get("license") else []
        said = {
            key: card[key] for key in ("library_name", "pipeline_tag", "model-index") if key in card
        }
        return said | {
            "id": self.id,
            "modelId": self.id,
            "author": self.id.partition("/")[0],
            "sha": commit.oid,
            "lastModified": commit.date,
            "createdAt": self.history(commit)[-1].date,
            "private": self.private,
            "gated": "auto" if self.gated else False,
            "disabled": False,
            "downloads": self.downloads,
            "likes": 0,
            "tags": tags,
            "cardData": card,
            "siblings": [file.sibling(path) for path, file in commit.files.items()],
        }


def xet_hashes(cas: Path) -> dict[str, str]:
    """What the shards of a local CAS hold: the Xet hash of each file by its sha256."""
    found = {}
    for shard in cas.rglob("*.mdb"):
        data, at = shard.read_bytes(), 48  # behind the shard's own header
        while data[at : at + 32] not in (b"\xff" * 32, b""):
            flags, segments = struct.unpack_from("<II", data, at + 32)
            end = at + 48 * (1 + segments * (2 if flags & 1 << 31 else 1))
            if flags & 1 << 30:
                found[_hex(data[end : end + 32])] = _hex(data[at : at + 32])
                end += 48
            at = end
    return found


def _hex(digest: bytes) -> str:
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", digest))
