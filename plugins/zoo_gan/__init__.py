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
            parameters=759_873,
            license="apache-2.0",
            sha256={
                "config.json": "25c0cdabd76c0d430fb55245a163e71852f75b3c785c07bc9a7de358cd809f06",
                "model.safetensors": "3f7ff4fdedfec51f8e3119ea8923648833f43698e789f179aa42d687c466a365",
            },
            bundled=bundled(__file__, "dcgan-mnist"),
        ),
    ]
