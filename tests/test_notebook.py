"""The notebook for students runs from its first cell to its last, and shows something."""

import ast
import json
from typing import Any

import pytest
from documents import ROOT, smaller

NOTEBOOK = ROOT / "plugins" / "examples" / "tour.ipynb"
CELLS = json.loads(NOTEBOOK.read_text())["cells"]


def source(kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == kind]


def run(cell: str, names: dict[str, Any]) -> Any:
    """Run a cell as a notebook does; the value of its last line, where that is an expression."""
    tree = ast.parse(cell)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None


def test_the_notebook_runs_and_its_pictures_and_tables_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = [run(smaller(cell), names) for cell in source("code")]
    pictures = [one for one in shown if hasattr(one, "_repr_png_")]
    tables = [one._repr_html_() for one in shown if hasattr(one, "_repr_html_")]
    assert len(pictures) >= 7 and all(len(one._repr_png_()) > 500 for one in pictures)
    assert len(tables) >= 2 and all("<table" in one for one in tables)
    assert "tour-vae" in tables[-1] and "tour-gan" in tables[-1]
    assert "torch.Size([64, 1, 28, 28])" in capsys.readouterr().out


def test_the_notebook_is_stored_without_outputs_and_in_the_form_of_jupyter() -> None:
    stored = json.loads(NOTEBOOK.read_text())
    assert (stored["nbformat"], stored["nbformat_minor"]) == (4, 5)
    assert stored["metadata"]["kernelspec"]["name"] == "python3"
    for cell in CELLS:
        assert cell["id"] and cell["cell_type"] in ("markdown", "code")
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_the_notebook_explains_before_it_computes() -> None:
    assert len(source("markdown")) >= 8 and source("markdown")[0].startswith("# ")
