"""Folders of images: which files are images, which folders are classes, and what is skipped."""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pictures
import pytest

from zoo.common.errors import ConfigError, DataError, NotFoundError
from zoo.data import load_dataset, refuse_unknown
from zoo.data.folders import find_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "zoo")


@contextlib.contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder that everybody may enter, and a user whom permissions bind even where root tests."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        try:
            yield Path(made)
        finally:
            if root:
                os.seteuid(0)
            for path in Path(made).rglob("*"):
                if path.is_dir():
                    path.chmod(0o755)


def become_nobody() -> None:
    if os.geteuid() == 0:
        os.seteuid(65534)


def test_what_systems_leave_beside_pictures_is_skipped_and_said_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = load_dataset(str(pictures.companions(folder)))
    assert len(data) == pictures.COUNT and data.labels is None
    assert "Skipped 13 hidden or system files" in caplog.text
    assert "and 3 more" in caplog.text
    assert caplog.text.count("Skipped folders in") == 1 and "__MACOSX" in caplog.text


@pytest.mark.parametrize(
    "name",
    ["$RECYCLE.BIN", "System Volume Information", "@eaDir", "#recycle", "lost+found", "__MACOSX"],
)
def test_a_folder_of_the_system_is_no_class_and_no_part_of_one(
    name: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for place in ("cat", "dog"):
        pictures.fill(folder / place, 5)
        # as the servers of Synology write it: a folder with the name of the picture
        pictures.fill(folder / place / name / "000.png", 1)
    pictures.fill(folder / name, 3)
    data = load_dataset(str(folder))
    assert data.class_names == ("cat", "dog") and data.labels is not None
    assert data.labels.bincount().tolist() == [5, 5]
    assert name in caplog.text


@pytest.mark.parametrize("place", ["", "cat"])
def test_a_link_that_leads_to_itself_is_no_folder(place: str, folder: Path) -> None:
    pictures.fill(folder / "cat", 5)
    pictures.fill(folder / "dog", 5)
    loop = folder / place / "loop"
    loop.symlink_to(loop)
    assert load_dataset(str(folder)).class_names == ("cat", "dog")


def test_a_hidden_folder_is_no_class(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = load_dataset(str(pictures.notebook(folder)))
    assert data.class_names == ("cat", "dog") and data.labels is not None
    assert data.labels.bincount().tolist() == [5, 5]
    assert f"Skipped folders in {folder}: .ipynb_checkpoints" in caplog.text


def test_folders_in_a_class_are_read_and_a_class_without_images_is_named(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = load_dataset(str(pictures.nested(folder)))
    assert data.class_names == ("bird", "cat", "dog") and data.labels is not None
    assert data.labels.bincount().tolist() == [6, 6, 6]
    (warning,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert warning.getMessage().endswith("so they are not classes: fish")


def test_files_that_are_no_images_are_counted(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pictures.fill(folder)
    (folder / "labels.csv").touch()
    (folder / "photo.heic").touch()
    assert len(load_dataset(str(folder))) == pictures.COUNT
    assert f"Skipped 2 files in {folder} that are not images: labels.csv, photo.heic" in caplog.text


def test_nothing_is_said_of_a_clean_folder(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    pictures.fill(folder)
    (folder / "provenance.json").write_text("{}")  # as `zoo sample -o FOLDER` leaves it
    load_dataset(str(folder))
    assert caplog.text == ""


def test_images_beside_class_folders_are_refused(folder: Path) -> None:
    pictures.fill(folder / "cat", 1)
    pictures.fill(folder, 1)
    with pytest.raises(
        DataError, match=r"its classes \(cat\), and others outside of them, such as 000\.png\. Move"
    ):
        find_images(folder)


def test_a_folder_around_the_classes_is_not_taken_for_the_only_class(folder: Path) -> None:
    pictures.fill(folder / "all" / "cat", 1)
    pictures.fill(folder / "all" / "dog", 1)
    with pytest.raises(DataError, match=rf"holds one folder only, all.* take {folder}/all$"):
        find_images(folder)
    assert find_images(folder / "all").classes == ("cat", "dog")


def test_folders_for_training_and_testing_are_no_classes(folder: Path) -> None:
    pictures.fill(folder / "train" / "cat", 1)
    pictures.fill(folder / "test" / "cat", 1)
    with pytest.raises(DataError, match=r"parts of a data set, not classes: test, train\. Take"):
        find_images(folder)


def test_a_link_to_a_folder_above_is_not_followed(folder: Path) -> None:
    pictures.fill(folder / "cat", 2)
    pictures.fill(folder / "dog", 2)
    (folder / "dog" / "again").symlink_to(folder / "dog")
    (folder / "dog" / "all").symlink_to(folder)
    (folder / "self").symlink_to(folder)
    found = find_images(folder)
    assert found.classes == ("cat", "dog")
    assert sorted(found.names) == ["cat/000.png", "cat/001.png", "dog/000.png", "dog/001.png"]


def test_a_link_to_a_class_elsewhere_is_followed(folder: Path, tmp_path: Path) -> None:
    pictures.fill(tmp_path / "elsewhere", 2)
    pictures.fill(folder / "cat", 2)
    (folder / "dog").symlink_to(tmp_path / "elsewhere")
    assert find_images(folder).classes == ("cat", "dog")


def test_hidden_files_do_not_change_the_digest_of_a_folder(folder: Path) -> None:
    digest = find_images(pictures.nested(folder)).digest
    (folder / "cat" / "._000.png").write_bytes(b"x")
    assert find_images(folder).digest == digest


@pytest.mark.parametrize("place", ["pictures", "pictures/cat"])
def test_a_folder_that_may_not_be_read_is_named(place: str) -> None:
    with as_nobody() as world:
        pictures.fill(world / "pictures" / "cat", 1)
        pictures.fill(world / "pictures" / "dog", 1)
        (world / place).chmod(0)
        become_nobody()
        with pytest.raises(DataError, match=rf"Can't read the folder {world}/{place}: Permission"):
            load_dataset(str(world / "pictures"))


def test_an_image_that_may_not_be_read_is_named() -> None:
    with as_nobody() as world:
        pictures.fill(world / "pictures", 2)
        (world / "pictures" / "001.png").chmod(0)
        become_nobody()
        with pytest.raises(DataError, match=r"Can't read .*/001\.png: Permission denied\. Change"):
            load_dataset(str(world / "pictures"))


def test_a_folder_of_data_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with as_nobody() as world:
        (world / "data").mkdir(mode=0)
        # what is installed may lie where nobody else may read
        with pytest.raises(DataError):
            load_dataset("mnist", root=world)
        become_nobody()
        with pytest.raises(DataError, match=rf"Can't read {world}/data, which --data-root names"):
            load_dataset("mnist", root=world / "data")
        monkeypatch.setenv("ZOO_DATA", str(world / "data"))
        with pytest.raises(DataError, match=rf"Can't read {world}/data, which ZOO_DATA names"):
            load_dataset("mnist")


def test_the_home_of_a_user_who_does_not_exist_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"'~nosuchuser/pictures'.* Write the path in full"):
        load_dataset("~nosuchuser/pictures")
    with pytest.raises(ConfigError, match="--data-root = '~nosuchuser/data'"):
        load_dataset("mnist", root=Path("~nosuchuser/data"))
    monkeypatch.setenv("ZOO_DATA", "~nosuchuser/data")
    with pytest.raises(ConfigError, match="ZOO_DATA = '~nosuchuser/data'"):
        load_dataset("mnist")


def test_a_data_set_that_is_not_there_is_refused_without_reading_one(folder: Path) -> None:
    refuse_unknown("mnist")
    with pytest.raises(NotFoundError, match=r"'mnits'.*Did you mean .*'mnist'"):
        refuse_unknown("mnits")
    with pytest.raises(DataError, match=r"is not a folder of images\. There is no such folder\."):
        refuse_unknown(str(folder))
    folder.touch()
    with pytest.raises(DataError, match=r"is not a folder of images\. It is a file\."):
        refuse_unknown(str(folder))


def test_a_data_set_is_refused_without_what_is_slow_to_import() -> None:
    code = (
        "import sys\nfrom zoo.data import refuse_unknown\n"
        "try: refuse_unknown('mnits')\nexcept Exception as error: print(type(error).__name__)\n"
        "print([name for name in ('torch', 'numpy', 'PIL') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split("\n")[:2] == ["NotFoundError", "[]"], result.stderr
