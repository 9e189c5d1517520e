"""Checks of a plugin's entry module, the record of a model, its class and its Config."""

import dataclasses
import functools
import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from zoo.common.errors import ConfigError, NotFoundError, did_you_mean
from zoo.models import (
    Autoencoder,
    GenerativeModel,
    LatentModel,
    ModelConfig,
    StrictConfig,
    can_train,
)
from zoo.registry import HEAVY, Plugin, found, installed
from zoo.testing.subject import Shortfall, require

IMPORT_SECONDS = 60  # after which an import is given up
IMPORT = """
import importlib, json, sys, time
module, heavy, sys.path[:] = json.loads(sys.argv[1])
import zoo
started = time.perf_counter()
importlib.import_module(module)
found = [name for name in heavy if name in sys.modules]
print("\\n" + json.dumps([time.perf_counter() - started, found]))
"""


def check_entry_module(name: str) -> str:
    """Its plugin's entry module imports nothing heavy, so that `zoo list` stays quick.

    **Returns:** how long the import takes, in words.
    """
    module = _entry_module(name)
    seconds, heavy = _import(module)
    took = f"{module} imports in {seconds * 1000:.0f} ms"
    require(
        not heavy,
        f"{took} and brings in {', '.join(heavy)}: offer models from a module that imports zoo "
        "alone, and leave the "
        "rest to the module that entry_point names",
    )
    return took


def check_spec(name: str) -> None:
    """Its ModelSpec says in a line what it is, and its plugin's other records are in order."""
    problems = _plugin(name).problems
    require(not problems, f"its plugin has a problem: {'; '.join(problems)}")
    spec = installed().models[name]
    line = spec.summary.strip()
    require(
        bool(line) and line.isprintable(),
        f"its ModelSpec has the summary {spec.summary!r}: say in a line what it is",
    )
    address = spec.reference.startswith(("https://", "http://")) and spec.reference.isprintable()
    require(
        not spec.reference or address,
        f"its ModelSpec has the reference {spec.reference!r}: give the address of the paper, or "
        "nothing",
    )


def check_capabilities(name: str) -> None:
    """Its class is a model as its ModelSpec says.

    It derives from GenerativeModel, has a Config, is not abstract, and has the capabilities and
    the kind of samples that the ModelSpec claims.
    """
    model_class = installed().model_class(name)
    derives = isinstance(model_class, type) and issubclass(model_class, GenerativeModel)
    require(
        derives,
        f"{_named(model_class)} must be a class that derives from zoo.models.GenerativeModel",
    )
    _require_fields("Config", getattr(model_class, "Config", None), ModelConfig)
    if model_class.Options is not None:
        _require_options(model_class.Options)
    _require_reasons(model_class.unfit)
    abstract = ", ".join(sorted(getattr(model_class, "__abstractmethods__", ())))
    require(
        not inspect.isabstract(model_class),
        f"{_named(model_class)} is abstract: give it {abstract}",
    )
    _require_signatures(model_class)
    has: tuple[str, ...] = ("sample",)
    has += ("decode",) if issubclass(model_class, LatentModel) else ()
    has += ("encode",) if issubclass(model_class, Autoencoder) else ()
    claimed = tuple(installed().models[name].capabilities)
    require(
        claimed == has,
        f"its ModelSpec claims the capabilities {claimed}, its class has others: say "
        f"capabilities={has}",
    )
    trains = can_train(model_class)
    require(
        installed().models[name].trainable == trains,
        f"its class has {'a' if trains else 'no'} training_step: say trainable={trains} in its "
        "ModelSpec",
    )
    kind = installed().models[name].kind
    require(
        kind == model_class.sample_kind,
        f"its ModelSpec says kind={kind!r}, its class sample_kind = {model_class.sample_kind!r}: "
        "make them the same",
    )


def check_config(model: GenerativeModel[Any]) -> None:
    """Its config survives JSON, and an unknown field is refused."""
    config, config_class = model.config, type(model.config)
    try:
        again = config_class.from_dict(json.loads(json.dumps(config.to_dict())))
    except (ConfigError, TypeError) as error:
        raise Shortfall(f"its config does not come back from JSON: {error}") from error
    require(
        again == config, f"its config changes on the way through JSON: {config} becomes {again}"
    )
    try:
        config_class.from_dict({"no_such_field": 1})
    except ConfigError:
        return
    raise Shortfall(
        "its Config takes an unknown field: leave from_dict() to zoo.models.ModelConfig"
    )


def _require_fields(name: str, nested: Any, base: type[StrictConfig]) -> None:
    derives = isinstance(nested, type) and issubclass(nested, base)
    require(
        derives,
        f"its {name} is {_named(nested)}: nest a class {name} derived from "
        f"zoo.models.{base.__name__}",
    )
    fields = {field.name for field in dataclasses.fields(nested)}
    said = {
        name
        for name, hint in inspect.get_annotations(nested).items()
        if "ClassVar" not in str(hint)
    }
    plain = ", ".join(sorted(said - fields))
    require(
        not plain,
        f"its {name} has {plain} as no field: write @dataclass(frozen=True, kw_only=True) above "
        "the class",
    )


def _require_reasons(unfit: Mapping[str, str]) -> None:
    from zoo.testing import MODEL_CHECKS, name_of

    checks = [name_of(check) for check in MODEL_CHECKS]
    wrong = [name for name, reason in unfit.items() if name not in checks or not reason.strip()]
    require(
        not wrong,
        f"its unfit says {', '.join(map(repr, wrong))}: name checks, each with its reason. There "
        f"are {', '.join(checks)}",
    )


def _require_options(options: type[StrictConfig]) -> None:
    _require_fields("Options", options, StrictConfig)
    try:
        options()
    except TypeError as error:
        raise Shortfall(
            f"its Options can't be made without values ({error}): give every field a default"
        ) from error


def _require_signatures(model_class: type[GenerativeModel[Any]]) -> None:
    """Each method takes whatever the door's takes, and does without what that does without."""
    for base in (GenerativeModel, LatentModel, Autoencoder):
        for name, declared in vars(base).items() if issubclass(model_class, base) else ():
            if inspect.isfunction(declared) and not name.startswith("_"):
                _require_signature(name, getattr(model_class, name), declared)


def _require_signature(name: str, method: Callable[..., Any], declared: Callable[..., Any]) -> None:
    said = [
        one.replace(annotation=one.empty) for one in inspect.signature(declared).parameters.values()
    ]
    for given in (said, [one for one in said if one.default is one.empty]):
        in_order = [None for one in given if one.kind is one.POSITIONAL_OR_KEYWORD]
        by_name = {one.name: None for one in given if one.kind is one.KEYWORD_ONLY}
        try:
            inspect.signature(method).bind(*in_order, **by_name)
        except TypeError as error:
            shape = inspect.Signature(said)
            raise Shortfall(
                f"its {name}() can't be called as it has to be ({error}): {name}{shape}"
            ) from error


def _plugin(name: str) -> Plugin:
    if plugin := installed().offered_by("models", name):
        return plugin
    raise NotFoundError(
        f"No installed plugin offers a model {name!r}.{did_you_mean(name, installed().models)}"
    )


def _entry_module(name: str) -> str:
    plugin = _plugin(name)
    same = [one for one in found()[0] if one.name == plugin.name]
    return next(one.module for one in same if one.dist and one.dist.name == plugin.distribution)


@functools.cache
def _import(module: str) -> tuple[float, tuple[str, ...]]:
    """Seconds that a module takes to import in a new process, and the heavy modules it imports."""
    given = json.dumps([module, HEAVY, sys.path])
    command = [sys.executable, "-c", IMPORT, given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_SECONDS)
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines() or [
        "nothing was said"
    ]
    require(not done.returncode, f"{module} can't be imported in a process of its own: {lines[-1]}")
    seconds, heavy = json.loads(lines[-1])
    return seconds, tuple(heavy)


def _named(one: Any) -> str:
    return f"{getattr(one, '__module__', '?')}:{getattr(one, '__qualname__', one)}"
