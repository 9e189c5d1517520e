"""Two plugins as authors write them, in 150 lines each: they keep the contract whole."""

from pathlib import Path

import pytest
import torch

import zoo
from zoo.common.errors import CapabilityError, ConfigError
from zoo.registry.registry import installed
from zoo.testing import ModelContract
from zoo.testing.subject import built

TRIALS = Path(__file__).parent
OFFER = """
from zoo import ModelSpec, hookimpl

@hookimpl
def zoo_models():
    return [
        ModelSpec(
            name="trial-vqvae",
            entry_point="vqvae:VQVAE",
            summary="VQ-VAE with a learned prior",
            capabilities=("sample", "decode", "encode"),
            dataset="mnist",
        ),
        ModelSpec(name="trial-ddpm", entry_point="ddpm:DDPM", summary="Diffusion with guidance"),
    ]
"""
SMALL = {"sample_shape": [1, 6, 6], "width": 16}


@pytest.fixture(autouse=True)
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both plugins are installed."""
    metadata = tmp_path / "site" / "zoo_trials-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata.parent / "zoo_trials.py").write_text(OFFER)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-trials\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[zoo]\ntrials = zoo_trials\n")
    for folder in (metadata.parent, TRIALS):
        monkeypatch.syspath_prepend(folder)
    installed.cache_clear()


class TestVQVAE(ModelContract):
    model = "trial-vqvae"
    config = {**SMALL, "num_classes": 3, "codes": 8, "positions": 4}


class TestDDPM(ModelContract):
    model = "trial-ddpm"
    config = {**SMALL, "num_classes": 3, "times": 8}


@pytest.mark.parametrize("file", ["vqvae.py", "ddpm.py"])
def test_a_trial_has_150_lines_at_most(file: str) -> None:
    assert len((TRIALS / file).read_text().splitlines()) <= 150


@torch.no_grad()
def test_the_likelihood_of_a_vqvae_goes_by_its_prior_and_so_by_the_label() -> None:
    model = built("trial-vqvae", TestVQVAE.config)
    images = torch.rand(5, 1, 6, 6)
    zero, one = (model.log_likelihood(images, torch.full((5,), label)) for label in (0, 1))
    assert not torch.allclose(zero, one)
    z = model.encode(images, torch.zeros(5, dtype=torch.int64)).mode
    labels = torch.zeros(5, dtype=torch.int64)
    expected = model.likelihood(z, labels).log_prob(images) + model.log_prior(z, labels)
    torch.testing.assert_close(zero, expected, atol=1e-4, rtol=0)


@torch.no_grad()
def test_options_of_both_change_what_is_drawn() -> None:
    for name, options in (("vqvae", {"temperature": 0.0}), ("ddpm", {"guidance": 5.0})):
        contract = {"vqvae": TestVQVAE, "ddpm": TestDDPM}[name]
        model = built(contract.model, contract.config)
        labels = [0, 1, 2, 0]
        plain = zoo.draw(model, 4, seed=0, labels=labels)
        assert not torch.equal(plain, zoo.draw(model, 4, seed=0, labels=labels, options=options))


def test_options_of_a_measurement_are_kept_with_it_and_shown(tmp_path: Path) -> None:
    model = built("trial-ddpm", {"width": 8, "num_classes": 10, "times": 3})
    place = tmp_path / "mine"
    other = tmp_path / "other"
    names = [str(digit) for digit in range(10)]
    for folder in (place, other):
        zoo.save(model, folder, dataset="mnist", facts={"class_names": names})
    found = zoo.evaluate(place, n=30, options={"guidance": 3.0}, write=True)
    assert {one.options for one in found if one.extractor} == {("guidance=3.0",)}
    card = (place / "README.md").read_text()
    assert "guidance=3.0" in card and "--set guidance=3.0" in card
    plain = zoo.evaluate(place, n=30)
    assert {one.kind for one in plain}.isdisjoint({one.kind for one in found})
    compared = zoo.compare(place, other, n=30, options={"guidance": 3.0})
    by_features = [one for results in compared.columns.values() for one in results if one.extractor]
    assert {one.options for one in by_features} == {("guidance=3.0",)}
    with pytest.raises(ConfigError, match="leave out --set or --usefulness"):
        zoo.evaluate(place, n=30, options=["guidance=3"], usefulness=True)


def test_codes_have_no_lines_between_them() -> None:
    model = built("trial-vqvae", TestVQVAE.config)
    z = model.sample_prior(2, torch.Generator(), torch.tensor([0, 1]))
    with pytest.raises(CapabilityError, match="codes: no line is between two of them"):
        model.interpolate(z[:1], z[1:], 3)
