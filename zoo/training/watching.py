"""Who watches a training: nobody, a progress bar in a notebook, or the caller's own function."""

import sys
from collections.abc import Iterable, Iterator
from typing import Literal

from zoo.common.watching import Watch
from zoo.training.loop import Progress


def shown_by(watch: Watch | Literal["auto"] | None) -> Watch | None:
    """The function that shows the reports of a training.

    **Arguments:**
    - `watch`: "auto", None or such a function, as for `zoo.train`.
    """
    if watch == "auto":
        return notebook_bar if in_notebook() else None
    return watch


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def losses_in_words(report: Progress) -> str:
    """The losses of a report, such as "loss 142.1  kl 12.3"."""
    return "  ".join(f"{key} {value:.4g}" for key, value in _values(report).items())


def in_words(report: Progress) -> str:
    """The losses and the speed of a report, such as "loss 142.1  kl 12.3  8,100 samples/s"."""
    return f"{losses_in_words(report)}  {report.samples_per_second:,.0f} samples/s"


def in_fewer_words(report: Progress) -> tuple[str, ...]:
    """The same as `in_words`, and then shorter and shorter, for where there is little room: without
    the speed, without the metrics from the last to the first, without what is held out, and with
    fewer digits.
    """
    values = _values(report)
    held_out = [name for name in values if name not in report.losses]
    forms = [in_words(report), losses_in_words(report)]
    for name in (*reversed(report.metrics), *reversed(held_out)):
        values.pop(name, None)
        forms.append("  ".join(f"{key} {value:.4g}" for key, value in values.items()))
    forms.append("  ".join(f"{key} {value:.3g}" for key, value in values.items()))
    return tuple(forms)


def _values(report: Progress) -> dict[str, float]:
    """The losses of a report by the names that people see."""
    held_out = {f"held-out {name}": value for name, value in report.held_out.items()}
    return {**report.losses, **held_out}


def notebook_bar(reports: Iterable[Progress], total: int, name: str) -> Iterator[Progress]:
    """A progress bar in the output of a notebook's cell, with the losses beside it.

    Where rich can't draw there, because ipywidgets is not installed, a line for each epoch."""
    from importlib.util import find_spec

    if not find_spec("ipywidgets"):
        yield from _lines(reports)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bar,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    with Bar(*columns) as bar:
        task = bar.add_task(name, total=total, losses="")
        try:
            for report in reports:
                bar.update(task, completed=report.step, losses=in_words(report))
                yield report
        finally:
            # at its end, rich draws the last state in a terminal only
            bar.refresh()


def _lines(reports: Iterable[Progress]) -> Iterator[Progress]:
    for report in reports:
        if report.epoch_ended:
            print(f"epoch {report.epoch}  {in_words(report)}", flush=True)
        yield report
