"""Offers a VAE of short texts, first names to train it on, and a checkpoint of them."""

from collections.abc import Iterable

from zoo import Checkpoint, DatasetSpec, ModelSpec, bundled, hookimpl

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """A recurrent VAE."""
    return [
        ModelSpec(
            name="text-vae",
            entry_point="zoo_names.vae:TextVAE",
            summary="Recurrent VAE of short texts",
            capabilities=("sample", "decode", "encode"),
            reference="https://arxiv.org/abs/1511.06349",
            kind="text",
            dataset="names",
        )
    ]


@hookimpl
def zoo_datasets() -> Iterable[DatasetSpec]:
    """First names, by their first letter."""
    return [
        DatasetSpec(
            name="names",
            entry_point="zoo_names.names:load",
            sample_shape=(16,),
            class_names=tuple(ALPHABET),
            dtype="int64",
            metadata={"alphabet": ALPHABET},
            license="mit",
            citation="First names given in the USA, collected by the Social Security "
            "Administration; the list is from karpathy/makemore at 988aa59e.",
            homepage="https://github.com/karpathy/makemore",
        )
    ]


@hookimpl
def zoo_checkpoints() -> Iterable[Checkpoint]:
    """The checkpoint that this plugin brings along."""
    return [
        Checkpoint(
            name="text-vae-names",
            model="text-vae",
            dataset="names",
            summary="First names, by their first letter",
            parameters=540_379,
            num_classes=26,
            license="apache-2.0",
            sha256={
                "config.json": "225e4438fae02be615fd203b25b880cf71a6d93f5fc90667d94aa8daf86154c9",
                "model.safetensors": "de3ef68013f78cdd10af4203d962bbfd440c32639e04fd56d40ef44d1a876d04",  # noqa: E501
            },
            bundled=bundled(__file__, "text-vae-names"),
        )
    ]
