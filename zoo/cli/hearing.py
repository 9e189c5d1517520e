"""Prints what the rooms log to "zoo", as lines on standard error."""

import logging

from zoo.cli.console import note


class Notes(logging.Handler):
    """Says what the rooms log: notes and warnings as lines on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one note."""
        warning = "Warning: " if record.levelno >= logging.WARNING else ""
        note(warning + record.getMessage())


def hear_notes(quiet: bool = False) -> None:
    """Print what is logged to "zoo"; when `quiet`, warnings alone."""
    logger = logging.getLogger("zoo")
    if not any(isinstance(handler, Notes) for handler in logger.handlers):
        logger.addHandler(Notes())
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    logger.propagate = False
