"""The folder of a training: its state, history and grids, enough to resume."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from zoo.checkpoints import STATE, named_losses
from zoo.common import files
from zoo.common.compute import laid_out_as
from zoo.common.errors import CheckpointError
from zoo.sampling import save_png
from zoo.training.request import FINISHED, SETTINGS, TENSORBOARD, refuse_unfinished
from zoo.training.state import TrainingState

HISTORY = "history.jsonl"
# of a training that is finished: its last state, if that is to be kept
LAST_STATE = "finished.safetensors"
# what trackers write into the folder
TRACKED = ("tensorboard", "wandb")
# a checkpoint of the last state that was kept of a training that broke down
LAST_GOOD = "last-good"
# the types of what a training was asked for
KINDS: dict[str, Any] = {
    "model": str,
    "name": str,
    "data": str,
    "test": str | None,
    "epochs": int | None,
    "settings": list,
    "seed": int,
    "out": str | None,
    "folder": str,
    "data_root": str | None,
    "value_range": list | None,
    "skip_bad": bool,
    "log_with": list,
    "parent": dict | None,
    "freeze": list,
    "keep": str | None,
    "measure": str | None,
    "patience": int | None,
    "save_state": bool,
    "compile": bool,
}
# what trainings of an earlier version have not recorded
LATER: dict[str, Any] = {
    **dict.fromkeys(("test", "value_range", "parent", "keep", "measure", "patience")),
    **dict.fromkeys(("skip_bad", "save_state", "compile"), False),
    **dict.fromkeys(("log_with", "freeze"), ()),
}
# the one key of the state's metadata: with several, safetensors writes them in any order
NOTES = "run"


class Run:
    """A training's folder.

    **Arguments:**
    - `folder`: made when it isn't there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def settings(self) -> dict[str, Any]:
        """What the training was started with.

        **Raises:** `CheckpointError` when the folder is none of a training that can go on.
        """
        if not self.folder.is_dir():
            raise CheckpointError(f"There is no folder {self.folder}.")
        if not (self.folder / SETTINGS).is_file():
            raise CheckpointError(
                f"{self.folder} holds no unfinished training: it is finished, or none was begun "
                "there."
            )
        return _checked(self.folder / SETTINGS)

    @property
    def finished(self) -> dict[str, Any] | None:
        """What a training that is finished was started with; None where none is finished here.

        **Raises:** `CheckpointError` when the record is damaged."""
        path = self.folder / FINISHED
        return _checked(path) if path.is_file() else None

    @property
    def has_state(self) -> bool:
        """Whether a state is here to go on from."""
        return (self.folder / STATE).is_file()

    def bring_back_state(self) -> None:
        """Put the last state of a finished training, if it was kept, where it goes on from."""
        if not self.has_state and (self.folder / LAST_STATE).is_file():
            with files.writing(self.folder):
                (self.folder / LAST_STATE).replace(self.folder / STATE)

    def reopen(self, settings: Mapping[str, Any]) -> None:
        """Make a finished training, whose state is here, one that goes on.

        **Arguments:**
        - `settings`: what it is asked for now."""
        files.write_json(self.folder / SETTINGS, settings)
        (self.folder / FINISHED).unlink(missing_ok=True)

    def history(self) -> list[dict[str, Any]]:
        """The history that is written down here; empty where there is none that can be read."""
        try:
            lines = (self.folder / HISTORY).read_text(encoding="utf-8").splitlines()
            return named_losses(json.loads(line) for line in lines)
        except (OSError, ValueError, AttributeError):
            return []

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Start anew, without the grids, the history and the last good state of what was there
        before.

        **Raises:** `OutputError` when an unfinished training is there, or one whose result found no
        place."""
        refuse_unfinished(self.folder)
        left = (HISTORY, LAST_GOOD, FINISHED, LAST_STATE, *TRACKED)
        for old in (
            *self.folder.glob("epoch-*.png"),
            *self.folder.glob("epoch-*.txt"),
            *self.folder.glob("*-epoch-*/"),
            *(self.folder / name for name in left),
        ):
            files.remove(old)
        self._sweep()
        files.write_json(self.folder / SETTINGS, settings)

    def keep(self, state: TrainingState, notes: Mapping[str, Any]) -> None:
        """Keep the state, whole or not at all, so that `restore` goes on from here.

        **Arguments:**
        - `state`: as it is at a report.
        - `notes`: what else is to be found again, as JSON values.
        """
        tensors = {f"model.{key}": tensor for key, tensor in state.model.state_dict().items()}
        if state.average:
            tensors |= {
                f"average.{key}": tensor for key, tensor in state.average.state_dict().items()
            }
        for name, optimizer in state.optimizers.items():
            for index, values in optimizer.state_dict()["state"].items():
                kept = {key: value for key, value in values.items() if isinstance(value, Tensor)}
                tensors |= {f"optimizer.{name}.{index}.{key}": value for key, value in kept.items()}
        tensors |= {f"sum.{name}": total for name, total in state.sums.items()}
        tensors |= {f"best.{key}": tensor for key, tensor in (state.best or {}).items()}
        # cloned: tied weights share memory, which safetensors refuses
        tensors = {
            key: tensor.detach().cpu().clone().contiguous() for key, tensor in tensors.items()
        }
        numbers = {
            "step": state.step,
            "seed": state.seed,
            "counts": state.counts,
            "first_steps": state.first_steps,
            "began_at": state.began_at,
        }
        rest = {"numbers": numbers, "notes": notes}
        metadata = {NOTES: json.dumps({**rest, "sha256": _digest(tensors, rest)})}
        self._sweep()
        with files.replacing(self.folder / STATE) as partial:
            # save_file hides a full disk in an error of its own
            partial.write_bytes(to_bytes(tensors, metadata))

    def restore(self, state: TrainingState) -> dict[str, Any]:
        """Put a state, prepared by the same settings, where the kept one was.

        **Returns:** the notes kept with it; none when a training was stopped before it kept a
        state: it begins again.

        **Raises:** `CheckpointError` when what is kept is damaged or of another training.
        """
        path = self.folder / STATE
        if not path.exists():
            return {}
        files.refuse_closed(path)
        try:
            files.refuse_irregular(path)
            with (
                files.named_in_utf8(path) as name,
                safe_open(name, framework="pt") as opened,
            ):
                tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118  # it has no __iter__
                kept = json.loads(opened.metadata()[NOTES])
            if kept.pop("sha256") != _digest(tensors, kept):
                raise ValueError("its digest is wrong")
            if kept["numbers"]["seed"] != state.seed or bool(_under("average.", tensors)) != bool(
                state.average
            ):
                raise ValueError("its seed or its average is not what the settings say")
            state.model.load_state_dict(_under("model.", tensors))
            if state.average:
                state.average.load_state_dict(_under("average.", tensors))
            for name, optimizer in state.optimizers.items():
                found: dict[int, dict[str, Tensor]] = {}
                for key, tensor in _under(f"optimizer.{name}.", tensors).items():
                    index, _, what = key.partition(".")
                    found.setdefault(int(index), {})[what] = tensor
                optimizer.load_state_dict({**optimizer.state_dict(), "state": found})
                for parameter, values in optimizer.state.items():
                    values.update(
                        {what: laid_out_as(parameter, value) for what, value in values.items()}
                    )
            numbers, notes = kept["numbers"], dict[str, Any](kept["notes"])
            state.step, state.counts, state.began_at = (
                numbers["step"],
                numbers["counts"],
                numbers["began_at"],
            )
            # an earlier version counted from the beginning
            named = dict.fromkeys(state.optimizers, 0)
            state.first_steps = {**numbers.get("first_steps", named)}
            if type(state.step) is not int or state.step < 0:
                raise ValueError(f"its step is {state.step!r}")
            state.best = _under("best.", tensors) or None
            state.sums = {
                name: tensors[f"sum.{name}"].to(state.model.device) for name in state.counts
            }
        except (
            SafetensorError,
            OSError,
            RuntimeError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ) as error:
            raise CheckpointError(
                f"{path} is damaged, or of another training: {error}. To start anew, remove its "
                "folder."
            ) from error
        return notes

    def log(
        self,
        step: int,
        history: list[dict[str, Any]],
        grid: Image.Image | None,
        texts: Sequence[str] = (),
    ) -> None:
        """Write down an epoch that ended: the history as JSON lines, and a grid of samples or
        texts.
        """
        epoch = history[-1]
        files.write_text(self.folder / HISTORY, "".join(json.dumps(one) + "\n" for one in history))
        if grid is not None:
            path = self.folder / f"epoch-{epoch['epoch']:03}.png"
            save_png(grid, path, {"during": path.stem, "step": step})
        if texts:
            lines = "".join(f"{' '.join(text.splitlines())}\n" for text in texts)
            files.write_text(self.folder / f"epoch-{epoch['epoch']:03}.txt", lines)

    def finish(self, *, extensible: bool = False, state: bool = False) -> None:
        """Remove what only going on needs.

        **Arguments:**
        - `extensible`: whether what was asked for stays, so that it can go on for more epochs.
        - `state`: whether the last state stays, too."""
        settings = self.folder / SETTINGS
        if extensible and settings.is_file():
            files.write_json(self.folder / FINISHED, files.read_json(settings))
        if state and self.has_state:
            with files.writing(self.folder):
                (self.folder / STATE).replace(self.folder / LAST_STATE)
        for file in (STATE, SETTINGS):
            (self.folder / file).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what a process left that was killed while it wrote; no other is at work here."""
        for left in self.folder.glob(".*.partial"):
            files.remove(left)


def _checked(path: Path) -> dict[str, Any]:
    """What a training was started with, as a file records it."""
    settings = {**LATER, **files.read_json(path)}
    if settings.pop("tensorboard", False):  # a field of an earlier version
        settings["log_with"] = [*settings["log_with"], TENSORBOARD]
    for key, kind in KINDS.items():
        value = list(settings[key]) if settings.get(key) == () else settings.get(key, ...)
        if not isinstance(value, kind):
            raise CheckpointError(
                f"{path} is damaged: {key} is {str(settings.get(key))[:80]!r}. Start anew."
            )
    return settings


def _digest(tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> str:
    """SHA-256 of all that is kept, so that a flipped bit doesn't become part of a model."""
    digest = hashlib.sha256(json.dumps(rest).encode())
    for key, tensor in sorted(tensors.items()):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): tensor
        for key, tensor in tensors.items()
        if key.startswith(prefix)
    }
