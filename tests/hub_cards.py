"""What a Hub makes of a README.md: the metadata it reads, and the rules by which it refuses one."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml

LICENCES = (
    "apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 "
    "bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause "
    "bsd-3-clause-clear c-uda cc "
    "cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 "
    "cc-by-nc-3.0 "
    "cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 "
    "cc-by-nc-sa-4.0 "
    "cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 "
    "etalab-2.0 eupl-1.1 "
    "agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by "
    "odbl openrail++ "
    "osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license llama2 gemma "
    "unknown other "
)
DATASET = re.compile(r"([\w-]+/)?[\w.-]+", re.ASCII)
INDEX = [  # the form of a model-index
    {
        "name": str,
        "results": [
            {
                "task": {"type": str, "name?": str},
                "dataset": {
                    "type": DATASET,
                    "name": str,
                    "config?": str,
                    "split?": str,
                    "revision?": str,
                    "args?": dict,
                },
                "metrics": [
                    {
                        "type": str,
                        "value": int | float | str,
                        "name?": str,
                        "config?": str,
                        "args?": dict,
                    }
                ],
                "source?": {"url": str, "name?": str},
            }
        ],
    }
]


def front_matter(card: bytes) -> dict[str, Any]:
    """The metadata of a README.md: empty when there is none, or none that can be read."""
    value, _ = _read(card.decode("utf-8", "replace"))
    return value if isinstance(value, dict) else {}


def problems(card: str) -> list[str]:
    """Why the Hub refuses a README.md, in its words."""
    value, wrong = _read(card)
    if wrong:
        return [f"YAML Metadata Error: {wrong}"]
    if not isinstance(value or {}, dict):
        return ["YAML Metadata Error: metadata should be an object"]
    return list(_wrong_in(value or {}))


def _read(card: str) -> tuple[Any, str]:
    """What the front matter holds, and what is wrong with it; a Hub lives on whatever it is sent."""
    match = re.match(r"---\r?\n(.*?)\r?\n---(\r?\n|\Z)", card, re.DOTALL)
    if not match:
        return {}, ""
    if len(match[1]) > 50_000:
        return {}, "too long"
    try:
        value = yaml.safe_load(match[1])
        large = next(islice(_parts(value), 10_000, None), None) is not None
        return ({}, "too many values") if large else (value, "")
    except Exception as error:
        return {}, (str(error).splitlines() or [type(error).__name__])[0]


def _parts(value: Any) -> Iterator[int]:
    """One for each value in a value, also for those that aliases repeat."""
    yield 1
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in within:
        yield from _parts(one)


def _wrong_in(matter: dict[str, Any]) -> Iterator[str]:
    """What breaks the rules of hub-docs' modelcard.md, repositories-licenses.md and the Hub's own
    messages.
    """
    for key in (
        "library_name",
        "pipeline_tag",
        "thumbnail",
        "license",
        "license_name",
        "license_link",
    ):
        if not isinstance(matter.get(key, ""), str):
            yield f'"{key}" must be a string'
    for key in ("tags", "datasets", "metrics", "language"):
        given = matter.get(key, [])
        if not isinstance(given, list | str) or not all(
            isinstance(one, str) and one for one in given
        ):
            yield f'"{key}" must be words'
    if matter.get("license", "other") not in LICENCES.split():
        yield f'"license" must be one of [{LICENCES.strip()}]'
    for name in words(matter.get("datasets")):
        if not DATASET.fullmatch(name):
            yield f'"datasets" with value "{name}" is not valid: use a dataset id'
    index = matter.get("model-index", [])
    if not isinstance(index, list):
        yield '"model-index" must be an array'
    elif wrong := _unlike(index, INDEX):
        yield f'"model-index" {wrong}'


def _unlike(value: Any, form: Any) -> str:
    """Where a value is not of a form: a type, a pattern, a list of one form, or names ("?" for
    those to spare).
    """
    if isinstance(form, re.Pattern):
        good = isinstance(value, str) and form.fullmatch(value)
        return (
            ""
            if good
            else f"with value {value!r} fails to match the required pattern: {form.pattern}"
        )
    if isinstance(form, list):
        return _unlike(value, list) or next(
            filter(None, (_unlike(one, form[0]) for one in value)), ""
        )
    if isinstance(form, dict):
        known = {key.rstrip("?") for key in form}
        if not isinstance(value, dict) or not value.keys() <= known:
            return f"{str(value)[:80]} must be an object of {', '.join(known)}"
        if missing := [key for key in form if not key.endswith("?") and key not in value]:
            return f"{str(value)[:80]}: {missing[0]} is required"
        return next(
            filter(
                None,
                (_unlike(one, form.get(key, form.get(f"{key}?"))) for key, one in value.items()),
            ),
            "",
        )
    good = (
        isinstance(value, form) and not isinstance(value, bool) and value == value and value != ""
    )
    return "" if good else f"{str(value)[:80]!r} is of the wrong type"


def words(value: Any) -> list[str]:
    """A word or several, as several."""
    return [value] if isinstance(value, str) else [str(one) for one in value or []]
