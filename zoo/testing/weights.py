"""Checks of what a model keeps: its state dict, and checkpoints of it."""

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.checkpoints import weights
from zoo.models import GenerativeModel
from zoo.sampling import draw
from zoo.testing.subject import Shortfall, require


@torch.random.fork_rng(devices=())
def check_meta(model: GenerativeModel[Any]) -> None:
    """It can be built on torch's meta device without spending a random number.

    So it is built to load a checkpoint.
    """
    before = torch.random.get_rng_state()
    try:
        with torch.device("meta"):
            on_meta = type(model)(model.config)
    except Exception as error:
        raise Shortfall(
            "it can't be built on torch's meta device, where checkpoints are loaded: "
            f"{_words(error)}. No .item(), "
            ".tolist() or NumPy in __init__"
        ) from error
    spent = not torch.equal(before, torch.random.get_rng_state())
    require(
        not spent,
        "built on the meta device it spends random numbers: make no tensor there with a device of "
        "its own",
    )
    there, here = on_meta.state_dict(), model.state_dict()
    other = [key for key in here.keys() | there.keys() if key not in here or key not in there]
    require(
        not other,
        f"built anew it has other tensors, {min(other, default='')!r} first: make all of them in "
        "__init__",
    )


def check_save_and_load(model: GenerativeModel[Any]) -> None:
    """Saved and loaded, it draws the same samples, to the bit."""
    before = draw(model, 5, seed=0)
    again = _saved_and_loaded(model, training_parts=True)
    require(
        torch.equal(before, draw(again, 5, seed=0)),
        "saved and loaded it draws other samples: keep what sampling needs in parameters and "
        "register_buffer()",
    )


def check_state_dict(model: GenerativeModel[Any]) -> None:
    """Its weights are loaded strictly, and sampling needs none that only training needs."""
    for part in model.training_only:
        found = isinstance(getattr(model, part, None), nn.Module)
        require(found, f"training_only names {part!r}: name submodules that the model has")
    state = model.state_dict()
    lacking = dict(list(state.items())[1:])
    for what, tensors in (
        ("lacks", lacking),
        ("adds", {**state, "no_such_tensor": torch.zeros(1)}),
    ):
        if state:
            require(
                _refuses(model, tensors),
                f"it loads weights of which one {what}: leave load_state_dict() alone",
            )
    if not model.training_only:
        return
    before = draw(model, 5, seed=0)
    lean = _saved_and_loaded(model, training_parts=False)
    try:
        same = torch.equal(before, draw(lean, 5, seed=0))
    except Exception as error:
        raise Shortfall(
            f"without {', '.join(model.training_only)} it can't sample: {_words(error)}. Correct "
            "training_only"
        ) from error
    require(
        same,
        f"without {', '.join(model.training_only)} it draws other samples: correct training_only",
    )


def _saved_and_loaded(model: GenerativeModel[Any], *, training_parts: bool) -> GenerativeModel[Any]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            weights.write_model(model, Path(folder), {})
            return weights.read_model(Path(folder), training_parts=training_parts)
        except Exception as error:
            reason = str(error).replace(f"{folder}/", "")
            raise Shortfall(
                f"saved, it can't be loaded: {type(error).__name__}: {reason}"
            ) from error


def _refuses(model: GenerativeModel[Any], tensors: dict[str, Tensor]) -> bool:
    try:
        model.load_state_dict(tensors)
    except RuntimeError:
        return True
    return False


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
