"""Small trainings of real models on real digits, and all their numbers."""

from typing import Any

import torch

from zoo.data import Dataset, load_dataset
from zoo.models.build import build
from zoo.registry.registry import installed
from zoo.training.state import TrainingState

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "vae": ("mlp-vae", {"hidden_dims": (8,), "latent_dim": 2, "batch_norm": True, "dropout": 0.2}),
    "gan": ("mlp-gan", {"generator_dims": (8,), "discriminator_dims": (8,), "latent_dim": 4}),
    "spectral": (
        "mlp-gan",
        {
            "generator_dims": (8,),
            "discriminator_dims": (8,),
            "latent_dim": 4,
            "spectral_norm": True,
            "num_classes": 10,
        },
    ),
}


def fresh(name: str = "vae", seed: int = 3, **changes: Any) -> TrainingState:
    model, config = MODELS[name]
    model_class = installed().model_class(model)
    return TrainingState(
        build(model_class, model_class.Config(**{**config, **changes}), seed), seed
    )


def digits(n: int = 200) -> Dataset:
    whole = load_dataset("mnist")
    assert whole.labels is not None
    return Dataset(whole.name, whole.samples[:n], whole.labels[:n], whole.class_names)


def everything(state: TrainingState) -> dict[str, Any]:
    """All numbers of a state: weights, averages, statistics, moments, sums."""
    average = state.average.state_dict() if state.average else {}
    moments = {
        f"{name}.{index}.{key}": value
        for name, optimizer in state.optimizers.items()
        for index, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
    }
    numbers = {"step": torch.tensor(state.step), **state.sums}
    return {
        **state.model.state_dict(),
        **{f"average.{key}": one for key, one in average.items()},
        **moments,
        **numbers,
    }
