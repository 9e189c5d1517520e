"""What the fields of a model's Config, recipe and Options are, read from its imported class."""

import dataclasses
import inspect
import re
from dataclasses import dataclass
from typing import Any, TypeGuard

from zoo.common.config import StrictConfig, describe, field_types
from zoo.common.errors import PluginError


@dataclass(frozen=True)
class Field:
    """One field of a Config, a recipe or Options.

    **Arguments:**
    - `name`: of the field.
    - `type`: its type in words.
    - `default`: the value it has unless set, as one would type it after `--set NAME=`; empty when
        a value must be given.
    - `meaning`: the first sentence of its line in the docstring of the class; empty without one.
    """

    name: str
    type: str
    default: str
    meaning: str = ""


def config_fields(model_class: Any) -> list[Field]:
    """The fields of a model's Config, inherited ones first.

    **Raises:** `PluginError` when the class has no Config.
    """
    config = getattr(model_class, "Config", None)
    if not _is_config(config):
        raise PluginError(f"The class {_named(model_class)} has no Config.")
    return _fields(config)


def option_fields(model_class: Any) -> list[Field]:
    """The fields of a model's Options, which `zoo sample --set` takes; none without Options."""
    options = getattr(model_class, "Options", None)
    return _fields(options) if _is_config(options) else []


def recipe_fields(model_class: Any) -> list[Field]:
    """The fields of a model's recipe, with the values that it is trained by unless told otherwise.

    **Raises:** `PluginError` when the class has no recipe.
    """
    recipe = getattr(model_class, "recipe", None)
    if not isinstance(recipe, StrictConfig):
        raise PluginError(f"The class {_named(model_class)} has no recipe.")
    return _fields(type(recipe), recipe)


def typed(value: Any) -> str:
    """A value of a field as one would type it after `--set NAME=`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ",".join(f"{key}:{typed(one)}" for key, one in value.items())
    if isinstance(value, tuple):
        return ",".join(typed(one) for one in value)
    return str(value)


def _is_config(found: Any) -> TypeGuard[type[StrictConfig]]:
    return isinstance(found, type) and issubclass(found, StrictConfig)


def _named(found: Any) -> str:
    return str(getattr(found, "__qualname__", found))[:80]


def _fields(config: type[StrictConfig], values: StrictConfig | None = None) -> list[Field]:
    """The fields of a config, with the defaults of the class or the values of an instance."""
    hints = field_types(config)
    meanings = _meanings(config)
    return [
        Field(
            field.name,
            describe(hints[field.name]),
            typed(getattr(values, field.name)) if values else _default(field),
            meanings.get(field.name, ""),
        )
        for field in dataclasses.fields(config)
    ]


def _default(field: "dataclasses.Field[Any]") -> str:
    if field.default is not dataclasses.MISSING:
        return typed(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return typed(field.default_factory())
    return ""


def _meanings(config: type) -> dict[str, str]:
    """What the docstrings of a class and of those it derives from say of each field.

    Each field has a line "- `name`: …" under **Arguments:**; its first sentence is taken.
    """
    found: dict[str, str] = {}
    for one in reversed(config.__mro__):
        text = inspect.cleandoc(vars(one).get("__doc__") or "")
        arguments = text.partition("**Arguments:**")[2].lstrip("\n").partition("\n\n")[0]
        for item in f"\n{arguments}".split("\n- ")[1:]:
            names, _, said = item.partition(":")
            found |= dict.fromkeys(re.findall(r"`(\w+)`", names), _first_sentence(said))
    return found


def _first_sentence(text: str) -> str:
    """A text as far as its first full stop; that of "et al." is none."""
    return re.split(r"(?<!\bal)\.(?: |$)", " ".join(text.split()))[0]
