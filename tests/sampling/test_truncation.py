"""Truncation: latents drawn to the mean of the prior, recorded with the samples."""

import shlex
from pathlib import Path

import pytest
import torch
from conftest import Zoo
from toys import Toy

import zoo as door
from zoo.errors import ConfigError
from zoo.sampling import latents, provenance, stream


def test_latents_are_multiplied_and_the_noise_of_a_sample_stays_its_own() -> None:
    model = door.load("vae-mnist")
    z = latents(model, 5, seed=2)  # type: ignore[arg-type]
    drawn = door.draw(model, 5, seed=2, truncation=0.5)
    assert torch.allclose(drawn, model.decode(0.5 * z), atol=1e-5)
    assert torch.allclose(
        door.draw(model, 2, seed=2, start=3, truncation=0.5), drawn[3:], atol=1e-5
    )
    alike = door.draw(model, 64, seed=2, truncation=0.3).var(0).mean()
    assert alike < 0.5 * door.draw(model, 64, seed=2).var(0).mean()
    assert torch.equal(door.draw(model, 5, seed=2, truncation=1), door.draw(model, 5, seed=2))


def test_a_file_records_the_truncation_and_its_command_makes_it_again(zoo: Zoo) -> None:
    words = ["sample", "vae-mnist", "-n", 4, "--seed", 2, "--truncation", 0.5]
    assert zoo(*words).exit_code == 0
    made = provenance.read(Path("samples.png"))
    assert made["truncation"] == 0.5 and "--truncation 0.5" in made["command"]
    first = Path("samples.png").read_bytes()
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0
    assert Path("samples.png").read_bytes() == first
    zoo("sample", "vae-mnist", "-n", 4, "--seed", 2)
    assert "truncation" not in provenance.read(Path("samples.png"))


@pytest.mark.parametrize("wrong", [-1, 11, "half", float("nan"), True])
def test_what_is_no_truncation_is_refused(wrong: object) -> None:
    with pytest.raises(ConfigError, match="is not a number from 0 to 10"):
        door.draw("vae-mnist", 1, truncation=wrong)  # type: ignore[arg-type]


def test_a_model_without_latents_takes_none() -> None:
    with pytest.raises(ConfigError, match="has no latents"):
        next(stream(Toy(), 1, seed=0, truncation=0.5))
