"""A static folder with a page that runs a model in the browser."""

from pathlib import Path
from typing import Any

from zoo.checkpoints import Folder
from zoo.common.errors import CapabilityError


def write(
    folder: Folder, output: Any, *, precision: str, runtime: str | Path | None, force: bool
) -> Any:
    """Write the page of a checkpoint."""
    raise CapabilityError("Pages are not written yet.")
