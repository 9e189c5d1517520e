"""Tables and texts keep to the width of a terminal, and break at spaces only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo

from zoo.cli import tables

HEADERS = ("NAME", "PLUGIN", "SUMMARY")
ROWS = [
    ["vae-mnist", "genzoo", "Handwritten digits of ten classes, smooth and quick to draw"],
    ["a-much-longer-name", "zoo-guest", "Short"],
]


def table(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **how: object
) -> list[str]:
    """The lines of the table in a terminal of a width."""
    monkeypatch.setenv("COLUMNS", str(width))
    tables.print_table(HEADERS, ROWS, **how)  # type: ignore[arg-type]
    return capsys.readouterr().out.splitlines()


def test_without_a_terminal_a_table_is_as_wide_as_it_needs_to_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    tables.print_table(HEADERS, ROWS, drop=("PLUGIN",), short=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].split() == list(HEADERS)
    assert lines[1].endswith(ROWS[0][2])


@pytest.mark.parametrize("width", [40, 47, 60, 80, 81, 100, 120])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table(width, monkeypatch, capsys, drop=("PLUGIN",))
    assert max(map(len, lines)) <= max(width, 44)
    words = set(" ".join(lines).split())
    assert set(ROWS[0][2].split()) <= words


def test_columns_go_in_the_order_that_was_stated_and_only_as_far_as_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert table(100, monkeypatch, capsys, drop=("PLUGIN",))[0].split() == list(HEADERS)
    assert table(45, monkeypatch, capsys, drop=("PLUGIN",))[0].split() == ["NAME", "SUMMARY"]
    assert table(45, monkeypatch, capsys)[0].split() == list(HEADERS)


def test_a_short_table_has_a_line_for_each_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table(60, monkeypatch, capsys, drop=("PLUGIN",), short=True)
    assert len(lines) == 3 and lines[1].endswith(" …") and len(lines[1]) <= 60


def test_a_wrapped_cell_goes_on_below_its_own_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table(60, monkeypatch, capsys)
    at = lines[0].index("SUMMARY")
    assert lines[2][:at].strip() == "" and lines[2][at] != " "


@pytest.mark.parametrize("width", [40, 50, 62, 80])
def test_the_widest_texts_are_wrapped_first_and_numbers_never_are(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    rows = [["Negative log-likelihood (Bernoulli, 10,000 images) ↓", "84.50 ± 0.22", "0.1 ± 2.0"]]
    tables.print_table(("METRIC", "vae-mnist", "FLOOR"), rows)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[1].endswith("84.50 ± 0.22  0.1 ± 2.0")
    assert set(rows[0][0].split()) <= set(" ".join(lines).split())


def test_columns_without_room_stand_in_further_tables_with_the_first_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    names = [f"checkpoint-{letter}" for letter in "abcd"]
    tables.print_table(("METRIC", *names), [["Recall", "0.1", "0.2", "0.3", "0.4"]])
    assert capsys.readouterr().out.splitlines() == [
        "METRIC  checkpoint-a  checkpoint-b",
        "Recall  0.1           0.2",
        "",
        "METRIC  checkpoint-c  checkpoint-d",
        "Recall  0.3           0.4",
    ]


def test_a_text_goes_on_below_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    tables.print_text("models: mlp-vae, conv-vae, ladder-vae", "  offers  ")
    assert capsys.readouterr().out == (
        "  offers  models: mlp-vae, conv-vae,\n          ladder-vae\n"
    )
    monkeypatch.delenv("COLUMNS")
    tables.print_text("word " * 40)
    assert capsys.readouterr().out == "word " * 40 + "\n"


CARD = """# A card

A text that is longer than forty columns, and no word of it is cut.

```
zoo train mlp-vae --name mine --set latent_dim=50
```

| metric | value |
|---|---|
| Negative log-likelihood, binarised pixels ↓ | 84.50 ± 0.22 |

- Data: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner
"""


def test_a_card_is_wrapped_its_tables_stand_in_columns_and_its_commands_can_be_copied(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "44")
    tables.print_card(CARD)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 44 and "|" not in shown
    assert "zoo train mlp-vae --name mine --set \\\n    latent_dim=50\n" in shown
    assert "Y. Bengio and\n  P. Haffner" in shown
    assert "pixels ↓" in shown and "  84.50 ± 0.22\n" in shown


def test_without_a_terminal_a_card_is_printed_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    tables.print_card(CARD)
    assert capsys.readouterr().out == CARD + "\n"


def same_words_in_80_columns(zoo: Zoo, monkeypatch: pytest.MonkeyPatch, *line: object) -> str:
    """What a command prints at 80 columns: no wider, and with the words of what it prints else."""
    monkeypatch.delenv("COLUMNS", raising=False)
    wide = zoo(*line)
    assert wide.exit_code == 0, wide.stderr
    monkeypatch.setenv("COLUMNS", "80")
    narrow = zoo(*line).stdout
    assert max(map(len, narrow.splitlines())) <= 80
    assert set(wide.stdout.split()) - {"|", "|---|---|", "|---|---|---|"} <= set(narrow.split())
    return narrow


def test_three_checkpoints_are_compared_in_80_columns(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("vae-mnist", "dcgan-mnist", "cdcgan-mnist")
    shown = same_words_in_80_columns(zoo, monkeypatch, "compare", *names)
    assert shown.splitlines()[0].split() == ["METRIC", *names, "FLOOR"]


def test_the_results_of_a_vae_stand_in_80_columns(
    zoo: Zoo, trained: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("evaluate", trained("mlp-vae"), "-n", 60, "-k", 5)
    assert "Negative log-likelihood" in same_words_in_80_columns(zoo, monkeypatch, *line)


@pytest.mark.parametrize("line", [["show", "vae-mnist"], ["show", "mlp-vae"], ["show", "mnist"]])
def test_what_is_shown_stands_in_80_columns(
    zoo: Zoo, line: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = zoo(*line).stdout.splitlines()
    assert [one for one in lines if len(one) > 80 and " " in one.strip()] == []


def test_what_plugins_offer_and_the_doctor_says_stands_in_80_columns(
    zoo: Zoo, hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for line in zoo("plugins").stdout.splitlines() + zoo("doctor").stdout.splitlines():
        start, _, last = line.rpartition(" ")
        assert len(line) <= 80 or start.strip() in ("file", "") or "/" in last
