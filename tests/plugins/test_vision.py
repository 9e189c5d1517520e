"""The data sets that torchvision reads."""

from pathlib import Path

import pytest
import torch

from zoo.data import load_dataset
from zoo.errors import DataError
from zoo.registry import installed


def test_mnist_is_read_from_a_torchvision_root() -> None:
    train, test = load_dataset("mnist"), load_dataset("mnist", split="test")
    assert (train.samples.shape, test.samples.shape) == ((800, 1, 28, 28), (200, 1, 28, 28))
    assert train.samples.dtype == torch.uint8
    assert train.labels is not None and train.labels[:5].tolist() == [5, 0, 4, 1, 9]  # as everybody knows them
    assert train.class_names == tuple("0123456789")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "cifar10"])
def test_what_is_neither_here_nor_to_be_had_is_said_with_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")  # nobody answers there
    with pytest.raises(DataError, match=r"put its files there.*--data-root or ZOO_DATA"):
        load_dataset(name, root=tmp_path)


def test_every_data_set_says_its_classes_and_whence_it_comes() -> None:
    for name in ("mnist", "fashion-mnist", "kmnist", "cifar10"):
        spec = installed().datasets[name]
        assert len(spec.class_names) == 10
        assert spec.homepage and spec.citation
