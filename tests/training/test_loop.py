"""fit(): one loop for every model, reproducible, honest about what goes wrong."""

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toys import Recorder, Toy

from zoo.common.errors import ConfigError, DataError, PluginError, TrainingError
from zoo.data import Dataset, load_dataset, to_float
from zoo.models.build import build
from zoo.models.interface import GenerativeModel, ModelConfig, Objective, Step, TrainConfig
from zoo.optim import optimizers
from zoo.registry.registry import installed
from zoo.sampling import sampler
from zoo.training import loop
from zoo.training.loop import Progress, fit
from zoo.training.state import TrainingState

SMALL: dict[str, dict[str, Any]] = {
    "mlp-vae": {"hidden_dims": (16,), "latent_dim": 2},
    "mlp-gan": {"generator_dims": (16,), "discriminator_dims": (16,), "latent_dim": 4},
    "dcgan": {"width": 2, "latent_dim": 4},
}


def make(name: str = "mlp-vae", **config: Any) -> GenerativeModel[Any]:
    model_class = installed().model_class(name)
    return build(model_class, model_class.Config(**{**SMALL[name], **config}), seed=0)


def noise(n: int = 256) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    samples = torch.randint(0, 256, (n, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return Dataset("noise", samples, torch.arange(n) % 4)


def train(
    model: GenerativeModel[Any], data: Dataset | None = None, **settings: Any
) -> tuple[Any, list[Progress]]:
    state = TrainingState(model, seed=1)
    recipe = TrainConfig(**{"epochs": 2, "batch_size": 32, **settings})
    return state, list(fit(state, data or noise(), recipe))


class Quadratic(Toy):
    """Minimises (first − 3)² · second, then second², so that each step can be worked out by hand."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.seen: list[Any] = []

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        self.seen.append((torch.is_autocast_enabled("cpu"), step, labels))
        yield Objective((self.first - 3) ** 2 * self.second, optimizer="first")
        self.seen.append(
            self.first.item()
        )  # the step was taken before the next objective is asked for
        yield Objective(self.second**2, optimizer="second")


def test_each_objective_steps_on_its_own_group_before_the_next_is_asked_for() -> None:
    model = Quadratic()
    train(model, noise(32), epochs=1, learning_rate=0.1, learning_rates={"second": 0.01})
    # Adam's first step is the learning rate, whatever the gradient
    assert model.seen[1] == pytest.approx(0.1, rel=1e-4)
    assert model.first.item() == pytest.approx(0.1, rel=1e-4)
    assert model.second.item() == pytest.approx(0.99, rel=1e-4)


def test_the_step_counts_from_0_to_the_total() -> None:
    model = Quadratic()
    _, reports = train(model)
    steps = [entry[1] for entry in model.seen if isinstance(entry, tuple)]
    assert steps == [Step(index, 16) for index in range(16)]
    assert [report.epoch for report in reports if report.epoch_ended] == [1, 2]
    assert reports[-1].step == reports[-1].total == 16


def test_an_unconditional_model_is_given_no_labels_and_a_conditional_one_is() -> None:
    free, asked = Quadratic(), Quadratic(ModelConfig(num_classes=4))
    train(free), train(asked)
    assert free.seen[0][2] is None
    assert asked.seen[0][2].dtype == torch.int64


@pytest.mark.parametrize(
    ("precision", "able", "autocast"),
    [("float32", True, False), ("bf16", True, True), ("bf16", False, False)],
)
def test_autocast_is_on_only_when_the_recipe_asks_and_the_hardware_has_bfloat16(
    precision: str, able: bool, autocast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    has = {"architecture": "x86_64", "avx512_bf16": able}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    model = Quadratic()
    train(model, precision=precision)
    assert {entry[0] for entry in model.seen if isinstance(entry, tuple)} == {autocast}
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_convolutions_are_in_channels_last_order_where_bfloat16_is_asked_for(
    precision: str,
) -> None:
    state, _ = train(make("dcgan"), noise(32), epochs=1, precision=precision)
    weights = [
        one.weight
        for one in state.model.modules()
        if isinstance(one, nn.Conv2d | nn.ConvTranspose2d)
    ]
    in_order = [
        all(weight.is_contiguous(memory_format=order) for weight in weights)
        for order in (torch.contiguous_format, torch.channels_last)
    ]
    assert in_order == [precision == "float32", precision == "bf16"]


def test_the_cosine_schedule_ends_near_0() -> None:
    model = Quadratic()
    train(model, noise(32), epochs=2, learning_rate=0.1, schedule="cosine")
    # two Adam steps along one direction: 0.1 · ½(1 + cos 0) + 0.1 · ½(1 + cos π/2)
    assert model.first.item() == pytest.approx(0.1 + 0.05, rel=1e-2)


def test_training_lowers_the_loss_and_is_the_same_for_the_same_seed() -> None:
    first, reports = train(make())
    second, _ = train(make())
    ends = [report.losses["loss"] for report in reports if report.epoch_ended]
    assert ends[1] < ends[0]
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_callers_random_numbers_are_untouched_while_it_trains() -> None:
    before = torch.random.get_rng_state()
    model = make()
    assert torch.equal(before, torch.random.get_rng_state())
    for _ in fit(TrainingState(model), noise(), TrainConfig(epochs=1, batch_size=32)):
        assert torch.equal(before, torch.random.get_rng_state())


def test_averaged_weights_are_the_running_average_and_become_the_checkpoint() -> None:
    model = Quadratic()
    state, _ = train(model, noise(32), epochs=2, learning_rate=0.1, ema_decay=0.5)
    # the first average is w₁ itself; then its share is 2/11, since (1 + n) / (10 + n) is less than
    # ½ for n = 1
    assert state.averaged is not model
    assert 0.1 < state.averaged.first.item() < model.first.item()
    assert state.averaged.first.item() == pytest.approx(
        (2 * 0.1 + 9 * model.first.item()) / 11, rel=1e-3
    )


def test_without_averaging_the_model_itself_becomes_the_checkpoint() -> None:
    model = make()
    state, _ = train(model)
    assert state.averaged is model


class Counting(Toy):
    """Steps on its first weight; one buffer has the number of steps, another counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("level", torch.zeros(2))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        if self.training:
            self.get_buffer("steps").add_(1)
            self.get_buffer("level").fill_(float(self.steps))
        yield Objective(self.first**2, optimizer="first")


@pytest.mark.parametrize(("ema_buffers", "level"), [(False, 3.0), (True, None)])
def test_buffers_are_copied_into_the_averaged_model_or_averaged_where_that_is_asked_for(
    ema_buffers: bool, level: float | None
) -> None:
    state, _ = train(Counting(), noise(96), epochs=1, ema_decay=0.9, ema_buffers=ema_buffers)
    if level is None:  # 1, then shares of 2/11 and 3/12, as the weights have them
        level = 1.0
        for value, n in ((2.0, 1), (3.0, 2)):
            level += (1 - min(0.9, (1 + n) / (10 + n))) * (value - level)
    assert state.averaged.level.tolist() == pytest.approx([level] * 2)
    assert int(state.averaged.steps) == int(state.model.steps) == 3


class Late(Toy):
    """Its second group begins to learn in the second half of the training."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective((self.first - 3) ** 2, optimizer="first")
        if step.index >= step.total // 2:
            yield Objective((self.second - 3) ** 2, optimizer="second")


def test_the_warm_up_and_the_schedule_of_a_group_begin_with_its_first_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates: dict[str, list[float]] = {"first": [], "second": []}
    plain = optimizers.rate

    def noted(settings: TrainConfig, group: str, step: int, total: int) -> float:
        found = plain(settings, group, step, total)
        rates[group].append(found)
        return found

    monkeypatch.setattr(optimizers, "rate", noted)
    train(Late(), noise(256), epochs=1, warmups={"second": 0.5}, schedules={"second": "cosine"})
    began = {name: values[1:] for name, values in rates.items()}  # the first is that of building
    assert began["first"] == [1e-3] * 8
    # 4 steps: 2 of warm-up, then the cosine from its top
    expected = [1e-3 / 3, 2e-3 / 3, 1e-3, 0.5e-3]
    assert began["second"] == pytest.approx(expected)


def test_batch_norm_statistics_are_made_to_fit_the_averaged_weights() -> None:
    model = make("mlp-vae", batch_norm=True)
    state, _ = train(model, epochs=1, ema_decay=0.99)
    layer = next(layer for layer in state.averaged.modules() if isinstance(layer, nn.BatchNorm1d))
    data = noise().samples.float().flatten(1) / 255
    seen = state.averaged.encoder[0](data)
    assert layer.momentum == 0.1
    assert torch.allclose(layer.running_mean, seen.mean(0), atol=0.02)
    assert torch.allclose(layer.running_var, seen.var(0), rtol=0.2)


def test_the_statistics_that_stay_are_of_more_batches_than_those_on_the_way() -> None:
    state, batches = TrainingState(make("mlp-vae", batch_norm=True), seed=1), []
    for report in fit(state, noise(), TrainConfig(epochs=2, batch_size=4, ema_decay=0.9)):
        if report.epoch_ended:
            layer = next(
                layer for layer in state.averaged.modules() if isinstance(layer, nn.BatchNorm1d)
            )
            batches.append(layer.num_batches_tracked.item())
    assert batches == [10, 50]


def test_data_of_another_shape_is_refused_naming_both() -> None:
    data = Dataset("small", torch.zeros(8, 1, 32, 32, dtype=torch.uint8), None)
    with pytest.raises(
        DataError, match=r"\(1, 28, 28\), the data has \(1, 32, 32\).*--set sample_shape=1,28,28"
    ):
        train(make(), data)


def test_a_conditional_model_needs_labels_and_enough_classes() -> None:
    with pytest.raises(DataError, match="the data has no labels"):
        train(make(num_classes=4), dataclasses.replace(noise(), labels=None))
    with pytest.raises(DataError, match=r"4 classes, the model 2.*num_classes=4"):
        train(make(num_classes=2))


def test_a_rate_for_a_group_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\['generator'\]; the parameter groups are \['model'\]"):
        train(make(), learning_rates={"generator": 0.1})


def test_a_data_set_smaller_than_a_batch_is_one_batch() -> None:
    _, reports = train(make(), noise(5))
    assert reports[-1].total == 2


# --- classes that are rare


class Shares(Toy):
    """Its loss has the slope 1 for a sample of class 0, 2 for one of class 1."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        assert labels is not None
        yield Objective(self.first * (labels + 1), optimizer="first")


def test_class_weights_weigh_each_sample_s_loss() -> None:
    data = dataclasses.replace(noise(4), labels=torch.tensor([0, 0, 0, 1]))
    plain, weighted = Shares(ModelConfig(num_classes=2)), Shares(ModelConfig(num_classes=2))
    settings: dict[str, Any] = {"epochs": 1, "optimizer": "sgd", "learning_rate": 0.1}
    train(plain, data, **settings)
    _, reports = train(weighted, data, **settings, class_weights=(1.0, 5.0))
    assert plain.first.item() == pytest.approx(-0.1 * (3 * 1 + 1 * 2) / 4)
    # (3 · 1 + 5) / 4 = 2 is the mean weight over the data, so the classes weigh ½ and 5/2
    assert weighted.first.item() == pytest.approx(-0.1 * (3 * 0.5 * 1 + 2.5 * 2) / 4)
    assert reports[-1].losses == {"first": 0.0}  # before the step


def test_class_weights_count_for_a_model_that_knows_no_classes_too() -> None:
    weights = []
    for settings in ({}, {"class_weights": (0.0, 0.0, 0.0, 1.0)}):
        state, _ = train(make(), epochs=1, **settings)
        weights.append(next(state.model.parameters()).detach())
    assert not torch.equal(*weights)


def test_class_weights_that_can_not_be_followed_are_refused() -> None:
    with pytest.raises(
        ConfigError,
        match="class_weights need one loss for each sample; this model gives only their mean",
    ):
        train(Quadratic(), class_weights=(1.0, 1.0, 1.0, 2.0))
    with pytest.raises(ConfigError, match="class_weights has 2 values; noise has 4 classes"):
        train(make(), class_weights=(1.0, 2.0))
    with pytest.raises(DataError, match="class_weights are given, but noise has no labels"):
        train(make(), dataclasses.replace(noise(), labels=None), class_weights=(1.0, 2.0))


def zeros_among_others(share: float) -> Dataset:
    """Real digits, of which this share are zeros (class 1); all others are class 0."""
    digits = load_dataset("mnist")
    assert isinstance(digits.samples, Tensor) and digits.labels is not None
    zero, other = (digits.labels == 0).nonzero().flatten(), (digits.labels != 0).nonzero().flatten()
    chosen = torch.cat([other, zero[: round(share * len(other))]])
    return Dataset(
        "zeros", digits.samples[chosen], (digits.labels[chosen] == 0).long(), ("other", "zero")
    )


def test_balance_and_class_weights_bring_back_a_class_that_is_one_sample_in_a_hundred() -> None:
    data, digits, unseen = (
        zeros_among_others(0.01),
        load_dataset("mnist"),
        load_dataset("mnist", split="test"),
    )
    assert data.labels is not None and digits.labels is not None and unseen.labels is not None
    assert data.labels.bincount().tolist() == [721, 7]
    means = (
        torch.stack(
            [digits.samples[digits.labels == one].float().mean(0) for one in range(10)]
        ).flatten(1)
        / 255
    )

    def share_of_zeros(images: Tensor) -> float:
        """By the nearest class mean, which knows every unseen zero, and takes nothing else for one."""
        return (torch.cdist(images.flatten(1), means).argmin(1) == 0).float().mean().item()

    assert share_of_zeros(to_float(unseen.samples)) == (unseen.labels == 0).float().mean().item()
    shares, likelihoods = [], []
    for settings in ({}, {"balance": True}, {"class_weights": (1.0, 103.0)}):
        model = make(hidden_dims=(32,), latent_dim=4)
        train(model.train(), data, epochs=20, batch_size=64, learning_rate=5e-3, **settings)
        shares.append(share_of_zeros(sampler.draw(model.eval(), 500, seed=0)))
        with torch.random.fork_rng(devices=()), torch.no_grad():
            torch.manual_seed(0)
            zeros = to_float(unseen.samples[unseen.labels == 0])
            likelihoods.append(model.log_likelihood(zeros, importance_samples=20).mean().item())
    assert shares[0] < 0.05 and 0.35 < shares[1] < 0.65 and 0.2 < shares[2] < 0.8
    assert (
        min(likelihoods[1:]) > likelihoods[0] + 5
    )  # nats per image of a class that is learnt at last


# --- samples changed at random, and samples held out


def test_augmentation_changes_what_is_trained_on_and_nothing_of_what_is_held_out() -> None:
    model, data = Recorder(), noise(64)
    train(model, data, epochs=1, holdout=32, augment=("flip",))
    whole = to_float(data.samples)
    ((seen,), (tried,)) = model.trained_on, model.tried_on

    def shown(images: Tensor) -> Tensor:
        """Which of the samples that were trained on are among the images."""
        return ((seen.unsqueeze(1) - images).abs().amax((2, 3, 4)) < 1e-3).any(1)

    plain, mirrored = shown(whole[:32]), shown(whole[:32].flip(3))
    assert torch.equal(plain, ~mirrored) and 4 < plain.sum() < 28
    assert torch.equal(tried, whole[32:])


def test_what_is_held_out_is_the_end_of_the_data_and_never_trained_on() -> None:
    model, data = Recorder(), noise(100)
    _, reports = train(model, data, holdout=20, batch_size=16)
    in_order = {
        sample.numpy().tobytes(): index for index, sample in enumerate(to_float(data.samples))
    }
    trained, tried = (
        {in_order[sample.numpy().tobytes()] for batch in batches for sample in batch}
        for batches in (model.trained_on, model.tried_on)
    )
    assert trained == set(range(80)) and tried == set(range(80, 100))
    assert [set(report.held_out) for report in reports if report.epoch_ended] == [{"first"}] * 2


def test_held_out_losses_are_those_of_the_averaged_model_on_the_samples_held_out() -> None:
    model = Quadratic()
    state, reports = train(model, noise(64), holdout=32, ema_decay=0.5, learning_rate=0.1)
    first, second = state.averaged.first.item(), state.averaged.second.item()
    held_out = reports[-1].held_out
    assert held_out == pytest.approx(
        {"first": (first - 3) ** 2 * second, "second": second**2}, rel=1e-5
    )
    assert held_out["first"] != pytest.approx((state.model.first.item() - 3) ** 2, rel=1e-3)


def test_a_vae_reports_held_out_losses_and_a_gan_whose_losses_need_not_fall_none() -> None:
    _, reports = train(make(), holdout=64)
    assert set(reports[-1].held_out) == {"loss", "reconstruction", "kl"} == set(reports[-1].losses)
    _, reports = train(make("mlp-gan"), holdout=64)
    assert reports[-1].held_out == {} and reports[-1].adversarial


def test_trying_on_what_is_held_out_changes_nothing_of_the_training() -> None:
    data = noise(128)
    assert data.labels is not None
    kept = Dataset(data.name, data.samples[:96], data.labels[:96])
    one, _ = train(make(batch_norm=True), data, holdout=32)
    other, _ = train(make(batch_norm=True), kept)
    for key, tensor in one.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[key])


@pytest.mark.parametrize("holdout", [256, 300])
def test_a_holdout_as_large_as_the_data_is_refused(holdout: int) -> None:
    with pytest.raises(DataError, match=f"{holdout} samples can't be held out of the 256 of noise"):
        train(make(), holdout=holdout)


# --- what goes wrong


def test_a_loss_that_is_no_longer_finite_stops_the_training_and_says_so() -> None:
    model = make()
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    with pytest.raises(
        TrainingError, match=r"failed by step \d+: \w+ is nan\. .* learning_rate than 0\.001"
    ):
        train(model)


@pytest.fixture
def reports_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)


@pytest.mark.usefixtures("reports_at_each_step")
def test_a_loss_that_runs_away_stops_the_training_while_it_is_still_a_number() -> None:
    with pytest.raises(
        TrainingError, match=r"diverged by step \d+: first is .*; it began at 9\. .*max_grad_norm"
    ):
        train(Quadratic(), epochs=50, optimizer="sgd", learning_rate=1.1)


class Startled(Toy):
    """Has a loss of 0.5, then one of 4,000, of a sample of 784 pixels; then all is well."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        value = {0: 0.5, 1: 8000.0}.get(step.index, -1000.0)  # the mean of the first two is 4,000
        yield Objective(self.second * 0 + value, optimizer="second")


@pytest.mark.usefixtures("reports_at_each_step")
def test_a_loss_that_began_near_0_by_chance_and_rises_once_is_no_cause_to_stop() -> None:
    _, reports = train(Startled(), epochs=1)
    assert reports[1].losses["second"] > 4000 and reports[-1].losses["second"] < 1000


def test_batch_norm_on_a_batch_of_one_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="at least two samples"):
        train(make("mlp-gan", batch_norm=True), batch_size=1)


@pytest.mark.parametrize("shape", [(64,), (4, 8, 8)])
def test_a_model_of_images_on_data_that_are_none_is_refused_before_the_first_step(
    shape: tuple[int, ...],
) -> None:
    data = Dataset("sines", torch.zeros(64, *shape, dtype=torch.uint8), None)
    with pytest.raises(ConfigError, match=re.escape(f"which samples of shape {shape} are not")):
        fit(TrainingState(make(sample_shape=shape)), data, TrainConfig(epochs=1))


@pytest.mark.usefixtures("reports_at_each_step")
def test_a_large_metric_of_a_training_in_good_health_is_no_cause_to_stop() -> None:
    # nats per image of a narrow gaussian: 784 · ½ (0.5 / 0.001)² is 98 million
    _, reports = train(make(likelihood="gaussian", sigma=0.001), epochs=1, learning_rate=1e-4)
    assert reports[-1].losses["reconstruction"] > 1e6


class Breaking(Toy):
    """Takes one step to infinity, whose loss was finite."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(self.first * 1e38 * self.second, optimizer="first")


@pytest.mark.usefixtures("reports_at_each_step")
def test_weights_that_are_no_longer_finite_are_found_before_any_loss_is() -> None:
    model = Breaking()
    with pytest.raises(TrainingError, match=r"failed by step 1: weights are NaN"):
        train(model, optimizer="sgd", learning_rate=1000.0)
    assert not model.first.isfinite()


class Latecomer(Toy):
    """Has a second objective from its fourth step on."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(self.first**2, optimizer="first")
        if step.index >= 3:
            yield Objective(self.second**2, optimizer="second")


@pytest.mark.usefixtures("reports_at_each_step")
def test_an_objective_may_come_later() -> None:
    _, reports = train(Latecomer())
    assert "second" not in reports[0].losses and reports[-1].losses["second"] < 1


class Glutton(Toy):
    """Asks for a petabyte of memory."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(self.first + torch.empty(2**50).sum(), optimizer="first")


def test_out_of_memory_says_which_batch_size_to_try() -> None:
    with pytest.raises(
        TrainingError, match=r"Out of memory with a batch of 32 samples\. Try --set batch_size=16"
    ):
        train(Glutton())
    with pytest.raises(TrainingError, match="a batch of one sample: take a smaller model"):
        train(Glutton(), batch_size=1)


class Careless(Toy):
    """Yields whatever it was told to."""

    yields: object = None

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield self.yields  # type: ignore[misc]  # a fault on purpose


@pytest.mark.parametrize(
    ("yields", "said"),
    [
        (torch.zeros(()), r"yields Tensor: it must yield Objective\(loss, …\)"),
        (
            Objective(torch.zeros(()), optimizer="frist"),
            r"optimizer 'frist'; the parameter groups are .'first'",
        ),
        (Objective(0.5, optimizer="first"), "gives loss as float: it must be a tensor"),  # type: ignore[arg-type]
        (Objective(torch.zeros(()), "first", {"kl": 0.5}), "gives kl as float"),  # type: ignore[dict-item]
    ],
)
def test_what_a_training_step_may_not_yield_is_refused_in_words(yields: object, said: str) -> None:
    model = Careless()
    model.yields = yields
    with pytest.raises(PluginError, match=said):
        train(model)


class Returning(Toy):
    """Returns its objective, where it should yield it."""

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Any:
        return Objective(self.first**2, optimizer="first")


def test_a_training_step_that_returns_is_told_to_yield() -> None:
    with pytest.raises(PluginError, match="training_step returned Objective: it must yield each"):
        train(Returning())


class Flat(Recorder):
    """Draws rows of pixels, not images."""

    def sample(
        self, n: int, labels: Tensor | None = None, *, generator: Any, options: Any = None
    ) -> Tensor:
        return torch.zeros(n, 784)


def test_a_model_whose_samples_have_another_shape_is_refused_before_the_first_step() -> None:
    model = Flat()
    with pytest.raises(
        PluginError, match=r"one sample as \(1, 784\), not \(1, 1, 28, 28\), as its config says"
    ):
        train(model)
    assert not model.trained_on


class Faulty(Toy):
    """Has a bug."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(self.first + torch.zeros(2) @ torch.zeros(3), optimizer="first")


def test_a_bug_of_the_model_keeps_its_own_words() -> None:
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        train(Faulty())
