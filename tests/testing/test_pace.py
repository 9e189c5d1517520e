"""How long checks take is told from a building and a block of samples."""

from zoo.testing import expected
from zoo.testing.pace import FIXED
from zoo.testing.subject import built


def test_the_checks_of_a_larger_model_are_expected_to_take_longer() -> None:
    small, large = ({"hidden_dims": dims, "latent_dim": 2} for dims in ([8], [2048, 2048]))
    for config in (small, large):
        built("mlp-vae", config)
    assert FIXED < expected("mlp-vae", small) < expected("mlp-vae", large)
