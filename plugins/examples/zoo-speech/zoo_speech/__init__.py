"""Offers a VAE of spoken words, digits to train it on, and a checkpoint of them."""

from collections.abc import Iterable

from zoo import Checkpoint, DatasetSpec, ModelSpec, bundled, hookimpl

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """A VAE of spectrograms."""
    return [
        ModelSpec(
            name="speech-vae",
            entry_point="zoo_speech.vae:SpeechVAE",
            summary="VAE of spectrograms that draws sound",
            capabilities=("sample", "decode"),
            reference="https://arxiv.org/abs/1312.6114",
            kind="audio",
            dataset="spoken-digits",
        )
    ]


@hookimpl
def zoo_datasets() -> Iterable[DatasetSpec]:
    """Spoken digits."""
    return [
        DatasetSpec(
            name="spoken-digits",
            entry_point="zoo_speech.digits:load",
            sample_shape=(1, 6080),
            class_names=DIGITS,
            dtype="float32",
            lengths=True,
            metadata={"sample_rate": 8000},
            license="cc-by-sa-4.0",
            citation="Zohar Jackson et al., Free Spoken Digit Dataset, at 26eb9aaf: 3,000 takes "
            "by 6 speakers.",
            homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
        )
    ]


@hookimpl
def zoo_checkpoints() -> Iterable[Checkpoint]:
    """The checkpoint that this plugin brings along."""
    return [
        Checkpoint(
            name="speech-vae-digits",
            model="speech-vae",
            dataset="spoken-digits",
            summary="Spoken digits",
            parameters=598_912,
            num_classes=10,
            license="cc-by-sa-4.0",
            sha256={
                "config.json": "c321a2e7e3f29ba403eacc0834065b7fa4fdaf1ff30ed560616a95c19fccd91c",
                "model.safetensors": "6e4d8aed7b9ef5d156f2e55e16c75452f5ddf7b67569182148f0f7bc82b074a9",  # noqa: E501
            },
            bundled=bundled(__file__, "speech-vae-digits"),
        )
    ]
