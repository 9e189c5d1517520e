"""LIGHT: the history of a training, as facts.json and history.jsonl hold it."""

from collections.abc import Iterable, Mapping
from typing import Any

# what a loss is called that is alone
LOSS = "loss"
# what it was called by version 0.1.0: the name of its optimizer
OLD_LOSS = "model"
# of an entry of a history: the parts that hold losses
PARTS = ("losses", "held_out")


def named_losses(history: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A history with the loss that is alone called `loss`, also where version 0.1.0 wrote it.

    **Arguments:**
    - `history`: an entry an epoch, such as `{"epoch": 1, "losses": {"model": 142.1}}`."""
    return [
        {key: _renamed(value) if key in PARTS else value for key, value in entry.items()}
        for entry in history
    ]


def _renamed(losses: Any) -> Any:
    if not isinstance(losses, Mapping) or OLD_LOSS not in losses or LOSS in losses:
        return losses
    return {LOSS if name == OLD_LOSS else name: value for name, value in losses.items()}
