"""The rules of the house: two doors, an empty core, light rooms, and imports that run downwards."""

import ast
import functools
import importlib
import io
import os
import re
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path

import pytest

import zoo

ROOT = Path(__file__).parents[1]
CORE = ROOT / "zoo"
PLUGINS = ROOT / "plugins"
HEAVY = ("torch", "torchvision", "numpy", "huggingface_hub")
FLOORS = (
    ("common",),
    ("registry", "models"),
    ("checkpoints", "data", "sampling", "optim"),
    ("training", "evaluation", "editing", "exporters", "hub"),
    ("testing",),
    ("importers", "bulk"),
    ("explorer",),
    ("__init__",),
    ("cli",),
)
# imports between two districts of one floor, each with its reason
BESIDE = {
    ("sampling", "checkpoints"): "a picture says which weights drew it",
    ("training", "evaluation"): "alarms and cards use measures",
    ("exporters", "editing"): "a page has a slider for each direction that is kept",
}
# rooms that another district may enter by themselves; all others are entered by their district's door
DOOR_ROOMS = {
    "bulk.generate",
    "bulk.push",
    "bulk.verify",
    "checkpoints.card",
    "checkpoints.weights",
    "evaluation.compare",
    "evaluation.measure",
    "evaluation.overview",
    "hub.foreign",
    "hub.listing",
    "hub.pull",
    "hub.push",
    "hub.push_data",
    "hub.search",
    "hub.session",
    "models.build",
    "models.capture",
    "optim.optimizers",
    "sampling.films",
    "sampling.formats",
    "sampling.images",
    "sampling.pictures",
    "sampling.provenance",
    "sampling.request",
}

# inner rooms whose tests stand in the file of what they are used through
TESTED_THROUGH = {
    "bulk/test_generate": (
        "bulk.asking",
        "bulk.card",
        "bulk.crew",
        "bulk.filters",
        "bulk.lots",
        "bulk.names",
        "bulk.steps",
        "bulk.work",
        "bulk.worker",
        "cli.generate",
    ),
    "bulk/test_manifest": ("bulk.typed",),
    "bulk/test_push": ("hub.push_data",),
    "bulk/test_ray": ("bulk.ray_crew",),
    "bulk/test_writers": (
        "bulk.columns",
        "bulk.layouts",
    ),
    "checkpoints/test_card": ("checkpoints.card_text",),
    "checkpoints/test_store": (
        "checkpoints.scratch",
        "cli.verify",
    ),
    "checkpoints/test_upkeep": (
        "cli.confirm",
        "cli.space",
    ),
    "checkpoints/test_weights": ("models.build",),
    "cli/test_main": ("cli.options",),
    "cli/test_progress": ("cli.hearing",),
    "cli/test_reconstruct": ("editing.reconstruction",),
    "common/test_arguments": ("common.words",),
    "data/test_archives": ("data.samples",),
    "data/test_arrays": ("data.numbers",),
    "data/test_folders": ("data.forms",),
    "data/test_foreign": ("data.converter",),
    "data/test_holdout": (
        "data.given",
        "data.origin",
    ),
    "data/test_loading": ("data.named",),
    "editing/test_coding": (
        "cli.decode",
        "cli.encode",
        "editing.arrays",
        "editing.asked",
        "editing.batches",
    ),
    "editing/test_finding": ("cli.directions",),
    "editing/test_inpainting": (
        "cli.inpaint",
        "editing.filling",
    ),
    "editing/test_inversion": ("cli.invert",),
    "editing/test_lines": ("sampling.films",),
    "editing/test_moving": ("cli.edit",),
    "evaluation/test_compare": ("evaluation.tables",),
    "evaluation/test_measure": (
        "evaluation.asked",
        "evaluation.images",
    ),
    "explorer/test_guard": ("explorer.engine",),
    "explorer/test_launch": (
        "cli.play",
        "cli.serve",
    ),
    "explorer/test_page": ("explorer.pages",),
    "explorer/test_samples": (
        "explorer.answers",
        "explorer.application",
        "explorer.asked",
        "explorer.bodies",
        "explorer.desk",
    ),
    "explorer/test_trainings": ("explorer.workshop",),
    "exporters/test_exporting": ("cli.export",),
    "exporters/test_page": ("exporters.runtime",),
    "hub/test_download": ("cli.pull",),
    "hub/test_pull": ("hub.listing",),
    "hub/test_push": (
        "cli.push",
        "hub.history",
        "hub.plan",
        "hub.upload",
    ),
    "hub/test_search": ("cli.search",),
    "hub/test_session": ("hub.refusals",),
    "importers/test_import_weights": (
        "cli.import_",
        "importers.opening",
    ),
    "importers/test_importers": ("models.foreign",),
    "importers/test_source": ("hub.foreign",),
    "registry/test_registry": (
        "cli.plugins",
        "registry.discovery",
    ),
    "sampling/test_kinds_written": ("sampling.sounds",),
    "test_house": ("common.lazy",),
    "testing/test_testing": (
        "testing.labels",
        "testing.latents",
        "testing.offer",
        "testing.samples",
        "testing.subject",
        "testing.training",
        "testing.weights",
    ),
    "training/test_batches": ("training.checks",),
    "training/test_going_on": (
        "training.extension",
        "training.parent",
    ),
    "training/test_keep": (
        "checkpoints.history",
        "training.train",
    ),
    "training/test_keep_kinds": (
        "models.audio",
        "models.text",
        "sampling.showing",
    ),
    "training/test_loop": ("training.state",),
    "training/test_processes": ("optim.processes",),
    "training/test_request": (
        "training.given",
        "training.planning",
    ),
    "training/test_session": ("common.watching",),
    "training/test_sweep": ("training.worker",),
}


def rooms(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> list[tuple[str, str]]:
    """The (module, name) pairs that a file imports, inside functions too."""
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path} imports relatively"
            found += [(node.module, alias.name) for alias in node.names]
    return found


def district(path: Path) -> str:
    """The district of a room: its folder, or `__init__` for the light door."""
    parts = path.relative_to(CORE).parts
    return parts[0] if len(parts) > 1 else parts[0].removesuffix(".py")


def districts_imported(path: Path) -> set[str]:
    named = set()
    for module, _ in imports(path):
        first, _, rest = module.partition(".")
        if first == "zoo":
            named.add(rest.partition(".")[0] or "__init__")
    return named


def test_the_top_level_holds_what_was_agreed_and_nothing_else() -> None:
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        names = {line.partition("/")[0] for line in listed.splitlines()}
    else:
        names = {path.name for path in ROOT.iterdir()}
    agreed = {"pyproject.toml", "README.md", "zoo", "plugins", "tests", "cards", "LICENSE"}
    assert {name for name in names if not name.startswith(".")} == agreed


@pytest.mark.parametrize(
    "path", rooms(CORE) + rooms(PLUGINS), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_room_fits_one_sitting_and_says_in_a_line_what_it_holds(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 500
    docstring = ast.get_docstring(parsed(path))
    assert docstring and docstring.splitlines()[0].endswith(".")


def test_every_room_has_tests_under_its_name_or_is_listed_with_those_it_is_tested_through() -> None:
    tests = ROOT / "tests"
    without = {
        f"{path.parent.name}.{path.stem}"
        for path in CORE.glob("*/*.py")
        if path.stem != "__init__"
        if not (tests / path.parent.name / f"test_{path.stem.rstrip('_')}.py").exists()
    }
    listed = [room for named in TESTED_THROUGH.values() for room in named]
    assert without == set(listed) and len(listed) == len(without)
    assert all((tests / f"{name}.py").exists() for name in TESTED_THROUGH)


@pytest.mark.parametrize("path", rooms(PLUGINS), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_takes_the_two_doors_and_no_other(path: Path) -> None:
    parts = path.relative_to(PLUGINS).parts
    own = parts[1].replace("-", "_") if parts[0] == "examples" else parts[0]
    doors = ("zoo", "zoo.models", "zoo.testing") if "tests" in parts else ("zoo", "zoo.models")
    for module, _ in imports(path):
        package = module.partition(".")[0]
        if package.startswith("zoo"):
            assert module in doors or package == own, f"{path} imports {module}"


def test_the_core_names_no_plugin_model_data_set_or_checkpoint() -> None:
    from zoo.registry.registry import installed

    offered = {
        name for plugin in installed().plugins for names in plugin.offers.values() for name in names
    }
    words = (
        offered
        | {plugin.name for plugin in installed().plugins}
        | {path.name for path in PLUGINS.glob("zoo_*")}
    )
    allowed_in_help = {
        "mnist",
        "vae-mnist",
    }  # the default of --data, and the example of `zoo --help`
    for path in rooms(CORE):
        tree = parsed(path)
        documents = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body
            if isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in documents
            ):
                named = {
                    word for word in words - {"vision"} if node.value == word
                } - allowed_in_help
                assert not named, f"{path}, line {node.lineno}, names {named}"
        assert not {module for module, _ in imports(path) if module.startswith("zoo_")}


def test_without_any_plugin_the_house_still_stands_empty() -> None:
    environment = {**os.environ, "ZOO_LOAD_PLUGINS": ""}
    for command in (["list", "--json"], ["list", "--models", "--json"], ["plugins", "--json"]):
        result = subprocess.run(
            [sys.executable, "-m", "zoo", *command], env=environment, capture_output=True, text=True
        )
        assert (result.returncode, result.stdout.strip()) == (0, "[]")


@pytest.mark.parametrize(
    "command",
    [
        "list",
        "list --json --models",
        "show vae-mnist",
        "list --data",
        "list --features --json",
        "plugins",
        "--help",
        "sample --help",
        "evaluate --help",
        "check --help",
        "pull vae-mnist",
        "search --help",
        "verify",
        "interpolate no-such-checkpoint",
        "push --help",
        "new my-model",
        "card vae-mnist",
        "list --runs",
        "space",
        "rm no-such-checkpoint --yes",
        "train mlp-vea",
    ],
)
def test_light_commands_import_nothing_heavy(command: str) -> None:
    code = f"""
import sys
import tokenize
from zoo.cli import main
try:
    main({command.split()!r})
except SystemExit:
    pass
print(sorted(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.splitlines()[-1] == "[]", result.stderr


def test_completion_imports_nothing_heavy_and_knows_the_names() -> None:
    environment = {
        **os.environ,
        "_ZOO_COMPLETE": "bash_complete",
        "COMP_WORDS": "zoo sample ",
        "COMP_CWORD": "2",
    }
    code = "import sys, atexit; from zoo.cli import main\n"
    code += (
        f"atexit.register(lambda: print([n for n in {HEAVY!r} if n in sys.modules], "
        "file=sys.stderr))\n"
    )
    code += "main(prog_name='zoo')"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert "plain,vae-mnist" in result.stdout
    assert result.stderr.strip() == "[]"


def test_sampling_imports_no_torchvision_no_compiler_and_nothing_that_only_training_needs() -> None:
    code = "import sys; from zoo.cli import main\n"
    code += (
        "try: main(['sample', 'vae-mnist', '-n', '4'])\nexcept SystemExit as stop: assert not "
        "stop.code\n"
    )
    idle = (
        "torchvision",
        "torch._dynamo",
        "huggingface_hub",
        "rich",
        "accelerate",
        "matplotlib",
        "tensorboard",
    )
    code += f"print([n for n in {idle!r} if n in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "[]", result.stderr


@pytest.mark.parametrize("path", rooms(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_imports_run_downwards(path: Path) -> None:
    own = district(path)
    if own in ("__main__", "errors"):
        return
    floor = {name: level for level, names in enumerate(FLOORS) for name in names}
    for other in districts_imported(path) - {own, "errors"}:
        beside = floor[other] == floor[own] and (own, other) in BESIDE
        assert floor[other] < floor[own] or beside, f"{own} imports {other}, which is not below it"


def imported_names(path: Path) -> list[tuple[str, str]]:
    """What a room imports of other districts: ("evaluation", "measure.evaluate"), …"""
    own = district(path)
    found = []
    for module, name in imports(path):
        parts = [part for part in (*module.split("."), name) if part]
        if parts[0] == "zoo" and len(parts) > 2 and parts[1] != own:
            found.append((parts[1], ".".join(parts[2:])))
    return found


@pytest.mark.parametrize("path", rooms(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_districts_are_entered_by_their_doors(path: Path) -> None:
    if district(path) in ("__init__", "__main__"):
        return
    for other, name in imported_names(path):
        room, _, inner = name.partition(".")
        open_to_all = other == "common" or f"{other}.{room}" in DOOR_ROOMS
        public = getattr(importlib.import_module(f"zoo.{other}"), "__all__", ())
        assert open_to_all or (not inner and name in public), (
            f"{path} imports {name} of zoo.{other}, which is not in its __all__"
        )


def test_every_way_between_districts_that_is_allowed_is_used() -> None:
    entered = {
        f"{other}.{name.partition('.')[0]}"
        for path in rooms(CORE)
        for other, name in imported_names(path)
    }
    assert entered >= DOOR_ROOMS
    crossed = {(district(one), other) for one in rooms(CORE) for other in districts_imported(one)}
    assert crossed >= BESIDE.keys()


def test_no_circle_leads_from_a_district_back_to_it() -> None:
    arrows = {
        name: {
            other
            for path in rooms(CORE)
            if district(path) == name
            for other in districts_imported(path) - {name, "errors"}
        }
        for name in {district(path) for path in rooms(CORE)} - {"__init__", "errors"}
    }
    while free := {name for name, others in arrows.items() if not others & arrows.keys()}:
        arrows = {name: others for name, others in arrows.items() if name not in free}
    assert arrows == {}, f"a circle among {sorted(arrows)}"


@pytest.mark.parametrize(
    "path", rooms(CORE) + rooms(PLUGINS), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_constant_stands_on_a_line_of_its_own(path: Path) -> None:
    tree = parsed(path)
    for node in [
        *tree.body,
        *(one for top in tree.body if isinstance(top, ast.ClassDef) for one in top.body),
    ]:
        packed = isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Tuple) for target in node.targets
        )
        assert not packed, f"{path}, line {node.lineno}, packs several names into one tuple"


@pytest.mark.parametrize(
    "path", rooms(CORE) + rooms(PLUGINS), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_comment_behind_a_line_is_short_and_closes_no_bracket(path: Path) -> None:
    """A reason that needs a sentence stands on a line of its own, above what it explains."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        code = token.line[: token.start[1]].strip()
        is_for_tools = re.match(r"# (type: ignore|noqa|pragma|fmt:)", token.string)
        if token.type != tokenize.COMMENT or not code or is_for_tools:
            continue
        where = f"{path}, line {token.start[0]}: {token.string}"
        assert code[0] not in ")]}", where
        assert len(token.string) <= 44 or code[-1] in "([{", where


def test_a_formatter_is_only_kept_off_with_a_reason() -> None:
    for path in rooms(CORE) + rooms(PLUGINS):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            bare = line.rstrip().endswith(("fmt: skip", "fmt: off"))
            assert not bare, f"{path}, line {number}: say why"


def test_ruff_holds_functions_to_a_screen_and_every_exception_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    assert {"C901", "PLR0913", "PLR0915"} <= set(lint["select"])
    assert lint["mccabe"]["max-complexity"] <= 12
    assert lint["pylint"]["max-args"] <= 8 and lint["pylint"]["max-statements"] <= 40
    section = text.partition("[tool.ruff.lint.per-file-ignores]")[2].partition("\n[")[0]
    commented = False
    for line in section.strip().splitlines():
        commented = line.startswith("#") or commented
        assert commented or "  # " in line, f"pyproject.toml: {line} has no reason"


def test_the_light_door_shows_exactly_what_it_says() -> None:
    assert zoo.__all__ == sorted(zoo.__all__)
    for name in zoo.__all__:
        getattr(zoo, name)
    public = {
        name
        for name, value in vars(zoo).items()
        if not name.startswith("_") and type(value).__name__ != "module"
    }
    assert public - {"TYPE_CHECKING", "Any"} == set(zoo.__all__)
