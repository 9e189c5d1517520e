"""A notebook shows a bar or lines; outside of it nothing is shown unasked."""

import io
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from zoo.training import loop, watching


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process look like one that runs the cells of a notebook."""
    shell = type("ZMQInteractiveShell", (), {})()
    fake = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", fake)  # type: ignore[arg-type]


@pytest.mark.usefixtures("notebook")
def test_in_a_notebook_auto_is_a_bar_and_none_is_silent() -> None:
    assert watching.shown_by("auto") is watching.notebook_bar
    assert watching.shown_by(None) is None


def test_outside_of_a_notebook_auto_is_nothing() -> None:
    assert watching.shown_by("auto") is None


@pytest.mark.usefixtures("notebook")
def test_a_notebook_without_widgets_gets_a_line_for_each_epoch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    list(watching.notebook_bar(reports(), 12, "mine"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines] == [["epoch", "1", "loss"], ["epoch", "2", "loss"]]


def test_a_notebook_with_widgets_gets_rich_s_bar_with_the_losses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rich.console import Console

    written = io.StringIO()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    terminal = Console(file=written, force_terminal=True, width=120)
    monkeypatch.setattr("rich.progress.get_console", lambda: terminal)
    assert len(list(watching.notebook_bar(reports(), 12, "mine"))) == 2
    assert "mine" in written.getvalue() and "12/12" in written.getvalue()
    assert "loss 90" in written.getvalue() and "samples/s" in written.getvalue()


class Output:
    """The output of a cell, as ipywidgets has it."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def clear_output(self, wait: bool) -> None: ...


def test_the_bar_of_a_notebook_ends_full_with_the_last_losses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rich.console import Console

    shown: list[Any] = []
    cells: Any = types.SimpleNamespace(display=shown.append)
    monkeypatch.setitem(sys.modules, "ipywidgets", types.SimpleNamespace(Output=Output))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "IPython.display", cells)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    notebook = Console(force_jupyter=True, width=120)
    monkeypatch.setattr("rich.progress.get_console", lambda: notebook)
    for _ in watching.notebook_bar(reports(), 12, "mine"):
        pass
    last = [one.text for one in shown if getattr(one, "text", "").strip()][-1]
    assert "mine" in last and "12/12" in last and "loss 90" in last


def reports() -> Iterator[loop.Progress]:
    for epoch, value in ((1, 100.0), (2, 90.0)):
        yield loop.Progress(6 * epoch, 12, epoch, {"loss": value}, {}, 1000.0, True, False)
