"""Commands that other tools have and the zoo has under another name."""

from collections.abc import Iterable

from zoo.common.errors import did_you_mean

# The verb of ollama, hf, git, pip or everyday speech, and what to type here.
ELSEWHERE = {
    "auth": "hf auth login",
    "benchmark": "zoo evaluate NAME",
    "cache": "zoo list",
    "chat": "zoo sample NAME",
    "cp": "zoo pull NAME",
    "create": "zoo train MODEL --name NAME, or zoo new NAME for a plugin",
    "data": "zoo list --data",
    "datasets": "zoo list --data",
    "del": "zoo rm NAME",
    "delete": "zoo rm NAME",
    "describe": "zoo show NAME",
    "diff": "zoo compare NAME NAME",
    "download": "zoo pull NAME",
    "draw": "zoo sample NAME",
    "env": "zoo doctor",
    "eval": "zoo evaluate NAME",
    "features": "zoo list --features",
    "fetch": "zoo pull NAME",
    "find": "zoo search TEXT",
    "fit": "zoo train MODEL --name NAME",
    "gen": "zoo sample NAME",
    "generate": "zoo sample NAME",
    "get": "zoo pull NAME",
    "help": "zoo --help, or zoo COMMAND --help",
    "info": "zoo show NAME",
    "init": "zoo new NAME",
    "inspect": "zoo show NAME",
    "install": "zoo pull NAME for a checkpoint, or pip install for a plugin",
    "login": "hf auth login",
    "make": "zoo sample NAME, or zoo train MODEL --name NAME",
    "metrics": "zoo evaluate NAME",
    "model": "zoo list --models",
    "models": "zoo list --models",
    "ps": "zoo list --runs",
    "publish": "zoo push NAME OWNER/REPO",
    "remove": "zoo rm NAME",
    "resume": "zoo train --resume NAME",
    "run": "zoo sample NAME",
    "runs": "zoo list --runs",
    "score": "zoo evaluate NAME",
    "start": "zoo sample NAME",
    "status": "zoo list --runs",
    "stop": "Ctrl-C; a training that was stopped goes on with zoo train --resume NAME",
    "test": "zoo evaluate NAME for a checkpoint, or zoo check MODEL for a model",
    "uninstall": "zoo rm NAME for a checkpoint, or pip uninstall for a plugin",
    "update": "zoo list --outdated, then zoo pull NAME",
    "upload": "zoo push NAME OWNER/REPO",
    "validate": "zoo verify NAME",
    "version": "zoo --version",
}


def instead_of(verb: str, known: Iterable[str]) -> str:
    """The end of a message that there is no such command: what to type in its place.

    **Arguments:**
    - `verb`: what was typed.
    - `known`: the names of the commands that there are.
    """
    if verb.lower() in ELSEWHERE:
        return f" Here that is: {ELSEWHERE[verb.lower()]}"
    return f"{did_you_mean(verb, known)} See: zoo --help"
