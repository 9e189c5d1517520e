"""The data sets that torchvision reads, and the features: the digit classifier and Inception-v3."""

import io
import shutil
import sys
from pathlib import Path

import pytest
import torch
from conftest import DIGITS
from safetensors.torch import save_file
from torch import Tensor, nn
from zoo_vision import inception, train_classifier
from zoo_vision.classifiers import FOLDER as WEIGHTS

from zoo.common.errors import DataError, ZooError
from zoo.common.files import sha256
from zoo.data import extract, load_dataset, load_features
from zoo.registry.registry import installed


def test_mnist_is_read_from_a_torchvision_root() -> None:
    train, test = load_dataset("mnist"), load_dataset("mnist", split="test")
    assert (train.samples.shape, test.samples.shape) == ((800, 1, 28, 28), (200, 1, 28, 28))
    assert train.samples.dtype == torch.uint8
    assert train.labels is not None and train.labels[:5].tolist() == [
        5,
        0,
        4,
        1,
        9,
    ]  # as everybody knows them
    assert train.class_names == tuple("0123456789")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "cifar10"])
def test_what_is_neither_here_nor_to_be_had_is_said_with_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")  # nobody answers there
    with pytest.raises(DataError, match=r"put its files there.*--data-root or ZOO_DATA"):
        load_dataset(name, root=tmp_path)


@pytest.mark.parametrize("size", [0, 3, 10])
def test_files_that_end_too_early_are_said_to_be_damaged(size: int, tmp_path: Path) -> None:
    shutil.copytree(DIGITS, tmp_path, dirs_exist_ok=True)
    hurt = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    hurt.write_bytes(hurt.read_bytes()[:size])
    with pytest.raises(ZooError, match=f"The files in {hurt.parent} are damaged: remove them"):
        load_dataset("mnist", root=tmp_path)


def test_every_data_set_says_its_classes_and_whence_it_comes() -> None:
    classes = {"mnist": 10, "fashion-mnist": 10, "kmnist": 10, "cifar10": 10, "dungeon-tiles": 3}
    for name, number in classes.items():
        spec = installed().datasets[name]
        assert len(spec.class_names) == number
        assert spec.homepage and spec.citation


def digits_of(split: str) -> tuple[Tensor, Tensor]:
    data = load_dataset("mnist", split=split)
    assert data.labels is not None
    return data.samples, data.labels


def test_the_digit_classifier_is_right_about_digits_it_never_saw() -> None:
    images, labels = digits_of("test")
    extractor = load_features("digits")
    seen = extract(extractor, (images / 255).split(64))
    assert seen.classes is not None and seen.confidences is not None
    assert (seen.classes == labels).double().mean() >= 0.985
    assert 0.95 < seen.confidences.mean() < 1
    assert (seen.vectors.shape, seen.vectors.dtype) == ((200, 128), torch.float32)
    assert extractor.sha256 == sha256(WEIGHTS / "digits.safetensors")


def test_the_classifier_of_clothes_is_right_about_images_it_never_saw() -> None:
    data = load_dataset("fashion-mnist", split="test")
    extractor = load_features("clothes")
    assert data.labels is not None and extractor.class_names == data.class_names
    seen = extract(extractor, [data.samples[:] / 255])
    assert seen.classes is not None
    assert (seen.classes == data.labels).double().mean() >= 0.88  # of 200; 0.93 of all
    assert seen.vectors.std(0).mean().item() == pytest.approx(1, abs=0.2)
    spec = installed().features_for("fashion-mnist")
    assert spec is not None and spec.name == "clothes"
    assert (WEIGHTS / "clothes.safetensors").stat().st_size < 3_000_000


def test_cifar10_is_measured_by_the_classifier_of_photographs() -> None:
    """How often it is right stands in a benchmark: its images have no licence to come along."""
    spec = installed().features_for("cifar10")
    assert spec is not None and spec.name == "photos"
    extractor = load_features("photos")
    images = torch.rand(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    seen = extract(extractor, [images])
    assert extractor.class_names == installed().datasets["cifar10"].class_names
    assert seen.vectors.shape == (20, 128) and seen.classes is not None
    assert extractor.sha256 == sha256(WEIGHTS / "photos.safetensors")
    assert (WEIGHTS / "photos.safetensors").stat().st_size < 3_000_000


def test_moved_images_are_flipped_shifted_and_hidden_in_part() -> None:
    images = torch.zeros(200, 1, 28, 28)
    images[:, :, 14, 5] = 1
    torch.manual_seed(0)
    moved = train_classifier.moved(images, most=2, square=0)
    rows, columns = (moved[:, 0] == 1).nonzero()[:, 1:].T
    assert set(rows.tolist()) == set(range(12, 17))
    assert set(columns.tolist()) == {*range(3, 8), *range(20, 25)}  # half are flipped
    hidden = train_classifier.moved(torch.ones(200, 3, 32, 32), most=0, square=8)
    grey = (hidden == 0.5).flatten(1).sum(1)
    assert grey.max() == 3 * 64 and 0 < grey.min() < 3 * 64  # some squares go over the border


def test_the_features_of_digits_are_standardised_over_the_data() -> None:
    images, _ = digits_of("train")
    seen = extract(load_features("digits"), [images / 255]).vectors
    assert seen.mean(0).abs().mean() < 0.2
    assert seen.std(0).mean().item() == pytest.approx(1, abs=0.2)


def test_features_of_a_digit_do_not_depend_on_its_batch_nor_on_the_day() -> None:
    images = digits_of("test")[0] / 255
    seen = extract(load_features("digits"), [images]).vectors
    assert torch.equal(seen, extract(load_features("digits"), [images]).vectors)
    assert torch.allclose(
        seen, extract(load_features("digits"), images.split(3)).vectors, atol=1e-4
    )


def test_the_digit_classifier_is_meant_for_mnist_alone_and_is_small() -> None:
    spec = installed().features_for("mnist")
    assert spec is not None and spec.name == "digits"
    assert installed().features_for("kmnist") is None
    assert sum(one.numel() for one in load_features("digits").module.parameters()) < 250_000
    assert (WEIGHTS / "digits.safetensors").stat().st_size < 1_000_000


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"'digits' take images of \(1, 28, 28\), not samples of \(3, 32, 32\)"
    ):
        extract(load_features("digits"), [torch.rand(2, 3, 32, 32)])


def test_distorted_digits_are_moved_but_still_digits() -> None:
    images = digits_of("test")[0] / 255
    torch.manual_seed(0)
    distorted = train_classifier.distort(images)
    assert distorted.shape == images.shape
    assert distorted.min() >= 0 and distorted.max() <= 1
    assert (distorted - images).abs().flatten(1).sum(1).median() > 10  # of some 100 in all
    seen = extract(load_features("digits"), [distorted]).classes
    assert seen is not None and (seen == digits_of("test")[1]).double().mean() > 0.95


def test_training_writes_weights_that_load_and_that_the_seed_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [
        "train_classifier",
        "digits",
        "--data-root",
        str(Path(__file__).parents[1] / "data"),
        "--epochs",
        "1",
    ]
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        monkeypatch.setattr(sys, "argv", [*command, "--seed", seed, "--out", str(tmp_path / name)])
        train_classifier.main()
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b") != sha256(tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a", "b", "c"]
    assert load_features("digits", tmp_path / "a").sha256 == sha256(tmp_path / "a")


def test_inception_needs_a_file_of_weights_and_says_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ZooError, match=r"--weights.*safetensors\.torch.*inception\.safetensors"):
        inception.load()
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")  # nobody answers there
    with pytest.raises(ZooError, match=r"can't be downloaded from https://.*--weights"):
        load_features("inception")


def test_inception_without_its_extra_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("torch_fidelity", "torch_fidelity.feature_extractor_inceptionv3"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    (tmp_path / "weights").touch()
    with pytest.raises(ZooError, match=r"needs torch-fidelity: pip install 'genzoo\[inception\]'"):
        load_features("inception", tmp_path / "weights")


def test_inception_sees_what_its_network_sees_in_eight_bits(tmp_path: Path) -> None:
    network = pytest.importorskip(
        "torch_fidelity.feature_extractor_inceptionv3"
    ).FeatureExtractorInceptionV3

    class Untrained(network):  # type: ignore[misc, valid-type]  # of a package without types
        def load_state_dict(self, *_: object) -> None:
            """Keep the random weights."""

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    torch.manual_seed(0)
    untrained: nn.Module = Untrained("untrained", ["2048"], feature_extractor_weights_path=nothing)
    save_file(untrained.state_dict(), tmp_path / "weights")
    extractor = load_features("inception", tmp_path / "weights")
    grey = torch.rand(2, 1, 28, 28)
    seen = extract(extractor, [grey]).vectors
    assert seen.shape == (2, 2048)
    assert torch.equal(seen, untrained((grey * 255).round().byte().expand(-1, 3, -1, -1))[0])
    assert torch.equal(seen, extract(extractor, [grey.expand(-1, 3, -1, -1)]).vectors)
    with pytest.raises(ZooError, match=r"1 or 3 channels, not samples of \(2, 28, 28\)"):
        extract(extractor, [torch.rand(1, 2, 28, 28)])
