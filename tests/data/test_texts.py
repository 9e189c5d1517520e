"""Texts as data: a text a line, or a column of a table; what can't be learnt is told by its line."""

import json
import logging
from pathlib import Path

import pytest

from zoo.common.errors import ConfigError, DataError
from zoo.data import Dataset, load_dataset
from zoo.models import TextConfig, to_texts


def read(reference: str, **asked: object) -> Dataset:
    """The texts of a file."""
    return load_dataset(reference, kind="text", **asked)  # type: ignore[arg-type]


def texts(data: Dataset) -> list[str]:
    """Samples as strings."""
    return to_texts(data.samples[:], data.metadata["alphabet"])


def test_a_txt_gives_a_text_a_line_and_its_alphabet() -> None:
    Path("names.txt").write_text("anna\nbob \r\n\n  zoë\n", encoding="utf-8")
    data = read("./names.txt")
    assert texts(data) == ["anna", "bob", "zoë"]
    assert data.metadata == {"alphabet": "abnozë"} and data.sample_shape == (4,)
    assert data.lengths is not None and data.lengths.tolist() == [4, 3, 3]
    assert data.labels is None and data.name == "./names.txt" and data.origin_sha256


def test_a_byte_order_mark_is_no_part_of_a_text() -> None:
    Path("names.txt").write_bytes(b"\xef\xbb\xbfanna\n")
    assert texts(read("./names.txt")) == ["anna"]


def test_what_zoo_sample_wrote_is_data_without_its_first_line() -> None:
    Path("names.txt").write_text('# zoo: {"checkpoint": "c"}\nanna\n')
    assert texts(read("./names.txt")) == ["anna"]
    Path("names.jsonl").write_text('{"index": 0, "text": "bo", "label": "b", "zoo": {}}\n')
    data = read("./names.jsonl:text,label")
    assert texts(data) == ["bo"] and data.class_names == ("b",)


def test_empty_lines_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    Path("names.txt").write_text("anna\n\n\nbo\n")
    with caplog.at_level(logging.INFO, "zoo"):
        assert len(read("./names.txt")) == 2
    assert "Left out 2 empty lines" in caplog.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "name,label\nanna,f\nbob,m\nzoe,f\n"),
        ("t.tsv", "name\tlabel\nanna\tf\nbob\tm\nzoe\tf\n"),
        (
            "t.jsonl",
            "".join(
                json.dumps({"name": n, "label": c}) + "\n"
                for n, c in (("anna", "f"), ("bob", "m"), ("zoe", "f"))
            ),
        ),
    ],
)
@pytest.mark.parametrize("columns", ["", ":name", ":name,label"])
def test_a_column_of_a_table_is_found_or_named(name: str, content: str, columns: str) -> None:
    Path(name).write_text(content)
    data = read(f"./{name}{columns}")
    assert texts(data) == ["anna", "bob", "zoe"]
    if columns != ":name":
        assert data.labels is not None and data.labels.tolist() == [0, 1, 0]
        assert data.class_names == ("f", "m")
    else:
        assert data.labels is None


def test_a_column_of_a_parquet_file_is_read() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"city": ["Rom", "Ulm"]}), "t.parquet")
    assert texts(read("./t.parquet")) == ["Rom", "Ulm"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("t.csv", "a,b\n1,2\n", "has the columns a, b: say which holds the texts, such as"),
        ("t.jsonl", '{"text": "a"}\n[1]\n', "line 2 is not an object with the values of a row"),
        ("t.jsonl", '{"text": "a"}\n{"text"\n', "line 2 is not JSON"),
        ("t.jsonl", '{"text": 3}\n', "row 1: text is '3', which is no text"),
        ("t.parquet", "PAR1 and no more", "is not a readable Parquet file"),
        ("t.txt", "\n \n", "t.txt holds no texts"),
        ("t.txt", "", "t.txt holds no texts"),
    ],
)
def test_a_file_without_clear_texts_is_refused(name: str, content: str, why: str) -> None:
    Path(name).write_text(content)
    with pytest.raises(DataError, match=why):
        read(f"./{name}")


def test_an_unknown_column_is_refused_with_those_there_are() -> None:
    Path("t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="has no column 'c': there are a, b"):
        read("./t.csv:c")


@pytest.mark.parametrize("name", ["t.txt", "t.csv"])
def test_another_encoding_is_refused_with_its_line_and_what_to_do(name: str) -> None:
    Path(name).write_bytes(b"name\nZo\xeb\n")
    with pytest.raises(DataError, match=r"is not UTF-8: line 2 holds the byte 0xeb.*iconv"):
        read(f"./{name}")


@pytest.mark.parametrize(("bad", "shown"), [("\ud83d", "'\\ud83d'"), ("\n", "'\\n'")])
def test_half_a_character_and_the_end_of_a_line_are_in_no_text(bad: str, shown: str) -> None:
    Path("t.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in ("ab", f"a{bad}b")))
    with pytest.raises(DataError) as told:
        read("./t.jsonl")
    assert f"line 2: 'a{shown[1:-1]}b' holds {shown}, which is not in the alphabet" in str(
        told.value
    )
    data = read("./t.jsonl", skip_bad=True)
    assert texts(data) == ["ab"] and data.metadata["alphabet"] == "ab"


@pytest.mark.parametrize(
    ("alphabet", "why"),
    [
        ("", "alphabet is empty"),
        ("aba", "alphabet names 'a' twice"),
        ("a\n", r"holds '\\n', which ends a line"),
        ("a\ud800", r"holds '\\ud800', which is half of a character"),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 1_001))), "1,000 are the most"),
    ],
)
def test_an_alphabet_of_a_stranger_that_spells_nothing_is_refused(alphabet: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        TextConfig(alphabet=alphabet)


def test_one_long_line_among_many_short_ones_takes_no_more_memory_than_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoo.data.texts.fits", lambda shape: shape[0] * shape[1] < 10_000_000)
    Path("t.txt").write_text("a\n" * 50 + "b" * 60_000 + "\n")
    with pytest.raises(DataError, match=r"51 texts of 60,000 characters don't fit in memory"):
        read("./t.txt")
    assert len(read("./t.txt", skip_bad=True, sample_shape=(5,))) == 50


def test_a_character_outside_the_alphabet_is_named_with_its_line() -> None:
    Path("t.txt").write_text("anna\nbo-b\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: 'bo-b' holds '-', which is not in the alphabet"):
        read("./t.txt", fields={"alphabet": "abno"})


def test_texts_that_cannot_be_learnt_are_left_out_when_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Path("t.txt").write_text("anna\nbo-b\nannabo\nbo\n")
    data = read("./t.txt", fields={"alphabet": "abno"}, sample_shape=(4,), skip_bad=True)
    assert texts(data) == ["anna", "bo"] and data.facts == {"texts_skipped": 2}
    assert "Left out 2 texts. The first: t.txt, line 2" in caplog.text.replace("./", "")


def test_a_text_that_is_too_long_is_named_with_its_line() -> None:
    Path("t.txt").write_text("anna\nannabo\n")
    with pytest.raises(DataError, match="line 2: 'annabo' has 6 characters; 4 are the most"):
        read("./t.txt", sample_shape=(4,))


def test_more_characters_than_a_config_keeps_are_refused() -> None:
    Path("t.txt").write_text("".join(map(chr, range(0x4E00, 0x4E00 + 1_100))), encoding="utf-8")
    with pytest.raises(DataError, match="holds 1,100 different characters, more than the 1,000"):
        read("./t.txt")


@pytest.mark.parametrize(("reference", "why"), [("./t.txt", "kind text, not image")])
def test_texts_are_no_data_for_a_model_of_images(reference: str, why: str) -> None:
    Path("t.txt").write_text("anna\n")
    with pytest.raises(DataError, match=why):
        load_dataset(reference)
