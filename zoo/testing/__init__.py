"""ModelContract: the tests that a plugin's model inherits, thin over plain check functions."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from zoo.common.errors import ZooError, counted
from zoo.models import GenerativeModel
from zoo.testing.blame import explained
from zoo.testing.labels import check_conditioning, check_labels
from zoo.testing.latents import (
    check_export,
    check_interpolation,
    check_latents,
    check_likelihood,
)
from zoo.testing.offer import check_capabilities, check_config, check_entry_module, check_spec
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
    "verdicts",
]

OFFER_CHECKS: tuple[Callable[[str], str | None], ...] = (
    check_entry_module,
    check_spec,
    check_capabilities,
)
MODEL_CHECKS: tuple[
    Callable[[GenerativeModel[Any]], None], ...
] = (  # what others build on comes first
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
    """

    model: ClassVar[str]
    config: ClassVar[Mapping[str, Any]] = {}

    def built(self) -> GenerativeModel[Any]:
        """The model with fresh weights that has seen some data (for batch norm), in eval mode."""
        return built(self.model, self.config)

    def test_its_entry_module_imports_nothing_heavy(self) -> None:
        check_entry_module(self.model)

    def test_its_record_says_what_it_is(self) -> None:
        check_spec(self.model)

    def test_it_offers_what_it_can(self) -> None:
        check_capabilities(self.model)

    def test_its_config_survives_json_and_refuses_unknown_fields(self) -> None:
        check_config(self.built())

    def test_it_can_be_built_without_memory_or_random_numbers(self) -> None:
        check_meta(self.built())

    def test_its_samples_have_the_shape_the_type_and_the_range(self) -> None:
        check_samples(self.built())

    def test_its_noise_depends_on_seed_and_index_alone(self) -> None:
        check_noise(self.built())

    def test_it_leaves_the_global_random_numbers_alone(self) -> None:
        check_global_generator(self.built())

    def test_sampling_changes_nothing(self) -> None:
        check_side_effects(self.built())

    def test_it_can_be_computed_in_bfloat16(self) -> None:
        check_bf16(self.built())

    def test_its_weights_are_loaded_strictly_and_sampling_needs_no_others(self) -> None:
        check_state_dict(self.built())

    def test_saved_and_loaded_it_draws_the_same_samples(self) -> None:
        check_save_and_load(self.built())

    def test_it_takes_the_labels_there_are_and_refuses_others(self) -> None:
        check_labels(self.built())

    def test_its_latents_fit_together(self) -> None:
        check_latents(self.built())

    def test_its_interpolations_end_at_their_end_points(self) -> None:
        check_interpolation(self.built())

    def test_its_latents_can_be_captured_for_batches_of_any_size(self) -> None:
        check_export(self.built())

    def test_its_likelihood_is_one_value_a_sample(self) -> None:
        check_likelihood(self.built())

    def test_its_objectives_are_those_of_its_parameter_groups(self) -> None:
        check_objectives(self.built())

    def test_its_training_leaves_the_modes_alone(self) -> None:
        check_modes(self.built())

    def test_every_parameter_gets_a_gradient(self) -> None:
        check_gradients(self.built())

    def test_a_few_steps_train_it(self) -> None:
        check_training(self.built())

    def test_it_learns_to_go_by_its_labels(self) -> None:
        check_conditioning(self.built())

    def test_a_seed_makes_it_the_same_again(self) -> None:
        check_determinism(self.built())


class Verdict(NamedTuple):
    """What came of one check.

    **Arguments:**
    - `check`: its name, such as "save and load".
    - `verdict`: "kept", "falls short", or "broke" where the check could not be finished.
    - `says`: what to change, or the error that it broke of; of a check that is kept a remark,
        mostly none.
    - `seconds`: that it took.
    """

    check: str
    verdict: Literal["kept", "falls short", "broke"]
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
    for of_model in MODEL_CHECKS if building.verdict == "kept" else ():
        yield _verdict(of_model, lambda: built(name, config))


def _building(model: GenerativeModel[Any]) -> str:
    return counted(sum(parameter.numel() for parameter in model.parameters()), "parameter")


def _verdict(check: Callable[[Any], str | None], subject: Callable[[], Any]) -> Verdict:
    name = check.__name__.removeprefix("check").strip("_").replace("_", " ")
    began = time.perf_counter()
    verdict: Literal["kept", "falls short", "broke"] = "kept"
    model: Any = None
    try:
        model = subject()
        says = check(model) or ""
    except Shortfall as shortfall:
        verdict, says = "falls short", str(shortfall)
    except ZooError as error:
        verdict, says = "broke", str(error)
    except (Exception, SystemExit) as error:  # a fault of the model's, which its author will mend
        verdict, says = "broke", explained(error, model)
    return Verdict(name, verdict, says, time.perf_counter() - began)
