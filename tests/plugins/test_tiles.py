"""The tiles of Dungeon Crawl Stone Soup, which are part of the package."""

from pathlib import Path

import torch
import zoo_vision

from zoo.data import load_dataset
from zoo.registry.registry import installed


def test_the_tiles_are_read_without_a_download(tmp_path: Path) -> None:
    train = load_dataset("dungeon-tiles", root=tmp_path)
    test = load_dataset("dungeon-tiles", root=tmp_path, split="test")
    assert (train.samples.shape, test.samples.shape) == ((3200, 3, 32, 32), (635, 3, 32, 32))
    assert train.class_names == ("dungeon", "item", "monster")
    assert train.labels is not None and train.labels.bincount().tolist() == [1224, 1031, 945]
    assert test.labels is not None and test.labels.bincount().tolist() == [237, 215, 183]
    assert {path.name for path in tmp_path.iterdir()} <= {"desk", "home"}


def test_no_tile_is_in_both_sets_and_every_tile_is_there_once() -> None:
    splits = [load_dataset("dungeon-tiles", split=split).samples[:] for split in ("train", "test")]
    tiles = torch.cat(splits).flatten(1)
    assert len(tiles.unique(dim=0)) == len(tiles) == 3835


def test_the_last_training_tiles_are_of_every_class() -> None:
    _, held_out = load_dataset("dungeon-tiles").split(100)
    assert held_out.labels is not None and held_out.labels.bincount().min() >= 20


def test_the_licence_lies_beside_the_tiles() -> None:
    assert installed().datasets["dungeon-tiles"].license == "cc0-1.0"
    folder = Path(zoo_vision.__file__).parent / "tiles"
    assert "CC0 1.0 Universal" in (folder / "LICENSE.md").read_text()
    assert (folder / "tiles.npz").stat().st_size < 3_000_000
