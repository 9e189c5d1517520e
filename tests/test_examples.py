"""The plugins in plugins/examples, installed as anyone would: their own tests pass, and they train
and sample.
"""

import json
import os
import re
import shlex
import subprocess
import tarfile
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from environments import Environment

from zoo.checkpoints.folder import read_facts
from zoo.registry.registry import installed
from zoo.sampling import provenance

Run = Callable[..., subprocess.CompletedProcess[str]]

EXAMPLES = Path(__file__).parents[1] / "plugins" / "examples"
NAMES = ("flow", "signals", "names", "speech", "diffusers")


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment where the examples are installed."""
    environment = Environment(tmp_path_factory.mktemp("guests"))
    environment.install(*(EXAMPLES / f"zoo-{name}" for name in NAMES))
    return environment


@pytest.fixture
def run(guests: Environment, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `zoo` where the examples are installed."""
    monkeypatch.setenv("PYTHONSAFEPATH", "1")

    def zoo(*arguments: object) -> subprocess.CompletedProcess[str]:
        done = guests.zoo(*arguments)
        assert "Traceback" not in done.stderr and "Warning" not in done.stderr, done.stderr
        return done

    return zoo


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_tests_of_an_example_pass_where_it_is_installed(
    name: str, guests: Environment, tmp_path: Path
) -> None:
    tests = EXAMPLES / f"zoo-{name}" / "tests"
    command = [
        guests.python,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        tests,
        tests,
    ]
    world = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, env=world
    )
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout


def test_the_examples_offer_what_genzoo_itself_does_not(run: Run) -> None:
    offered = {one["name"] for one in json.loads(run("list", "--models", "--json").stdout)}
    guests = {"flow-matching", "wave"}
    assert offered >= guests | set(installed().models) and not guests & set(installed().models)
    text = (EXAMPLES.parents[1] / "pyproject.toml").read_text()
    assert not any(f"zoo_{name}" in text for name in NAMES)


def test_the_flow_brings_a_checkpoint_that_is_pulled_verified_and_sampled(
    run: Run, guests: Environment
) -> None:
    pulled = run("pull", "flow-mnist")
    assert pulled.returncode == 0 and pulled.stdout.startswith(str(guests.folder)), pulled.stderr
    assert run("verify", "flow-mnist").returncode == 0
    assert run("sample", "--label", 7, "-n", 4, "--seed", 0, "--set", "steps=4").returncode == 0
    assert provenance.read(Path("samples.png"))["checkpoint"] == "flow-mnist"
    card = run("show", "flow-mnist").stdout
    assert "Samples that show the class asked for" in card and "Fréchet distance" in card


@pytest.mark.long
def test_the_flow_trains_and_samples_in_the_steps_asked_for(run: Run) -> None:
    small = shlex.split("--set channels=8,16 --set blocks=1 --set batch_size=50 --epochs 3")
    words = ["flow-matching", "--name", "my-flow", "--data", "mnist", "--seed", 0]
    trained = run("train", *words, *small)
    assert trained.returncode == 0, trained.stderr
    history = read_facts(Path(trained.stdout.strip()))["history"]
    assert history[-1]["losses"]["loss"] < 0.9 * history[0]["losses"]["loss"]
    words = ["my-flow", "-n", 4, "--seed", 0, "--set", "steps=5", "-o", "digits.png"]
    sampled = run("sample", *words)
    assert sampled.returncode == 0, sampled.stderr
    assert provenance.read(Path("digits.png"))["options"] == ["steps=5"]
    refused = run("sample", "my-flow", "--set", "step=5")
    assert refused.returncode == 1 and "Did you mean 'steps'?" in refused.stderr


@pytest.mark.long
def test_signals_train_and_are_written_as_arrays_and_as_no_picture(run: Run) -> None:
    small = ["--set", "channels=8", "--set", "num_classes=3", "--epochs", 2]
    trained = run("train", "wave", "--name", "my-wave", "--data", "sines", "--seed", 0, *small)
    assert trained.returncode == 0, trained.stderr
    history = read_facts(Path(trained.stdout.strip()))["history"]
    assert history[1]["losses"]["loss"] < history[0]["losses"]["loss"]
    sampled = run("sample", "my-wave", "-n", 6, "--seed", 0, "--label", "two")
    assert sampled.returncode == 0 and sampled.stdout.strip() == "samples.npz", sampled.stderr
    arrays = np.load("samples.npz")
    assert (arrays["samples"].shape, arrays["samples"].dtype) == ((6, 64), np.float32)
    assert arrays["labels"].tolist() == 6 * [1]
    measured = run("evaluate", "my-wave", "-k", 1, "--test-images", 200, "--write")
    assert measured.returncode == 0, measured.stderr
    assert (
        "Distances compare images, and its samples are not images. Only the likelihood is measured."
        in measured.stderr
    )
    assert (
        "Likelihood of 200 of 2,000 test samples, chosen by the seed, which is exact"
        in measured.stderr
    )
    (row,) = (
        line
        for line in measured.stdout.splitlines()
        if line.startswith("Negative log-likelihood (")
    )
    assert "given the class, 200 samples) ↓" in row and row.endswith("nats per sample")
    card = Path(trained.stdout.strip(), "README.md").read_text()
    assert (
        "Likelihood of the 200 test samples of sines (sha256 `" in card
        and "nats per sample" in card
    )
    assert "samples = zoo.draw(model, 16, seed=0)  # float32, (16, 64)" in card
    about = card.replace("--test-images", "").replace("images/losses.png", "")
    assert not re.search("image|pixel", about), card
    beside = run("compare", "my-wave", "vae-mnist", "--data", "sines")
    assert beside.returncode == 1 and "which the samples of my-wave are not" in beside.stderr
    refused = run("sample", "my-wave", "-o", "samples.png")
    assert (refused.returncode, Path("samples.png").exists()) == (1, False)
    assert (
        "The samples are not images: write them to .npz or .safetensors, not 'samples.png'."
        in refused.stderr
    )


@pytest.mark.long
def test_names_are_printed_and_written_with_their_provenance(run: Run) -> None:
    names = [a + b + c for a in "abcdef" for b in "aeiou" for c in "klmn"]
    Path("own.txt").write_text("\n".join(names) + "\n")
    small = ["--set", "encoder_dim=16", "--set", "decoder_dim=16", "--epochs", 1]
    trained = run("train", "text-vae", "--name", "my-names", "--data", "./own.txt", *small)
    assert trained.returncode == 0, trained.stderr
    printed = run("sample", "my-names", "-n", 3, "--seed", 0)
    assert printed.returncode == 0 and len(printed.stdout.split("\n")) == 4
    written = run("sample", "my-names", "-n", 3, "--seed", 0, "-o", "new.txt")
    assert written.stdout.strip() == "new.txt", written.stderr
    assert Path("new.txt").read_text().split("\n", 1)[1] == printed.stdout
    assert "zoo sample my-names -n 3 --seed 0 -o new.txt" in run("show", "new.txt").stdout
    refused = run("sample", "my-names", "-o", "new.png")
    assert refused.returncode == 1 and "The samples are text: write them to" in refused.stderr
    refused = run("sample", "my-names", "--json")
    assert refused.returncode == 2 and "name a file (-o)" in refused.stderr
    walk = ("interpolate", "my-names", "--steps", 3, "--text", "abk", "--text")
    walked = run(*walk, "fun")
    assert walked.returncode == 0 and len(walked.stdout.split("\n")) == 4, walked.stderr
    refused = run(*walk, "q")
    assert refused.returncode == 1 and "holds 'q', which is not in the alphabet" in refused.stderr
    measured = run("evaluate", "my-names", "-k", 2)
    assert "nats per sample" in measured.stdout, measured.stderr


def tone(path: str, step: float, length: int) -> None:
    """A recording of a tone, 8 kHz mono."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes((9_000 * np.sin(np.arange(length) * step)).astype("<i2").tobytes())


@pytest.mark.long
def test_speech_is_written_as_sound_in_files_and_folders(run: Run) -> None:
    for label in ("no", "yes"):
        for take in range(6):
            tone(f"takes/{label}/{take}.wav", 0.3 + 0.1 * take, 400)
    small = ["--set", "width=8", "--set", "sample_shape=1,448", "--set", "num_classes=2"]
    small += ["--set", "batch_size=4", "--epochs", 1]
    trained = run("train", "speech-vae", "--name", "my-speech", "--data", "./takes", *small)
    assert trained.returncode == 0, trained.stderr
    sampled = run("sample", "my-speech", "-n", 3, "--seed", 0, "--label", "yes")
    assert sampled.stdout.strip() == "samples.wav", sampled.stderr
    with wave.open("samples.wav") as file:
        assert file.getnframes() == 3 * 448 + 2 * 2_000 and file.getframerate() == 8_000
    assert "zoo sample my-speech -n 3 --seed 0 --label yes" in run("show", "samples.wav").stdout
    assert run("sample", "my-speech", "-n", 4, "--seed", 0, "-o", "sounds").returncode == 0
    assert len(list(Path("sounds").rglob("*.wav"))) == 4
    assert run("sample", "my-speech", "-n", 4, "--seed", 0, "-o", "sounds.png").returncode == 0


@pytest.mark.long
def test_the_guide_to_the_kinds_works_from_its_top_to_its_end(
    run: Run, guests: Environment
) -> None:
    for label in ("one", "two"):
        for take in range(6):
            tone(f"digits/{label}/{take}.wav", 0.3 + 0.1 * take, 6_080)
    guide = (EXAMPLES.parent / "guides" / "kinds.md").read_text()
    typed = re.findall(r"^\$ zoo (.*)$", guide, re.MULTILINE)
    assert len(typed) >= 9
    for command in typed:
        done = run(*shlex.split(command))
        assert done.returncode == 0, f"{command}: {done.stderr}"
    (code,) = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    command = [guests.python, "-W", "error", "-c", f"{code}print(names)"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("'") == 10, done.stderr


@pytest.mark.parametrize("name", ["text-vae-names", "speech-vae-digits"])
def test_a_guest_brings_a_checkpoint_that_is_pulled_verified_and_sampled(
    name: str, run: Run
) -> None:
    assert run("pull", name).returncode == 0 and run("verify", name).returncode == 0
    assert run("sample", "-n", 4, "--seed", 0, "-o", "four.npz").returncode == 0
    with np.load("four.npz") as file:
        assert len(file["samples"]) == 4
    assert "How to sample" in run("show", name).stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "column", "suffix"),
    [("text-vae-names", "text", "txt"), ("speech-vae-digits", "audio", "wav")],
)
def test_data_sets_of_texts_and_recordings_are_made_of_a_real_model_and_read_by_others(
    name: str, column: str, suffix: str, run: Run, guests: Environment, tmp_path: Path
) -> None:
    import datasets

    # with two workers in a second folder: the same bytes
    for folder, workers in (("one", 1), ("two", 2)):
        words = ["-n", 24, "--seed", 0, "--per-shard", 10, "--workers", workers, "-o", folder]
        done = run("generate", name, *words)
        assert done.returncode == 0, done.stderr
    shards = [path.read_bytes() for path in sorted(Path("one/data").iterdir())]
    assert len(shards) == 3
    assert shards == [path.read_bytes() for path in sorted(Path("two/data").iterdir())]
    assert run("verify", "./one").returncode == 0
    loaded = datasets.load_dataset(
        str(Path("one").absolute()), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded.num_rows == 24 and loaded["index"][:] == list(range(24))
    names = loaded.features["label"].names
    done = run("generate", name, "-n", 24, "--seed", 0, "--format", "webdataset", "-o", "tars")
    assert done.returncode == 0, done.stderr
    # each sample is what `zoo sample` draws with the same seed and label
    if column == "text":
        texts = loaded["text"][:]
        assert all(texts) and len(set(texts)) > 12
        label = names[loaded["label"][5]]
        drawn = run("sample", name, "-n", 24, "--seed", 0, "--label", label).stdout.splitlines()
        assert drawn[5].strip() == texts[5]
    else:
        raw = loaded.cast_column("audio", datasets.Audio(decode=False))[5]["audio"]
        Path("five.wav").write_bytes(raw["bytes"])
        with wave.open("five.wav") as file:
            rate, frames = file.getframerate(), file.getnframes()
            assert rate == loaded.features["audio"].sampling_rate and frames > 1000
            assert np.abs(np.frombuffer(file.readframes(frames), "<i2")).max() > 500
    with tarfile.open("tars/data/shard-000000.tar") as archive:
        assert archive.getnames()[:3] == [f"000000000.{end}" for end in (suffix, "cls", "json")]
