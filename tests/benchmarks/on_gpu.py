"""On a machine with a GPU: what precision and compiling bring, and whether both devices agree.

Run it by itself, it takes about five minutes: python tests/benchmarks/on_gpu.py
It has not been run on CUDA yet. `--device cpu --images 256` tries it for function.
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from zoo.common.compute import hardware, pick_device
from zoo.data import Dataset, load_dataset
from zoo.models import TrainConfig
from zoo.models.build import build
from zoo.registry import installed
from zoo.sampling import draw
from zoo.training.compiling import as_they_are, compile_networks
from zoo.training.loop import fit
from zoo.training.run import Run
from zoo.training.state import TrainingState

MODELS: dict[str, dict[str, Any]] = {
    "dcgan": {"num_classes": 3, "diff_augment": ("color", "translation", "cutout")},
    "resnet-gan": {"num_classes": 3, "channels": (32, 64, 128, 128)},
    "ladder-vae": {"likelihood": "logistic-mixture"},
}
PRECISIONS = ("float32", "TF32", "bf16")
EPOCHS = 2
BATCH = 64
SAMPLES = 64
# samples of one model on two devices may differ by this
AGREE = 1e-3


@dataclass(frozen=True)
class Row:
    """What one training measured.

    **Arguments:**
    - `per_second`: images of a second, the median over what follows the first quarter.
    - `first`: seconds until the first report, with compiling.
    - `memory`: peak of the GPU in MB; 0 on a CPU.
    - `loss`: the last loss of the first objective.
    - `apart`: largest difference between a sample from this device and from the CPU.
    - `resumed`: whether a training that went on in the middle gave the same weights.
    """

    per_second: float
    first: float
    memory: float
    loss: float
    apart: float
    resumed: bool | None = None


def main() -> None:
    """Train each model in each way, and print a table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=3_200, help="of the data set dungeon-tiles")
    given = parser.parse_args()
    device = torch.device(pick_device(given.device))
    data = load_dataset("dungeon-tiles").part(slice(given.images))
    print(f"{hardware(device)}, torch {torch.__version__}, {len(data):,} images, {EPOCHS} epochs")
    heads = ("first step", "images/s", "peak MB", "loss", "CPU apart", "resumed")
    print(f"{'model':12}{'precision':11}{'compiled':10}" + "".join(f"{one:>12}" for one in heads))
    for name, config in MODELS.items():
        for precision in PRECISIONS:
            for compiled in (False, True):
                row = measured(name, config, data, device, precision, compiled)
                resumed = {None: "-", True: "equal", False: "differs"}[row.resumed]
                agrees = "" if row.apart <= AGREE else " !"
                print(
                    f"{name:12}{precision:11}{'yes' if compiled else 'no':10}{row.first:>11.2f}s"
                    f"{row.per_second:>12,.0f}{row.memory:>12,.0f}{row.loss:>12.4g}"
                    f"{row.apart:>12.1e}{resumed:>12}{agrees}",
                    flush=True,
                )


def measured(
    name: str,
    config: dict[str, Any],
    data: Dataset,
    device: torch.device,
    precision: str,
    compiled: bool,
) -> Row:
    """Train a model, sample it on both devices; not compiled, also stop and go on."""
    with tf32(precision == "TF32"):
        state, recipe = begun(name, config, data, device, precision, compiled)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        times, steps, loss = [time.perf_counter()], [0], 0.0
        for report in fit(state, data, recipe):
            times.append(time.perf_counter())
            steps.append(report.step)
            loss = next(iter(report.losses.values()))
        memory = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else 0.0
        resumed = None
        if not compiled:
            resumed = goes_on_alike(name, config, data, device, precision, state)
        with as_they_are(state.compiled):
            there = draw(state.averaged.eval(), SAMPLES, seed=0).cpu()
    with as_they_are(state.compiled):
        here = draw(state.averaged.cpu().eval(), SAMPLES, seed=0)
    spans = list(zip(pairwise(steps), pairwise(times), strict=True))
    rates = [BATCH * (b - a) / (later - earlier) for (a, b), (earlier, later) in spans if b > a]
    steady = statistics.median(rates[len(rates) // 4 :])
    return Row(
        per_second=steady,
        first=times[1] - times[0],
        memory=memory,
        loss=loss,
        apart=(here - there).abs().max().item(),
        resumed=resumed,
    )


def begun(
    name: str,
    config: dict[str, Any],
    data: Dataset,
    device: torch.device,
    precision: str,
    compiled: bool,
) -> tuple[TrainingState, TrainConfig]:
    """A training that has not taken a step."""
    model_class = installed().model_class(name)
    made = model_class.Config.from_dict({"sample_shape": data.sample_shape, **config})
    model = build(model_class, made, 0).to(device)
    state = TrainingState(model, 0)
    state.compiled = compiled and compile_networks(model)  # as --compile does
    kind = "bf16" if precision == "bf16" else "float32"
    recipe = replace(model_class.recipe, epochs=EPOCHS, batch_size=BATCH, precision=kind)
    return state, recipe


def goes_on_alike(
    name: str,
    config: dict[str, Any],
    data: Dataset,
    device: torch.device,
    precision: str,
    whole: TrainingState,
) -> bool:
    """Whether a training that stopped after an epoch, and went on from what it kept, gives the
    weights of one that did not stop. On a GPU the order of sums may differ.
    """
    state, recipe = begun(name, config, data, device, precision, False)
    with contextlib.closing(fit(state, data, recipe)) as reports:  # type: ignore[type-var]
        for report in reports:
            if report.epoch_ended:
                break
    again, recipe = begun(name, config, data, device, precision, False)
    again.prepare(recipe)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.keep(state, {})
        run.restore(again)
    for _ in fit(again, data, recipe):
        pass
    one, other = whole.averaged.state_dict(), again.averaged.state_dict()
    return all(torch.equal(value, other[key]) for key, value in one.items())


@contextlib.contextmanager
def tf32(allowed: bool) -> Any:
    """Let convolutions and products of a GPU be in TF32, or not."""
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, products.allow_tf32
    convolutions.allow_tf32 = products.allow_tf32 = allowed
    try:
        yield
    finally:
        convolutions.allow_tf32, products.allow_tf32 = before


if __name__ == "__main__":
    main()
