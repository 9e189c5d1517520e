"""Offers a normalising flow."""

from collections.abc import Iterable

from zoo import ModelSpec, hookimpl


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """A flow of autoregressive transformers."""
    return [
        ModelSpec(
            name="flow",
            entry_point="zoo_flow.flow:Flow",
            summary="Normalising flow of autoregressive transformers",
            capabilities=("sample",),
            reference="https://arxiv.org/abs/2412.06329",
        )
    ]
