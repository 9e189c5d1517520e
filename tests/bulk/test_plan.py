"""A plan that is damaged or another's is said."""

from pathlib import Path

import pytest

from zoo.bulk.generate import generate
from zoo.common.errors import OutputError


def test_two_plans_in_one_folder_are_refused(tmp_path: Path) -> None:
    generate("vae-mnist", tmp_path / "d", n=20, seed=0, per_shard=10, part="1/2")
    with pytest.raises(OutputError, match="per_shard is 10, here it is 5"):
        generate("vae-mnist", tmp_path / "d", n=20, seed=0, per_shard=5, part="2/2")


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', '{"format": 1}', "null"])
def test_a_damaged_plan_or_manifest_is_said(text: str, tmp_path: Path) -> None:
    for name in (".zoo/plan.json", "manifest.json"):
        folder = tmp_path / name.partition("/")[0].strip(".") / "d"
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
        with pytest.raises(OutputError, match="can't be read"):
            generate("vae-mnist", folder, n=5, seed=0)
