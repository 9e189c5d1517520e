"""The `zoo` command: a lazy group; commands import torch only when they run."""

# what click imports need not be looked at for garbage
from zoo.cli import start as start

# isort: split
import click

from zoo.cli.group import ZooGroup
from zoo.common import settings

SECTIONS = {
    "Get checkpoints": {
        "list": "zoo.cli.list:list_",
        "show": "zoo.cli.show:show",
        "pull": "zoo.cli.pull:pull",
        "search": "zoo.cli.search:search",
        "import": "zoo.cli.import_:import_",
        "rm": "zoo.cli.rm:rm",
        "verify": "zoo.cli.verify:verify",
        "space": "zoo.cli.space:space",
    },
    "Make samples and checkpoints": {
        "sample": "zoo.cli.sample:sample",
        "generate": "zoo.cli.generate:generate",
        "reconstruct": "zoo.cli.reconstruct:reconstruct",
        "interpolate": "zoo.cli.interpolate:interpolate",
        "train": "zoo.cli.train:train",
    },
    "Edit": {
        "encode": "zoo.cli.encode:encode",
        "decode": "zoo.cli.decode:decode",
        "invert": "zoo.cli.invert:invert",
        "directions": "zoo.cli.directions:directions",
        "edit": "zoo.cli.edit:edit",
        "inpaint": "zoo.cli.inpaint:inpaint",
    },
    "See and serve": {
        "play": "zoo.cli.play:play",
        "serve": "zoo.cli.serve:serve",
    },
    "Measure": {
        "evaluate": "zoo.cli.evaluate:evaluate",
        "compare": "zoo.cli.compare:compare",
    },
    "Share": {
        "export": "zoo.cli.export:export",
        "card": "zoo.cli.card:card",
        "push": "zoo.cli.push:push",
    },
    "Plugins and installation": {
        "plugins": "zoo.cli.plugins:plugins",
        "check": "zoo.cli.check:check",
        "new": "zoo.cli.new:new",
        "doctor": "zoo.cli.doctor:doctor",
    },
}
COMMANDS = {name: place for some in SECTIONS.values() for name, place in some.items()}
ALIASES = {"ls": "list"}


@click.group(
    cls=ZooGroup,
    sections=SECTIONS,
    aliases=ALIASES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-q", "--quiet", is_flag=True, help="Print results and warnings only.")
@click.version_option(package_name="genzoo", prog_name="zoo")
def main(debug: bool, quiet: bool) -> None:
    """Sample pretrained generative models with one command, or train your own.

    \b
    zoo pull vae-mnist && zoo sample
    """
    context = click.get_current_context()
    context.meta["zoo.quiet"] = quiet
    if settings.no_color():
        context.color = False
