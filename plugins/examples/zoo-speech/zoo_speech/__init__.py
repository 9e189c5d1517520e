"""Offers a VAE of spoken words, digits to train it on, and a checkpoint of them."""

from collections.abc import Iterable

from zoo import DatasetSpec, ModelSpec, hookimpl

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
