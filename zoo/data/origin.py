"""LIGHT: what is recorded of the data of a training, and how it is found again."""

import dataclasses
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from zoo.common import files, settings
from zoo.common.errors import DataError, OutputError, ZooError, counted
from zoo.data.forms import IN_MEMORY, is_own, place_of
from zoo.registry import installed

SHA256 = re.compile(r"[0-9a-f]{64}")

log = logging.getLogger("zoo")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the facts of a checkpoint say of the data that it was trained on.

    **Arguments:**
    - `reference`: as it was asked for.
    - `samples`: how many there were in all.
    - `sha256`: the digest of its files; of data without files, that of the samples.
    - `held_out`: how many of them were held out, chosen by `seed`.
    - `test`: the reference of other data that took the place of those.
    - `test_samples`, `test_sha256`: of that: how many, and its digest.
    """

    reference: str
    samples: int
    sha256: str
    held_out: int = 0
    seed: int = 0
    test: str = ""
    test_samples: int = 0
    test_sha256: str = ""

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self | None:
        """The record in facts, which a stranger may have written; None where there is none."""
        found = facts.get("data")
        if not isinstance(found, dict):
            return None
        try:
            record = cls(**found)
        except TypeError:
            return None
        right = all(isinstance(getattr(record, one.name), one.type) for one in _FIELDS)
        right = right and SHA256.fullmatch(record.sha256) is not None
        right = right and (not record.test or SHA256.fullmatch(record.test_sha256) is not None)
        return record if right and min(record.held_out, record.seed) >= 0 else None

    def to_dict(self) -> dict[str, Any]:
        """As facts.json holds it: without what does not apply."""
        values = dataclasses.asdict(self)
        unused = [] if self.held_out else ["held_out", "seed"]
        unused += [] if self.test else ["test", "test_samples", "test_sha256"]
        return {key: value for key, value in values.items() if key not in unused}

    @property
    def of_test(self) -> "Record":
        """The same of the data that took the place of what is held out."""
        return Record(reference=self.test, samples=self.test_samples, sha256=self.test_sha256)

    @property
    def in_words(self) -> str:
        """The data in words: "./photos (1,000 samples, sha256 0123456789ab)"."""
        noun = counted(self.samples, "sample")
        return f"{self.reference} ({noun}, sha256 {self.sha256[:12]})"


_FIELDS: Any = dataclasses.fields(Record)


def remember(reference: str, sha256: str) -> None:
    """Note where data of one's own lies, by its digest, so that what was trained on it finds it
    again from any folder. The note stays in the zoo's home.
    """
    if reference == IN_MEMORY or not is_own(reference):
        return
    place = place_of(reference)
    if place.path is None:
        return
    tail = f":{','.join(place.columns)}" if place.columns else ""
    tail += f"/{place.pattern}" if place.pattern else ""
    try:
        files.write_json(_note(sha256), {"path": f"{place.path.absolute()}{tail}"})
    # a home that can't be written costs the note only
    except OutputError:
        log.debug("No note of %s was kept.", reference)


def recalled(record: Record, called: str) -> str:
    """The reference by which data is found: where it was, else as it was asked for.

    **Arguments:**
    - `record`: what is known of it.
    - `called`: what was trained on it, for the message.

    **Raises:** `DataError` when it is in neither place."""
    if record.reference == IN_MEMORY:
        raise DataError(
            f"{called} was trained on {counted(record.samples, 'sample')} that were given in "
            f"Python (sha256 {record.sha256[:12]}). Give them again: data=SAMPLES"
        )
    if record.reference in installed().datasets:
        return record.reference
    places = [record.reference]
    try:
        note = files.read_json(_note(record.sha256))
        places.insert(0, str(note["path"]))
    except (ZooError, OSError, LookupError, ValueError, TypeError):
        pass
    for reference in places:
        try:
            place_of(reference)
        except ZooError:
            continue
        return reference
    looked = " nor ".join(dict.fromkeys(places))
    raise DataError(
        f"{called} was trained on {record.in_words}, and there is no {looked}. Put it back, or "
        "say where it is: --data ./PLACE"
    )


def _note(sha256: str) -> Path:
    return settings.home() / "places" / f"{sha256}.json"
