"""Mutants of what is offered: entry modules, records, classes, configs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from mutants.sound import Painter, SmallConfig, found_by
from zoo.models.interface import GenerativeModel, Objective, Size, Step, StrictConfig


@found_by(
    "entry_module",
    r"zoo_mutants_heavy imports in \d+ ms and brings in torch, numpy",
    entry_module="zoo_mutants_heavy",
)
class OfferedByAHeavyModule(Painter):
    """Its entry module imports torch."""


@found_by(
    "spec",
    r"its plugin has a problem: .*which is not a ModelSpec",
    entry_module="zoo_mutants_troubled",
)
class OfferedAmongRubbish(Painter):
    """Its plugin offers None too."""


@found_by("spec", r"has the summary '': say in a line what it is", spec={"summary": ""})
class WithoutASummary(Painter):
    """Nobody knows what it is."""


@found_by("spec", r"say in a line", spec={"summary": "one\ntwo"})
class OfTwoLines(Painter):
    """Spoils every list it is in."""


@found_by(
    "spec",
    r"has the reference 'Me et al\.': give the address of the paper",
    spec={"reference": "Me et al."},
)
class WithoutAnAddress(Painter):
    """Refers to nothing that can be opened."""


@found_by("capabilities", r"its unfit says 'exporting': name checks, each with its reason")
class Excused(Painter):
    """Waives a check that there is not."""

    unfit = {"exporting": "no reason"}


@found_by(
    "capabilities",
    r"say capabilities=\('sample', 'decode'\)",
    spec={"capabilities": ("sample", "decode", "encode")},
)
class Boaster(Painter):
    """Claims an encoder."""


@found_by(
    "capabilities",
    r"says kind='array', its class sample_kind = 'image': make them the same",
    spec={"kind": "array"},
)
class OfAnotherKind(Painter):
    """Says that its samples are not images."""


@found_by("capabilities", r"must be a class that derives from zoo.models.GenerativeModel")
class Stranger(nn.Module):
    """Is no GenerativeModel."""


@found_by("capabilities", r"is abstract: give it sample")
class Unfinished(GenerativeModel[SmallConfig]):
    """Can't draw samples."""

    Config = SmallConfig


@found_by(
    "capabilities",
    r"its Config is builtins:dict: nest a class Config derived from zoo.models.ModelConfig",
)
class Loose(Painter):
    """Takes its config from a dict."""

    Config: Any = dict


@found_by("capabilities", r"its Config has width as no field: write @dataclass")
class Undecorated(Painter):
    """Its Config lacks the decorator."""

    class Config(SmallConfig):
        width: int = 3


@found_by(
    "capabilities",
    r"its Options is .*:Chosen.Options: nest a class Options derived from zoo.models.StrictConfig",
)
class Chosen(Painter):
    """Its options are a class of no kind."""

    class Options:
        steps: int = 3


@found_by("capabilities", r"its Options has steps as no field: write @dataclass")
class UndecoratedOptions(Painter):
    """Its options lack the decorator."""

    class Options(StrictConfig):
        steps: int = 3


@found_by(
    "capabilities",
    r"its Options can't be made without values \(.*'steps'\): give every field a default",
)
class Demanding(Painter):
    """Can't draw unless told how."""

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        steps: Size


@found_by(
    "capabilities",
    r"its sample\(\) can't be called as it has to be \(.*'options'\): "
    r"sample\(self, n, labels=None, \*, generator, options=None\)",
)
class Optionless(GenerativeModel[SmallConfig]):
    """Takes no options."""

    Config = SmallConfig

    def sample(self, n: int, labels: Tensor | None = None, *, generator: torch.Generator) -> Tensor:
        return torch.zeros(n, 1, 2, 2)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(samples.mean())


@found_by(
    "capabilities",
    r"its decode\(\) can't be called as it has to be \(.*'labels'\): decode\(self, z, labels=None\)",
)
class Insistent(Painter):
    """Wants labels where there are none."""

    def decode(self, z: Tensor, labels: Tensor | None) -> Tensor:
        return super().decode(z, labels)


@found_by("config", r"its config changes on the way through JSON: .*width=2\) becomes .*width=4\)")
class Grower(Painter):
    """Its config doubles each time that it is read."""

    @dataclass(frozen=True, kw_only=True)
    class Config(SmallConfig):
        width: Size = 1

        def __post_init__(self) -> None:
            super().__post_init__()
            object.__setattr__(self, "width", 2 * self.width)


@found_by(
    "config", r"does not come back from JSON: Object of type Parameter is not JSON serializable"
)
class Unwritten(Painter):
    """Its config holds what JSON can't."""

    @dataclass(frozen=True, kw_only=True)
    class Config(SmallConfig):
        def to_dict(self) -> dict[str, Any]:
            return {**super().to_dict(), "latent_dim": nn.Parameter(torch.ones(()))}


@found_by("config", r"its Config takes an unknown field: leave from_dict\(\) to")
class Lenient(Painter):
    """Overlooks what it doesn't know."""

    @dataclass(frozen=True, kw_only=True)
    class Config(SmallConfig):
        @classmethod
        def from_dict(cls, values: Mapping[str, Any]) -> Self:
            return super().from_dict(
                {key: one for key, one in values.items() if key in cls.__dataclass_fields__}
            )
