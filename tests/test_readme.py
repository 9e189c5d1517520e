"""What the README and the guides show works: every command is run, in their order."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from conftest import Zoo
from documents import GUIDES, README, ROOT, TUTORIAL, blocks, commands, follow, section
from environments import Environment
from hub_repositories import User
from hub_server import Hub, serving

import zoo as zoo_package
from zoo.checkpoints import METRICS
from zoo.checkpoints.folder import read_config, read_facts
from zoo.checkpoints.results import recorded
from zoo.checkpoints.store import Store
from zoo.cli import ALIASES, COMMANDS
from zoo.common import files
from zoo.registry import hookspecs, installed
from zoo.sampling import provenance
from zoo.testing import MODEL_CHECKS, OFFER_CHECKS

THE_HUB = GUIDES["hub"]


def test_the_first_two_blocks_are_the_main_job_and_the_tests() -> None:
    main_job, tests = blocks(README, "bash")
    assert main_job == "pip install . && zoo pull vae-mnist && zoo sample\n"
    assert tests == "pip install -e '.[test]' && pytest -n 2 --dist loadfile\n"


# the guide to the kinds needs the plugins of the examples: tests/test_examples.py follows it
TRAIN_LONG = ("bulk", "experiments", "train")
FOLLOWED = [
    *sorted(GUIDES.keys() - {"hub", "kinds", *TRAIN_LONG}),
    *(pytest.param(name, marks=pytest.mark.long) for name in TRAIN_LONG),
]


@pytest.mark.parametrize("guide", FOLLOWED)
def test_a_guide_works_from_its_top_to_its_end(guide: str, zoo: Zoo) -> None:
    follow(GUIDES[guide], zoo)


def test_the_readme_and_the_guides_show_what_to_type() -> None:
    assert len(commands(README)) >= 8
    for guide in ("sample", "train", "evaluate", "hub"):
        assert len(commands(GUIDES[guide])) >= 5, guide


def test_the_python_of_the_readme_works(zoo: Zoo) -> None:
    first, _ = blocks(README, "python")
    images = cast(Any, follow(f"```python\n{first}```\n", zoo)["images"])
    assert images.shape == (16, 1, 28, 28) and images.min() >= 0 and images.max() <= 1


def typed(command: str, **environment: str) -> str:
    """Run a command as a person at a terminal would, who says yes when asked; what it printed."""
    ours, theirs = pty.openpty()
    os.write(ours, b"y\n")
    paths = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command],
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **paths, **environment},
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    assert not any(
        token in done.stdout + done.stderr
        for token in environment.values()
        if token.startswith("hf_")
    )
    return done.stdout


def test_the_guide_to_the_hub_works_one_command_after_the_other_as_processes_of_their_own(
    zoo: Zoo, tmp_path: Path
) -> None:
    small = ["--epochs", 1, "--set", "hidden_dims=16", "--set", "latent_dim=2"]
    assert zoo("train", "mlp-vae", "--name", "my-vae", *small).exit_code == 0
    with serving() as home, serving() as elsewhere:
        home.tokens = {"hf_yours": User("YOU", "write")}
        elsewhere.tokens = {"hf_teams": User("TEAM", "write")}
        quiet = {
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "NO_PROXY": "127.0.0.1",
        }
        world = {
            "HF_HOME": str(tmp_path / "hf"),
            "HF_ENDPOINT": home.endpoint,
            "TEAM_TOKEN": "hf_teams",
            **quiet,
        }
        login, *rest = commands(THE_HUB)
        assert (
            login == "hf auth login"
        )  # which asks for the token, with a menu that differs from version to version
        typed(f"{login} --token hf_yours", **world)
        assert (tmp_path / "hf" / "token").read_text() == "hf_yours"
        printed = {}
        for command in rest:
            at_home = "hub.example" not in command
            # for this Hub, which is not huggingface.co, a variable stands for the login
            token = {"HF_TOKEN": "hf_yours"} if at_home else {}
            printed[command] = typed(
                command.replace("https://hub.example", elsewhere.endpoint), **world, **token
            )

    def tokens(hub: Hub, asked: str) -> set[str]:
        return {one.token for one in hub.requests if asked in one}

    assert tokens(home, "/api/models") == {"hf_yours"} and tokens(
        elsewhere, "/api/models/TEAM/"
    ) == {"hf_teams"}
    assert tokens(elsewhere, "GET /api/models?") == {""}  # the login is for huggingface.co
    assert (
        home.repositories["YOU/my-vae"].files.keys()
        == elsewhere.repositories["TEAM/my-vae"].files.keys()
    )
    assert printed["zoo push my-vae YOU/my-vae"] == f"{home.endpoint}/YOU/my-vae\n"
    assert "hf:YOU/my-vae" in printed["zoo search vae"] and "hf:TEAM/my-vae" in printed[rest[-1]]
    assert Path(printed["zoo pull hf:YOU/my-vae"].strip(), "model.safetensors").is_file()
    assert Path("samples.png").is_file() and len(rest) >= 7


CARDS = {path.name: path for path in sorted((ROOT / "cards").iterdir())}


def rows(dataset: str) -> dict[str, list[str]]:
    """The rows of the table of checkpoints of a data set, by what stands first in them."""
    (heading,) = re.findall(rf"^### `{dataset}`: .*$", README, re.MULTILINE)
    _, table, *_ = section(README, heading).split("\n\n")
    lines = (line.strip("|").strip().split(" | ") for line in table.splitlines())
    return {first: rest for first, *rest in lines}


def shown_of(facts: dict[str, Any]) -> dict[str, Any]:
    """What was measured by the features that are meant for the data, with no options, and the
    likelihoods that are to be compared, by metric.
    """
    meant = installed().features_for(facts["dataset"])
    features = meant.name if meant else "imagenet-lite"
    return {
        one.metric: one
        for one in sorted(recorded(facts), key=lambda one: one.importance_samples or 0)
        if (one.extractor == features and not one.options)
        or one.metric == "bits_per_dimension"
        or (one.metric == "nll" and one.binarised and one.reference_n == 10_000)
    }


@pytest.mark.parametrize("name", CARDS)
def test_the_table_of_checkpoints_says_what_their_facts_say(name: str) -> None:
    facts = read_facts(CARDS[name])
    found = shown_of(facts)
    (threads,) = re.findall(r"(\d+) thread", facts["hardware"])
    accuracy = found.get("label_accuracy")
    likelihood = "–"
    if bits := found.get("bits_per_dimension"):
        likelihood = f"{bits.text} bits"
    elif nll := found.get("nll"):
        likelihood = f"{nll.text} nats"
    row = rows(facts["dataset"])[f"`{name}`"]
    assert [row[0], *row[2:8]] == [
        f"`{read_config(CARDS[name])['model']}`",
        found["frechet_distance"].text,
        f"{found['precision'].value:.2f}, {found['recall'].value:.2f}",
        likelihood,
        f"{100 * accuracy.value:.1f} %" if accuracy else "–",
        f"{files.size(CARDS[name]) / 1e6:.1f}",  # as `zoo list` says
        f"{facts['seconds'] * int(threads) / 3600:.1f}",
    ]
    # by a benchmark, which a test can not do again
    assert row[1] and re.fullmatch(r"\d{1,3}(,\d{3})*", row[8])


@pytest.mark.parametrize("dataset", sorted({read_facts(one)["dataset"] for one in CARDS.values()}))
def test_the_table_of_a_data_set_ends_with_what_real_images_get(dataset: str) -> None:
    of_it = [read_facts(one) for one in CARDS.values() if read_facts(one)["dataset"] == dataset]
    table = rows(dataset)
    assert {f"`{one['name']}`" for one in of_it} == {one for one in table if one.startswith("`")}
    for facts in of_it:
        found = shown_of(facts)
        floor = table["real test images"]
        assert floor[2] == f"{float(format(found['frechet_distance'].floor, '.2g')):g}"
        assert floor[3] == f"{found['precision'].floor:.2f}, {found['recall'].floor:.2f}"
        if "label_accuracy" in found:
            assert floor[5] == f"{100 * found['label_accuracy'].floor:.1f} %"


@pytest.mark.parametrize("name", CARDS)
def test_the_readme_shows_a_grid_of_every_checkpoint_and_its_place_in_the_chart(name: str) -> None:
    shown = set(re.findall(rf"cards/{name}/images/(?:samples|manifold)\.png", README))
    assert shown and all((ROOT / one).stat().st_size < 300_000 for one in shown)
    for theme in ("light", "dark"):
        chart = ROOT / "plugins" / "guides" / "images" / f"quality-{theme}.svg"
        assert f"<!-- {name} -->" in chart.read_text(), "draw it: tests/benchmarks/draw_quality.py"


def test_the_table_of_what_was_asked_for_says_what_the_facts_say() -> None:
    table = GUIDES["checkpoints"].partition("| asked for |")[2]
    rows = {
        cells[1].strip("`"): cells[2]
        for line in table.splitlines()
        if len(cells := line.split(" | ")) == 4
    }
    for directory in (ROOT / "cards").iterdir():
        known = {one.text.partition(" nats")[0] for one in recorded(read_facts(directory))}
        said = re.findall(r"[\d.]+ ± [\d.]+", rows[directory.name])
        assert said or "%" in rows[directory.name]  # which the other table holds to the facts
        assert set(said) <= known, directory.name


def test_the_readme_names_every_command_and_every_variable() -> None:
    for name in (*COMMANDS, *ALIASES):
        assert re.search(rf"`(zoo )?{name}\b", README), name
    sources = "".join(path.read_text() for path in (ROOT / "zoo").rglob("*.py"))
    used = set(re.findall(r'"((?:ZOO|NO|XDG|NPM|OMP)_[A-Z_]+)"', sources))
    assert len(used) >= 5
    for name in used:
        assert name in README, name


def test_the_map_of_the_source_names_every_district_in_its_place() -> None:
    house = next(block for block in blocks(README, "text") if block.startswith("zoo/"))
    districts = {path.parent.name + "/" for path in (ROOT / "zoo").glob("*/__init__.py")}
    files = {path.stem for path in (ROOT / "zoo").glob("*.py")} - {"__main__"}
    assert set(re.findall(r"^  (\w+/?)", house, re.MULTILINE)) == districts | files


def test_the_links_of_what_is_shown_lead_somewhere() -> None:
    texts = {ROOT / "README.md": README, ROOT / "plugins" / "README.md": TUTORIAL}
    texts |= {ROOT / "plugins" / "guides" / f"{name}.md": text for name, text in GUIDES.items()}
    for path, text in texts.items():
        anchors = {anchor(one) for one in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)|src=\"([^\"]+)\"", text):
            file, _, place = "".join(link).partition("#")
            assert not file or (path.parent / file).exists(), (path.name, file)
            assert file or place in anchors, (path.name, place)


def anchor(heading: str) -> str:
    """What GitHub calls the place of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_guide_is_listed_and_leads_back() -> None:
    for guide, text in GUIDES.items():
        assert f"](plugins/guides/{guide}.md)" in README and "](../../README.md)" in text, guide


def test_the_table_of_contents_has_every_section() -> None:
    listed = re.search(r"^\*\*Contents:\*\*.*?$\n\n", README, re.MULTILINE | re.DOTALL)
    assert listed
    sections = re.findall(r"^## (.*)$", README, re.MULTILINE)
    assert re.findall(r"\[([\w ]+)\]\(#", listed[0]) == sections


def test_the_changes_are_by_version_and_the_newest_is_at_the_top() -> None:
    changes = section(README, "## Changes")
    versions = re.findall(
        r"^### (\d+\.\d+\.\d+), (unreleased|\d{4}-\d\d-\d\d)$", changes, re.MULTILINE
    )
    numbers = [tuple(map(int, version.split("."))) for version, _ in versions]
    assert numbers == sorted(numbers, reverse=True) and versions[-1][0] == "0.1.0"
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^#### (.*)$", changes, re.MULTILINE)) <= kinds


def test_the_glossary_explains_the_terms_of_the_tables() -> None:
    explained = re.findall(r"^- \*\*(.*?)\*\*.*?: ", section(README, "## Glossary"), re.MULTILINE)
    assert {"Floor", "Nat", "Importance samples"} <= set(explained)
    assert explained == sorted(explained, key=str.casefold)
    terms = {term for one in explained for term in one.casefold().split(", ")} | {
        "negative log-likelihood"
    }
    # these say what they are
    plain = {"classes_reached", "confidence", "label_accuracy"}
    for name in METRICS.keys() - plain:
        title = METRICS[name].title.casefold()
        assert any(title.startswith(term) for term in terms), f"{title} is not explained"


def test_a_torch_without_cuda_is_offered_to_whoever_has_no_gpu() -> None:
    assert "--index-url https://download.pytorch.org/whl/cpu" in section(README, "## Install")


def test_the_version_to_cite_is_one_of_the_changes() -> None:
    (cited,) = re.findall(r"version = \{(.*)\}", "".join(blocks(README, "bibtex")))
    assert f"### {cited}, " in README


def test_the_tutorial_says_of_every_hook_since_when_it_is() -> None:
    told = dict(re.findall(r"^\| `(zoo_\w+)\(.*\| (\d+\.\d+) \|$", TUTORIAL, re.MULTILINE))
    since = {"zoo_importers": "0.2", "zoo_metrics": "0.2"}
    hooks = [name for name in vars(hookspecs) if name.startswith("zoo_")]
    assert told == {name: since.get(name, "0.1") for name in hooks}


def test_the_tutorial_says_of_every_check_what_it_asks() -> None:
    checks = [
        one.__name__.removeprefix("check_").replace("_", " ")
        for one in (*OFFER_CHECKS, *MODEL_CHECKS)
    ]
    checks.insert(len(OFFER_CHECKS), "building")
    table = TUTORIAL[TUTORIAL.index("| check | passes if |") :].partition("\n\n")[0]
    assert re.findall(r"^\| ([a-z0-9 ]+) \|", table, re.MULTILINE)[1:] == checks


class Author:
    """Someone who reads the tutorial from its top to its end, and does what it says."""

    def __init__(self, environment: Environment, desk: Path, hub: Hub) -> None:
        self.environment, self.desk, self.hub = environment, desk, hub
        self.digests: dict[str, str] = {}  # of files, as sha256sum printed them
        self.said: dict[str, str] = {}  # by each command

    def follow(self, text: str) -> None:
        """Write each file, or the part of it, and type each command."""
        file_or_commands = (
            r"^`([\w/.]+)`(?:, at its (top|end))?\n\n```python\n(.*?)^```$|^```console\n(.*?)^```$"
        )
        for file, where, code, typed in re.findall(
            file_or_commands, text, re.MULTILINE | re.DOTALL
        ):
            if file:
                self.write(self.desk / file, where, code)
            for line in typed.splitlines():
                command = line.removeprefix("$ ")
                self.said[command] = self.run(command)

    def write(self, file: Path, where: str, code: str) -> None:
        """Write code, with the true digests where it has a checkpoint's."""
        for name, digest in self.digests.items():
            code = re.sub(f'"{name}": "[0-9a-f]{{64}}"', f'"{name}": "{digest}"', code)
        before = file.read_text() if where else ""
        docstring, _, rest = before.partition("\n\n")
        goes_on = f"{before}\n\n{code}" if before else code
        file.write_text(f"{docstring}\n\n{code}{rest}" if where == "top" else goes_on)

    def run(self, command: str) -> str:
        """Type a command; what it printed."""
        if command.startswith("cd "):
            self.desk /= command.removeprefix("cd ")
            return ""
        python = str(self.environment.python)
        words = shlex.split(command)
        if command.startswith("pip install -e"):  # without a network
            assert command == "pip install -e '.[test]' && pytest"
            self.environment.install(self.desk, editable=True)
            words = [python, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
        elif words[0] == "pip":
            words = [sys.executable, "-m", "pip", *words[1:], "--no-build-isolation", "--no-index"]
        elif words[0] == "zoo":
            words = [python, "-m", *words, *(["--yes"] if words[1] == "push" else [])]
        world = {"PYTHONSAFEPATH": "1", "HF_ENDPOINT": self.hub.endpoint, "HF_TOKEN": "hf_yours"}
        done = subprocess.run(
            words, cwd=self.desk, capture_output=True, text=True, env={**os.environ, **world}
        )
        assert (done.returncode, "Warning" in done.stderr) == (0, False), (
            f"{command}: {done.stdout}{done.stderr}"
        )
        self.digests |= {
            name: digest for digest, name in re.findall(r"(\w{64})  .*/(\S+)", done.stdout)
        }
        return done.stdout


@pytest.mark.long
def test_the_tutorial_leads_from_nothing_to_a_published_plugin(
    make_environment: Callable[[], Environment], tmp_path: Path
) -> None:
    with serving() as hub:
        hub.tokens = {"hf_yours": User("YOU", "write")}
        author = Author(make_environment(), tmp_path, hub)
        author.follow(TUTORIAL)
    said, tree, zoo = author.said, author.desk, author.environment.zoo
    assert (
        f"{len(OFFER_CHECKS) + len(MODEL_CHECKS)} passed"
        in said["pip install -e '.[test]' && pytest"]
    )
    assert provenance.read(tree / "samples.png")["checkpoint"] == "ppca-mnist"
    assert 0 < float(said["zoo brightness ppca-mnist"]) < 1
    assert all(
        word in said["zoo show stripes"] for word in ("across, down", "cc0-1.0", "Drawn at random")
    )
    checkpoint = Store({}).find("my-ppca")
    assert (
        json.loads((checkpoint / "config.json").read_text())["made_by"]["distribution"]
        == "zoo-ppca"
    )
    history = read_facts(checkpoint)["history"]
    assert history[1]["losses"]["loss"] < history[0]["losses"]["loss"]
    assert (
        "num_classes=0" in zoo("train", "ppca", "--name", "other", "--set", "num_classes=10").stderr
    )
    assert "latent_dim    16       whole number 1 to 65536" in zoo("show", "ppca").stdout
    assert "model.safetensors" in hub.repositories["YOU/ppca-mnist"].files
    assert "zoo-ppca" in hub.repositories["YOU/ppca-mnist"].files["README.md"].content.decode()

    for style in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *style, tree], check=True)

    elsewhere = make_environment()  # another's machine, where the wheel is installed
    (wheel,) = (tree / "dist").glob("zoo_ppca-*.whl")
    elsewhere.install_wheels(wheel)
    assert elsewhere.zoo("pull", "ppca-mnist").stdout.startswith(
        str(elsewhere.folder)
    )  # bundled, where they lie
    assert elsewhere.zoo("sample", "ppca-mnist").returncode == 0


def sentences(text: str) -> list[str]:
    """The sentences of a text, without its code, its tables and its headings."""
    prose = re.sub(r"^```.*?^```$|^\|.*?$|^#.*?$|<!--.*?-->", "", text, flags=re.M | re.S)
    items = re.split(r"\n\s*\n|^\s*- |\n(?=\d+\. )", prose, flags=re.M)
    return [one for item in items for one in re.split(r"(?<=[.!?:;])\s+", " ".join(item.split()))]


SHOWN = {"README": README, "authors": TUTORIAL, **GUIDES}


@pytest.mark.parametrize("name", SHOWN)
def test_sentences_are_short_enough_for_readers_whose_first_language_is_another(name: str) -> None:
    words = [len(re.sub(r"\]\(.*?\)", "]", one).split()) for one in sentences(SHOWN[name]) if one]
    long = [one for one in sentences(SHOWN[name]) if len(one.split()) > 30]
    assert not long, long
    assert sum(words) / len(words) < 15


def test_the_guide_to_python_names_every_function_of_the_light_door() -> None:
    functions = {name for name in zoo_package.__all__ if name.islower()}
    authors = {"bundled", "hookimpl", "refresh"}
    for name in functions - authors:
        assert f"zoo.{name}" in GUIDES["python"], name
