"""Checks of what a model draws."""

import copy
import random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.models import GenerativeModel, can_train
from zoo.sampling import BLOCK, draw, kind_of
from zoo.testing.subject import Shortfall, require, some_labels
from zoo.testing.training import train

# what keeps samples of a kind in its range
SQUASHED = {"image": "sigmoid() or clamp(0, 1)", "audio": "tanh() or clamp(-1, 1)"}
LENT = "take every random number from the generator that sample() is given, or from prior()"


def check_samples(model: GenerativeModel[Any]) -> None:
    """Its samples have the right shape, type and range, whether one is drawn or many.

    They are float32, finite and on the model's device; images are in [0, 1], audio in [-1, 1]. Text
    is int64, and stands for strings.
    """
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        there = model if device == "cpu" else copy.deepcopy(model).to(device)
        for n in (1, BLOCK + 3):
            labels = some_labels(there, n)
            with torch.no_grad():
                samples = there.sample(
                    n,
                    None if labels is None else labels.to(device),
                    generator=torch.Generator().manual_seed(0),
                )
            kind = type(samples).__name__
            require(
                isinstance(samples, Tensor), f"sample() returns {kind}: it must return a tensor"
            )
            where = samples.device.type
            require(
                where == device,
                f"its samples are on {where}, the model on {device}: make tensors with device=",
            )
            whole = kind_of(model).is_whole
            require(
                samples.dtype == (torch.int64 if whole else torch.float32),
                f"its samples are {samples.dtype}: return {'.long()' if whole else '.float()'}",
            )
            _require_samples(model, samples, n)
    _require_samples(model, draw(model, BLOCK + 3, seed=0, batch_size=BLOCK), BLOCK + 3)
    if model.Options:
        _require_samples(model, draw(model, 1, seed=0, options=model.Options()), 1)


def check_noise(model: GenerativeModel[Any]) -> None:
    """Sample i is the same whatever the batch size and the start, and another seed gives others."""
    whole = draw(model, BLOCK + 8, seed=3)
    for what, some in (
        ("batch size", draw(model, BLOCK + 8, seed=3, batch_size=5)),
        ("start", torch.cat([draw(model, 3, seed=3), draw(model, BLOCK + 5, seed=3, start=3)])),
    ):
        require(
            torch.allclose(whole, some, atol=1e-5),
            f"its samples depend on the {what}: {LENT}, and let no sample depend on the others of "
            "its batch",
        )
    if torch.equal(whole, draw(model, BLOCK + 8, seed=4)):
        # a network whose last weights begin at 0 gives the same for whatever noise
        if can_train(model):
            train(model, 10)
        first, second = (draw(model.eval(), 4, seed=seed) for seed in (3, 4))
        require(not torch.equal(first, second), f"its samples are the same for every seed: {LENT}")


@torch.random.fork_rng(devices=())
def check_global_generator(model: GenerativeModel[Any]) -> None:
    """Sampling neither uses nor changes the global generators of torch, numpy and Python."""
    before = _global_states()
    first = draw(model, 2, seed=0)
    after = _global_states()
    changed = [name for name in before if before[name] != after[name]]
    require(not changed, f"sampling changes the global generator of {', '.join(changed)}: {LENT}")
    torch.rand(1)
    again = draw(model, 2, seed=0)
    require(
        torch.equal(first, again),
        f"its samples depend on torch's global generator, or on what was drawn: {LENT}",
    )


def check_side_effects(model: GenerativeModel[Any]) -> None:
    """Sampling twice gives the same, and leaves weights, modes and labels as they were."""
    labels = some_labels(model, 4)
    given = None if labels is None else labels.clone()
    before, modes = {key: one.clone() for key, one in model.state_dict().items()}, _modes(model)
    first = draw(model, 4, seed=0, labels=labels)
    changed = [
        key
        for key, one in model.state_dict().items()
        if key not in before or not torch.equal(one, before[key])
    ]
    require(
        not changed,
        f"sampling changes {changed[0] if changed else ''!r}: change weights and buffers while "
        "training alone",
    )
    require(
        _modes(model) == modes,
        "sampling changes the train flag: leave train() and eval() to the caller",
    )
    # draw() hands the model a copy of the labels
    with torch.no_grad():
        model.sample(4, labels, generator=torch.Generator().manual_seed(0))
    kept = given is None or labels is None or torch.equal(labels, given)
    require(kept, "sampling changes the labels that it is given: work on a copy")
    again = draw(model, 4, seed=0, labels=given)
    require(
        torch.equal(first, again),
        f"drawn twice with one seed, its samples differ: {LENT}, and keep no state",
    )


def check_bf16(model: GenerativeModel[Any]) -> None:
    """Computed in bfloat16, its samples stay finite.

    That is under autocast and with channels-last convolutions.
    """
    try:
        samples = draw(model, 4, seed=0, precision="bf16")
    except RuntimeError as error:
        raise Shortfall(
            f"drawn in bfloat16 it fails: {error}. Use flatten() or reshape() for view(), and "
            ".float()"
        ) from error
    finite = bool(samples.isfinite().all())
    require(
        finite,
        "drawn in bfloat16 its samples are not finite: take logarithms, divide and sum in .float()",
    )


def _require_samples(model: GenerativeModel[Any], samples: Tensor, n: int) -> None:
    shape, said = tuple(samples.shape), (n, *model.config.sample_shape)
    require(
        shape == said, f"asked for {n}, it draws samples of shape {shape}: its config says {said}"
    )
    require(
        bool(samples.isfinite().all()),
        "its samples are not finite: look for a division by 0, or a log of it",
    )
    kind = kind_of(model)
    if kind.least is not None and kind.greatest is not None:
        least, greatest = float(samples.min()), float(samples.max())
        require(
            least >= kind.least and greatest <= kind.greatest,
            f"its {kind.noun}s reach from {least:.3g} to {greatest:.3g}: end in "
            f'{SQUASHED[kind.name]}, or say sample_kind = "array"',
        )
    if kind.name == "text":
        _require_texts(model, samples)
    if kind.name == "audio":
        require(
            isinstance(getattr(model.config, "sample_rate", None), int),
            "its Config has no sample_rate: derive it from zoo.models.AudioConfig",
        )


def _require_texts(model: GenerativeModel[Any], samples: Tensor) -> None:
    try:
        texts = model.render(samples)
    except Exception as error:
        raise Shortfall(
            f"its samples can't be made text: {type(error).__name__}: {error}. Derive its Config "
            "from zoo.models.TextConfig, and draw places in config.alphabet from 0 on"
        ) from error
    require(
        isinstance(texts, list)
        and len(texts) == len(samples)
        and all(isinstance(text, str) for text in texts),
        "render() does not return a list with a string for each sample",
    )


def _global_states() -> dict[str, bytes]:
    numpys: Any = np.random.get_state()
    return {
        "torch": torch.random.get_rng_state().numpy().tobytes(),
        "numpy": repr((numpys[1].tolist(), *numpys[2:])).encode(),
        "Python": repr(random.getstate()).encode(),
    }


def _modes(model: GenerativeModel[Any]) -> list[bool]:
    return [module.training for module in model.modules()]
