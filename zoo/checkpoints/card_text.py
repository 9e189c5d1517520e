"""The words of a model card, made from config and facts."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.checkpoints.history import named_losses
from zoo.checkpoints.results import TRUNCATION, USEFULNESS, Evaluation, recorded
from zoo.common.errors import counted
from zoo.registry import DISTRIBUTION, ENTRY_POINT, DatasetSpec, installed

# texts that a card shows, and characters of each
MOST_TEXTS = 20
LONGEST_TEXT = 200

PICTURES = {  # beside images/samples.png, in their order
    "nearest.png": "Samples above the training images that are nearest to them, pixel by pixel",
    "reconstructions.png": "Images above their reconstructions",
    "interpolation.png": "Straight lines between latents",
    "traversal.png": (
        "Latent dimensions, one a row, varied from −3 to 3 (of many, the 16 that change samples "
        "most)"
    ),
    "manifold.png": "The plane of both latents",
    "losses.png": "Losses by epoch",
}


def body_of(
    config: Mapping[str, Any], facts: Mapping[str, Any], pictures: Sequence[str] = ()
) -> str:
    """The part of a card that the zoo makes, as Markdown. What is unknown is left out.

    **Arguments:**
    - `config`: as in config.json.
    - `facts`: as in facts.json. They may be a stranger's: anything in them that has not the form
        that the zoo writes raises `TypeError`, `ValueError`, `AttributeError` or `LookupError`.
    - `pictures`: names of PICTURES that the checkpoint has.
    """
    parts = [
        f"# {name_of(config, facts)}\n\n{_summary(config, facts)}",
        _use(config, facts),
        _evaluation(facts),
        _pictures(pictures),
        _training(config, facts),
        _import(facts),
        _limits(config, facts),
        _licences(facts),
        _citation(config, facts),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def name_of(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """What a card calls its checkpoint."""
    return str(facts.get("name") or config["model"])


def dataset_of(facts: Mapping[str, Any]) -> DatasetSpec | None:
    """The data set of a checkpoint, where an installed plugin offers it."""
    return installed().datasets.get(facts.get("dataset", ""))


def _reference(facts: Mapping[str, Any]) -> str:
    """How a command names the checkpoint; empty when its facts don't say."""
    return str(facts.get("reference") or facts.get("name") or "")


def _summary(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    spec = installed().models.get(config["model"])
    what = spec.summary if spec else "A generative model"
    shape = " × ".join(map(str, config["config"].get("sample_shape", ())))
    data = f", trained on {facts['dataset']}" if "dataset" in facts else ""
    lines = [f"{what} (`{config['model']}`){data}."]
    if "parameters" in facts:
        lines.append(f"{facts['parameters']:,} parameters; samples of shape {shape}.")
    return " ".join(lines) + _samples(facts)


def kind_of(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The kind of samples of a checkpoint, as its facts or the plugin of its model say; else
    "image".
    """
    spec = installed().models.get(config["model"])
    return str(facts.get("kind") or (spec.kind if spec else "image"))


def _samples(facts: Mapping[str, Any]) -> str:
    """What a card shows of samples: a picture, or texts."""
    if "samples_command" not in facts:
        return ""
    if "texts" not in facts:
        return "\n\n![Samples](images/samples.png)"
    texts = facts["texts"]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise TypeError("texts must be a list of strings")
    # no text may end the block
    lines = [" ".join(text.replace("`", "ˋ").split()) for text in texts[:MOST_TEXTS]]
    return "\n\n" + "\n".join(["```text", *(line[:LONGEST_TEXT] for line in lines), "```"])


def _use(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    shown = facts.get("samples_command")
    own = _own_class(config)
    what = "The texts above were" if "texts" in facts else "The picture above was"
    lines = ["## How to sample", f"{what} made by `{shown}`." if shown else ""]
    lines.append("\n".join(["```", _install(config), *([] if own else _command(facts)), "```"]))
    if reference := _reference(facts):
        drawn = "images" if shown and kind_of(config, facts) == "image" else "samples"
        dtype = "int64" if kind_of(config, facts) == "text" else "float32"
        shape = ", ".join(map(str, config["config"].get("sample_shape", ())))
        module, _, name = own.partition(":")
        load = [
            "import zoo",
            *([f"from {module} import {name}"] if own else []),
            "",
            f'model = zoo.load("{reference}"{f", model={name}" if own else ""})',
            f"{drawn} = zoo.draw(model, 16, seed=0)  # {dtype}, (16, {shape})",
            *(["print(model.render(samples))"] if dtype == "int64" else []),
        ]
        lines.append("\n".join(["```python", *load, "```"]))
    return "\n\n".join(line for line in lines if line)


def _install(config: Mapping[str, Any]) -> str:
    """The command that installs what is needed, the plugin included."""
    maker = (config.get("made_by") or {}).get("distribution", "")
    plugin = f" {maker}" if maker != "genzoo" and DISTRIBUTION.fullmatch(maker) else ""
    return f"pip install genzoo{plugin}"


def _command(facts: Mapping[str, Any]) -> list[str]:
    """The command that samples the checkpoint, by the name that it has; none when it has none."""
    name, reference = facts.get("name"), _reference(facts)
    if name in installed().checkpoints:
        return [f"zoo pull {name} && zoo sample"]
    if reference.startswith("hf:"):
        return [f"zoo pull {reference} && zoo sample"]
    return [f"zoo sample {reference}"] if reference else []


def _own_class(config: Mapping[str, Any]) -> str:
    """MODULE:CLASS of a model that no plugin offers; empty for all others."""
    own = config.get("class", "")
    return own if isinstance(own, str) and ENTRY_POINT.fullmatch(own) else ""


def _evaluation(facts: Mapping[str, Any]) -> str:
    groups: dict[str, list[Evaluation]] = {}
    for one in recorded(facts):
        groups.setdefault(_circumstances(one), []).append(one)
    if not groups:
        return ""
    parts = [[said, _commands(facts, some), _table(some)] for said, some in groups.items()]
    return "\n\n".join(["## Evaluation", *(text for part in parts for text in part if text)])


def _circumstances(one: Evaluation) -> str:
    """How a result came about, in sentences; equal for results that were measured together."""
    kind = f"{'training' if one.split == 'train' else one.split} {one.noun}"
    images = f"{counted(one.reference_n, kind)} of {one.reference}"
    digest = f"(sha256 `{one.reference_sha256[:12]}…`)"
    if one.is_of_samples and not one.extractor:
        return f"{counted(one.n, 'sample')}, seed {one.seed}, against the {images} {digest}."
    if not one.extractor:
        pixels = ""
        if one.binarised:
            pixels = (
                "; pixels binarised once, each pixel drawn with its grey value as the probability "
                f"(seed {one.seed})"
            )
        elif one.noun == "image":
            pixels = "; pixels grey as they are, which is not to be compared with binarised ones"
        return f"Likelihood of the {images} {digest}, seed {one.seed}{pixels}."
    floor = (
        f" The floor is the same of {counted(one.floor_n or 0, 'test image')} in place of the "
        "samples."
    )
    return (
        f"{counted(one.n, 'sample')}, seed {one.seed}, against the {images} {digest}, by the "
        f"features {one.extractor} "
        f"(sha256 `{one.extractor_sha256[:12]}…`).{floor if one.floor_n else ''}"
    )


def _commands(facts: Mapping[str, Any], results: Sequence[Evaluation]) -> str:
    """What measures again the results that were measured together: a command, or one for each K of
    a likelihood.
    """
    one, reference = results[0], _reference(facts)
    if not reference:
        return ""
    words = ["zoo", "evaluate", reference]
    # a folder must be named
    known = one.reference == facts.get("dataset") and one.reference in installed().datasets
    words += [] if known else ["--data", one.reference]
    words += ["--seed", str(one.seed)]
    if one.is_of_samples:
        given = ["--features", one.extractor] if one.extractor else []
        given += ["--usefulness"] if any(each.metric == USEFULNESS for each in results) else []
        given += [word for option in one.options for word in _as_words(option)]
        alternatives = [["-n", str(one.n), *given]]
    else:
        ks = sorted(
            {k for each in results if each.metric == "nll" and (k := each.importance_samples)}
        )
        images = ["--test-images", str(one.reference_n)]
        alternatives = [["-k", str(k), *images] for k in ks] or [images]
    return "```\n" + "\n".join(shlex.join([*words, *rest]) for rest in alternatives) + "\n```"


def _as_words(option: str) -> list[str]:
    """How samples were drawn, as options of a command."""
    name, _, value = option.partition("=")
    return ["--truncation", value] if name == TRUNCATION else ["--set", option]


def _table(results: Sequence[Evaluation]) -> str:
    floor = any(one.floor is not None for one in results)
    header = (
        "| metric | value | floor |\n|---|---|---|" if floor else "| metric | value |\n|---|---|"
    )
    rows = [
        f"| {one.title} | {' '.join(filter(None, (one.text, one.unit)))} |"
        + (f" {one.floor_text} |" if floor else "")
        for one in results
    ]
    by_dimension = [
        f"{one.title}, of each latent dimension: {_falling(one.values)}."
        for one in results
        if one.values
    ]
    return "\n\n".join(["\n".join([header, *rows]), *by_dimension, *_looseness(results)])


def _looseness(results: Sequence[Evaluation]) -> list[str]:
    """What a reader must know of a bound, where there is one."""
    if not any(one.metric == "nll" and one.family for one in results):
        return []
    each = "an image" if results[0].noun == "image" else "a sample"
    return [
        f"The negative log-likelihood is an upper bound, by K importance samples {each}: the true "
        "value is lower. The fewer of the K are effective, the looser the bound is, at times by "
        "half a nat or more."
    ]


def _falling(values: Sequence[float]) -> str:
    """Values in falling order; the many that are almost 0 are counted."""
    told = [f"{value:.2f}" for value in values if value >= 0.005]
    rest = len(values) - len(told)
    return ", ".join([*told, *([f"and {rest} below 0.005"] if rest else [])])


def _pictures(names: Sequence[str]) -> str:
    shown = [f"{PICTURES[name]}:\n\n![{PICTURES[name]}](images/{name})" for name in names]
    return "\n\n".join(["## Pictures", *shown]) if shown else ""


def _import(facts: Mapping[str, Any]) -> str:
    """Where weights are from that were not trained by the zoo."""
    told = facts.get("imported")
    if not told:
        return ""
    at = f" at `{told['revision']}`" if told.get("revision") else ""
    maker = f" of {told['distribution']} {told['version']}" if told.get("distribution") else ""
    digests = "\n".join(f"- `{name}`: `{digest}`" for name, digest in told["sha256"].items())
    return (
        f"## Import\n\nImported from `{told['source']}`{at} by the importer `{told['importer']}`"
        f"{maker}. It was not trained by the zoo. SHA-256 of what was read:\n\n{digests}"
    )


def _last_known(history: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    """The last value of each loss: a phase of the training may have ended before the others."""
    found: dict[str, Any] = {}
    for entry in history:
        found |= entry.get(kind, {})
    return found


def _training(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    if "command" not in facts:
        return ""
    history = named_losses(facts.get("history") or [{}])
    seconds = facts.get("seconds", 0)
    duration = (
        f"{seconds / 60:.1f} minutes"
        if seconds >= 60
        else counted(max(round(seconds), 1), "second")
    )
    rows = {
        "Begun with": _parent(facts),
        "Left as they were": ", ".join(map(str, facts.get("frozen", ()))),
        "Kept": _kept(facts),
        "Seed": facts.get("seed"),
        "Duration": duration if "seconds" in facts else "",
        "Hardware": facts.get("hardware"),
        "Versions": ", ".join(
            f"{name} {number}" for name, number in facts.get("versions", {}).items()
        ),
        "Changed at random": _augmentation(facts),
        "Recipe": _pairs(facts.get("recipe", {})),
        "Config": _pairs(config["config"]),
        "Losses of the last epoch": _pairs(_last_known(history, "losses")),
        "Losses on what was held out": _pairs(_last_known(history, "held_out")),
    }
    table = "\n".join(
        f"| {key} | {value} |" for key, value in rows.items() if value not in (None, "")
    )
    return f"## Training\n\n```\n{facts['command']}\n```\n\n| | |\n|---|---|\n{table}"


def _augmentation(facts: Mapping[str, Any]) -> str:
    """How training images were changed; empty where they were not."""
    recipe = facts.get("recipe")
    ways = recipe.get("augment") if isinstance(recipe, Mapping) else None
    if not isinstance(ways, list | tuple) or not ways:
        return ""
    return f"the training images ({', '.join(map(str, ways))}): the model draws such images, too"


def _parent(facts: Mapping[str, Any]) -> str:
    """The checkpoint that a training began with; empty where it began with fresh weights."""
    parent = facts.get("parent")
    if not parent:
        return ""
    return f"the weights of {parent['reference']} (sha256 `{str(parent['sha256'])[:64]}`)"


def _kept(facts: Mapping[str, Any]) -> str:
    """Which epoch's weights these are, where epochs were judged; empty where they were not."""
    kept = facts.get("kept")
    if not kept:
        return ""
    by = str(kept["judged_by"]).replace("_", " ")
    early = ", stopped early" if kept.get("stopped_early") else ""
    return (
        f"epoch {int(kept['epoch'])} of {int(kept['of'])}{early}; the best by {by} was epoch "
        f"{int(kept['best_epoch'])} ({float(kept['best_value']):.4g})"
    )


def _limits(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    noun = "image" if "samples_command" in facts and kind_of(config, facts) == "image" else "sample"
    data = f" ({facts['dataset']})" if "dataset" in facts else ""
    return (
        f"## Limits\n\nIt makes only what its training data shows{data}, at that size, some "
        "samples of it malformed. A "
        f"sample may resemble a training {noun}. It "
        "is meant for study "
        "and as a baseline."
    )


def _licences(facts: Mapping[str, Any]) -> str:
    dataset = dataset_of(facts)
    lines = [f"- Weights: {facts['license']}" if facts.get("license") else ""]
    if dataset:
        where = f" ({dataset.homepage})" if dataset.homepage else ""
        said = dataset.license or "no licence is stated"
        lines.append(f"- Data set {dataset.name}{where}: {said}")
    listed = "\n".join(line for line in lines if line)
    return f"## Licences\n\n{listed}" if listed else ""


def _citation(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    spec = installed().models.get(config["model"])
    dataset = dataset_of(facts)
    lines = [f"- Model: {spec.reference}" if spec and spec.reference else ""]
    lines.append(f"- Data: {dataset.citation}" if dataset and dataset.citation else "")
    listed = "\n".join(line for line in lines if line)
    return f"## Citation\n\n{listed}" if listed else ""


def _pairs(values: Mapping[str, Any]) -> str:
    def text(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)

    return ", ".join(f"{key} {text(value)}" for key, value in values.items() if value != {})
