"""Offers a flow that is trained by matching, and a checkpoint of it."""

from collections.abc import Iterable

from zoo import Checkpoint, ModelSpec, bundled, hookimpl


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """A flow along learned velocities."""
    return [
        ModelSpec(
            name="flow-matching",
            entry_point="zoo_flow.matching:FlowMatching",
            summary="Flow from noise to images, trained by flow matching",
            capabilities=("sample",),
            reference="https://arxiv.org/abs/2210.02747",
        )
    ]


@hookimpl
def zoo_checkpoints() -> Iterable[Checkpoint]:
    """The flow trained on MNIST; its weights come with this package."""
    return [
        Checkpoint(
            name="flow-mnist",
            model="flow-matching",
            dataset="mnist",
            summary="Handwritten digits, by class, in as many steps as you like",
            parameters=1_022_724,
            num_classes=10,
            license="apache-2.0",
            sha256={
                "config.json": "b2f6a90d9b137e58ab2968ece97c9e185f026c12424d3c7b488a73be3dcb0524",
                "model.safetensors": "ed163a9b0aa9ea18b66285edb6e36f444831b3237a3c1e1829c957a2507fa325",  # noqa: E501
            },
            bundled=bundled(__file__, "flow-mnist"),
        )
    ]
