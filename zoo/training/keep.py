"""What a finished training leaves: a checkpoint with its facts, its pictures and its card."""

import contextlib
import datetime
import functools
import logging
import shlex
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from zoo.checkpoints import (
    CONFIG,
    TRAINING,
    UNSAVED,
    WEIGHTS,
    Folder,
    Store,
    card,
    named_losses,
    weights,
)
from zoo.common import files
from zoo.common.errors import CheckpointError, OutputError, ZooError
from zoo.data import Dataset, load_dataset
from zoo.evaluation.measure import SHOWN
from zoo.models import Autoencoder, GenerativeModel
from zoo.registry import installed
from zoo.sampling import TEXTS, draw, draw_to, kind_of, told, write_all
from zoo.training import curves
from zoo.training.request import Request
from zoo.training.run import Run
from zoo.training.session import Session

logger = logging.getLogger("zoo")

# epochs that facts.json shows; those between are in the history.jsonl of the training's folder
HISTORY = 400


class Trained:
    """The checkpoint that a training made.

    **Arguments:**
    - `folder`: the checkpoint.
    - `model_class`: of the model, when no plugin offers it.
    - `is_first`: whether this process wrote it; false in the others, of several that train
        together, where it may not be there yet.
    """

    def __init__(
        self,
        folder: Folder,
        model_class: type[GenerativeModel[Any]] | None = None,
        *,
        is_first: bool = True,
    ) -> None:
        self.folder = folder
        self.is_first = is_first
        self._model_class = model_class

    def __repr__(self) -> str:
        return f"Trained({str(self.path)!r})"

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def path(self) -> Path:
        """The folder of the checkpoint."""
        return self.folder.path

    @property
    def name(self) -> str:
        """What the checkpoint is called."""
        return str(self.facts["name"])

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the training, as facts.json holds it."""
        return self.folder.facts

    @property
    def history(self) -> list[dict[str, Any]]:
        """Losses and metrics of each epoch: `{"epoch": 1, "step": 468, "losses": {…}, …}`."""
        return named_losses(self.facts["history"])

    @functools.cached_property
    def model(self) -> GenerativeModel[Any]:
        """The model, loaded from the checkpoint on first use, in eval mode on the CPU."""
        return weights.load(self.folder, model=self._model_class)


def keep(session: Session, store: Store) -> Folder:
    """Write the finished checkpoint, whole or not at all, and end the training.

    **Raises:** `OutputError` when it can't be written, and errors of the model's own code; says
    where the result is, or how to get it."""
    request, run = session.plan.request, session.run
    facts = facts_of(session)
    try:
        folder = _write(session, store, facts)
    except OutputError as error:
        raise OutputError(f"{error} {_put_aside(session, facts)}") from error
    # an error of the model's own code, or Ctrl-C
    except BaseException:
        logger.warning(_is_kept(session))
        raise
    session.tell(facts, folder.sha256)
    finish(request, run, store)
    return folder


def finish(request: Request, run: Run, store: Store) -> None:
    """End a training whose checkpoint is in its place."""
    if request.out is None:
        store.make_current(request.name)
    run.finish(extensible=True, state=request.save_state)


def kept_already(request: Request, store: Store) -> Folder | None:
    """The checkpoint of a training, where it was stopped between writing it and ending.

    Two trainings of one command make one checkpoint, so the command tells whose it is."""
    place = request.place or store.directory(request.name)
    folder = Folder(place, request.name if request.out is None else "")
    try:
        return folder if folder.facts.get("command") == request.command else None
    except CheckpointError:  # which is then of something else
        return None


def facts_of(session: Session) -> dict[str, Any]:
    """What is known of a training that is over, for facts.json."""
    request, plan = session.plan.request, session.plan
    every = 1 + len(session.history) // HISTORY
    return {
        "name": request.name,
        "dataset": plan.data.name,
        "class_names": list(plan.data.class_names),
        **(
            {}
            if plan.model_class.sample_kind == "image"
            else {"kind": plan.model_class.sample_kind}
        ),
        **plan.data.facts,
        "command": request.command,
        "seed": request.seed,
        "seconds": round(session.seconds, 1),
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": session.hardware,
        "versions": {package: version(package) for package in ("genzoo", "torch")},
        "recipe": plan.recipe.to_dict(),
        **_choice_of(session),
        # from the end, so that the last epoch is among them
        "history": session.history[::-every][::-1],
    }


def _choice_of(session: Session) -> dict[str, Any]:
    """What was chosen on the way: the parent, frozen parts, the epoch that is kept."""
    request, choice = session.plan.request, session.choice
    said: dict[str, Any] = {}
    if request.parent:
        said["parent"] = {key: request.parent[key] for key in ("reference", "model", "sha256")}
    said |= {"frozen": list(request.freeze)} if request.freeze else {}
    said |= {"went_on": session.went_on} if session.went_on else {}
    best = choice.best(session.history) if choice.judges else None
    if best is not None:
        value = best["measured"][choice.metric] if choice.metric else choice.value(best)
        said["kept"] = {
            "epoch": (best if choice.keep == "best" else session.history[-1])["epoch"],
            "of": session.history[-1]["epoch"],
            "best_epoch": best["epoch"],
            "judged_by": choice.metric or "held_out_loss",
            "best_value": value,
            "stopped_early": session.stopped_early,
        }
    return said


def _write(session: Session, store: Store, facts: Mapping[str, Any]) -> Folder:
    """Write the checkpoint to the store or to its folder."""
    request = session.plan.request
    shown = _shown(session)
    again = _is_to_be_replaced(session, request.place or store.directory(request.name))
    if request.out is not None:
        place = request.place
        assert place is not None
        # in its card it is called as it was asked for
        called = files.as_reference(request.out)
        if request.name in store.catalogue:  # it is made to be that checkpoint
            called = request.name
        with _in_place_of(place, again) as target, files.replacing(target) as partial:
            partial.mkdir()
            written = _fill(partial, session, called, facts, shown)
        return Folder(place, digests={WEIGHTS: written.sha256})
    with store.adding(request.name, replace=again) as scratch:
        folder = _fill(scratch, session, request.name, facts, shown)
        kept = [name for name in (CONFIG, WEIGHTS, TRAINING) if folder.has(name)]
        digests = {name: folder.digest(name) for name in kept}
        folder.write_origin({"source": "trained", "sha256": digests})
    return Folder(store.directory(request.name), request.name, digests=digests)


def _is_to_be_replaced(session: Session, place: Path) -> bool:
    """Whether a place holds the checkpoint that this training made before it went on."""
    try:
        return bool(session.went_on) and Folder(place).sha256 == session.went_on[-1]["sha256"]
    except CheckpointError:
        return False


@contextlib.contextmanager
def _in_place_of(place: Path, again: bool) -> Iterator[Path]:
    """Where to write a checkpoint: its place or, where an older one gives way, beside it."""
    if not again:
        yield place
        return
    new = place.with_name(f".{place.name}.new")
    with files.writing(place):
        files.remove(new)
        yield new
        if files.exchange(new, place):
            files.remove(new)
        else:
            files.remove(place)
            new.replace(place)


def _fill(
    directory: Path,
    session: Session,
    reference: str,
    facts: Mapping[str, Any],
    shown: Dataset,
) -> Folder:
    """Write all files of the checkpoint."""
    folder = weights.write_model(session.model, directory, {**facts, "reference": reference})
    # what others will load: its samples are theirs to the bit
    model = weights.read_model(folder, model=session.plan.model_class)
    record = {"checkpoint": reference}
    options, _ = told(session.plan.recipe.sample_options)
    if kind_of(model).is_drawn:
        target = directory / "images" / "samples.png"
        made = draw_to(target, model, reference, folder, seed=0, options=options)
        folder.write_facts({**folder.facts, "samples_command": made["command"]})
    if kind_of(model).name == "text":
        folder.write_facts({**folder.facts, **texts_of(model, reference, options)})
    if kind_of(model).is_picture:
        write_all(model, directory, record, samples=shown.samples[:], labels=shown.labels)
    curves.write(directory, record, facts["history"])
    card.write(folder)
    return folder


def texts_of(model: GenerativeModel[Any], reference: str, options: Sequence[str]) -> dict[str, Any]:
    """Twenty samples of a model of text, and the command that prints them, for facts.json."""
    classes = model.config.num_classes
    labels = torch.arange(TEXTS) % classes if classes else None
    samples = draw(model, TEXTS, seed=0, labels=labels, options=options)
    words = ["zoo", "sample", reference, "-n", str(TEXTS), "--seed", "0"]
    command = shlex.join([*words, *(word for text in options for word in ("--set", text))])
    return {"samples_command": command, "texts": model.render(samples)}


def _shown(session: Session) -> Dataset:
    """The data whose reconstructions are shown: the test set, else what was held out, else what was
    trained on.
    """
    request, data, held_out = session.plan.request, session.plan.data, session.plan.recipe.holdout
    reference = request.data_path
    shown = data.split(held_out)[1] if held_out else data
    named = reference in installed().datasets and request.test is None
    if named and isinstance(session.model, Autoencoder):
        try:
            shown = load_dataset(
                reference, root=request.root, split="test", sample_shape=data.sample_shape
            )
        # hours of training are not lost for eight pictures
        except ZooError as error:
            of = "images that were held out" if held_out else "training images"
            logger.warning(f"The reconstructions are of {of}: {error}")
    return shown.part(slice(SHOWN))


def _put_aside(session: Session, facts: Mapping[str, Any]) -> str:
    """Keep what was trained and found no place in the folder of its training; says how to get at
    it.
    """
    place = session.run.folder / UNSAVED
    try:
        if not place.exists():  # else it was stopped just after this
            with files.replacing(place) as partial:
                weights.write_model(session.model, partial, facts)
    except OutputError:
        return _is_kept(session)
    session.run.finish()
    return f"What was trained is in {place}: zoo sample {files.as_reference(place)}"


def _is_kept(session: Session) -> str:
    return (
        "The training is done, and its state is kept. To write the checkpoint: "
        f"{session.resume_hint}"
    )
