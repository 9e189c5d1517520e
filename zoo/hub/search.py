"""Search the Hub for checkpoints, by what their cards say."""

import json
import logging
import math
import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ConfigError
from zoo.common.tables import Listing
from zoo.hub.endpoint import refuse_broken
from zoo.registry import installed

if TYPE_CHECKING:
    from zoo.hub.session import Session

LIBRARY = "genzoo"
# of the Hub's entries, for those that are ours
LOOKED_AT = 1000
MOST_FOUND = 1000
SHOWN = ("name", "model", "dataset", "downloads", "license")  # in a table
# of a number: json.loads fails as a whole at one of more than 4,300
DIGITS = 400
MOST_DOWNLOADS = 10**12
TEXT = 200  # characters of a word that a stranger wrote
ID = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")

_log = logging.getLogger("zoo")


class _BadEntry(Exception):
    """An entry of a list that no honest Hub would send."""


def search(
    query: str = "", *, limit: int = 20, endpoint: str | None = None, token: str | None = None
) -> Listing:
    """The checkpoints on the Hub whose names hold a text, the most downloaded first.

    **Arguments:**
    - `query`: what to look for in OWNER/REPO; everything when empty.
    - `limit`: how many at most, 1,000 or fewer.
    - `endpoint`: address of the Hub; `HF_ENDPOINT` or https://huggingface.co unless given.
    - `token`: access token of the Hub; `HF_TOKEN` unless given, and for huggingface.co the stored
        login.

    **Returns:** records of name (`hf:OWNER/REPO`), model, dataset, license, downloads, updated,
    gated, and metrics, each of those with metric, value and dataset. What a card does not say is
    empty. Entries of no form that a Hub sends are left out, and their number is logged.

    **Raises:** `HubError` when the Hub can't be reached or refuses."""
    if not isinstance(query, str):
        raise ConfigError(f"query is a text to look for in names, not {query!r}.")
    if type(limit) is not int or not 1 <= limit <= MOST_FOUND:
        raise ConfigError(f"limit is a number from 1 to {MOST_FOUND:,}, not {limit!r}.")
    refuse_broken()
    from zoo.hub.session import connected

    with connected("search", endpoint=endpoint, token=token) as session:
        found, bad = _collected(session, query, limit)
    if bad:
        _log.warning("%s of the Hub's entries could not be read, and were left out.", f"{bad:,}")
    return Listing(found, SHOWN)


def _collected(session: "Session", query: str, limit: int) -> tuple[list[dict[str, Any]], int]:
    """The records, and how many entries were bad."""
    found: list[dict[str, Any]] = []
    bad = strange = 0
    for one in _listed(session, query, limit):
        if not isinstance(one, dict) or "id" not in one:
            strange += 1
            continue
        try:
            found.append(_record(one, session.mask))
        except _BadEntry:
            bad += 1
        if len(found) == limit:
            break
    if strange and not found and not bad:
        raise TypeError("no entry is one of a Hub")
    return found, bad + strange


def _listed(session: "Session", query: str, limit: int) -> Iterator[Any]:
    """The Hub's descriptions of repositories of ours.

    Not by `HfApi.list_models`, which makes objects of them: one card that it stumbles over would
    hide all the others."""
    wanted = {
        "filter": LIBRARY,
        "sort": "downloads",
        "limit": min(limit, 100),
        "full": True,
        "cardData": True,
    }
    wanted |= {"search": query} if query else {}
    with session.guard.one_answer():
        for one in islice(_paged(session, wanted), LOOKED_AT):
            card = one.get("cardData") if isinstance(one, dict) else None
            named = card.get("library_name") if isinstance(card, dict) else None
            if not isinstance(one, dict) or LIBRARY in (one.get("library_name"), named):
                yield one


def _paged(session: "Session", wanted: dict[str, Any]) -> Iterator[Any]:
    """All that the Hub lists, page by page.

    Not by the client's `paginate`: one number of too many digits would hide all the others."""
    from huggingface_hub.utils._http import hf_raise_for_status, http_backoff

    address = f"{session.endpoint}/api/models"
    asked: dict[str, Any] | None = wanted
    while address:
        answer = http_backoff("GET", address, params=asked, headers=session.headers)
        hf_raise_for_status(answer)
        yield from json.loads(answer.content, parse_int=_whole)
        # the address of the next page has what is wanted in it
        address, asked = answer.links.get("next", {}).get("url", ""), None


def _whole(digits: str) -> int | float:
    """A whole number; infinity for one that no entry may have."""
    return int(digits) if len(digits) <= DIGITS else math.inf


def _record(one: dict[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    card = one.get("cardData")
    card = card if isinstance(card, dict) else {}
    name = mask(_text(one["id"]))
    if not ID.fullmatch(name):
        raise _BadEntry
    metrics = list(_metrics(card.get("model-index") or one.get("model-index")))
    tags, datasets = _texts(card.get("tags")), _texts(card.get("datasets"))
    named = next((metric["dataset"] for metric in metrics if metric["dataset"]), "")
    record = {
        "name": f"hf:{name}",
        "model": next((tag for tag in tags if tag in installed().models), tags[0] if tags else ""),
        "dataset": named or (datasets[0] if datasets else ""),
        "license": _text(card.get("license")),
        "downloads": _downloads(one.get("downloads")),
        "updated": _day(_text(one.get("lastModified"))[:10]),
        "gated": bool(one.get("gated")),
        "metrics": metrics,
    }
    masked: dict[str, Any] = _masked(record, mask)
    return masked


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    """The same value, all its texts masked."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _masked(one, mask) for key, one in value.items()}
    return [_masked(one, mask) for one in value] if isinstance(value, list) else value


def _metrics(index: Any) -> Iterator[dict[str, Any]]:
    """The metrics of a card's model-index, as far as it is of that form."""
    for entry in _dicts(index):
        for result in _dicts(entry.get("results")):
            dataset = result.get("dataset")
            name = _text(dataset.get("name")) if isinstance(dataset, dict) else ""
            for metric in _dicts(result.get("metrics")):
                value = metric.get("value")
                if isinstance(value, int | float) and _text(metric.get("type")):
                    value = _bounded(value)
                    yield {"metric": _text(metric["type"]), "value": value, "dataset": name}


def _downloads(value: Any) -> int:
    """How often something was downloaded, 0 where that is not said; raises for what can't be."""
    if not isinstance(value, int | float):
        return 0
    if not 0 <= value < MOST_DOWNLOADS:
        raise _BadEntry
    return int(value)


def _day(text: str) -> str:
    """A date as it is written, 2026-01-31; empty for what is none."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _bounded(value: int | float) -> int | float:
    """A number that can be printed; raises for others, such as 10 ** 400."""
    if abs(value) >= 1e300 or math.isnan(value):
        raise _BadEntry
    return value


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value[:100] if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [one for one in map(_text, value[:100] if isinstance(value, list) else [value]) if one]


def _text(value: Any) -> str:
    return value[:TEXT] if isinstance(value, str) else ""
