"""Bring weights from elsewhere into the store, as a checkpoint like any other."""

import datetime
import functools
import logging
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import CONFIG, TRAINING, WEIGHTS, Folder, Store
from zoo.common import arguments, files
from zoo.common.errors import CheckpointError, NotFoundError, PluginError, choose_from
from zoo.common.watching import Watch
from zoo.importers.opening import Opening, configs_of, opened_files, opening
from zoo.importers.source import Source, gathered
from zoo.registry import ImporterSpec, installed

if TYPE_CHECKING:
    from zoo.models import Converted, Foreign

logger = logging.getLogger("zoo")


def import_weights(
    source: str,
    name: str,
    *,
    importer: str | None = None,
    endpoint: str | None = None,
    token: str | None = None,
    watch: Watch | None = None,
) -> Folder:
    """Import weights that were not made by the zoo, as a checkpoint of the store.

    Safetensors are read as they are. Pickles (.pth, .pt, .bin, .ckpt) are opened in a process of
    their own, with bounded memory, by `torch.load(weights_only=True)`: no code in them runs.

    **Arguments:**
    - `source`: a file, a folder, or `hf:OWNER/REPO[@REVISION]`.
    - `name`: what the checkpoint is called.
    - `importer`: the importer to use; the first that knows the files unless given.
    - `endpoint`: address of the Hub; `HF_ENDPOINT` or https://huggingface.co unless given.
    - `token`: access token of the Hub; `HF_TOKEN` unless given, and for huggingface.co the stored
        login.
    - `watch`: shows the progress of a download, as `zoo.pull` takes it.

    **Returns:** the checkpoint.

    **Raises:** `NotFoundError` for an unknown source or importer, and where no importer knows the
    files; `CheckpointError` for weights that hold code, are damaged, or do not fit the model;
    `OutputError` for a name that is taken; `HubError`."""
    source, name = arguments.name(source), arguments.name(name)
    store = Store(installed().checkpoints)
    store.refuse_taken(name)
    chosen = _importers(importer)
    with gathered(source, endpoint=endpoint, token=token, watch=watch) as found:
        wanted = opened_files(found.files)
        if not wanted:
            raise NotFoundError(
                f"{source} holds no weights: files that end in .safetensors, .pth, .pt, .bin or "
                ".ckpt."
            )
        with opening(found.folder, wanted) as opened:
            spec, converted = _converted(source, found, opened, chosen, asked=importer is not None)
            return _keep(store, name, found, opened, spec, converted)


def _importers(named: str | None) -> dict[str, ImporterSpec]:
    """The importers to try."""
    importers = installed().importers
    if named is None:
        return importers
    if named not in importers:
        raise NotFoundError(
            f"No installed plugin offers an importer {named[:80]!r}.{choose_from(named, importers)}"
        )
    return {named: importers[named]}


def _converted(
    source: str,
    found: Source,
    opened: Opening,
    chosen: Mapping[str, ImporterSpec],
    *,
    asked: bool,
) -> "tuple[ImporterSpec, Converted]":
    """What the first importer that knows the files makes of them."""
    # imported while the children open the pickles
    from zoo.models import Foreign

    functions = {name: installed().importer(name) for name in chosen}
    opened.wait()
    foreign = Foreign(
        found.files,
        {one: functools.partial(opened.tensors, one) for one in opened.files},
        configs_of(found.folder, found.files),
    )
    for name, function in functions.items():
        converted = _asked(name, function, foreign)
        if converted is not None:
            return chosen[name], converted
    tensors = [key for one in opened.files for key in opened.tensors(one)]
    known = "; ".join(f"{name} ({spec.summary})" for name, spec in chosen.items()) or "none"
    which = f"The importer {next(iter(chosen))} does not know" if asked else "No importer knows"
    raise NotFoundError(
        f"{which} the weights of {source}: "
        f"{', '.join(tensors[:3])[:200]}{', …' if len(tensors) > 3 else ''}. There are: {known}. "
        "To write one: plugins/README.md, Importers."
    )


def _asked(
    name: str, function: "Callable[[Foreign], Any]", foreign: "Foreign"
) -> "Converted | None":
    """What an importer answers; its faults are told as its own."""
    from zoo.common.errors import ZooError
    from zoo.models import Converted

    try:
        answer = function(foreign)
    except ZooError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"The importer {name!r} can't read these weights: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}. They are other than it expects."
        ) from error
    if answer is None or isinstance(answer, Converted):
        return answer
    raise PluginError(
        f"The importer {name!r} gives {type(answer).__name__}: it must give a "
        "zoo.models.Converted, or None."
    )


def _keep(
    store: Store,
    name: str,
    found: Source,
    opened: Opening,
    spec: ImporterSpec,
    converted: "Converted",
) -> Folder:
    """Write the checkpoint, whole or not at all."""
    from zoo.checkpoints import card, weights

    path = found.folder / opened.files[0]
    model = weights.assembled(
        weights.model_class(spec.model), converted.config, converted.tensors, path
    )
    facts = _facts(name, found, opened, spec, converted)
    with store.adding(name) as scratch:
        folder = weights.write_model(model, scratch, facts)
        card.write(folder)
        kept = [one for one in (CONFIG, WEIGHTS, TRAINING) if folder.has(one)]
        folder.write_origin(
            {"source": "imported", "sha256": {one: folder.digest(one) for one in kept}}
        )
    store.make_current(name)
    if left := [*converted.left_out]:
        more = f", … ({len(left):,} in all)" if len(left) > 3 else ""
        logger.warning(
            f"Left out what a {spec.model} has no place for: "
            f"{', '.join(one[:120] for one in left[:3])}{more}"
        )
    logger.info(f"Imported {name}: a {spec.model}, read by {spec.name}. Draw samples: zoo sample")
    return Folder(store.directory(name), name)


def _facts(
    name: str, found: Source, opened: Opening, spec: ImporterSpec, converted: "Converted"
) -> dict[str, Any]:
    plugin = installed().offered_by("importers", spec.name)
    imported: dict[str, Any] = {
        "source": found.called,
        "revision": found.revision,
        "sha256": {one: files.sha256(found.folder / one) for one in opened.files},
        "importer": spec.name,
        "distribution": plugin.distribution if plugin else "",
        "version": plugin.version if plugin else "",
    }
    facts: dict[str, Any] = {
        "name": name,
        "reference": name,
        "imported": {key: value for key, value in imported.items() if value},
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {package: version(package) for package in ("genzoo", "torch")},
    }
    facts |= {"dataset": converted.dataset} if converted.dataset else {}
    facts |= {"license": found.licence} if found.licence else {}
    return facts
