"""A model's Config and recipe, read from its source without importing torch."""

import ast
import functools
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from zoo.common import config
from zoo.common.errors import PluginError

FOREIGN = ("torch", "abc", "typing", "collections")  # no model, nor its Config, is in there


@dataclass(frozen=True)
class ConfigField:
    """One field of a Config: its name, its type in words, its default as one would type it after
    `--set NAME=`.

    What it means is the first sentence of its line in the docstring of the class; empty where it
    has none."""

    name: str
    type: str
    default: str
    meaning: str = ""


def config_fields(entry_point: str) -> list[ConfigField]:
    """The fields of the Config of a model class, inherited ones first.

    **Arguments:**
    - `entry_point`: the class, as "package.module:Class".

    **Raises:** `PluginError` when its source can't be found or has no Config that can be read.
    """
    module, model = _class(entry_point)
    nested = _nested(module, model, "Config")
    if not nested:
        raise PluginError(f"The source of {model.name} shows no Config.")
    return _fields(*nested)


def option_fields(entry_point: str) -> list[ConfigField]:
    """The fields of the Options of a model class, which `zoo sample --set` takes; none where it has
    no Options.
    """
    nested = _nested(*_class(entry_point), "Options")
    return _fields(*nested) if nested else []


def recipe_fields(entry_point: str) -> list[ConfigField]:
    """The fields of a model class's recipe, each with the value that the model trains by unless
    told otherwise.
    """
    own = _recipe(entry_point)
    defaults = _fields(*_class("zoo.recipe:TrainConfig"))
    return [replace(field, default=own.get(field.name, field.default)) for field in defaults]


@functools.cache  # of a plugin that offers one class a thousand times
def fault(entry_point: str) -> str:
    """Why a class can be no model, as far as its source tells for certain; "" when nothing speaks
    against it.

    **Arguments:**
    - `entry_point`: the class, as "package.module:Class".
    """
    name, _, wanted = entry_point.partition(":")
    try:
        if not (_spec(name).origin or "").endswith(".py"):
            return ""
        module = _module(name)
    except (ImportError, PluginError) as error:
        return str(error)
    words = {
        getattr(node, key, None)
        for node in ast.walk(module.tree)
        for key in ("name", "asname", "id")
    }
    if not words & {wanted, "*", "__getattr__", "globals", "exec"}:
        return f"There is no class {wanted!r} in the source of {name}."
    found = module.find(wanted)
    if not found:  # made in a way that only running it shows
        return ""
    for where, node in _lineage(*found):
        if (
            node.name == "GenerativeModel"
            or node.decorator_list
            or not all(map(where.knows, node.bases))
        ):
            return ""
    return f"{entry_point} derives from no GenerativeModel."


def _fields(module: "_Module", node: ast.ClassDef) -> list[ConfigField]:
    fields: dict[str, ConfigField] = {}
    meanings: dict[str, str] = {}
    for where, one in _lineage(module, node):
        meanings |= _meanings(one)
        for statement in one.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                if "ClassVar" in ast.unparse(statement.annotation):
                    continue
                name = statement.target.id
                default = _typed(statement.value) if statement.value else ""
                fields[name] = ConfigField(
                    name, _type_in_words(where, statement.annotation), default
                )
    return [replace(field, meaning=meanings.get(field.name, "")) for field in fields.values()]


def _meanings(node: ast.ClassDef) -> dict[str, str]:
    """What a class's docstring says of each field, "- `name`: …" under **Arguments:**, as far as
    the first sentence.
    """
    arguments = (ast.get_docstring(node) or "").partition("**Arguments:**")[2]
    arguments = "\n" + arguments.lstrip("\n").partition("\n\n")[0]
    found: dict[str, str] = {}
    for item in arguments.split("\n- ")[1:]:
        names, _, said = item.partition(":")
        sentence = re.split(r"\.(?: (?=[A-Z\"])|$)", " ".join(said.split()))[
            0
        ]  # "et al. 2017" ends none
        found |= dict.fromkeys(re.findall(r"`(\w+)`", names), sentence)
    return found


def _recipe(entry_point: str) -> dict[str, str]:
    """What a model class's recipe says, each value as one would type it."""
    found: dict[str, str] = {}
    for _, node in _lineage(*_class(entry_point)):
        for statement in node.body:
            if not isinstance(statement, ast.Assign | ast.AnnAssign) or not isinstance(
                statement.value, ast.Call
            ):
                continue
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if ast.unparse(target) == "recipe":
                found = {
                    word.arg: _typed(word.value) for word in statement.value.keywords if word.arg
                }
    return found


class _Module:
    """A module's syntax tree, and what the names in it mean."""

    def __init__(self, name: str) -> None:
        try:
            spec = _spec(name)
            self.package = name if spec.submodule_search_locations else name.rpartition(".")[0]
            self.tree = ast.parse(Path(spec.origin or "").read_bytes())
        except (ImportError, OSError, SyntaxError, ValueError) as error:
            raise PluginError(
                f"The source of the module {name!r} can't be read: {error}"
            ) from error

    def knows(self, base: ast.expr) -> bool:
        """Whether it can be told which class a base is: one with source, or one of FOREIGN."""
        name = _named(base)
        return bool(self.find(name)) or any(
            (alias.asname or alias.name.partition(".")[0]) == name.partition(".")[0]
            for node in self.tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
            if (getattr(node, "module", None) or alias.name).partition(".")[0] in FOREIGN
        )

    def find(self, dotted: str) -> "tuple[_Module, ast.ClassDef] | None":
        """A class by the name it has in this module, wherever it was defined; None for one that has
        no source.
        """
        first, _, rest = dotted.partition(".")
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == first:
                return _inner(self, node, rest)
            if isinstance(node, ast.ImportFrom):
                module = importlib.util.resolve_name(
                    "." * node.level + (node.module or ""), self.package
                )
                for alias in node.names:
                    if (alias.asname or alias.name) == first:
                        return _find(module, alias.name + ("." + rest if rest else ""))
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.asname == first:
                        return _find(alias.name, rest)
                    if not alias.asname and dotted.startswith(alias.name + "."):
                        return _find(alias.name, dotted.removeprefix(alias.name + "."))
        return None


_module = functools.cache(_Module)  # a model's bases lead to the same few files again and again


def _spec(name: str) -> importlib.machinery.ModuleSpec:
    """Where a module is, found without importing the packages that it is in."""
    top, *inner = name.split(".")
    spec = importlib.util.find_spec(top)
    for part in inner:
        top = f"{top}.{part}"
        spec = (
            PathFinder.find_spec(top, spec.submodule_search_locations)
            if spec and spec.submodule_search_locations
            else None
        )
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}")
    return spec


def _find(module: str, dotted: str) -> "_Found | None":
    """A class by its name in a module or in a module of that package."""
    if module.partition(".")[0] in FOREIGN:
        return None
    if found := _module(module).find(dotted):
        return found
    first, _, rest = dotted.partition(".")
    try:
        _spec(f"{module}.{first}")
    except ImportError:
        return None
    return _find(f"{module}.{first}", rest)


_Found = tuple[_Module, ast.ClassDef]


def _class(entry_point: str) -> _Found:
    module, _, name = entry_point.partition(":")
    found = _module(module).find(name)
    if not found:
        raise PluginError(f"There is no class {name!r} in the source of {module}.")
    return found


def _inner(module: _Module, node: ast.ClassDef, dotted: str) -> _Found | None:
    if not dotted:
        return module, node
    first, _, rest = dotted.partition(".")
    for one in node.body:
        if isinstance(one, ast.ClassDef) and one.name == first:
            return _inner(module, one, rest)
    return None


def _nested(module: _Module, model: ast.ClassDef, name: str) -> _Found | None:
    """The class that a model, or one that it derives from, has under a name such as "Config"."""
    for where, node in reversed(list(_lineage(module, model))):
        for statement in node.body:
            if isinstance(statement, ast.ClassDef) and statement.name == name:
                return where, statement
            named = isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name
            if named and (found := where.find(ast.unparse(statement.value))):  # type: ignore[attr-defined]  # an Assign
                return found
    return None


def _lineage(module: _Module, node: ast.ClassDef) -> Iterator[_Found]:
    """A class and its bases that have source in Python, the bases first."""
    seen: list[str] = []
    for base in reversed(
        node.bases
    ):  # the order of dataclass fields: the method resolution order from its end
        if found := module.find(_named(base)):
            for one in _lineage(*found):
                if ast.dump(one[1]) not in seen:
                    seen.append(ast.dump(one[1]))
                    yield one
    yield module, node


def _named(base: ast.expr) -> str:
    """A base class as written, without what stands in brackets: VAE["MLPVAE.Config"] is VAE."""
    return ast.unparse(base.value if isinstance(base, ast.Subscript) else base)


def _type_in_words(module: _Module, annotation: ast.expr) -> str:
    text = ast.unparse(annotation)
    try:
        hint: Any = eval(
            text, {**vars(config)}
        )  # the source of an installed plugin, not of a checkpoint
    except Exception:  # a type that only its own module knows
        return text
    return config.describe(hint)


def _typed(value: ast.expr) -> str:
    try:
        literal = ast.literal_eval(value)
    except ValueError:
        text = ast.unparse(value)
        return "" if "default_factory" in text else text
    if isinstance(literal, dict):
        return ",".join(f"{key}:{one}" for key, one in literal.items())
    if isinstance(literal, tuple):
        return ",".join(map(str, literal))
    return str(literal).lower() if isinstance(literal, bool) or literal is None else str(literal)
