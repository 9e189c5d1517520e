"""What a plugin may offer: plain data records, and the hooks that hand them over."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pluggy import HookimplMarker, HookspecMarker

from zoo.common import arguments
from zoo.common.errors import PluginError

if TYPE_CHECKING:
    import click

hookspec = HookspecMarker("zoo")
hookimpl = HookimplMarker("zoo")

CAPABILITIES = ("sample", "decode", "encode")  # each includes those before it
KINDS = ("image", "array", "text", "audio")  # of samples
DTYPES = ("uint8", "int64", "float32")  # of the samples of a data set
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
ENTRY_POINT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
WEIGHTS = re.compile(r"https://\S+|[A-Za-z_]\w*:\w[\w./-]*")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Suit:
    """Data that a model is meant for. `zoo train --data DIR` without a model chooses by it.

    **Arguments:**
    - `why`: why it suits them, in a few words after a colon.
    - `channels`: channels of the images, such as (1, 3).
    - `edges`: smallest and largest edge in pixels; other images are scaled to 32 × 32.
    - `fewest`, `most`: how many images.
    - `steps`: optimizer steps after which samples can be shown.
    - `settings`: fields of the config and the recipe for such data, each as "field=value".
    - `conditional`: whether it is trained with the classes of the data, if they have some.
    """

    why: str
    channels: tuple[int, ...] = (1, 3)
    edges: tuple[int, int] = (8, 64)
    fewest: int = 1
    most: int = 10**9
    steps: int = 10_000
    settings: tuple[str, ...] = ()
    conditional: bool = True

    def __post_init__(self) -> None:
        _check_types(self, named=False)
        sizes = len(self.edges) == 2 and 1 <= self.edges[0] <= self.edges[1]
        if not (sizes and 1 <= self.fewest <= self.most and self.steps >= 1):
            raise PluginError(
                f"Suit: edges = {self.edges}, fewest = {self.fewest}, most = {self.most} and steps "
                f"= {self.steps} must be at least 1, and each pair in rising order."
            )
        if wrong := [one for one in self.settings if "=" not in one]:
            raise PluginError(f'Suit: the setting {wrong[0][:80]!r} must be "field=value".')


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model that can be built and trained. The class is named, not imported: an entry module
    stays light.

    **Arguments:**
    - `name`: what users type, such as "mlp-vae"; lower-case letters, digits, `.`, `_` and `-`.
    - `entry_point`: where the class is, as "package.module:Class".
    - `summary`: one line.
    - `capabilities`: of "sample", "decode" (has latents), "encode" (has an encoder).
    - `reference`: address of the paper.
    - `kind`: of its samples, "image", "array", "text" or "audio"; the same as the class's
        `sample_kind`. A file that can't hold them is refused by this, before the class is imported.
    - `dataset`: name of the data set that `zoo train` takes unless told; "mnist" where this is
        empty.
    - `suits`: data that it is meant for; a model that states none is never chosen unasked.
    - `trainable`: False for a model that is to sample alone: its class has no `training_step`.
    """

    name: str
    entry_point: str
    summary: str = ""
    capabilities: tuple[str, ...] = ("sample",)
    reference: str = ""
    kind: str = "image"
    dataset: str = ""
    trainable: bool = True
    suits: tuple[Suit, ...] = ()

    def __post_init__(self) -> None:
        _check(self.name, NAME, "model name")
        _check(self.entry_point, ENTRY_POINT, "entry point")
        _check_types(self)
        if unknown := set(self.capabilities) - set(CAPABILITIES):
            raise PluginError(
                f"Model {self.name!r} has unknown capabilities {sorted(unknown)}; there are "
                f"{CAPABILITIES}."
            )
        if self.kind not in KINDS:
            raise PluginError(
                f"Model {self.name!r} has the unknown kind {self.kind[:80]!r}; there are {KINDS}."
            )


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A trained checkpoint that can be had: bundled with its plugin, on the Hub, or both.

    **Arguments:**
    - `name`: what users type, such as "vae-mnist".
    - `model`: name of the model that it instantiates.
    - `dataset`: name of the data set that it was trained on.
    - `repo_id`, `revision`: Hub repository and commit; empty when it is on no Hub.
    - `summary`: one line.
    - `parameters`: how many numbers `model.safetensors` holds in parameters.
    - `num_classes`: 0 is unconditional.
    - `license`: of the weights, as an SPDX identifier in lower case.
    - `sha256`: digests by file name, of `config.json` and `model.safetensors` at least.
    - `bundled`: its directory, when the plugin brings it (see `bundled`).
    """

    name: str
    model: str
    dataset: str = ""
    repo_id: str = ""
    revision: str = ""
    summary: str = ""
    parameters: int = 0
    num_classes: int = 0
    license: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)
    bundled: Path | None = None

    def __post_init__(self) -> None:
        _check(self.name, NAME, "checkpoint name")
        _check(self.model, NAME, "model name")
        _check_types(self)
        for file in ("config.json", "model.safetensors"):
            _check(self.sha256.get(file, ""), SHA256, f"sha256 of {file}")


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """A data set that models can be trained on, by name.

    **Arguments:**
    - `name`: what users type, such as "mnist".
    - `entry_point`: a function "package.module:function" called as `function(root, split)` with a
        `Path` and "train" or "test"; it returns a pair of samples, of `dtype` and shape
        `(n, *sample_shape)`, and labels, int64 `(n,)` below the number of class names (None where
        there are none), and downloads what isn't there. With `lengths` it returns a third tensor.
    - `sample_shape`: shape of one sample.
    - `class_names`: what the labels 0, 1, … mean.
    - `dtype`: of the samples, "uint8", "int64" (tokens, which models get as they are) or "float32".
    - `scale`: what the samples are divided by to become a model's float32 input; 255 for uint8 and
        1 for float32 unless given. Tokens are not divided.
    - `lengths`: whether samples are padded at the end of their last dimension. The function then
        returns a third tensor, int64 `(n,)`: how much of each sample is not padding, 1 at least.
    - `features`: name of the features that its samples are compared by unless told otherwise.
    - `metadata`: what a model must know of the data, such as `{"sample_rate": 8000}`: texts,
        numbers, and lists of them. A field of a model's Config that has the name of an entry gets
        its value, as `sample_shape` gets the shape; `class_names` gets the class names.
    - `license`, `citation`, `homepage`: of the data.
    - `hub_id`: its id on the Hub, for model cards.
    """

    name: str
    entry_point: str
    sample_shape: tuple[int, ...]
    class_names: tuple[str, ...] = ()
    license: str = ""
    citation: str = ""
    homepage: str = ""
    hub_id: str = ""
    dtype: str = "uint8"
    scale: int | float | None = None
    lengths: bool = False
    features: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self.name, NAME, "data set name")
        _check(self.entry_point, ENTRY_POINT, "entry point")
        _check_types(self)
        called = f"Data set {self.name!r}"
        if self.dtype not in DTYPES:
            raise PluginError(
                f"{called} has the unknown dtype {self.dtype[:80]!r}; there are {DTYPES}."
            )
        if self.scale is not None and not 0 < self.scale < math.inf:
            raise PluginError(f"{called}: scale = {self.scale} must be above 0.")
        if self.scale is not None and self.dtype == "int64":
            raise PluginError(f"{called} has tokens (int64), which no scale divides: leave it out.")
        for key, value in self.metadata.items():
            if not isinstance(key, str) or not key.isidentifier() or not _is_plain(value):
                raise PluginError(
                    f"{called}: metadata {str(key)[:80]!r} = {str(value)[:80]!r} must be a text, a "
                    "number or a list of them, by the name of a field."
                )


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """Features that samples are compared by: a trained network that looks at images.

    **Arguments:**
    - `name`: what users type, such as "inception"; as a model's.
    - `entry_point`: a function "package.module:function" called as `function(weights)` with the
        path of a file of weights, or None for those it ships. It returns an `nn.Module` in eval
        mode that maps images, float32 `(n, channels, height, width)` in [0, 1], to a pair:
        features, float32 `(n, d)`, and logits, float32 `(n, classes)`, or None. Its attribute
        `weights` is the `Path` of the file that its weights came from, which is hashed.
    - `datasets`: names of the data sets that these features are the default for.
    - `sample_shape`: the (channels, height, width) that it takes; empty when it takes any image.
    - `class_names`: what the logits 0, 1, … mean; without them classes are not counted.
    - `summary`: one line.
    - `reference`: address of the paper.
    - `weights`: where its weights come from, if the plugin does not ship them: an https address, or
        "package:path/inside" of an installed package. The file holds a state dict, as
        `torch.save` writes it. It is turned into safetensors once, in a process of its own, and the
        function gets the path of that file.
    - `weights_sha256`: the SHA-256 of the file that `weights` names; no other is opened.
    - `suits`: kinds of samples that these features are the default for, of data that no features
        are meant for: "image", or none.
    - `has_variants`: whether `NAME:VARIANT` chooses a network. The function then gets the variant
        as its second argument.
    """

    name: str
    entry_point: str
    datasets: tuple[str, ...] = ()
    sample_shape: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()
    summary: str = ""
    reference: str = ""
    weights: str = ""
    weights_sha256: str = ""
    suits: tuple[str, ...] = ()
    has_variants: bool = False

    def __post_init__(self) -> None:
        _check(self.name, NAME, "feature name")
        _check(self.entry_point, ENTRY_POINT, "entry point")
        _check_types(self)
        if unknown := set(self.suits) - set(KINDS):
            raise PluginError(
                f"Features {self.name!r} suit unknown kinds {sorted(unknown)}; there are {KINDS}."
            )
        if self.weights or self.weights_sha256:
            _check(self.weights, WEIGHTS, f"place of the weights of features {self.name!r}")
            _check(self.weights_sha256, SHA256, f"weights_sha256 of features {self.name!r}")


@dataclass(frozen=True, kw_only=True)
class ImporterSpec:
    """A way to bring weights from elsewhere into a model of the zoo.

    **Arguments:**
    - `name`: what users type after `--with`, such as "pythae-vae"; as a model's.
    - `entry_point`: a function "package.module:function" called as `function(foreign)` with a
        `zoo.models.Foreign`. It returns a `zoo.models.Converted`, or None where it does not know
        the files.
    - `model`: name of the model that the tensors are for.
    - `summary`: one line that says what it reads.
    """

    name: str
    entry_point: str
    model: str
    summary: str = ""

    def __post_init__(self) -> None:
        _check(self.name, NAME, "importer name")
        _check(self.entry_point, ENTRY_POINT, "entry point")
        _check(self.model, NAME, "model name")
        _check_types(self)


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """A metric of samples, which `zoo evaluate` measures beside its own.

    **Arguments:**
    - `name`: as a model's; it stands in the facts.
    - `entry_point`: a function "package.module:function" called as `function(samples, data)` with
        samples of the model and test data (training data where there are none), both as models
        take them: `(n, *sample_shape)`, on the CPU. It returns a pair: the value, and its standard
        error or None.
    - `kinds`: of samples, such as ("text",).
    - `summary`: what it is called in tables.
    - `unit`: of the value.
    - `better`: "↑" or "↓", where it is better.
    - `version`: raise it when the same samples would give another value.
    """

    name: str
    entry_point: str
    kinds: tuple[str, ...] = ("image",)
    summary: str = ""
    unit: str = ""
    better: str = ""
    version: int = 1

    def __post_init__(self) -> None:
        _check(self.name, NAME, "metric name")
        _check(self.entry_point, ENTRY_POINT, "entry point")
        _check_types(self)
        if unknown := set(self.kinds) - set(KINDS):
            raise PluginError(
                f"Metric {self.name!r} has unknown kinds {sorted(unknown)}; there are {KINDS}."
            )
        if self.better not in ("", "↑", "↓"):
            raise PluginError(f"Metric {self.name!r}: better = {self.better[:80]!r} is no ↑ or ↓.")


@dataclass(frozen=True)
class Offer:
    """One kind of record that plugins offer: a row of OFFERS.

    **Arguments:**
    - `kind`: the plural that names it, such as "models"; its hook is `zoo_models`.
    - `record`: the class of its records.
    - `noun`: one of them in words, such as "a model".
    """

    kind: str
    record: type[Any]
    noun: str

    @property
    def hook(self) -> str:
        """The name of the hook that hands these records over."""
        return f"zoo_{self.kind}"


OFFERS = (
    Offer("models", ModelSpec, "a model"),
    Offer("checkpoints", Checkpoint, "a checkpoint"),
    Offer("datasets", DatasetSpec, "a data set"),
    Offer("features", FeatureSpec, "features"),
    Offer("importers", ImporterSpec, "an importer"),
    Offer("metrics", MetricSpec, "a metric"),
)


@hookspec
def zoo_models() -> Iterable[ModelSpec]:  # type: ignore[empty-body]  # pluggy calls implementations, never this
    """Offer models that can be built and trained."""


@hookspec
def zoo_checkpoints() -> Iterable[Checkpoint]:  # type: ignore[empty-body]  # as above
    """Offer trained checkpoints."""


@hookspec
def zoo_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]  # as above
    """Offer data sets."""


@hookspec
def zoo_features() -> Iterable[FeatureSpec]:  # type: ignore[empty-body]  # as above
    """Offer features that samples are compared by."""


@hookspec
def zoo_importers() -> Iterable[ImporterSpec]:  # type: ignore[empty-body]  # as above
    """Offer ways to bring weights from elsewhere into models."""


@hookspec
def zoo_metrics() -> Iterable[MetricSpec]:  # type: ignore[empty-body]  # as above
    """Offer metrics of samples."""


@hookspec
def zoo_commands(cli: "click.Group") -> None:
    """Add commands to the `zoo` command: `@cli.command()`."""


def bundled(package_file: str, name: str) -> Path | None:
    """The directory of a checkpoint that a plugin brings along.

    **Arguments:**
    - `package_file`: the plugin's `__file__`.
    - `name`: the checkpoint's name.

    **Returns:** `cards/NAME` inside the installed package, or, in a source checkout (an editable
    install), the one in a folder above it; None when there is none.

    **Raises:** `ConfigError` for arguments of another type."""
    name = arguments.name(name)
    for folder in arguments.path("package_file", package_file).resolve().parents[:3]:
        directory = folder / "cards" / name
        if (directory / "config.json").is_file():
            return directory
    return None


def _check(text: str, pattern: re.Pattern[str], what: str) -> None:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise PluginError(
            f"{str(text)[:80]!r} is not a valid {what}: it must match {pattern.pattern}."
        )


def _check_types(record: Any, named: bool = True) -> None:
    """Refuse a field that is not of its annotated type, before anything shows it."""
    called = f"{type(record).__name__} {record.name!r}" if named else type(record).__name__
    for one in fields(record):
        value = getattr(record, one.name)
        if not _is_a(value, one.type):
            wanted = one.type if get_args(one.type) else getattr(one.type, "__name__", one.type)
            raise PluginError(
                f"{called}: {one.name} = {str(value)[:80]!r} must be of type {wanted}."
            )


def _is_plain(value: Any) -> bool:
    """Whether a value of metadata is a text, a finite number, a truth value or a list of them."""
    if isinstance(value, tuple | list):
        return all(_is_plain(one) for one in value)
    return isinstance(value, str | int | float) and value not in (math.inf, -math.inf)


def _is_a(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    arguments = get_args(hint)
    if not arguments:
        return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    if get_origin(hint) is tuple:  # a list does as well
        return isinstance(value, tuple | list) and all(_is_a(each, arguments[0]) for each in value)
    if get_origin(hint) is Mapping:
        return isinstance(value, Mapping) and all(
            _is_a(each, arguments[1]) for each in value.values()
        )
    return any(_is_a(value, argument) for argument in arguments)
