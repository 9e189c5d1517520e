"""Two cards as one: our keys and our part, and everybody's text."""

import pytest
import yaml

from zoo.checkpoints.card import BEGIN, END, merged, own_text
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
    with pytest.raises(CheckpointError, match="no YAML of names and values"):
        merged(MADE, f"---\n{front}\n---\n", text_of_other=True)
