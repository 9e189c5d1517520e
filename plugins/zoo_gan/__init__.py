"""Offers generative adversarial networks and checkpoints of them.

To read on: `gan` (the game), `objectives` and `spectral` (its rules), then `mlp` and `dcgan` (the networks).
"""

from collections.abc import Iterable

from zoo import Checkpoint, ModelSpec, bundled, hookimpl


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
    return [
        Checkpoint(
            name="gan-mnist",
            model="mlp-gan",
            dataset="mnist",
            summary="Handwritten digits, crisp, with specks",
            parameters=1_489_936,
            license="apache-2.0",
            sha256={
                "config.json": "698c734b086bc476ffc6d7f5261ca416f39b670d6c1a34d3350477c7df8d7ec6",
                "model.safetensors": "62a8b27e3948582db2e4049edc8c7e8f3984fed64d2560fbf66810c35678952c",
            },
            bundled=bundled(__file__, "gan-mnist"),
        ),
        Checkpoint(
            name="dcgan-mnist",
            model="dcgan",
            dataset="mnist",
            summary="Handwritten digits, crisp and clean",
            parameters=841_793,
            license="apache-2.0",
            sha256={
                "config.json": "1e0f2ca2a3ad425e9edc02ed6a46754c83d344c8b512318446cf1f36bd75cd54",
                "model.safetensors": "3840baba5e0d844cf706ba93b7ceebb46f7a7ddfe099fbe2426a54004e8be363",
            },
            bundled=bundled(__file__, "dcgan-mnist"),
        ),
        Checkpoint(
            name="cdcgan-mnist",
            model="dcgan",
            dataset="mnist",
            summary="Handwritten digits of the class you ask for, crisp",
            parameters=882_753,
            num_classes=10,
            license="apache-2.0",
            sha256={
                "config.json": "57db7a4734b21cec870b81b449882ddbca76e8c7a70838ad430408b4c7b5a5b5",
                "model.safetensors": "a66bf229ebcdf01653598fcaa19ae0d198b393fdf4d15b971245577f55a38ce7",
            },
            bundled=bundled(__file__, "cdcgan-mnist"),
        ),
    ]
