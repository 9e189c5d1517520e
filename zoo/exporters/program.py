"""A method of a model, captured with its inputs by name and a free batch."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.overrides import TorchFunctionMode

from zoo.common.errors import CapabilityError
from zoo.models import GenerativeModel, LatentModel
from zoo.models.capture import METHODS, unvalidated
from zoo.sampling import latents

# rows of the batch that a program is captured by; 0 and 1 would be taken for constants
ROWS = 3
# of the numbers that a program is captured by and compared with
SEED = 0
# what draws random numbers and can be turned into an input
NORMAL = (torch.randn, torch.randn_like)


@dataclass(frozen=True)
class Program:
    """What is exported: the captured program, and the model that it is held to.

    **Arguments:**
    - `exported`: the program; n is free.
    - `inputs`: the shapes of one row of each input, by name, "labels" last where there are classes.
    - `output`: the name of its output: "samples" or "latents".
    - `model`: the model.
    - `what`: "decode", "encode" or "sample".
    - `call`: the same in torch.
    """

    exported: ExportedProgram
    inputs: Mapping[str, tuple[int, ...]]
    output: str
    model: GenerativeModel[Any]
    what: str
    call: Callable[..., Tensor]

    def examples(self, n: int) -> list[Tensor]:
        """Numbers for each input, for a batch of n."""
        return _examples(self.model, self.what, self.inputs, n)

    def shapes(self) -> dict[str, Any]:
        """The shapes of one latent and of one sample, as JSON values."""
        latent = getattr(self.model, "latent_shape", None)
        return {
            "inputs": {name: list(shape) for name, shape in self.inputs.items()},
            "latent_shape": None if latent is None else list(latent),
            "sample_shape": list(self.model.config.sample_shape),
        }


class _Holder(nn.Module):
    """A function of a model, with the model's tensors as its own: in float16 if asked for, and
    those alone that are used.

    **Arguments:**
    - `model`: whose tensors are held.
    - `call`: gets the model and the inputs.
    - `half`: whether to hold float32 tensors as float16, but for vectors.
    - `names`: of the tensors to hold; all unless given.
    """

    def __init__(
        self,
        model: nn.Module,
        call: Callable[..., Tensor],
        half: bool,
        names: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        # in a list, so that the model's own tensors are not held as well
        self._inner = [_Called(model, call)]
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        self.held = {name: name.replace(".", "__") for name in names or tensors}
        for name, own in self.held.items():
            tensor = tensors[name].detach()
            # biases and the parts of a norm are few, and rounding them changes whole maps
            small = half and tensor.dtype == torch.float32 and tensor.dim() > 1
            self.register_buffer(own, tensor.half() if small else tensor)

    def forward(self, *inputs: Tensor) -> Tensor:
        tensors = {}
        for name, own in self.held.items():
            tensor = getattr(self, own)
            tensors[f"model.{name}"] = tensor.float() if tensor.dtype == torch.float16 else tensor
        result: Tensor = torch.func.functional_call(self._inner[0], tensors, inputs)
        return result


class _Called(nn.Module):
    """A function of a model as a module."""

    def __init__(self, model: nn.Module, call: Callable[..., Tensor]) -> None:
        super().__init__()
        self.model, self.call = model, call

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.call(self.model, *inputs)


class _NoiseIsGiven(TorchFunctionMode):
    """In this block, normal random numbers are not drawn but taken from tensors, in their order.

    **Arguments:**
    - `given`: the tensors; None to draw, and to note the shapes.
    """

    def __init__(self, given: Sequence[Tensor] | None = None) -> None:
        super().__init__()
        self.given = None if given is None else list(given)
        self.shapes: list[tuple[int, ...]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in NORMAL:
            return func(*args, **kwargs)
        if self.given is not None:
            return self.given.pop(0)
        drawn = func(*args, **kwargs)
        self.shapes.append(tuple(drawn.shape))
        return drawn


def capture(model: GenerativeModel[Any], what: str, precision: str, reference: str) -> Program:
    """Capture a method of a model.

    **Arguments:**
    - `model`: in eval mode, on the CPU.
    - `what`: "decode", "encode" or "sample".
    - `precision`: "float32", or "float16" for weights in half the bytes.
    - `reference`: of the checkpoint, for messages.

    **Raises:** `CapabilityError` where torch can't capture it."""
    call, inputs = _method(model, what, reference)
    if model.config.num_classes:
        inputs = {**inputs, "labels": ()}
    examples = tuple(_examples(model, what, inputs, ROWS))
    half = precision == "float16"
    try:
        with hushed(), torch.no_grad(), unvalidated():
            whole = _exported(_Holder(model, call, half), examples)
            used = _used(whole)
            exported = _exported(_Holder(model, call, half, used), examples) if used else whole
    # torch.export has dozens of errors for what it can't capture
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise CapabilityError(
            f"{reference} is a {type(model).__name__} whose {what}() can't be captured by "
            f"torch.export with a free batch: {type(error).__name__}: {said} `zoo check` says "
            "what to change in the model."
        ) from error
    output = "latents" if what == "encode" else "samples"

    def in_torch(*given: Tensor) -> Tensor:
        with torch.no_grad():
            return call(model, *given)

    return Program(exported, inputs, output, model, what, in_torch)


def _method(
    model: GenerativeModel[Any], what: str, reference: str
) -> tuple[Callable[..., Tensor], dict[str, tuple[int, ...]]]:
    """A function of the model and its inputs, and the shapes of one row of these, but of labels."""
    if what == "encode":
        return _with_labels(METHODS["encode"]), {"samples": tuple(model.config.sample_shape)}
    if what == "decode":
        assert isinstance(model, LatentModel)
        return _with_labels(METHODS["decode"]), {"latents": tuple(model.latent_shape)}
    shapes = _noise(model, reference)
    several = len(shapes) > 1
    names = [f"noise_{index}" if several else "noise" for index in range(len(shapes))]

    def sample(chosen: Any, *given: Tensor) -> Tensor:
        noise, labels = given[: len(shapes)], given[len(shapes) :]
        with _NoiseIsGiven(noise):
            result: Tensor = chosen.sample(
                given[0].shape[0], labels[0] if labels else None, generator=torch.Generator()
            )
        return result

    return sample, dict(zip(names, shapes, strict=True))


def _with_labels(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda model, x, labels=None: method(model, x, labels)


def _noise(model: GenerativeModel[Any], reference: str) -> list[tuple[int, ...]]:
    """The shapes of one row of the noise that sample() draws, in its order.

    **Raises:** `CapabilityError` where it draws something else than normal numbers for each row.
    """
    labels = torch.zeros(ROWS, dtype=torch.int64) if model.config.num_classes else None
    generator = torch.Generator().manual_seed(SEED)
    with _NoiseIsGiven() as seen, torch.no_grad():
        drawn = model.sample(ROWS, labels, generator=generator)
    shapes = seen.shapes
    if shapes and all(shape[:1] == (ROWS,) for shape in shapes):
        noise = [torch.zeros(shape) for shape in shapes]
        with _NoiseIsGiven(noise), torch.no_grad():
            first = model.sample(ROWS, labels, generator=torch.Generator().manual_seed(1))
        with _NoiseIsGiven(noise), torch.no_grad():
            again = model.sample(ROWS, labels, generator=torch.Generator().manual_seed(2))
        if torch.equal(first, again) and first.shape == drawn.shape:
            return [shape[1:] for shape in shapes]
    raise CapabilityError(
        f"{reference} is a {type(model).__name__}, whose sample() draws other random numbers than "
        "normal ones for each sample, so they can't be inputs"
        + (": export decode instead." if isinstance(model, LatentModel) else ".")
    )


def _examples(
    model: GenerativeModel[Any], what: str, inputs: Mapping[str, tuple[int, ...]], n: int
) -> list[Tensor]:
    generator = torch.Generator().manual_seed(SEED)
    classes = model.config.num_classes
    labels = torch.arange(n) % classes if classes else None
    found: list[Tensor] = []
    for name, shape in inputs.items():
        if name == "labels":
            assert labels is not None
            found.append(labels)
        elif what == "decode" and isinstance(model, LatentModel):
            found.append(model.placed(latents(model, n, seed=SEED, labels=labels)))
        elif what == "encode":
            found.append(torch.rand(n, *shape, generator=generator))
        else:
            found.append(torch.randn(n, *shape, generator=generator))
    return found


def _exported(module: nn.Module, examples: tuple[Tensor, ...]) -> ExportedProgram:
    batch = Dim("n")
    return torch.export.export(
        module.eval(), examples, dynamic_shapes=(tuple({0: batch} for _ in examples),)
    )


def _used(program: ExportedProgram) -> list[str]:
    """The names of the tensors that a program uses, as the model has them."""
    targets = program.graph_signature.inputs_to_buffers
    names = []
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in targets and node.users:
            names.append(targets[node.name].replace("__", "."))
    return names


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keep back what torch says on its way: what matters is said in an error."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
