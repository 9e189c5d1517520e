"""A session: it reports to whoever watches, stops so that it can go on, and leaves nothing behind."""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.checkpoints import STATE
from zoo.training import loop
from zoo.training.keep import Trained

SMALL: dict[str, Any] = {"hidden_dims": 8, "latent_dim": 2, "watch": None}


@pytest.fixture
def reports_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)


def train(name: str = "mine", epochs: int = 2, **given: Any) -> Trained:
    return zoo.train("mlp-vae", name=name, epochs=epochs, seed=3, **{**SMALL, **given})


def stopping_at(step: int) -> Any:
    """A watcher that a person ends after a step, as the stop button of a notebook does."""

    def watch(reports: Iterable[Any], total: int, name: str) -> Iterator[Any]:
        for report in reports:
            yield report
            if report.step == step:
                raise KeyboardInterrupt

    return watch


@pytest.mark.usefixtures("reports_at_each_step")
def test_a_watcher_gets_each_report_the_steps_and_the_name() -> None:
    seen: list[Any] = []

    def watch(reports: Iterable[Any], total: int, name: str) -> Iterator[Any]:
        seen.append((total, name))
        for report in reports:
            seen.append(report.step)
            yield report

    train(watch=watch)
    assert seen == [(12, "mine"), *range(1, 13)]


@pytest.mark.usefixtures("reports_at_each_step")
@pytest.mark.parametrize("step", [1, 6, 9])
def test_a_training_that_its_watcher_interrupts_goes_on_to_the_same_bits(
    step: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("zoo")
    with (
        caplog.at_level(logging.INFO, "zoo"),
        monkeypatched(logger, "propagate", True),
        pytest.raises(KeyboardInterrupt),
    ):
        train(watch=stopping_at(step))
    assert f"Stopped after step {step}. Continue with: zoo train --resume mine" in caplog.text
    assert (tmp_path / "home" / "runs" / "mine" / STATE).exists()
    resumed, whole = zoo.train(resume="mine", watch=None), train("whole")
    assert resumed.folder.sha256 == whole.folder.sha256
    assert resumed.history == whole.history and len(whole.history) == 2


@pytest.fixture
def threads_of_torch() -> Iterator[None]:
    """What a test sets does not stay."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads_of_torch", "reports_at_each_step")
def test_a_training_computes_with_the_threads_that_were_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []

    def watch(reports: Iterable[Any], total: int, name: str) -> Iterator[Any]:
        for report in reports:
            seen.append(torch.get_num_threads())
            yield report
            if name == "mine" and report.step == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(watch=watch, threads=3)
    assert set(seen) == {3}
    made = zoo.train(resume="mine", watch=lambda *given: watch(given[0], 0, "again"), threads=2)
    assert set(seen[3:]) == {2} and "threads" not in made.facts["command"]
    monkeypatch.setenv("ZOO_THREADS", "4")
    train("other", watch=lambda *given: watch(given[0], 0, "other"), epochs=1)
    assert seen[-1] == 4


@pytest.mark.usefixtures("threads_of_torch")
def test_a_training_takes_no_more_threads_than_the_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("zoo.common.compute.usable_cores", lambda: 1)
    torch.set_num_threads(3)
    train(epochs=1)
    assert torch.get_num_threads() == 1


def test_a_wrong_number_in_the_environment_is_refused_before_a_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_THREADS", "many")
    with pytest.raises(zoo.ZooError, match="ZOO_THREADS = 'many' must be a whole number"):
        train()
    assert not (tmp_path / "home" / "runs").exists()


@pytest.mark.parametrize(
    ("given", "folder"), [({}, "home/runs/mine"), ({"name": None, "out": "made"}, "desk/made.run")]
)
def test_a_training_that_is_refused_at_the_last_moment_leaves_no_folder(
    given: dict[str, Any], folder: str, tmp_path: Path
) -> None:
    with pytest.raises(zoo.ZooError, match=r"learning_rates names \['decoder'\]"):
        train(**{"name": "mine", "learning_rates": {"decoder": 1e-3}, **given})
    assert not (tmp_path / folder).exists()
    train(**{"name": "mine", **given})
    assert (tmp_path / folder / "history.jsonl").exists()


def test_a_training_that_is_refused_leaves_the_history_of_one_of_that_name(tmp_path: Path) -> None:
    train()
    history = tmp_path / "home" / "runs" / "mine" / "history.jsonl"
    before = history.read_bytes()
    (tmp_path / "home" / "checkpoints" / "mine").rename(tmp_path / "elsewhere")
    with pytest.raises(zoo.ZooError, match="learning_rates names"):
        train(learning_rates={"decoder": 1e-3})
    assert history.read_bytes() == before


@contextlib.contextmanager
def monkeypatched(owner: Any, name: str, value: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, value)
        yield


@pytest.mark.usefixtures("reports_at_each_step")
def test_ctrl_c_in_python_leaves_a_state_that_goes_on(tmp_path: Path) -> None:
    def watch(reports: Iterable[Any], total: int, name: str) -> Iterator[Any]:
        for report in reports:
            if report.step == 4:
                os.kill(os.getpid(), signal.SIGINT)
            yield report

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(watch=watch)
    assert signal.getsignal(signal.SIGINT) is before
    assert zoo.train(resume="mine", watch=None).folder.sha256 == train("whole").folder.sha256


def test_a_training_in_a_thread_takes_no_signals_and_makes_the_same() -> None:
    made: list[Trained] = []
    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lambda: made.append(train()))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is before
    assert made[0].folder.sha256 == train("whole").folder.sha256


def test_twelve_trainings_in_one_process_leave_no_handlers_and_no_open_files() -> None:
    """A sweep: two sizes, six seeds each, and a table of means and deviations over the seeds."""
    train("warm-up", epochs=1)
    logger = logging.getLogger("zoo")
    handlers, level = list(logger.handlers), logger.level
    before = signal.getsignal(signal.SIGINT)
    opened, threads = open_files(), threading.active_count()

    import statistics

    rows = []
    for size in (4, 16):
        losses = []
        for seed in range(6):
            run = zoo.train(
                "mlp-vae", name=f"s-{size}-{seed}", epochs=1, seed=seed, hidden_dims=size
            )
            losses.append(run.history[-1]["losses"]["loss"])
        rows.append((size, statistics.mean(losses), statistics.stdev(losses)))

    assert rows[0][1] > rows[1][1] and all(deviation > 0 for _, _, deviation in rows)
    assert (list(logger.handlers), logger.level) == (handlers, level)
    assert signal.getsignal(signal.SIGINT) is before
    assert open_files() == opened and threading.active_count() == threads


def open_files() -> int:
    """Regular files and sockets that this process has open."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system lists no open files")
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_plain_python_process_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("zoo")
    with monkeypatched(logger, "handlers", []), monkeypatched(logger, "level", logging.NOTSET):
        train(watch="auto")
    assert capsys.readouterr() == ("", "")
