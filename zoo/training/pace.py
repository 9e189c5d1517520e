"""How many epochs fit into the minutes that someone has, judged from the first steps."""

import contextlib
import dataclasses
import logging
import math
import time
from typing import Any

import torch

from zoo.common import compute
from zoo.common.errors import ConfigError, counted
from zoo.models import GenerativeModel
from zoo.models.build import build
from zoo.optim import join
from zoo.sampling import draw, kind_of
from zoo.training.loop import fit
from zoo.training.session import GRID, Plan
from zoo.training.state import TrainingState

log = logging.getLogger("zoo")

# the trial: this part of the minutes, within these seconds
PART = 0.03
SHORTEST = 2.0
LONGEST = 30.0
# epochs of the trial's recipe: it ends long before
ENDLESS = 65_536


def in_minutes(plan: Plan, minutes: float, device: str, threads: int | None) -> Plan:
    """A training with as many epochs as end in about so many minutes on this machine, one at least.

    A model is trained for a few seconds and thrown away; its pace tells the epochs. They are
    recorded, so the command on the card gives the same training on any machine.

    **Arguments:**
    - `plan`: of the training.
    - `minutes`: from its first step to its last.
    - `device`, `threads`: where it will compute.

    **Raises:** `ConfigError` under several processes; what a training raises."""
    if join().num_processes > 1:
        raise ConfigError("minutes is for a training of one process: give epochs instead.")
    compute.use_threads(threads)
    seconds = _seconds_per_epoch(plan, minutes, device)
    # the nearest number: it is within a quarter of the minutes from 3 epochs on
    epochs = max(1, round(minutes * 60 / seconds))
    log.info(
        f"An epoch takes about {seconds:,.1f} s here: {counted(epochs, 'epoch')} in about "
        f"{epochs * seconds / 60:,.3g} minutes."
    )
    recipe = dataclasses.replace(plan.recipe, epochs=epochs)
    return dataclasses.replace(
        plan,
        recipe=recipe,
        request=dataclasses.replace(plan.request, epochs=epochs),
        exact={**plan.exact, "recipe": recipe.to_dict()},
    )


def _seconds_per_epoch(plan: Plan, minutes: float, device: str) -> float:
    """Seconds that the steps of an epoch take, and what is looked at when it ends."""
    limit = min(max(minutes * 60 * PART, SHORTEST), LONGEST)
    model: Any = build(plan.model_class, plan.config, plan.request.seed)
    model = model.to(compute.pick_device(device))
    recipe = dataclasses.replace(plan.recipe, epochs=ENDLESS)
    with torch.random.fork_rng(compute.gpus_of(model)):
        state = TrainingState(model, plan.request.seed)
        first = took = 0.0
        began = 0
        with contextlib.closing(fit(state, plan.data, recipe)) as reports:  # type: ignore[type-var]  # a generator
            for report in reports:
                now = time.perf_counter()
                if not first:  # what comes first takes longer
                    first, began = now, report.step
                elif (took := now - first) > limit:
                    break
        per_step = took / max(1, state.step - began)
        ended = time.perf_counter()
        if kind_of(model).is_picture:
            draw(state.averaged.eval(), GRID, seed=0)
        grid = time.perf_counter() - ended
        measured = _seconds_to_measure(plan, state.averaged) / plan.request.choice.period
    return max(plan.steps * per_step + grid + measured, math.ulp(1.0))


def _seconds_to_measure(plan: Plan, model: GenerativeModel[Any]) -> float:
    """Seconds that the metric takes which epochs are judged by; 0 without one."""
    meter = plan.meter(model)
    if meter is None:
        return 0.0
    # the first time it also takes the features of the training images
    meter(model)
    began = time.perf_counter()
    meter(model)
    return time.perf_counter() - began
