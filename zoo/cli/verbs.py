"""Commands that other tools have and the zoo has under another name, or not at all."""

from collections.abc import Iterable

from zoo.common.errors import did_you_mean

# The verb of ollama, hf, git, pip or everyday speech, and what to type here.
ELSEWHERE = {
    "auth": "hf auth login",
    "benchmark": "zoo evaluate NAME",
    "cache": "zoo space",
    "chat": "zoo sample NAME",
    "collections": "zoo search TEXT",
    "create": "zoo train MODEL --name NAME, or zoo new NAME for a plugin",
    "data": "zoo list --data",
    "dataset": "zoo list --data",
    "datasets": "zoo list --data",
    "del": "zoo rm NAME",
    "delete": "zoo rm NAME",
    "describe": "zoo show NAME",
    "diff": "zoo compare NAME NAME",
    "download": "zoo pull NAME",
    "draw": "zoo sample NAME",
    "env": "zoo doctor",
    "eval": "zoo evaluate NAME",
    "ext": "zoo plugins",
    "extensions": "zoo plugins",
    "features": "zoo list --features",
    "fetch": "zoo pull NAME",
    "find": "zoo search TEXT",
    "fit": "zoo train MODEL --name NAME",
    "gen": "zoo sample NAME",
    "get": "zoo pull NAME",
    "help": "zoo --help, or zoo COMMAND --help",
    "info": "zoo show NAME",
    "init": "zoo new NAME",
    "inspect": "zoo show NAME",
    "install": "zoo pull NAME for a checkpoint, or pip install for a plugin",
    "jobs": "zoo list --runs",
    "login": "hf auth login",
    "logout": "hf auth logout",
    "make": "zoo sample NAME, or zoo train MODEL --name NAME",
    "metrics": "zoo evaluate NAME",
    "model": "zoo list --models",
    "models": "zoo list --models",
    "prune": "zoo space --prune",
    "ps": "zoo list --runs",
    "publish": "zoo push NAME OWNER/REPO",
    "remove": "zoo rm NAME",
    "repo": "zoo push NAME OWNER/REPO",
    "repo-files": "zoo push NAME OWNER/REPO",
    "repos": "zoo push NAME OWNER/REPO",
    "resume": "zoo train --resume NAME",
    "run": "zoo sample NAME",
    "runs": "zoo list --runs",
    "scan": "zoo space",
    "score": "zoo evaluate NAME",
    "signin": "hf auth login",
    "signout": "hf auth logout",
    "start": "zoo sample NAME",
    "status": "zoo list --runs",
    "stop": "Ctrl-C; a training that was stopped goes on with zoo train --resume NAME",
    "sync": "zoo pull --update",
    "test": "zoo evaluate NAME for a checkpoint, or zoo check MODEL for a model",
    "uninstall": "zoo rm NAME for a checkpoint, or pip uninstall for a plugin",
    "update": "zoo list --outdated, then zoo pull NAME",
    "upgrade": "zoo list --outdated, then zoo pull NAME",
    "upload": "zoo push NAME OWNER/REPO",
    "upload-large-folder": "zoo push NAME OWNER/REPO",
    "validate": "zoo verify NAME",
    "version": "zoo --version",
    "whoami": "hf auth whoami, or zoo doctor, which says whom the Hub knows you as",
}
# A verb of theirs that the zoo has no command for, with a sentence that says so.
NOT_HERE = {
    "buckets": (
        "zoo has no buckets: it stores checkpoints on this machine and in repositories. "
        "zoo push sends one."
    ),
    "copy": (
        "zoo copies nothing: a checkpoint is a folder, which you can copy. zoo show NAME "
        "says where it is."
    ),
    "cp": (
        "zoo copies nothing: a checkpoint is a folder, which you can copy. zoo show NAME "
        "says where it is."
    ),
    "discussions": (
        "zoo has no discussions: zoo push prints the address of a repository, where they are."
    ),
    "endpoints": "zoo has no endpoints: it computes on this machine, by zoo sample NAME.",
    "launch": "zoo starts no other programs: it samples at once, by zoo sample NAME.",
    "lfs": "zoo needs no Git LFS: zoo push sends files of any size.",
    "lfs-enable-largefiles": "zoo needs no Git LFS: zoo push sends files of any size.",
    "lfs-multipart-upload": "zoo needs no Git LFS: zoo push sends files of any size.",
    "mv": (
        "zoo renames nothing: a checkpoint is a folder, which you can copy. zoo show NAME "
        "says where it is."
    ),
    "papers": "zoo lists no papers: zoo show MODEL names the paper of a model.",
    "rename": (
        "zoo renames nothing: a checkpoint is a folder, which you can copy. zoo show NAME "
        "says where it is."
    ),
    "sandbox": "zoo has no endpoints: it computes on this machine, by zoo sample NAME.",
    "skills": "zoo has no skills for assistants: zoo --help says what it can do.",
    "spaces": (
        "zoo has no Spaces: your disk is shown by zoo space, checkpoints on the Hub by zoo search."
    ),
    "webhooks": "zoo has no webhooks: zoo list --outdated says what has changed on the Hub.",
}


def instead_of(verb: str, known: Iterable[str]) -> str:
    """The end of a message that there is no such command: what to type in its place.

    **Arguments:**
    - `verb`: what was typed.
    - `known`: the names of the commands that there are.
    """
    typed = verb.lower()
    if typed in ELSEWHERE:
        return f" Use: {ELSEWHERE[typed]}"
    if typed in NOT_HERE:
        return f" {NOT_HERE[typed]}"
    return f"{did_you_mean(verb, known)} See: zoo --help"
