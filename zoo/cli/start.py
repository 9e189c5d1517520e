"""Imported before all else of the command line, so that a short command is over sooner."""

import atexit
import gc

USUAL = gc.get_threshold()

# Looking for garbage takes Python a tenth of the time of `zoo list`, which makes none. It waits
# for so many objects, until a longer command begins.
gc.set_threshold(100_000)


def begin(short: bool) -> None:
    """Say that a command begins.

    **Arguments:**
    - `short`: whether it is over before garbage is worth looking for, at its very end too.
    """
    if short:
        end_soon()
    else:
        gc.set_threshold(*USUAL)


def end_soon() -> None:
    """Have Python end without a last look for garbage, which takes half a second once torch is
    imported. It is for commands that close every file that they write.
    """
    atexit.register(gc.freeze)
