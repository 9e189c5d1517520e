"""A data set and its extensions: each is a folder with a manifest of its own."""

import re
from collections.abc import Iterator
from dataclasses import replace

from zoo.bulk import manifest
from zoo.bulk import plan as plans
from zoo.bulk.manifest import Manifest
from zoo.bulk.places import Place
from zoo.bulk.plan import Asked
from zoo.common.errors import OutputError

EXTENSION = re.compile(r"extension-([1-9]\d{0,5})")


def folders(place: Place) -> list[str]:
    """The folders of a data set's extensions, in their order."""
    found = [EXTENSION.fullmatch(name) for name in place.names()]
    return [one[0] for one in sorted((one for one in found if one), key=lambda one: int(one[1]))]


def places(place: Place) -> Iterator[Place]:
    """The place of a data set, then those of its extensions."""
    yield place
    yield from map(place.inner, folders(place))


def manifests(place: Place) -> list[Manifest]:
    """The manifests of a data set and of its extensions, as far as they are whole."""
    found = map(manifest.read_manifest, places(place))
    return [one for one in found if one is not None]


def extension(place: Place, asked: Asked) -> tuple[Place, Asked]:
    """Where further samples go, and which they are.

    **Arguments:**
    - `place`: of a data set.
    - `asked`: its `n` is how many samples there shall be in all.

    **Raises:** `OutputError` when there is nothing to extend, or something else than is asked for;
    `ConfigError` when there are more samples already."""
    base = manifest.read_manifest(place)
    if base is None:
        raise OutputError(
            f"{place.text} holds no finished data set that could be extended: give the command "
            "that makes it first."
        )
    plans.refuse_other(base.plan, replace(asked, n=base.plan.asked.n), place.text)
    last = base.plan
    if asked.n == last.asked.start + last.asked.n:
        return place, last.asked
    names = folders(place)
    for name in [*names, f"extension-{len(names) + 1}"]:
        inner = place.inner(name)
        done = manifest.read_manifest(inner)
        if done is None:
            break  # it is new, or was stopped
        last = done.plan
        if asked.n == last.asked.start + last.asked.n:
            return inner, last.asked
    further = plans.extended(last, asked.n)
    if manifest.read_plan(inner) is None:
        inner.prepare()
        # a shard has as many samples as in the data set, whatever the size of the new ones
        per_shard = min(base.plan.per_shard, further.n)
        manifest.write_plan(inner, replace(base.plan, asked=further, per_shard=per_shard))
    return inner, further
