"""What training takes, in time and memory, each as a ratio measured side by side: pytest -s
tests/benchmarks
"""

import contextlib
import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import plain_vae
import pytest
import resident
import torch
from racing import in_turn, report, run

import zoo
from zoo.common.compute import emulates_bf16, keep_freed
from zoo.data import load_dataset
from zoo.models.build import build
from zoo.registry.registry import installed
from zoo.training.compiling import compile_networks
from zoo.training.loop import fit
from zoo.training.state import TrainingState

ZOO = Path(sys.executable).with_name("zoo")
HERE = Path(__file__).parent
FIRST_STEP = """
import os
from torch.optim.optimizer import register_optimizer_step_post_hook
register_optimizer_step_post_hook(lambda *_: os._exit(0))
from zoo.cli import main
main()
"""


def epochs(
    model: str,
    *,
    compiled: bool = False,
    samples: int = 60_000,
    config: Mapping[str, Any] | None = None,
    **settings: object,
) -> Iterator[tuple[float, float]]:
    """Train a model on digits of MNIST by its own recipe, but for some settings: the seconds of
    each epoch, and its mean loss.
    """
    model_class = installed().model_class(model)
    state = TrainingState(build(model_class, model_class.Config(**config or {}), seed=0))
    state.compiled = compiled and compile_networks(state.model)
    assert state.compiled == compiled, "torch can't compile here"
    recipe = dataclasses.replace(model_class.recipe, epochs=1000, **settings)
    data = load_dataset("mnist").part(slice(samples))
    began = time.perf_counter()
    for progress in fit(state, data, recipe):
        if progress.epoch_ended:
            yield time.perf_counter() - began, progress.losses.get("loss", 0.0)
            began = time.perf_counter()


@contextlib.contextmanager
def peer(python: Path | str, script: str, root: str) -> Iterator[Callable[[], list[float]]]:
    """A script in a process of its own: each call has it train on, and returns the numbers that it
    prints of that.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    with (
        Path("peer.log").open("w+") as log,
        subprocess.Popen(
            [str(python), str(HERE / script), root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        ) as process,
    ):

        def go_on() -> list[float]:
            assert process.stdin and process.stdout
            with contextlib.suppress(BrokenPipeError):  # it has ended: its log says why
                print(file=process.stdin, flush=True)
            words = process.stdout.readline().split()
            assert words, Path("peer.log").read_text()
            return [float(word) for word in words]

        try:
            yield go_on
        finally:
            process.kill()


# What torch's compiler looks at on its way; as an error it would end the compilation.
compiler = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")


def precision_here(asked: str) -> str:
    """The precision that a training computes in on this hardware."""
    return "float32" if emulates_bf16(torch.device("cpu")) else asked


@compiler
@pytest.mark.parametrize(("compiled", "limit"), [(False, 1.08), (True, 1.0)])
def test_an_epoch_of_the_mlp_vae_takes_little_more_than_a_loop_written_for_speed(
    compiled: bool, limit: float, root: str
) -> None:
    """784–400–20–400–784 on MNIST, batch 128, Adam, the same precision: steady epochs, whose losses
    agree.
    """
    keep_freed()  # as zoo train does
    precision = precision_here(installed().model_class("mlp-vae").recipe.precision)
    ours = epochs("mlp-vae", compiled=compiled)
    by_hand = resident.vae_epochs(load_dataset("mnist").samples[:], precision)
    rounds = in_turn(lambda: next(ours), lambda: next(by_hand), rounds=5)
    for (_, our_loss), (_, loss) in rounds:
        assert our_loss == pytest.approx(loss, rel=0.02)
    assert report(
        f"an epoch of mlp-vae{', compiled' * compiled} / a resident loop in {precision}",
        [ours[0] / by_hand[0] for ours, by_hand in rounds],
        limit,
    )


STEPS = 60
PLAIN = {"objective": "non-saturating", "r1": 0.0, "r2": 0.0}


@compiler
@pytest.mark.parametrize(
    ("model", "compiled", "limit"),
    [("dcgan", False, 1.08), ("dcgan", True, 1.0), ("resnet-gan", False, 1.08)],
)
def test_steps_of_a_gan_take_little_more_than_those_of_a_loop_written_for_speed(
    model: str, compiled: bool, limit: float, root: str
) -> None:
    """28 px, batch 128, the same networks, loss and precision: epochs of 60 steps against as many
    steps of the hand-written loop.
    """
    keep_freed()  # as zoo train does
    config = PLAIN if model == "resnet-gan" else {}
    precision = precision_here("bf16")
    ours = epochs(
        model,
        compiled=compiled,
        samples=STEPS * 128,
        config=config,
        batch_size=128,
        precision="bf16",
        ema_decay=0.0,
    )
    data = load_dataset("mnist").samples[:]
    by_hand = resident.gan_steps(model, data, precision, STEPS, **config)
    rounds = in_turn(lambda: next(ours)[0], lambda: next(by_hand), rounds=5)
    assert report(
        f"{STEPS} steps of {model}{', compiled' * compiled} / a resident loop in {precision}",
        [a / b for a, b in rounds],
        limit,
    )


def test_steps_of_the_ladder_vae_take_little_more_than_those_of_a_loop_written_for_speed(
    root: str,
) -> None:
    """28 px, batch 128, the same networks and precision: epochs of 60 steps against as many."""
    keep_freed()  # as zoo train does
    precision = precision_here("bf16")
    ours = epochs("ladder-vae", samples=STEPS * 128, ema_decay=0.0)
    by_hand = resident.ladder_steps(load_dataset("mnist").samples[:], precision, STEPS)
    rounds = in_turn(lambda: next(ours)[0], lambda: next(by_hand), rounds=5)
    assert report(
        f"{STEPS} steps of ladder-vae / a resident loop in {precision}",
        [a / b for a, b in rounds],
        1.08,
    )


def test_how_an_epoch_of_the_mlp_vae_compares_with_pythaes_and_with_the_classic_script(
    python_with_pythae: Path, root: str
) -> None:
    """784–400–20–400–784 on MNIST, batch 128, Adam: steady epochs, whose losses agree. The ratios
    are reported: they are not the same on every processor.
    """
    ours, classic = epochs("mlp-vae"), plain_vae.epochs(root)
    with peer(python_with_pythae, "pythae_vae.py", root) as pythae:
        rounds = in_turn(lambda: next(ours), pythae, lambda: next(classic), rounds=5)
    for (_, our_loss), (_, pythae_loss), (_, classic_loss) in rounds:
        assert our_loss == pytest.approx(pythae_loss, rel=0.02) and our_loss == pytest.approx(
            classic_loss, rel=0.02
        )
    of_pythae = [ours[0] / pythae[0] for ours, pythae, _ in rounds]
    of_classic = [ours[0] / classic[0] for ours, _, classic in rounds]
    report("an epoch of mlp-vae / pythae 0.1.2's trainer", of_pythae, None)
    report("an epoch of mlp-vae / the classic script", of_classic, None)


def test_how_an_epoch_of_dcgan_in_bf16_compares_with_the_classic_float32_script(
    root: str,
) -> None:
    """28 px, width 64, batch 128: whole epochs, against the same networks' time of 30 steps at an
    epoch's number. The ratio is reported: it is not the same on every processor.
    """
    keep_freed()  # as zoo train does
    ours = epochs("dcgan", batch_size=128, precision="bf16")
    with peer(sys.executable, "plain_dcgan.py", root) as classic:
        rounds = in_turn(
            lambda: next(ours)[0], lambda: classic()[0] / 30 * (60_000 // 128), rounds=5
        )
    report(
        "an epoch of dcgan in bf16 / the classic float32 script",
        [a / b for a, b in rounds],
        None,
    )


def test_training_takes_little_more_memory_than_the_classic_script(root: str) -> None:
    outs = iter(f"trained-{index}" for index in range(100))

    def ours() -> float:
        return run(
            [ZOO, "train", "mlp-vae", "--epochs", "1", "--seed", "0", "--out", next(outs)]
        ).memory

    def theirs() -> float:
        return run([sys.executable, HERE / "plain_vae.py", root]).memory

    rounds = in_turn(ours, theirs, rounds=5)
    assert report(
        "zoo train mlp-vae / the classic script, peak memory", [a / b for a, b in rounds], 1.2
    )


def test_the_first_step_is_taken_soon_after_torch_and_torchvision_are_imported(root: str) -> None:
    """The command's own path, from the start of the process to the end of the first step of an
    optimizer.

    Neither process is charged with the unloading of torch, which takes about a third of its import.
    """

    def ours() -> float:
        command = ["train", "mlp-vae", "--name", "first-step", "--seed", "0"]
        return run([sys.executable, "-c", FIRST_STEP, *command]).seconds

    def theirs() -> float:
        return run([sys.executable, "-c", "import os, torch, torchvision; os._exit(0)"]).seconds

    rounds = in_turn(ours, theirs, rounds=11)
    assert report(
        "zoo train mlp-vae up to the first step / importing torch, torchvision",
        [a / b for a, b in rounds],
        1.5,
    )


def test_the_default_mlp_vae_reaches_the_elbo_of_the_reference_script(root: str) -> None:
    """784–400–20–400–784, Adam 1e-3, batch 128, 10 epochs: test −ELBO of 106.0 nats per image, ± 1."""
    test = load_dataset("mnist", split="test")
    run([ZOO, "train", "mlp-vae", "--out", "seed-recipe", "--seed", "1"])
    model = zoo.load("./seed-recipe")
    torch.manual_seed(0)
    with torch.no_grad():
        total = sum(
            model.log_likelihood(batch / 255).sum().item() for batch in test.samples.split(1000)
        )
    print(f"\nmlp-vae at its defaults: test −ELBO {-total / 10_000:.2f} nats per image")
    assert abs(-total / 10_000 - 106.0) <= 1
