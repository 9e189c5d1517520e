"""Metrics that plugins offer, for samples of any kind."""

import math
from typing import Any

import torch
from torch import Tensor

from zoo.checkpoints import Evaluation
from zoo.common.errors import PluginError
from zoo.common.watching import Watch
from zoo.data import Dataset
from zoo.models import GenerativeModel
from zoo.registry import MetricSpec, installed
from zoo.sampling import kind_of, stream


def offered_for(model: GenerativeModel[Any]) -> list[MetricSpec]:
    """The metrics that plugins offer for the kind of a model's samples."""
    kind = kind_of(model).name
    return [spec for spec in installed().metrics.values() if kind in spec.kinds]


def measure(
    model: GenerativeModel[Any],
    data: Dataset,
    split: str,
    *,
    n: int,
    seed: int,
    options: Any,
    truncation: float | None,
    watch: Watch,
) -> list[Evaluation]:
    """What the metrics of plugins say of samples of a model.

    **Arguments:**
    - `model`: in eval mode.
    - `data`: what its samples are compared with, of the split "train" or "test".
    - `n`, `seed`, `options`, `truncation`: which samples are drawn.

    **Raises:** `PluginError` for a metric that fails, or gives no number."""
    specs = offered_for(model)
    if not specs:
        return []
    drawn = stream(model, n, seed=seed, options=options, truncation=truncation)
    samples = torch.cat([some for some, _ in watch(drawn, n, "Sampling")])
    reference = data.inputs(data.samples[:])
    found = []
    for spec in specs:
        value, error = _asked(spec, samples, reference)
        found.append(
            Evaluation(
                metric=spec.name,
                value=value,
                standard_error=error,
                unit=spec.unit,
                n=n,
                seed=seed,
                reference=data.name,
                split=split,
                reference_n=len(data),
                reference_sha256=data.sha256,
                version=spec.version,
            )
        )
    return found


def _asked(spec: MetricSpec, samples: Tensor, data: Tensor) -> tuple[float, float | None]:
    """The value and the standard error that a metric gives."""
    function = installed().metric(spec.name)
    try:
        value, error = function(samples, data)
        value, error = float(value), None if error is None else float(error)
    except Exception as problem:
        raise PluginError(
            f"The metric {spec.name!r} fails: {type(problem).__name__}: "
            f"{' '.join(str(problem).split())[:200]}. It must give a number and its standard "
            "error, or None for that. Tell its authors."
        ) from problem
    if not math.isfinite(value) or (error is not None and not 0 <= error < math.inf):
        raise PluginError(f"The metric {spec.name!r} gives {value} ± {error}: no finite number.")
    return value, error
