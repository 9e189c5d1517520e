"""zoo verify: check the files of checkpoints and data sets against their digests."""

import click

from zoo.bulk.verify import refuse_damaged
from zoo.bulk.verify import verify as verify_all
from zoo.cli.console import command, print_json, print_table, warn_of_plugins
from zoo.cli.options import as_json, complete_checkpoints


@command()
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=complete_checkpoints)
@as_json
def verify(names: tuple[str, ...], json_: bool) -> None:
    """Check the files of checkpoints and data sets against their digests.

    Without NAME, all checkpoints that you have are checked. NAME may be a pattern: '*mnist*', or a
    data set that zoo generate made: ./digits. zoo also loads checkpoints from a Hub: their weights
    must fit their model and be finite. The exit code is 1 when something is damaged.
    """
    warn_of_plugins()
    verdicts = verify_all(names)
    if json_:
        print_json([{"name": one["name"], "files": one["files"]} for one in verdicts])
    else:
        rows = [
            [one["name"], file, verdict]
            for one in verdicts
            for file, verdict in one["files"].items()
        ]
        print_table(("NAME", "FILE", "VERDICT"), rows)
    refuse_damaged(verdicts)
