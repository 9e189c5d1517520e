"""What differentiable augmentation is worth on few images: pytest -s tests/benchmarks"""

import dataclasses
import os

from racing import report

from zoo.common.compute import keep_freed
from zoo.data import load_dataset
from zoo.evaluation.meter import Meter
from zoo.models.build import build
from zoo.registry.registry import installed
from zoo.training.loop import fit
from zoo.training.state import TrainingState

FEW = 1_000  # digits that are trained on
STEPS = int(os.environ.get("STEPS", "8000"))
# what zoo chooses for few images (zoo train --data), but for the augmentation
WIDTH = 32
RECIPE = {"batch_size": 64, "learning_rate": 1.2e-3, "schedule": "cosine", "precision": "bf16"}
WAYS = ("color", "translation", "cutout")


def test_a_gan_of_few_digits_is_better_by_half_with_augmentation(root: str) -> None:
    """Fréchet distance to all 60,000 training images, of dcgan on the first 1,000 of them, after
    equal steps.
    """
    keep_freed()  # as zoo train does
    whole = load_dataset("mnist")
    few = whole.part(slice(FEW))
    model_class = installed().model_class("dcgan")
    epochs = max(1, STEPS // (FEW // RECIPE["batch_size"]))
    recipe = dataclasses.replace(model_class.recipe, epochs=epochs, **RECIPE)
    distances = []
    for ways in (WAYS, ()):
        config = model_class.Config(width=WIDTH, diff_augment=ways)
        state = TrainingState(build(model_class, config, seed=0), seed=0)
        for _ in fit(state, few, recipe):
            pass
        model = state.averaged.eval()
        distances.append(Meter("frechet_distance", model, whole)(model))
        print(f"\n{state.step:,} steps with {ways or 'no augmentation'}: {distances[-1]:.2f}")
    with_it, without = distances
    assert report("distance with DiffAugment / without", [with_it / without], 0.5)
