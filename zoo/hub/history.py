"""Which commits of each Hub repository this machine has pulled or pushed."""

from dataclasses import dataclass

from zoo.checkpoints import Store
from zoo.common import files

# in the store, by "ENDPOINT/OWNER/REPO@BRANCH": `{"commit", "text"}` of the last push
NOTES = "pushes.json"


@dataclass(frozen=True)
class Branch:
    """A branch of a repository, and what this machine knows of it.

    **Arguments:**
    - `endpoint`, `repository`, `name`: where it is.
    - `seen`: the commits of the repository that were pulled here, or pushed to the branch.
    - `text`: digest of the text around the zoo's part of the card that was sent last; empty when
        none was.
    """

    endpoint: str
    repository: str
    name: str
    seen: frozenset[str] = frozenset()
    text: str = ""

    @property
    def url(self) -> str:
        """Its address for a browser."""
        tree = "" if self.name == "main" else f"/tree/{self.name}"
        return f"{self.endpoint}/{self.repository}{tree}"

    @property
    def reference(self) -> str:
        """What commands call a checkpoint that is pulled from it."""
        return f"hf:{self.repository}" + ("" if self.name == "main" else f"@{self.name}")


def find(store: Store, endpoint: str, repository: str, name: str) -> Branch:
    """A repository's branch, with what the store knows of it."""
    origins = [entry.origin for entry in store.entries()]
    here = {"source": "hub", "endpoint": endpoint, "repo_id": repository}
    pulled = {
        origin["commit"]
        for origin in origins
        if here.items() <= origin.items() and isinstance(origin.get("commit"), str)
    }
    pushed = _pushes(store).get(f"{endpoint}/{repository}@{name}", {})
    seen = frozenset(pulled | ({pushed["commit"]} if pushed else set()))
    return Branch(endpoint, repository, name, seen, pushed.get("text", ""))


def remember(store: Store, branch: Branch, commit: str, text: str) -> None:
    """Note the commit that a push made, or found to be the same, and the digest of the text that it
    sent.
    """
    note = {"commit": commit, "text": text}
    with files.alone(store.root):
        named = f"{branch.endpoint}/{branch.repository}@{branch.name}"
        files.write_json(store.root / NOTES, {**_pushes(store), named: note})


def _pushes(store: Store) -> dict[str, dict[str, str]]:
    noted = files.read_json(store.root / NOTES) if (store.root / NOTES).is_file() else {}
    whole = {"commit", "text"}
    return {
        key: value
        for key, value in noted.items()
        if isinstance(value, dict) and value.keys() == whole
    }
