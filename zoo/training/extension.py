"""An extension: a finished training that goes on for more epochs."""

import logging
from typing import TYPE_CHECKING

from zoo.checkpoints import Folder, named_losses
from zoo.common.errors import ConfigError, counted
from zoo.optim import join
from zoo.training import parent

if TYPE_CHECKING:
    from zoo.training.session import Session

logger = logging.getLogger("zoo")


def extend(session: "Session", folder: Folder) -> None:
    """Have a finished training go on: from its last state, or from its checkpoint's weights.

    **Arguments:**
    - `session`: of the training, for its new number of epochs.
    - `folder`: the checkpoint that it made.

    **Raises:** `ConfigError` when it has had as many epochs."""
    run, state = session.run, session.state
    steps = session.plan.steps
    if session.is_first:
        run.bring_back_state()
    join().wait_for_everyone()
    kept = run.has_state
    if kept:
        session.take_up()
    else:
        parent.take(state.model, folder)
        state.prepare(session.plan.recipe)
        state.first_steps = dict.fromkeys(state.optimizers, 0)
        session.history = run.history() or named_losses(folder.facts.get("history", []))
        session.seconds = float(folder.facts.get("seconds", 0.0))
        session.went_on = [dict(one) for one in folder.facts.get("went_on", ())]
        state.step = steps * int(session.history[-1]["epoch"] if session.history else 0)
    epochs = state.step // steps
    if epochs >= session.plan.recipe.epochs:
        raise ConfigError(
            f"{session.plan.request.name} has been trained for {counted(epochs, 'epoch')}: give "
            f"--epochs more than {epochs}."
        )
    session.went_on.append(
        {"epoch": epochs, "sha256": folder.sha256, "optimizer": "kept" if kept else "new"}
    )
    if not session.is_first:
        return
    if not kept:
        logger.warning(
            "The state of this training was not kept (--save-state keeps it), so its optimizer "
            "starts anew, from the weights of the checkpoint."
        )
    session.keep()
    run.reopen({**session.plan.request.record(), "exact": session.plan.exact})
