"""zoo doctor: what is well here, what is not, and what to do about it."""

import fcntl
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any, Literal

import click
from packaging.requirements import Requirement

from zoo.checkpoints import Entry, Store, left_behind
from zoo.cli.console import command, print_json, print_text, printable, size
from zoo.cli.options import as_json
from zoo.common import settings
from zoo.common.errors import HubError, NotFoundError, PluginError, ZooError, counted
from zoo.hub import find_endpoint
from zoo.registry import installed

# seconds of import that every command would wait for
SLOW = 0.5
PATIENCE = 5.0  # seconds without a byte from the Hub
# bytes that a data set and a training ask for, roughly
ROOM = 1_000_000_000
INDENT = 20  # columns before what was found
COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, what was found, and what to do about it."""

    what: str
    verdict: Literal["ok", "note", "wrong"]
    found: str
    advice: str = ""


@command()
@click.option("--fix", is_flag=True, help="Remove what killed commands left half-written.")
@as_json
def doctor(fix: bool, json_: bool) -> None:
    """Check the installation and suggest fixes.

    Looks at Python, torch, the device, threads, plugins and what they offer, the store, the data,
    the disk and the Hub. The exit code is 1 when something is wrong."""
    findings = []
    for finding in _examine(fix):
        findings.append(finding)
        if not json_:
            verdict = click.style(f"{finding.verdict:5}", fg=COLOURS[finding.verdict])
            print_text(printable(finding.found), f"{verdict}  {finding.what:11}  ", INDENT)
            if finding.advice:
                print_text(printable(finding.advice), f"{'':18}  → ")
    if json_:
        print_json([asdict(finding) for finding in findings])
    if wrong := list(
        dict.fromkeys(finding.what for finding in findings if finding.verdict == "wrong")
    ):
        raise ZooError(
            f"Something is wrong with {', '.join(wrong)}. The lines with → above say what to do."
            if not json_
            else f"Something is wrong with {', '.join(wrong)}. See the advice in the output."
        )


def _examine(fix: bool) -> Iterator[Finding]:
    """The findings of every check. One that breaks is a finding, too: what is ill may be so in a
    new way.
    """
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "python": _python,
        "torch": _torch,
        "device": _device,
        "threads": _threads,
        "plugins": _plugins,
        "offers": _offers,
        "store": _store,
        "leftovers": lambda: _leftovers(fix),
        "data": _data,
        "disk": _disk,
        "hub": _hub,
    }
    for what, check in checks.items():
        try:
            yield from check()
        except (ZooError, click.ClickException) as error:  # in words that mend it
            yield Finding(what, "wrong", str(error))
        except Exception as error:
            yield Finding(
                what,
                "wrong",
                f"can't be examined: {_in_a_line(error)}",
                "If you can't mend that, report it to genzoo.",
            )


def _python() -> Iterator[Finding]:
    yield Finding(
        "python", "ok", f"{platform.python_version()}, genzoo {version('genzoo')}, in {sys.prefix}"
    )


def _torch() -> Iterator[Finding]:
    """Whether torch and torchvision can be imported, and are a pair."""
    advice = (
        "Install a pair that matches, from one index: pip install --force-reinstall torch "
        "torchvision"
    )
    for name in ("torch", "torchvision"):
        found = version(name)
        try:
            __import__(name)
        # OSError of a library, RuntimeError of an operator that isn't there
        except Exception as error:
            yield Finding(name, "wrong", f"{found} can't be imported: {_in_a_line(error)}", advice)
            return
        wanted = [Requirement(one) for one in requires(name) or ()]
        torch = next(
            (
                one
                for one in wanted
                if one.name == "torch" and not one.specifier.contains(version("torch"))
            ),
            None,
        )
        if torch:
            yield Finding(
                name,
                "wrong",
                f"{found} requires torch{torch.specifier}, this is {version('torch')}",
                advice,
            )
        else:
            yield Finding(name, "ok", found)


def _device() -> Iterator[Finding]:
    """What models are computed on, that it computes, and in what precision."""
    if "torch" not in sys.modules:
        return
    import torch

    from zoo.common.compute import emulates_bf16, hardware, pick_device

    device = torch.device(pick_device("auto"))
    # a GPU too old raises
    torch.ones(2, 2, device=device).matmul(torch.ones(2, 2, device=device)).sum().item()
    if device.type == "cpu" and shutil.which("nvidia-smi"):
        advice = (
            "Install a torch that is built for its driver (pytorch.org/get-started), or update the "
            "driver."
        )
        yield Finding(
            "device",
            "note",
            f"{hardware(device)}; torch sees no GPU, though NVIDIA's tools are here",
            advice,
        )
    else:
        yield Finding("device", "ok", hardware(device))
    emulated = emulates_bf16(device)
    yield Finding(
        "precision",
        "ok",
        "float32; bfloat16 would be emulated, and slower" if emulated else "float32 and bfloat16",
    )


def _threads() -> Iterator[Finding]:
    """How many threads a model is computed with on the CPU, and why."""
    if "torch" not in sys.modules:
        return
    from zoo.common.compute import usable_cores, use_threads

    cores = os.cpu_count() or 1
    usable = usable_cores()
    found = f"{counted(use_threads(), 'thread')} on the CPU"
    if settings.threads():
        found += " (ZOO_THREADS)"
    elif settings.openmp_threads():
        found += " (OMP_NUM_THREADS)"
    if usable < cores:
        found += f"; this process may use {usable} of {counted(cores, 'core')}"
    else:
        found += f"; this process may use {counted(cores, 'core')}"
    yield Finding("threads", "ok", found)


def _plugins() -> Iterator[Finding]:
    """What each plugin's entry module did."""
    root = click.get_current_context().find_root()
    if isinstance(root.command, click.Group):
        # so that what goes wrong in zoo_commands is known too
        root.command.list_commands(root)
    for plugin in installed().plugins:
        offers = (
            ", ".join(f"{len(names)} {kind}" for kind, names in plugin.offers.items()) or "nothing"
        )
        found = (
            f"{plugin.name} ({plugin.distribution} {plugin.version}): {offers}, in "
            f"{plugin.seconds * 1000:.0f} ms"
        )
        for problem in plugin.problems:
            advice = (
                f"Tell the authors of {plugin.distribution}, or: pip uninstall "
                f"{plugin.distribution}"
            )
            yield Finding(
                "plugins", "wrong", f"{plugin.name} ({plugin.distribution}): {problem}", advice
            )
        if plugin.seconds > SLOW:
            advice = (
                "Every command waits for it: its authors should import torch in model files only."
            )
            yield Finding("plugins", "note", found, advice)
        elif not plugin.problems:
            yield Finding("plugins", "ok", found)
    if absent := sorted(installed().absent):
        advice = "Install what offers them, or correct ZOO_LOAD_PLUGINS (see: zoo plugins)."
        yield Finding(
            "plugins",
            "wrong",
            f"ZOO_LOAD_PLUGINS names what is not installed: {', '.join(absent)}",
            advice,
        )
    if not installed().plugins:
        yield Finding(
            "plugins", "note", "none is loaded", "Unset ZOO_LOAD_PLUGINS, which leaves them out."
        )


def _offers() -> Iterator[Finding]:
    """Whether the code of what plugins offer can be imported, and its models are models."""
    if "torch" not in sys.modules:
        return
    from zoo.checkpoints.weights import model_class

    registry = installed()
    offered: list[tuple[Callable[[str], Any], str]] = [
        (model_class, name) for name in registry.models
    ]
    offered += [(registry.dataset_loader, name) for name in registry.datasets]
    offered += [(registry.feature_loader, name) for name in registry.features]
    broken = 0
    for imported, name in offered:
        try:
            imported(name)
        except PluginError as error:
            broken += 1
            yield Finding("offers", "wrong", str(error))
    found = (
        f"{len(offered) - broken} of {len(offered)} models, data sets and features can be imported"
    )
    yield Finding("offers", "ok", found)


def _store() -> Iterator[Finding]:
    """Whether the store can be written, and what is damaged in it."""
    store = Store(installed().checkpoints)
    nearest = _nearest(store.root)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        why = "can't be written" if nearest.is_dir() else "is not a folder"
        yield Finding(
            "store", "wrong", f"{nearest} {why}", "Mend that, or name another folder with ZOO_HOME."
        )
        return
    if refused := _refused_lock(nearest):
        yield Finding(
            "store",
            "wrong",
            f"{nearest} can't lock files: {refused}",
            "Name a folder on a local disk with ZOO_HOME: training and pulling lock files.",
        )
    entries = store.entries()
    for entry in entries:
        if entry.state == "damaged":
            yield Finding("store", "wrong", f"{entry.name} is damaged", _cure(entry))
    here = sum(bool(entry.path) and entry.state != "damaged" for entry in entries)
    found = (
        f"{store.root}{'' if store.root.exists() else ', to be made'}: "
        f"{counted(here, 'checkpoint')} can be sampled"
    )
    yield Finding("store", "ok", found)
    try:
        current = store.current()
    except NotFoundError:
        return  # none was ever made current
    try:
        store.find(current)
    except ZooError as error:
        yield Finding(
            "store",
            "note",
            f"the current checkpoint is gone: {error}",
            "Make another current: zoo pull NAME",
        )


def _leftovers(fix: bool) -> Iterator[Finding]:
    """What commands that were killed left half-written, in the home and in this folder."""
    found = left_behind(remove=fix)
    told = counted(len(found), "file or folder").replace("file or folders", "files or folders")
    if fix:
        yield Finding("leftovers", "ok", f"{told} of killed commands removed")
    elif found:
        yield Finding(
            "leftovers",
            "note",
            f"killed commands left {told}, such as {found[0]}",
            "Remove them: zoo doctor --fix",
        )
    else:
        yield Finding("leftovers", "ok", "killed commands left nothing")


def _cure(entry: Entry) -> str:
    """What to do about a damaged checkpoint."""
    if entry.origin:
        return f"zoo rm {entry.name}, then get it again."
    plugin = installed().offered_by("checkpoints", entry.name)
    maker = plugin.distribution if plugin else "its plugin"
    return f"Its files came with {maker}, and are gone: pip install --force-reinstall {maker}"


def _refused_lock(folder: Path) -> str:
    """Why no file can be locked in a folder, as on some network file systems; "" where it can."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-", suffix=".partial") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _data() -> Iterator[Finding]:
    """Where data sets are looked for."""
    named = settings.data_root()
    folder = named or settings.home() / "data"
    if named and not folder.is_dir():
        advice = "Name a folder that holds data sets, or unset it: they are downloaded then."
        yield Finding("data", "wrong", f"ZOO_DATA names {folder}, which is not a folder", advice)
    elif folder.is_dir():
        holds = (
            ", ".join(sorted(one.name for one in folder.iterdir() if one.is_dir())) or "nothing yet"
        )
        yield Finding("data", "ok", f"{folder}{' (ZOO_DATA)' if named else ''}: {holds}")
    else:
        yield Finding("data", "ok", f"{folder}, to be made: data sets are downloaded to it")


def _disk() -> Iterator[Finding]:
    place = _nearest(settings.home())
    free = shutil.disk_usage(place).free
    if free < ROOM:
        advice = (
            "Free some (zoo list, zoo rm NAME), or name a folder on another disk with ZOO_HOME."
        )
        yield Finding("disk", "wrong", f"{size(free)} are free at {place}", advice)
    else:
        yield Finding("disk", "ok", f"{size(free)} are free at {place}")


def _hub() -> Iterator[Finding]:
    """Whether the Hub answers, and whom it takes us for."""
    # a broken HF_ENDPOINT is said before huggingface_hub is imported
    find_endpoint()
    from huggingface_hub import constants, get_session
    from huggingface_hub.utils._http import hf_raise_for_status

    from zoo.hub.session import connected

    if constants.HF_HUB_OFFLINE:
        yield Finding(
            "hub", "note", "not asked: HF_HUB_OFFLINE is set", "Unset it to search, pull and push."
        )
        return
    try:
        with connected("ask", patience=PATIENCE) as session:
            if session.token:
                who = session.api.whoami()
                right = who["auth"]["accessToken"]["role"]
                found = (
                    f"{session.endpoint} answers, and knows you as {who['name']} (token: {right})"
                )
            else:
                answer = get_session().get(f"{session.endpoint}/api/models", params={"limit": 1})
                hf_raise_for_status(answer)
                if not isinstance(answer.json(), list):
                    raise ValueError("no list of models")
                found = (
                    f"{session.endpoint} answers; you are not logged in, and can pull what is "
                    "public"
                )
    except HubError as error:
        advice = (
            "What is here works without it; where there is no internet, say so with "
            "HF_HUB_OFFLINE=1."
        )
        yield Finding("hub", "wrong", str(error), advice)
        return
    yield Finding(
        "hub", "ok", found, "" if session.token else "To push: hf auth login, or set HF_TOKEN."
    )


def _nearest(path: Path) -> Path:
    """What there is of a path: itself, or the nearest folder above it."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
