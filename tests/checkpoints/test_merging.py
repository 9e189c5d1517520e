"""Cards that people and strangers edit: two as one, and any text at all as a card."""

import time
from pathlib import Path

import pytest
import yaml
from conftest import Zoo, make_model

import zoo as door
from zoo.checkpoints.card import BEGIN, END, front_matter, merged, own_text, without_markup
from zoo.common.errors import CheckpointError

MADE = f'---\nlibrary_name: "genzoo"\ntags: ["vae"]\n---\n\nMine.\n\n{BEGIN}\n# New\n{END}\n\nMine, too.\n'
OTHER = (
    f"---\ntags: [other]\nlanguage: en\n---\n\nTheirs.\n\n{BEGIN}\n# Old\n{END}\n\nTheirs, too.\n"
)


def matter(card: str) -> object:
    return yaml.safe_load(card.split("---\n")[1])


def test_our_keys_replace_and_further_ones_stay() -> None:
    expected = {"library_name": "genzoo", "tags": ["vae"], "language": "en"}
    assert matter(merged(MADE, OTHER, text_of_other=False)) == expected


def test_only_the_part_between_the_comments_is_replaced() -> None:
    card = merged(MADE, OTHER, text_of_other=True)
    assert card.endswith(f"---\n\nTheirs.\n\n{BEGIN}\n# New\n{END}\n\nTheirs, too.\n")
    assert own_text(merged(MADE, OTHER, text_of_other=False)) == own_text(MADE)


@pytest.mark.parametrize("text_of_other", [False, True])
def test_merging_again_changes_nothing(text_of_other: bool) -> None:
    once = merged(MADE, OTHER, text_of_other=text_of_other)
    assert (
        merged(MADE, once, text_of_other=text_of_other) == once
        and merged(MADE, MADE, text_of_other=True) == MADE
    )


@pytest.mark.parametrize(
    "other", ["", "# Theirs\n", "---\n---\n# Theirs\n", "---\n\n---\n# Theirs\n"]
)
def test_a_card_without_front_matter_or_comments_is_all_text(other: str) -> None:
    card = merged(MADE, other, text_of_other=True)
    assert matter(card) == matter(MADE) and ("# Theirs" in own_text(card)[1]) == (
        "# Theirs" in other
    )
    assert merged(MADE, card, text_of_other=True) == card


@pytest.mark.parametrize(
    "front", ["tags: [", "- a", "text", "a: &a [*a]\nb: !!python/object:os.system x", "? [a]\n: b"]
)
def test_front_matter_that_is_no_yaml_of_names_and_values_is_refused(front: str) -> None:
    with pytest.raises(CheckpointError, match="not YAML of names and values"):
        merged(MADE, f"---\n{front}\n---\n", text_of_other=True)


# READMEs of strangers

STRANGE = {
    "comments": "<!--" * 200_000,
    "ends of comments": "-->" * 200_000,
    "open comments after closed ones": "<!-- a -->" * 50_000 + "<!--" * 100_000,
    "front matter without an end": "---\n" + "a: b\n" * 100_000,
    "dashes": "---\n" * 200_000,
    "times": "---\nk: " + ":".join(["1"] + ["00"] * 200) + ".0\n---\n",
    "an empty number": "---\nk: !!int ''\n---\n",
    "an empty float": "---\nk: !!float ''\n---\n",
    "a date that is none": "---\nk: 2024-13-45\n---\n",
    "deep lists": "---\nk: " + "[" * 20_000 + "\n---\n",
    "aliases": "---\na: &a [x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "---\n",
    "much of it": "---\n" + "k: v\n" * 150_000 + "---\n",
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_readme_of_a_stranger_is_shown_within_a_second(zoo: Zoo, kind: str) -> None:
    door.save(make_model("mlp-vae", hidden_dims=(4,)), "theirs")
    Path("theirs/README.md").write_text(STRANGE[kind])
    start = time.perf_counter()
    result = zoo("show", "./theirs")
    assert time.perf_counter() - start < 5, "on a busy machine; a quadratic scan takes minutes"
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("kind", STRANGE)
def test_a_readme_of_a_stranger_is_taken_apart_in_time_or_refused_by_name(kind: str) -> None:
    start = time.perf_counter()
    text = without_markup(STRANGE[kind])
    assert own_text(STRANGE[kind])[0] == "" and len(text) <= len(STRANGE[kind])
    try:
        merged(MADE, STRANGE[kind], text_of_other=True)
    except CheckpointError as error:
        assert "README.md" in str(error) and len(str(error)) < 500
    assert time.perf_counter() - start < 3


def test_a_readme_above_its_limit_is_refused_by_name_and_shown_as_facts(zoo: Zoo) -> None:
    door.save(make_model("mlp-vae", hidden_dims=(4,)), "theirs")
    Path("theirs/README.md").write_bytes(b"x" * (1 << 21))
    assert "theirs/README.md is larger than 1,048,576 bytes" in zoo("card", "./theirs").stderr


def test_comments_and_front_matter_are_not_shown() -> None:
    card = "---\na: b\n---\n\n# One<!-- two -->\n<!-- three\n-->\nfour <!-- five"
    assert without_markup(card) == "# Onefour <!-- five"


@pytest.mark.parametrize(
    ("card", "found"),
    [("", {}), ("# Text\n", {}), ("---\n---\n", {}), ("---\na: [1]\n---\n", {"a": [1]})],
)
def test_front_matter_is_read_where_there_is_some(card: str, found: object) -> None:
    assert front_matter(card) == found


def test_empty_lines_above_the_zoos_part_do_not_change_when_a_card_is_merged_again() -> None:
    once = merged(MADE, f"\n---\n{BEGIN}{END}", text_of_other=True)
    assert merged(MADE, once, text_of_other=True) == once
