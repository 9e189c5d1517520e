"""Classification accuracy score: how well samples stand in for real images in a training."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR

from zoo.common.errors import CapabilityError, DataError
from zoo.common.watching import Watch
from zoo.data import Dataset, to_float
from zoo.evaluation.asked import unwatched
from zoo.evaluation.metrics import Estimate
from zoo.models import GenerativeModel

# from different seeds: their spread is part of the error
TRAININGS = 3
STEPS = 600  # of one training
BATCH = 128
RATE = 3e-3
AT_ONCE = 1_000  # images that are classified together
SMALLEST = 8  # pixels of an edge


def refuse_unfit(model: GenerativeModel, test: Dataset | None) -> None:  # type: ignore[type-arg]  # any config
    """Refuse what has no classification accuracy score.

    **Raises:** `CapabilityError` for a model without classes, and when there are no test images
    with labels; `DataError` for images that are too small."""
    if not model.config.num_classes:
        raise CapabilityError(
            "Usefulness needs a conditional model: a classifier is trained on samples whose class "
            "was asked for. Leave out --usefulness."
        )
    if test is None or test.labels is None:
        raise CapabilityError(
            "Usefulness needs test images with labels: a classifier that is trained on samples is "
            "tested on them. Leave out --usefulness."
        )
    if min(model.config.sample_shape[1:]) < SMALLEST:
        raise DataError(
            f"Usefulness needs images of {SMALLEST} × {SMALLEST} pixels at least, not "
            f"{' × '.join(map(str, model.config.sample_shape[1:]))}. Leave out --usefulness."
        )


def accuracy_score(
    images: Tensor,
    labels: Tensor,
    test: Dataset,
    *,
    classes: int,
    seed: int,
    watch: Watch = unwatched,
    doing: str = "Classifiers",
) -> Estimate:
    """The accuracy on real images of a classifier that was trained on these images alone.

    Ravuri & Vinyals 2019, arXiv:1905.10887, with a small convolutional network in place of a
    ResNet-50. Take it twice: of samples with the classes that were asked for, and of as many real
    training images. The gap is what a classifier loses by samples.

    **Arguments:**
    - `images`, `labels`: uint8 or float32 in [0, 1], `(n, channels, height, width)`; int64 `(n,)`.
    - `test`: real images with labels.
    - `classes`: how many there are.
    - `seed`: of all trainings.
    - `watch`: is told of each training.

    **Returns:** the mean of 3 trainings, a share of 0 to 1. The standard error covers the choice of
    the test images and the chance of the training.
    """
    assert test.labels is not None
    right = []
    with torch.random.fork_rng([]):
        for number in watch(range(TRAININGS), TRAININGS, doing):
            torch.manual_seed(seed % 2**62 + number)
            right.append(_right(_trained(images, labels, classes), test, test.labels))
    each = torch.stack(right).double()  # (trainings, test images)
    of_images = each.mean(0).var() / each.shape[1]
    of_trainings = each.mean(1).var() / TRAININGS
    return Estimate(each.mean().item(), (of_images + of_trainings).sqrt().item() or None)


def network(channels: int, classes: int) -> nn.Module:
    """The classifier: four 3×3 convolutions, three of which halve the image."""
    widths = (channels, 32, 64, 64, 128)
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(pairwise(widths)):
        stride = 1 if index == 2 else 2
        convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * widths[-1], classes)
    )


def _trained(images: Tensor, labels: Tensor, classes: int) -> nn.Module:
    """A classifier after `STEPS` steps of Adam, from torch's global generator."""
    classifier = network(images.shape[1], classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(classifier.parameters())
    schedule = OneCycleLR(optimizer, max_lr=RATE, total_steps=STEPS)
    for _ in range(STEPS):
        rows = torch.randint(len(images), (BATCH,))
        loss = F.cross_entropy(classifier(_unit(images[rows])), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    trained: nn.Module = classifier.eval()
    return trained


@torch.inference_mode()
def _right(classifier: nn.Module, test: Dataset, labels: Tensor) -> Tensor:
    """Which test images it classifies correctly, bool `(m,)`."""
    found = [
        classifier(_unit(test.samples[first : first + AT_ONCE])).argmax(1)
        for first in range(0, len(test), AT_ONCE)
    ]
    return torch.cat(found) == labels


def _unit(images: Tensor) -> Tensor:
    """uint8 images as float32 in [0, 1]."""
    return to_float(images) if images.dtype == torch.uint8 else images
