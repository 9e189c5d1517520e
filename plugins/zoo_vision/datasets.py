"""MNIST and its kin as uint8 samples and labels; torchvision downloads them."""

from pathlib import Path

from torch import Tensor

from zoo import ZooError
from zoo_vision.idx import read_idx, refuse_irregular


def mnist(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """MNIST, handwritten digits: samples uint8 `(60000 or 10000, 1, 28, 28)`, labels int64.

    **Arguments:**
    - `root`: folder of the data; what is missing there is downloaded.
    - `split`: "train" or "test".
    """
    return _grey("MNIST", root, split)


def fashion_mnist(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Fashion-MNIST, pictures of clothes; shapes and arguments as for `mnist`."""
    return _grey("FashionMNIST", root, split)


def kmnist(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """KMNIST, handwritten hiragana; shapes and arguments as for `mnist`."""
    return _grey("KMNIST", root, split)


def _grey(kind: str, root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Images and labels of a data set that torchvision can download, from its IDX files."""
    folder = root / kind / "raw"
    prefix = "train" if split == "train" else "t10k"
    paths = [folder / f"{prefix}-{what}-ubyte" for what in ("images-idx3", "labels-idx1")]
    for path in paths:
        refuse_irregular(path)
    if not all(path.is_file() for path in paths):
        # torchvision takes a second to import, so it is imported only when it is needed.
        from torchvision import datasets

        getattr(datasets, kind)(root, download=True)
    images, labels = read_idx(paths[0], 3), read_idx(paths[1], 1)
    if len(images) != len(labels):
        raise ZooError(
            f"The files in {folder} are damaged: remove them, and they are downloaded anew. There "
            f"are {len(images):,} images and {len(labels):,} labels."
        )
    return images.unsqueeze(1), labels.long()
