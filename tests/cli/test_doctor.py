"""zoo doctor: each thing that can be wrong, made wrong, is found and said with what to do."""

import errno
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Zoo
from environments import Environment, write_plugin

from zoo.registry.registry import installed

CHECKED = [
    "python",
    "torch",
    "torchvision",
    "device",
    "precision",
    "threads",
    "plugins",
    "offers",
    "store",
    "leftovers",
    "data",
    "disk",
    "hub",
]


KILLED = """
import os, sys
from pathlib import Path
from zoo.checkpoints import Store
from zoo.common import files
with files.replacing(Path(sys.argv[1])) as partial:
    partial.write_bytes(b"half")
    with files.replacing(Path(os.environ["ZOO_HOME"], "features", "x")) as other:
        other.write_bytes(b"half")
        with Store({}).adding("mine") as scratch:
            (scratch / "config.json").write_text("half")
            if sys.argv[2] == "killed":
                os.kill(os.getpid(), 9)
            print("writing", flush=True)
            input()
"""


def half_written() -> list[Path]:
    """What is being written, or was, in this folder and in the home."""
    home = Path(os.environ["ZOO_HOME"])
    left = [*Path().glob(".*.partial"), *home.rglob(".*.partial"), *home.glob("scratch/[!.]*")]
    return [one for one in left if one.name != ".lock"]


def test_what_killed_commands_left_is_noted_and_removed_by_fix(hub: Any, zoo: Zoo) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, "samples.npz", "killed"])
    assert done.returncode == -9 and len(half_written()) == 3
    (finding,) = examined(zoo)[1]["leftovers"]
    assert (finding["verdict"], finding["advice"]) == ("note", "Remove them: zoo doctor --fix")
    assert finding["found"].startswith("killed commands left 3 files or folders, such as ")
    assert len(half_written()) == 3
    result = zoo("doctor", "--fix")
    assert "3 files or folders of killed commands removed" in result.stdout
    assert half_written() == []
    assert examined(zoo)[1]["leftovers"][0]["found"] == "killed commands left nothing"


def test_what_a_living_command_is_writing_is_left_alone(hub: Any, zoo: Zoo) -> None:
    command = [sys.executable, "-c", KILLED, "samples.npz", "living"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"writing\n"
        assert "0 files or folders of killed commands removed" in zoo("doctor", "--fix").stdout
        assert len(half_written()) == 3
        process.kill()


def examined(zoo: Zoo) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code, and the findings by what they are of."""
    result = zoo("doctor", "--json")
    findings: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(result.stdout):
        assert list(finding) == ["what", "verdict", "found", "advice"]
        findings.setdefault(finding["what"], []).append(finding)
    wrong = [
        what for what, some in findings.items() if any(one["verdict"] == "wrong" for one in some)
    ]
    assert result.stderr.count("Error: ") == result.exit_code == bool(wrong)
    assert not wrong or f"Something is wrong with {', '.join(wrong)}. " in result.stderr
    return result.exit_code, findings


def only_wrong(findings: dict[str, list[dict[str, str]]], what: str) -> dict[str, str]:
    """The one finding that is wrong, which is of `what`, and says what to do."""
    (wrong,) = [one for some in findings.values() for one in some if one["verdict"] == "wrong"]
    assert wrong["what"] == what and wrong["advice"]
    return wrong


def test_where_all_is_well_everything_is_looked_at_and_found_ok(hub: Any, zoo: Zoo) -> None:
    code, findings = examined(zoo)
    assert code == 0 and list(findings) == CHECKED
    noted = {one["what"] for some in findings.values() for one in some if one["verdict"] != "ok"}
    assert noted <= {
        "device",
        "plugins",
    }  # a GPU that torch can't use, a machine so busy that imports take long
    (vae,) = (one for one in installed().plugins if one.name == "vae")
    said = f"vae (genzoo {vae.version}): {len(vae.offers['models'])} models"
    assert any(said in one["found"] for one in findings["plugins"])
    # Python may keep what it compiled of the tests beside the digits
    found = findings["data"][0]["found"].removesuffix(", __pycache__")
    assert found.endswith("(ZOO_DATA): FashionMNIST, MNIST")
    bundled = len(installed().checkpoints)
    assert findings["store"][0]["found"].endswith(
        f", to be made: {bundled} checkpoints can be sampled"
    )
    assert (
        findings["hub"][0]["found"]
        == f"{hub.endpoint} answers; you are not logged in, and can pull what is public"
    )
    assert not Path(os.environ["ZOO_HOME"]).exists()  # looking makes nothing


def test_it_says_whom_the_hub_takes_you_for(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    result = zoo("doctor")
    assert (
        result.exit_code == 0
        and f"ok     hub          {hub.endpoint} answers, and knows you as owner" in result.stdout
    )
    assert "(token: read)" in result.stdout


def test_a_token_that_the_hub_refuses_is_wrong(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_gone")
    code, findings = examined(zoo)
    assert code == 1 and "refused the token" in only_wrong(findings, "hub")["found"]


@pytest.mark.parametrize("code", [401, 404])
@pytest.mark.parametrize("why", ["RepoNotFound", "RevisionNotFound", "EntryNotFound", "GatedRepo"])
def test_a_hub_that_takes_the_question_for_one_about_a_repository_is_said_by_its_address(
    why: str, code: int, hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    hub.answers["GET /api/whoami"] = lambda answer: (code, {"X-Error-Code": why}, b"")
    status, findings = examined(zoo)
    said = only_wrong(findings, "hub")["found"]
    assert status == 1 and hub.endpoint in said, said
    assert said.startswith((f"Can't ask {hub.endpoint}: ", f"{hub.endpoint} refused the token")), (
        said
    )


def test_a_hub_that_is_not_there_is_said_and_how_to_do_without(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    result = zoo("doctor")
    assert result.exit_code == 1 and "Can't reach http://127.0.0.1:1: " in result.stdout
    assert (
        "→ What is here works without it; where there is no internet, say so with HF_HUB_OFFLINE=1."
        in result.stdout
    )


def test_a_hub_that_never_answers_is_not_waited_for(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.cli.doctor.PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        code, findings = examined(zoo)
    assert code == 1 and "stopped answering" in only_wrong(findings, "hub")["found"]
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("body", [b"<html>Log in to the net</html>", b"{}"])
@pytest.mark.parametrize("token", ["", "hf_read"])
def test_what_answers_and_is_no_hub_is_wrong(
    body: bytes, token: str, hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    hub.answers["GET /api/"] = lambda answer: (200, {}, body)
    code, findings = examined(zoo)
    assert (
        code == 1
        and "does not answer like a Hugging Face Hub" in only_wrong(findings, "hub")["found"]
    )


def test_offline_the_hub_is_not_asked(hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    code, findings = examined(zoo)
    assert code == 0 and hub.requests == []
    assert (findings["hub"][0]["verdict"], findings["hub"][0]["found"]) == (
        "note",
        "not asked: HF_HUB_OFFLINE is set",
    )


def test_a_store_that_is_no_folder_is_wrong(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("home").write_text("a file")
    monkeypatch.setenv("ZOO_HOME", str(Path.cwd() / "home" / "zoo"))
    code, findings = examined(zoo)
    wrong = only_wrong(findings, "store")
    assert (
        code == 1
        and wrong["found"] == f"{Path.cwd() / 'home'} is not a folder"
        and "ZOO_HOME" in wrong["advice"]
    )


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_store_where_no_file_can_be_locked_is_wrong(
    number: int, hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:  # as a network file system does
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    code, findings = examined(zoo)
    wrong = only_wrong(findings, "store")
    assert code == 1 and f"can't lock files: {os.strerror(number)}" in wrong["found"]
    assert "local disk with ZOO_HOME" in wrong["advice"]
    assert list(Path(os.environ["ZOO_HOME"]).parent.glob(".doctor*")) == []


def test_the_threads_that_the_process_may_use_are_said(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding,) = examined(zoo)[1]["threads"]
    assert finding["found"].startswith(f"{torch.get_num_threads()} thread")
    assert "this process may use " in finding["found"]
    before = torch.get_num_threads()
    monkeypatch.setenv("ZOO_THREADS", "3")
    try:
        (finding,) = examined(zoo)[1]["threads"]
    finally:
        torch.set_num_threads(before)
    assert finding["found"].startswith("3 threads on the CPU (ZOO_THREADS); ")


def test_a_damaged_checkpoint_is_named_with_what_to_do(hub: Any, zoo: Zoo) -> None:
    folder = Path(os.environ["ZOO_HOME"], "checkpoints", "mine")
    folder.mkdir(parents=True)
    (folder / "origin.json").write_text("{")
    code, findings = examined(zoo)
    wrong = only_wrong(findings, "store")
    assert code == 1 and (wrong["found"], wrong["advice"]) == (
        "mine is damaged",
        "zoo rm mine, then get it again.",
    )
    assert zoo("rm", "--yes", "mine").exit_code == 0 and examined(zoo)[0] == 0  # the advice is good


def test_a_current_checkpoint_that_is_gone_is_noted(hub: Any, zoo: Zoo) -> None:
    Path(os.environ["ZOO_HOME"]).mkdir()
    Path(os.environ["ZOO_HOME"], "current").write_text("mine\n")
    code, findings = examined(zoo)
    note = findings["store"][-1]
    assert (
        code == 0
        and note["verdict"] == "note"
        and "No checkpoint is called 'mine'" in note["found"]
    )
    assert zoo("pull", "vae-mnist").exit_code == 0 and len(examined(zoo)[1]["store"]) == 1


def test_a_mistyped_folder_of_data_is_wrong(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_DATA", "/no/such/data")
    code, findings = examined(zoo)
    assert (
        code == 1
        and "ZOO_DATA names /no/such/data, which is not a folder"
        in only_wrong(findings, "data")["found"]
    )


def test_the_data_of_ones_own_needs_not_be_there_yet(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZOO_DATA")
    code, findings = examined(zoo)
    assert code == 0 and findings["data"][0]["found"].endswith(
        "data, to be made: data sets are downloaded to it"
    )


def test_a_disk_that_is_nearly_full_is_wrong(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.cli.doctor.ROOM", 1 << 60)
    code, findings = examined(zoo)
    assert code == 1 and "are free at" in only_wrong(findings, "disk")["found"]


def test_plugins_that_are_left_out_are_noted_and_those_not_there_are_wrong(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "vea")
    code, findings = examined(zoo)
    assert (
        code == 1
        and only_wrong(findings, "plugins")["found"]
        == "ZOO_LOAD_PLUGINS names what is not installed: vea"
    )
    assert [one["found"] for one in findings["plugins"] if one["verdict"] == "note"] == [
        "none is loaded"
    ]


def test_a_gpu_that_torch_does_not_see_is_noted(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    if torch.cuda.is_available():
        pytest.skip("torch sees one here")
    Path("nvidia-smi").write_text("#!/bin/sh\n")
    Path("nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(Path.cwd()), prepend=os.pathsep)
    code, findings = examined(zoo)
    assert code == 0 and [one["verdict"] for one in findings["device"]] == ["note"]
    assert "torch sees no GPU, though NVIDIA's tools are here" in findings["device"][0]["found"]
    assert "Install a torch that is built for its driver" in findings["device"][0]["advice"]


@pytest.mark.parametrize(
    ("able", "said"),
    [
        ("avx2", "float32; bfloat16 would be emulated, and slower"),
        ("avx512_bf16", "float32 and bfloat16"),
    ],
)
def test_the_precisions_that_the_processor_computes_in_are_said(
    able: str, said: str, hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.common.compute.pick_device", lambda asked: "cpu")
    monkeypatch.setattr(
        torch.cpu, "get_capabilities", lambda: {"architecture": "x86_64", able: True}, raising=False
    )
    (finding,) = examined(zoo)[1]["precision"]
    assert (finding["verdict"], finding["found"]) == ("ok", said)


def test_a_torchvision_made_for_another_torch_is_wrong(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = Path("torchvision-0.21.0.dist-info")
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torchvision\nVersion: 0.21.0\nRequires-Dist: torch==1.0\n"
    )
    monkeypatch.syspath_prepend(Path.cwd())
    code, findings = examined(zoo)
    wrong = only_wrong(findings, "torchvision")
    assert code == 1 and wrong["found"].startswith("0.21.0 requires torch==1.0, this is 2.")
    assert "pip install --force-reinstall torch torchvision" in wrong["advice"]


def test_what_can_not_be_examined_is_wrong_and_the_rest_is_examined_all_the_same(
    hub: Any, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, file, text in (
        (
            "torchvision",
            "METADATA",
            "Metadata-Version: 2.1\nName: torchvision\nVersion: 0.2\nRequires-Dist: torch ==\n",
        ),
        ("zoo_bad", "METADATA", "Metadata-Version: 2.1\nName: zoo-bad\nVersion: 0.1\n"),
        ("zoo_bad", "entry_points.txt", "[zoo]\nbad = zoo_bad\n"),
    ):
        Path(f"{name}-0.1.dist-info").mkdir(exist_ok=True)
        Path(f"{name}-0.1.dist-info", file).write_text(text)
    monkeypatch.syspath_prepend(Path.cwd())
    monkeypatch.setenv("ZOO_STRICT_PLUGINS", "1")
    code, findings = examined(zoo)
    assert code == 1 and set(CHECKED) - set(findings) == {"torchvision"}
    assert "can't be examined: InvalidRequirement" in findings["torch"][-1]["found"]
    assert "report it" in findings["torch"][-1]["advice"]
    assert findings["plugins"][0]["found"].startswith(
        "Plugin 'bad' (zoo-bad): import: ModuleNotFoundError"
    )
    assert findings["hub"][0]["verdict"] == findings["disk"][0]["verdict"] == "ok"


def test_a_torchvision_that_dies_and_plugins_that_are_ill_are_all_found_in_one_go(
    make_environment: Callable[[], Environment], tmp_path: Path
) -> None:
    models = [
        f"ModelSpec(name='{name}', entry_point='{at}')"
        for name, at in (("half", "zoo_half.gone:Gone"), ("stray", "zoo:ZooError"))
    ]
    heavy = write_plugin(tmp_path, "heavy", "import time\ntime.sleep(0.7)\n")
    half = write_plugin(
        tmp_path,
        "half",
        "from zoo import ModelSpec, hookimpl\n@hookimpl\ndef zoo_models():\n    return "
        f"[{', '.join(models)}]\n",
    )
    bad = write_plugin(tmp_path, "bad", "1 / 0\n")
    torchvision = tmp_path / "torchvision"
    (torchvision / "torchvision").mkdir(parents=True)
    (torchvision / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')\n"
    )
    (torchvision / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "torchvision"\nversion = "0.1"\n'
    )
    environment = make_environment()
    environment.install(heavy, half, bad, torchvision)
    result = environment.zoo("doctor", HF_HUB_OFFLINE="1")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    for said in (
        "wrong  torchvision  0.1 can't be imported: RuntimeError: operator torchvision::nms does "
        "not exist\n"
        "                    → Install a pair that matches",
        "wrong  plugins      bad (zoo-bad): import: ZeroDivisionError: division by zero",
        "→ Tell the authors of zoo-bad, or: pip uninstall zoo-bad\n",
        "note   plugins      heavy (zoo-heavy 0.1.0): nothing, in ",
        "→ Every command waits for it",
        "wrong  offers       'half' can't be imported from zoo_half.gone:Gone: ModuleNotFoundError",
        "wrong  offers       The class of the model 'stray' is not a GenerativeModel. This is a fault "
        "of "
        "the plugin 'half' of zoo-half: tell its authors.\n",
        "note   hub          not asked: HF_HUB_OFFLINE is set",
        "ok     store        ",
    ):
        assert said in result.stdout, result.stdout
    assert result.stderr.endswith(
        "Error: Something is wrong with torchvision, plugins, offers. The lines with → above say "
        "what to do.\n"
    )
