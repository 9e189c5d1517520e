"""A pickle is opened without its code, and within bounds."""

import os
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import foreign
import pytest
import torch

import zoo as door
from zoo.checkpoints import Store
from zoo.common.errors import CheckpointError
from zoo.importers import opener


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    place = tmp_path / "made-by-the-pickle"
    torch.save({"fc1.weight": torch.zeros(2), "x": Evil(place)}, tmp_path / "evil.pth")
    with pytest.raises(
        CheckpointError, match=r"code or classes \(posix.mkdir\).*nothing of it was"
    ):
        door.import_weights(str(tmp_path / "evil.pth"), "evil")
    assert not place.exists() and not Store({}).holds("evil")


def test_an_audit_hook_sees_nothing_of_the_code_in_a_pickle(tmp_path: Path) -> None:
    place = tmp_path / "made-by-the-pickle"
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"x": Evil(place)}, 2))
    torch.save({"x": Evil(place)}, tmp_path / "evil.pth")
    heard: list[str] = []
    listening = True

    def hook(event: str, arguments: Any) -> None:
        if listening and event in ("os.mkdir", "os.system", "subprocess.Popen"):
            heard.append(event)

    sys.addaudithook(hook)
    try:
        for name in ("plain.pth", "evil.pth"):
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(opener, "_bound", lambda more: None)  # of this process
                said = opener.main(str(tmp_path / name), str(tmp_path / "out.safetensors"))
            assert "code or classes" in said
    finally:
        listening = False
    assert heard == [] and not place.exists()


def test_a_whole_pickled_model_is_refused_in_words_that_say_what_to_ask_for(tmp_path: Path) -> None:
    torch.save(foreign.Vae(), tmp_path / "whole.pth")
    said = opened_by_a_child(tmp_path / "whole.pth")
    assert "state dict: torch.save(model.state_dict(), …)" in said


def opened_by_a_child(path: Path) -> str:
    """What is wrong with a pickle, as a child says it."""
    with pytest.raises(CheckpointError) as told:
        door.import_weights(str(path), "wrong")
    assert not Store({}).holds("wrong")
    return str(told.value)


def test_an_archive_that_is_packed_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(200_000_000))
    assert bomb.stat().st_size < 1_000_000
    assert "entries are compressed" in opened_by_a_child(bomb)


def test_tensors_that_are_far_larger_than_their_file_are_refused(tmp_path: Path) -> None:
    torch.save({"fc1.weight": torch.zeros(1).expand(10**11)}, tmp_path / "wide.pth")
    assert "far more memory than the file is large" in opened_by_a_child(tmp_path / "wide.pth")


def test_a_file_that_is_no_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "noise.pth").write_bytes(bytes(range(256)) * 40)
    assert "can't be imported" in opened_by_a_child(tmp_path / "noise.pth")


def test_two_tensors_of_one_name_are_refused(tmp_path: Path) -> None:
    torch.save({"a.b": torch.zeros(2), "a": {"b": torch.ones(2)}}, tmp_path / "twice.pth")
    assert "it holds two tensors called 'a.b'" in opened_by_a_child(tmp_path / "twice.pth")
