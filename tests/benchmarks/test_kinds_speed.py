"""What models of other kinds cost: pytest -s tests/benchmarks/test_kinds_speed.py"""

from collections.abc import Callable
from pathlib import Path

from environments import Environment
from racing import report, run

NAMES = Path(__file__).parents[2] / "plugins" / "examples" / "zoo-names"
SMALL = ["sample_shape=8", "alphabet=abcd", "latent_dim=4", "embedding_dim=8"]
SMALL += ["encoder_dim=16", "decoder_dim=16"]


def test_the_contract_of_a_small_text_model_takes_20_seconds_at_most(
    make_environment: Callable[[], Environment],
) -> None:
    guests = make_environment()
    guests.install(NAMES)
    settings = [word for one in SMALL for word in ("--set", one)]
    command = [guests.python, "-m", "zoo", "check", "text-vae", *settings]
    seconds = [run(command).seconds for _ in range(3)]
    assert report("zoo check of a small text model, whole process, seconds", seconds, 20.0)
