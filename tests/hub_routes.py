"""How a Hub is asked: a route for each request that the real client makes, and the right answer to
it.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from hub_cards import problems
from hub_repositories import Commit, File, Repository, User, file_of, is_large, xet_hashes

ANY = "[^/]+/[^/]+"
R = f"(?P<repository>{ANY})"
ROUTES = [
    ("GET", "/api/whoami-v2", "whoami"),
    ("POST", "/api/validate-yaml", "validate"),
    ("POST", "/api/repos/create", "create"),
    ("GET", "/api/models", "search"),
    ("GET", f"/api/models/{R}", "info"),
    ("GET", f"/api/models/{R}/revision/(?P<revision>[^/]+)", "info"),
    ("GET", f"/api/models/{R}/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?", "tree"),
    ("GET", f"/api/models/{R}/refs", "refs"),
    ("GET", f"/api/models/{R}/commits/(?P<revision>[^/]+)", "commits"),
    ("PUT", f"/api/models/{R}/settings", "settings"),
    ("POST", f"/api/models/{R}/branch/(?P<name>[^/]+)", "branch"),
    ("POST", f"/api/models/{R}/tag/(?P<revision>[^/]+)", "tag"),
    ("POST", f"/api/models/{R}/preupload/(?P<revision>[^/]+)", "preupload"),
    ("POST", f"/api/models/{R}/commit/(?P<revision>[^/]+)", "commit"),
    ("GET", f"/api/models/{R}/xet-(?P<kind>read|write)-token/(?P<revision>[^/]+)", "xet"),
    ("POST", rf"/{R}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "store"),
    ("GET", r"/lfs/(?P<oid>[0-9a-f]{64})", "stored"),
    ("GET", f"/{R}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
]


# a data set's repository is kept as datasets/OWNER/NAME, and asked for by the same routes
ROUTES += [
    (
        verb,
        pattern.replace("/api/models/", "/api/").replace(R, f"(?P<repository>datasets/{ANY})"),
        name,
    )
    for verb, pattern, name in ROUTES
    if R in pattern
]


class Answer(NamedTuple):
    """What the Hub says: a body shorter than a Content-Length that is given ends the connection."""

    status: int
    headers: dict[str, str]
    body: bytes


class Refusal(Exception):
    """A request that is answered by a status above 400: status, X-Error-Code, message, further
    headers.
    """


@dataclass
class Asked:
    """One request of a hub, by somebody or nobody; a method for each route."""

    hub: Any  # the Hub of hub_server
    user: User | None
    parts: dict[str, str]
    headers: Mapping[str, str]
    query: Any
    body: bytes

    def whoami(self) -> Answer:
        user = self._login()
        token = {"displayName": "a token", "role": user.role}
        organisations = [{"name": name, "type": "org"} for name in user.organisations]
        return as_json(
            {
                "type": "user",
                "name": user.name,
                "orgs": organisations,
                "auth": {"accessToken": token},
            }
        )

    def validate(self) -> Answer:
        found = problems(json.loads(self.body)["content"])
        return as_json(
            {"errors": [{"message": one} for one in found], "warnings": []}, 400 if found else 200
        )

    def create(self) -> Answer:
        wanted = json.loads(self.body)
        name = f"{wanted.get('organization') or self._login().name}/{wanted['name']}"
        self._writer(name)
        name = f"datasets/{name}" if wanted.get("type") == "dataset" else name
        url = {"url": f"{self.hub.endpoint}/{name}", "name": name.removeprefix("datasets/")}
        if name in self.hub.repositories:
            return as_json({"error": "You already created this model repo", **url}, 409)
        self.hub.put(
            name, {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"}
        )
        self.hub.repositories[name].private = wanted.get("visibility") == "private" or bool(
            wanted.get("private")
        )
        return as_json(url)

    def search(self) -> Answer:
        found = [
            one.info(one.commits[one.head])
            for one in self.hub.repositories.values()
            if self._may_read(one)
        ]
        tags, text, author = (
            self.query.getlist("filter"),
            self.query.get("search", ""),
            self.query.get("author"),
        )
        found = [
            one
            for one in found
            if set(tags) <= set(one["tags"]) and text.lower() in one["id"].lower()
        ]
        found = [one for one in found if author in (None, one["author"])]
        found.sort(key=lambda one: one.get(self.query.get("sort", "downloads"), 0), reverse=True)
        start, size = (
            int(self.query.get("cursor", 0)),
            min(int(self.query.get("limit", 1000)), self.hub.page),
        )
        answer = as_json(found[start : start + size])
        if start + size < len(found):
            rest = [(key, value) for key, value in self.query.multi_items() if key != "cursor"]
            words = urlencode([*rest, ("cursor", start + size)])
            answer.headers["Link"] = f'<{self.hub.endpoint}/api/models?{words}>; rel="next"'
        return answer

    def info(self) -> Answer:
        return as_json(self._repository().info(self._commit()))

    def tree(self) -> Answer:
        start = f"{self.parts['path']}/" if self.parts["path"] else ""
        below = {
            path: file for path, file in self._commit().files.items() if path.startswith(start)
        }
        if self.query.get("recursive") == "true":
            return as_json([file.listed(path) for path, file in below.items()])
        here = [file.listed(path) for path, file in below.items() if "/" not in path[len(start) :]]
        folders = {
            start + path[len(start) :].partition("/")[0]
            for path in below
            if "/" in path[len(start) :]
        }
        return as_json(
            here
            + [{"type": "directory", "oid": "0" * 40, "path": path} for path in sorted(folders)]
        )

    def refs(self) -> Answer:
        return as_json(self._repository().refs())

    def commits(self) -> Answer:
        found = self._repository().history(self._commit())
        return as_json(
            [
                {"id": one.oid, "title": one.title, "message": "", "date": one.date, "authors": []}
                for one in found
            ]
        )

    def settings(self) -> Answer:
        repository, wanted = self._own(), json.loads(self.body)
        repository.private = (
            wanted.get("visibility", "private" if repository.private else "public") == "private"
        )
        repository.gated = bool(wanted.get("gated", repository.gated))
        return as_json({})

    def branch(self) -> Answer:
        repository, start = self._own(), json.loads(self.body or b"{}").get("startingPoint", "main")
        return self._point(repository.branches, self.parts["name"], start)

    def tag(self) -> Answer:
        return self._point(self._own().tags, json.loads(self.body)["tag"], self.parts["revision"])

    def preupload(self) -> Answer:
        self._own()
        have = self._commit().files
        files = []
        for one in json.loads(self.body)["files"]:
            path, sample = one["path"], base64.b64decode(one["sample"])
            mode = "lfs" if is_large(path, sample) else "regular"
            oid = {"oid": have[path].etag} if path in have else {}
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **oid})
        return as_json({"files": files})

    def commit(self) -> Answer:
        repository, branch = self._own(), self.parts["revision"]
        if branch not in repository.branches:
            raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {branch}")
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = next(one["value"] for one in lines if one["key"] == "header")
        if header.get("parentCommit") not in (None, repository.branches[branch]):
            raise Refusal(412, "", "A commit has happened since. Please refresh and try again.")
        have = repository.commits[repository.branches[branch]].files
        changes: dict[str, File | None] = {}
        for one in lines:
            value = one["value"]
            if one["key"] != "header" and ".." in value["path"].split("/"):
                raise Refusal(400, "", f"Invalid path: {value['path']}")
            if one["key"] == "file":
                changes[value["path"]] = file_of(
                    value["path"], base64.b64decode(value["content"]), lfs=False
                )
            elif one["key"] == "lfsFile":
                changes[value["path"]] = self._uploaded(value)
            elif one["key"] in ("deletedFile", "deletedFolder"):
                gone = [
                    path
                    for path in have
                    if path == value["path"] or path.startswith(value["path"].rstrip("/") + "/")
                ]
                if not gone:
                    raise Refusal(
                        404,
                        "EntryNotFound",
                        f"A file with this name doesn't exist: {value['path']}",
                    )
                changes |= dict.fromkeys(gone)
        commit = repository.commit(changes, branch=branch, title=header["summary"])
        return as_json(
            {
                "commitOid": commit.oid,
                "commitUrl": f"{self.hub.endpoint}/{repository.id}/commit/{commit.oid}",
            }
        )

    def xet(self) -> Answer:
        self._own() if self.parts["kind"] == "write" else self._readable()
        if not self.hub.cas:
            raise Refusal(404, "", "This Hub has no Xet")
        answer = {"casUrl": f"local://{self.hub.cas}", "accessToken": "cas", "exp": 4_000_000_000}
        headers = {
            "X-Xet-Cas-Url": answer["casUrl"],
            "X-Xet-Access-Token": "cas",
            "X-Xet-Token-Expiration": "4000000000",
        }
        return as_json(answer, headers=headers)

    def batch(self) -> Answer:
        self._own()
        objects = []
        for one in json.loads(self.body)["objects"]:
            upload = {
                "upload": {"href": f"{self.hub.endpoint}/lfs/{one['oid']}?key={self.hub.key}"}
            }
            here = one["oid"] in self._stored()
            objects.append(
                {"oid": one["oid"], "size": one["size"], **({} if here else {"actions": upload})}
            )
        return as_json({"transfer": "basic", "objects": objects})

    def store(self) -> Answer:
        if (
            self.query.get("key") != self.hub.key
            or hashlib.sha256(self.body).hexdigest() != self.parts["oid"]
        ):
            raise Refusal(403, "", "The signature does not match")
        self.hub.objects[self.parts["oid"]] = self.body
        return Answer(200, {}, b"")

    def stored(self) -> Answer:
        content = self._stored()
        if self.parts["oid"] not in content:
            raise Refusal(404, "", "No such object")
        return self._ranged({}, content[self.parts["oid"]])

    def resolve(self) -> Answer:
        commit = self._readable()
        headers = {"X-Repo-Commit": commit.oid}
        file = commit.files.get(self.parts["path"])
        if not file:
            raise Refusal(404, "EntryNotFound", "Entry not found", headers)
        headers["ETag"] = f'"{file.etag}"'
        if file.lfs:
            headers |= {"X-Linked-ETag": headers["ETag"], "X-Linked-Size": str(file.size)}
        if file.xet_hash:
            token = f"{self.hub.endpoint}/api/models/{self.parts['repository']}/xet-read-token/{commit.oid}"
            headers |= {"X-Xet-Hash": file.xet_hash, "Link": f'<{token}>; rel="xet-auth"'}
        return self._ranged(headers, file.content)

    def _repository(self) -> Repository:
        """The one that is asked for; who may not read it is told that it isn't there."""
        found = self.hub.repositories.get(self.parts["repository"])
        if not found or not self._may_read(found):
            raise Refusal(404 if self.user else 401, "RepoNotFound", "Repository not found")
        return found

    def _may_read(self, repository: Repository) -> bool:
        return not repository.private or bool(self.user and self.user.owns(repository.id))

    def _commit(self) -> Commit:
        revision = self.parts.get("revision") or "main"
        if not (commit := self._repository().at(revision)):
            raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def _readable(self) -> Commit:
        """The commit whose files are asked for, by somebody who accepted the terms if there are
        any.
        """
        repository = self._repository()
        admitted = self.user and (
            self.user.name in repository.admitted or self.user.owns(repository.id)
        )
        if repository.gated and not admitted:
            words = f"Access to model {repository.id} is restricted."
            raise Refusal(403 if self.user else 401, "GatedRepo", words)
        return self._commit()

    def _login(self) -> User:
        if not self.user:
            raise Refusal(401, "", "Invalid username or password.")
        return self.user

    def _writer(self, repository: str) -> None:
        user = self._login()
        if user.role != "write" or not user.owns(repository):
            raise Refusal(
                403, "", f"You don't have the rights to write to {repository} with this token"
            )

    def _own(self) -> Repository:
        """The repository that is asked for, by somebody who may write to it."""
        found = self._repository()
        self._writer(found.id)
        return found

    def _point(self, names: dict[str, str], name: str, revision: str) -> Answer:
        if name in names:
            raise Refusal(409, "", f"Reference {name} exists already")
        self.parts["revision"] = revision
        names[name] = self._commit().oid
        return as_json({})

    def _uploaded(self, value: Mapping[str, Any]) -> File:
        """The file that a commit says was uploaded before, over LFS or to the local store of Xet."""
        oid = value["oid"]
        if oid in (content := self._stored()):
            return file_of(value["path"], content[oid], lfs=True)
        if self.hub.cas and (found := xet_hashes(self.hub.cas).get(oid)):
            return File(value["size"], oid, lfs=True, xet_hash=found)
        raise Refusal(400, "", f"LFS pointer pointed to a file that does not exist: {oid}")

    def _stored(self) -> dict[str, bytes]:
        """The objects of LFS by their sha256: those that were uploaded, and those of commits that a
        test made.
        """
        commits = (
            commit for one in self.hub.repositories.values() for commit in one.commits.values()
        )
        files = (file for commit in commits for file in commit.files.values())
        return {
            file.sha256: file.content for file in files if file.lfs and not file.xet_hash
        } | self.hub.objects

    def _ranged(self, headers: dict[str, str], content: bytes) -> Answer:
        """All of a body, or from where a Range says."""
        headers = headers | {"Accept-Ranges": "bytes"}
        if not (match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))):
            return Answer(200, headers, content)
        first, last = int(match[1]), min(int(match[2] or len(content)), len(content) - 1)
        if first >= len(content):
            raise Refusal(416, "", "The range is behind the end")
        return Answer(
            206,
            headers | {"Content-Range": f"bytes {first}-{last}/{len(content)}"},
            content[first : last + 1],
        )


def as_json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    return Answer(
        status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode()
    )
