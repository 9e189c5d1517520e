"""Texts of unknown origin, made fit for a terminal: everything foreign passes here first."""

INSTEAD = "�"
# characters that end a line, so that a file of a text a line can't hold them
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# What moves the cursor, rings the bell, hides or turns text; a colour's sequence is none of these.
STEERING = (
    r"\x1b(?!\[[0-9;]{0,40}m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f"
    r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def is_spellable(character: str) -> bool:
    """Whether a text of one line may hold a character: it ends no line, and is no half of one, as
    JSON may have it.
    """
    return character not in LINE_ENDS and not "\ud800" <= character <= "\udfff"


def printable(text: str) -> str:
    """A text on one line, with "�" for each character that can't be seen."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else INSTEAD for letter in text)


def clean(text: object) -> str:
    """A text or an error's message as printable lines."""
    return "\n".join(printable(line) for line in str(text).splitlines())


def unsteered(text: str) -> str:
    """A text that is about to be shown in a terminal, with its lines, tabs and colours only."""
    import re  # compiled when there is a terminal

    return re.sub(STEERING, INSTEAD, text)
