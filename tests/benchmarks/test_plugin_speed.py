"""What many installed plugins cost, measured side by side: pytest -s
tests/benchmarks/test_plugin_speed.py
"""

from collections.abc import Callable
from pathlib import Path

from environments import Environment, write_plugin
from racing import in_turn, report, run

ROOT = Path(__file__).parents[2]
GUEST = """
from zoo import ModelSpec, hookimpl

@hookimpl
def zoo_models():
    return [ModelSpec(name="{name}", entry_point="zoo_{name}.model:Model", summary="A guest's")]
"""


def test_a_hundred_plugin_distributions_at_most_double_zoo_list(
    make_environment: Callable[[], Environment], tmp_path: Path
) -> None:
    trees = []
    for name in (f"guest{number}" for number in range(100)):
        tree = write_plugin(tmp_path, name, GUEST.format(name=name))
        (tree / "README.md").write_text(
            (ROOT / "README.md").read_text()
        )  # the metadata of what is published hold one
        project = tree / "pyproject.toml"
        project.write_text(
            project.read_text().replace("[project]", '[project]\nreadme = "README.md"')
        )
        trees.append(tree)
    with_none, with_hundred = make_environment(), make_environment()
    with_hundred.install(*trees)
    assert with_hundred.zoo("list", "--models").stdout.count("zoo-guest") == 100
    list_in = [[one.python, "-m", "zoo", "list"] for one in (with_hundred, with_none)]
    rounds = in_turn(lambda: run(list_in[0]), lambda: run(list_in[1]), rounds=21)
    wall = [hundred.seconds / none.seconds for hundred, none in rounds]
    assert report("zoo list with 100 plugin distributions / with none, wall", wall, 2.0)
