"""Several processes that train one model together: real ones, on the CPU, which accelerate launch
starts.
"""

import atexit
import dataclasses
import json
import os
import shlex
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from conftest import DIGITS
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from toys import Toy
from trainings import digits, everything, fresh

import zoo
from zoo.cli import main
from zoo.common import files
from zoo.common.errors import ZooError
from zoo.data import load_dataset
from zoo.models.build import build
from zoo.models.interface import Objective, TrainConfig
from zoo.registry.registry import installed
from zoo.sampling.images import to_image
from zoo.training import run as runs
from zoo.training.loop import fit
from zoo.training.state import TrainingState

# processes that start torch, and wait for each other
pytestmark = pytest.mark.long

PROCESSES = 2
ONE_STEP = {  # at a rate of 1 the weights move by the gradients
    "step": TrainConfig(epochs=1, batch_size=64, optimizer="sgd", learning_rate=1.0),
    "clipped": TrainConfig(
        epochs=1, batch_size=64, optimizer="sgd", learning_rate=10.0, l1=1e-4, max_grad_norm=0.5
    ),
}
TOGETHER = TrainConfig(
    epochs=2, batch_size=40, ema_decay=0.9, augment=("shift",), learning_rate=1e-3
)
SMALL = {
    "mlp-vae": {"hidden_dims": (16,), "latent_dim": 2},
    "mlp-gan": {"generator_dims": (16,), "discriminator_dims": (16,), "latent_dim": 4},
}
EPOCHS, BATCH = 4, 40
# its held-out loss falls and rises
OVERFITS = (
    *("hidden_dims=32", "latent_dim=8", "learning_rate=0.1", "batch_size=10", "holdout=20"),
    "precision=float32",
)
TORCHRUN = [
    str(Path(sys.executable).with_name("torchrun")),
    "--standalone",
    "--nproc_per_node",
    str(PROCESSES),
]


class Filter(Toy):
    """Fits a linear map of an image to itself: no randomness, no statistics of a batch."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            self.map = nn.Linear(784, 784)

    def parameter_groups(self) -> dict[str, Any]:
        return {"model": self.map.parameters()}

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Any) -> Any:
        flat = samples.flatten(1)
        yield Objective((self.map(flat) - flat).square().sum(1))


def gloo_threads() -> list[str]:
    """The names of this process's threads that compute with others; Linux alone tells."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name]


def one_step(name: str) -> dict[str, Tensor]:
    """The weights after it, and the loss before it, a sample's pixel."""
    state = TrainingState(Filter(), seed=0)
    *_, report = fit(state, digits(64), ONE_STEP[name])
    return {**state.model.state_dict(), "loss": torch.tensor(report.losses["loss"] / 784)}


def work(folder: Path) -> None:
    """What each of the processes does; it leaves its weights in the folder."""
    rank = Accelerator().process_index
    assert Accelerator().num_processes == PROCESSES
    # what is registered first runs last
    atexit.register(lambda: (folder / f"joined-{rank}").write_text(" ".join(gloo_threads())))

    def leave(name: str, tensors: dict[str, Tensor]) -> None:
        save_file(
            {key: tensor.clone() for key, tensor in tensors.items()},
            folder / f"{name}-{rank}.safetensors",
        )

    for name in ONE_STEP:
        leave(name, one_step(name))
    run = runs.Run(folder / "run")
    for name in ("vae", "gan", "spectral"):
        state = fresh(name)
        for report in fit(state, digits(), TOGETHER):
            if report.epoch_ended and report.epoch == 1 and rank == 0:
                run.keep(state, {})
        leave(
            name,
            {key: tensor for key, tensor in everything(state).items() if key not in state.sums},
        )
        Accelerator().wait_for_everyone()
        resumed = fresh(name)
        resumed.prepare(TOGETHER)
        run.restore(resumed)
        Accelerator().wait_for_everyone()
        list(fit(resumed, digits(), TOGETHER))
        leave(
            f"{name}-resumed",
            {key: one for key, one in everything(resumed).items() if key not in resumed.sums},
        )
    # in bfloat16 convolutions are in channels-last order, and so are their gradients
    dcgan = installed().model_class("dcgan")
    state = TrainingState(build(dcgan, dcgan.Config(width=4, latent_dim=8), 0), 0)
    list(fit(state, digits(), dataclasses.replace(TOGETHER, precision="bf16")))
    leave("bf16", {key: tensor.contiguous() for key, tensor in state.model.state_dict().items()})
    for model in SMALL:
        words = [
            "train",
            model,
            "--name",
            f"tiny-{model}",
            "--epochs",
            str(EPOCHS),
            "--set",
            f"batch_size={BATCH}",
        ]
        for key, value in SMALL[model].items():
            words += [
                "--set",
                f"{key}={','.join(map(str, value)) if isinstance(value, tuple) else value}",
            ]
        main(words, standalone_mode=False)  # each process draws a seed: one must win
        Accelerator().wait_for_everyone()
    command = json.loads(
        (folder / "home" / "checkpoints" / "tiny-mlp-vae" / "facts.json").read_text()
    )["command"]
    main([*shlex.split(command)[1:], "--out", "again"], standalone_mode=False)


def refused() -> None:
    """What each process says of a training that is refused once they have met."""
    # what is registered first runs last
    atexit.register(lambda: print("threads remain" if gloo_threads() else "left", flush=True))
    try:
        zoo.train("mlp-vae", name="refused", class_weights="1,2")
    except ZooError:
        print("refused" if gloo_threads() else "refused too early", flush=True)


def run_in(folder: Path, *command: str) -> str:
    """What a command said on standard output, that trains on the CPU in a folder which holds all it
    makes.
    """
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("ZOO_")},
        "ACCELERATE_USE_CPU": "true",
        "HF_HOME": str(folder / "hf"),  # where the user's settings of accelerate would be
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(map(str, [Path(__file__).parents[1], *sys.path])),
        "ZOO_HOME": str(folder / "home"),
        "ZOO_DATA": str(DIGITS),
    }
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that two processes worked in, and what they said."""
    folder = tmp_path_factory.mktemp("together")
    # --multi_gpu: else it starts several processes by mpirun alone; port 0: any that is free
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        "--num_processes",
        str(PROCESSES),
    ]
    command += [
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "--main_process_port",
        "0",
    ]
    return folder, run_in(folder, *command, __file__, str(folder))


def left(folder: Path, name: str) -> list[dict[str, Tensor]]:
    return [load_file(folder / f"{name}-{rank}.safetensors") for rank in range(PROCESSES)]


@pytest.mark.parametrize("name", ONE_STEP)
def test_a_step_of_two_processes_is_that_of_one_on_the_joined_batch(
    name: str, worked: tuple[Path, str]
) -> None:
    alone, begun = one_step(name), Filter().state_dict()
    for together in left(worked[0], name):
        for key, tensor in alone.items():
            assert torch.allclose(together[key], tensor, rtol=0, atol=1e-5)
    assert (alone["map.weight"] - begun["map.weight"]).abs().max() > 1e-3  # it was a step


@pytest.mark.parametrize("name", ["vae", "gan", "spectral", "bf16"])
def test_both_processes_end_with_the_same_weights_averages_and_statistics(
    name: str, worked: tuple[Path, str]
) -> None:
    one, other = left(worked[0], name)
    assert one.keys() == other.keys() and any("running_mean" in key for key in one)
    assert [key for key in one if not torch.equal(one[key], other[key])] == []


@pytest.mark.parametrize("name", ["vae", "gan", "spectral"])
def test_processes_go_on_together_bit_for_bit(name: str, worked: tuple[Path, str]) -> None:
    for whole, resumed in zip(
        left(worked[0], name), left(worked[0], f"{name}-resumed"), strict=True
    ):
        assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


def losses_of_one_process(model: str, seed: int) -> dict[str, float]:
    """At the end of the same training by one process."""
    model_class = installed().model_class(model)
    state = TrainingState(build(model_class, model_class.Config(**SMALL[model]), seed), seed)
    recipe = {**model_class.recipe.to_dict(), "epochs": EPOCHS, "batch_size": BATCH}
    return list(fit(state, load_dataset("mnist"), TrainConfig.from_dict(recipe)))[-1].losses


@pytest.mark.parametrize("model", SMALL)
def test_two_processes_train_as_well_as_one(model: str, worked: tuple[Path, str]) -> None:
    facts = json.loads(
        (worked[0] / "home" / "checkpoints" / f"tiny-{model}" / "facts.json").read_text()
    )
    assert facts["hardware"].startswith("2 × ")
    together = facts["history"][-1]["losses"]
    alone = [losses_of_one_process(model, seed) for seed in range(5)]
    for name in together:
        values = [losses[name] for losses in alone]
        # 5 seeds know their spread roughly
        assert abs(together[name] - statistics.mean(values)) < 5 * statistics.stdev(values), (
            name,
            values,
            together,
        )


def test_the_command_of_the_readme_trains_on_two_processors(tmp_path: Path) -> None:
    said = run_in(
        tmp_path,
        *TORCHRUN,
        "-m",
        "zoo",
        "train",
        "mlp-vae",
        "--epochs",
        "1",
        "--set",
        "hidden_dims=16",
        "--out",
        "made",
    )
    assert said == "made\n"
    assert json.loads((tmp_path / "made" / "facts.json").read_text())["hardware"].startswith("2 × ")


def test_one_checkpoint_is_written_of_each_training(worked: tuple[Path, str]) -> None:
    folder, said = worked
    checkpoints = folder / "home" / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["tiny-mlp-gan", "tiny-mlp-vae"]
    assert said.splitlines() == [
        str(checkpoints / "tiny-mlp-vae"),
        str(checkpoints / "tiny-mlp-gan"),
        "again",
    ]


def test_the_seed_that_one_process_drew_is_that_of_all(worked: tuple[Path, str]) -> None:
    first, again = worked[0] / "home" / "checkpoints" / "tiny-mlp-vae", worked[0] / "again"
    assert files.sha256(first / "model.safetensors") == files.sha256(again / "model.safetensors")


def test_each_process_leaves_the_others_before_its_interpreter_ends(
    worked: tuple[Path, str],
) -> None:
    # else a thread of gloo that still holds a tensor may abort it: "terminate called without an
    # active exception"
    left_over = [(worked[0] / f"joined-{rank}").read_text() for rank in range(PROCESSES)]
    assert left_over == [""] * PROCESSES


def test_processes_end_together_when_their_patience_is_at_an_end(tmp_path: Path) -> None:
    data = load_dataset("mnist")
    (tmp_path / "digits").mkdir()
    for index in range(40):
        to_image(data.samples[index]).save(tmp_path / "digits" / f"{index}.png")
    words = ["train", "mlp-vae", "--data", "./digits", "--epochs", "60", "--seed", "2"]
    words += ["--keep", "best", "--patience", "2"]
    for setting in OVERFITS:
        words += ["--set", setting]
    assert run_in(tmp_path, *TORCHRUN, "-m", "zoo", *words, "--out", "made") == "made\n"
    facts = json.loads((tmp_path / "made" / "facts.json").read_text())
    assert facts["hardware"].startswith("2 × ")
    assert facts["kept"]["stopped_early"]
    assert facts["kept"]["of"] == facts["kept"]["epoch"] + 2 == len(facts["history"]) < 60


def test_each_process_leaves_the_others_when_the_training_is_refused(tmp_path: Path) -> None:
    said = run_in(tmp_path, *TORCHRUN, __file__, "refused")
    assert sorted(said.splitlines()) == ["left"] * PROCESSES + ["refused"] * PROCESSES


if __name__ == "__main__":
    if sys.argv[1] == "refused":
        refused()
    else:
        work(Path(sys.argv[1]))
