"""Offers a model of one-dimensional signals, and a data set of signals."""

from collections.abc import Iterable

from zoo import DatasetSpec, ModelSpec, hookimpl


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """A model of causal convolutions."""
    return [
        ModelSpec(
            name="wave",
            entry_point="zoo_signals.wave:Wave",
            summary="Autoregressive model of signals, by causal convolutions",
            capabilities=("sample",),
            reference="https://arxiv.org/abs/1609.03499",
            kind="array",
        )
    ]


@hookimpl
def zoo_datasets() -> Iterable[DatasetSpec]:
    """Sums of sines."""
    return [
        DatasetSpec(
            name="sines",
            entry_point="zoo_signals.sines:load",
            sample_shape=(64,),
            class_names=("one", "two", "three"),
            license="cc0-1.0",
            citation="Drawn at random by zoo-signals.",
        )
    ]
