"""The search for a latent: where it begins, how near it comes, and that each image has its own."""

from collections.abc import Callable
from pathlib import Path

import torch

import zoo as door
from zoo.data import load_dataset
from zoo.editing import search
from zoo.sampling import latents
from zoo.sampling.images import to_image


def digits(n: int) -> list[Path]:
    """Some real digits as PNGs in the working folder."""
    paths = [Path(f"digit-{index}.png") for index in range(n)]
    for path, pixels in zip(paths, load_dataset("mnist", split="test").samples, strict=False):
        to_image(pixels).save(path)
    return paths


def test_a_search_from_the_encoder_comes_nearer_than_the_encoder() -> None:
    paths = digits(3)
    model = door.load("vae-mnist")
    samples = load_dataset("mnist", split="test").samples[:3].float() / 255
    encoded = (model.reconstruct(samples) - samples).square().flatten(1).sum(1)
    found = door.invert("vae-mnist", paths, seed=0)
    assert (found.errors < encoded).all()
    assert torch.allclose(door.invert("vae-mnist", paths, seed=0, steps=0).errors, encoded)


def test_the_latent_of_an_image_does_not_depend_on_the_others(
    trained: Callable[..., Path],
) -> None:
    paths, model = digits(3), trained("mlp-gan")
    alone = door.invert(model, paths[2:], "a.npz", seed=1, draws=50, steps=5)
    among = door.invert(model, paths, "b.npz", seed=1, draws=50, steps=5)
    assert torch.allclose(alone.latents, among.latents[2:], atol=1e-4)
    again = door.invert(model, paths, "c.npz", seed=1, draws=50, steps=5)
    assert Path("b.npz").read_bytes()[:200] == Path("c.npz").read_bytes()[:200]
    assert torch.equal(again.latents, among.latents)


def test_the_best_draw_does_not_depend_on_how_many_are_decoded_at_once() -> None:
    model = door.load("vae-mnist")
    samples = model.decode(latents(model, 300, seed=3)[[7, 255, 299]])  # type: ignore[arg-type]
    z, labels = search.best_draws(model, samples, seed=3, draws=300)  # type: ignore[arg-type]
    assert labels is None
    assert torch.equal(z, latents(model, 300, seed=3)[[7, 255, 299]])  # type: ignore[arg-type]
    later, _ = search.best_draws(model, samples[:1], seed=3, draws=100, start=200)  # type: ignore[arg-type]
    assert not torch.equal(later, z[:1])


def test_the_progress_counts_every_step(trained: Callable[..., Path]) -> None:
    seen = []

    def watch(steps, total, said):  # type: ignore[no-untyped-def]
        for step in steps:
            seen.append((total, said))
            yield step

    model = trained("mlp-gan")
    door.invert(model, [*digits(17)], seed=1, draws=20, steps=3, watch=watch)
    assert seen == [(6, "Inverting")] * 6
