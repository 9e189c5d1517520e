"""What can go wrong, as one tree, and words for it: the nearest name, numbers with their nouns.

ZooError                 anything its reader can mend: the command prints it and exits with 1
├── NotFoundError        no checkpoint, model, data set or features of that name
├── ConfigError          a value that a config, a recipe or an option can't take
├── CheckpointError      a directory that is not a checkpoint, or a damaged one
├── CapabilityError      asked of a model what it can't do
├── LabelError           labels that are missing, out of range or not wanted
├── DataError            images or a data set that can't be read or fetched
├── TrainingError        a training that failed or diverged
│   └── OutOfMemoryError one that asked for more memory than there is
├── OutputError          a file that can't be written
├── PluginError          a plugin that broke
├── MissingDependencyError
│                        a package that is not installed; says what installs it
└── HubError             the Hub can't be reached, or what it sent can't be trusted
"""

import operator
import os
from collections.abc import Iterable

# how much of two names is the same, from which on one may be meant by the other
ALIKE = 0.7


class ZooError(Exception):
    """Anything its reader can mend: the message says what happened, with which value, and what to
    do next. The fields say the same to a program.

    **Arguments:**
    - `message`: for people.
    - `name`: what was asked for, such as the name of a checkpoint that is not there.
    - `known`: the names that would have been right.
    - `path`: the file or folder that the error is about.
    """

    def __init__(
        self,
        message: str = "",
        *,
        name: str | None = None,
        known: Iterable[str] = (),
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.name = name
        self.known = tuple(known)
        self.path = None if path is None else os.fspath(path)


class NotFoundError(ZooError):
    """No checkpoint, model, data set or features of that name."""


class ConfigError(ZooError):
    """A value that a config, a recipe or an option can't take."""


class CheckpointError(ZooError):
    """A directory that is not a checkpoint, or a damaged one."""


class CapabilityError(ZooError):
    """Asked of a model what it can't do."""


class LabelError(ZooError):
    """Labels that are missing, out of range or not wanted."""


class DataError(ZooError):
    """Images or a data set that can't be read or fetched."""


class TrainingError(ZooError):
    """A training that failed (NaN) or diverged."""


class OutOfMemoryError(TrainingError):
    """A training that asked for more memory than there is."""


class OutputError(ZooError):
    """A file that can't be written."""


class PluginError(ZooError):
    """A plugin that broke."""


class MissingDependencyError(ZooError):
    """A package that is not installed; the message says what installs it, `name` which it is."""


class HubError(ZooError):
    """The Hub can't be reached, or what it sent can't be trusted."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message that offers the nearest known names.

    **Arguments:**
    - `name`: what was asked for.
    - `known`: the names there are.

    **Returns:** `" Did you mean 'a' or 'b'?"`, or `""` when no name is near."""
    near = nearest(name, known)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The known names that are near to one that is not known, the nearest first, three at most.

    The first of these rules that finds a name decides: the name has these initials ("lr" for
    "learning_rate"), begins with what was typed, is spelt much alike, or contains it. A number has
    no near names."""
    if len(name) < 2 or name.lstrip("+-").isdecimal():
        return []
    typed = name.casefold()
    names = sorted(known)
    initials = [
        one for one in names if "_" in one and typed == "".join(word[:1] for word in one.split("_"))
    ]
    rules = (
        sorted(initials, key=len)[:1],
        [one for one in names if one.casefold().startswith(typed)],
        _spelt_alike(typed, names),
        [one for one in names if len(typed) > 2 and typed in one.casefold()],
    )
    return next((found[:3] for found in rules if found), [])


def _spelt_alike(typed: str, names: Iterable[str]) -> list[str]:
    """The names that share most letters with what was typed, or differ from it in one letter;
    only those that are about as near as the nearest.
    """
    import difflib  # only wanted on the way out

    near: dict[str, float] = {}
    for one in names:
        ratio = difflib.SequenceMatcher(None, typed, one.casefold()).ratio()
        swapped = sum(map(operator.ne, typed, one.casefold()))
        if ratio >= ALIKE or (len(one) == len(typed) and swapped == 1):
            near[one] = ratio
    best = max(near.values(), default=0.0)
    return sorted((one for one in near if near[one] > best - 0.05), key=lambda one: -near[one])


def choose_from(name: str, known: Iterable[str]) -> str:
    """The same where the names are few and a reader can choose among them.

    **Returns:** what `did_you_mean` returns, or, with nothing near, `" There is: a, b, c."`."""
    known = sorted(known)
    more = ", …" if len(known) > 20 else ""
    listed = f" There is: {', '.join(known[:20])}{more}." if known else ""
    return did_you_mean(name, known) or listed


def counted(number: int, noun: str) -> str:
    """A number with its noun in singular or plural: "1 image", "60,000 images", "2 classes"."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"
