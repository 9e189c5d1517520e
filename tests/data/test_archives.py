"""Images in .zip and .tar files are a folder's, and nothing is unpacked."""

import io
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Zoo
from PIL import Image

from zoo.common.errors import DataError
from zoo.data import load_dataset
from zoo.data.samples import OnDisk
from zoo.sampling.images import to_image

SUFFIXES = {
    ".zip": "zip",
    ".tar": "tar",
    ".tar.gz": "gztar",
    ".tar.bz2": "bztar",
    ".tar.xz": "xztar",
}


def picture(index: int, size: int = 8) -> bytes:
    file = io.BytesIO()
    Image.new("L", (size, size), index * 3 % 256).save(file, "PNG")
    return file.getvalue()


def fill(folder: Path, n: int = 40) -> Path:
    for index in range(n):
        path = folder / ("ant", "zebra")[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(index))
    return folder


def zipped(entries: dict[str, bytes], name: str = "some.zip") -> str:
    with zipfile.ZipFile(name, "w") as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
    return f"./{name}"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("root", [".", "photos"])
def test_an_archive_is_the_folder_that_it_was_made_of(suffix: str, root: str) -> None:
    fill(Path("photos"))
    above = "photos" if root == "." else "."
    shutil.make_archive("some", SUFFIXES[suffix], above, root)
    folder, archive = load_dataset("./photos"), load_dataset(f"./some{suffix}")
    assert archive.class_names == folder.class_names == ("ant", "zebra")
    assert archive.sha256 == folder.sha256
    assert archive.labels is not None and folder.labels is not None
    assert torch.equal(archive.labels, folder.labels)
    assert archive.name == f"./some{suffix}" and len(archive.origin_sha256) == 64
    assert sorted(path.name for path in Path().iterdir()) == ["photos", f"some{suffix}"]


def test_real_digits_in_archives_keep_every_pixel_and_label() -> None:
    digits = load_dataset("mnist").part(slice(300))
    assert digits.labels is not None
    given = sorted(zip(digits.samples[:].flatten(1).tolist(), digits.labels.tolist(), strict=True))
    for index, label in enumerate(digits.labels.tolist()):
        path = Path("digits", str(label), f"{index}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        to_image(digits.samples[index]).save(path)
    for suffix, kind in SUFFIXES.items():
        shutil.make_archive("some", kind, ".", "digits")
        found = load_dataset(f"./some{suffix}")
        assert found.labels is not None
        pixels = found.samples[:].flatten(1).tolist()
        assert sorted(zip(pixels, found.labels.tolist(), strict=True)) == given


def test_a_training_on_an_archive_is_that_on_the_folder(zoo: Zoo) -> None:
    fill(Path("photos"))
    shutil.make_archive("some", "zip", ".", "photos")
    words = ["--epochs", 1, "--seed", 0, "--set", "hidden_dims=8", "--set", "num_classes=2"]
    for data in ("photos", "some.zip"):
        made = zoo("train", "mlp-vae", "--data", f"./{data}", "--out", f"{data}-made", *words)
        assert made.exit_code == 0, made.output
    one, two = (
        Path(f"{name}-made/model.safetensors").read_bytes() for name in ("photos", "some.zip")
    )
    assert one == two


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_what_does_not_fit_in_memory_stays_in_the_archive(
    suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(Path("photos"))
    shutil.make_archive("some", SUFFIXES[suffix], ".", "photos")
    memory = load_dataset(f"./some{suffix}")
    monkeypatch.setattr("zoo.data.image_folders.fits", lambda shape: False)
    disk = load_dataset(f"./some{suffix}")
    assert isinstance(disk.samples, OnDisk)
    chosen = torch.tensor([5, 0, 3, 3])
    assert torch.equal(disk.samples[chosen], memory.samples[chosen])


def test_a_compressed_tar_that_does_not_fit_in_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(Path("photos"))
    shutil.make_archive("some", "gztar", ".", "photos")
    monkeypatch.setattr("zoo.data.image_folders.fits", lambda shape: False)
    with pytest.raises(DataError, match=r"Make a \.zip or a plain \.tar"):
        load_dataset("./some.tar.gz")


def test_training_and_test_folders_are_splits() -> None:
    names = {
        f"all/{part}/{kind}/{i}.png": picture(i)
        for part in ("train", "test")
        for kind in "ab"
        for i in range(5)
    }
    data = load_dataset(zipped(names | {"all/train/a/9.png": picture(9)}))
    assert (len(data), data.splits, data.class_names) == (11, ("train", "test"), ("a", "b"))
    assert len(load_dataset("./some.zip", split="test")) == 10


def test_what_systems_leave_in_archives_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    names = {
        "a/1.png": picture(1),
        "a/.hidden.png": b"",
        "__MACOSX/a/._1.png": b"",
        "a/Thumbs.db": b"",
        "a/notes.txt": b"",
        "b/2.png": picture(2),
    }
    data = load_dataset(zipped(names))
    assert len(data) == 2 and data.class_names == ("a", "b")
    assert "notes.txt" in caplog.text


def test_an_archive_of_images_alone_has_no_labels() -> None:
    data = load_dataset(zipped({f"photos/{index}.png": picture(index) for index in range(5)}))
    assert data.labels is None and len(data) == 5


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({}, "holds no images"),
        ({"a.txt": b"x"}, "holds no images"),
        ({"a/1.png": picture(1), "2.png": picture(2)}, r"outside of them, such as 2\.png"),
        ({"a/1.png": b"no image", "a/2.png": picture(2)}, r"a/1\.png is not a readable image"),
        ({"a/1.png": picture(1), "a/2.png": picture(2, 9)}, "The images differ in size"),
    ],
)
def test_an_archive_without_good_images_is_refused(entries: Any, why: str) -> None:
    with pytest.raises(DataError, match=why):
        load_dataset(zipped(entries))
    if "no image" in str(entries):
        assert len(load_dataset("./some.zip", skip_bad=True)) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + b"\xff" * 40])
def test_a_damaged_archive_is_named(suffix: str, content: bytes) -> None:
    Path(f"some{suffix}").write_bytes(content)
    with pytest.raises(DataError, match="is damaged, or not an archive"):
        load_dataset(f"./some{suffix}")


def test_a_cut_archive_is_named() -> None:
    fill(Path("photos"))
    shutil.make_archive("some", "gztar", ".", "photos")
    whole = Path("some.tar.gz").read_bytes()
    Path("some.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"is damaged|can't be read"):
        load_dataset("./some.tar.gz")


def test_entries_that_lead_elsewhere_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture(7))
    with tarfile.open("some.tar", "w") as archive:
        for name, target in (("a/1.png", None), ("a/2.png", str(tmp_path / "secret.png"))):
            entry = tarfile.TarInfo(name)
            content = picture(1)
            entry.size = 0 if target else len(content)
            entry.type, entry.linkname = (
                (tarfile.SYMTYPE, target) if target else (tarfile.REGTYPE, "")
            )
            archive.addfile(entry, None if target else io.BytesIO(content))
    assert len(load_dataset("./some.tar")) == 1
    zipped({"../../up.png": picture(1), "/abs/b.png": picture(2), "abs/c.png": picture(2)})
    assert len(load_dataset("./some.zip")) == 2
    assert not (tmp_path / "up.png").exists()


def test_an_entry_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.data.archives.LARGEST", 50)
    with pytest.raises(DataError, match="more than 50 bytes"):
        load_dataset(zipped({"a.png": b"x" * 100}))


def test_an_archive_that_is_locked_by_a_password_says_so() -> None:
    content = bytearray(Path(zipped({"a.png": picture(1)})).read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):  # the flag of a password, in both headers
        content[content.find(mark) + (6 if mark[2] == 3 else 8)] |= 1
    Path("some.zip").write_bytes(content)
    with pytest.raises(DataError, match="password"):
        load_dataset("./some.zip")
