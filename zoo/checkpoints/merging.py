"""What of a card the zoo makes and what people wrote, and two cards as one."""

import re

import yaml

from zoo.checkpoints.folder import CARD
from zoo.common.errors import CheckpointError

BEGIN = (
    "<!-- zoo makes this part from config.json and facts.json: write above it, or below its end -->"
)
END = "<!-- the end of what zoo makes -->"
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---(?:\n+|\Z)", re.DOTALL)


def own_text(card: str) -> tuple[str, str]:
    """What the author of a card wrote above and below the part that the zoo makes: all of it where
    there is none.
    """
    text = FRONT_MATTER.sub("", card)
    above, begun, rest = text.partition(BEGIN)
    _, ended, below = rest.partition(END)
    return (above, below.removeprefix("\n")) if begun and ended else ("", text and f"\n{text}")


def merged(made: str, other: str, *, text_of_other: bool) -> str:
    """A card, as `made_of` makes it, to take another's place: its keys of the front matter replace,
    further ones stay.

    What stands around the zoo's part is that of `made`, or of the other. Raises `CheckpointError`
    when the front matter of the other can't be read."""
    found = FRONT_MATTER.match(other)
    ours = FRONT_MATTER.findall(made)[0]
    try:
        theirs = (yaml.safe_load(found[1]) if found else None) or {}
        known = yaml.safe_load(ours)
        further = {key: value for key, value in theirs.items() if key not in known}
        matter = ours + (
            "\n" + yaml.safe_dump(further, allow_unicode=True, sort_keys=False) if further else "\n"
        )
    except (yaml.YAMLError, AttributeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"The front matter of {CARD} is no YAML of names and values: mend it first."
        ) from error
    above, below = own_text(other if text_of_other else made)
    generated = made.partition(BEGIN)[2].partition(END)[0]
    return f"---\n{matter}---\n\n{above}{BEGIN}{generated}{END}\n{below}"
