"""Text: a model's tokens are places in an alphabet, which its config keeps."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.common.config import ModelConfig, Size
from zoo.common.errors import ConfigError, DataError
from zoo.common.text import LINE_ENDS, is_spellable


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextConfig(ModelConfig):
    """What the Config of a model of text has besides: its vocabulary, which a checkpoint keeps.

    **Arguments:**
    - `sample_shape`: the greatest length of a text, in characters.
    - `alphabet`: the characters. A sample holds their places in it, from 1; 0 stands behind the
        last character.
    """

    sample_shape: tuple[Size, ...] = (16,)
    alphabet: str = "abcdefghijklmnopqrstuvwxyz"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.sample_shape) != 1:
            raise ConfigError(
                f"sample_shape = {','.join(map(str, self.sample_shape))} is not the length of a "
                "text: give one number, such as 16."
            )
        check_alphabet(self.alphabet)


def check_alphabet(alphabet: str) -> None:
    """Raise `ConfigError` for an alphabet that is empty, names a character twice or holds one that
    ends a line, or half of one.
    """
    twice = next((one for one in alphabet if alphabet.count(one) > 1), "")
    bad = next((one for one in alphabet if not is_spellable(one)), "")
    if alphabet and not twice and not bad:
        return
    why = "ends a line" if bad in LINE_ENDS else "is half of a character"
    wrong = f"names {twice!r} twice" if twice else f"holds {bad!r}, which {why}"
    raise ConfigError(f"alphabet {wrong if alphabet else 'is empty'}: give each character once.")


def to_tokens(texts: Sequence[str], alphabet: str, length: int) -> Tensor:
    """Texts as a model of text takes them.

    **Arguments:**
    - `texts`: each with at most `length` characters, all in the alphabet.
    - `alphabet`: as in `TextConfig`.
    - `length`: of the longest text, or more.

    **Returns:** int64 `(n, length)`: places in the alphabet from 1, then zeros.

    **Raises:** `DataError` for an unknown character and a text that is too long; it names the
    first."""
    places = {character: place for place, character in enumerate(alphabet, 1)}
    tokens = torch.zeros(len(texts), length, dtype=torch.int64)
    for index, text in enumerate(texts):
        if len(text) > length:
            raise DataError(
                f"The text {text[:40]!r} has {len(text):,} characters; {length:,} are the most "
                "here. Shorten it, or train with a larger --set sample_shape=LENGTH"
            )
        unknown = next((one for one in text if one not in places), None)
        if unknown is not None:
            raise DataError(
                f"The text {text[:40]!r} holds {unknown!r}, which is not in the alphabet "
                f"{alphabet[:80]!r}. Leave it out of the text, or train on texts that have it."
            )
        tokens[index, : len(text)] = torch.tensor([places[one] for one in text], dtype=torch.int64)
    return tokens


def to_texts(tokens: Tensor, alphabet: str) -> list[str]:
    """The texts that tokens stand for: each ends before its first 0.

    **Arguments:**
    - `tokens`: int64 `(n, length)`, 0 to the length of the alphabet.
    - `alphabet`: as in `TextConfig`.
    """
    texts = []
    for row in tokens.tolist():
        end = row.index(0) if 0 in row else len(row)
        texts.append("".join(alphabet[place - 1] for place in row[:end]))
    return texts
