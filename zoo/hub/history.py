"""Which commits of each Hub repository this machine has pulled or pushed."""

from dataclasses import dataclass

from zoo.checkpoints import Store
from zoo.common import files

# in the store, by "ENDPOINT/OWNER/REPO@BRANCH": `{"commit", "text"}` of the last push
NOTES = "pushes.json"


@dataclass(frozen=True)
class Target:
    """Where to push: a branch of a repository, and what is known of it here.

    **Arguments:**
    - `seen`: the commits of the repository that were pulled, or pushed to the branch, by this zoo.
    - `text`: digest of the text around the zoo's part of the card that was sent last, empty when
    there was none."""

    endpoint: str
    repo_id: str
    branch: str
    private: bool
    seen: frozenset[str]
    text: str

    @property
    def url(self) -> str:
        return f"{self.endpoint}/{self.repo_id}" + (
            "" if self.branch == "main" else f"/tree/{self.branch}"
        )

    @property
    def reference(self) -> str:
        return f"hf:{self.repo_id}" + ("" if self.branch == "main" else f"@{self.branch}")


def find(store: Store, endpoint: str, repo_id: str, branch: str, private: bool) -> Target:
    """A repository's branch, with what the store knows of it."""
    origins = [entry.origin for entry in store.entries()]
    here = {"source": "hub", "endpoint": endpoint, "repo_id": repo_id}
    pulled = {
        one["commit"]
        for one in origins
        if here.items() <= one.items() and isinstance(one.get("commit"), str)
    }
    pushed = _pushes(store).get(f"{endpoint}/{repo_id}@{branch}", {})
    seen = frozenset(pulled | ({pushed["commit"]} if pushed else set()))
    return Target(endpoint, repo_id, branch, private, seen, pushed.get("text", ""))


def remember(store: Store, pushed: Target, commit: str, text: str) -> None:
    """Keep in mind the commit that a push made, or found to be the same, and the digest of the text
    it sent.
    """
    note = {"commit": commit, "text": text}
    with files.alone(store.root):
        named = f"{pushed.endpoint}/{pushed.repo_id}@{pushed.branch}"
        files.write_json(store.root / NOTES, {**_pushes(store), named: note})


def _pushes(store: Store) -> dict[str, dict[str, str]]:
    noted = files.read_json(store.root / NOTES) if (store.root / NOTES).is_file() else {}
    whole = {"commit", "text"}
    return {
        key: value
        for key, value in noted.items()
        if isinstance(value, dict) and value.keys() == whole
    }
