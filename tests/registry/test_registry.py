"""The plugin host: guests that are really installed, and none of them, however broken, takes the
house down.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import Zoo
from environments import Environment, write_plugin

from zoo.registry.registry import Registry, claimed_maker

BUILT_IN = {"mlp-vae", "conv-vae", "ladder-vae", "mlp-gan", "dcgan", "resnet-gan", "upsample-gan"}

OFFER = """
from zoo import Checkpoint, DatasetSpec, FeatureSpec, ModelSpec, hookimpl

def model(name):
    return ModelSpec(name=name, entry_point="zoo.models:LatentModel", summary="A guest's")

@hookimpl
def zoo_models():
    return {models}
"""

GOOD = OFFER.format(models='[model("good-model")]')

TAKER = OFFER.format(models='[model("mlp-vae"), model("takers-own")]') + (
    """
@hookimpl
def zoo_checkpoints():
    digests = {"config.json": "0" * 64, "model.safetensors": "0" * 64}
    return [Checkpoint(name="vae-mnist", model="takers-own", sha256=digests)]

@hookimpl
def zoo_datasets():
    return [DatasetSpec(name="mnist", entry_point="zoo_taker:nothing", sample_shape=(1, 28, 28))]

@hookimpl
def zoo_features():
    return [FeatureSpec(name="digits", entry_point="zoo_taker:nothing"), FeatureSpec(name="own", entry_point="a:b")]
"""
)

CHATTY = 'import os\nprint("loud at import")\nos.system("echo loud as a child")\n' + OFFER.format(
    models='[model("chatty-model")] + (print("loud in a hook") or [])'
)

RUBBISH = """[{"name": "a-dict"}, None, model("kept-model")]"""

COMMANDS = """
import click
from zoo import ZooError, hookimpl

@hookimpl
def zoo_commands(cli):
    @cli.command()
    def greet():
        "Say hello."
        click.echo("hello from a guest")

    @cli.command()
    def falter():
        "Fail in words."
        raise ZooError("the guest lost its hat")
"""

TAKEN_COMMAND = """
import click
from zoo import hookimpl

@hookimpl
def zoo_commands(cli):
    @cli.command({name!r})
    def taken():
        "Not the real one."
        click.echo("stolen")
"""

COMMANDS_RAISE = """
from zoo import hookimpl

@hookimpl
def zoo_commands(cli):
    raise RuntimeError("no command today")
"""

UNRULY = """
import click
from zoo import hookimpl

@hookimpl
def zoo_commands(cli):
    cli.commands["evil\\x1b[2J"] = click.Command("evil")
    cli.commands["number"] = 7
    cli.commands[7] = click.Command("seven")
    del cli.commands["pull"]
"""

EMPTIER = """
from zoo import hookimpl

@hookimpl
def zoo_commands(cli):
    cli.commands = None
"""

EAGER = "import torch\n" + OFFER.format(models='[model("eager-model")]')

SUBTLE = """
from collections.abc import Mapping
from zoo import Checkpoint, DatasetSpec, ModelSpec, hookimpl

def no(*arguments, **named):
    raise RuntimeError("do not touch")

class Text(str):
    __len__ = __str__ = __repr__ = __format__ = __hash__ = __eq__ = __iter__ = __lt__ = no
    strip = split = splitlines = join = encode = lower = isprintable = no

class Number(int):
    __str__ = __repr__ = __format__ = __hash__ = __eq__ = __index__ = __add__ = no

class Row(tuple):
    __iter__ = __len__ = __getitem__ = __repr__ = no

DIGESTS = {"config.json": "0" * 64, "model.safetensors": "0" * 64}

@hookimpl
def zoo_models():
    spec = ModelSpec(name="subtle-model", entry_point="zoo.models:LatentModel")
    object.__setattr__(spec, "summary", Text("A guest's"))
    object.__setattr__(spec, "name", Text("subtle-model"))
    object.__setattr__(spec, "capabilities", Row(["sample"]))
    return [spec]

@hookimpl
def zoo_checkpoints():
    spec = Checkpoint(name="subtle", model="subtle-model", sha256=DIGESTS)
    object.__setattr__(spec, "parameters", Number(7))
    return [spec]
"""

OFFER_CHECKPOINTS = """
from pathlib import Path
from zoo import Checkpoint, hookimpl

DIGESTS = {"config.json": "0" * 64, "model.safetensors": "0" * 64}

def one(name, **given):
    spec = Checkpoint(name=name, model="mlp-vae", sha256=DIGESTS)
    for key, value in given.items():
        object.__setattr__(spec, key, value)
    return spec

@hookimpl
def zoo_checkpoints():
    return [CHECKPOINTS, one("kept-one")]
"""

NOISY = GOOD.replace("good", "noisy") + (
    """
import atexit, os, sys, threading, time

def shout(where):
    print(f"loud {where}", flush=True)
    os.write(1, f"loud {where}\\n".encode()) if where != "in a thread" else None

def later():
    for _ in range(200):
        time.sleep(0.01)
        shout("in a thread")

threading.Thread(target=later, daemon=True).start()
atexit.register(shout, "at exit")
if os.fork() == 0:
    time.sleep(0.3)
    shout("in a child")
    os._exit(0)
"""
)

SLEEPER = """
import os, sys, time

print("asleep", file=sys.stderr, flush=True)
time.sleep(float(os.environ.get("SLEEP", 30)))
"""

EACH_HOOK_RAISES = GOOD.replace("good", "trios") + (
    """
@hookimpl
def zoo_checkpoints():
    raise RuntimeError("no checkpoint today")

@hookimpl
def zoo_datasets():
    raise RuntimeError("no data set today")

@hookimpl
def zoo_features():
    raise RuntimeError("no features today")
"""
)

FUTURE_HOOK = (
    OFFER.format(models='[model("todays-model")]')
    + "\n@hookimpl\ndef zoo_sounds():\n    return []\n"
)

MODULES = OFFER.format(
    models="""[
        ModelSpec(name=f"model-that-{name}", entry_point=f"zoo_modules.{name}:Model")
        for name in ("raises", "exits", "leaves", "stops", "lacks", "talks", "strays")
    ]"""
)


class Broken(NamedTuple):
    """A guest with something wrong: its code, what is said of that, and what it offers all the
    same.
    """

    code: str
    said: str
    at: str = ""  # the line of its entry module that the error names
    models: tuple[str, ...] = ()
    distribution: str = ""
    requires: str = "genzoo"


BROKEN = {
    "raises": Broken('import zoo\nraise ValueError("no luck today")\n', "ValueError: no luck today", "line 2"),
    "exits": Broken("import sys\n\nsys.exit('gone')\n", "SystemExit: gone", "line 3"),
    "unparsable": Broken("import zoo\n\n\ndef broken(:\n", "SyntaxError: invalid syntax", "line 4"),
    "hook": Broken(OFFER.format(models='1 / 0 or model("never")'), "ZeroDivisionError: division by zero", "line 9"),
    "stops": Broken(OFFER.format(models='__import__("sys").exit(4)'), "SystemExit: 4"),
    "none": Broken(OFFER.format(models="None"), "None"),
    "text": Broken(OFFER.format(models='"mlp-vae"'), "returned 'mlp-vae', not a list of ModelSpec"),
    "number": Broken(OFFER.format(models="7"), "returned '7', not a list of ModelSpec"),
    "single": Broken(OFFER.format(models='model("single-model")'), "not a list of ModelSpec"),
    "rubbish": Broken(OFFER.format(models=RUBBISH), "a-dict", models=("kept-model",)),
    "misnamed": Broken(OFFER.format(models='[model("Bad Name")]'), "'Bad Name' is not a valid model name"),
    "control": Broken(OFFER.format(models='[model("evil\x1b[2J")]'), r"'evil\x1b[2J' is not a valid model name", "line 5"),
    "mistyped": Broken(
        OFFER.format(models='[ModelSpec(name="mistyped", entry_point="a:B", summary=None)]'),
        "ModelSpec 'mistyped': summary = 'None' must be of type str",
    ),
    "path": Broken(OFFER.format(models='[model("../../escape")]'), "'../../escape' is not a valid model name", "line 5"),
    "flood": Broken(
        OFFER.format(models='[model(f"flood-{n}") for n in range(10_000)]'),
        "offers more than 1,000: the rest are left out",
        models=tuple(f"flood-{n}" for n in range(1000)),
    ),
    "endless": Broken(
        OFFER.format(models='(model(f"endless-{n}") for n in __import__("itertools").count())'),
        "offers more than 1,000: the rest are left out",
        models=tuple(f"endless-{n}" for n in range(1000)),
    ),
    "trio": Broken(EACH_HOOK_RAISES, "zoo_datasets: RuntimeError: no data set today", "line 17", ("trios-model",)),
    "hooks": Broken(FUTURE_HOOK, "does not know the hook 'zoo_sounds'", models=("todays-model",)),
    "newer": Broken("from zoo import SoundSpec\n", "pip install 'genzoo>=99'", "line 1", requires="genzoo>=99"),
    "signature": Broken(OFFER.format(models="[]").replace("models()", "models(registry)"), "'registry'"),
    "group": Broken(COMMANDS.replace("(cli)", "(group)"), "'group'"),
    "taker": Broken(TAKER, "'mlp-vae' in zoo_models is taken by genzoo", models=("takers-own",)),
    "beta": Broken(OFFER.format(models='[model("shared-model")]'), (
        "'shared-model' in zoo_models is taken by "
        "zoo-a"
    )),
    "gamma": Broken(OFFER.format(models='[model("shared-model")]'), (
        "'shared-model' in zoo_models is taken by "
        "zoo-a"
    )),
    "vision": Broken(GOOD, "'vision' is taken by genzoo: not loaded", distribution="zoo-blind"),
    "interrupter": Broken("import zoo\nraise KeyboardInterrupt\n", "KeyboardInterrupt", "line 2"),
    "presser": Broken(
        OFFER.format(models='(_ for _ in ()).throw(KeyboardInterrupt("mine"))'), "KeyboardInterrupt: mine"
    ),
    "leaver": Broken("import os\nos._exit(0)\n", "os._exit(0) was called"),
    "first-leaver": Broken("import posix\nposix._exit(0)\n", "os._exit(0) was called"),
    "hook-leaver": Broken(OFFER.format(models='__import__("os")._exit(3)'), "os._exit(3) was called"),
    "huge": Broken(
        OFFER_CHECKPOINTS.replace("CHECKPOINTS", 'one("huge", parameters=10**5000)'),
        "a record whose parameters is a number of 16,610 bits; it must be from 0 to 9,007,199,254,740,992",
    ),
    "negative": Broken(
        OFFER_CHECKPOINTS.replace("CHECKPOINTS", 'one("negative", parameters=-1)'),
        "a record whose parameters is below 0",
    ),
    "novel": Broken(
        OFFER_CHECKPOINTS.replace("CHECKPOINTS", 'one("novel", summary="x" * 50_000_000)'),
        "a record whose summary has 50,000,000 characters; 1,000 are the most",
    ),
    "lost": Broken("", "ModuleNotFoundError: No module named 'zoo_misplaced'"),
}  # fmt: skip

HEALTHY = {
    "good": GOOD,
    "alpha": OFFER.format(models='[model("shared-model")]'),
    "chatty": CHATTY,
    "commands": COMMANDS,
    "thief": TAKEN_COMMAND.format(name="list"),
    "alias": TAKEN_COMMAND.format(name="ls"),
    "quitter": COMMANDS_RAISE,
    "unruly": UNRULY,
    "emptier": EMPTIER,
    "subtle": SUBTLE,
    "noisy": NOISY,
}

TWINS = ("castor", "pollux")
MODEL_MODULES = {
    "raises": 'raise RuntimeError("no model today")\n',
    "exits": "raise SystemExit(0)\n",
    "leaves": "import os\nos._exit(0)\n",
    "stops": "raise KeyboardInterrupt\n",
    "lacks": "",
    "strays": "class Model:\n    pass\n",
    "talks": 'print("loud in a model module")\nraise RuntimeError("no model today")\n',
}

MakeEnvironment = Callable[[], Environment]


@pytest.fixture(scope="module")
def guests(
    make_environment: MakeEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment with all guests; ZOO_LOAD_PLUGINS chooses among them."""
    folder = tmp_path_factory.mktemp("guests")
    trees = [write_plugin(folder, name, code) for name, code in HEALTHY.items()]
    for name, one in BROKEN.items():
        trees.append(
            write_plugin(
                folder, name, one.code, distribution=one.distribution, requires=one.requires
            )
        )
    trees += [
        write_plugin(folder, "twin", GOOD.replace("good", name), distribution=f"zoo-{name}")
        for name in TWINS
    ]
    trees.append(write_plugin(folder, "modules", MODULES, **MODEL_MODULES))
    trees += [write_plugin(folder, "eager", EAGER), write_plugin(folder, "sleeper", SLEEPER)]
    project = folder / "zoo-lost" / "pyproject.toml"
    project.write_text(project.read_text().replace('lost = "zoo_lost"', 'lost = "zoo_misplaced"'))
    environment = make_environment()
    environment.install(*trees)
    return environment


def listed(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """The objects that a command printed as JSON, by name."""
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)}


def assert_one_line_names_zoo_plugins(stderr: str) -> None:
    """Standard error holds one line, which says where to look."""
    assert len(stderr.splitlines()) == 1, stderr
    assert "wrong" in stderr
    assert "zoo plugins" in stderr


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_guest_leaves_the_list_as_it_is(name: str, guests: Environment) -> None:
    done = guests.zoo("list", "--models", "--json", ZOO_LOAD_PLUGINS=f"vae,gan,good,alpha,{name}")
    models = listed(done)
    assert models.keys() == BUILT_IN | {"good-model", "shared-model", *BROKEN[name].models}
    assert {models[one]["plugin"] for one in BUILT_IN} == {"genzoo"}
    assert_one_line_names_zoo_plugins(done.stderr)
    assert name in done.stderr


@pytest.mark.parametrize("name", BROKEN)
def test_zoo_plugins_says_what_is_wrong_with_a_guest(name: str, guests: Environment) -> None:
    guest = BROKEN[name]
    distribution = guest.distribution or f"zoo-{name}"
    done = guests.zoo("plugins", "--json", ZOO_LOAD_PLUGINS=f"vae,gan,good,alpha,{name}")
    assert done.returncode == 0, done.stderr
    (told,) = (one for one in json.loads(done.stdout) if one["distribution"] == distribution)
    assert (told["name"], told["version"]) == (name, "0.1.0")
    assert told["offers"].get("models", []) == list(guest.models)
    assert 0 <= told["seconds"] < 60
    file = "" if name == "lost" else f"{distribution.replace('-', '_')}/__init__.py"
    assert told["file"].endswith(file)
    assert not file or Path(told["file"]).is_relative_to(guests.folder)
    problems = "\n".join(told["problems"])
    assert guest.said in problems
    assert f"{file}, {guest.at}" in problems or not guest.at
    others = [one for one in json.loads(done.stdout) if one is not told]
    assert {"vae", "gan", "good", "alpha"} <= {one["name"] for one in others if not one["problems"]}


@pytest.mark.parametrize("name", BROKEN)
def test_a_strict_house_stops_at_a_broken_guest_and_names_it(
    name: str, guests: Environment
) -> None:
    done = guests.zoo("list", ZOO_LOAD_PLUGINS=f"vae,gan,good,alpha,{name}", ZOO_STRICT_PLUGINS="1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert repr(name) in done.stderr
    assert (BROKEN[name].distribution or f"zoo-{name}") in done.stderr


def test_a_strict_house_has_nothing_against_guests_that_behave(guests: Environment) -> None:
    done = guests.zoo(
        "list", "--models", "--json", ZOO_LOAD_PLUGINS="vae,good", ZOO_STRICT_PLUGINS="1"
    )
    assert "good-model" in listed(done)
    assert done.stderr == ""


@pytest.mark.parametrize("broken", ["raises", "quitter", "thief"])
def test_a_strict_house_stops_in_words_when_it_is_asked_for_help(
    broken: str, guests: Environment
) -> None:
    done = guests.zoo("--help", ZOO_LOAD_PLUGINS=f"vae,{broken}", ZOO_STRICT_PLUGINS="1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"zoo-{broken}" in done.stderr


@pytest.mark.parametrize("value", ["", "0"])
def test_a_house_is_only_strict_when_told_so(value: str, guests: Environment) -> None:
    done = guests.zoo(
        "list", "--models", "--json", ZOO_LOAD_PLUGINS="vae,raises", ZOO_STRICT_PLUGINS=value
    )
    assert "mlp-vae" in listed(done)


def test_with_every_guest_at_once_the_list_is_still_clean_data(guests: Environment) -> None:
    everyone = ",".join(["vae", "gan", "vision", "twin", "modules", *HEALTHY, *BROKEN])
    done = guests.zoo("list", "--json", ZOO_LOAD_PLUGINS=everyone)  # the two slow ones aside
    assert "vae-mnist" in listed(done)
    warnings = [line for line in done.stderr.splitlines() if not line.startswith("loud ")]
    assert_one_line_names_zoo_plugins("\n".join(warnings))
    for name in BROKEN:
        assert name in warnings[0]


def test_beside_any_guest_the_built_in_models_are_listed_pulled_and_sampled(
    guests: Environment,
) -> None:
    code = """
import json, os, sys
from click.testing import CliRunner
from zoo.cli import main
from zoo.registry.registry import installed

for name in sys.argv[1:]:
    os.environ["ZOO_LOAD_PLUGINS"] = f"vae,gan,good,alpha,{name}"
    installed.cache_clear()
    for words in ("list --json", "pull vae-mnist", f"sample vae-mnist -n 4 --seed 0 -o {name}.npz"):
        done = CliRunner().invoke(main, words.split(), catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        assert "--json" not in words or "vae-mnist" in {one["name"] for one in json.loads(done.stdout)}
    print(name, *{plugin.name for plugin in installed().broken})
"""
    everyone = {*HEALTHY, *BROKEN, "twin", "modules", "eager", "sleeper"} - {"noisy"}
    command, world = [guests.python, "-c", code, *everyone], {**os.environ, "SLEEP": "0"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=world)
    wrong = {name: others for name, *others in map(str.split, done.stdout.splitlines())}
    assert wrong == {name: [name] if name in BROKEN or name == "twin" else [] for name in everyone}
    assert {path.stem for path in Path().iterdir()} == everyone
    assert len({np.load(path)["samples"].tobytes() for path in Path().iterdir()}) == 1


def test_zoo_plugins_imports_no_model_and_doctor_says_which_of_them_can_be_none(
    guests: Environment,
) -> None:
    only = {"ZOO_LOAD_PLUGINS": "modules,good,vae"}
    done = guests.zoo("plugins", "--json", **only)
    assert [told["problems"] for told in listed(done).values()] == [[], [], []]
    assert "loud" not in done.stderr
    examined = guests.zoo("doctor", "--json", **only)
    wrong = {
        one["found"].split()[0]: one["found"]
        for one in json.loads(examined.stdout)
        if (one["what"], one["verdict"]) == ("offers", "wrong")
    }
    broken = {f"'model-that-{name}'" for name in ("raises", "exits", "lacks", "talks")}
    assert broken <= wrong.keys() and "not a GenerativeModel" in " ".join(wrong.values())


def test_of_every_guest_that_something_is_wrong_with_zoo_plugins_says_whom_to_tell(
    guests: Environment,
) -> None:
    said = guests.zoo(
        "plugins", ZOO_LOAD_PLUGINS=",".join(["vae", "gan", "vision", "alpha", "twin", *BROKEN])
    ).stdout
    for name in (*BROKEN, "pollux"):
        distribution = BROKEN[name].distribution if name in BROKEN else ""
        distribution = distribution or f"zoo-{name}"
        (told,) = re.findall(rf"^\S+  {distribution} .*\n(?:  .*\n)+", said, re.MULTILINE)
        assert "  WRONG   " in told, told
        assert told.endswith(
            f"Tell the authors of {distribution}, or: pip uninstall {distribution}\n"
        ), told
    assert "\x1b" not in said


def test_a_guest_that_imports_torch_is_told_of_with_its_cost(guests: Environment) -> None:
    said = guests.zoo("plugins", ZOO_LOAD_PLUGINS="eager,good").stdout
    assert re.search(
        r"^eager  zoo-eager 0\.1\.0  \(\d{3,} ms\)\n.*\n  offers  models: eager-model$",
        said,
        re.MULTILINE,
    )
    assert (
        len(
            re.findall(
                r"^  SLOW .*\btorch\b.*\n +Tell the authors of zoo-eager", said, re.MULTILINE
            )
        )
        == 1
    )
    assert "authors of zoo-good" not in said


def interrupted(
    guests: Environment, *arguments: str, once: str, **environment: str
) -> tuple[int, list[str]]:
    """Run `zoo`, press Ctrl-C when it has said a line; its exit code, and all it said on standard
    error.
    """
    command = [guests.python, "-m", "zoo", *arguments]
    told = {**os.environ, **environment}
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=told
    ) as process:
        assert process.stderr
        for line in process.stderr:
            said.append(line.strip())
            if said[-1] == once:
                process.send_signal(signal.SIGINT)
    return process.returncode, said


def test_a_guest_that_sleeps_is_named_and_ctrl_c_says_how_to_leave_it_out(
    guests: Environment,
) -> None:
    waiting = (
        "Waiting for the plugin 'sleeper' of zoo-sleeper. Ctrl-C stops, and says how to leave it "
        "out."
    )
    began = time.monotonic()
    code, said = interrupted(guests, "list", once=waiting, ZOO_LOAD_PLUGINS="vae,good,sleeper")
    assert 3 <= time.monotonic() - began < 30
    stopped = "Interrupted while waiting for the plugin 'sleeper' of zoo-sleeper. To leave it out: "
    assert (code, said) == (130, ["asleep", waiting, "", f"{stopped}ZOO_LOAD_PLUGINS=good,vae"])
    assert "vae-mnist" in listed(guests.zoo("list", "--json", ZOO_LOAD_PLUGINS="good,vae"))


def test_a_guest_that_wakes_up_at_last_has_kept_nobody_from_listing(guests: Environment) -> None:
    done = guests.zoo("list", "--json", ZOO_LOAD_PLUGINS="vae,sleeper", SLEEP="3.5")
    assert "vae-mnist" in listed(done)
    waiting = (
        "Waiting for the plugin 'sleeper' of zoo-sleeper. Ctrl-C stops, and says how to leave it "
        "out."
    )
    assert done.stderr.splitlines() == ["asleep", waiting]


def test_ctrl_c_while_help_waits_for_a_guest_names_it_too(guests: Environment) -> None:
    code, said = interrupted(guests, "--help", once="asleep", ZOO_LOAD_PLUGINS="sleeper")
    stopped = "Interrupted while waiting for the plugin 'sleeper' of zoo-sleeper. To leave it out: "
    assert (code, said) == (130, ["asleep", "", f"{stopped}ZOO_LOAD_PLUGINS=''"])


def test_a_name_that_two_others_want_stays_with_the_first(guests: Environment) -> None:
    told = listed(guests.zoo("plugins", "--json", ZOO_LOAD_PLUGINS="gamma,beta,alpha"))
    assert told["alpha"]["offers"] == {"models": ["shared-model"]} and not told["alpha"]["problems"]
    for name in ("beta", "gamma"):
        assert told[name]["offers"] == {}
        assert told[name]["problems"] == [
            "the name 'shared-model' in zoo_models is taken by zoo-alpha"
        ]


def test_each_hook_that_raises_is_told_of_by_its_name(guests: Environment) -> None:
    problems = listed(guests.zoo("plugins", "--json", ZOO_LOAD_PLUGINS="trio"))["trio"]["problems"]
    assert [problem.partition(":")[0] for problem in problems] == [
        "zoo_checkpoints",
        "zoo_datasets",
        "zoo_features",
    ]


def test_a_guest_for_a_newer_zoo_is_told_of_as_one(guests: Environment) -> None:
    broken, asks = listed(guests.zoo("plugins", "--json", ZOO_LOAD_PLUGINS="newer"))["newer"][
        "problems"
    ]
    assert "cannot import name 'SoundSpec' from 'zoo'" in broken
    assert "made for another version of the zoo" in asks and f"this is {version('genzoo')}" in asks


def test_of_very_many_names_and_problems_a_person_is_shown_a_few(guests: Environment) -> None:
    said = guests.zoo("plugins", ZOO_LOAD_PLUGINS="flood").stdout
    assert "flood-19, and 980 more" in said and "flood-20" not in said


def test_taken_checkpoints_data_sets_and_features_stay_with_their_owner(
    guests: Environment,
) -> None:
    only = {"ZOO_LOAD_PLUGINS": "vae,gan,vision,taker"}
    assert listed(guests.zoo("list", "--json", **only))["vae-mnist"]["model"] == "mlp-vae"
    told = listed(guests.zoo("plugins", "--json", **only))["taker"]
    problems = "\n".join(told["problems"])
    assert told["offers"]["features"] == ["own"]
    assert "'digits' in zoo_features is taken by genzoo" in problems
    assert "'vae-mnist' in zoo_checkpoints is taken by genzoo" in problems
    assert "'mnist' in zoo_datasets is taken by genzoo" in problems


def test_every_piece_of_rubbish_is_noted_and_what_is_sound_is_kept(guests: Environment) -> None:
    told = listed(guests.zoo("plugins", "--json", ZOO_LOAD_PLUGINS="rubbish"))["rubbish"]
    assert len(told["problems"]) == 2
    assert "a-dict" in told["problems"][0]
    assert "None" in told["problems"][1]
    assert told["offers"] == {"models": ["kept-model"]}


def test_the_second_distribution_with_an_entry_point_name_is_noted_not_loaded(
    guests: Environment,
) -> None:
    models = listed(guests.zoo("list", "--models", "--json", ZOO_LOAD_PLUGINS="twin"))
    assert models.keys() == {"castor-model"}
    done = guests.zoo("plugins", "--json", ZOO_LOAD_PLUGINS="twin")
    first, second = json.loads(done.stdout)
    assert (first["distribution"], first["problems"]) == ("zoo-castor", [])
    assert (second["distribution"], second["offers"]) == ("zoo-pollux", {})
    assert "taken by zoo-castor" in second["problems"][0]
    assert second["file"].endswith("zoo_pollux/__init__.py")


def test_zoo_plugins_tells_a_person_all_this(guests: Environment) -> None:
    done = guests.zoo("plugins", ZOO_LOAD_PLUGINS="vae,raises,lost")
    assert done.returncode == 0
    assert re.search(r"^vae  genzoo \S+  \(\d+ ms\)$", done.stdout, re.MULTILINE)
    assert re.search(r"^raises  zoo-raises 0\.1\.0  \(\d+ ms\)$", done.stdout, re.MULTILINE)
    assert re.search(r"^  file +\S+/zoo_raises/__init__\.py$", done.stdout, re.MULTILINE)
    assert "models: mlp-vae, conv-vae" in done.stdout
    assert "ValueError: no luck today" in done.stdout
    assert "No module named 'zoo_misplaced'" in done.stdout
    assert "pip uninstall zoo-lost" in done.stdout


def test_what_a_guest_prints_is_kept_off_standard_output(guests: Environment) -> None:
    done = guests.zoo("list", "--models", "--json", ZOO_LOAD_PLUGINS="vae,chatty")
    assert listed(done).keys() == {"mlp-vae", "conv-vae", "ladder-vae", "chatty-model"}
    assert done.stderr.splitlines() == ["loud at import", "loud as a child", "loud in a hook"]


def test_of_records_of_strange_types_plain_copies_are_kept(guests: Environment) -> None:
    only = {"ZOO_LOAD_PLUGINS": "vae,subtle"}
    (told,) = (
        one
        for one in listed(guests.zoo("plugins", "--json", **only)).values()
        if one["name"] == "subtle"
    )
    assert (told["problems"], told["offers"]) == (
        [],
        {"models": ["subtle-model"], "checkpoints": ["subtle"]},
    )
    assert listed(guests.zoo("list", "--json", **only))["subtle"]["parameters"] == 7
    for words in (
        ["list"],
        ["list", "--models"],
        ["show", "subtle-model"],
        ["--help"],
        ["plugins"],
    ):
        done = guests.zoo(*words, **only)
        assert "Traceback" not in done.stderr and "do not touch" not in done.stderr
        assert done.returncode == (1 if words[0] == "show" else 0)


@pytest.mark.parametrize("name", ["huge", "negative", "novel"])
def test_beside_a_record_out_of_bounds_the_others_of_its_hook_are_kept(
    name: str, guests: Environment
) -> None:
    entries = listed(guests.zoo("list", "--json", ZOO_LOAD_PLUGINS=name))
    assert entries.keys() == {"kept-one"}


def test_what_a_guest_prints_later_spoils_no_data(guests: Environment) -> None:
    done = guests.zoo("list", "--models", "--json", ZOO_LOAD_PLUGINS="vae,noisy")
    assert "noisy-model" in listed(done)
    assert {"loud at exit", "loud in a child"} <= set(done.stderr.splitlines())


def test_a_checkpoint_whose_bundled_folder_is_gone_is_damaged_and_its_plugin_named(
    make_environment: MakeEnvironment, tmp_path: Path
) -> None:
    places = ("/no/such/folder", "/proc", "/proc/1/root", "/dev/null")
    environment = make_environment()
    for number, place in enumerate(places):
        guest, one = f"careless{number}", f'one("left-{number}", bundled=Path({place!r}))'
        code = OFFER_CHECKPOINTS.replace("CHECKPOINTS", one)
        environment.install(write_plugin(tmp_path / guest, guest, code))
    told = environment.zoo("doctor", HF_HUB_OFFLINE="1").stdout
    for number in range(len(places)):
        name, guest = f"left-{number}", f"zoo-careless{number}"
        alone = {"ZOO_LOAD_PLUGINS": f"careless{number}"}
        left = listed(environment.zoo("list", "--json", **alone))[name]
        assert (left["state"], left["plugin"], left["path"]) == ("damaged", guest, None)
        assert "  damaged  " in environment.zoo("list", name, **alone).stdout
        for word in ("sample", "show", "verify", "card"):
            done = environment.zoo(word, name, **alone)
            assert (done.returncode, done.stdout) == (1, "")
            assert f"pip install --force-reinstall {guest}" in done.stderr
            assert len(done.stderr.splitlines()) == 1
        assert f"{name} is damaged" in told and f"pip install --force-reinstall {guest}" in told


def test_a_distribution_that_was_half_removed_takes_nothing_down(
    make_environment: MakeEnvironment, tmp_path: Path
) -> None:
    environment = make_environment()
    environment.install(write_plugin(tmp_path, "half", GOOD))
    (metadata,) = environment.folder.rglob("zoo_half-*.dist-info")
    (metadata / "METADATA").write_bytes(b"Name: \xff")
    assert listed(environment.zoo("list", "--models", "--json")).keys() >= BUILT_IN | {"good-model"}
    (metadata / "METADATA").unlink()
    assert listed(environment.zoo("list", "--models", "--json")).keys() >= BUILT_IN | {"good-model"}
    assert "metadata" in listed(environment.zoo("plugins", "--json"))["half"]["problems"][0]
    shutil.rmtree(
        environment.folder.joinpath(
            *metadata.relative_to(environment.folder).parts[:-1], "zoo_half"
        )
    )
    done = environment.zoo("list", "--models", "--json")
    assert listed(done).keys() >= BUILT_IN
    assert_one_line_names_zoo_plugins(done.stderr)
    assert (
        "No module named 'zoo_half'"
        in listed(environment.zoo("plugins", "--json"))["half"]["problems"][0]
    )


@pytest.mark.parametrize("damage", [b"[zoo]\nhalf", b"[zoo]\nhalf = zoo_half\xff"])
def test_a_damaged_list_of_entry_points_hides_no_other_plugin(
    damage: bytes, make_environment: MakeEnvironment, tmp_path: Path
) -> None:
    environment = make_environment()
    environment.install(
        write_plugin(tmp_path, "half", GOOD),
        write_plugin(tmp_path, "whole", GOOD.replace("good", "fit")),
    )
    (metadata,) = environment.folder.rglob("zoo_half-*.dist-info")
    (metadata / "entry_points.txt").write_bytes(damage)
    done = environment.zoo("list", "--models", "--json")
    assert listed(done).keys() == BUILT_IN | {"fit-model"}
    assert_one_line_names_zoo_plugins(done.stderr)
    told = listed(environment.zoo("plugins", "--json"))["zoo-half"]
    assert (
        "its entry points can't be read" in told["problems"][0]
        and "install it anew" in told["problems"][0]
    )
    assert "pip uninstall zoo-half" in environment.zoo("plugins").stdout
    assert listed(
        environment.zoo("list", "--models", "--json", ZOO_LOAD_PLUGINS="whole")
    ).keys() == {"fit-model"}


@pytest.mark.parametrize(
    ("only", "models"),
    [
        ("gan", {"mlp-gan", "dcgan", "resnet-gan", "upsample-gan"}),
        (" good , vae,", {"good-model", "mlp-vae", "conv-vae", "ladder-vae"}),
        ("", set()),
    ],
)
def test_only_the_plugins_that_are_asked_for_are_loaded(
    only: str, models: set[str], guests: Environment
) -> None:
    done = guests.zoo("list", "--models", "--json", ZOO_LOAD_PLUGINS=only)
    assert listed(done).keys() == models
    assert done.stderr == ""


def test_a_house_without_plugins_stands_empty(
    zoo: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "")
    for command in ("list", "plugins"):
        empty = zoo(command)
        assert (empty.exit_code, empty.stdout) == (0, "")
        assert "plugin" in empty.stderr
        assert json.loads(zoo(command, "--json").stdout) == []
    for command in (
        ["show", "mlp-vae"],
        ["sample", "vae-mnist"],
        ["pull", "vae-mnist"],
        ["train", "mlp-vae", "--name", "x"],
    ):
        refused = zoo(*command)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert f"'{command[1]}'" in refused.stderr
    assert zoo("--help").exit_code == 0
    assert not list(Path.cwd().iterdir())


def test_a_registry_of_nothing_offers_nothing() -> None:
    registry = Registry(frozenset())
    assert (
        not registry.models
        and not registry.checkpoints
        and not registry.datasets
        and not registry.features
    )
    assert not registry.plugins


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("model-that-raises", "RuntimeError: no model today"),
        ("model-that-exits", "SystemExit: 0"),
        ("model-that-leaves", "os._exit(0) was called"),
        ("model-that-stops", "KeyboardInterrupt"),
        ("model-that-lacks", "has no attribute 'Model'"),
        ("model-that-strays", "is not a GenerativeModel"),
    ],
)
def test_a_model_whose_module_breaks_is_laid_at_its_authors_door(
    model: str, said: str, guests: Environment
) -> None:
    done = guests.zoo("train", model, "--name", "mine", "--json", ZOO_LOAD_PLUGINS="modules,vision")
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "zoo-modules" in done.stderr
    assert "Traceback" not in done.stderr
    assert listed(guests.zoo("list", "--json", ZOO_LOAD_PLUGINS="modules,vision")) == {}


def test_what_a_model_module_prints_is_kept_off_standard_output(guests: Environment) -> None:
    done = guests.zoo(
        "train", "model-that-talks", "--name", "mine", "--json", ZOO_LOAD_PLUGINS="modules,vision"
    )
    assert done.stdout == ""
    assert "loud in a model module" in done.stderr


def test_a_guest_adds_a_command(guests: Environment) -> None:
    done = guests.zoo("greet", ZOO_LOAD_PLUGINS="vae,commands")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello from a guest\n", "")
    assert re.search(
        r"^  greet +Say hello\.$",
        guests.zoo("--help", ZOO_LOAD_PLUGINS="commands").stdout,
        re.MULTILINE,
    )


def test_what_a_guests_command_says_has_gone_wrong_is_an_error_like_ours(
    guests: Environment,
) -> None:
    done = guests.zoo("falter", ZOO_LOAD_PLUGINS="vae,commands")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Error: the guest lost its hat\n")


@pytest.mark.parametrize(
    ("guest", "said"),
    [
        ("thief", "'list' is taken"),
        ("alias", "'ls' is taken"),
        ("quitter", "RuntimeError: no command today"),
        ("unruly", "'pull' is taken"),
        ("unruly", r"'evil\x1b[2J' is no command"),
        ("unruly", "'number' is no command"),
        ("unruly", "'7' is no command"),
        ("emptier", "zoo_commands: TypeError"),
    ],
)
def test_a_guest_that_fails_in_adding_commands_is_noted(
    guest: str, said: str, guests: Environment
) -> None:
    only = {"ZOO_LOAD_PLUGINS": f"vae,commands,{guest}"}
    help_ = guests.zoo("--help", **only)
    assert help_.returncode == 0
    assert "greet" in help_.stdout
    assert (
        "Not the real one" not in help_.stdout
        and "evil" not in help_.stdout
        and "  pull " in help_.stdout
    )
    assert_one_line_names_zoo_plugins(help_.stderr)
    for name in ("list", "ls"):
        assert "mlp-vae" in listed(guests.zoo(name, "--models", "--json", **only))
    assert said in "\n".join(listed(guests.zoo("plugins", "--json", **only))[guest]["problems"])


def test_refresh_finds_what_was_installed_meanwhile(guests: Environment, tmp_path: Path) -> None:
    code = """
import zoo
from zoo.registry.registry import installed

for refresh in (False, False, True):
    if refresh:
        zoo.refresh()
    print("late-model" in installed().models, flush=True)
    input()
"""
    only = {**os.environ, "ZOO_LOAD_PLUGINS": "vae,late"}
    notebook = [guests.python, "-c", code]
    with subprocess.Popen(
        notebook, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=only
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "False\n"
        guests.install(write_plugin(tmp_path, "late", GOOD.replace("good", "late")))
        answers, _ = process.communicate("\n\n\n")
    assert answers.split() == ["False", "True"]


def test_a_guest_brings_a_checkpoint_inside_its_package(
    make_environment: MakeEnvironment, tmp_path: Path
) -> None:
    code = """
        from zoo import Checkpoint, bundled, hookimpl

        @hookimpl
        def zoo_checkpoints():
            digests = {"config.json": "0" * 64, "model.safetensors": "0" * 64}
            card = bundled(__file__, "brought")
            return [Checkpoint(name="brought", model="mlp-vae", sha256=digests, bundled=card)]
        """
    tree = write_plugin(tmp_path, "bringer", code)
    card = tree / "zoo_bringer" / "cards" / "brought"
    card.mkdir(parents=True)
    (card / "config.json").write_text("{}")
    (card / "model.safetensors").write_bytes(b"weights")
    environment = make_environment()
    environment.install(tree)
    shutil.rmtree(tree)
    brought = listed(environment.zoo("list", "--json"))["brought"]
    assert (brought["state"], brought["plugin"], brought["size"]) == ("bundled", "zoo-bringer", 9)
    assert Path(brought["path"]).is_relative_to(environment.folder)


def test_a_name_in_zoo_load_plugins_that_is_not_installed_is_said(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "vae,gna")
    result = zoo("list", "--json")
    assert result.exit_code == 0 and {one["model"] for one in json.loads(result.stdout)} == {
        "mlp-vae",
        "conv-vae",
    }
    assert result.stderr == "Warning: ZOO_LOAD_PLUGINS names plugins that are not installed: gna.\n"


@pytest.mark.parametrize("maker", ["zoo-blobs", "Zoo_Blobs.2", "a"])
def test_who_is_said_to_have_made_a_model_is_shown_as_a_claim(maker: str) -> None:
    words = claimed_maker({"made_by": {"distribution": maker, "version": "1.0"}})
    assert (
        f"says that it was made by {maker} 1.0" in words and "Look at who publishes that" in words
    )


@pytest.mark.parametrize(
    "maker",
    [
        "",
        "-rf",
        "a;b",
        "a b",
        "--index-url=x",
        "a" * 81,
        "zoo-",
        "ü",
        "x\n",
        "git+https://x",
        None,
        5,
        ["a"],
    ],
)
def test_what_is_no_name_of_a_distribution_is_not_shown(maker: object) -> None:
    assert claimed_maker({"made_by": {"distribution": maker}}) == ""
    assert claimed_maker({"made_by": maker}) == claimed_maker({}) == ""
