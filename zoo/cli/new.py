"""zoo new: begin a plugin that works as it comes."""

import datetime
import importlib.util
import keyword
import re
import shlex
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.resources import files as resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

import click

from zoo.cli.console import command, note, print_json, warn_of_plugins
from zoo.cli.options import as_json
from zoo.common import files
from zoo.common.errors import ConfigError, OutputError
from zoo.registry import OFFERS, found, installed

# plugin/: files of every plugin; kinds/KIND/: its words, and its model.py
TEMPLATES = resources("zoo.cli") / "templates"
# so that no tool takes a template for what it will become
SUFFIX = ".template"
# of a distribution (PEP 508), a model and a key in TOML at once
NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
LONGEST = 32  # characters of a name


@command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(sorted(one.name for one in (TEMPLATES / "kinds").iterdir())),
    default="plain",
    show_default=True,
    help="Base class of the model.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write  [default: ./zoo-NAME]"
)
@as_json
def new(name: str, kind: str, out: Path | None, json_: bool) -> None:
    """Start a plugin: write the package zoo-NAME, which works as it is.

    The package has a model that can be trained, its tests, a README and a licence.

    \b
    The kind is the base class of the model:
      plain        GenerativeModel: you write how to sample and the loss
      latent       LatentModel: you write how to decode latents and the loss
      autoencoder  Autoencoder: you also write how to encode
      vae          zoo_vae.vae.VAE: you write two networks
      gan          zoo_gan.gan.GAN: you write two networks
      text         GenerativeModel: a model of short texts
      audio        Autoencoder: a model of recordings
      importer     LatentModel: you write how to read weights from elsewhere
    """
    _check_name(name)
    words = _words(name, kind)
    if re.search(rf"\b{words['class_name']}\b", _model_template(kind).read_text(encoding="utf-8")):
        raise ConfigError(
            f"The class would be called {words['class_name']}, as another that it uses: "
            f"{_other(name)}"
        )
    out = out or Path(words["distribution"])
    if out.exists():
        raise OutputError(f"{out} exists already: remove it, or name another folder with --out.")
    with files.replacing(out) as partial:
        _write(TEMPLATES / "plugin", partial, words)
        for one in (TEMPLATES / "kinds" / kind).iterdir():
            if one.name.endswith(SUFFIX):
                _render(one, partial / words["package"], words)
    note(f"Next: cd {shlex.quote(str(out))} && pip install -e '.[test]' && pytest")
    if json_:
        return print_json(
            {"name": name, "kind": kind, "path": str(out), "model": f"{words['package']}/model.py"}
        )
    return click.echo(out)


def _check_name(name: str) -> None:
    """Refuse a name that pip, Python or another plugin would stumble over."""
    if name.startswith(("zoo-", "zoo_")):
        raise ConfigError(
            f"The distribution of {name!r} would be zoo-{name}: leave out the zoo in front."
        )
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        mended = re.sub(
            r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
        ).strip("-0123456789")
        near = f" Did you mean {mended[:LONGEST].rstrip('-')!r}?" if mended else ""
        raise ConfigError(
            f"{name[:80]!r} is not a valid name of a plugin: a lower-case letter, then more, "
            "digits and "
            "single '-' or '_' "
            f"between them, {LONGEST} at most.{near}"
        )
    if keyword.iskeyword(name) or keyword.iskeyword(_class_name(name)):
        raise ConfigError(f"{name!r} is a word of Python: {_other(name)}")
    if owner := _owner(name):
        raise ConfigError(f"{name!r} is taken by {owner}: {_other(name)}")


def _owner(name: str) -> str:
    """Who has a name already, as an entry point, a distribution, a package, or anything that a
    plugin offers.
    """
    for entry_point in found()[0]:
        if entry_point.name == name:
            return (
                f"the plugin of {entry_point.dist.name if entry_point.dist else entry_point.module}"
            )
    registry = installed()
    warn_of_plugins()
    for offer in OFFERS:
        if plugin := registry.offered_by(offer.kind, name):
            return f"what {plugin.distribution} offers in zoo_{offer.kind}"
    try:
        return f"the installed distribution {distribution(f'zoo-{name}').name}"
    except PackageNotFoundError:
        pass
    package = _package(name)
    return f"the installed package {package}" if importlib.util.find_spec(package) else ""


def _other(name: str) -> str:
    return f"choose another, such as my-{name}."


def _package(name: str) -> str:
    return "zoo_" + name.replace("-", "_")


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split("[-_]", name))


def _words(name: str, kind: str) -> dict[str, str]:
    """What the templates leave open: the names, and what kind.toml says of this kind."""
    of_kind = tomllib.loads((TEMPLATES / "kinds" / kind / "kind.toml").read_text(encoding="utf-8"))
    data = of_kind.get("data", "mnist")
    checkpoint = f"{name}-mnist" if data == "mnist" else f"my-{name}"
    train = f"zoo train {name} --name {checkpoint} --data {data}"
    first = train if kind != "importer" else f"zoo import ./weights.pth --as {checkpoint}"
    folder = f"- `zoo train {name} --data ./FOLDER` trains on a folder of images.\n"
    own = {
        "name": name,
        "distribution": f"zoo-{name}",
        "package": _package(name),
        "module": name.replace("-", "_"),
        "class_name": _class_name(name),
        "genzoo": ".".join(version("genzoo").split(".")[:2]),
        "year": str(datetime.date.today().year),
    }
    further = of_kind.pop("further", "")
    shown = {
        "imports": "ModelSpec, hookimpl",
        "hooks": "",
        "commands": f"{first}\nzoo sample {checkpoint}",
        "checkpoint": checkpoint,
        "lines": folder if data == "mnist" and kind != "importer" else "",
        "further": f"\n            {further}" if further else "",
    }
    # what a kind says may name the plugin, too
    said = {key: Template(text).safe_substitute(own) for key, text in of_kind.items()}
    return {**own, **shown, **said}


def _model_template(kind: str) -> Traversable:
    return TEMPLATES / "kinds" / kind / f"model.py{SUFFIX}"


def _write(source: Traversable, folder: Path, words: dict[str, str]) -> None:
    """Render each template of a folder, and those of its sub-folders, whose names are templates
    too.
    """
    folder.mkdir()
    for one in source.iterdir():
        if one.is_dir():
            _write(one, folder / Template(one.name).substitute(words), words)
        else:
            _render(one, folder, words)


def _render(template: Traversable, folder: Path, words: dict[str, str]) -> None:
    target = folder / Template(template.name).substitute(words).removesuffix(SUFFIX)
    target.write_text(
        Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8"
    )
