"""Records of what the plugins offer, as `zoo list` and `zoo show` print them."""

from fnmatch import fnmatchcase
from typing import Any

from zoo.common import arguments
from zoo.common.errors import PluginError
from zoo.common.tables import Listing
from zoo.registry.registry import Registry, installed


def list_models(pattern: str | None = None) -> Listing:
    """The models that can be trained, by name.

    **Arguments:**
    - `pattern`: only names that match it, such as "*vae*".

    **Returns:** for each its `name`, `kind`, `summary`, `capabilities`, `reference`, `dataset`
    (that it is trained on unless told), `trainable` and `plugin` (the distribution that offers it).

    **Raises:** `ConfigError` for a pattern that is no text.
    """
    keys = ("kind", "summary", "capabilities", "reference", "dataset", "trainable")
    return _records("models", keys, ("name", "kind", "capabilities", "summary"), pattern)


def list_data(pattern: str | None = None) -> Listing:
    """The data sets that can be named, by name.

    **Arguments:**
    - `pattern`: only names that match it, such as "*mnist".

    **Returns:** for each its `name`, `sample_shape`, `class_names`, `license`, `homepage`,
    `hub_id` and `plugin` (the distribution that offers it).

    **Raises:** `ConfigError` for a pattern that is no text.
    """
    keys = ("sample_shape", "class_names", "license", "homepage", "hub_id")
    return _records("datasets", keys, ("name", "sample_shape", "license", "homepage"), pattern)


def list_features(pattern: str | None = None) -> Listing:
    """The features that samples can be compared by, by name.

    **Arguments:**
    - `pattern`: only names that match it, such as "inception*".

    **Returns:** for each its `name`, `summary`, `datasets` (that it is the default for),
    `sample_shape`, `reference` and `plugin` (the distribution that offers it).

    **Raises:** `ConfigError` for a pattern that is no text.
    """
    keys = ("summary", "datasets", "sample_shape", "reference")
    return _records("features", keys, ("name", "datasets", "summary"), pattern)


def describe(name: str) -> dict[str, Any]:
    """All that is known of a model, a data set or features; of a model its class is imported.

    **Arguments:**
    - `name`: as a plugin offers it. Where several kinds share a name, the model comes first, then
        the data set.

    **Returns:** what its plugin says of it. Of a model also `config`, `recipe` and `options` (a
    list of fields with `name`, `type`, `default` and `meaning`) and `checkpoints` (names).

    **Raises:** `NotFoundError` for an unknown name, `PluginError` when a model can't be imported.
    """
    from zoo.registry import fields

    registry = installed()
    for kind in ("datasets", "features"):
        if name in registry.offered[kind] and name not in registry.models:
            return dict(vars(registry.offered[kind][name]))
    model_class = registry.model_class(name)
    try:
        shown = {
            "config": fields.config_fields(model_class),
            "recipe": fields.recipe_fields(model_class),
            "options": fields.option_fields(model_class),
        }
    except PluginError as error:
        raise PluginError(
            f"The model {name!r} can't be shown. {error} This is a fault of "
            f"{_called(registry, name)}: tell its authors."
        ) from error
    return {
        **vars(registry.models[name]),
        **{title: [vars(field) for field in found] for title, found in shown.items()},
        "checkpoints": sorted(
            one.name for one in registry.checkpoints.values() if one.model == name
        ),
    }


def _called(registry: Registry, model: str) -> str:
    plugin = registry.offered_by("models", model)
    return plugin.called if plugin else "its plugin"


def _records(
    kind: str, keys: tuple[str, ...], columns: tuple[str, ...], pattern: str | None
) -> Listing:
    """The records of a kind, with these keys; a table of them shows these columns."""
    pattern = arguments.pattern(pattern)
    registry = installed()
    records = []
    for name, spec in sorted(registry.offered[kind].items()):
        if pattern is None or fnmatchcase(name, pattern):
            plugin = registry.offered_by(kind, name)
            said = {key: _plain(getattr(spec, key)) for key in keys}
            records.append({"name": name, **said, "plugin": plugin.distribution if plugin else ""})
    return Listing(records, columns)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
