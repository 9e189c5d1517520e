"""Registry: the models, checkpoints, data sets and features that the installed plugins offer."""

import contextlib
import functools
import importlib
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pluggy

from zoo.common import settings
from zoo.common.errors import NotFoundError, PluginError, choose_from
from zoo.registry import hookspecs
from zoo.registry.discovery import (
    UNKNOWN,
    Plugin,
    file_of,
    found,
    import_entry_module,
    in_order,
    last_line,
    made_for_another,
    off_stdout,
)
from zoo.registry.door import admitted, shown
from zoo.registry.hookspecs import (
    OFFERS,
    Checkpoint,
    DatasetSpec,
    FeatureSpec,
    ImporterSpec,
    MetricSpec,
    ModelSpec,
    Offer,
)
from zoo.registry.manners import Manners
from zoo.registry.watchdog import Waiting

if TYPE_CHECKING:
    import click

MOST_OFFERED = 1000  # of a kind, by one plugin
# The name of a distribution (PEP 508); nothing else goes near a shell.
DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9])?")


class Registry:
    """What the installed plugins offer. A broken plugin is noted in `broken` and hides no other.

    **Arguments:**
    - `only`: entry-point names to load; None loads all.
    - `strict`: raise at the first problem instead of noting it.
    """

    def __init__(self, only: frozenset[str] | None = None, strict: bool = False) -> None:
        self.offered: dict[str, dict[str, Any]] = {offer.kind: {} for offer in OFFERS}
        self.plugins: list[Plugin] = []
        # names in `only` that no installed plugin has
        self.absent: frozenset[str] = only or frozenset()
        self._strict = strict
        self._offered_by: dict[str, Plugin] = {}  # "models:mlp-vae" -> plugin
        self._manager = pluggy.PluginManager("zoo")
        self._manager.add_hookspecs(hookspecs)
        there, damaged = found()
        wanted = [
            (plugin, one) for plugin, one in in_order(there) if only is None or plugin.name in only
        ]
        self._wanted = {plugin.name for plugin, _ in wanted}
        self.absent -= self._wanted
        with Waiting() as self._waiting, Manners() as self._manners:
            for plugin, entry_point in wanted:
                self._load(plugin, entry_point)
        self.plugins += damaged if only is None else []
        self._refuse_broken()

    @property
    def models(self) -> dict[str, ModelSpec]:
        """The models that plugins offer, by name."""
        return self.offered["models"]

    @property
    def checkpoints(self) -> dict[str, Checkpoint]:
        """The checkpoints that plugins offer, by name."""
        return self.offered["checkpoints"]

    @property
    def datasets(self) -> dict[str, DatasetSpec]:
        """The data sets that plugins offer, by name."""
        return self.offered["datasets"]

    @property
    def features(self) -> dict[str, FeatureSpec]:
        """The features that plugins offer, by name."""
        return self.offered["features"]

    @property
    def importers(self) -> dict[str, ImporterSpec]:
        """The importers that plugins offer, by name."""
        return self.offered["importers"]

    @property
    def metrics(self) -> dict[str, MetricSpec]:
        """The metrics that plugins offer, by name."""
        return self.offered["metrics"]

    @property
    def broken(self) -> list[Plugin]:
        """The plugins that something is wrong with."""
        return [plugin for plugin in self.plugins if plugin.problems]

    def offered_by(self, kind: str, name: str) -> Plugin | None:
        """The plugin that a name came from; `kind` is that of a row of OFFERS, such as "models"."""
        return self._offered_by.get(f"{kind}:{name}")

    def features_for(self, dataset: str) -> FeatureSpec | None:
        """The features that images are compared by unless told otherwise, for a data set; None when
        there are none.
        """
        named = self.datasets[dataset].features if dataset in self.datasets else ""
        if named in self.features:
            return self.features[named]
        return next((spec for spec in self.features.values() if dataset in spec.datasets), None)

    def features_that_suit(self, kind: str) -> FeatureSpec | None:
        """The features for samples of a kind that no features are meant for; None when there are
        none, or what brings their weights is not installed.
        """
        for spec in self.features.values():
            package = spec.weights.partition(":")[0]
            there = package in ("", "https") or importlib.util.find_spec(package) is not None
            if kind in spec.suits and there:
                return spec
        return None

    def model_class(self, name: str) -> Any:
        """The class of a model, imported now.

        **Raises:** `NotFoundError` for an unknown name, `PluginError` when its module can't be
        imported."""
        if name not in self.models and name in self.checkpoints:
            raise NotFoundError(
                f"{name!r} is a checkpoint, not a model. Its model: {self.checkpoints[name].model}."
            )
        return self._resolve("models", name)

    def dataset_loader(self, name: str) -> Any:
        """The function that loads a data set, imported now; raises like `model_class`."""
        return self._resolve("datasets", name)

    def feature_loader(self, name: str) -> Any:
        """The function that loads features, imported now; raises like `model_class`."""
        return self._resolve("features", name)

    def importer(self, name: str) -> Any:
        """The function of an importer, imported now; raises like `model_class`."""
        return self._resolve("importers", name)

    def metric(self, name: str) -> Any:
        """The function of a metric, imported now; raises like `model_class`."""
        return self._resolve("metrics", name)

    def add_commands(self, cli: "click.Group") -> None:
        """Let every plugin add commands; note one that fails or takes a name that is taken."""
        with Waiting() as self._waiting, Manners() as self._manners:
            for plugin in self.plugins:
                self._add_commands_of(plugin, cli)
        self._refuse_broken()

    def _add_commands_of(self, plugin: Plugin, cli: "click.Group") -> None:
        from click import Command

        self._waiting.begin(plugin.called)
        taken = dict(cli.commands)
        added: dict[Any, Any] = taken
        with self._guard(plugin, "zoo_commands"):
            self._call(plugin, "zoo_commands", cli=cli)
            added = dict(cli.commands)
        cli.commands = taken
        for name in [name for name in taken if added.get(name) is not taken[name]]:
            plugin.problems.append(f"the command {name!r} is taken")
        for name in sorted(added.keys() - taken.keys(), key=str):
            if (
                isinstance(name, str)
                and hookspecs.NAME.fullmatch(name)
                and isinstance(added[name], Command)
            ):
                taken[name] = added[name]
            else:
                plugin.problems.append(
                    f"{str(name)[:80]!r} is no command: a name as a model's, for a click.Command"
                )

    def _refuse_broken(self, cause: BaseException | None = None) -> None:
        if self._strict and self.broken:
            plugin = self.broken[0]
            raise PluginError(
                f"Plugin {plugin.name!r} ({plugin.distribution}): {plugin.problems[0]}"
            ) from cause

    def _load(self, plugin: Plugin, entry_point: EntryPoint) -> None:
        self._waiting.begin(plugin.called)
        twin = next((other for other in self.plugins if other.name == plugin.name), None)
        self.plugins.append(plugin)
        with self._guard(plugin, "import"):
            plugin.file = file_of(entry_point.module)
        if twin:
            plugin.problems.append(
                f"its entry-point name {plugin.name!r} is taken by {twin.distribution}: not loaded"
            )
            return
        with self._guard(plugin, "import"):
            module = import_entry_module(entry_point, plugin)
            self._manager.register(module, name=plugin.name)
        if not plugin.problems:
            for offer in OFFERS:
                self._collect(plugin, offer)
            for hook in self._manager.get_hookcallers(module) or ():
                if not hook.has_spec():
                    plugin.problems.append(
                        f"this version of the zoo does not know the hook {hook.name!r}"
                    )
        if plugin.problems:
            with self._guard(plugin, "metadata"):
                plugin.problems += made_for_another(entry_point)
        if plugin.distribution == UNKNOWN:
            plugin.problems.append(
                "the metadata of its distribution are damaged: install it anew, or delete its files"
            )

    def _collect(self, plugin: Plugin, offer: Offer) -> None:
        """Take what a plugin's hook returns, record by record: one that is bad hides no other."""
        wanted = offer.record.__name__
        with self._guard(plugin, offer.hook):
            answers = self._call(plugin, offer.hook)
            implementations = getattr(self._manager.hook, offer.hook).get_hookimpls()
            if not answers and any(one.plugin_name == plugin.name for one in implementations):
                raise PluginError(f"returned None, not a list of {wanted}")  # pluggy leaves it out
            for results in answers:
                if isinstance(results, str) or not isinstance(results, Iterable):
                    raise PluginError(f"returned {shown(results)}, not a list of {wanted}")
                for number, one in enumerate(results):
                    if number == MOST_OFFERED:
                        raise PluginError(
                            f"offers more than {MOST_OFFERED:,}: the rest are left out"
                        )
                    self._take(plugin, offer, one)

    def _take(self, plugin: Plugin, offer: Offer, one: Any) -> None:
        offered = self.offered[offer.kind]
        try:
            record = admitted(one, offer.record)
        except BaseException as error:  # its own methods may raise anything
            if self._is_users_stop(error):
                raise
            said = str(error) if isinstance(error, PluginError) else last_line(error)
            plugin.problems.append(f"{offer.hook} offered {said}")
            return
        if record.name in offered:
            owner = self._offered_by[f"{offer.kind}:{record.name}"].distribution
            plugin.problems.append(f"the name {record.name!r} in {offer.hook} is taken by {owner}")
            return
        offered[record.name] = record
        self._offered_by[f"{offer.kind}:{record.name}"] = plugin
        plugin.offers.setdefault(offer.kind, []).append(record.name)

    def _call(self, plugin: Plugin, hook: str, **arguments: Any) -> list[Any]:
        module = self._manager.get_plugin(plugin.name)
        others = [other for other in self._manager.get_plugins() if other is not module]
        if module is None:
            return []
        results: list[Any] = self._manager.subset_hook_caller(hook, others)(**arguments)
        return results

    @contextlib.contextmanager
    def _guard(self, plugin: Plugin, doing: str) -> Iterator[None]:
        """Note whatever a plugin does wrong; keep what it prints off standard output, which is for
        data.
        """
        try:
            with off_stdout():
                yield
        # SystemExit and the like too: no guest ends the program
        except BaseException as error:
            if self._is_users_stop(error):
                import shlex  # only wanted on the way out

                others = ",".join(sorted(self._wanted - {plugin.name}))
                raise KeyboardInterrupt(
                    f"while waiting for {plugin.called}. To leave it out: "
                    f"ZOO_LOAD_PLUGINS={shlex.quote(others)}"
                ) from error
            plugin.problems.append(
                f"{doing}: {last_line(error, plugin.file.removesuffix('__init__.py'))}"
            )
            self._refuse_broken(error)

    def _is_users_stop(self, error: BaseException) -> bool:
        """Whether the user pressed Ctrl-C; a plugin may raise the same of its own."""
        return isinstance(error, KeyboardInterrupt) and not self._manners.feigned

    def _resolve(self, kind: str, name: str) -> Any:
        specs = self.offered[kind]
        if name not in specs:
            (noun,) = (offer.noun for offer in OFFERS if offer.kind == kind)
            raise NotFoundError(
                f"No installed plugin offers {noun} {name[:80]!r}.{choose_from(name, specs)}"
            )
        module, _, attribute = specs[name].entry_point.partition(":")
        manners = Manners()
        try:
            with off_stdout(), manners:
                return getattr(importlib.import_module(module), attribute)
        except BaseException as error:  # SystemExit and the like too
            if isinstance(error, KeyboardInterrupt) and not manners.feigned:
                raise
            distribution = self._offered_by[f"{kind}:{name}"].distribution
            raise PluginError(
                f"{name!r} can't be imported from {specs[name].entry_point}: {last_line(error)}. "
                f"This is a fault of the distribution {distribution!r}: tell its authors."
            ) from error


def claimed_maker(config: Mapping[str, Any]) -> str:
    """The distribution that a checkpoint's config names as its model's maker, for a message.

    **Arguments:**
    - `config`: what config.json holds; its `made_by` is a stranger's claim.

    **Returns:** the end of a message that no plugin offers the model; empty when the config names
    no distribution, or one that is installed.
    """
    made_by = config.get("made_by")
    distribution = made_by.get("distribution") if isinstance(made_by, dict) else None
    if not isinstance(distribution, str) or not DISTRIBUTION.fullmatch(distribution):
        return ""
    if distribution in {plugin.distribution for plugin in installed().plugins}:
        return ""
    made_with = f"{distribution} {str(config['made_by'].get('version', ''))[:80]}".rstrip()
    return (
        f" The checkpoint says that it was made by {made_with}. Look at who publishes that. If you "
        f"trust them: pip install {distribution}"
    )


@functools.cache
def installed() -> Registry:
    """The registry of this process, made on first use.

    `ZOO_LOAD_PLUGINS` (entry-point names, comma-separated; empty for none) says which plugins to
    load, and `ZOO_STRICT_PLUGINS=1` raises at the first problem."""
    return Registry(settings.plugins_to_load(), strict=settings.strict_plugins())


def refresh() -> None:
    """Look for plugins anew at the next use: after a pip install in a running notebook."""
    importlib.invalidate_caches()
    installed.cache_clear()
