"""Kinds of samples: one row for each, and what is asked of it."""

import subprocess
import sys

import pytest

from zoo.common.errors import ConfigError
from zoo.registry.hookspecs import KINDS as NAMES
from zoo.sampling import formats
from zoo.sampling.kinds import KINDS, kind_called


def test_the_table_has_the_kinds_that_a_plugin_may_name() -> None:
    assert tuple(KINDS) == tuple(NAMES)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_can_be_written_to_its_default_file(kind: object) -> None:
    named = kind_called(kind.name)  # type: ignore[attr-defined]
    suffix = named.default_file[named.default_file.index(".") :]
    assert named.name in formats.FORMATS[suffix].kinds


@pytest.mark.parametrize("shape", [(3,), (2, 28, 28), (28, 28), (1, 1, 28, 28)])
def test_a_shape_that_no_image_has_is_told(shape: tuple[int, ...]) -> None:
    assert "not a shape of an image" in KINDS["image"].wrong_shape(shape)
    assert KINDS["array"].wrong_shape(shape) == "" == KINDS["image"].wrong_shape((3, 8, 9))


@pytest.mark.parametrize("name", ["picture", "", None, 3])
def test_another_kind_is_refused(name: object) -> None:
    with pytest.raises(ConfigError, match="is not a kind of samples: there are image, array"):
        kind_called(name)


def test_the_tables_of_kinds_and_formats_import_nothing_heavy() -> None:
    code = (
        "import sys, zoo.sampling.kinds, zoo.sampling.formats, zoo.sampling.request, "
        "zoo.sampling.save, zoo.editing.lines, zoo.editing.reconstruction; "
        "print([name for name in ('torch', 'numpy', 'PIL', 'rich') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
