"""The fields of a model are those of its imported class, in words and as one would type them."""

import dataclasses
import importlib
import textwrap
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from zoo.common.config import StrictConfig, describe, field_types, parse_assignments
from zoo.common.errors import PluginError
from zoo.registry import fields
from zoo.registry.registry import installed

BUILT_IN = ("mlp-vae", "conv-vae", "ladder-vae", "mlp-gan", "dcgan", "resnet-gan", "upsample-gan")

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
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guest:
    """Put a package with the modules `base` and `model` on the path: `guest(code)`; PKG in the code
    is its name.

    The result is the entry point of the class `Mine` in `model`.
    """
    monkeypatch.syspath_prepend(tmp_path / "path")

    def make(code: str, base: str = BASE) -> str:
        package = f"guest{next(_number)}"
        folder = tmp_path / "path" / package
        folder.mkdir(parents=True)
        for module, text in {"__init__": "", "base": base, "model": code}.items():
            (folder / f"{module}.py").write_text(textwrap.dedent(text).replace("PKG", package))
        importlib.invalidate_caches()
        return f"{package}.model:Mine"

    return make


def imported(entry_point: str) -> Any:
    """The class that an entry point names."""
    module, _, name = entry_point.partition(":")
    return getattr(importlib.import_module(module), name)


def real_config(entry_point: str) -> type[StrictConfig]:
    """The Config of the class that an import gives."""
    config: type[StrictConfig] = imported(entry_point).Config
    return config


def assert_agrees(entry_point: str) -> None:
    """The same names in the same order with the same types and defaults."""
    shown = fields.config_fields(imported(entry_point))
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
    for field in fields.config_fields(imported(entry_point)) + fields.recipe_fields(
        imported(entry_point)
    ):
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
    meanings = {field.name: field.meaning for field in fields.config_fields(imported(guest(code)))}
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
    (steps,) = fields.option_fields(imported(guest(code)))
    assert steps == fields.Field("steps", "whole number 1 to 65536", "50", "of the way from noise")
    assert fields.option_fields(imported(installed().models["mlp-vae"].entry_point)) == []


@pytest.mark.parametrize("model", BUILT_IN)
def test_the_fields_of_a_built_in_model_are_those_of_its_imported_config(model: str) -> None:
    entry_point = installed().models[model].entry_point
    own = "top_dim" if model == "ladder-vae" else "latent_dim"
    assert {"sample_shape", "num_classes", own} < {
        one.name for one in fields.config_fields(imported(entry_point))
    }
    assert_agrees(entry_point)


def recipe_of(entry_point: str) -> dict[str, str]:
    return {field.name: field.default for field in fields.recipe_fields(imported(entry_point))}


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


@pytest.mark.parametrize("model", ["class Mine: pass\n", "class Mine:\n    Config = 7\n"])
def test_a_model_without_a_config_or_a_recipe_is_named(model: str, guest: Guest) -> None:
    found = imported(guest(model))
    with pytest.raises(PluginError, match="The class Mine has no Config"):
        fields.config_fields(found)
    with pytest.raises(PluginError, match="The class Mine has no recipe"):
        fields.recipe_fields(found)
    assert fields.option_fields(found) == []


def test_a_field_without_a_default_shows_none_and_a_made_one_is_typed_out(guest: Guest) -> None:
    code = """
        from dataclasses import dataclass, field
        from zoo.models import LatentModel, ModelConfig, Rate, Size
        class Mine(LatentModel):
            @dataclass(frozen=True, kw_only=True)
            class Config(ModelConfig):
                width: Size
                rates: dict[str, Rate] = field(default_factory=lambda: {"a": 0.5})
                deep: bool | None = None
        """
    shown = {one.name: one.default for one in fields.config_fields(imported(guest(code)))}
    assert (shown["width"], shown["rates"], shown["deep"]) == ("", "a:0.5", "none")
