"""zoo compare: several checkpoints side by side, measured alike."""

from pathlib import Path
from typing import Any

import click

from zoo.cli.console import (
    command,
    note,
    print_as,
    print_json,
    print_table,
    show_preview,
    track,
    warn_of_plugins,
)
from zoo.cli.evaluate import measuring
from zoo.cli.options import complete_checkpoints, force_option, format_option
from zoo.evaluation import Spread
from zoo.evaluation import compare as room


@command()
@click.argument(
    "references", nargs=-1, required=True, metavar="REF REF…", shell_complete=complete_checkpoints
)
@measuring
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("compare.png"),
    show_default=True,
    help="Picture to make: .png, .jpg or .webp.",
)
@force_option
@click.option(
    "--over",
    metavar="FIELD",
    help="Make one column of checkpoints that differ by a field alone, such as seed: mean ± "
    "deviation, beside the error of each measurement.",
)
@format_option
def compare(
    references: tuple[str, ...], output: Path, json_: bool, format_: str | None, **options: Any
) -> None:
    """Compare several checkpoints: a table of results, and a picture with samples.

    REF is a name, a path, or a pattern such as 's-*'. zoo takes the results in facts.json, and
    measures what is missing in the same way.

    Results with different features, seeds, sample sizes or images can't be compared: zoo refuses
    them. If you say with options how to measure, zoo measures again what does not fit.
    """
    if len(set(references)) < 2 and not any(map(room.has_pattern, references)):
        raise click.UsageError("Name at least two different checkpoints.")
    warn_of_plugins()
    found = room.compare(*references, output=output, watch=track, **options)
    if format_ not in (None, "json"):
        return print_as(str(format_), found)
    if (json_ or format_) and isinstance(found, Spread):
        return print_json({"path": str(output), "over": found.field, "rows": found.rows})
    if json_ or format_:
        evaluations = {
            name: [one.to_dict() for one in results] for name, results in found.columns.items()
        }
        return print_json({"path": str(output), "evaluations": evaluations})
    print_table(found.headers, found.cells())
    for conditions in found.conditions():
        note(f"Measured {conditions}.")
    note(f"{room.SHOWN} samples of each, seed {found.seed}, in {output}")
    return show_preview(output)
