"""How many samples are copies of training images, or nearly so, by their features."""

import torch
from torch import Tensor

from zoo.evaluation.manifolds import squared_distances
from zoo.evaluation.metrics import Estimate, check_features, mean

PERCENTILE = 0.01
# training images whose nearest neighbour sets the threshold
LOOKED_AT = 10_000
ROWS = 500  # of a matrix of distances held at once


def memorised(samples: Tensor, training: Tensor, *, seed: int) -> Estimate:
    """The share of samples that are nearer to a training image than training images are to each
    other.

    Near means: at most t from the nearest training image. Here t is the first percentile of the
    distances of training images to their nearest other training image. So of unseen images, about
    1 % count as near by chance, and the floor says how many it is. A model that copies gives far
    more. To compare nearest distances with those of held-out images is the test for copying of
    Meehan et al. 2020, arXiv:2004.05675; the percentile is ours. Copies among the training images
    (t = 0) leave only exact copies to count.

    **Arguments:**
    - `samples`, `training`: features, `(n, d)` and `(m, d)`; m is 2 at least.
    - `seed`: chooses the training images that t comes from, 10,000 at most.

    **Returns:** a share, 0 to 1, with the standard error over the samples, for t as it is.
    """
    check_features(samples, training, needed=2)
    # taken off: it says nothing, and costs float32 digits
    centre = training.mean(0)
    training, samples = training - centre, samples - centre
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(training), generator=generator)[:LOOKED_AT]
    among = nearest_distances(training[chosen], training, own=chosen)
    threshold = among.quantile(PERCENTILE, interpolation="lower")
    return mean(nearest_distances(samples, training) <= threshold)


def nearest_distances(points: Tensor, training: Tensor, own: Tensor | None = None) -> Tensor:
    """The squared distance, `(n,)`, of each point to its nearest training image.

    **Arguments:**
    - `points`, `training`: features, `(n, d)` and `(m, d)`.
    - `own`: where the points are training images, their indices: an image is not its own neighbour.
    """
    found = []
    for index, rows in enumerate(points.split(ROWS)):
        distances = squared_distances(rows, training)
        if own is not None:
            columns = own[index * ROWS : index * ROWS + len(rows)]
            distances[torch.arange(len(rows)), columns] = torch.inf
        found.append(distances.min(1).values.clamp(min=0))
    return torch.cat(found)
