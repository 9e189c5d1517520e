"""Offers a normalising flow with a checkpoint of it, and a flow that is trained by matching."""

from collections.abc import Iterable

from zoo import Checkpoint, ModelSpec, bundled, hookimpl


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """A flow of autoregressive transformers, and a flow along learned velocities."""
    return [
        ModelSpec(
            name="flow",
            entry_point="zoo_flow.flow:Flow",
            summary="Normalising flow of autoregressive transformers",
            capabilities=("sample",),
            reference="https://arxiv.org/abs/2412.06329",
        ),
        ModelSpec(
            name="flow-matching",
            entry_point="zoo_flow.matching:FlowMatching",
            summary="Flow from noise to images, trained by flow matching",
            capabilities=("sample",),
            reference="https://arxiv.org/abs/2210.02747",
        ),
    ]


@hookimpl
def zoo_checkpoints() -> Iterable[Checkpoint]:
    """The flow trained on MNIST; its weights come with this package."""
    return [
        Checkpoint(
            name="flow-mnist",
            model="flow",
            dataset="mnist",
            summary="Handwritten digits, with an exact density",
            parameters=376_676,
            license="apache-2.0",
            sha256={
                "config.json": "a85145da18c55115220aec467347b39a3328a5625b932a79b2d462ddc0f7e69e",
                "model.safetensors": "8a425e3042f396f5cf8e736dadef2c3488d554da0b3d5195e10afeaedff8c655",  # noqa: E501
            },
            bundled=bundled(__file__, "flow-mnist"),
        )
    ]
