"""What beginning with a checkpoint is worth, over seeds: pytest -s tests/benchmarks"""

import os
import statistics
from typing import Any

from racing import report

import zoo
from zoo.data import load_dataset
from zoo.evaluation.meter import Meter

SEEDS = range(int(os.environ.get("SEEDS", "3")))
SHORT, LONG = 4, 12
# clothes that are trained on: a seed of all takes half an hour of a core
CLOTHES = int(os.environ.get("CLOTHES", "60000"))


def distance(name: str, epochs: int, seed: int, **given: Any) -> float:
    """The Fréchet distance of samples to all training images of Fashion-MNIST."""
    made = zoo.train(
        "dcgan",
        name=name,
        data="fashion-mnist",
        epochs=epochs,
        seed=seed,
        holdout=60_000 - CLOTHES,
        batch_size=64,
        precision="bf16",
        watch=None,
        **given,
    )
    found = Meter("frechet_distance", made.model, load_dataset("fashion-mnist"))(made.model)
    print(f"\n{name}: {epochs} epochs, distance {found:.2f}")
    return found


def test_four_epochs_from_a_checkpoint_of_digits_are_as_good_as_twelve_from_scratch(
    root: str,
) -> None:
    """cdcgan-mnist goes on with clothes, against the same config with fresh weights."""
    config = dict(zoo.load("cdcgan-mnist").config.to_dict())
    config.pop("sample_shape")
    tuned, fresh = [], []
    for seed in SEEDS:
        tuned.append(distance(f"tuned-{seed}", SHORT, seed, from_checkpoint="cdcgan-mnist"))
        fresh.append(distance(f"fresh-{seed}", LONG, seed, fields=config))
    ratio = statistics.median(tuned) / statistics.median(fresh)
    assert report(f"{SHORT} epochs from cdcgan-mnist / {LONG} from scratch", [ratio], 1.0)
