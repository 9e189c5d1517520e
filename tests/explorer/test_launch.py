"""`zoo play` and `zoo serve` as commands: what they refuse, how they begin, how they end."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import httpx
import pytest
from conftest import Zoo
from servers import command

import zoo as zoo_package


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["serve", "vae-minst"], 1, "Did you mean 'vae-mnist'"),
        (["serve", "./not-here"], 1, "There is no folder"),
        (["serve", "--host", "0.0.0.0"], 1, "Set a token: --token"),
        (["serve", "--host", "0.0.0.0", "--token", ""], 1, "must be printable ASCII"),
        (["serve", "--token", "schlüssel"], 1, "must be printable ASCII"),
        (["serve", "--port", "70000"], 2, "0<=x<=65535"),
        (["serve", "--timeout", "0"], 2, "x>0"),
        (["serve", "--max-n", "0"], 2, "x>=1"),
        (["serve", "--host", "no-such-host.invalid", "--token", "a"], 1, "Can't listen at"),
        (["play", "hf:some/body"], 1, "hf:some/body"),
        (["play", "vae-mnist", "--device", "tpu"], 2, "tpu"),
    ],
)
def test_what_can_not_be_is_refused(zoo: Zoo, words: list[str], status: int, told: str) -> None:
    result = zoo(*words)
    assert result.exit_code == status and told in result.stderr


@pytest.mark.parametrize("verb", ["play", "serve"])
def test_a_port_that_is_taken_is_said_before_torch_is_imported(verb: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code = f"""
import sys
from zoo.cli import main
try:
    main(["{verb}", "--port", "{port}"])
except SystemExit as stop:
    print(stop.code, "torch" in sys.modules)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "1 False\n"
    assert f"port {port}: Address already in use. Choose another port with --port" in done.stderr


def test_python_says_the_same_in_its_own_words() -> None:
    with pytest.raises(zoo_package.errors.ConfigError, match="max_n = 0 is out of range"):
        zoo_package.serve(["vae-mnist"], max_n=0)
    with pytest.raises(
        zoo_package.errors.ConfigError,
        match="port = 'a' is of the type str: pass a whole number from 0 to 65535",
    ):
        zoo_package.play(port="a")  # type: ignore[arg-type]
    with pytest.raises(zoo_package.errors.ConfigError, match="timeout = 0 is out of range"):
        zoo_package.serve(timeout=0)


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_without_the_extra_the_command_says_what_to_install(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    result = zoo("play", "--no-browser")
    assert result.exit_code == 1
    assert "zoo play needs the package" in result.stderr
    assert "pip install 'genzoo[serve]'" in result.stderr


def test_two_folders_of_one_name_can_not_both_be_served(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = zoo_package.load("vae-mnist-2d")
    for place in ("one", "other"):
        zoo_package.save(model, f"{place}/mine", dataset="mnist")
    result = zoo("serve", "./one/mine", "./other/mine")
    assert result.exit_code == 1 and "would both be called 'mine'" in result.stderr


def test_weights_that_are_damaged_are_refused_at_the_start(zoo: Zoo) -> None:
    from pathlib import Path

    zoo_package.save(zoo_package.load("vae-mnist-2d"), "mine", dataset="mnist")
    weights = Path("mine/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    result = zoo("serve", "./mine", "--port", "0")
    assert result.exit_code == 1 and "model.safetensors" in result.stderr


def test_play_prints_an_address_with_a_token_that_opens_the_page() -> None:
    with command("play", "vae-mnist", "--no-browser") as (address, process):
        base, _, fragment = address.partition("/#")
        words = dict(one.split("=") for one in fragment.split("&"))
        assert words["checkpoint"] == "vae-mnist" and len(words["token"]) > 20
        assert "<main" in httpx.get(base, trust_env=False).text
        headers = {"Authorization": f"Bearer {words['token']}"}
        listed = httpx.get(f"{base}/v1/checkpoints", headers=headers, trust_env=False)
        assert [one["name"] for one in listed.json()] == ["vae-mnist"]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


@pytest.mark.long
@pytest.mark.parametrize("verb", ["play", "serve"])
def test_programs_get_the_address_in_a_line_of_json(verb: str) -> None:
    words = ["--no-browser"] if verb == "play" else ["--port", "0"]
    line = [sys.executable, "-m", "zoo", verb, "vae-mnist", *words, "--json"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        base = address.partition("/#")[0]
        assert httpx.get(f"{base}/health", trust_env=False).json()["status"] == "ok"
        process.terminate()
        assert process.wait(30) in (0, -signal.SIGTERM)


def test_sigterm_lets_running_requests_end_and_takes_no_new_ones() -> None:
    with command("serve", "dcgan-mnist", "--port", "0", "--max-n", "4000") as (address, process):
        query = {"checkpoint": "dcgan-mnist", "seed": 1, "format": "npz"}
        httpx.get(f"{address}/v1/sample", params={**query, "n": 8}, trust_env=False)
        answers: list[Any] = []

        def ask() -> None:
            answers.append(
                httpx.get(
                    f"{address}/v1/sample",
                    params={**query, "n": 4000},
                    timeout=60,
                    trust_env=False,
                )
            )

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.25)
        assert not answers
        process.send_signal(signal.SIGTERM)
        thread.join(60)
        assert answers[0].status_code == 200 and len(answers[0].content) > 4000 * 784
        process.wait(30)
        assert process.returncode in (0, -signal.SIGTERM)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{address}/health", trust_env=False)


def test_a_token_may_come_from_the_environment(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_TOKEN", "of-the-environment")
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        result = zoo("serve", "vae-mnist", "--host", "0.0.0.0", "--port", port)
    assert result.exit_code == 1 and "Can't listen at 0.0.0.0" in result.stderr
