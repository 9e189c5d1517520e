"""Search the Hub for checkpoints, by what their cards say."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from huggingface_hub.utils._pagination import paginate

from zoo.hub.session import Session, connected
from zoo.registry import installed

LIBRARY = "genzoo"
LOOKED_AT = 1000  # of the Hub's entries, for those that are ours
TEXT = 200  # characters of a word that a stranger wrote


def search(
    text: str = "", *, limit: int = 20, endpoint: str | None = None, token: str | None = None
) -> list[dict[str, Any]]:
    """The checkpoints on the Hub whose names hold a text, the most downloaded first.

    **Arguments:**
    - `text`: what to look for in OWNER/REPO; everything when empty.
    - `limit`: how many at most.
    - `endpoint`, `token`: as `hub.connected` takes them.

    **Returns:** records of name (`hf:OWNER/REPO`), model, dataset, license, downloads, updated,
    gated, and metrics, each of those with metric, value and dataset. What a card does not say is
    empty.

    **Raises:** `HubError` when the Hub can't be reached or refuses.
    """
    with connected("search", endpoint=endpoint, token=token) as session:
        found = islice(_listed(session, text, limit), limit)
        return [_record(one) for one in found]


def _listed(session: Session, text: str, limit: int) -> Iterator[dict[str, Any]]:
    """The Hub's descriptions of repositories of ours.

    Not by `HfApi.list_models`, which makes objects of them: one card that it stumbles over would
    hide all the others."""
    wanted = {
        "filter": LIBRARY,
        "sort": "downloads",
        "limit": min(max(limit, 1), 100),
        "full": True,
        "cardData": True,
    }
    wanted |= {"search": text} if text else {}
    listed = paginate(f"{session.endpoint}/api/models", params=wanted, headers=session.headers)
    for one in islice(listed, LOOKED_AT):
        card = one.get("cardData")
        if LIBRARY in (
            one.get("library_name"),
            card.get("library_name") if isinstance(card, dict) else None,
        ):
            yield one


def _record(one: dict[str, Any]) -> dict[str, Any]:
    card = one.get("cardData")
    card = card if isinstance(card, dict) else {}
    metrics = list(_metrics(card.get("model-index") or one.get("model-index")))
    tags, datasets = _texts(card.get("tags")), _texts(card.get("datasets"))
    named = next((metric["dataset"] for metric in metrics if metric["dataset"]), "")
    downloads = one.get("downloads")
    return {
        "name": f"hf:{_text(one['id'])}",
        "model": next((tag for tag in tags if tag in installed().models), tags[0] if tags else ""),
        "dataset": named or (datasets[0] if datasets else ""),
        "license": _text(card.get("license")),
        "downloads": downloads if isinstance(downloads, int) else 0,
        "updated": _text(one.get("lastModified"))[:10],
        "gated": bool(one.get("gated")),
        "metrics": metrics,
    }


def _metrics(index: Any) -> Iterator[dict[str, Any]]:
    """The metrics of a card's model-index, as far as it is of that form."""
    for entry in _dicts(index):
        for result in _dicts(entry.get("results")):
            dataset = result.get("dataset")
            name = _text(dataset.get("name")) if isinstance(dataset, dict) else ""
            for metric in _dicts(result.get("metrics")):
                value = metric.get("value")
                if isinstance(value, int | float) and _text(metric.get("type")):
                    yield {"metric": _text(metric["type"]), "value": value, "dataset": name}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value[:100] if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [one for one in map(_text, value[:100] if isinstance(value, list) else [value]) if one]


def _text(value: Any) -> str:
    return value[:TEXT] if isinstance(value, str) else ""
