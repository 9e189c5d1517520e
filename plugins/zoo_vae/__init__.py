"""Offers variational autoencoders and checkpoints of them."""

from collections.abc import Iterable

from zoo import Checkpoint, ModelSpec, bundled, hookimpl


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
    return [
        Checkpoint(
            name="vae-mnist",
            model="mlp-vae",
            dataset="mnist",
            summary="Handwritten digits, soft and quick to draw",
            parameters=1_074_980,
            license="apache-2.0",
            sha256={
                "config.json": "4d2d43aecaf1c2a223bc3125c6c10eea285c9519aa1f13eb3277005b0d070d6c",
                "model.safetensors": "02ee3e02b310f9c878a71a75ae8ab48714b7b501cbcae6c9053332b897ef8624",
            },
            bundled=bundled(__file__, "vae-mnist"),
        ),
        Checkpoint(
            name="conv-vae-mnist",
            model="conv-vae",
            dataset="mnist",
            summary="Handwritten digits, smooth; reconstructs well",
            parameters=1_856_961,
            license="apache-2.0",
            sha256={
                "config.json": "98e0f4aa45e4c6acce8a4c913a0e42b3e0d08c0e387ab631eac9cd92ff7e1288",
                "model.safetensors": "f5827725ca12ab7e5d04b70c3461e3345f4e90ac06c0ca3844baa7a7a71fdad9",
            },
            bundled=bundled(__file__, "conv-vae-mnist"),
        ),
    ]
