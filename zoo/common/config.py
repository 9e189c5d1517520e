"""Configs: frozen dataclasses with strict types and bounds, read from JSON and text."""

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, Union, get_args, get_origin

from zoo.common.errors import ConfigError, choose_from

LONGEST_TEXT = 1000  # characters
# entries of a tuple or dict, so that no file can ask for 100,000 layers
LONGEST = 64


class Bounds(NamedTuple):
    """The least and the greatest value that a number may have, both included."""

    least: float
    greatest: float


# channels, dimensions, counts of things that must be there
Size = Annotated[int, Bounds(1, 65_536)]
Count = Annotated[int, Bounds(0, 65_536)]  # counts of things that may be absent
Fraction = Annotated[float, Bounds(0.0, 1.0)]
Rate = Annotated[float, Bounds(0.0, 1e3)]


class AsJson(NamedTuple):
    """Marks a field that holds any JSON object, of so many bytes at most."""

    most_bytes: int


# a JSON object of any form, such as the config of another library's network
Json = Annotated[dict[str, Any], AsJson(65_536)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StrictConfig:
    """A dataclass whose every instance is valid: each field is held to its annotated type and
    bounds.

    Fields may be `bool`, `int`, `float`, `str`, `Literal[…]`, `X | None`, `tuple[X, ...]`,
    `dict[str, X]`, and `Annotated[X, Bounds(…)]` of these; or `Json`, an object of any form up to
    64 kB. A text has 1,000 characters at most, a tuple or dict 64 entries.

    `aliases` names fields by what they were called before; files and commands that have the old
    names are read still.

    **Raises:** `ConfigError` on creation, naming the field, the value and what it may be.
    """

    aliases: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        for name, hint in field_types(type(self)).items():
            object.__setattr__(self, name, _convert(getattr(self, name), hint, name))

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values (tuples become lists)."""
        values: dict[str, Any] = _to_json(dataclasses.asdict(self))
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """A config from JSON values; a field that is left out has its default.

        **Raises:** `ConfigError` on an unknown key, a wrong type or a value out of bounds.
        """
        known = field_types(cls)
        for old, new in cls.aliases.items():
            if old in values and new in values:
                raise ConfigError(f"{old!r} is the old name of {new!r}: give one of them.")
        values = {cls.aliases.get(name, name): value for name, value in values.items()}
        for name in values:
            if name not in known:
                raise ConfigError(f"Unknown field {name[:80]!r}.{choose_from(name[:80], known)}")
        missing = [
            field.name
            for field in dataclasses.fields(cls)
            if field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
            and field.name not in values
        ]
        if missing:
            raise ConfigError(f"Missing field {missing[0]!r}, which has no default.")
        return cls(**values)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(StrictConfig):
    """What every model's Config has; a model nests its own subclass of this.

    **Arguments:**
    - `sample_shape`: shape of one sample without the batch dimension; (channels, height, width) for
        images.
    - `num_classes`: how many classes the model is conditioned on; 0 is unconditional.
    """

    sample_shape: tuple[Size, ...] = (1, 28, 28)
    num_classes: Count = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sample_shape:
            raise ConfigError(
                "sample_shape = () is empty: give the shape of one sample, such as 1,28,28."
            )


def field_types(cls: type) -> dict[str, Any]:
    """The annotated type of each field of a dataclass, bounds kept."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def parse_assignments(
    texts: Iterable[str], *classes: type[StrictConfig]
) -> tuple[dict[str, Any], ...]:
    """`name=value` texts as values for the first of several configs that has such a field.

    **Arguments:**
    - `texts`: for example `["latent_dim=8", "hidden_dims=512,256", "batch_norm=true"]`.
    - `classes`: the configs that may take them, in this order.

    **Returns:** one dict of values for each class.

    **Raises:** `ConfigError` on a text without `=`, an unknown name or a value of the wrong type.
    """
    results: tuple[dict[str, Any], ...] = tuple({} for _ in classes)
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"{text!r} is not of the form name=value.")
        for cls, values in zip(classes, results, strict=True):
            field = cls.aliases.get(name, name)
            if field in field_types(cls):
                values[field] = _parse(value, field_types(cls)[field], name)
                break
        else:
            known = {field: hint for cls in classes for field, hint in field_types(cls).items()}
            field, _, key = name[:80].partition(".")
            if get_origin(known.get(field)) is dict:
                raise ConfigError(f"Unknown field {name[:80]!r}: write {field}={key}:{value[:80]}")
            raise ConfigError(f"Unknown field {name[:80]!r}.{choose_from(name[:80], known)}")
    return results


def describe(hint: Any) -> str:
    """A field's type in words that a user knows: "whole number 1 to 65536", "list of …", "one of
    …".
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if _json_bound(hint):
        return "a JSON object of 64 kB at most"
    if origin is Annotated:
        bounds = next((extra for extra in arguments[1:] if isinstance(extra, Bounds)), None)
        return describe(arguments[0]) + (
            f" {bounds.least:g} to {bounds.greatest:g}" if bounds else ""
        )
    if origin is tuple:
        return f"list of: {describe(arguments[0])}"
    if origin is dict:
        each = describe(arguments[1])
        return f"list of NAME:VALUE, each {each if each.startswith('one of') else f'a {each}'}"
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " or ".join(describe(one) for one in arguments)
    words = {
        bool: "true or false",
        int: "whole number",
        float: "number",
        str: "text",
        types.NoneType: "none",
    }
    return words.get(hint, str(hint))


def _convert(value: Any, hint: Any, name: str) -> Any:
    """A value as its field's type has it, or a ConfigError."""
    origin, arguments = get_origin(hint), get_args(hint)
    if most := _json_bound(hint):
        return _json_object(value, most, name)
    if origin is Annotated:
        return _bounded(_convert(value, arguments[0], name), arguments[1:], name, value)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_convert(one, arguments[0], name) for one in _short(value, name))
    if origin is dict and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {
            key: _convert(one, arguments[1], f"{name}.{repr(key[:80])[1:-1]}")
            for key, one in _short(value, name).items()
        }
    if origin is Literal and any(type(value) is type(one) and value == one for one in arguments):
        return value
    if origin in (Union, types.UnionType):
        return None if value is None else _convert(value, arguments[0], name)
    if hint is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    if hint is str and type(value) is str and len(value) > LONGEST_TEXT:
        raise ConfigError(f"{name} has {len(value):,} characters; {LONGEST_TEXT:,} are the most.")
    if hint in (bool, int, str) and type(value) is hint:
        return value
    raise ConfigError(f"{name} = {str(value)[:80]!r} is not of its type: {describe(hint)}.")


def _bounded(value: Any, marks: Iterable[Any], name: str, given: Any) -> Any:
    """A number that is within the bounds of its field, or a ConfigError."""
    for bounds in marks:
        if value is None or not isinstance(bounds, Bounds):
            continue
        if not bounds.least <= value <= bounds.greatest:
            raise ConfigError(
                f"{name} = {str(given)[:80]} is out of bounds: {bounds.least:g} to "
                f"{bounds.greatest:g}."
            )
    return value


def _json_bound(hint: Any) -> int:
    """How many bytes a field of `Json` may have; 0 for any other field."""
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((one.most_bytes for one in marks if isinstance(one, AsJson)), 0)


def _json_object(value: Any, most: int, name: str) -> dict[str, Any]:
    """A copy of a JSON object that is small enough; raises `ConfigError` for anything else."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is no JSON object: {str(error)[:200]}.") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{name} = {text[:80]} is no JSON object: write {{…}}.")
    if len(text) > most:
        raise ConfigError(f"{name} has {len(text):,} bytes of JSON; {most:,} are the most.")
    copied: dict[str, Any] = json.loads(text)
    return copied


def _short(items: Any, name: str) -> Any:
    if len(items) > LONGEST:
        raise ConfigError(f"{name} has {len(items):,} entries; {LONGEST} are the most.")
    return items


def _to_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_json(one) for key, one in value.items()}
    return [_to_json(one) for one in value] if isinstance(value, tuple) else value


def _parse(text: str, hint: Any, name: str) -> Any:
    """A value typed at a command line, before it is checked: "8", "512,256", "true",
    "discriminator:1e-4".
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if _json_bound(hint):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name} = {text[:80]!r} is no JSON: {error}.") from error
    if origin is Annotated:
        return _parse(text, arguments[0], name)
    if origin is tuple:
        return tuple(_parse(part, arguments[0], name) for part in text.split(",") if part)
    if origin is dict:
        pairs = [part.partition(":") for part in text.split(",") if part]
        if wrong := next((before for before, colon, _ in pairs if not colon), None):
            raise ConfigError(
                f"{name} = {wrong[:80]!r} is not of the form NAME:VALUE, such as model:1e-4."
            )
        return {key: _parse(value, arguments[1], name) for key, _, value in pairs}
    if origin is Literal:
        return next((one for one in arguments if str(one) == text), text)
    if origin in (Union, types.UnionType):
        return None if text == "none" else _parse(text, arguments[0], name)
    try:
        return {"true": True, "false": False}[text.lower()] if hint is bool else hint(text)
    except (KeyError, ValueError):
        raise ConfigError(f"{name} = {text[:80]!r} is not of its type: {describe(hint)}.") from None
