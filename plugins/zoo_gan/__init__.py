"""Offers generative adversarial networks (GANs) and checkpoints of them.

Read `gan` first (the training), then `objectives` and `spectral` (the losses and the penalties),
then `mlp`, `dcgan` and `resnet` (the networks).
"""

from collections.abc import Iterable

from zoo import Checkpoint, ImporterSpec, ModelSpec, Suit, bundled, hookimpl


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """GANs: of fully connected layers, a DCGAN, one that repeats pixels, of residual networks."""
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
            suits=(
                # of 1,000 digits, a fourth of this rate leaves four times the distance
                Suit(
                    why="sharp samples of few grey images, by differentiable augmentation",
                    channels=(1,),
                    fewest=200,
                    most=19_999,
                    steps=8_000,
                    settings=(
                        "diff_augment=color,translation,cutout",
                        "width=32",
                        "batch_size=64",
                        "learning_rate=1.2e-3",
                        "schedule=cosine",
                        "precision=bf16",
                    ),
                ),
                Suit(
                    why="sharp samples of many images",
                    fewest=20_000,
                    steps=12_000,
                    settings=(
                        "width=32",
                        "batch_size=64",
                        "learning_rate=4e-4",
                        "schedule=cosine",
                        "precision=bf16",
                    ),
                ),
            ),
        ),
        ModelSpec(
            name="upsample-gan",
            entry_point="zoo_gan.upsample:UpsampleGAN",
            summary="Generative adversarial network that repeats pixels and convolves",
            capabilities=("sample", "decode"),
            reference="https://distill.pub/2016/deconv-checkerboard",
        ),
        ModelSpec(
            name="resnet-gan",
            entry_point="zoo_gan.resnet:ResNetGAN",
            summary="Generative adversarial network of residual convolutions",
            capabilities=("sample", "decode"),
            reference="https://arxiv.org/abs/2501.05441",
            suits=(
                # of 3,200 tiles a dcgan draws specks on a checkerboard after as many steps
                Suit(
                    why="clean samples of few colour images, by differentiable augmentation",
                    channels=(3,),
                    edges=(16, 64),
                    fewest=200,
                    most=19_999,
                    steps=6_000,
                    settings=(
                        "diff_augment=color,translation,cutout",
                        "channels=32,64,64,64",
                        "batch_norm=true",
                        "objective=hinge",
                        "spectral_norm=true",
                        "r1=0",
                        "r2=0",
                        "batch_size=64",
                    ),
                ),
            ),
        ),
    ]


@hookimpl
def zoo_importers() -> Iterable[ImporterSpec]:
    """DCGANs of pytorch/examples, and the GANs of PyTorch-GAN."""
    return [
        ImporterSpec(
            name="dcgan",
            entry_point="zoo_gan.importers:dcgan",
            model="dcgan",
            summary="DCGAN of pytorch/examples and its copies",
        ),
        ImporterSpec(
            name="pytorch-gan",
            entry_point="zoo_gan.importers:pytorch_gan",
            model="mlp-gan",
            summary="gan.py of PyTorch-GAN",
        ),
        ImporterSpec(
            name="pytorch-gan-dcgan",
            entry_point="zoo_gan.importers:pytorch_gan_dcgan",
            model="upsample-gan",
            summary="dcgan.py of PyTorch-GAN",
        ),
    ]


@hookimpl
def zoo_checkpoints() -> Iterable[Checkpoint]:
    """GANs trained on digits, clothes, tiles of a game and photographs."""
    return [
        Checkpoint(
            name="gan-mnist",
            model="mlp-gan",
            dataset="mnist",
            summary="Handwritten digits, sharp, with some noise",
            parameters=824_848,
            license="apache-2.0",
            sha256={
                "config.json": "c729ae116dc2d0053cba50d372eb768f0335d431fd279c9c4b8135a123123b49",
                "model.safetensors": "9c80b1e7c424e227b5dc21b111f53dd7a461224e1d23c131835ba5b97e8ef07c",  # noqa: E501
            },
            bundled=bundled(__file__, "gan-mnist"),
        ),
        Checkpoint(
            name="dcgan-mnist",
            model="dcgan",
            dataset="mnist",
            summary="Handwritten digits, sharp and clean",
            parameters=841_793,
            license="apache-2.0",
            sha256={
                "config.json": "1e0f2ca2a3ad425e9edc02ed6a46754c83d344c8b512318446cf1f36bd75cd54",
                "model.safetensors": "eafddbde1ffdbe78d406097948b6306082f4576c9595beca99c4e6d0405ee5aa",  # noqa: E501
            },
            bundled=bundled(__file__, "dcgan-mnist"),
        ),
        Checkpoint(
            name="cdcgan-mnist",
            model="dcgan",
            dataset="mnist",
            summary="Handwritten digits of the class you ask for, sharp",
            parameters=882_753,
            num_classes=10,
            license="apache-2.0",
            sha256={
                "config.json": "57db7a4734b21cec870b81b449882ddbca76e8c7a70838ad430408b4c7b5a5b5",
                "model.safetensors": "a66bf229ebcdf01653598fcaa19ae0d198b393fdf4d15b971245577f55a38ce7",  # noqa: E501
            },
            bundled=bundled(__file__, "cdcgan-mnist"),
        ),
        Checkpoint(
            name="cdcgan-fashion-mnist",
            model="dcgan",
            dataset="fashion-mnist",
            summary="Clothes of the class you ask for, sharp",
            parameters=334_881,
            num_classes=10,
            license="apache-2.0",
            sha256={
                "config.json": "c111efed421422ae15cffcdfbd6bbe4b772e1754e12a97f8ad61effe02ec42c7",
                "model.safetensors": "1c1044dece4235b5ba5199121dc1e109d46d90eec19f658bce61fe5ac68b8bd9",  # noqa: E501
            },
            bundled=bundled(__file__, "cdcgan-fashion-mnist"),
        ),
        Checkpoint(
            name="gan-tiles",
            model="resnet-gan",
            dataset="dungeon-tiles",
            summary="Walls, things and monsters of a dungeon, in colour",
            parameters=358_627,
            num_classes=3,
            license="apache-2.0",
            sha256={
                "config.json": "3130f05137232df95cb6b56db93d5c4699f8f7cd6e3ef4ab022ba96f5de4cd3f",
                "model.safetensors": "47dcd0f48e31b4db7568e313e9be9980f624ac6333762f6de3c533abe1240dc3",  # noqa: E501
            },
            bundled=bundled(__file__, "gan-tiles"),
        ),
        Checkpoint(
            name="gan-cifar10",
            model="dcgan",
            dataset="cifar10",
            summary="Small photographs of the class you ask for, in colour",
            parameters=1_114_179,
            num_classes=10,
            license="apache-2.0",
            sha256={
                "config.json": "685dde6d28adec0f9586f7a8451910ebea14274d07bed68ff5dd9f06e4bd8984",
                "model.safetensors": "57a9effc63756095fb6f66ecc01297f1ac5f581b1def39b69455eeb96d35dffa",  # noqa: E501
            },
            bundled=bundled(__file__, "gan-cifar10"),
        ),
    ]
