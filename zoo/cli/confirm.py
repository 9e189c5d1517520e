"""Asking a person before something is removed."""

import sys

import click

from zoo.common.errors import ConfigError


def has_terminal() -> bool:
    """Whether a person can answer."""
    return sys.stdin.isatty()


def confirm(question: str) -> None:
    """Go on when the person says yes.

    **Raises:** `click.Abort` when the person says no; `ConfigError` when nobody is there to ask.
    """
    if not has_terminal():
        raise ConfigError(
            "Nothing was removed: zoo could not ask you, because there is no terminal. To remove "
            "without a question, add --yes."
        )
    click.confirm(question, abort=True, err=True)
