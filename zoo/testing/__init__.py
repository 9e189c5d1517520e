"""ModelContract: the tests that a plugin's model inherits, thin over plain check functions."""

import time
import unittest
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from zoo.common.errors import ZooError, counted
from zoo.models import GenerativeModel
from zoo.registry import installed
from zoo.testing.blame import explained
from zoo.testing.labels import check_conditioning, check_labels
from zoo.testing.latents import (
    check_export,
    check_interpolation,
    check_latents,
    check_likelihood,
)
from zoo.testing.offer import check_capabilities, check_config, check_entry_module, check_spec
from zoo.testing.pace import expected
from zoo.testing.samples import (
    check_bf16,
    check_global_generator,
    check_noise,
    check_samples,
    check_side_effects,
)
from zoo.testing.subject import Shortfall, built
from zoo.testing.training import (
    check_determinism,
    check_gradients,
    check_modes,
    check_objectives,
    check_training,
)
from zoo.testing.weights import check_meta, check_save_and_load, check_state_dict

__all__ = [
    "MODEL_CHECKS",
    "OFFER_CHECKS",
    "ModelContract",
    "Shortfall",
    "Verdict",
    "built",
    "check_bf16",
    "check_capabilities",
    "check_conditioning",
    "check_config",
    "check_determinism",
    "check_entry_module",
    "check_export",
    "check_global_generator",
    "check_gradients",
    "check_interpolation",
    "check_labels",
    "check_latents",
    "check_likelihood",
    "check_meta",
    "check_modes",
    "check_noise",
    "check_objectives",
    "check_samples",
    "check_save_and_load",
    "check_side_effects",
    "check_spec",
    "check_state_dict",
    "check_training",
    "expected",
    "verdicts",
]

OFFER_CHECKS: tuple[Callable[[str], str | None], ...] = (
    check_entry_module,
    check_spec,
    check_capabilities,
)
# what others build on comes first
MODEL_CHECKS: tuple[Callable[[GenerativeModel[Any]], None], ...] = (
    check_config,
    check_meta,
    check_samples,
    check_noise,
    check_global_generator,
    check_side_effects,
    check_bf16,
    check_state_dict,
    check_save_and_load,
    check_labels,
    check_latents,
    check_interpolation,
    check_export,
    check_likelihood,
    check_objectives,
    check_modes,
    check_gradients,
    check_training,
    check_conditioning,
    check_determinism,
)


class ModelContract:
    """What every model keeps. Inherit it in a test file, and pytest runs each check on your model.

        class TestMine(ModelContract):
            model = "mine"
            config = {"latent_dim": 2}

    **Arguments:**
    - `model`: the name that an installed plugin offers.
    - `config`: values for its Config; keep the model small.
    - `unfit`: checks that do not fit the model, each with the reason. Those of the model's class
        are added, which `zoo check` knows, too.
    """

    model: ClassVar[str]
    config: ClassVar[Mapping[str, Any]] = {}
    unfit: ClassVar[Mapping[str, str]] = {}

    def built(self) -> GenerativeModel[Any]:
        """The model with fresh weights that has seen some data (for batch norm), in eval mode."""
        return built(self.model, self.config)

    def fit_for(self, check: str) -> GenerativeModel[Any]:
        """The model as `built` makes it; skips a check that it waives."""
        model = self.built()
        if reason := {**model.unfit, **self.unfit}.get(check):
            raise unittest.SkipTest(f"waived: {reason}")
        return model

    def test_its_entry_module_imports_nothing_heavy(self) -> None:
        check_entry_module(self.model)

    def test_its_record_says_what_it_is(self) -> None:
        check_spec(self.model)

    def test_it_offers_what_it_can(self) -> None:
        check_capabilities(self.model)

    def test_its_config_survives_json_and_refuses_unknown_fields(self) -> None:
        check_config(self.fit_for("config"))

    def test_it_can_be_built_without_memory_or_random_numbers(self) -> None:
        check_meta(self.fit_for("meta"))

    def test_its_samples_have_the_shape_the_type_and_the_range(self) -> None:
        check_samples(self.fit_for("samples"))

    def test_its_noise_depends_on_seed_and_index_alone(self) -> None:
        check_noise(self.fit_for("noise"))

    def test_it_leaves_the_global_random_numbers_alone(self) -> None:
        check_global_generator(self.fit_for("global generator"))

    def test_sampling_changes_nothing(self) -> None:
        check_side_effects(self.fit_for("side effects"))

    def test_it_can_be_computed_in_bfloat16(self) -> None:
        check_bf16(self.fit_for("bf16"))

    def test_its_weights_are_loaded_strictly_and_sampling_needs_no_others(self) -> None:
        check_state_dict(self.fit_for("state dict"))

    def test_saved_and_loaded_it_draws_the_same_samples(self) -> None:
        check_save_and_load(self.fit_for("save and load"))

    def test_it_takes_the_labels_there_are_and_refuses_others(self) -> None:
        check_labels(self.fit_for("labels"))

    def test_its_latents_fit_together(self) -> None:
        check_latents(self.fit_for("latents"))

    def test_its_interpolations_end_at_their_end_points(self) -> None:
        check_interpolation(self.fit_for("interpolation"))

    def test_its_latents_can_be_captured_for_batches_of_any_size(self) -> None:
        check_export(self.fit_for("export"))

    def test_its_likelihood_is_one_value_a_sample(self) -> None:
        check_likelihood(self.fit_for("likelihood"))

    def test_its_objectives_are_those_of_its_parameter_groups(self) -> None:
        check_objectives(self.fit_for("objectives"))

    def test_its_training_leaves_the_modes_alone(self) -> None:
        check_modes(self.fit_for("modes"))

    def test_every_parameter_gets_a_gradient(self) -> None:
        check_gradients(self.fit_for("gradients"))

    def test_a_few_steps_train_it(self) -> None:
        check_training(self.fit_for("training"))

    def test_it_learns_to_go_by_its_labels(self) -> None:
        check_conditioning(self.fit_for("conditioning"))

    def test_a_seed_makes_it_the_same_again(self) -> None:
        check_determinism(self.fit_for("determinism"))


class Verdict(NamedTuple):
    """What came of one check.

    **Arguments:**
    - `check`: its name, such as "save and load".
    - `verdict`: "kept", "falls short", "broke" where the check could not be finished, or "waived"
        where the model's class says by `unfit` why it does not fit.
    - `says`: what to change, or the error that it broke of; of a check that is kept a remark,
        mostly none.
    - `seconds`: that it took.
    """

    check: str
    verdict: Literal["kept", "falls short", "broke", "waived"]
    says: str
    seconds: float


def verdicts(name: str, config: Mapping[str, Any]) -> Iterator[Verdict]:
    """Check a model as its contract does, without pytest; a check that breaks ends no other.

    **Arguments:**
    - `name`: of the model, as an installed plugin offers it.
    - `config`: values for its Config.

    **Returns:** a verdict for each check, as soon as it is reached; "building" stands between those
    of what is offered and those of the model, and where that breaks it is the last."""
    for of_offer in OFFER_CHECKS:
        yield _verdict(of_offer, lambda: name)
    building = _verdict(_building, lambda: built(name, config))
    yield building
    if building.verdict != "kept":
        return
    unfit = installed().model_class(name).unfit
    for of_model in MODEL_CHECKS:
        if reason := unfit.get(name_of(of_model)):
            yield Verdict(name_of(of_model), "waived", reason, 0.0)
        else:
            yield _verdict(of_model, lambda: built(name, config))


def name_of(check: Callable[..., Any]) -> str:
    """What a check is called, such as "save and load"."""
    return check.__name__.removeprefix("check").strip("_").replace("_", " ")


def _building(model: GenerativeModel[Any]) -> str:
    return counted(sum(parameter.numel() for parameter in model.parameters()), "parameter")


def _verdict(check: Callable[[Any], str | None], subject: Callable[[], Any]) -> Verdict:
    name = name_of(check)
    began = time.perf_counter()
    verdict: Literal["kept", "falls short", "broke", "waived"] = "kept"
    model: Any = None
    try:
        model = subject()
        says = check(model) or ""
    except Shortfall as shortfall:
        verdict, says = "falls short", str(shortfall)
    except ZooError as error:
        verdict, says = "broke", str(error)
    # a fault of the model's, which its author will mend
    except (Exception, SystemExit) as error:
        verdict, says = "broke", explained(error, model)
    return Verdict(name, verdict, says, time.perf_counter() - began)
