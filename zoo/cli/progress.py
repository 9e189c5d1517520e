"""How far a long task is: a bar for a person who watches, else a line every half minute."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from zoo.common import notes, settings
from zoo.common.text import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.measure import Measurement
    from rich.progress import Progress

# samples, bytes or steps, below which no bar is worth showing
FEWEST = 2000
# columns of a terminal, from which on the bar and the name may be long
ROOMY = 100
# columns of a bar and of the name before it, and in a narrower terminal
BAR = 24
SHORT_BAR = 8
NAME = 32
SHORT_NAME = 14
WARNING = 30  # the level of `logging` that --quiet leaves
# seconds between two lines of progress where nobody watches
INTERVAL = 30.0


def watched() -> bool:
    """Whether a person sees standard error as it is written, in a terminal that can show a bar."""
    return sys.stderr.isatty() and not settings.dumb_terminal()


def is_quiet() -> bool:
    """Whether --quiet was given."""
    return notes.logger().level >= WARNING


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
        task = bar.add_task(printable(doing), total=n, losses=())
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

    The field `losses` of a task holds texts, the fullest first: the first that fits is shown."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    class Losses(ProgressColumn):
        """The fullest text of the losses that fits; of all columns this one alone gives way."""

        def render(self, task: Task) -> "Fitting":
            """The texts of a task."""
            return Fitting(task.fields["losses"])

    console = Console(stderr=True)
    # a transient one, of samples or bytes, has no losses that need the room
    is_roomy = transient or console.width >= ROOMY
    name = Column(no_wrap=True, overflow="ellipsis", max_width=NAME if is_roomy else SHORT_NAME)
    return Progress(
        TextColumn("{task.description}", table_column=name),
        BarColumn(bar_width=BAR if is_roomy else SHORT_BAR, table_column=Column(no_wrap=True)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        Losses(),
        console=console,
        transient=transient,
    )


class Fitting:
    """Shows in a line the first of some texts that fits, else the last, cut.

    **Arguments:**
    - `texts`: the fullest first; none show nothing.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts or ("",)

    def __rich_measure__(self, console: "Console", options: "ConsoleOptions") -> "Measurement":
        """It takes the room of the fullest text where there is such room."""
        from rich.cells import cell_len
        from rich.measure import Measurement

        return Measurement(1, max(1, *map(cell_len, self._texts))).with_maximum(options.max_width)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """The text that fits."""
        from rich.cells import cell_len
        from rich.text import Text

        fits = [text for text in self._texts if cell_len(text) <= options.max_width]
        yield Text([*fits, self._texts[-1]][0], no_wrap=True, overflow="ellipsis")
