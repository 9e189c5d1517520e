"""A hostile collection: what strangers may put into a repository is refused in words, and none of
it is ever run.
"""

import json
import os
import pickle
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKPOINT, Zoo, make_model
from hub_server import Hub, file_of
from safetensors.numpy import load, save

WEIGHTS = CHECKPOINT["model.safetensors"]


class Trap:
    """Opening its pickle makes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("trapped", "w")


TRAP = pickle.dumps(Trap())
CODE = b"import pathlib\npathlib.Path('trapped').touch()\n"


def config(**changes: Any) -> bytes:
    """config.json with other values in its config."""
    value = json.loads(CHECKPOINT["config.json"])
    return json.dumps(value | {"config": value["config"] | changes}).encode()


def outer(**changes: Any) -> bytes:
    """config.json with other values beside its config."""
    return json.dumps(json.loads(CHECKPOINT["config.json"]) | changes).encode()


def weights(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The weights, changed."""
    tensors = load(WEIGHTS)
    change(tensors)
    return save(tensors)


def spoil(tensors: dict[str, Any]) -> None:
    next(iter(tensors.values())).flat[-1] = float(
        "nan"
    )  # whichever comes first: their order is that of a hash


def header(text: bytes, length: int | None = None, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text + body


# refused by `zoo pull`: what is in place of a file, and what is said
REFUSED: dict[str, tuple[Mapping[str, bytes | None], str]] = {
    "pickles only": (
        {"model.safetensors": None, "pytorch_model.bin": TRAP},
        "it has no model.safetensors, but 'pytorch_model.bin', which may be a pickle: the zoo "
        "never opens one",
    ),
    "no files": (dict.fromkeys(CHECKPOINT), "it has no config.json"),
    "control characters alone": (
        {**dict.fromkeys(CHECKPOINT), "\x1b]0;pwned\x07": b"", "a\nb": b""},
        r"(but '\x1b]0;pwned\x07, a\nb')",
    ),
    "a pickle for weights": ({"model.safetensors": TRAP}, "is a pickle, which the zoo never opens"),
    "a zip for weights": (
        {"model.safetensors": b"PK\x03\x04" + bytes(99)},
        "is a pickle, which the zoo never opens",
    ),
    "a link for weights": (
        {"model.safetensors": b"../../../../etc/passwd"},
        "model.safetensors is damaged",
    ),
    "a pointer of LFS for weights": (
        {"model.safetensors": file_of("a.bin", WEIGHTS).blob},
        "is damaged",
    ),
    "cut weights": (
        {"model.safetensors": WEIGHTS[:-1]},
        "model.safetensors is damaged: its tensors take",
    ),
    "no weights in them": (
        {"model.safetensors": b""},
        "model.safetensors is damaged: it ends after 0 bytes",
    ),
    "a header of 95 MB": (
        {"model.safetensors": header(b"{" + b" " * ((95 << 20) - 2) + b"}")},
        "its header has 99,614,720 bytes, and the zoo reads at most 1,048,576",
    ),
    "a header of 2 MB": (
        {"model.safetensors": header(b"{" + b" " * ((2 << 20) - 2) + b"}")},
        "its header has 2,097,152 bytes, and the zoo reads at most 1,048,576",
    ),
    "a header that claims an exabyte": (
        {"model.safetensors": header(b"{}", 1 << 60)},
        "it ends after 10 bytes",
    ),
    "a header that is nested": (
        {"model.safetensors": header(b"[" * 100_000)},
        "its header is not JSON",
    ),
    "a training part with a header of its own": (
        {"training.safetensors": header(b"{}", 99)},
        "training.safetensors is",
    ),
    "a tensor with a name like a path": (
        {
            "model.safetensors": header(
                b'{"../\\u001b[31m": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}',
                body=b"x",
            )
        },
        r"it holds a tensor called '../\x1b[31m'",
    ),
    "a list for a config": ({"config.json": b"[]"}, "config.json holds a JSON list, not an object"),
    "a text for a config": (
        {"config.json": outer(config="rm -rf")},
        "config.json does not name its model and config",
    ),
    "a number for a model": (
        {"config.json": outer(model=5)},
        "config.json does not name its model and config",
    ),
    "a format of the future": ({"config.json": outer(format=99)}, "has the format '99'"),
    "a list for a format": ({"config.json": outer(format=[1])}, "has the format '[1]'"),
    "100,000 layers": (
        {"config.json": config(hidden_dims=[4] * 100_000)},
        "it has more than 1,000 values",
    ),
    "NaN in a config": (
        {"config.json": config(dropout=float("nan"))},
        "nested too deeply, or holds",
    ),
    "a number without end": (
        {"config.json": b'{"a": %s}' % (b"9" * 5000)},
        "is not JSON that the zoo could have written",
    ),
    "a config that is nested": (
        {"config.json": b'{"a":' * 100_000},
        "is not JSON that the zoo could have written",
    ),
    "a config of 2 MB": (
        {"config.json": b" " * (2 << 20)},
        "config.json is larger than 1,048,576 bytes",
    ),
    "a config that is not a text": (
        {"config.json": b"\xff\xfe{}"},
        "is not JSON that the zoo could have written",
    ),
    "facts that are not JSON": (
        {"facts.json": CODE},
        "facts.json is not JSON that the zoo could have written",
    ),
}
# pulled, but refused by `zoo verify` and `load`
UNFIT: dict[str, tuple[Mapping[str, bytes | None], str]] = {
    "types that are wrong": ({"config.json": config(latent_dim="ten")}, "latent_dim"),
    "a model without bounds": ({"config.json": config(latent_dim=1 << 40)}, "latent_dim"),
    "a field of nobody's": (
        {"config.json": config(trust_remote_code=True)},
        "Unknown field 'trust_remote_code'",
    ),
    "weights of another model": (
        {"model.safetensors": save({"a": load(WEIGHTS).popitem()[1]})},
        "of the model's tensors",
    ),
    "a tensor too many": (
        {"model.safetensors": weights(lambda tensors: tensors.update(extra=tensors.popitem()[1]))},
        "of the model's tensors",
    ),
    "NaN": ({"model.safetensors": weights(spoil)}, "holds NaN or infinite values"),
}
# pulled without what does not belong to it
HARMLESS: dict[str, Mapping[str, bytes | None]] = {
    "Python files": {
        "modeling.py": CODE,
        "__init__.py": CODE,
        "conftest.py": CODE,
        "setup.py": CODE,
        "zoo.py": CODE,
    },
    "pickles beside": {
        "pytorch_model.bin": TRAP,
        "model.pt": TRAP,
        "state.pkl": TRAP,
        "images/a.pkl": TRAP,
    },
    "names that climb": {
        "../up.png": b"",
        "images/../../up.png": b"",
        "/up.png": b"",
        "images/..\\up.png": b"",
    },
    "names that steer": {
        "images/\x1b]0;pwned\x07.png": b"",
        "images/a\nb.png": b"",
        "-rf": b"",
        "images/-rf.png": b"",
    },
    "links": {
        "images/link.png": b"../../../../../etc/passwd",
        ".gitmodules": b"[submodule]",
        ".env": b"TOKEN=x",
    },
    "a card that is not YAML": {
        "README.md": b"---\nlicense: [\n: : !!python/object/apply:os.system ['x']\n---\n# x\n"
    },
    "a card that steers": {"README.md": b"---\ntags: []\n---\n# \x1b]0;pwned\x07\xff\xfe\n"},
    "records of a store": {
        "origin.json": b'{"source": "trained"}',
        ".cache/huggingface/x": b"",
        "state.safetensors": TRAP,
    },
}


@pytest.fixture
def put(hub: Hub) -> Callable[[Mapping[str, bytes | None]], str]:
    """Let a repository hold a checkpoint and these files; what it is called."""

    def put(files: Mapping[str, bytes | None]) -> str:
        hub.put("owner/repo", {".gitattributes": None, **files})
        return "hf:owner/repo"

    return put


@pytest.fixture
def hub(hub: Hub) -> Hub:
    """One with a checkpoint and nothing else."""
    hub.repositories.clear()
    hub.put("owner/repo", CHECKPOINT)
    return hub


def held(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if not one.is_dir()}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_hostile_is_refused_and_nothing_of_it_kept(
    put: Callable[..., str], zoo: Zoo, tmp_path: Path, case: str
) -> None:
    files, words = REFUSED[case]
    result = zoo("pull", put(files))
    assert result.exit_code == 1 and result.stdout == ""
    assert words in result.stderr and result.stderr.count("\n") == 1 and "\x1b" not in result.stderr
    assert str(tmp_path) not in result.stderr  # nothing of the scratch, which is gone
    assert held(tmp_path / "home") <= {"scratch/.lock"} and held(tmp_path / "desk") == set()


@pytest.mark.parametrize("case", UNFIT)
def test_what_does_not_fit_is_found_by_verify_and_refused_by_load(
    put: Callable[..., str], zoo: Zoo, tmp_path: Path, case: str
) -> None:
    files, words = UNFIT[case]
    name = put(files)
    assert zoo("pull", name).exit_code == 0
    verified = zoo("verify", name)
    assert verified.exit_code == 1 and words in verified.stderr
    assert ["model.safetensors", "unfit"] in [
        line.split()[1:] for line in verified.stdout.splitlines()
    ]
    sampled = zoo("sample", name)
    assert sampled.exit_code == 1 and words in sampled.stderr
    assert held(tmp_path / "desk") == set()


def test_verify_also_looks_into_the_parts_that_only_training_needs(
    hub: Hub, zoo: Zoo, tmp_path: Path
) -> None:
    from zoo.checkpoints import weights as checkpoints

    gan = make_model("mlp-gan", generator_dims=(4,), discriminator_dims=(4,), latent_dim=2)
    checkpoints.save(gan, tmp_path / "gan")
    names = ("config.json", "model.safetensors", "training.safetensors")
    files = {name: (tmp_path / "gan" / name).read_bytes() for name in names}
    hub.put("owner/gan", files)
    assert zoo("pull", "hf:owner/gan").exit_code == 0 and zoo("verify").exit_code == 0
    tensors = load(files["training.safetensors"])
    spoil(tensors)
    hub.put("owner/gan", {"training.safetensors": save(tensors)})
    assert zoo("pull", "--update").exit_code == 0
    verified = zoo("verify")
    assert verified.exit_code == 1 and "holds NaN or infinite values" in verified.stderr


@pytest.mark.parametrize("case", HARMLESS)
def test_what_does_not_belong_to_a_checkpoint_is_not_taken(
    put: Callable[..., str], hub: Hub, zoo: Zoo, tmp_path: Path, case: str
) -> None:
    result = zoo("pull", put(HARMLESS[case]))
    assert result.exit_code == 0, result.stderr
    kept = held(Path(result.stdout.strip()))
    assert (
        set(CHECKPOINT) | {"origin.json"}
        <= kept
        <= set(CHECKPOINT) | {"origin.json", "images/link.png"}
    )
    assert not [one for one in (tmp_path / "home").rglob("*") if one.is_symlink()]
    assert held(tmp_path) == {f"home/{one}" for one in held(tmp_path / "home")}
    shown = zoo("show", "hf:owner/repo")
    assert shown.exit_code == 0 and "\x1b" not in shown.stdout
    assert zoo("verify").exit_code == 0


def test_no_code_of_a_repository_runs_and_nothing_is_written_outside_the_store(
    hub: Hub, tmp_path: Path
) -> None:
    refused = {
        case: told for case, told in REFUSED.items() if "95 MB" not in case
    }  # which takes seconds
    collection = {case: files for case, (files, _) in (refused | UNFIT).items()} | HARMLESS
    for number, files in enumerate(collection.values()):
        hub.put(f"owner/hostile-{number}", {**CHECKPOINT, **files})
    watch = """
        import os, sys
        import torch, zoo.hub.download, zoo.checkpoints.weights, zoo.sampling.sampler, zoo_vae.mlp  # their own imports are not looked at
        from click.testing import CliRunner
        from zoo.cli import main

        NEVER = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class")
        home, seen = os.environ["ZOO_HOME"], set()
        caught = []

        def hook(event, arguments):
            if event == "exec":
                file = getattr(arguments[0], "co_filename", "")
                if file.startswith(home):
                    caught.append((event, file))
            elif event == "open" and isinstance(arguments[0], (str, bytes)):
                path, flags = os.path.abspath(os.fsdecode(arguments[0])), arguments[2] or 0
                if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not (path + "/").startswith(home + "/"):
                    caught.append((event, path))
            elif event in NEVER:
                caught.append((event, str(arguments)))
            seen.add(event)

        sys.addaudithook(hook)
        codes = {}
        for number in range(int(sys.argv[1])):
            name = f"hf:owner/hostile-{number}"
            sample = ("sample", name, "-n", "1", "-o", f"{home}/x.npz")
            words = [("pull", name), ("verify", name), ("show", name), sample]
            codes[number] = [CliRunner().invoke(main, one).exit_code for one in words]
        import json
        print(json.dumps({"caught": caught, "seen": sorted(seen), "codes": codes}))
    """
    command = [sys.executable, "-B", "-c", textwrap.dedent(watch), str(len(collection))]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"HF_HOME": str(tmp_path / "hf")}
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["caught"] == []
    assert {"open", "exec"} <= set(told["seen"])  # it did watch
    outcomes = [tuple(codes) for codes in told["codes"].values()]
    assert outcomes[: len(refused)] == [(1, 1, 1, 1)] * len(refused)
    assert outcomes[len(refused) :] == [(0, 1, 0, 1)] * len(UNFIT) + [(0, 0, 0, 0)] * len(HARMLESS)
    assert not list(tmp_path.rglob("trapped")) and not (tmp_path / "hf").exists()


def test_the_trap_is_one() -> None:
    pickle.loads(TRAP).close()
    assert Path("trapped").exists()
