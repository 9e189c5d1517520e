"""How samples are called, and the files that hold one sample."""

from collections.abc import Iterator

from zoo.bulk.plan import Plan
from zoo.sampling import folder_names


def key(index: int) -> str:
    """The name of a sample: its index with nine digits, so that names sort as numbers do."""
    return f"{index:09}"


def file_name(index: int, label: int | None, plan: Plan) -> str:
    """The name of the file of a sample, in a folder for its class where there is one."""
    folder = "train"
    if label is not None:
        names = folder_names(plan.asked.class_names)
        folder += f"/{names[label] if label < len(names) else label}"
    return f"{folder}/{key(index)}.{plan.suffix}"


def file_names(start: int, stop: int, plan: Plan) -> Iterator[str]:
    """The names that the files of samples have, those that a filter may have left out included."""
    classes = plan.asked.classes
    for index in range(start, stop):
        yield file_name(index, classes[index % len(classes)] if classes else None, plan)
