"""Loaders: where data sets are looked for, and what is said of a plugin that gives something else
than it promised.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo import DatasetSpec
from zoo.common.errors import DataError, PluginError
from zoo.data import Dataset, load_dataset
from zoo.registry.registry import installed


def test_a_data_set_that_cannot_be_fetched_says_where_its_files_belong(tmp_path: Path) -> None:
    (tmp_path / "MNIST").touch()  # below a file nothing can be written, so nothing is fetched
    with pytest.raises(
        DataError,
        match=rf"'mnist' from {tmp_path}.*\. Without internet, put its files there.*--data-root",
    ):
        load_dataset("mnist", root=tmp_path)


@pytest.mark.parametrize("named_by", ["--data-root", "ZOO_DATA"])
def test_a_root_that_is_no_folder_is_refused_and_not_made(
    named_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "mistyped"
    monkeypatch.setenv("ZOO_DATA", str(missing))
    with pytest.raises(
        DataError,
        match=rf"{missing} is not a folder: {named_by} names one.* downloaded to .*home/data",
    ):
        load_dataset("mnist", root=missing if named_by == "--data-root" else None)
    assert not missing.exists()


# --- what a plugin's loader does wrong


@pytest.fixture
def offered(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Callable[[], Dataset]]:
    """A data set "mine" of three classes whose loader is the one that is given: returns what loads
    it.
    """

    def offer(
        loader: Callable[[Path, str], object],
        sample_shape: tuple[int, ...] = (1, 2, 2),
        **fields: Any,
    ) -> Callable[[], Dataset]:
        spec = DatasetSpec(
            name="mine",
            entry_point=f"{__name__}:loader",
            sample_shape=sample_shape,
            class_names=("a", "b", "c"),
            **fields,
        )
        monkeypatch.setattr(sys.modules[__name__], "loader", loader, raising=False)
        monkeypatch.setitem(installed().datasets, "mine", spec)
        return lambda: load_dataset("mine")

    return offer


Offered = Callable[..., Callable[[], Dataset]]
FOUR = torch.zeros(4, 1, 2, 2, dtype=torch.uint8)


def test_only_the_zoo_s_own_root_is_made(
    offered: Offered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZOO_DATA")
    load = offered(
        lambda root, split: (FOUR[: len(list(root.iterdir()))], None)
    )  # raises where there is no folder
    assert len(load()) == 0 and (tmp_path / "home" / "data").is_dir()


def test_a_loader_that_breaks_is_not_blamed_on_the_internet(offered: Offered) -> None:
    with pytest.raises(
        PluginError,
        match=r"test_loading:loader failed .*'mine': ZeroDivisionError: .*\. Tell its plugin",
    ):
        offered(lambda root, split: 1 // 0)()


def test_a_data_set_is_loaded_by_one_at_a_time_and_one_that_takes_another_is_not_stuck(
    offered: Offered,
) -> None:
    loading, together = [0], []

    def slow(root: Path, split: str) -> object:
        loading[0] += 1
        together.append(loading[0])
        load_dataset("mnist")
        time.sleep(0.05)
        loading[0] -= 1
        return FOUR, None

    load = offered(slow)
    with ThreadPoolExecutor(3) as pool:
        assert [len(data) for data in pool.map(lambda _: load(), range(3))] == [4, 4, 4]
    assert together == [1, 1, 1]


def test_what_a_loader_prints_is_kept_off_standard_output(
    offered: Offered, capfd: pytest.CaptureFixture[str]
) -> None:
    def chatty(root: Path, split: str) -> object:
        print("Extracting")
        os.system("echo Downloading")
        return FOUR, None

    assert len(offered(chatty)()) == 4
    out, err = capfd.readouterr()
    assert out == "" and "Extracting" in err and "Downloading" in err


def test_labels_of_the_classes_that_are_named_and_no_labels_are_taken(offered: Offered) -> None:
    labels = offered(lambda root, split: (FOUR, torch.tensor([0, 1, 2, 2])))().labels
    assert labels is not None and labels.tolist() == [0, 1, 2, 2]
    assert offered(lambda root, split: (FOUR, None))().labels is None


@pytest.mark.parametrize(
    ("loaded", "why"),
    [
        (FOUR, "gave Tensor, not a pair of samples and labels"),
        ((FOUR, None, None), "gave tuple, not a pair"),
        (
            (FOUR.float(), None),
            r"gave torch.float32 \(4, 1, 2, 2\) as samples, not a uint8 tensor \(n, 1, 2, 2\)",
        ),
        ((FOUR.numpy(), None), "gave ndarray as samples"),
        ((FOUR.view(4, 1, 4, 1), None), r"gave torch.uint8 \(4, 1, 4, 1\) as samples"),
        (
            (FOUR, torch.zeros(4)),
            r"gave torch.float32 \(4,\) as labels, not an int64 tensor \(4,\)",
        ),
        ((FOUR, torch.zeros(3, dtype=torch.int64)), r"gave torch.int64 \(3,\) as labels"),
        ((FOUR, [0, 1, 2, 2]), "gave list as labels"),
        ((FOUR, torch.tensor([0, 1, 2, 3])), "gave labels from 0 to 3, but names 3 classes"),
        ((FOUR, torch.tensor([-1, 1, 2, 2])), "gave labels from -1 to 2"),
    ],
)
def test_what_a_loader_promised_and_did_not_give_is_said(
    loaded: object, why: str, offered: Offered
) -> None:
    with pytest.raises(
        PluginError, match=f"test_loading:loader {why}.*'mine': tell its plugin's authors"
    ):
        offered(lambda root, split: loaded)()


# --- samples that are no bytes


TOKENS = torch.tensor([[3, 1, 0], [2, 0, 0]])


def test_tokens_come_with_their_lengths_and_reach_a_model_as_they_are(offered: Offered) -> None:
    lengths = torch.tensor([2, 1])
    fields = {"dtype": "int64", "lengths": True, "metadata": {"alphabet": "abc"}}
    data = offered(lambda root, split: (TOKENS, None, lengths), (3,), **fields)()
    assert torch.equal(data.inputs(data.samples[:]), TOKENS)
    assert data.inputs(data.samples[:]).dtype == torch.int64
    assert data.metadata == {"alphabet": "abc"}
    rest, last = data.split(1)
    assert rest.lengths is not None and last.lengths is not None
    assert (rest.lengths.tolist(), last.lengths.tolist()) == ([2], [1])


@pytest.mark.parametrize(("scale", "most"), [(None, 2.0), (4, 0.5), (0.5, 4.0)])
def test_numbers_reach_a_model_divided_by_their_scale(
    scale: float | None, most: float, offered: Offered
) -> None:
    waves = torch.tensor([[-2.0, 2.0]])
    data = offered(lambda root, split: (waves, None), (2,), dtype="float32", scale=scale)()
    assert data.inputs(data.samples[:]).tolist() == [[-most, most]]


def test_bytes_reach_a_model_divided_by_255_or_by_their_scale(offered: Offered) -> None:
    samples = torch.full((1, 1, 2, 2), 51, dtype=torch.uint8)
    usual = offered(lambda root, split: (samples, None))()
    assert usual.inputs(usual.samples[:]).unique().item() == pytest.approx(0.2)
    other = offered(lambda root, split: (samples, None), scale=51)()
    assert other.inputs(other.samples[:]).unique().item() == 1


def test_the_digest_tells_the_type_of_the_samples() -> None:
    one = Dataset("a", torch.zeros(2, 8, dtype=torch.int64), None)
    assert one.sha256 != Dataset("a", torch.zeros(2, 8, dtype=torch.float64), None).sha256


@pytest.mark.parametrize(
    ("loaded", "why"),
    [
        ((TOKENS, None), "gave tuple, not samples, labels and lengths"),
        ((TOKENS, None, None), r"gave NoneType as lengths, not an int64 tensor \(2,\)"),
        ((TOKENS, None, torch.tensor([0, 1])), "gave lengths from 0 to 1, not 1 to 3"),
        ((TOKENS, None, torch.tensor([1, 4])), "gave lengths from 1 to 4, not 1 to 3"),
        (
            (TOKENS.byte(), None, torch.tensor([1, 1])),
            "gave torch.uint8 .* as samples, not a int64 tensor",
        ),
    ],
)
def test_lengths_and_types_that_were_promised_and_not_given_are_said(
    loaded: object, why: str, offered: Offered
) -> None:
    with pytest.raises(PluginError, match=f"test_loading:loader {why}"):
        offered(lambda root, split: loaded, (3,), dtype="int64", lengths=True)()


def test_samples_that_are_no_numbers_are_the_plugin_s_fault(offered: Offered) -> None:
    bad = torch.tensor([[1.0, torch.nan]])
    with pytest.raises(PluginError, match="gave samples that hold NaN or infinite values"):
        offered(lambda root, split: (bad, None), (2,), dtype="float32")()


def test_tokens_can_t_be_resized(offered: Offered) -> None:
    offered(lambda root, split: (TOKENS, None), (3,), dtype="int64")
    with pytest.raises(DataError, match=r"shape \(3,\) can't be resized to \(4,\)"):
        load_dataset("mine", sample_shape=(4,))
