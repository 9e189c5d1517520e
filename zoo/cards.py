"""A model card from facts: the README.md of a checkpoint."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo import checkpoints, files
from zoo.hookspecs import DatasetSpec
from zoo.registry import installed
from zoo.store import CARD, read_facts


def write(directory: Path) -> None:
    """Write a checkpoint's README.md from its config.json and facts.json."""
    config = checkpoints.read_config(directory)
    files.write_text(directory / CARD, render(config, read_facts(directory)))


def render(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The card as Markdown: YAML front matter, then what is known; what is unknown is left out.

    **Arguments:**
    - `config`: as in config.json.
    - `facts`: as in facts.json.
    """
    name = facts.get("name", "this checkpoint")
    parts = [
        _front_matter(config, facts),
        f"# {name}\n\n{_summary(config, facts)}",
        _use(name, config, facts),
        _training(config, facts),
        _limits(facts),
        _licences(facts),
        _citation(config, facts),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _front_matter(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    dataset = _dataset(facts)
    images = "samples_command" in facts
    tags = [config["model"], facts.get("dataset"), "image-generation" if images else None]
    if images and config["config"].get("num_classes"):
        tags.append("conditional-image-generation")
    matter: dict[str, Any] = {
        "library_name": "genzoo",
        "pipeline_tag": "unconditional-image-generation" if images else None,
        "license": facts.get("license"),
        "datasets": [dataset.hub_id] if dataset and dataset.hub_id else None,
        "tags": [tag for tag in tags if tag],
        "thumbnail": "images/samples.png" if images else None,
    }
    # a JSON value is a YAML value
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in matter.items() if value)
    return "---\n" + "\n".join(lines) + "\n---"


def _summary(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    spec = installed().models.get(config["model"])
    what = spec.summary if spec else "A generative model"
    shape = " × ".join(map(str, config["config"].get("sample_shape", ())))
    lines = [f"{what} (`{config['model']}`), trained on {facts.get('dataset', 'unnamed data')}."]
    if "parameters" in facts:
        lines.append(f"{facts['parameters']:,} parameters; samples of shape {shape}.")
    picture = "\n\n![Samples](images/samples.png)" if "samples_command" in facts else ""
    return " ".join(lines) + picture


def _use(name: str, config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    shown = facts.get("samples_command")
    reference = facts.get("reference", name)
    command = f"zoo pull {name} && zoo sample" if name in installed().checkpoints else f"zoo sample {reference}"
    lines = [
        "## How to sample",
        f"The picture above was made by `{shown}`." if shown else "",
        f"```\npip install genzoo\n{command}\n```",
        f"```python\nimport zoo\nfrom zoo.sampling import draw\n\n"
        f'model = zoo.load("{reference}")\nimages = draw(model, 16, seed=0)  # float32, '
        f"(16, {', '.join(map(str, config['config'].get('sample_shape', ())))})\n```",
    ]
    return "\n\n".join(line for line in lines if line)


def _training(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    if "command" not in facts:
        return ""
    rows = {
        "Seed": facts.get("seed"),
        "Duration": f"{facts['seconds'] / 60:.1f} minutes" if "seconds" in facts else None,
        "Hardware": facts.get("hardware"),
        "Versions": ", ".join(f"{name} {number}" for name, number in facts.get("versions", {}).items()),
        "Recipe": _pairs(facts.get("recipe", {})),
        "Config": _pairs(config["config"]),
        "Losses of the last epoch": _pairs(facts.get("history", [{}])[-1].get("losses", {})),
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items() if value not in (None, ""))
    return f"## Training\n\n```\n{facts['command']}\n```\n\n| | |\n|---|---|\n{table}"


def _limits(facts: Mapping[str, Any]) -> str:
    return (
        "## Limits\n\n"
        f"It makes only what its training data shows ({facts.get('dataset', 'unnamed data')}), at that size, some "
        "samples of it malformed. A sample may resemble a training image. It is meant for study and as a baseline."
    )


def _licences(facts: Mapping[str, Any]) -> str:
    dataset = _dataset(facts)
    lines = [f"- Weights: {facts['license']}" if facts.get("license") else ""]
    if dataset and dataset.license:
        where = f" ({dataset.homepage})" if dataset.homepage else ""
        lines.append(f"- Data set {dataset.name}{where}: {dataset.license}")
    listed = "\n".join(line for line in lines if line)
    return f"## Licences\n\n{listed}" if listed else ""


def _citation(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    spec = installed().models.get(config["model"])
    dataset = _dataset(facts)
    lines = [f"- Model: {spec.reference}" if spec and spec.reference else ""]
    lines.append(f"- Data: {dataset.citation}" if dataset and dataset.citation else "")
    listed = "\n".join(line for line in lines if line)
    return f"## Citation\n\n{listed}" if listed else ""


def _dataset(facts: Mapping[str, Any]) -> DatasetSpec | None:
    return installed().datasets.get(facts.get("dataset", ""))


def _pairs(values: Mapping[str, Any]) -> str:
    def text(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)

    return ", ".join(f"{key} {text(value)}" for key, value in values.items() if value != {})
