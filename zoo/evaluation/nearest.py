"""Which training images lie nearest to samples: what a model has learnt by heart shows there."""

import torch
from PIL import Image
from torch import Tensor

from zoo.data import OnDisk, to_float
from zoo.sampling import pairs

# numbers held at once while nearest images are looked for: 64 MiB
DISTANCES = 1 << 24


def nearest(samples: Tensor, training_samples: Tensor | OnDisk) -> Tensor:
    """The training image that is nearest to each sample, by the Euclidean distance of their pixels.

    **Arguments:**
    - `samples`: uint8 or float32 in [0, 1], `(n, channels, height, width)`.
    - `training_samples`: uint8 `(m, channels, height, width)`, in memory or on disk. They are read
        some at a time.

    **Returns:** uint8 `(n, channels, height, width)`.
    """
    flat = _unit(samples).flatten(1)
    least = torch.full((len(flat),), torch.inf)
    found = torch.zeros_like(samples, dtype=torch.uint8)
    at_once = max(1, DISTANCES // max(flat.shape))
    for first in range(0, len(training_samples), at_once):
        some = training_samples[first : first + at_once]
        distances, indices = torch.cdist(flat, _unit(some).flatten(1)).min(1)
        nearer = distances < least
        least[nearer] = distances[nearer]
        found[nearer] = some[indices[nearer]]
    return found


def picture(samples: Tensor, training_samples: Tensor | OnDisk) -> Image.Image:
    """Samples above their nearest training images, 8 in a row; the arguments are `nearest`'s."""
    return pairs(samples, nearest(samples, training_samples))


def _unit(samples: Tensor) -> Tensor:
    """uint8 images as float32 in [0, 1]."""
    return to_float(samples) if samples.dtype == torch.uint8 else samples
