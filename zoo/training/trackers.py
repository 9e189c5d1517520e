"""Trackers: what a training tells to tools that follow trainings, through Accelerate's own."""

import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState
from accelerate.tracking import LOGGER_TYPE_TO_CLASS
from PIL import Image

from zoo.common import files
from zoo.common.errors import ConfigError, MissingDependencyError, did_you_mean
from zoo.training.request import TENSORBOARD

# what a tracker calls all trainings of the zoo together
PROJECT = "zoo"
# file in the folder of a training: what wandb calls it
WANDB_ID = "wandb/zoo.id"
# parts of an entry of a history that hold numbers by name
PARTS = ("losses", "held_out", "watched", "measured")

logger = logging.getLogger("zoo")


class Trackers:
    """The tools that follow a training. One that fails is named in a warning and left out: the
    training goes on.

    **Arguments:**
    - `names`: such as "tensorboard" and "wandb"; all that Accelerate knows.
    - `folder`: of the training, where those that write files put them.
    - `run`: what the training is called.

    **Raises:** `ConfigError` for a name that Accelerate does not know; `MissingDependencyError`
    for TensorBoard where it is not installed."""

    def __init__(self, names: Sequence[str], folder: Path, run: str) -> None:
        self._folder, self._run = folder, run
        self._names = tuple(dict.fromkeys(names))
        self._started: dict[str, Any] = {}
        for name in self._names:
            refuse_unknown_tracker(name)
        if TENSORBOARD in self._names:
            _refuse_missing_tensorboard()
        # Accelerate's trackers ask it whether they are the first process
        PartialState()

    def begin(self, config: Mapping[str, Any], step: int = 0) -> None:
        """Start them.

        **Arguments:**
        - `config`: of the training, as JSON values.
        - `step`: steps taken before; what a killed process told of later ones is not shown."""
        for name in self._names:
            # a training that goes on appends to the files of TensorBoard, which have it
            knows = step > 0 and name == TENSORBOARD and (self._folder / TENSORBOARD).exists()
            tracker = self._try(name, "start", self._start, name, step)
            if tracker is None:
                continue
            self._started[name] = tracker
            if not knows:
                plain = _plain(config)
                self._try(name, "configure", tracker.store_init_configuration, plain)

    def log(
        self, entry: Mapping[str, Any], grid: Image.Image | None = None, texts: Sequence[str] = ()
    ) -> None:
        """Tell an epoch: an entry of a history, and a grid of samples or samples that are texts."""
        values: dict[str, Any] = {
            f"{part}/{key}": float(value)
            for part in PARTS
            for key, value in entry.get(part, {}).items()
        }
        values |= {"samples": "\n\n".join(texts)} if texts else {}
        step = entry["step"]
        for name, tracker in list(self._started.items()):
            self._try(name, "log", tracker.log, values, step=step)
            if grid is not None and hasattr(tracker, "log_images") and name in self._started:
                more = {"dataformats": "NHWC"} if name == TENSORBOARD else {}
                pictures = {"samples": np.asarray(grid.convert("RGB"))[None]}
                self._try(name, "log", tracker.log_images, pictures, step=step, **more)

    def end(self, step: int, facts: Mapping[str, Any]) -> None:
        """Tell the facts of the checkpoint, such as its digest, and close them."""
        for name, tracker in list(self._started.items()):
            self._try(name, "log", tracker.log, _plain(facts), step=step)
        self.close()

    def close(self) -> None:
        """Close them, also where the training goes on another day."""
        for name, tracker in list(self._started.items()):
            self._try(name, "finish", tracker.finish)
            self._started.pop(name, None)

    def _start(self, name: str, step: int) -> Any:
        """A tracker that has begun."""
        kind = LOGGER_TYPE_TO_CLASS[name]
        if name == TENSORBOARD:
            tracker = kind(TENSORBOARD, self._folder, **({"purge_step": step + 1} if step else {}))
        elif name == "wandb":
            # one run of wandb, however often the training is stopped
            more = {"id": self._id(step), "resume": "allow"}
            tracker = kind(PROJECT, name=self._run, dir=str(self._folder), **more)
        elif kind.requires_logging_directory:
            tracker = kind(self._run, logging_dir=str(self._folder))
        else:
            tracker = kind(self._run)
        tracker.start()
        return tracker

    def _id(self, step: int) -> str:
        """What wandb calls this training, chosen at random when it begins."""
        place = self._folder / WANDB_ID
        if not step or not place.exists():
            place.parent.mkdir(exist_ok=True)
            files.write_text(place, secrets.token_hex(8))
        return place.read_text(encoding="ascii")

    def _try(
        self, name: str, doing: str, act: Callable[..., Any], *given: Any, **named: Any
    ) -> Any:
        """What an act of a tracker returns; None, with a warning, where it fails, which ends it."""
        try:
            return act(*given, **named)
        # whatever a tool raises that the zoo does not know
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            if isinstance(error, ImportError):
                reason = f"the package is not installed (pip install {name.replace('_', '-')})"
            logger.warning(
                f"{name} does not follow this training: it could not {doing}: "
                f"{type(error).__name__}: {reason}. The training goes on."
            )
            self._started.pop(name, None)
            return None


def refuse_unknown_tracker(name: str) -> None:
    """Raise `ConfigError` for a tracker that Accelerate does not know."""
    if name not in LOGGER_TYPE_TO_CLASS:
        known = sorted(LOGGER_TYPE_TO_CLASS)
        raise ConfigError(
            f"log_with = {name[:80]!r}: no tracker is called so.{did_you_mean(name, known)} "
            f"Accelerate knows {', '.join(known)}."
        )


def _refuse_missing_tensorboard() -> None:
    try:
        import torch.utils.tensorboard  # noqa: F401  # whether it can be had
    except ImportError as error:
        raise MissingDependencyError(
            "--tensorboard needs the package tensorboard: pip install 'genzoo[tensorboard]'",
            name="tensorboard",
        ) from error


def _plain(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values as every tracker takes them: numbers and texts, those within others as "a/b"."""
    plain: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            plain |= _plain(value, f"{name}/")
        elif isinstance(value, bool | int | float | str):
            plain[name] = value
        else:
            plain[name] = json.dumps(value)
    return plain
