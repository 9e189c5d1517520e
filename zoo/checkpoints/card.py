"""A model card: the README.md of a checkpoint, with what its author wrote around the zoo's part."""

import contextlib
import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from zoo.checkpoints.card_text import PICTURES as PICTURES
from zoo.checkpoints.card_text import body_of, dataset_of, kind_of, name_of
from zoo.checkpoints.folder import CARD, CARD_LIMIT, Folder
from zoo.checkpoints.results import recorded
from zoo.checkpoints.store import find, refuse_foreign
from zoo.common import files
from zoo.common.errors import CheckpointError
from zoo.registry import installed

BEGIN = (
    "<!-- zoo makes this part from config.json and facts.json: write above it, or below its end -->"
)
END = "<!-- the end of what zoo makes -->"
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---(?:\n+|\Z)", re.DOTALL)
# characters of a front matter; those that the zoo makes have some 10,000
MATTER_LIMIT = 100_000

# the C library is ten times as fast, where PyYAML has it
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def card(reference: str | os.PathLike[str] | Folder, *, write: bool = False) -> str:
    """The card of a checkpoint as its config, facts and pictures make it now.

    What its author wrote around the part that the zoo makes stays there.

    **Arguments:**
    - `reference`: a checkpoint's name, its path, or a pulled `hf:OWNER/REPO`.
    - `write`: also put it into the checkpoint's README.md.

    **Returns:** the card, as Markdown.

    **Raises:** `OutputError` for a checkpoint that is not the user's to change; `CheckpointError`
    when no card can be made of it."""
    folder = find(reference)
    if write:
        refuse_foreign(folder)
    foreign = folder.reference.startswith("hf:")
    made = made_of(folder, called(folder.facts, folder.reference) if foreign else None)
    if write:
        folder.write_card(made)
    return made


def write(checkpoint: Folder | Path) -> None:
    """Write a checkpoint's README.md; what its author wrote there stays."""
    folder = _folder(checkpoint)
    folder.write_card(made_of(folder))


def made_of(checkpoint: Folder | Path, facts: Mapping[str, Any] | None = None) -> str:
    """The card of a checkpoint's config, pictures and facts, with what its author wrote around the
    one that is there.

    **Arguments:**
    - `checkpoint`: it is only read.
    - `facts`: in place of those in its facts.json.

    **Raises:** `CheckpointError` like `render`, and for a config.json or README.md that can't be
    read."""
    folder = _folder(checkpoint)
    above, below = own_text(folder.card)
    known = folder.facts if facts is None else facts
    made = render(folder.config, known, pictures_in(folder.path))
    matter, body = made.split(BEGIN)
    return matter + above + BEGIN + body + below


def called(facts: Mapping[str, Any], reference: str) -> dict[str, Any]:
    """Facts in which their checkpoint is called by another reference, in the command of its samples
    too.
    """
    renamed = {**facts, "reference": reference}
    command, before = facts.get("samples_command"), facts.get("reference")
    if isinstance(command, str) and isinstance(before, str):
        # a stranger's, which `render` refuses if it must
        with contextlib.suppress(ValueError):
            words = shlex.split(command)
            renamed["samples_command"] = shlex.join(
                reference if word == before else word for word in words
            )
    return renamed


def pictures_in(directory: Path) -> tuple[str, ...]:
    """The pictures of a checkpoint that its card shows besides its samples."""
    return tuple(name for name in PICTURES if (directory / "images" / name).is_file())


def render(
    config: Mapping[str, Any], facts: Mapping[str, Any], pictures: Sequence[str] = ()
) -> str:
    """The card as Markdown: YAML front matter, then what is known; what is unknown is left out.

    **Arguments:**
    - `config`: as in config.json.
    - `facts`: as in facts.json.
    - `pictures`: as `pictures_in` gives them.

    **Raises:** `CheckpointError` for facts that are not of the zoo's form.
    """
    # a stranger may have written them
    try:
        matter = _front_matter(config, facts)
        body = body_of(config, facts, pictures)
        # a class may be called by a folder's name that is no UTF-8
        card = files.in_utf8(f"---\n{matter}---\n\n{BEGIN}\n{body}\n{END}\n")
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
        raise CheckpointError(
            "facts.json is not of the zoo's form, so no card can be made of it: "
            f"{type(error).__name__}: {str(error)[:300]}"
        ) from error
    if card.count(BEGIN) != 1 or card.count(END) != 1:
        raise CheckpointError(
            "facts.json contains the comments that mark the zoo's part of a card: remove them."
        )
    if len(card.encode()) > CARD_LIMIT:
        raise CheckpointError(
            f"facts.json makes a card larger than {CARD_LIMIT:,} bytes: shorten it."
        )
    return card


def own_text(card: str) -> tuple[str, str]:
    """What the author of a card wrote above and below the part that the zoo makes: all of it where
    there is none.
    """
    text = FRONT_MATTER.sub("", card)
    above, begun, rest = text.partition(BEGIN)
    _, ended, below = rest.partition(END)
    if not (begun and ended):
        return "", text and f"\n{text}"
    # empty lines at the beginning belong to the end of the front matter
    return above.lstrip("\n"), below.removeprefix("\n")


def merged(made: str, other: str, *, text_of_other: bool) -> str:
    """A card, as `made_of` makes it, to take another's place: its keys of the front matter replace,
    further ones stay.

    **Arguments:**
    - `made`: our card.
    - `other`: the card that it replaces.
    - `text_of_other`: whether what stands around the zoo's part is that of the other card.

    **Raises:** `CheckpointError` when the front matter of the other can't be read."""
    ours = FRONT_MATTER.findall(made)[0]
    theirs = front_matter(other)
    known = front_matter(made)
    further = {key: value for key, value in theirs.items() if key not in known}
    matter = ours + "\n" + (_as_yaml(further) if further else "")
    above, below = own_text(other if text_of_other else made)
    generated = made.partition(BEGIN)[2].partition(END)[0]
    return f"---\n{matter}---\n\n{above}{BEGIN}{generated}{END}\n{below}"


def front_matter(card: str) -> dict[str, Any]:
    """The names and values at the head of a card; empty where there is no front matter.

    **Raises:** `CheckpointError` when it is not YAML of names and values, or too long."""
    found = FRONT_MATTER.match(card)
    if not found:
        return {}
    if len(found[1]) > MATTER_LIMIT:
        raise CheckpointError(
            f"The front matter of {CARD} has {len(found[1]):,} characters; {MATTER_LIMIT:,} are "
            "the most. Make it shorter first."
        )
    # whatever a stranger wrote: the constructors of YAML raise what Python's do
    try:
        matter = yaml.load(found[1], Loader=_Loader) or {}  # a safe loader
        if not isinstance(matter, dict) or not all(isinstance(key, str) for key in matter):
            raise ValueError("it is not a list of names with values")
        _as_yaml(matter)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise _unreadable(error) from error
    except (ArithmeticError, RecursionError) as error:
        raise _unreadable(error) from error
    return matter


def without_markup(card: str) -> str:
    """A card for a terminal: without its front matter and its comments."""
    text = FRONT_MATTER.sub("", card, count=1)
    kept = []
    at = 0
    # no pattern: one for comments takes time with the square of the text's length
    while (begin := text.find("<!--", at)) >= 0:
        end = text.find("-->", begin + 4)
        if end < 0:
            break
        kept.append(text[at:begin])
        at = end + 3
        at += text.startswith("\n", at)
    return "".join([*kept, text[at:]]).strip()


def _unreadable(error: Exception) -> CheckpointError:
    reason = " ".join(str(error).split())[:200]
    return CheckpointError(
        f"The front matter of {CARD} is not YAML of names and values: mend it first. "
        f"({type(error).__name__}: {reason})"
    )


def _as_yaml(values: Mapping[str, Any]) -> str:
    """Values as block YAML, which people edit."""
    text: str = yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=10_000)
    return text


def _folder(checkpoint: Folder | Path) -> Folder:
    return checkpoint if isinstance(checkpoint, Folder) else Folder(checkpoint)


def _front_matter(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    dataset = dataset_of(facts)
    kind = kind_of(config, facts)
    images = "samples_command" in facts and kind == "image"
    seen = "samples_command" in facts and "texts" not in facts
    conditional = images and config["config"].get("num_classes")
    family = installed().offered_by("models", config["model"])
    tags = [
        config["model"],
        family.name if family else None,
        dataset.name if dataset else None,
        f"{kind}-generation" if images or kind in ("text", "audio") else None,
        "conditional-image-generation" if conditional else None,
    ]
    matter: dict[str, Any] = {
        "library_name": "genzoo",
        "pipeline_tag": "unconditional-image-generation" if images else None,
        "license": facts.get("license"),
        "datasets": [dataset.hub_id] if dataset and dataset.hub_id else None,
        "tags": list(dict.fromkeys(filter(None, tags))),
        "thumbnail": "images/samples.png" if seen else None,
        "model-index": _model_index(config, facts),
    }
    return _as_yaml({key: value for key, value in matter.items() if value})


def _model_index(config: Mapping[str, Any], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The evaluations as the Hub reads them."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for one in recorded(facts):
        if not math.isfinite(one.value):
            continue  # which the Hub does not take
        conditions: dict[str, Any] = {"n": one.n, "seed": one.seed}
        if one.extractor:
            conditions |= {"extractor": one.extractor, "extractor_sha256": one.extractor_sha256}
        metric = {"type": one.metric, "name": one.name, "value": one.rounded, "args": conditions}
        task = "unconditional-image-generation" if one.noun == "image" else "other"
        groups.setdefault((one.reference, one.split, task), []).append(metric)
    results = []
    for (reference, split, task), metrics in groups.items():
        spec = installed().datasets.get(reference)
        # the Hub takes no path
        folder = re.sub("[^A-Za-z0-9_.-]+", "-", Path(reference).name) or "folder"
        dataset = {"name": reference, "type": (spec and spec.hub_id) or folder, "split": split}
        results.append({"task": {"type": task}, "dataset": dataset, "metrics": metrics})
    return [{"name": name_of(config, facts), "results": results}] if results else []
