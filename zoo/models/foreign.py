"""Weights from elsewhere as an importer sees them, and what it makes of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


class Foreign:
    """The files of a source whose weights were opened safely.

    **Arguments:**
    - `files`: the names of all files of the source, such as "unet/config.json".
    - `opened`: a function for each file of weights that gives its tensors by name. The names of
        nested dicts are joined by dots: "generator.main.0.weight".
    - `configs`: what the JSON files hold, by file.
    """

    def __init__(
        self,
        files: Sequence[str],
        opened: Mapping[str, Callable[[], dict[str, Tensor]]],
        configs: Mapping[str, Any],
    ) -> None:
        self.files = tuple(files)
        self._opened = dict(opened)
        self._configs = dict(configs)

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the files that hold tensors."""
        return tuple(self._opened)

    def tensors(self, file: str | None = None) -> dict[str, Tensor]:
        """The tensors of a file by name, on the CPU; of the first file unless one is named.

        A file that is not among `weights` has none."""
        chosen = file if file is not None else next(iter(self._opened), "")
        return self._opened[chosen]() if chosen in self._opened else {}

    def config(self, file: str) -> dict[str, Any]:
        """What a JSON file holds; nothing where it is not there, or holds no object."""
        found = self._configs.get(file)
        return dict(found) if isinstance(found, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What an importer makes of foreign weights.

    **Arguments:**
    - `config`: values for the Config of the importer's model.
    - `tensors`: all tensors of the model, by their names in its state dict. The parts that only
        training needs may be left out as a whole.
    - `dataset`: name of the data set that it was trained on, where that is known.
    - `left_out`: names of tensors that the files hold and the model has no place for, such as those
        of another network beside it. Whoever imports is told.
    """

    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    dataset: str = ""
    left_out: Sequence[str] = ()
