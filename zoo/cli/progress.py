"""How far a long task is: a bar for a person who watches, else a line every half minute."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from zoo.common import settings
from zoo.common.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress

FEWEST = 2000  # samples, bytes or steps, below which no bar is worth showing
INTERVAL = 30.0  # seconds between two lines of progress where nobody watches


def watched() -> bool:
    """Whether a person sees standard error as it is written, in a terminal that can show a bar."""
    return sys.stderr.isatty() and not settings.dumb_terminal()


def is_quiet() -> bool:
    """Whether --quiet was given."""
    return logging.getLogger("zoo").level >= logging.WARNING


class Pace:
    """Says how far a task is, in a line on standard error every INTERVAL seconds at most.

    **Arguments:**
    - `doing`: the task in words, such as "Sampling".
    - `total`: how many steps it has; 0 when that is not known.
    """

    def __init__(self, doing: str, total: int = 0) -> None:
        self._doing = printable(doing)
        self._total = total
        self._began = self._said = time.monotonic()

    def reach(self, done: int, remark: str = "") -> None:
        """Note that `done` steps are done; `remark` stands at the end of the line."""
        now = time.monotonic()
        if now - self._said < INTERVAL or is_quiet():
            return
        self._said = now
        share = f" of {self._total:,} ({done / self._total:.0%})" if self._total else ""
        passed = f"{now - self._began:,.0f} s"
        click.echo(
            f"{self._doing}: {done:,}{share}, {passed}{', ' if remark else ''}{remark}", err=True
        )


def track(items: Iterable[Any], n: int, doing: str) -> Iterator[Any]:
    """Pass on the items of a long task, and show how far it is.

    **Arguments:**
    - `items`: batches of samples (alone or with their labels), pieces of a file, or steps.
    - `n`: how many samples, bytes or steps there will be in all; 0 when that is not known.
    - `doing`: the task in words, such as "Sampling".
    """
    if watched() and not is_quiet():
        yield from items if n < FEWEST else _with_bar(items, n, doing)
        return
    pace = Pace(doing, n)
    done = 0
    for item in items:
        yield item
        done += _length(item)
        pace.reach(done)


def _with_bar(items: Iterable[Any], n: int, doing: str) -> Iterator[Any]:
    with progress(transient=True) as bar:
        task = bar.add_task(printable(doing), total=n, losses="")
        for item in items:
            yield item
            bar.advance(task, _length(item))


def _length(item: Any) -> int:
    """How many samples, bytes or steps an item is."""
    first = item[0] if isinstance(item, tuple) and item else item
    return len(first) if hasattr(first, "__len__") else 1


def progress(transient: bool = False) -> "Progress":
    """A progress bar on standard error: what, how far, time left, and losses. A transient one is
    gone at its end.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
        console=Console(stderr=True),
        transient=transient,
    )
