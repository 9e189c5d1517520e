"""How good a checkpoint of names is, in a table.

Run it by python -m zoo_names.measure --data-root FOLDER.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

import zoo
from zoo_names.names import load

# names at a time
BATCH = 500


@torch.no_grad()
def measure(model: Any, root: Path, names: int, draws: int, samples: int) -> dict[str, float]:
    """Measure on names that the model has not seen, and on samples.

    **Arguments:**
    - `model`: conditional on the first letter.
    - `root`: the folder of the data.
    - `names`: how many test names, 3,000 at most.
    - `draws`: latents drawn for the bound of the likelihood of each.
    - `samples`: how many to draw.

    **Returns:** `bits`: a bound of −log₂ p(name) per character, the end included. p(name) is
    p(name | first letter) times the frequency of the letter among the training names. `bits_given`:
    without that factor. `kl`: nats per name. `exact`: the share of names that are decoded from
    the mean of their latents letter by letter. `new`: the share of samples that are in neither
    part of the data. `different`: how many of the samples differ from all others."""
    torch.manual_seed(0)
    (train, train_labels), (test, labels) = load(root, "train"), load(root, "test")
    frequency = (train_labels.bincount(minlength=26) / len(train_labels)).log()
    test, labels = test[:names], labels[:names]
    # names of one length together: what is padding in all of a batch is not computed
    order = (test > 0).sum(1).argsort(stable=True)
    test, labels = test[order], labels[order]
    prior = Independent(Normal(0.0, 1.0).expand(model.latent_shape), 1)
    bound, kl, exact = [], [], []
    for some, given in zip(test.split(BATCH), labels.split(BATCH), strict=True):
        longest = int((some > 0).sum(1).max()) + 1
        short = some[:, :longest]
        bound.append(model.log_likelihood(short, given, importance_samples=draws))
        kl.append(kl_divergence(model.encode(some, given), prior))
        exact.append((model.reconstruct(some, given) == some).all(1))
    characters = int((test > 0).sum()) + len(test)
    known = {tuple(name) for name in torch.cat([train, test]).tolist()}
    letters = torch.multinomial(frequency.exp(), samples, replacement=True)
    drawn = [tuple(name) for name in zoo.draw(model, samples, seed=0, labels=letters).tolist()]
    return {
        "bits": _bits(torch.cat(bound) + frequency[labels], characters),
        "bits_given": _bits(torch.cat(bound), characters),
        "kl": float(torch.cat(kl).mean()),
        "exact": float(torch.cat(exact).float().mean()),
        "new": sum(name not in known for name in drawn) / samples,
        "different": len(set(drawn)) / samples,
    }


def _bits(nats: Tensor, characters: int) -> float:
    return -float(nats.sum()) / math.log(2) / characters


def main() -> None:
    """Print what `measure` finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", nargs="?", default="text-vae-names")
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--names", type=int, default=3_000)
    parser.add_argument("-k", type=int, default=100)
    parser.add_argument("-n", type=int, default=1_000)
    asked = parser.parse_args()
    found = measure(zoo.load(asked.reference), asked.data_root, asked.names, asked.k, asked.n)
    for name, value in found.items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
