"""ModelContract: the tests that a plugin's model inherits, thin over plain check functions."""

import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from zoo import checkpoints
from zoo.errors import ConfigError, LabelError
from zoo.models import Autoencoder, GenerativeModel, LatentModel, Step
from zoo.optimizers import trainable
from zoo.registry import installed
from zoo.sampling import BLOCK, draw
from zoo.training import build


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
        model_class = installed().model_class(self.model)
        model = build(model_class, model_class.Config.from_dict(self.config), seed=0)
        for index in range(10):
            for _ in model.training_step(*_some_data(model), Step(index, 10)):
                pass
        return model.eval()

    def test_it_offers_what_it_can(self) -> None:
        check_capabilities(self.model)

    def test_its_config_survives_json_and_refuses_unknown_keys(self) -> None:
        check_config(self.built())

    def test_its_samples_have_the_shape_the_type_and_the_range(self) -> None:
        check_samples(self.built())

    def test_its_noise_depends_on_seed_and_index_alone(self) -> None:
        check_noise(self.built())

    def test_it_leaves_the_global_random_numbers_alone(self) -> None:
        check_global_generator(self.built())

    def test_saved_and_loaded_it_draws_the_same_samples(self) -> None:
        check_save_and_load(self.built())

    def test_a_few_steps_train_it(self) -> None:
        check_training(self.built())

    def test_it_goes_by_its_labels_and_refuses_those_that_it_can_not_take(self) -> None:
        check_labels(self.built())

    def test_its_latents_fit_together(self) -> None:
        check_latents(self.built())


def check_capabilities(name: str) -> None:
    """The capabilities that its spec claims are those of its class."""
    model_class = installed().model_class(name)
    _require(issubclass(model_class, GenerativeModel), f"{model_class} must derive from zoo.models.GenerativeModel")
    true = ["sample"]
    true += ["decode"] if issubclass(model_class, LatentModel) else []
    true += ["encode"] if issubclass(model_class, Autoencoder) else []
    claimed = list(installed().models[name].capabilities)
    _require(claimed == true, f"its ModelSpec claims capabilities {claimed}, its class has {true}: say {tuple(true)}")


def check_config(model: GenerativeModel[Any]) -> None:
    """Its config survives JSON, and an unknown key is refused."""
    config = model.config
    again = type(config).from_dict(config.to_dict())
    _require(again == config, f"its config changes on the way through JSON: {config} becomes {again}")
    try:
        type(config).from_dict({"no_such_field": 1})
    except ConfigError:
        return
    raise AssertionError("its Config accepts an unknown key: derive it from zoo.models.ModelConfig")


def check_samples(model: GenerativeModel[Any]) -> None:
    """float32 of the right shape, finite, in [0, 1] for images, for one sample and for several batches."""
    for n in (1, BLOCK + 3):
        samples = draw(model, n, seed=0, batch_size=BLOCK)
        expected = (n, *model.config.sample_shape)
        _require(tuple(samples.shape) == expected, f"{n} samples have shape {tuple(samples.shape)}, not {expected}")
        _require(samples.dtype == torch.float32, f"its samples are {samples.dtype}, not float32")
        _require(bool(samples.isfinite().all()), "its samples are not finite")
        if model.sample_kind == "image":
            least, greatest = float(samples.min()), float(samples.max())
            _require(least >= 0 and greatest <= 1, f"its images reach from {least} to {greatest}, not within 0 to 1")


def check_noise(model: GenerativeModel[Any]) -> None:
    """Sample i is the same whatever the batch size and the start, and another seed gives others."""
    whole = draw(model, BLOCK + 8, seed=3)
    for what, some in (
        ("batch size", draw(model, BLOCK + 8, seed=3, batch_size=5)),
        ("start", torch.cat([draw(model, 3, seed=3), draw(model, BLOCK + 5, seed=3, start=3)])),
    ):
        _require(
            torch.allclose(whole, some, atol=1e-5),
            f"its samples depend on the {what}: take every random number from the generator that sample() is given",
        )
    _require(not torch.equal(whole, draw(model, BLOCK + 8, seed=4)), "its samples are the same for every seed")


def check_global_generator(model: GenerativeModel[Any]) -> None:
    """Sampling neither uses nor changes torch's global generator."""
    before = torch.random.get_rng_state()
    first = draw(model, 2, seed=0)
    _require(torch.equal(before, torch.random.get_rng_state()), "sampling changes the global generator")
    torch.rand(1)
    _require(torch.equal(first, draw(model, 2, seed=0)), "sampling draws from the global generator, or keeps a state")


def check_save_and_load(model: GenerativeModel[Any]) -> None:
    """Saved and loaded, it draws the same samples to the bit, without the parts that only training needs."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(model, Path(folder), {})
        again = checkpoints.load(Path(folder))
        same = torch.equal(draw(model, 5, seed=0), draw(again, 5, seed=0))
    _require(same, "after saving and loading it draws other samples: keep what sampling needs in the state dict")


@torch.random.fork_rng(devices=())
def check_training(model: GenerativeModel[Any], steps: int = 20) -> None:
    """Steps on one batch keep losses finite, lower those not marked adversarial, and reach every parameter."""
    model.train()
    groups = trainable(model)
    optimizers = {name: torch.optim.Adam(parameters, 1e-3) for name, parameters in groups.items()}
    samples, labels = _some_data(model)
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    adversarial: set[str] = set()
    for index in range(steps):
        torch.manual_seed(0)  # the same noise at each step: what a loss falls by is then no matter of luck
        for objective in model.training_step(samples, labels, Step(index, steps)):
            name = objective.optimizer
            _require(name in groups, f"it names the optimizer {name!r}; its parameter groups are {sorted(groups)}")
            shape = tuple(objective.loss.shape)
            _require(shape in ((), (len(samples),)), f"its loss has shape {shape}, neither () nor ({len(samples)},)")
            loss = objective.loss.mean()
            _require(bool(loss.isfinite()), f"the loss of {name!r} is not finite at step {index}")
            optimizers[name].zero_grad()
            loss.backward(inputs=groups[name])
            still = [p for p in groups[name] if p.requires_grad and p.grad is None]
            _require(not still, f"{len(still)} parameters of the group {name!r} get no gradient")
            optimizers[name].step()
            first.setdefault(name, loss.item())
            last[name] = loss.item()
            adversarial |= {name} if objective.adversarial else set()
    for name in set(first) - adversarial:
        _require(last[name] < first[name], f"the loss of {name!r} rose from {first[name]} to {last[name]}")


def check_labels(model: GenerativeModel[Any]) -> None:
    """Labels out of range are refused, so are labels for an unconditional model, and a label makes a difference."""
    classes = model.config.num_classes
    for wrong in (-1, classes):
        try:
            draw(model, 1, seed=0, labels=torch.tensor([wrong]))
        except LabelError:
            continue
        raise AssertionError(f"it takes the label {wrong}, with num_classes = {classes}")
    if classes > 1:
        trained = copy.deepcopy(model)  # some networks begin with weights of 0 where a label comes in
        generator = torch.Generator().manual_seed(0)
        for parameter in trained.parameters():
            parameter.data += 0.01 * torch.randn(parameter.shape, generator=generator)
        first, second = (draw(trained, 4, seed=0, labels=torch.full((4,), label)) for label in (0, 1))
        _require(
            not torch.equal(first, second),
            "its samples are the same for every label: append labels by with_labels(), or refuse num_classes above 0",
        )


def check_latents(model: GenerativeModel[Any]) -> None:
    """Shapes of latents, posteriors and likelihoods agree, and an interpolation ends at its end points."""
    if not isinstance(model, LatentModel):
        return
    samples, labels = _some_data(model, n=2)
    with torch.no_grad():
        z = model.sample_prior(2, torch.Generator().manual_seed(0))
        _require(tuple(z.shape) == (2, *model.latent_shape), f"latent_shape says {model.latent_shape}, z is {z.shape}")
        line = model.interpolate(z[:1], z[1:], 3, None if labels is None else labels[:1])
        ends = torch.stack([line[0, 0], line[0, -1]])
        straight = model.decode(z, None if labels is None else labels[:1].expand(2))
        _require(torch.allclose(ends, straight, atol=1e-5), "an interpolation does not end at its end points")
        if isinstance(model, Autoencoder):
            posterior = model.encode(samples, labels)
            _require(tuple(posterior.mean.shape) == (2, *model.latent_shape), "encode() and latent_shape disagree")
            _require(
                tuple(posterior.batch_shape) == (2,), "encode() must be independent over z: wrap it in Independent"
            )
            value = model.log_likelihood(samples, labels)
            _require(tuple(value.shape) == (2,), f"log_likelihood() has shape {tuple(value.shape)}, not (2,)")


def _some_data(model: GenerativeModel[Any], n: int = 16) -> tuple[Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(0)
    samples = torch.rand(n, *model.config.sample_shape, generator=generator)
    classes = model.config.num_classes
    return samples, torch.arange(n) % classes if classes else None


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)
