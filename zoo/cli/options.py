"""Options that several commands share, and the names that a shell completes."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from zoo.checkpoints import Store
from zoo.common import settings
from zoo.registry import installed

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON, for programs.")

format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "latex", "markdown", "json"]),
    help="Print the table as text for papers and programs.",
)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to compute; auto takes a GPU when there is one.",
)

seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    help="Random seed  [default: random; printed and saved in the output]",
)

label_option = click.option(
    "--label", "labels", multiple=True, help="Class, by name or number; repeatable."
)

scale_option = click.option(
    "--scale",
    type=click.IntRange(1),
    help="Enlarge each pixel to a square, this many pixels wide.",
)

truncation_option = click.option(
    "--truncation",
    type=click.FloatRange(0, 10),
    metavar="NUMBER",
    help="Multiply latents by this: below 1, samples are more alike.",
)

force_option = click.option("--force", is_flag=True, help="Replace a file that zoo did not write.")

threads_option = click.option(
    "--threads",
    type=click.IntRange(1, settings.MOST_THREADS),
    help="Threads on the CPU  [default: ZOO_THREADS, then the cores that this process may use]",
)


class RangeType(click.ParamType):  # type: ignore[type-arg]  # an older click has none
    """Two numbers, LOW,HIGH."""

    name = "LOW,HIGH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        """The two numbers, the lower first."""
        if isinstance(value, tuple):
            return value
        try:
            low, high = (float(number) for number in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not two numbers with a comma between, such as 0,4095.")
        if not (low < high and math.isfinite(high - low)):
            self.fail(f"{value!r}: the first number must be lower than the second.")
        return low, high


range_option = click.option(
    "--range",
    "value_range",
    type=RangeType(),
    metavar="LOW,HIGH",
    help="Values that become black and white, for images of more than 8 bits in a folder  "
    "[default: 0,65535 for 16 bits, 0,1 for floats]",
)

skip_bad_option = click.option(
    "--skip-bad", is_flag=True, help="Leave out the images of a folder that can't be read."
)

data_root_option = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the data sets  [default: ZOO_DATA, then the zoo's home]",
)


def together(*options: Callable[..., Any]) -> Callable[..., Any]:
    """Several options as one decorator, in the order of the --help."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


# of a command that takes pictures or latents and writes a picture
picture_options = together(
    label_option,
    range_option,
    scale_option,
    device_option,
    threads_option,
    force_option,
    as_json,
)

# of a command that looks for latents
search_options = together(
    click.option(
        "--draws",
        type=click.IntRange(1),
        default=1000,
        show_default=True,
        help="Random latents that the search chooses its start from.",
    ),
    click.option(
        "--steps", type=click.IntRange(0), default=100, show_default=True, help="Gradient steps."
    ),
    seed_option,
)


# of a command that speaks with the Hub
hub_options = together(
    click.option(
        "--endpoint",
        metavar="URL",
        help="Address of the Hub  [default: HF_ENDPOINT, then huggingface.co]",
    ),
    click.option("--token", help="Hub access token  [default: HF_TOKEN, then the stored login]"),
)


def complete_checkpoints(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Names of checkpoints for the shell's completion."""
    return [
        entry.name
        for entry in Store(installed().checkpoints).entries()
        if entry.name.startswith(incomplete)
    ]


def complete_removable(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Names of checkpoints and of unfinished trainings, for the shell's completion."""
    names = {*complete_checkpoints(ctx, parameter, incomplete)}
    return sorted(names | {name for name in Store({}).runs() if name.startswith(incomplete)})


def complete_models(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of models for the shell's completion."""
    return [name for name in sorted(installed().models) if name.startswith(incomplete)]


def complete_datasets(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of data sets for the shell's completion."""
    return [name for name in sorted(installed().datasets) if name.startswith(incomplete)]
