"""How losses and metrics went, drawn over the epochs."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from zoo.checkpoints import named_losses
from zoo.common.errors import MissingDependencyError, OutputError
from zoo.sampling import save_picture

# panels in a row
CURVE_COLUMNS = 3
# of what each entry of a history holds: label, style, colour
CURVES = {
    "losses": ("training", "-", "#1f5f8b"),
    "held_out": ("held out", "--", "#c2571a"),
    "watched": ("samples", "-", "#3b7d4f"),
}


def write(
    directory: Path, made: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Write the curves to `images/losses.png` of a checkpoint, whole or not at all.

    **Arguments:**
    - `directory`: of the checkpoint.
    - `made`: how the model was made, kept in the PNG.
    - `history`: of each epoch, as `loss_curves` takes it.

    **Returns:** the name of the file; none without matplotlib, or without numbers to draw.
    """
    try:
        curves = loss_curves(history)
    except (MissingDependencyError, OutputError):
        return []
    record = {**made, "picture": "losses"}
    # a drawing of numbers: no model made its pixels
    save_picture(curves, directory / "images" / "losses.png", record, generated=False)
    return ["losses.png"]


def loss_curves(history: Sequence[Mapping[str, Any]]) -> Image.Image:
    """How the losses and metrics went: a panel each, over the epochs.

    A panel is as high as its values after the first tenth of ten epochs and more: the first may lie
    far above.

    **Arguments:**
    - `history`: as in facts.json, an entry an epoch: `{"epoch": 1, "losses": {name: value}}`.
        Values by name under "held_out", the losses of data that is not trained on, are drawn dashed
        in the panel of the same name; those under "watched", what the samples show, in panels of
        their own.

    **Raises:** `MissingDependencyError` when matplotlib, the extra `plots`, is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise MissingDependencyError(
            "Curves are drawn by matplotlib, which is not here: pip install 'genzoo[plots]'",
            name="matplotlib",
        ) from error
    history = [
        {**entry, **{kind: _finite(entry.get(kind, {})) for kind in CURVES}}
        for entry in named_losses(history)
    ]
    names = list(
        dict.fromkeys(name for kind in CURVES for entry in history for name in entry[kind])
    )
    if not names:
        raise OutputError("There are no numbers to draw curves of.")
    columns = 2 if len(names) == 4 else min(CURVE_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(2.6 * columns, 2 * rows + 0.3), dpi=100, layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for position, (axes, name) in enumerate(zip(panels, names, strict=False)):
        settled: list[float] = []
        for kind, (label, style, colour) in CURVES.items():
            points = [
                (entry["epoch"], entry[kind][name]) for entry in history if name in entry[kind]
            ]
            if points:
                marker = "" if len(points) > 1 else "o"
                axes.plot(
                    *zip(*points, strict=True), style, color=colour, marker=marker, label=label
                )
                axes.set_title(f"{points[-1][1]:.4g}", loc="right", fontsize=9, color=colour)
                settled += [value for _, value in points[len(points) // 10 :]]
        if (room := max(settled) - min(settled)) > 0:
            axes.set_ylim(min(settled) - 0.05 * room, max(settled) + 0.05 * room)
        axes.set_title(name, loc="left", fontsize=9, fontweight="bold")
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(labelsize=8, length=0)
        axes.grid(color="0.9")
        axes.spines[:].set_visible(False)
        if position + columns >= len(names):
            axes.set_xlabel("epoch", fontsize=8)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    if both := next((axes for axes in panels if len(axes.lines) > 1), None):
        figure.legend(
            *both.get_legend_handles_labels(),
            loc="outside upper right",
            ncols=2,
            fontsize=8,
            frameon=False,
        )
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    # colours: half of the bytes
    return Image.open(drawn, formats=("PNG",)).convert("RGB").quantize(32)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
