"""How samples are called, and the files that hold one sample."""

import functools
import re

from zoo.bulk.layouts import LAYOUTS
from zoo.bulk.plan import Plan
from zoo.sampling import folder_names


def key(index: int) -> str:
    """The name of a sample: its index with nine digits, so that names sort as numbers do."""
    return f"{index:09}"


def file_name(index: int, label: int | None, plan: Plan) -> str:
    """The name of the file of a sample, in a folder for its class where there is one."""
    folder = "train"
    if label is not None:
        names = _folders(plan.asked.class_names)
        folder += f"/{names[label] if label < len(names) else label}"
    return f"{folder}/{key(index)}.{plan.suffix}"


def shard_of(name: str, plan: Plan) -> int | None:
    """The number of the shard that a file belongs to; None for a file that no shard has."""
    digits = re.search(r"[0-9]+", name.rpartition("/")[2])
    if digits is None:
        return None
    number = index = int(digits[0])
    many = not LAYOUTS[plan.asked.format].one_file
    if many:
        number = (index - plan.asked.start) // plan.per_shard
    if not 0 <= number < plan.count:
        return None
    classes = plan.asked.classes
    label = classes[index % len(classes)] if classes else None
    own = file_name(index, label, plan) if many else plan.shard(number).name
    return number if name == own else None


@functools.lru_cache(maxsize=8)
def _folders(class_names: tuple[str, ...]) -> list[str]:
    return folder_names(class_names)
