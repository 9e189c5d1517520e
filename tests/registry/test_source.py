"""What is read from a model's source agrees with what an import of it would say, and costs no
torch.
"""

import dataclasses
import importlib
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from zoo.common.config import StrictConfig, describe, field_types, parse_assignments
from zoo.common.errors import PluginError
from zoo.registry import source
from zoo.registry.registry import installed

BUILT_IN = ("mlp-vae", "conv-vae", "mlp-gan", "dcgan")

Guest = Callable[..., str]
_number = count()

BASE = """
    from dataclasses import dataclass
    from zoo.models import LatentModel, ModelConfig, Size

    class Base(LatentModel):
        @dataclass(frozen=True, kw_only=True)
        class Config(ModelConfig):
            latent_dim: Size = 16
            depth: Size = 2
    """


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guest]:
    """Put a package with the modules `base` and `model` on the path: `guest(code)`; PKG in the code
    is its name.

    The result is the entry point of the class `Mine` in `model`.
    """
    monkeypatch.syspath_prepend(tmp_path / "path")
    before = set(sys.modules)

    def make(code: str, base: str = BASE) -> str:
        package = f"guest{next(_number)}"
        folder = tmp_path / "path" / package
        folder.mkdir(parents=True)
        for module, text in {"__init__": "", "base": base, "model": code}.items():
            (folder / f"{module}.py").write_text(textwrap.dedent(text).replace("PKG", package))
        importlib.invalidate_caches()
        return f"{package}.model:Mine"

    yield make
    for name in sys.modules.keys() - before:
        if name.startswith("guest"):
            del sys.modules[name]


def real_config(entry_point: str) -> type[StrictConfig]:
    """The Config of the class that an import gives."""
    module, _, name = entry_point.partition(":")
    config: type[StrictConfig] = getattr(importlib.import_module(module), name).Config
    return config


def assert_agrees(entry_point: str) -> None:
    """The same names in the same order with the same types and defaults."""
    shown = source.config_fields(entry_point)
    config = real_config(entry_point)
    assert [field.name for field in shown] == [field.name for field in dataclasses.fields(config)]
    assert [field.type for field in shown] == [
        describe(hint) for hint in field_types(config).values()
    ]
    (typed,) = parse_assignments([f"{field.name}={field.default}" for field in shown], config)
    assert config.from_dict(typed) == config()


@pytest.mark.parametrize("model", BUILT_IN)
def test_every_field_of_the_zoos_own_models_and_recipes_says_what_it_means(model: str) -> None:
    entry_point = installed().models[model].entry_point
    for field in source.config_fields(entry_point) + source.recipe_fields(entry_point):
        assert field.meaning, field.name


def test_a_field_means_what_the_first_sentence_of_its_line_says_and_a_base_class_is_asked_too(
    guest: Guest,
) -> None:
    code = '''
        from dataclasses import dataclass
        from PKG.base import Base
        from zoo.models import Size

        class Mine(Base):
            @dataclass(frozen=True, kw_only=True)
            class Config(Base.Config):
                """Sizes.

                **Arguments:**
                - `width`, `height`: of the maps (Ho et al. 2020): "wide" or
                    not. A second sentence.
                - `depth`: layers; more of them take longer.

                **Raises:** - `secret`: nothing.
                """

                width: Size = 4
                height: Size = 4
                secret: Size = 1
        '''
    meanings = {field.name: field.meaning for field in source.config_fields(guest(code))}
    assert meanings.pop("sample_shape").startswith(
        "shape of one sample without the batch dimension"
    )
    assert meanings.pop("num_classes").endswith("0 is unconditional")
    said = 'of the maps (Ho et al. 2020): "wide" or not'
    more = "layers; more of them take longer"
    assert meanings == {
        "latent_dim": "",
        "depth": more,
        "width": said,
        "height": said,
        "secret": "",
    }


def test_options_are_read_like_a_config_and_a_blank_line_hides_no_meaning(guest: Guest) -> None:
    code = '''
        from dataclasses import dataclass
        from zoo.models import GenerativeModel, Size, StrictConfig

        class Mine(GenerativeModel):
            @dataclass(frozen=True, kw_only=True)
            class Options(StrictConfig):
                """How to draw.

                **Arguments:**

                - `steps`: of the way from noise.
                """

                steps: Size = 50
        '''
    (steps,) = source.option_fields(guest(code))
    assert steps == source.ConfigField(
        "steps", "whole number 1 to 65536", "50", "of the way from noise"
    )
    assert source.option_fields(installed().models["mlp-vae"].entry_point) == []


@pytest.mark.parametrize("model", BUILT_IN)
def test_the_fields_of_a_built_in_model_are_those_of_its_imported_config(model: str) -> None:
    entry_point = installed().models[model].entry_point
    assert {"sample_shape", "num_classes", "latent_dim"} < {
        one.name for one in source.config_fields(entry_point)
    }
    assert_agrees(entry_point)


def recipe_of(entry_point: str) -> dict[str, str]:
    return {field.name: field.default for field in source.recipe_fields(entry_point)}


@pytest.mark.parametrize("model", BUILT_IN)
def test_the_recipe_of_a_built_in_model_is_the_imported_one_typed_out(model: str) -> None:
    real = installed().model_class(model).recipe
    shown = recipe_of(installed().models[model].entry_point)
    (typed,) = parse_assignments([f"{name}={value}" for name, value in shown.items()], type(real))
    assert dataclasses.replace(type(real)(), **typed) == real


WAYS = {
    "a class that inherits its whole Config": """
        from PKG.base import Base
        class Mine(Base): pass
    """,
    "a Config that inherits another": """
        from dataclasses import dataclass
        from PKG.base import Base
        from zoo.models import Size
        class Mine(Base):
            @dataclass(frozen=True, kw_only=True)
            class Config(Base.Config):
                width: Size = 8
                depth: Size = 3
    """,
    "an assigned Config": """
        from dataclasses import dataclass
        from zoo.models import Fraction, LatentModel, ModelConfig
        @dataclass(frozen=True, kw_only=True)
        class Other(ModelConfig):
            dropout: Fraction = 0.25
        class Mine(LatentModel):
            Config = Other
    """,
    "an assigned Config of another class": """
        from PKG.base import Base
        from zoo.models import LatentModel
        class Mine(LatentModel):
            Config = Base.Config
    """,
    "an import under another name": """
        from PKG.base import Base as Parent
        class Mine(Parent): pass
    """,
    "a relative import": """
        from .base import Base
        class Mine(Base): pass
    """,
    "a module of the package": """
        from PKG import base
        class Mine(base.Base): pass
    """,
    "a relative module": """
        from . import base
        class Mine(base.Base): pass
    """,
    "an imported module": """
        import PKG.base
        class Mine(PKG.base.Base): pass
    """,
    "an imported module under another name": """
        import PKG.base as there
        class Mine(there.Base): pass
    """,
    "the torch door as a module": """
        from dataclasses import dataclass
        from zoo import models
        from zoo.models import Size
        class Mine(models.LatentModel):
            @dataclass(frozen=True, kw_only=True)
            class Config(models.ModelConfig):
                width: Size = 8
    """,
    "a generic base": """
        from dataclasses import dataclass
        from typing import TypeVar
        from zoo.models import LatentModel, ModelConfig, Size
        C = TypeVar("C", bound=ModelConfig)
        class Family(LatentModel[C]): pass
        class Mine(Family["Mine.Config"]):
            @dataclass(frozen=True, kw_only=True)
            class Config(ModelConfig):
                width: Size = 8
    """,
    "a base whose name begins as one of torch's or typing's": """
        from dataclasses import dataclass
        from zoo.models import LatentModel, ModelConfig, Size
        class GenericFlow(LatentModel):
            @dataclass(frozen=True, kw_only=True)
            class Config(ModelConfig):
                width: Size = 8
        class Mine(GenericFlow): pass
    """,
    "a constant of the class among the fields": """
        from dataclasses import dataclass
        from typing import ClassVar
        from zoo.models import LatentModel, ModelConfig, Size
        class Mine(LatentModel):
            @dataclass(frozen=True, kw_only=True)
            class Config(ModelConfig):
                version: ClassVar[int] = 2
                width: Size = 8
    """,
    "two parents": """
        from dataclasses import dataclass
        from PKG.base import Base
        from zoo.models import LatentModel, ModelConfig, Size
        class Wide(LatentModel):
            @dataclass(frozen=True, kw_only=True)
            class Config(ModelConfig):
                width: Size = 8
                depth: Size = 5
        class Mine(Wide, Base): pass
    """,
    "a Config of two parents": """
        from dataclasses import dataclass
        from PKG.base import Base
        from zoo.models import LatentModel, ModelConfig, Size
        @dataclass(frozen=True, kw_only=True)
        class Wide(ModelConfig):
            width: Size = 8
            depth: Size = 5
        class Mine(Base):
            @dataclass(frozen=True, kw_only=True)
            class Config(Wide, Base.Config): pass
    """,
    "every type that a field may have": """
        from dataclasses import dataclass
        from typing import Annotated, Literal
        from zoo.models import Bounds, Count, Fraction, LatentModel, ModelConfig, Rate, Size
        class Mine(LatentModel):
            @dataclass(frozen=True, kw_only=True)
            class Config(ModelConfig):
                kind: Literal["affine", "additive"] = "affine"
                flag: bool = True
                temperature: Annotated[float, Bounds(-1.0, 4.0)] = -0.5
                maybe: Size | None = None
                word: str = "relu"
                widths: tuple[Size, ...] = (8, 16)
                none_yet: tuple[Count, ...] = ()
                rate: Rate = 1e-4
                share: Fraction = 0.0
    """,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_guest_may_write_its_config_in_any_usual_way(way: str, guest: Guest) -> None:
    entry_point = guest(WAYS[way])
    assert_agrees(entry_point)
    assert source.fault(entry_point) == ""


def test_a_recipe_is_inherited_or_replaced_as_python_has_it(guest: Guest) -> None:
    code = """
        from PKG.base import Base
        from zoo.models import TrainConfig
        class Middle(Base):
            recipe = TrainConfig(epochs=3, betas=(0.5, 0.9))
        class Mine(Middle): pass
        class Other(Middle):
            recipe = TrainConfig(batch_size=32)
        """
    mine = guest(code)
    first, other = recipe_of(mine), recipe_of(mine.replace("Mine", "Other"))
    assert (first["epochs"], first["betas"], first["batch_size"]) == ("3", "0.5,0.9", "128")
    assert (other["epochs"], other["betas"], other["batch_size"]) == ("10", "0.9,0.999", "32")


def test_a_learning_rate_of_each_group_reads_as_one_would_type_it(guest: Guest) -> None:
    code = """
        from PKG.base import Base
        from zoo.models import TrainConfig
        class Mine(Base):
            recipe = TrainConfig(learning_rates={"discriminator": 4e-4, "generator": 1e-4})
        """
    assert recipe_of(guest(code))["learning_rates"] == "discriminator:0.0004,generator:0.0001"


def test_a_class_that_is_not_in_the_module_is_named(guest: Guest) -> None:
    entry_point = guest("from PKG.base import Base\n").replace("Mine", "Nowhere")
    with pytest.raises(PluginError, match=r"no class 'Nowhere' in the source of guest\d+\.model"):
        source.config_fields(entry_point)


def test_a_model_without_a_config_is_named(guest: Guest) -> None:
    with pytest.raises(PluginError, match="Mine shows no Config"):
        source.config_fields(guest("class Mine: pass\n"))


def test_a_module_that_does_not_parse_is_named(guest: Guest) -> None:
    entry_point = guest("class Mine(:\n")
    with pytest.raises(PluginError, match=r"guest\d+\.model.* can't be read: invalid syntax"):
        source.config_fields(entry_point)


@pytest.mark.parametrize(
    "module", ["zoo_nowhere", "zoo_nowhere.model", "math", "sys", "zoo.nowhere"]
)
def test_a_module_without_source_is_named(module: str) -> None:
    with pytest.raises(PluginError, match=f"The source of the module '{module}' can't be read"):
        source.config_fields(f"{module}:Mine")


@pytest.mark.parametrize("model", BUILT_IN)
def test_nothing_speaks_against_the_built_in_models(model: str) -> None:
    assert source.fault(installed().models[model].entry_point) == ""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class Mine: pass\n", "Mine derives from no GenerativeModel."),
        (
            "from torch import nn\nclass Mine(nn.Module): pass\n",
            "Mine derives from no GenerativeModel.",
        ),
        (
            "import torch\nclass Mine(torch.nn.Module): pass\n",
            "Mine derives from no GenerativeModel.",
        ),
        (
            "from zoo.models import ModelConfig\nclass Mine(ModelConfig): pass\n",
            "",
        ),  # decorated, as a base is here
        ("from PKG.base import Base\n", "There is no class 'Mine' in the source of"),
        ("class Mine(:\n", "can't be read: invalid syntax"),
    ],
)
def test_a_class_that_can_be_no_model_is_found_out(code: str, said: str, guest: Guest) -> None:
    assert said in source.fault(guest(code)) and bool(said) == bool(source.fault(guest(code)))


@pytest.mark.parametrize(
    "code",
    [
        "from PKG.base import *\n",
        "from PKG.base import Base as Mine\n",
        "import PKG.base\nMine = PKG.base.Base\n",
        "import PKG.base\ndef made(): return PKG.base.Base\nclass Mine(made()): pass\n",
        "try:\n    from PKG.base import Base\nexcept ImportError:\n    pass\nclass Mine(Base): "
        "pass\n",
        "import PKG.base\ndef __getattr__(name): return PKG.base.Base\n",
        "from PKG.base import Base\ndef kept(one): return Base\n@kept\nclass Mine: pass\n",
        "from PKG.base import Base\nglobals()['Mi' + 'ne'] = Base\n",
    ],
)
def test_what_only_running_it_would_show_is_no_fault(code: str, guest: Guest) -> None:
    entry_point = guest(code)
    assert source.fault(entry_point) == ""


def test_a_module_that_is_nowhere_is_a_fault_and_one_without_source_is_none() -> None:
    assert source.fault("zoo_nowhere.model:Mine") == "No module named 'zoo_nowhere.model'"
    assert source.fault("math:Mine") == source.fault("sys:Mine") == ""


def heavy_modules_after_reading(entry_points: list[str], path: Path) -> str:
    """What heavy libraries a process has imported that read these sources, as it prints it."""
    code = f"""
import sys
sys.path.insert(0, {str(path)!r})
from zoo import source
for entry_point in {entry_points!r}:
    assert source.config_fields(entry_point) and not source.fault(entry_point), entry_point
    source.recipe_fields(entry_point)
print(sorted({{"torch", "torchvision", "numpy", "huggingface_hub"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_reading_the_built_in_models_imports_no_torch(tmp_path: Path) -> None:
    entry_points = [installed().models[model].entry_point for model in BUILT_IN]
    assert heavy_modules_after_reading(entry_points, tmp_path) == "[]"


@pytest.mark.parametrize(
    "line", ["from torch.nn import Module", "from torch import nn", "import torch.nn as nn"]
)
def test_reading_a_guest_that_builds_on_torch_imports_no_torch(
    line: str, guest: Guest, tmp_path: Path
) -> None:
    base = "Module" if "Module" in line else "nn.Module"
    code = (
        f"{line}\nfrom PKG.base import Base\nclass Mixin({base}): pass\nclass Mine(Base, Mixin): "
        "pass\n"
    )
    assert heavy_modules_after_reading([guest(code)], tmp_path / "path") == "[]"
