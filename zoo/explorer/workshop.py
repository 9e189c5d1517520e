"""What only the page of `zoo play` asks for: pulling checkpoints, and trainings as they go."""

import json
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Response

from zoo.checkpoints import Store, list_runs
from zoo.common import files, settings
from zoo.common.errors import NotFoundError, ZooError
from zoo.explorer import asked
from zoo.explorer.desk import Desk
from zoo.hub.pull import pull
from zoo.registry import installed

HISTORY = "history.jsonl"
GRID = re.compile(r"epoch-(\d{3,6})\.png")
# bytes of a history that are read at most
LONGEST = 8 << 20


class Pulls:
    """Checkpoints on their way here, each with how far it is."""

    def __init__(self) -> None:
        self.told: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def begin(self, name: str) -> None:
        """Pull a checkpoint in a thread of its own, unless that is going on."""
        with self._lock:
            known = self.told.get(name)
            if known and known["state"] == "pulling":
                return
            self.told[name] = {"state": "pulling", "done": 0, "total": 0, "problem": ""}
        threading.Thread(target=self._pull, args=(name,), daemon=True).start()

    def _pull(self, name: str) -> None:
        told = self.told[name]
        try:
            pull(name, watch=lambda batches, total, file: self._follow(told, batches, total))
            told["state"] = "here"
        except ZooError as error:
            told.update(state="failed", problem=str(error))
        except Exception as error:
            told.update(state="failed", problem=f"{type(error).__name__}: {error}")

    @staticmethod
    def _follow(told: dict[str, Any], batches: Iterable[Any], total: int) -> Iterator[Any]:
        told["total"] += total
        for piece in batches:
            yield piece
            # pieces of a file come as a pair, of the bytes and nothing
            told["done"] += len(piece[0])


def add(app: FastAPI, desk: Desk) -> None:
    """Add the addresses to an application."""
    pulls = Pulls()
    hidden: dict[str, Any] = {"include_in_schema": False}

    @app.post("/v1/pull", status_code=202, **hidden)
    def begin(checkpoint: asked.Name) -> dict[str, Any]:
        if desk.shelf.named and checkpoint not in desk.shelf.named:
            raise NotFoundError(f"This page does not show {checkpoint[:80]!r}.", name=checkpoint)
        if not Store(installed().checkpoints).entry(checkpoint):
            raise NotFoundError(f"There is no checkpoint {checkpoint[:80]!r}.", name=checkpoint)
        pulls.begin(checkpoint)
        return pulls.told[checkpoint]

    @app.get("/v1/pulls", **hidden)
    def going() -> dict[str, Any]:
        return pulls.told

    @app.get("/v1/runs", **hidden)
    def runs() -> list[dict[str, Any]]:
        return all_runs()

    @app.get("/v1/run", **hidden)
    def run(name: asked.Name) -> dict[str, Any]:
        return one_run(name)

    @app.get("/v1/run/grid", **hidden)
    def grid(name: asked.Name, epoch: Annotated[int, Query(ge=0, le=999_999)]) -> Response:
        path = _place(name) / f"epoch-{epoch:03}.png"
        try:
            with files.open_regular(path) as file:
                return Response(file.read(), media_type="image/png")
        except OSError as error:
            raise NotFoundError(f"{name} has no grid of epoch {epoch}.", name=name) from error


def all_runs() -> list[dict[str, Any]]:
    """The trainings in the home, those that go on first, each with how many epochs it has."""
    unfinished = {one["name"]: one for one in list_runs()}
    place = settings.home() / "runs"
    names = sorted(path.parent.name for path in place.glob(f"*/{HISTORY}"))
    told = []
    for name in dict.fromkeys([*unfinished, *names]):
        known = unfinished.get(name, {})
        told.append(
            {
                "name": name,
                "model": known.get("model", ""),
                "dataset": known.get("dataset", ""),
                "epochs": known.get("epochs"),
                "done": len(_history(place / name)),
                "unfinished": name in unfinished,
            }
        )
    return told


def one_run(name: str) -> dict[str, Any]:
    """The history of a training, and the epochs whose grids are kept.

    **Raises:** `NotFoundError` when there is none of that name."""
    folder = _place(name)
    grids = []
    for path in folder.iterdir():
        match = GRID.fullmatch(path.name)
        if match:
            grids.append(int(match[1]))
    unfinished = name in Store(installed().checkpoints).runs()
    return {
        "name": name,
        "history": _history(folder),
        "grids": sorted(grids),
        "unfinished": unfinished,
    }


def _place(name: str) -> Path:
    """The folder of a training."""
    place = settings.home() / "runs"
    known = {path.name for path in place.iterdir()} if place.is_dir() else set()
    if name not in known or not (place / name).is_dir():
        raise NotFoundError(f"There is no training {name[:80]!r}.", name=name)
    return place / name


def _history(folder: Path) -> list[dict[str, Any]]:
    """The epochs of a training that were written down; none where the file is not readable."""
    try:
        with files.open_regular(folder / HISTORY) as file:
            lines = file.read(LONGEST).splitlines()
        epochs = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError, RecursionError):
        return []
    return [one for one in epochs if isinstance(one, dict)]
