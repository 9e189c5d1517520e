"""What standard output can't take ends a command in a line, or silently; no text breaks one."""

import io
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Zoo
from PIL import Image

from zoo import load
from zoo.cli import main

ZOO = f"{sys.executable} -m zoo"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")


def in_shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of bash, in which `zoo` is ours."""
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; zoo() {{ {ZOO} "$@"; }}; {line}'],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("command", ["list", "--help", "list --json", "show vae-mnist", "plugins"])
def test_a_reader_that_leaves_ends_it_silently(command: str) -> None:
    done = in_shell(f"zoo {command} | true")
    assert done.returncode in (0, 141)
    assert done.stderr == ""


def test_a_reader_of_errors_that_leaves_does_too() -> None:
    assert in_shell("zoo show nope 2>&1 >/dev/null | true").returncode in (0, 1, 141)


@FULL
@pytest.mark.parametrize("command", ["list", "--help", "--version", "list --json", "plugins"])
def test_a_full_disk_under_standard_output_is_said_in_a_line(command: str) -> None:
    done = in_shell(f"zoo {command} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "Error: Can't write to standard output: No space left on device.\n"


@pytest.mark.parametrize("command", ["list", "--help", "list --json", "plugins", "show vae-mnist"])
def test_with_closed_streams_a_command_does_its_work_and_says_nothing(command: str) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = in_shell(f"zoo {command} {closed}")
        assert (done.returncode, done.stderr) == (0, "")
        assert bool(done.stdout) == (closed == "2>&-")
    assert in_shell("zoo show nope >&- 2>&-").returncode == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_encoding_of_the_streams_takes_every_text(encoding: str) -> None:
    Path("bäd\udcff").mkdir()
    Path("bäd\udcff/config.json").write_text(
        '{"format": 1, "model": "mlp-vae", "config": {"latent_dim": "→ \\ud800"}}'
    )
    done = subprocess.run(
        [*ZOO.split(), "show", "./bäd\udcff"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0 and b"mlp-vae" in done.stdout, done.stderr
    assert done.stderr == b""


def in_terminal(*arguments: str | bytes) -> bytes:
    """What `zoo` shows in a terminal of its own."""
    leader, follower = pty.openpty()
    command = [*ZOO.split(), *arguments]
    with subprocess.Popen(command, stdout=follower, stderr=follower, stdin=follower):
        os.close(follower)
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # Linux says so when nobody holds the other end any more
                piece = b""
            if not piece:
                break
            shown += piece
    os.close(leader)
    return shown


STEERING = ["\x1b[2J", "\x1b]0;title\x07", "\x9b2J", "\u202e", "\x08", "\x0c"]


@pytest.mark.parametrize("evil", STEERING)
def test_in_a_terminal_nothing_foreign_steers_it(evil: str) -> None:
    shown = in_terminal("new", "mine", "--out", f"a{evil}b").decode()
    assert evil not in shown and "a�" in shown
    Path("rude").mkdir()
    Path("rude/config.json").write_text(
        json.dumps({"format": 1, "model": f"x{evil}", "config": {"y": evil}, f"z{evil}": 1})
    )
    for words in (["show", "./rude"], ["sample", "./rude"], ["show", f"n{evil}"], [f"c{evil}"]):
        assert evil not in in_terminal(*words).decode(), words


def test_colours_of_our_own_are_shown_in_a_terminal() -> None:
    assert b"\x1b[1mNAME" in in_terminal("list")


def test_a_path_that_is_no_text_comes_out_as_its_bytes() -> None:
    done = subprocess.run(
        [*ZOO.split(), "new", "mine", "--out", b"m\xff"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stdout) == (0, b"m\xff\n"), done.stderr


@pytest.mark.parametrize("command", ["list", "sample vae-mnist", "new mine", "show vae-mnist"])
def test_a_working_folder_that_is_gone_is_said_in_a_line(command: str, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    done = in_shell(f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && zoo {command}")
    said = "Error: The folder that you work in no longer exists. Change to another one: cd ~\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


@pytest.mark.parametrize(
    "command",
    ["show", "show ./", "sample", "pull", "rm", "verify", "card", "train mlp-vae --name", "new",
     "train mlp-vae --name x --data ./", "sample vae-mnist -n 1 -o", "list", "compare ./"],
)  # fmt: skip
def test_a_name_of_three_hundred_letters_is_no_traceback(command: str) -> None:
    done = in_shell(f"zoo {command}{'' if command.endswith('/') else ' '}{'a' * 300}")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 4 and done.returncode in (0, 1, 2), done.stderr


def test_a_refusal_of_the_system_that_no_room_expects_is_said_in_a_line() -> None:
    home = Path(os.environ["ZOO_HOME"])
    home.write_text("a file, where the zoo keeps a folder")
    done = in_shell("zoo pull vae-mnist")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1 and str(home) in done.stderr
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("address", ["http://[::1", "http://[::1]:99999", "http://127.0.0.1:99999"])
@pytest.mark.parametrize(
    "command",
    ["search x", "pull hf:owner/repo", "push vae-mnist owner/repo --dry-run", "list --outdated",
     "search x --endpoint http://127.0.0.1:1", "doctor", "list", "pull vae-mnist"],
)  # fmt: skip  # a line a command would be no easier to read
def test_an_address_of_a_hub_that_cannot_be_read_is_said_in_a_line(
    command: str, address: str
) -> None:
    done = in_shell(f"zoo {command}", HF_ENDPOINT=address)
    assert "Traceback" not in done.stderr and "Error importing" not in done.stderr
    said = done.stderr + done.stdout
    needs_none = command in ("list", "list --outdated", "pull vae-mnist")
    assert needs_none or f"HF_ENDPOINT {address!r} is not the address of a Hub" in said, said


@pytest.mark.parametrize(
    "command",
    [
        "sample vae-mnist -n 2 -o a.png --json",
        "interpolate vae-mnist -o a.png --json",
        "generate vae-mnist -n 4 -o a --json",
        "encode vae-mnist one.png --json",
    ],
)
def test_what_a_model_prints_is_not_among_the_data_of_a_command(
    command: str, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (28, 28)).save("one.png")
    talks(monkeypatch)
    done = zoo(*command.split())
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) and "loud" in done.stderr


def test_nor_in_a_table_for_programs(
    zoo: Zoo, trained: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained("mlp-vae")
    talks(monkeypatch)
    done = zoo("evaluate", folder, "-n", 60, "-k", 2, "--test-images", 20, "--format", "csv")
    assert done.exit_code == 0, done.stderr
    assert "loud" not in done.stdout and "loud" in done.stderr


def test_nor_among_the_bytes_that_go_to_a_pipe(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    talks(monkeypatch)
    done = zoo("sample", "vae-mnist", "-n", 2, "-o", "-")
    with np.load(io.BytesIO(done.stdout_bytes)) as arrays:
        assert arrays["samples"].shape == (2, 1, 28, 28)
    assert "loud" in done.stderr


@pytest.mark.parametrize("form", ["npz", "png", "jpg", "webp"])
def test_bytes_that_are_appended_to_a_file_are_those_of_a_pipe(form: str) -> None:
    command = f"zoo sample vae-mnist -n 2 --seed 0 -q -o - --format {form}"
    done = in_shell(f"{command} >> appended; {command} | cat > piped; {command} > written")
    assert done.returncode == 0, done.stderr
    first, *others = (Path(one).read_bytes() for one in ("piped", "appended", "written"))
    assert others == [first, first] and first


def test_bytes_for_a_closed_output_go_nowhere() -> None:
    done = in_shell("zoo sample vae-mnist -n 2 -q -o - >&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("words", ["sample vae-mnist --json -n 0", "list --format csv --bogus"])
def test_after_a_wrong_option_standard_output_is_what_it_was(words: str) -> None:
    before = sys.stdout
    with pytest.raises(SystemExit):
        main(words.split())
    assert sys.stdout is before


def talks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the model of vae-mnist print something whenever it is asked."""
    model = type(load("vae-mnist"))

    def aloud(name: str) -> Any:
        quiet = getattr(model, name)

        def method(*arguments: Any, **options: Any) -> Any:
            print("loud")
            return quiet(*arguments, **options)

        return method

    for name in ("decoder_output", "encoder_output"):
        monkeypatch.setattr(model, name, aloud(name))
