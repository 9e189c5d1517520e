"""Files of arrays: .npz, .npy and .safetensors, told apart, mapped, and refused with a reason."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from conftest import Zoo
from safetensors.numpy import save_file

from zoo.common.errors import ConfigError, DataError
from zoo.data import Dataset, load_dataset

N = 300
DIGITS = load_dataset("mnist", root=Path(__file__).parent).part(slice(N))
GREY: Any = DIGITS.samples[:].numpy()  # (300, 1, 28, 28)
LABELS: Any = DIGITS.labels.numpy() if DIGITS.labels is not None else None
COLOUR: Any = np.stack([GREY[:, 0], GREY[:, 0] // 2, 255 - GREY[:, 0]], 1)  # (300, 3, 28, 28)


def npz(**arrays: Any) -> Dataset:
    np.savez("some.npz", **arrays)
    return load_dataset("./some.npz")


def pixels(data: Dataset) -> Any:
    return data.samples[:].numpy()


@pytest.mark.parametrize(
    ("names", "arrays"),
    [
        (("samples", "labels"), (GREY, LABELS)),
        (("images", "y"), (GREY[:, 0], LABELS[:, None])),
        (("x_train", "y_train"), (GREY.transpose(0, 2, 3, 1), LABELS.astype(np.uint8))),
        (("X", "targets"), (GREY[:, 0], LABELS.astype(np.float64))),
    ],
)
def test_samples_and_labels_are_found_by_the_names_that_people_give_them(
    names: tuple[str, str], arrays: tuple[Any, Any]
) -> None:
    data = npz(**dict(zip(names, arrays, strict=True)))
    assert np.array_equal(pixels(data), GREY)
    assert data.labels is not None and np.array_equal(data.labels.numpy(), LABELS)
    assert data.labels.dtype == torch.int64 and data.name == "./some.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_compressed_or_not_an_array_is_the_same(save: Callable[..., None]) -> None:
    save("some.npz", samples=COLOUR)
    assert np.array_equal(pixels(load_dataset("./some.npz")), COLOUR)


def test_an_array_alone_is_samples_without_labels() -> None:
    np.save("some.npy", GREY[:, 0])
    data = load_dataset("./some.npy")
    assert np.array_equal(pixels(data), GREY) and data.labels is None


def test_a_fortran_array_and_a_big_endian_one_are_read_in_their_order() -> None:
    np.save("some.npy", np.asfortranarray(GREY[:, 0]))
    assert np.array_equal(pixels(load_dataset("./some.npy")), GREY)
    np.save("some.npy", (GREY[:, 0].astype(">u2") * 257))
    assert np.array_equal(pixels(load_dataset("./some.npy")), GREY)


def test_tensors_in_safetensors_are_arrays_too() -> None:
    save_file({"samples": GREY, "labels": LABELS}, "some.safetensors")
    data = load_dataset("./some.safetensors")
    assert np.array_equal(pixels(data), GREY) and data.labels is not None


@pytest.mark.parametrize("array", [COLOUR, COLOUR.transpose(0, 2, 3, 1)])
def test_channels_are_found_in_the_second_place_and_in_the_last(array: Any) -> None:
    assert np.array_equal(pixels(npz(samples=array)), COLOUR)


def test_where_the_channels_may_be_either_it_is_asked() -> None:
    array = COLOUR[:, :, :, :3]  # (300, 3, 28, 3)
    np.save("some.npy", array)
    with pytest.raises(DataError, match=r"sample_shape=3,28,3 or --set sample_shape=3,3,28"):
        load_dataset("./some.npy")
    first = load_dataset("./some.npy", sample_shape=(3, 28, 3))
    last = load_dataset("./some.npy", sample_shape=(3, 3, 28))
    assert np.array_equal(pixels(first), array)
    assert np.array_equal(pixels(last), array.transpose(0, 3, 1, 2))


def test_flat_images_are_taken_when_their_shape_is_said() -> None:
    np.save("flat.npy", GREY.reshape(N, 784))
    with pytest.raises(DataError, match=r"shape \(300, 784\), .*--set sample_shape=1,28,28"):
        load_dataset("./flat.npy")
    assert np.array_equal(pixels(load_dataset("./flat.npy", sample_shape=(1, 28, 28))), GREY)


def test_images_are_resized_when_another_size_is_asked_for() -> None:
    np.save("some.npy", GREY)
    assert load_dataset("./some.npy", sample_shape=(3, 16, 16)).sample_shape == (3, 16, 16)


# --- types and ranges


@pytest.mark.parametrize(
    ("array", "value_range"),
    [
        (GREY.astype(np.uint16) * 257, None),
        ((GREY / np.float32(255)).astype(np.float32), None),
        (GREY / 255, None),
        (GREY.astype(np.float64), (0, 255)),
        (GREY / 127.5 - 1, (-1, 1)),
        (GREY.astype(np.int64), (0, 255)),
    ],
    ids=["uint16", "float32", "float64", "0 to 255", "-1 to 1", "int64"],
)
def test_deeper_values_become_eight_bits_by_their_usual_range_or_the_one_that_is_said(
    array: Any, value_range: Any
) -> None:
    np.save("some.npy", array)
    data = load_dataset("./some.npy", value_range=value_range)
    assert np.array_equal(pixels(data), GREY)
    assert data.facts == ({} if value_range is None else {"value_range": list(value_range)})


def test_true_is_white() -> None:
    assert np.unique(pixels(npz(samples=GREY > 127))).tolist() == [0, 255]


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (GREY.astype(np.float32), r"float32 values from 0 to 255\..*--range 0,255"),
        (GREY / 127.5 - 1, r"usually from 0 to 1: .*--range -1(\.0)?,1"),
        (GREY.astype(np.int32), "have no usual range: .*--range 0,255"),
        (GREY.astype(np.complex64), "type complex64, which are no numbers"),
        (GREY.astype("datetime64[s]"), "which are no numbers"),
        (np.array([["a", "b"]] * 20), "type <U1, which are no numbers"),
        (np.zeros((0, 28, 28), np.uint8), "has no samples"),
        (np.zeros((5,), np.uint8), r"shape \(5,\), not samples"),
        (np.uint8(3), "no samples|not samples"),
        (np.zeros((9, 2, 8, 8), np.uint8), "images have 1 or 3 channels"),
        (np.zeros((9, 8, 8, 4), np.uint8), "Leave out a channel for transparency"),
        (np.zeros((9, 2, 3, 8, 8), np.uint8), "not of images: .* If images were made flat"),
    ],
)
def test_what_is_no_images_is_refused_with_the_reason(array: Any, why: str) -> None:
    with pytest.raises(DataError, match=why):
        npz(samples=array)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_hold_no_number_are_counted_and_one_is_named(bad: float) -> None:
    array = (GREY / 255).astype(np.float32)
    array[[7, 9], 0, 3, 3] = bad
    with pytest.raises(DataError, match=r"NaN or infinite values, in 2 of 300 .* number 7"):
        npz(samples=array)


def test_a_range_that_is_hardly_used_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    np.save("some.npy", GREY.astype(np.uint16))
    load_dataset("./some.npy")
    assert "less than a tenth of the range" in caplog.text and "--range 0,255" in caplog.text
    np.save("some.npy", GREY)
    load_dataset("./some.npy", value_range=(0, 9))
    assert "The range of values has no effect" in caplog.text


# --- labels


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (LABELS[:9], r"300 samples and labels of shape \(9,\): give one"),
        (np.eye(10)[LABELS], r"labels of shape \(300, 10\): give one"),
        (LABELS - 1, "labels from -1 to"),
        (LABELS * 10**6, "classes are numbered from 0"),
        (LABELS / 2, "labels of the type float64 that are no whole numbers"),
        (LABELS.astype("datetime64[s]"), "that are no whole numbers"),
        (np.where(LABELS == 3, np.nan, LABELS), "that are no whole numbers"),
        (np.where(LABELS == 3, np.inf, LABELS), "that are no whole numbers"),
        (LABELS.astype(np.uint64) + 2**63, "labels from 9223372036854775808 to"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: Any, why: str) -> None:
    with pytest.raises(DataError, match=why):
        npz(samples=GREY, labels=labels)


def test_labels_may_be_names_and_names_may_come_along() -> None:
    words = np.array(["zebra", "ant"])[LABELS % 2]
    data = npz(samples=GREY, labels=words)
    assert data.class_names == ("ant", "zebra") and data.labels is not None
    assert np.array_equal(np.array(data.class_names)[data.labels], words)
    names = np.array([f"digit {one}" for one in range(10)])
    assert npz(samples=GREY, labels=LABELS, class_names=names).class_names == tuple(names)
    with pytest.raises(DataError, match="names 2 classes, and holds labels up to 9"):
        npz(samples=GREY, labels=LABELS, class_names=names[:2])


# --- names and splits


def test_arrays_of_other_names_are_asked_for_and_named_in_the_reference() -> None:
    np.savez("some.npz", faces=GREY, who=LABELS)
    with pytest.raises(DataError, match=r"holds: faces, who\. .*\./some\.npz:SAMPLES,LABELS"):
        load_dataset("./some.npz")
    data = load_dataset("./some.npz:faces,who")
    assert len(data) == N and data.labels is not None and data.name == "./some.npz"
    assert load_dataset("./some.npz:faces").labels is None
    with pytest.raises(DataError, match="holds no array 'nose'"):
        load_dataset("./some.npz:nose")


def test_a_file_may_hold_a_test_set_too() -> None:
    data = npz(x_train=GREY[:200], y_train=LABELS[:200], x_test=GREY[200:], y_test=LABELS[200:])
    assert len(data) == 200 and data.splits == ("train", "test")
    test = load_dataset("./some.npz", split="test")
    assert np.array_equal(pixels(test), GREY[200:])


def test_a_sample_file_of_the_zoo_is_data(zoo: Zoo) -> None:
    asked = ["sample", "cvae-mnist", "--label", "3", "--label", "4", "-n", "30"]
    assert zoo(*asked, "-o", "some.npz").exit_code == 0
    data = load_dataset("./some.npz")
    assert data.sample_shape == (1, 28, 28) and data.labels is not None
    assert set(data.labels.tolist()) == {3, 4}


def test_numbers_of_other_kinds_are_taken_as_they_are() -> None:
    waves = np.linspace(-5, 5, 640).reshape(10, 64)
    np.savez("some.npz", samples=waves)
    data = load_dataset("./some.npz", kind="array")
    assert data.samples.shape == (10, 64)
    assert data.inputs(data.samples[:]).numpy() == pytest.approx(waves, abs=1e-6)
    with pytest.raises(DataError, match=r"holds samples of the kind image or array, not text"):
        load_dataset("./some.npz", kind="text")


# --- files that are damaged, hostile or gone


def test_objects_are_never_unpickled() -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return Path("ran").touch, ()

    np.save("some.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    np.savez("some.npz", samples=np.array([Evil()], dtype=object))
    for name in ("./some.npy", "./some.npz"):
        with pytest.raises(DataError, match="holds Python objects, which could run code"):
            load_dataset(name)
    assert not Path("ran").exists()


def broken(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"no array", b"\x93NUMPY\x09\x09", b"PK\x03\x04", b"\xff" * 99]
)
def test_a_damaged_file_is_named(content: bytes, suffix: str) -> None:
    Path(f"some{suffix}").write_bytes(content)
    with pytest.raises(DataError, match=rf"some{suffix} is damaged, or not a file of arrays"):
        load_dataset(f"./some{suffix}")


def test_a_file_that_promises_more_than_it_holds_is_refused_before_memory_is_asked_for() -> None:
    np.save("some.npy", GREY)
    whole = Path("some.npy").read_bytes()
    Path("some.npy").write_bytes(whole[:-100])
    with pytest.raises(DataError, match="shorter than its header says"):
        load_dataset("./some.npy")
    Path("some.npy").write_bytes(whole.replace(b"(300,", b"(3000000000000,"))
    with pytest.raises(DataError, match="is damaged"):
        load_dataset("./some.npy")
    save_file({"samples": GREY}, "some.safetensors")
    Path("some.safetensors").write_bytes(Path("some.safetensors").read_bytes()[:-9])
    with pytest.raises(DataError, match="shorter than its header says"):
        load_dataset("./some.safetensors")


def test_a_compressed_array_that_does_not_fit_in_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    np.savez_compressed("some.npz", samples=np.zeros((500, 100, 100), np.uint8))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**6))
    with pytest.raises(DataError, match=r"does not fit in memory\. Save it as \.npy, or without"):
        load_dataset("./some.npz")


def test_a_zip_entry_whose_size_is_a_lie_is_refused() -> None:
    with zipfile.ZipFile("some.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples.npy", b"\x93NUMPY\x01\x00v\x00" + b" " * 118)
    with pytest.raises(DataError, match="is damaged"):
        load_dataset("./some.npz")


def test_a_file_that_is_missing_or_written_without_its_dot_is_said() -> None:
    with pytest.raises(DataError, match=r"There is no file \./gone\.npz"):
        load_dataset("./gone.npz")
    np.save("here.npy", GREY)
    with pytest.raises(DataError, match=r"For the file write \./here\.npy"):
        load_dataset("here.npy")
    with pytest.raises(ConfigError, match="the lower first"):
        load_dataset("./here.npy", value_range=(9, 1))


# --- what does not fit in memory


def test_a_large_array_is_mapped_and_scaled_when_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    np.save("some.npy", (GREY / 255).astype(np.float32))
    monkeypatch.setattr("zoo.data.arrays.SMALL", 0)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    data = load_dataset("./some.npy")
    assert not isinstance(data.samples, torch.Tensor) and data.sample_shape == (1, 28, 28)
    chosen = torch.tensor([5, 0, 3, 3])
    assert np.array_equal(data.samples[chosen].numpy(), GREY[chosen.numpy()])
    assert data.sha256 == DIGITS.sha256
    part = data.part(torch.tensor([9, 8, 7])).part(slice(1, 3))
    assert np.array_equal(part.samples[:].numpy(), GREY[[8, 7]])
    small = load_dataset("./some.npy", sample_shape=(1, 8, 8))
    assert small.samples[chosen].shape == (4, 1, 8, 8) and small.sample_shape == (1, 8, 8)


def test_a_training_on_arrays_is_that_on_the_same_images(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez("images.npz", x_train=GREY[:, 0], y_train=LABELS)
    np.savez("floats.npz", x_train=GREY / 255, y_train=LABELS)
    words = ["--epochs", 1, "--seed", 0, "--set", "hidden_dims=8", "--set", "num_classes=10"]
    made = zoo("train", "mlp-vae", "--data", "./images.npz", "--out", "one", *words)
    assert made.exit_code == 0, made.output
    monkeypatch.setattr("zoo.data.arrays.SMALL", 0)
    monkeypatch.setattr("zoo.data.numbers.fits", lambda *given: False)
    made = zoo("train", "mlp-vae", "--data", "./floats.npz", "--out", "two", *words)
    assert made.exit_code == 0, made.output
    one, two = (Path(name, "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    facts = json.loads(Path("two/facts.json").read_text())
    assert facts["dataset"] == "./floats.npz"
    assert "--data ./floats.npz" in facts["command"]
