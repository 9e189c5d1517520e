"""LIGHT: which of the installed models suits data, by what the models say of themselves."""

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

from zoo.common.config import ModelConfig, parse_assignments
from zoo.common.errors import ConfigError, DataError, counted
from zoo.registry import Suit, installed

if TYPE_CHECKING:
    from zoo.data import Dataset
    from zoo.training.request import Asked

log = logging.getLogger("zoo")

# images of each class on average; with fewer, a model would not learn what the class is
ENOUGH_OF_A_CLASS = 50
# samples in a step, of a recipe that says nothing else
BATCH = 128
# what images of several sizes, or large ones, become: (channels, height, width)
SMALL = (3, 32, 32)
COLOURS = {1: "grey images", 3: "colour images"}


def fitting(asked: "Asked", timed: bool) -> "Asked":
    """A training without a model: the model that suits the data, with its settings and epochs.

    What was asked for stays. Three notes say what was chosen and why.

    **Arguments:**
    - `asked`: with data and without a model.
    - `timed`: whether the minutes will say how many epochs.

    **Raises:** `ConfigError` when no installed model says that it suits such data; `DataError` when
    the data can't be read."""
    own = _by_field(asked.settings)
    data, scaled = _looked_at(asked, own.get("sample_shape"))
    name, suit = _best(data)
    chosen = {**_of_data(data, scaled, suit), **_by_field(suit.settings)}
    chosen = {field: value for field, value in chosen.items() if field not in own}
    epochs = asked.epochs or (None if timed else _epochs(len(data), suit, {**chosen, **own}))
    settings = tuple(f"{field}={value}" for field, value in chosen.items())
    _say(name, suit, data, settings, epochs)
    return dataclasses.replace(
        asked, model=name, epochs=epochs, settings=(*settings, *asked.settings)
    )


def suiting(channels: int, images: int) -> list[tuple[str, Suit]]:
    """The installed models that suit so many images of so many channels, the most special first.

    The most special is the one for the smallest range of numbers of images."""
    found = [
        (name, suit)
        for name, spec in installed().models.items()
        for suit in spec.suits
        if channels in suit.channels and suit.fewest <= images <= suit.most
    ]
    return sorted(found, key=lambda one: (one[1].most - one[1].fewest, one[0]))


def _looked_at(asked: "Asked", shape: str | None) -> tuple["Dataset", bool]:
    """The data, and whether they were scaled because they are of several sizes."""
    from zoo.data import load_dataset

    how: dict[str, Any] = {
        "root": asked.data_root,
        "value_range": asked.value_range,
        "skip_bad": asked.skip_bad,
    }
    assert asked.data is not None
    if shape is not None:
        (values,) = parse_assignments([f"sample_shape={shape}"], ModelConfig)
        return load_dataset(asked.data, sample_shape=values["sample_shape"], **how), False
    try:
        return load_dataset(asked.data, **how), False
    except DataError as error:
        try:
            return load_dataset(asked.data, sample_shape=SMALL, **how), True
        except DataError:
            raise error from None


def _best(data: "Dataset") -> tuple[str, Suit]:
    shape = data.sample_shape
    found = suiting(shape[0], len(data)) if len(shape) == 3 else []
    if not found:
        raise ConfigError(
            f"No installed model says that it suits {counted(len(data), 'sample')} of shape "
            f"{tuple(shape)}. Name one: zoo train MODEL (zoo list --models)."
        )
    return found[0]


def _of_data(data: "Dataset", scaled: bool, suit: Suit) -> dict[str, str]:
    """The settings that the data ask for: a smaller size, and classes."""
    settings = {}
    channels, *edges = data.sample_shape
    if scaled or min(edges) < suit.edges[0] or max(edges) > suit.edges[1]:
        settings["sample_shape"] = ",".join(map(str, (channels, *SMALL[1:])))
    classes = len(data.class_names)
    if suit.conditional and classes > 1 and len(data) >= ENOUGH_OF_A_CLASS * classes:
        settings["num_classes"] = str(classes)
    return settings


def _by_field(settings: tuple[str, ...]) -> dict[str, str]:
    """Texts "field=value" by field; the training refuses those that are none."""
    return {field.strip(): value for field, _, value in (one.partition("=") for one in settings)}


def _epochs(images: int, suit: Suit, settings: dict[str, str]) -> int:
    """How many epochs make the steps that a suit asks for."""
    said = settings.get("batch_size", "").strip()
    batch = int(said) if said.isdecimal() else BATCH
    return max(1, round(suit.steps / max(1, images // max(1, min(batch, images)))))


def _say(
    name: str, suit: Suit, data: "Dataset", settings: tuple[str, ...], epochs: int | None
) -> None:
    channels, height, width = data.sample_shape
    kind = COLOURS.get(channels, f"images of {channels} channels")
    length = f"trains for {counted(epochs, 'epoch')}, with" if epochs else "is trained with"
    log.info(f"Chose {name} for {len(data):,} {kind} of {height} × {width} pixels: {suit.why}.")
    log.info(f"It {length} {' '.join(settings) or 'its recipe'}.")
    log.info(
        "To choose yourself: zoo train MODEL (zoo list --models), --set, --epochs or --minutes."
    )
