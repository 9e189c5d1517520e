"""Offers variational autoencoders and checkpoints of them.

To read on: `vae` (the bound), `objectives` and `likelihoods` (its terms), then `mlp` and `conv` (the networks).
"""

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
            summary="Handwritten digits; trained for its likelihood",
            parameters=1_365_884,
            license="apache-2.0",
            sha256={
                "config.json": "e73404b389a6e11f09429cb10e02631a799b79c1b4844e1b5b5437b2fe63140e",
                "model.safetensors": "d8397ee93860888be979288df4b86e43501c86f9acd7a571a8c77711b4628aea",
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
        Checkpoint(
            name="cvae-mnist",
            model="mlp-vae",
            dataset="mnist",
            summary="Handwritten digits of the class you ask for, soft",
            parameters=975_208,
            num_classes=10,
            license="apache-2.0",
            sha256={
                "config.json": "4d65fc6aa7531bc97a05a70f90ee1fe559052a0ef9ab580efda6230dc3fc53b6",
                "model.safetensors": "b5b1078d39008e3183dc3dd53755b68887ecaa0c5135a0a34eb052158bfea541",
            },
            bundled=bundled(__file__, "cvae-mnist"),
        ),
        Checkpoint(
            name="vae-mnist-2d",
            model="mlp-vae",
            dataset="mnist",
            summary="Handwritten digits on a plane of two latents",
            parameters=955_188,
            license="apache-2.0",
            sha256={
                "config.json": "e79395712c4db58c0775f6d9d8441c596b0e7fc2bfa217e8b7b3fe7bcc667a5b",
                "model.safetensors": "b3ff03bc4f92f6a45948b838383857324c8078b73653a70cabffa89ca413414a",
            },
            bundled=bundled(__file__, "vae-mnist-2d"),
        ),
    ]
