"""zoo show: a checkpoint, a model, a data set, features, or how samples were made."""

from pathlib import Path
from typing import Any

import click

from zoo.checkpoints import CONFIG, info
from zoo.cli.console import (
    command,
    note,
    open_store,
    print_json,
    print_table,
    print_text,
    printable,
    show_picture,
)
from zoo.cli.options import (
    as_json,
    complete_checkpoints,
    complete_datasets,
    data_root_option,
    force_option,
    range_option,
    skip_bad_option,
)
from zoo.cli.tables import print_card
from zoo.common import files, settings
from zoo.registry import describe, installed


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    checkpoints = complete_checkpoints(ctx, parameter, incomplete)
    return checkpoints + [name for name in sorted(_offered()) if name.startswith(incomplete)]


@command()
@click.argument("reference", metavar="[REF]", required=False, shell_complete=_complete)
@click.option(
    "--data",
    metavar="DATA",
    shell_complete=complete_datasets,
    help="Look at data before training on it: a name, ./FOLDER or ./FILE.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="With --data: write a contact sheet, .png, .jpg or .webp.",
)
@data_root_option
@range_option
@skip_bad_option
@force_option
@as_json
def show(reference: str | None, data: str | None, json_: bool, **reading: Any) -> None:
    """Show a checkpoint, a model, a data set, features, or how samples were made.

    Of a checkpoint, the model card is shown; of a model, its settings and recipe; of a file or
    folder of samples, the command that makes it again. --data shows counts, sizes, values and what
    is odd of data that you have.
    """
    if data is not None and reference is None:
        return _show_data(data, json_, reading)
    if reference is None or data is not None:
        raise click.UsageError("Name what to show, or the data to look at: --data DATA")
    store = open_store()
    if _holds_samples(reference):
        return _show_provenance(settings.expand(reference), json_)
    if reference in installed().models:
        return _show_model(reference, json_)
    spec = _offered().get(reference)
    if spec and not store.directory(reference).is_dir():
        return _show_spec(spec, json_)
    return _show_checkpoint(reference, json_)


def _show_data(data: str, json_: bool, reading: Any) -> None:
    import zoo

    seen = zoo.overview(data, **reading)
    if json_:
        return print_json(seen.to_dict())
    print_text(printable(seen.name), indent=0)
    for key, value in seen.rows():
        print_text(printable(value), f"{printable(key):12} ")
    if seen.sheet is None:
        return None
    show_picture(seen.sheet, seen.sheet_rows)
    return note(f"Contact sheet: {seen.picture or '-o sheet.png writes it'}")


def _offered() -> dict[str, Any]:
    """Models, data sets and features by name; of two that are called alike, the one that comes
    first.
    """
    registry = installed()
    return {**registry.features, **registry.datasets, **registry.models}


def _holds_samples(reference: str) -> bool:
    """Whether a reference is a file of samples by its suffix, or a folder of them."""
    from zoo.sampling import FOLDER_FILE, SUFFIXES

    path = settings.expand(reference)
    named_so = reference.lower().endswith(SUFFIXES)
    if not files.is_folder(path):
        return named_so
    holds = files.is_path(reference) and files.is_file(path / FOLDER_FILE)
    return (named_so or holds) and not files.is_file(path / CONFIG)


def _show_provenance(path: Path, json_: bool) -> None:
    from zoo.sampling import provenance

    made = provenance.describe(path)
    if json_:
        return print_json(made)
    for key, value in made.items():
        if value not in ([], None):
            print_text(printable(str(value)), f"{key.replace('_', ' '):11} ")
    return None


def _show_model(name: str, json_: bool) -> None:
    shown = describe(name)
    if json_:
        return print_json(shown)
    print_text(printable(f"{name}: {shown['summary']}"), indent=0)
    click.echo()
    for key, value in {
        "can": ", ".join(shown["capabilities"]),
        "class": shown["entry_point"],
        "paper": shown["reference"],
        "checkpoints": ", ".join(shown["checkpoints"]),
    }.items():
        if value:
            print_text(printable(value), f"{key:12} ")
    click.echo()
    for title, fields in (("CONFIG", "config"), ("RECIPE", "recipe"), ("OPTION", "options")):
        if not shown[fields]:
            continue
        rows = [[field["name"], field["default"], field["type"]] for field in shown[fields]]
        print_table((title, "DEFAULT", "TYPE"), rows, [field["meaning"] for field in shown[fields]])
        click.echo()
    if shown["trainable"]:
        click.echo(f"Train one: zoo train {name} --name NAME --set FIELD=VALUE")
    else:
        click.echo("It is to sample alone: it can't be trained.")
    if shown["options"]:
        click.echo("Sample with an option: zoo sample NAME --set OPTION=VALUE")
    return None


def _show_spec(spec: Any, json_: bool) -> None:
    """What a plugin says of a data set or of features."""
    if json_:
        return print_json(vars(spec))
    kind = "a data set" if spec.name in installed().datasets else "features"
    print_text(printable(f"{spec.name}: {getattr(spec, 'summary', '') or kind}"), indent=0)
    click.echo()
    for key, value in vars(spec).items():
        if value and key not in ("name", "summary"):
            said = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            print_text(printable(said), f"{key:12} ")
    return None


def _show_checkpoint(reference: str, json_: bool) -> None:
    record = info(reference)
    if json_:
        return print_json(record)
    if record["card"]:
        from zoo.checkpoints.card import without_markup

        text = without_markup(record["card"])
    else:
        known = {**record["config"], **record["facts"]}
        text = "\n".join(f"{key}: {value}" for key, value in known.items())
    print_card(text)
    return print_text(printable(record["path"]), "Files: ")
