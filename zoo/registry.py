"""Registry: which models can be built and which checkpoints can be had, from the installed plugins."""

import contextlib
import functools
import importlib
import importlib.util
import os
import shlex
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points, version
from typing import TYPE_CHECKING, Any

import pluggy

from zoo import hookspecs
from zoo.errors import NotFoundError, PluginError, did_you_mean
from zoo.hookspecs import Checkpoint, DatasetSpec, FeatureSpec, ModelSpec
from zoo.waiting import Waiting

if TYPE_CHECKING:
    import click

OWN_DISTRIBUTION = "genzoo"
HEAVY = ("torch", "torchvision", "numpy", "huggingface_hub")  # what an entry module must not import
MOST_OFFERED = 1000  # of a kind, by one plugin
KINDS = {"models": "a model", "datasets": "a data set", "features": "features"}  # of what is imported when asked for


@dataclass
class Plugin:
    """One entry point of the group `zoo`: where it comes from, what it offers, and what is wrong with it."""

    name: str
    distribution: str
    version: str
    file: str = ""
    seconds: float = 0.0  # that its entry module took to import
    heavy: list[str] = field(default_factory=list)  # what that brought in which `zoo list` should not wait for
    offers: dict[str, list[str]] = field(default_factory=dict)  # "models" -> names, …
    problems: list[str] = field(default_factory=list)

    @property
    def called(self) -> str:
        """The plugin in words, with whom to tell of it: "the plugin 'vae' of genzoo"."""
        return f"the plugin {self.name!r} of {self.distribution}"


class Registry:
    """What the installed plugins offer. A broken plugin is noted in `broken` and hides no other.

    **Arguments:**
    - `only`: entry-point names to load; None loads all.
    - `strict`: raise at the first problem instead of noting it.
    """

    def __init__(self, only: frozenset[str] | None = None, strict: bool = False) -> None:
        self.models: dict[str, ModelSpec] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.datasets: dict[str, DatasetSpec] = {}
        self.features: dict[str, FeatureSpec] = {}
        self.plugins: list[Plugin] = []
        self.absent: frozenset[str] = only or frozenset()  # names in `only` that no installed plugin has
        self._strict = strict
        self._offered_by: dict[str, Plugin] = {}  # "models:mlp-vae" -> plugin
        self._manager = pluggy.PluginManager("zoo")
        self._manager.add_hookspecs(hookspecs)
        found = _in_order(entry_points(group="zoo"))
        self._wanted = [one for one in found if only is None or one.name in only]
        self.absent -= {one.name for one in self._wanted}
        with Waiting() as self._waiting:
            for entry_point in self._wanted:
                self._load(entry_point)
        self._refuse_broken()

    @property
    def broken(self) -> list[Plugin]:
        """The plugins that something is wrong with."""
        return [plugin for plugin in self.plugins if plugin.problems]

    def offered_by(self, kind: str, name: str) -> Plugin | None:
        """The plugin that a name came from; `kind` is "models", "checkpoints", "datasets" or "features"."""
        return self._offered_by.get(f"{kind}:{name}")

    def features_for(self, dataset: str) -> FeatureSpec | None:
        """The features that images are compared by unless told otherwise, for a data set; None when there are none."""
        return next((spec for spec in self.features.values() if dataset in spec.datasets), None)

    def model_class(self, name: str) -> Any:
        """The class of a model, imported now.

        **Raises:** `NotFoundError` for an unknown name, `PluginError` when its module can't be imported.
        """
        if name not in self.models and name in self.checkpoints:
            raise NotFoundError(f"{name!r} is a checkpoint, not a model. Its model: {self.checkpoints[name].model}.")
        return self._resolve("models", name, self.models)

    def dataset_loader(self, name: str) -> Any:
        """The function that loads a data set, imported now; raises like `model_class`."""
        return self._resolve("datasets", name, self.datasets)

    def feature_loader(self, name: str) -> Any:
        """The function that loads the network of features, imported now; raises like `model_class`."""
        return self._resolve("features", name, self.features)

    def add_commands(self, cli: "click.Group") -> None:
        """Let every plugin add commands; one that fails, or takes a name that is taken, is noted."""
        with Waiting() as self._waiting:
            for plugin in self.plugins:
                self._add_commands_of(plugin, cli)
        self._refuse_broken()

    def _add_commands_of(self, plugin: Plugin, cli: "click.Group") -> None:
        self._waiting.begin(plugin.called)
        taken = dict(cli.commands)
        with self._guard(plugin, "zoo_commands"):
            self._call(plugin, "zoo_commands", cli=cli)
        for name, command in taken.items():
            if cli.commands.get(name) is not command:
                cli.commands[name] = command
                plugin.problems.append(f"the command {name!r} is taken")

    def _refuse_broken(self, cause: BaseException | None = None) -> None:
        if self._strict and self.broken:
            plugin = self.broken[0]
            raise PluginError(f"Plugin {plugin.name!r} ({plugin.distribution}): {plugin.problems[0]}") from cause

    def _load(self, entry_point: EntryPoint) -> None:
        plugin = Plugin(entry_point.name, *_named(entry_point))
        self._waiting.begin(plugin.called)
        twin = next((other for other in self.plugins if other.name == plugin.name), None)
        self.plugins.append(plugin)
        with self._guard(plugin, "import"):
            plugin.file = _file_of(entry_point.module)
        if twin:
            plugin.problems.append(f"its entry-point name {plugin.name!r} is taken by {twin.distribution}: not loaded")
            return
        with self._guard(plugin, "import"):
            module = _import(entry_point, plugin)
            self._manager.register(module, name=plugin.name)
        if not plugin.problems:
            self._collect(plugin, "models", self.models, ModelSpec)
            self._collect(plugin, "checkpoints", self.checkpoints, Checkpoint)
            self._collect(plugin, "datasets", self.datasets, DatasetSpec)
            self._collect(plugin, "features", self.features, FeatureSpec)
            for hook in self._manager.get_hookcallers(module) or ():
                if not hook.has_spec():
                    plugin.problems.append(f"this version of the zoo does not know the hook {hook.name!r}")
        if plugin.problems:
            with self._guard(plugin, "metadata"):
                plugin.problems += _made_for_another(entry_point)

    def _collect(self, plugin: Plugin, kind: str, offered: dict[str, Any], record: type[Any]) -> None:
        """Take what a plugin's hook `zoo_<kind>` returns, record by record: one that is bad hides no other."""
        with self._guard(plugin, f"zoo_{kind}"):
            answers = self._call(plugin, f"zoo_{kind}")
            implementations = getattr(self._manager.hook, f"zoo_{kind}").get_hookimpls()
            if not answers and any(one.plugin_name == plugin.name for one in implementations):
                raise PluginError(f"returned None, not a list of {record.__name__}")  # pluggy leaves a None out
            for results in answers:
                if isinstance(results, str) or not isinstance(results, Iterable):
                    raise PluginError(f"returned {str(results)[:80]!r}, not a list of {record.__name__}")
                for number, one in enumerate(results):
                    if number == MOST_OFFERED:
                        raise PluginError(f"offers more than {MOST_OFFERED:,}: the rest are left out")
                    self._take(plugin, kind, offered, record, one)

    def _take(self, plugin: Plugin, kind: str, offered: dict[str, Any], record: type[Any], one: Any) -> None:
        if not isinstance(one, record):
            plugin.problems.append(f"zoo_{kind} offered {str(one)[:80]!r}, which is no {record.__name__}")
        elif one.name in offered:
            owner = self._offered_by[f"{kind}:{one.name}"].distribution
            plugin.problems.append(f"the name {one.name!r} in zoo_{kind} is taken by {owner}")
        else:
            offered[one.name] = one
            self._offered_by[f"{kind}:{one.name}"] = plugin
            plugin.offers.setdefault(kind, []).append(one.name)

    def _call(self, plugin: Plugin, hook: str, **arguments: Any) -> list[Any]:
        module = self._manager.get_plugin(plugin.name)
        others = [other for other in self._manager.get_plugins() if other is not module]
        if module is None:
            return []
        results: list[Any] = self._manager.subset_hook_caller(hook, others)(**arguments)
        return results

    @contextlib.contextmanager
    def _guard(self, plugin: Plugin, doing: str) -> Iterator[None]:
        """Note whatever a plugin does wrong; keep what it prints off standard output, which is for data."""
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except KeyboardInterrupt as stop:
            others = ",".join(sorted({one.name for one in self._wanted} - {plugin.name}))
            raise KeyboardInterrupt(
                f"while waiting for {plugin.called}. To leave it out: ZOO_LOAD_PLUGINS={shlex.quote(others)}"
            ) from stop
        except BaseException as error:  # SystemExit and the like too: no guest ends the program
            plugin.problems.append(f"{doing}: {_last_line(error, plugin.file.removesuffix('__init__.py'))}")
            self._refuse_broken(error)

    def _resolve(self, kind: str, name: str, specs: dict[str, Any]) -> Any:
        if name not in specs:
            raise NotFoundError(f"No installed plugin offers {KINDS[kind]} {name!r}.{did_you_mean(name, specs)}")
        module, _, attribute = specs[name].entry_point.partition(":")
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:
            distribution = self._offered_by[f"{kind}:{name}"].distribution
            raise PluginError(
                f"{name!r} can't be imported from {specs[name].entry_point}: {_last_line(error)}. "
                f"This is a fault of the distribution {distribution!r}: tell its authors."
            ) from error


@functools.cache
def installed() -> Registry:
    """The registry of this process, made on first use.

    `ZOO_LOAD_PLUGINS` (entry-point names, comma-separated; empty for none) says which plugins to load, and
    `ZOO_STRICT_PLUGINS=1` raises at the first problem.
    """
    names = os.environ.get("ZOO_LOAD_PLUGINS")
    only = None if names is None else frozenset(name.strip() for name in names.split(",") if name.strip())
    return Registry(only, strict=os.environ.get("ZOO_STRICT_PLUGINS") == "1")


def refresh() -> None:
    """Look for plugins anew at the next use: after a pip install in a running notebook."""
    importlib.invalidate_caches()
    installed.cache_clear()


def _in_order(found: Iterable[EntryPoint]) -> list[EntryPoint]:
    """Our own distribution first, then by distribution name: the first to offer a name keeps it."""

    def key(entry_point: EntryPoint) -> tuple[bool, str, str]:
        distribution, _ = _named(entry_point)
        return distribution != OWN_DISTRIBUTION, distribution.lower(), entry_point.name

    return sorted(found, key=key)


def _named(entry_point: EntryPoint) -> tuple[str, str]:
    """Name and version of an entry point's distribution."""
    metadata = entry_point.dist and entry_point.dist.metadata
    return (metadata and metadata["Name"]) or "unknown", (metadata and metadata["Version"]) or ""


def _import(entry_point: EntryPoint, plugin: Plugin) -> Any:
    """The entry module; what that costs is noted."""
    before, started = sys.modules.keys() & set(HEAVY), time.perf_counter()
    try:
        return entry_point.load()
    finally:
        plugin.seconds = time.perf_counter() - started
        plugin.heavy = sorted(sys.modules.keys() & set(HEAVY) - before)


def _made_for_another(entry_point: EntryPoint) -> list[str]:
    """What its distribution asks for of the zoo, in words, when this version is another."""
    from packaging.requirements import Requirement  # only wanted on the way out

    own = version(OWN_DISTRIBUTION)
    asked = [Requirement(text) for text in (entry_point.dist and entry_point.dist.requires) or ()]
    return [
        f"it is made for another version of the zoo, and this is {own}: pip install '{OWN_DISTRIBUTION}{one.specifier}'"
        for one in asked
        if one.name == OWN_DISTRIBUTION and not one.specifier.contains(own, prereleases=True)
    ]


def _file_of(module: str) -> str:
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    return (found.origin or "") if found else ""


def _last_line(error: BaseException, within: str = "") -> str:
    """The error with where it arose: "ValueError: no (zoo_bad/__init__.py, line 3)".

    `within`: a path; the last line of the traceback that lies in it is named, or none.
    """
    text = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{text} ({error.filename}, line {error.lineno})"
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(within)]
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else text
