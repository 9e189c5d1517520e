"""Offers variational autoencoders (VAEs) and checkpoints of them.

Read `vae` first (the training), then `objectives` and `likelihoods` (the terms of the loss), then
`mlp` and `conv` (the networks).
"""

from collections.abc import Iterable

from zoo import Checkpoint, ImporterSpec, ModelSpec, Suit, bundled, hookimpl


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """A VAE of fully connected layers, and a convolutional VAE."""
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
            suits=(
                Suit(
                    why="smooth samples of very few images, which a GAN would copy",
                    most=199,
                    steps=3_000,
                    settings=("batch_size=32", "channels=16,32", "residual_blocks=1"),
                ),
            ),
        ),
        ModelSpec(
            name="ladder-vae",
            entry_point="zoo_vae.ladder:LadderVAE",
            summary="Variational autoencoder with latents at several resolutions",
            capabilities=("sample", "decode", "encode"),
            reference="https://arxiv.org/abs/1602.02282",
        ),
    ]


@hookimpl
def zoo_importers() -> Iterable[ImporterSpec]:
    """The VAE of pytorch/examples, and pythae's."""
    return [
        ImporterSpec(
            name="pytorch-vae",
            entry_point="zoo_vae.importers:pytorch_vae",
            model="mlp-vae",
            summary="VAE of pytorch/examples",
        ),
        ImporterSpec(
            name="pythae-vae",
            entry_point="zoo_vae.importers:pythae_vae",
            model="mlp-vae",
            summary="pythae's VAE with its default networks",
        ),
    ]


@hookimpl
def zoo_checkpoints() -> Iterable[Checkpoint]:
    """VAEs trained on MNIST and on Fashion-MNIST."""
    return [
        Checkpoint(
            name="vae-mnist",
            model="mlp-vae",
            dataset="mnist",
            summary="Handwritten digits, with a good likelihood",
            parameters=1_758_884,
            license="apache-2.0",
            sha256={
                "config.json": "6536800b7d8d13dc1c60569490bac4499ff8e898016a25336a077534e63502d7",
                "model.safetensors": "668fc01667c1e9d4bcb49e265945d9f147fd1bd6e9116852808ceb214a7634ac",  # noqa: E501
            },
            bundled=bundled(__file__, "vae-mnist"),
        ),
        Checkpoint(
            name="conv-vae-mnist",
            model="conv-vae",
            dataset="mnist",
            summary="Handwritten digits, smooth, with the best likelihood",
            parameters=1_861_057,
            license="apache-2.0",
            sha256={
                "config.json": "d667016f2ecb2846b40986a2b5c2ec5dbe03f10115d985688352d1810b8a3c33",
                "model.safetensors": "4abc9a643f6ff3e517b016875e02b775f82d129628414da4f7ed0002358cc27e",  # noqa: E501
            },
            bundled=bundled(__file__, "conv-vae-mnist"),
        ),
        Checkpoint(
            name="cvae-mnist",
            model="mlp-vae",
            dataset="mnist",
            summary="Handwritten digits of the class you ask for, smooth",
            parameters=975_208,
            num_classes=10,
            license="apache-2.0",
            sha256={
                "config.json": "4d65fc6aa7531bc97a05a70f90ee1fe559052a0ef9ab580efda6230dc3fc53b6",
                "model.safetensors": "b5b1078d39008e3183dc3dd53755b68887ecaa0c5135a0a34eb052158bfea541",  # noqa: E501
            },
            bundled=bundled(__file__, "cvae-mnist"),
        ),
        Checkpoint(
            name="vae-mnist-2d",
            model="mlp-vae",
            dataset="mnist",
            summary="Handwritten digits on a latent plane of two dimensions",
            parameters=955_188,
            license="apache-2.0",
            sha256={
                "config.json": "e79395712c4db58c0775f6d9d8441c596b0e7fc2bfa217e8b7b3fe7bcc667a5b",
                "model.safetensors": "b3ff03bc4f92f6a45948b838383857324c8078b73653a70cabffa89ca413414a",  # noqa: E501
            },
            bundled=bundled(__file__, "vae-mnist-2d"),
        ),
        Checkpoint(
            name="vae-fashion-mnist",
            model="conv-vae",
            dataset="fashion-mnist",
            summary="Clothes in 256 grey levels, with a likelihood in bits",
            parameters=1_066_439,
            license="apache-2.0",
            sha256={
                "config.json": "e403586d7d3dcd7df7a102d1e5c116f07e6fe7b91b4f19d8294e0a1eb3bf424d",
                "model.safetensors": "f12981dd8177da16a28764b50a56145aa5f17f60219cbd393322355c50c99cb7",  # noqa: E501
            },
            bundled=bundled(__file__, "vae-fashion-mnist"),
        ),
    ]
