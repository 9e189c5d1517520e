"""Offers variational autoencoders and checkpoints of them."""

from collections.abc import Iterable

from zoo import Checkpoint, ModelSpec, hookimpl


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """An MLP VAE and a convolutional VAE."""
    return [
        ModelSpec(
            name="mlp-vae",
            entry_point="zoo_vae.mlp:MLPVAE",
            summary="Variational autoencoder of fully connected layers",
            capabilities=("sample", "decode", "encode"),
            reference="https://arxiv.org/abs/1312.6114",
        ),
        ModelSpec(
            name="conv-vae",
            entry_point="zoo_vae.conv:ConvVAE",
            summary="Variational autoencoder of residual convolutions",
            capabilities=("sample", "decode", "encode"),
            reference="https://arxiv.org/abs/1312.6114",
        ),
    ]


@hookimpl
def zoo_checkpoints() -> Iterable[Checkpoint]:
    """Trained on MNIST."""
    return []
