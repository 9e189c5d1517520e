"""Draws the chart of the README from the facts of the bundled checkpoints: quality against size.

python tests/benchmarks/draw_quality.py writes plugins/guides/images/quality-{light,dark}.svg.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "plugins" / "guides" / "images"
THEMES = {"light": ("#ffffff", "#1f2328", "#d0d7de"), "dark": ("#0d1117", "#e6edf3", "#30363d")}
COLOURS = {
    "mnist": "#2f81f7",
    "fashion-mnist": "#d4762c",
    "dungeon-tiles": "#3fa45b",
    "cifar10": "#a06cd5",
}


class Point(NamedTuple):
    """A checkpoint: its data, the size of its weights in MB, and its distance in floors."""

    name: str
    data: str
    megabytes: float
    floors: float


def main() -> None:
    """Draw the chart for a light and for a dark page."""
    points = list(read(ROOT / "cards"))
    plt.rcParams["svg.hashsalt"] = "quality"  # so that equal charts are equal files
    for theme, (paper, ink, line) in THEMES.items():
        draw(points, paper, ink, line).savefig(
            IMAGES / f"quality-{theme}.svg", facecolor=paper, metadata={"Date": None}
        )


def read(cards: Path) -> Any:
    """The checkpoints that have a distance with a floor."""
    for folder in sorted(cards.iterdir()):
        facts = json.loads((folder / "facts.json").read_text())
        stated = [one for one in facts["evaluations"] if one["metric"] == "frechet_distance"]
        # the first is by the features that are meant for the data, with no options
        one = next((one for one in stated if one["floor"]), None)
        if one:
            size = (folder / "model.safetensors").stat().st_size / 1e6
            yield Point(folder.name, facts["dataset"], size, one["value"] / one["floor"])


def draw(points: list[Point], paper: str, ink: str, line: str) -> Any:
    """The chart in the colours of a page."""
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    axes.set_facecolor(paper)
    axes.axhline(1, color=ink, linestyle=":", linewidth=1)
    axes.annotate(
        "real test images", (0.2, 1), xytext=(0, 4), textcoords="offset points", color=ink
    )
    for data in dict.fromkeys(one.data for one in points):
        some = [one for one in points if one.data == data]
        axes.scatter(
            [one.megabytes for one in some],
            [one.floors for one in some],
            color=COLOURS.get(data, ink),
            label=data,
            zorder=3,
        )
    for one in points:
        left = any(is_right_beside(other, one) for other in points)
        axes.annotate(
            one.name,
            (one.megabytes, one.floors),
            xytext=(-6 if left else 6, 3),
            textcoords="offset points",
            ha="right" if left else "left",
            color=ink,
            fontsize=9,
        )
    axes.set_yscale("log")
    axes.set_xlim(0, 1.25 * max(one.megabytes for one in points))
    axes.set_ylim(0.7, 2 * max(one.floors for one in points))
    axes.set_xlabel("weights needed to sample, MB", color=ink)
    axes.set_ylabel("Fréchet distance, in floors (lower is better)", color=ink)
    axes.tick_params(colors=ink, which="both")
    axes.grid(color=line, linewidth=0.5, zorder=0)
    for spine in axes.spines.values():
        spine.set_color(line)
    axes.legend(facecolor=paper, edgecolor=line, labelcolor=ink)
    return figure


def is_right_beside(other: Point, one: Point) -> bool:
    """Whether a point stands where the name of another would."""
    near = max(other.floors / one.floors, one.floors / other.floors) < 1.4
    return 0 < other.megabytes - one.megabytes < 1.5 and near


if __name__ == "__main__":
    main()
