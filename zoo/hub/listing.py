"""The list of checkpoints, and which of them have changed at their source."""

from fnmatch import fnmatchcase

from zoo.checkpoints import Store
from zoo.checkpoints import list_checkpoints as list_all
from zoo.common import arguments, notes
from zoo.common.errors import HubError
from zoo.common.tables import Listing
from zoo.registry import installed


def list_checkpoints(pattern: str | None = None, *, outdated: bool = False) -> Listing:
    """The checkpoints that are here or can be pulled, by name.

    **Arguments:**
    - `pattern`: only names that match it, such as "*mnist*".
    - `outdated`: only pulled checkpoints that have changed at their source since; this asks the
        Hub.

    **Returns:** records that show themselves as a table. Each has the keys `name`, `model`,
    `dataset`, `parameters`, `num_classes`, `license`, `summary`, `size` (bytes), `state`
    ("bundled", "pulled", "trained", "hub" or "damaged"), `plugin` and `path`.

    **Raises:** `HubError` when the Hub does not tell of one whether it changed; each is named.
    """
    pattern = arguments.pattern(pattern)
    if not outdated:
        return list_all(pattern)
    changed = _outdated(pattern)
    found = list_all(pattern)
    return Listing([one for one in found if one["name"] in changed], found.columns)


def _outdated(pattern: str | None) -> set[str]:
    from zoo.hub.pull import outdated

    changed, unknown = set(), []
    for entry in Store(installed().checkpoints).entries():
        if entry.state != "pulled" or not fnmatchcase(entry.name, pattern or "*"):
            continue
        try:
            if outdated(entry):
                changed.add(entry.name)
        except HubError as error:
            notes.logger().info("%s", error)
            unknown.append(entry.name)
    if unknown:
        known = ", ".join(sorted(changed)) or "none"
        raise HubError(
            f"Could not find out whether {', '.join(unknown)} changed. Outdated among the others: "
            f"{known}.",
            known=sorted(changed),
        )
    return changed
