"""What data looks like before it is trained on: what `zoo show --data` does."""

import hashlib
import logging
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common import tables
from zoo.common.errors import ConfigError, counted
from zoo.data import IN_MEMORY, check_range, is_own, refuse_unknown
from zoo.data import kind_of as kind_of_data
from zoo.evaluation import asked
from zoo.sampling import PICTURES, check_path, refuse_foreign

if TYPE_CHECKING:
    from PIL.Image import Image

    from zoo.data import Dataset

# samples that are looked at, evenly spread over the data
MOST = 100_000
AT_ONCE = 1_000
COLUMNS = 8  # of the contact sheet
MOST_ROWS = 10
NAMED = 5  # odd samples that are named
# pixels along the side of images that have several sizes
SIDE = 64
LISTED = 20  # classes of the table

log = logging.getLogger("zoo")


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What data holds; it prints as a table.

    **Arguments:**
    - `name`: of the data.
    - `samples`: how many there are.
    - `sample_shape`, `dtype`: of each.
    - `least`, `greatest`, `mean`, `deviation`: of the values that a model gets.
    - `classes`: how many samples each class has, by its name or number; empty without labels.
    - `splits`: its parts, where it has some.
    - `held_out`: how many samples a training holds out, unless told otherwise.
    - `sha256`: the digest that a training records.
    - `looked_at`: how many samples the values and what is odd are of.
    - `duplicates`: how many samples are the same as an earlier one.
    - `blank`: how many have one value everywhere.
    - `odd`: what is odd, in words.
    - `sheet`: a contact sheet of images chosen at random, a Pillow image; None for other samples.
    - `sheet_rows`: how many rows it has.
    - `picture`: the file that it was written to; None without.
    """

    name: str
    samples: int
    sample_shape: tuple[int, ...]
    dtype: str
    least: float
    greatest: float
    mean: float
    deviation: float
    classes: dict[str, int] = field(default_factory=dict)
    splits: tuple[str, ...] = ()
    held_out: int = 0
    sha256: str = ""
    looked_at: int = 0
    duplicates: int = 0
    blank: int = 0
    odd: tuple[str, ...] = ()
    sheet: "Image | None" = None
    sheet_rows: int = 0
    picture: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values, without the contact sheet."""
        names = (one.name for one in fields(self) if not one.name.startswith("sheet"))
        said = {name: getattr(self, name) for name in names}
        lists = {key: list(said[key]) for key in ("sample_shape", "splits", "odd")}
        return {**said, **lists, "picture": None if self.picture is None else str(self.picture)}

    def rows(self) -> list[tuple[str, str]]:
        """The table: what, and its value."""
        shape = " × ".join(map(str, self.sample_shape))
        found = [
            ("samples", f"{self.samples:,}"),
            ("shape", f"{shape} {self.dtype}"),
            ("range", f"{self.least:.4g} to {self.greatest:.4g}"),
            ("mean", f"{self.mean:.4g} ± {self.deviation:.4g}"),
        ]
        classes = list(self.classes.items())
        found += [(f"class {name}", f"{n:,}") for name, n in classes[:LISTED]]
        found += [("classes", f"{len(classes):,} in all")] if len(classes) > LISTED else []
        found += [("splits", ", ".join(self.splits))] if self.splits else []
        found += [("held out", f"{self.held_out:,}")] if self.held_out else []
        found += [("sha256", self.sha256)]
        found += [("odd", one) for one in self.odd] or [("odd", "nothing was found")]
        return found

    def __repr__(self) -> str:
        return tables.plain((self.name, ""), self.rows())

    def _repr_html_(self) -> str:
        return tables.as_html((self.name, ""), self.rows())


def overview(
    data: Any,
    *,
    output: str | os.PathLike[str] | None = None,
    value_range: Sequence[float] | None = None,
    skip_bad: bool = False,
    data_root: str | os.PathLike[str] | None = None,
    force: bool = False,
) -> Overview:
    """Look at data before training on it: counts, sizes, values, and what is odd.

    **Arguments:**
    - `data`: a name, a path, or samples themselves, as `zoo.train` takes them.
    - `output`: a contact sheet to write: .png, .jpg or .webp; a row for each of the first ten
        classes.
    - `value_range`, `skip_bad`, `data_root`: how it is read, as for `zoo.train`.
    - `force`: replace a file that the zoo did not write.

    **Returns:** an `Overview`, which prints as a table.

    **Raises:** `ZooError` for data that can't be read, and a picture that can't be written."""
    reference = asked.called(os.fspath(data) if isinstance(data, os.PathLike) else data)
    if isinstance(data, os.PathLike):
        data = reference = reference if is_own(reference) else f"./{reference}"
    if data is None or isinstance(data, bool | int | float | bytes):
        raise ConfigError(f"data = {data!r}: pass a name, a path, or samples themselves.")
    if reference != IN_MEMORY:
        refuse_unknown(reference)
    path = None if output is None else Path(output)
    if path is not None:
        check_path(path, suffixes=PICTURES)
        refuse_foreign(path, force=force)
    from zoo.data import SizesDiffer, load_dataset

    root = asked.folder_of_data(data_root)
    how: dict[str, Any] = {"value_range": check_range(value_range), "skip_bad": skip_bad}
    how |= {"kind": kind_of_data(reference)} if isinstance(data, str) and is_own(data) else {}
    odd = []
    try:
        found = load_dataset(data, root=root, **how)
    except SizesDiffer as error:
        shape = (error.channels, SIDE, SIDE)
        found = load_dataset(data, root=root, sample_shape=shape, **how)
        odd.append(_sizes(error.sizes, shape))
    return _seen(found, reference, path, odd)


def _sheet(data: "Dataset") -> tuple["Image | None", int]:
    """A contact sheet: images chosen at random, a row for each of the first ten classes.

    **Returns:** the picture, and how many rows it has; None for samples that are no images."""
    import torch

    from zoo.sampling import grid

    if len(data.sample_shape) != 3 or data.sample_shape[0] not in (1, 3):
        return None, 0
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(data), generator=generator)
    chosen = order[: COLUMNS * COLUMNS].sort().values
    if data.labels is not None:
        mixed = data.labels[order]
        rows = [order[mixed == one][:COLUMNS] for one in mixed.unique()[:MOST_ROWS]]
        chosen = torch.cat([row for row in rows if len(row) == COLUMNS] or [order[:COLUMNS]])
    return grid(data.samples[chosen], COLUMNS), -(-len(chosen) // COLUMNS)


def _sizes(sizes: Sequence[tuple[int, int]], shape: tuple[int, int, int]) -> str:
    """That images differ in size, in words."""
    small, large = min(sizes, key=math.prod), max(sizes, key=math.prod)
    return (
        f"the images have {counted(len(sizes), 'size')}, from {small[0]}×{small[1]} to "
        f"{large[0]}×{large[1]}. Here each is cropped and scaled to {SIDE}×{SIDE}. A training "
        f"needs one size: --set sample_shape={','.join(map(str, shape))}"
    )


def _seen(data: "Dataset", reference: str, path: Path | None, odd: Sequence[str]) -> Overview:
    import torch

    from zoo.data import usual_holdout

    n = len(data)
    looked = torch.linspace(0, n - 1, min(n, MOST), dtype=torch.float64).long()
    first_of: dict[bytes, int] = {}
    twins: list[tuple[int, int]] = []
    blank: list[int] = []
    least, greatest, total, squares, numbers = torch.inf, -torch.inf, 0.0, 0.0, 0
    for some in looked.split(AT_ONCE):
        samples = data.samples[some].cpu()
        values = data.inputs(samples).double()
        least, greatest = min(least, values.min().item()), max(greatest, values.max().item())
        total, squares = total + values.sum().item(), squares + values.square().sum().item()
        numbers += values.numel()
        flat = samples.flatten(1)
        still = (flat == flat[:, :1]).all(1)
        blank += some[still].tolist()
        for index, row in zip(some.tolist(), flat, strict=True):
            key = hashlib.sha256(row.numpy().tobytes()).digest()[:16]
            earlier = first_of.setdefault(key, index)
            if earlier != index:
                twins.append((earlier, index))
    mean = total / numbers
    sheet, rows = _sheet(data)
    if path is not None:
        _write(sheet, path, reference)
    classes = _classes(data)
    return Overview(
        name=data.name,
        samples=n,
        sample_shape=data.sample_shape,
        dtype=str(data.samples[:1].dtype).removeprefix("torch."),
        least=least,
        greatest=greatest,
        mean=mean,
        deviation=max(0.0, squares / numbers - mean * mean) ** 0.5,
        classes=classes,
        splits=data.splits,
        held_out=usual_holdout(data, reference),
        sha256=data.origin_sha256 or data.sha256,
        looked_at=len(looked),
        duplicates=len(twins),
        blank=len(blank),
        odd=(*odd, *_odd(twins, blank, classes, len(looked))),
        sheet=sheet,
        sheet_rows=rows,
        picture=path,
    )


def _write(picture: Any, path: Path, reference: str) -> None:
    from importlib.metadata import version

    from zoo.sampling import save_picture

    if picture is None:
        raise ConfigError("These samples are not images: there is no contact sheet of them.")
    made = {"data": reference, "picture": "contact sheet", "version": version("genzoo")}
    save_picture(picture, path, made, generated=False)


def _classes(data: "Dataset") -> dict[str, int]:
    if data.labels is None:
        return {}
    counts = data.labels.bincount(minlength=len(data.class_names)).tolist()
    names = data.class_names or tuple(map(str, range(len(counts))))
    return dict(zip(names, counts, strict=False))


def _odd(
    twins: Sequence[tuple[int, int]], blank: Sequence[int], classes: dict[str, int], n: int
) -> list[str]:
    """What is odd, in words."""
    found = []
    if twins:
        pairs = ", ".join(f"{one} and {other}" for one, other in twins[:NAMED])
        found.append(f"{counted(len(twins), 'duplicate')} among {n:,}, such as {pairs}")
    if blank:
        named = ", ".join(map(str, blank[:NAMED]))
        found.append(f"{counted(len(blank), 'blank sample')} among {n:,}, such as number {named}")
    if empty := [name for name, count in classes.items() if not count]:
        found.append(f"no samples of {', '.join(empty[:NAMED])}")
    counts = [count for count in classes.values() if count]
    if counts and max(counts) >= 10 * min(counts):
        found.append(
            f"the largest class has {max(counts) / min(counts):.0f} times as many samples as the "
            "smallest: --balance draws all equally often"
        )
    return found
