"""What a person asks for, checked before anything heavy is imported."""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from zoo.bulk import filters
from zoo.bulk.layouts import LAYOUTS
from zoo.bulk.plan import BATCH_SIZE, Asked, shard_bytes
from zoo.checkpoints import Folder, find
from zoo.common import arguments, settings
from zoo.common.errors import (
    ConfigError,
    LabelError,
    MissingDependencyError,
    NotFoundError,
    OutputError,
    choose_from,
)
from zoo.common.words import either
from zoo.registry import installed
from zoo.sampling import request
from zoo.sampling.request import Reference

# who makes the shards: processes of this machine, or a cluster
ENGINES = ("local", "ray")
# the same as in `zoo.common.compute`, which imports torch
PRECISIONS = ("float32", "bf16")


def asked(
    reference: Reference,
    *,
    n: Any,
    per_class: Any,
    format: Any,
    shard_size: Any,
    per_shard: Any,
    seed: Any,
    labels: Any,
    where: Any,
    features: Any,
    options: Any,
    batch_size: Any,
    precision: Any,
    threads: Any,
) -> Asked:
    """What is asked for, as a whole; the arguments are those of `generate`.

    **Raises:** `ZooError` for whatever can't be."""
    folder = find(reference)
    kind = request.kind_of_folder(folder).name
    numbers = tuple(request.class_numbers(labels, folder))
    classes = numbers or tuple(range(folder.num_classes))
    filters_asked = tuple(_texts(where))
    found = filters.parse(filters_asked)
    _refuse_format(format, kind)
    if shard_size is not None and per_shard is not None:
        raise ConfigError(
            f"Give {either('--shard-size or --per-shard', 'shard_size or per_shard')}, not both."
        )
    if precision not in PRECISIONS:
        raise ConfigError(f"precision = {precision!r} is none of {', '.join(PRECISIONS)}.")
    threads = arguments.whole("threads", threads, 1, settings.MOST_THREADS)
    return Asked(
        checkpoint=folder.reference,
        sha256=folder.sha256,
        kind=kind,
        format=format,
        n=_number(n, per_class, len(classes)),
        seed=arguments.whole_or_none("seed", seed, 0, arguments.LARGEST),
        labels=tuple(str(one) for one in request.as_list(labels)),
        classes=classes,
        class_names=folder.class_names,
        options=tuple(request.told(options)[0]),
        precision=precision,
        batch_size=BATCH_SIZE
        if batch_size is None
        else arguments.whole("batch_size", batch_size, 1),
        threads=threads,
        shard_size=None if shard_size is None else shard_bytes(shard_size),
        per_shard=arguments.whole_or_none("per_shard", per_shard, 1),
        where=filters_asked,
        features=_features(found, features, folder, kind, classes),
    )


def _number(n: Any, per_class: Any, classes: int) -> int:
    """How many samples to draw."""
    if (n is None) == (per_class is None):
        raise ConfigError(
            f"Say how many samples to make, by {either('-n or --per-class', 'n or per_class')}."
        )
    if n is not None:
        return arguments.whole("n", n, 1, arguments.LARGEST)
    if not classes:
        raise LabelError(
            f"{either('--per-class', 'per_class')} is for conditional checkpoints, and this one "
            f"has no classes: use {either('-n', 'n')}."
        )
    n = classes * arguments.whole("per_class", per_class, 1)
    return arguments.whole("n", n, 1, arguments.LARGEST)


def _refuse_format(format: Any, kind: str) -> None:
    if format not in LAYOUTS:
        raise ConfigError(f"format = {str(format)[:80]!r} is none of {', '.join(LAYOUTS)}.")
    if kind not in LAYOUTS[format].kinds:
        takes = [name for name, one in LAYOUTS.items() if kind in one.kinds]
        raise OutputError(
            f"Samples of the kind {kind!r} can't be written as {format}: choose "
            f"{' or '.join(takes)}."
        )
    for package in LAYOUTS[format].needs:
        if find_spec(package) is None:
            raise MissingDependencyError(
                f"The format {format} needs the package {package}: "
                "pip install 'genzoo[parquet]'. Other formats are webdataset, npz and folder.",
                name=package,
            )


def _features(
    found: Sequence[filters.Filter],
    features: Any,
    folder: Folder,
    kind: str,
    classes: Sequence[int],
) -> str:
    """The network that filters ask; "" without filters."""
    if not found:
        if features is not None:
            raise ConfigError(
                f"{either('--features', 'features')} is for {either('--where', 'where')} only."
            )
        return ""
    if kind != "image":
        raise ConfigError("Filters look at images, and the samples of this checkpoint are none.")
    if any(one.measure == "agreement" for one in found) and not classes:
        raise LabelError(
            f"{folder.reference} is unconditional: no class is asked for that a sample could agree "
            "with. Filter by confidence."
        )
    offered = installed().features
    if features is None:
        meant = installed().features_for(folder.dataset) if folder.dataset else None
        features = meant.name if meant else None
    usable = [name for name, one in offered.items() if one.class_names]
    if features is None:
        raise ConfigError(
            f"Say which network the filters ask, with {either('--features', 'features')}."
            f"{choose_from('', usable)}"
        )
    if features not in offered:
        raise NotFoundError(
            f"No installed plugin offers features {str(features)[:80]!r}."
            f"{choose_from(str(features)[:80], usable)}"
        )
    if not offered[features].class_names:
        raise ConfigError(
            f"The features {features!r} tell no classes apart, so no sample can be measured by "
            f"them.{choose_from(features, usable)}"
        )
    return str(features)


def _texts(where: Any) -> list[str]:
    """Filters as a list of texts."""
    if isinstance(where, str):
        return [where]
    if not isinstance(where, Iterable):
        raise ConfigError(
            f"where = {str(where)[:80]!r} are not filters: pass a text such as 'confidence>0.9', "
            "or a list of them."
        )
    return [" ".join(str(one).split()) for one in where]
