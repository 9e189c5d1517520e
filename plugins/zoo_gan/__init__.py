"""Offers generative adversarial networks and checkpoints of them."""

from collections.abc import Iterable

from zoo import Checkpoint, ModelSpec, hookimpl


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """An MLP GAN and a DCGAN."""
    return [
        ModelSpec(
            name="mlp-gan",
            entry_point="zoo_gan.mlp:MLPGAN",
            summary="Generative adversarial network of fully connected layers",
            capabilities=("sample", "decode"),
            reference="https://arxiv.org/abs/1406.2661",
        ),
        ModelSpec(
            name="dcgan",
            entry_point="zoo_gan.dcgan:DCGAN",
            summary="Generative adversarial network of strided convolutions",
            capabilities=("sample", "decode"),
            reference="https://arxiv.org/abs/1511.06434",
        ),
    ]


@hookimpl
def zoo_checkpoints() -> Iterable[Checkpoint]:
    """Trained on MNIST."""
    return []
