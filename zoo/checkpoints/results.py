"""Results of evaluations: how each number was measured, and what it compares with."""

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from zoo.common.config import Bounds, StrictConfig
from zoo.common.errors import CheckpointError, ConfigError, counted
from zoo.registry import installed

# Of an evaluation, unless told otherwise.
SAMPLES = 10_000
SEED = 0
# what a result calls the truncation of latents among its options
TRUNCATION = "truncation"
IMPORTANCE_SAMPLES = 500
FEWEST = 20  # samples that every metric can be taken of

Whole = Annotated[int, Bounds(0, 2**63 - 1)]

USEFULNESS = "usefulness"


class Metric(NamedTuple):
    """What is known of a metric.

    **Arguments:**
    - `title`: what people call it.
    - `unit`: of its value; empty for a distance or a share.
    - `better`: an arrow to where it is better; empty where it only tells something.
    - `version`: of its estimator. It rises when the same samples would give another value or
        another error. Numbers of two versions do not compare.

    Version 2 came with genzoo 0.2. Precision, recall, density and coverage are means over disjoint
    parts of the reference (before: one random part, whose choice moved them by more than the error
    that was stated). The kernel distance uses all of the reference (before: as many images as there
    were samples). The ELBO is a mean over 16 latents an image at least (before: one). All other
    metrics are what they were, so results of theirs from before stay valid.
    """

    title: str
    unit: str = ""
    better: str = ""
    version: int = 1


METRICS = {
    "frechet_distance": Metric("Fréchet distance", better="↓"),
    "kernel_distance": Metric("Kernel distance", better="↓", version=2),
    "precision": Metric("Precision", better="↑", version=2),
    "recall": Metric("Recall", better="↑", version=2),
    "density": Metric("Density", better="↑", version=2),
    "coverage": Metric("Coverage", better="↑", version=2),
    "classes_reached": Metric("Classes reached", "classes", "↑"),
    "class_kl": Metric("KL of the class histogram from uniform", "nats", "↓"),
    "confidence": Metric("Mean confidence of the classifier"),
    "label_accuracy": Metric("Samples that show the class asked for", better="↑"),
    "memorisation": Metric("Memorised samples", better="↓"),
    USEFULNESS: Metric("Classification accuracy score", better="↑"),
    "elbo": Metric("ELBO", "nats per image", "↑", version=2),
    "nll": Metric("Negative log-likelihood", "nats per image", "↓"),
    "bits_per_dimension": Metric("Bits per dimension", "bits", "↓"),
    "bits_per_character": Metric("Bits per character", "bits", "↓"),
    "effective_samples": Metric("Effective importance samples, median", better="↑"),
    "kl": Metric("KL of the posterior from the prior", "nats per image"),
    "active_units": Metric("Active latent dimensions", "dimensions"),
}

# metrics that depend on the number of importance samples
BOUNDED = (
    "nll",
    "bits_per_dimension",
    "bits_per_character",
    "effective_samples",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation(StrictConfig):
    """One number, and all that it depends on. Every instance is valid: `from_dict` may be given a
    stranger's JSON.

    **Arguments:**
    - `metric`: such as "frechet_distance"; `METRICS` says what each is.
    - `value`, `standard_error`: the number, and how far chance may have moved it where that is
        known.
    - `unit`: of both; empty for a distance or a share.
    - `n`: samples that were drawn, or, for a likelihood, images whose likelihood was taken.
    - `seed`: of the samples, or of the latents and the binarisation.
    - `reference`, `split`, `reference_n`, `reference_sha256`: the images it was measured against:
        name of the data set, "train" or "test", how many, and their digest.
    - `extractor`, `extractor_sha256`: the features, and the digest of their weights; empty for a
        likelihood.
    - `floor`, `floor_n`: the same measured on so many test images in place of the samples.
    - `importance_samples`: latents drawn for each image, for a likelihood.
    - `version`: of the metric's estimator; 1 for results from before there were versions.
    - `binarised`: for a likelihood, whether pixels were drawn as 0 or 1 with their grey value as
        the probability, once, or the grey values were taken as they are. The two can't be compared.
        None of samples that are not images.
    - `family`: for a bound of the likelihood, the distribution of a pixel given the latents, such
        as "Bernoulli". That of grey values is no density; those of "Normal" and
        "ContinuousBernoulli" are. None compares with another.
    - `labelled`: for a likelihood, whether it is that of an image given its class, log p(x | y), as
        a conditional model has it. It may be up to log(classes) better than log p(x), and the two
        can't be compared.
    - `options`: sample-time options that the samples were drawn with, and the truncation of their
        latents, as "name=value".
    - `values`: for the KL, that of each latent dimension, in falling order; 64 at most.
    """

    metric: str
    value: float
    standard_error: Annotated[float, Bounds(0.0, sys.float_info.max)] | None = None
    unit: str = ""
    n: Whole
    seed: Whole
    reference: str
    split: str
    reference_n: Whole
    reference_sha256: str
    extractor: str = ""
    extractor_sha256: str = ""
    floor: float | None = None
    floor_n: Whole | None = None
    importance_samples: Whole | None = None
    binarised: bool | None = None
    family: str = ""
    labelled: bool = False
    values: tuple[float, ...] = ()
    options: tuple[str, ...] = ()
    version: Annotated[int, Bounds(1, 2**31 - 1)] = 1

    @property
    def is_of_samples(self) -> bool:
        """Whether samples were drawn for it; a likelihood is that of data."""
        return bool(self.extractor) or self.metric == USEFULNESS or self.metric not in METRICS

    @property
    def outdated(self) -> bool:
        """Whether its estimator has changed since."""
        return self.version < _known(self.metric).version

    @property
    def kind(self) -> tuple[Any, ...]:
        """What it measures: numbers of one kind are alternatives, of two kinds different things."""
        # of a likelihood, which has no `n` of its own
        images = None if self.extractor else self.reference_n
        return (
            self.metric,
            self.importance_samples if self.metric in BOUNDED else None,
            self.binarised,
            self.family,
            self.labelled,
            self.options,
            images,
        )

    @property
    def noun(self) -> str:
        """What it was measured against: "image", or "sample" where samples are not images."""
        of_images = self.extractor or self.binarised is not None or self.metric == USEFULNESS
        return "image" if of_images else "sample"

    @property
    def name(self) -> str:
        """What it measures, for people: "Negative log-likelihood (Bernoulli, K = 500, grey pixels,
        10,000 images)".
        """
        details = [self.family]
        details += (
            [f"K = {self.importance_samples:,}"]
            if self.importance_samples and self.metric in BOUNDED
            else []
        )
        details += (
            []
            if self.binarised is None
            else ["binarised pixels" if self.binarised else "grey pixels"]
        )
        details += ["given the class"] if self.labelled else []
        details += self.options
        details += [] if self.extractor else [counted(self.reference_n, self.noun)]
        said = ", ".join(filter(None, details))
        return _known(self.metric).title + (f" ({said})" if said else "")

    @property
    def title(self) -> str:
        """Its name, with an arrow to where it is better."""
        return f"{self.name} {_known(self.metric).better}".rstrip()

    @property
    def text(self) -> str:
        """Value and standard error, to two digits of the latter: "99.41 ± 0.25"."""
        if not self.standard_error:
            return f"{self.value:.4g}"
        return f"{self.value:.{self._decimals}f} ± {self.standard_error:.{self._decimals}f}"

    @property
    def rounded(self) -> float:
        """The value, to as many digits as its error lets it have; to four where that is
        unknown.
        """
        if not self.standard_error:
            return float(f"{self.value:.4g}")
        return round(self.value, self._decimals)

    @property
    def floor_text(self) -> str:
        """The floor, to as many digits as the value has; empty when there is none."""
        if self.floor is None:
            return ""
        return f"{self.floor:.{self._decimals}f}" if self.standard_error else f"{self.floor:.4g}"

    @property
    def conditions(self) -> dict[str, str]:
        """What must be equal for two numbers to stand side by side, in words."""
        images = (
            f"{self.reference_n:,} {self.split} {self.noun}s of {self.reference} "
            f"({self.reference_sha256[:12]})"
        )
        words = {"seed": f"with seed {self.seed}", "reference": f"against {images}"}
        if self.is_of_samples:
            words["n"] = f"on {counted(self.n, 'sample')}"
        if self.extractor:
            words["features"] = f"with the features {self.extractor} ({self.extractor_sha256[:12]})"
        return words

    @property
    def _decimals(self) -> int:
        return min(max(1 - math.floor(math.log10(self.standard_error or 1)), 0), 8)


def recorded(facts: Mapping[str, Any]) -> list[Evaluation]:
    """The evaluations that a checkpoint's facts hold.

    **Raises:** `CheckpointError` when one is not of the form, which names it.
    """
    entries = facts.get("evaluations", [])
    if not isinstance(entries, list):
        raise CheckpointError(f"facts.json: evaluations = {str(entries)[:80]!r} is not a list.")
    results = []
    for index, entry in enumerate(entries):
        try:
            results.append(
                Evaluation.from_dict(entry if isinstance(entry, dict) else {"metric": entry})
            )
        except ConfigError as error:
            raise CheckpointError(f"facts.json: evaluations[{index}]: {error}") from error
    return results


def measured(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The numbers that a checkpoint's facts hold, in the words of the tables, as JSON values.

    **Raises:** `CheckpointError` as `recorded` does.
    """
    told = []
    for one in recorded(facts):
        metric = _known(one.metric)
        told.append(
            {
                "metric": one.metric,
                "title": metric.title,
                "better": metric.better,
                "value": one.value,
                "standard_error": one.standard_error,
                "unit": one.unit,
            }
        )
    return told


def merged(old: Sequence[Evaluation], new: Sequence[Evaluation]) -> list[Evaluation]:
    """The old results and the new; a new one takes the place of an old one of its kind with the
    same features.
    """
    replaced = {(one.kind, one.extractor) for one in new}
    return [one for one in old if (one.kind, one.extractor) not in replaced] + list(new)


def side_by_side(columns: Mapping[str, Sequence[Evaluation]]) -> list[dict[str, Evaluation]]:
    """The results of several checkpoints as rows: of one kind each, by checkpoint.

    **Arguments:**
    - `columns`: the results of each checkpoint, by its name.

    **Raises:** `ConfigError` when two that belong in one row were not measured alike: it says how
    they differ."""
    rows: dict[tuple[Any, ...], dict[str, Evaluation]] = {}
    for name, results in columns.items():
        for result in results:
            row = rows.setdefault(result.kind, {})
            for other, beside in row.items():
                _refuse_unlike(other, beside, name, result)
            row[name] = result
    return list(rows.values())


def _refuse_unlike(one: str, first: Evaluation, other: str, second: Evaluation) -> None:
    if first.version != second.version:
        older = one if first.version < second.version else other
        raise ConfigError(
            f"{first.name}: {one} was measured by version {first.version} of the estimator, "
            f"{other} by version {second.version}. These can't be compared. Measure {older} again: "
            f"zoo evaluate {older} --write"
        )
    mine, theirs = first.conditions, second.conditions
    if unlike := [key for key in mine if mine[key] != theirs.get(key)]:
        raise ConfigError(
            f"{first.name}: {one} was measured {', '.join(mine[key] for key in unlike)}; {other} "
            f"was measured {', '.join(theirs.get(key, 'without features') for key in unlike)}. "
            "These can't be compared."
        )


def _known(metric: str) -> Metric:
    """What a metric is: one of the zoo's, or one that a plugin offers, or of nobody here."""
    if metric in METRICS:
        return METRICS[metric]
    spec = installed().metrics.get(metric)
    if spec is None:
        return Metric(metric)
    return Metric(spec.summary or metric, spec.unit, spec.better, spec.version)
