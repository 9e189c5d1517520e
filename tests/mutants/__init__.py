"""Models that keep the contract, and mutants of them, each broken in one way that one check is
there to find.
"""

from mutants import labels, latents, offer, samples, training, weights
from mutants.sound import MUTANTS, SOUND, Mutant

__all__ = [
    "MUTANTS",
    "SOUND",
    "Mutant",
    "labels",
    "latents",
    "offer",
    "samples",
    "training",
    "weights",
]
