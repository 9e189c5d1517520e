"""Features: networks by name, what they see in images, and images and weights that are refused."""

import hashlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from zoo import FeatureSpec, ZooError
from zoo.common.errors import CheckpointError, DataError, NotFoundError, PluginError
from zoo.data import Extractor, check_shape, extract, load_features
from zoo.registry.registry import installed


class Look(nn.Module):
    """Each row's mean as features, and the means of the first two rows as logits."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        rows = images.mean((1, 3))
        return rows, rows[:, :2]


LOOK = Extractor("look", "0" * 64, Look().eval(), (1, 4, 4), ("dark", "bright"))


def look(answer: Callable[[Tensor], object], class_names: tuple[str, ...] = ()) -> Extractor:
    """An extractor that gives what it shouldn't."""
    module = Look()
    module.forward = answer  # type: ignore[method-assign,assignment]  # a fault on purpose
    return Extractor("look", "0" * 64, module, (), class_names)


def test_a_network_sees_a_hundred_images_at_most_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    extractor = look(
        lambda images: (sizes.append(len(images)), Look.forward(LOOK.module, images))[1]
    )
    images = torch.rand(250, 1, 4, 4)
    assert torch.equal(extract(extractor, [images]).vectors, images.mean((1, 3)))
    assert sizes == [100, 100, 50]


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Offer features called "mine" whose module holds the code given."""

    def write(code: str) -> None:
        (tmp_path / "look_of_mine.py").write_text(textwrap.dedent(code))
        monkeypatch.syspath_prepend(tmp_path)
        sys.modules.pop("look_of_mine", None)
        registry = installed()
        registry.features["mine"] = FeatureSpec(
            name="mine", entry_point="look_of_mine:load", datasets=("my-data",)
        )

    return write


GOOD = """
    from pathlib import Path
    from safetensors.torch import load_file
    from torch import nn

    class Mine(nn.Module):
        def __init__(self, weights):
            super().__init__()
            self.look = nn.Linear(4, 3)
            self.weights = weights or Path(__file__)
            if weights:
                self.load_state_dict(load_file(weights))

        def forward(self, images):
            return self.look(images.mean((1, 2))), None

    def load(weights):
        return Mine(weights)
"""


def test_features_are_rows_of_all_batches_with_the_likeliest_class() -> None:
    images = torch.zeros(5, 1, 4, 4)
    images[:2, 0, 0], images[2:, 0, 1] = 1, 1  # the first row of some, the second of others
    seen = extract(LOOK, images.split(2))
    assert torch.equal(seen.vectors, images.mean((1, 3)))
    assert seen.classes is not None and seen.classes.tolist() == [0, 0, 1, 1, 1]
    assert seen.confidences is not None
    assert torch.allclose(
        seen.confidences, torch.tensor(1 / (1 + torch.e**-1))
    )  # softmax of (1, 0)
    assert not seen.vectors.requires_grad


def test_without_class_names_no_class_is_counted() -> None:
    extractor = Extractor("look", "0" * 64, Look().eval())
    seen = extract(extractor, [torch.rand(3, 1, 4, 4)])
    assert seen.classes is None and seen.confidences is None


def test_no_more_than_one_batch_of_images_is_asked_for_at_a_time() -> None:
    taken = []

    class Counting(Look):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            taken.append(asked)
            return super().forward(images)

    asked = 0

    def batches() -> Iterator[Tensor]:
        nonlocal asked
        for _ in range(4):
            asked += 1
            yield torch.rand(2, 1, 4, 4)

    extract(Extractor("look", "0" * 64, Counting()), batches())
    assert taken == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            torch.rand(2, 1, 5, 4),
            r"The features 'look' take images of \(1, 4, 4\), not samples of \(1, 5, 4\)",
        ),
        (torch.rand(2, 3, 4, 4), r"not samples of \(3, 4, 4\)"),
        (torch.rand(2, 16), r"not samples of \(16,\)"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), "not torch.uint8: divide by 255"),
        (torch.full((2, 1, 4, 4), torch.nan), "2 of 2 samples hold NaN or infinite pixels"),
    ],
)
def test_images_that_it_cannot_take_are_refused(images: Tensor, message: str) -> None:
    with pytest.raises(DataError, match=message):
        extract(LOOK, [images])


def test_a_shape_is_refused_before_any_sample_is_drawn() -> None:
    check_shape(LOOK, (1, 4, 4))
    with pytest.raises(
        DataError, match=r"'look' take images of \(1, 4, 4\), not samples of \(1, 28, 28\)"
    ):
        check_shape(LOOK, [1, 28, 28])
    with pytest.raises(
        DataError, match=r"take images \(channels, height, width\), not samples of \(2,\)"
    ):
        check_shape(Extractor("any", "0" * 64, Look()), (2,))


def test_no_images_have_no_features() -> None:
    with pytest.raises(DataError, match="no images"):
        extract(LOOK, [])


@pytest.mark.parametrize(
    ("answer", "class_names", "message"),
    [
        (
            lambda images: (images.mean((1, 3)).double(), None),
            (),
            r"gave torch.float64 \(2, 4\) for 2 images",
        ),
        (
            lambda images: images.mean((1, 3)),
            (),
            r"gave Tensor for 2 images, not the pair \(features, logits",
        ),
        (
            lambda images: (images.mean((1, 3)), None, 0),
            (),
            "gave tuple for 2 images, not the pair",
        ),
        (lambda images: None, (), "gave NoneType for 2 images, not the pair"),
        (
            lambda images: images @ images[0, 0, :3],
            (),
            r"'look' broke: RuntimeError: .*Tell their plugin's authors",
        ),
        (lambda images: (images, None), (), r"gave torch.float32 \(2, 1, 4, 4\)"),
        (
            lambda images: (images.mean((1, 3))[:1], None),
            (),
            r"gave torch.float32 \(1, 4\) for 2 images",
        ),
        (
            lambda images: (images.mean((1, 3)), None),
            ("a", "b"),
            "name 2 classes, but gave None as logits",
        ),
        (
            lambda images: (images.mean((1, 3)),) * 2,
            ("a", "b"),
            r"name 2 classes, but gave \(2, 4\) as logits",
        ),
    ],
)
def test_a_network_that_breaks_its_promise_is_laid_at_its_plugins_door(
    answer: Callable[[Tensor], object], class_names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        extract(look(answer, class_names), [torch.rand(2, 1, 4, 4)])


def test_what_a_network_says_in_words_of_its_images_is_passed_on() -> None:
    def refuse(images: Tensor) -> object:
        raise ZooError("I take no squares")

    with pytest.raises(ZooError, match=r"^I take no squares$"):
        extract(look(refuse), [torch.rand(2, 1, 4, 4)])


def test_features_are_loaded_by_name_and_known_by_the_digest_of_their_weights(
    offer: Callable[[str], None], tmp_path: Path
) -> None:
    offer(GOOD)
    file = tmp_path / "mine.safetensors"
    save_file({"look.weight": torch.ones(3, 4), "look.bias": torch.zeros(3)}, file)
    extractor = load_features("mine", file)
    assert (extractor.name, extractor.class_names) == ("mine", ())
    assert extractor.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert not extractor.module.training
    seen = extract(extractor, [torch.ones(2, 1, 4, 4)]).vectors
    assert torch.equal(seen, torch.full((2, 3), 4.0))
    assert (
        load_features("mine").sha256
        == hashlib.sha256((tmp_path / "look_of_mine.py").read_bytes()).hexdigest()
    )


def test_a_data_set_has_the_features_that_are_meant_for_it(offer: Callable[[str], None]) -> None:
    assert installed().features_for("my-data") is None
    offer(GOOD)
    spec = installed().features_for("my-data")
    assert spec is not None and spec.name == "mine"


def test_an_unknown_name_is_answered_with_the_nearest(offer: Callable[[str], None]) -> None:
    offer(GOOD)
    with pytest.raises(NotFoundError, match=r"offers features 'mien'\. Did you mean 'mine'"):
        load_features("mien")


def test_weights_that_are_not_there_are_not_those_of_this_network_or_are_a_pickle_are_refused(
    offer: Callable[[str], None], tmp_path: Path
) -> None:
    offer(GOOD)
    with pytest.raises(CheckpointError, match="nowhere is not a file: --weights names"):
        load_features("mine", Path("nowhere"))
    other = tmp_path / "other.safetensors"
    save_file({"look.weight": torch.ones(9, 9)}, other)
    with pytest.raises(
        CheckpointError, match=r"does not hold the weights of the features 'mine': .*Missing key"
    ):
        load_features("mine", other)
    save_file({"else": torch.ones(9, 9)}, other)
    offer(
        "from safetensors.torch import load_file\ndef load(weights): return "
        "load_file(weights)['scale']"
    )
    with pytest.raises(
        CheckpointError,
        match=r"does not hold the weights of the features 'mine': KeyError: 'scale'",
    ):
        load_features("mine", other)
    offer(GOOD)
    pickled = tmp_path / "pickled.pth"
    torch.save({"look.weight": torch.ones(3, 4), "look.bias": torch.zeros(3)}, pickled)
    with pytest.raises(CheckpointError, match=r"pickled\.pth does not hold the weights"):
        load_features("mine", pickled)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "def load(weights): raise KeyError('lost')",
            "'mine' can't be loaded from look_of_mine:load: KeyError: 'lost'",
        ),
        (
            "def load(weights): raise RuntimeError",
            "can't be loaded from look_of_mine:load: RuntimeError",
        ),
        (
            "from torch import nn\ndef load(weights): return nn.Linear(1, 1)",
            "has no attribute 'weights'",
        ),
        ("def load(weights): return None", "has no attribute 'weights'"),
    ],
)
def test_a_plugin_that_breaks_is_named(
    offer: Callable[[str], None], code: str, message: str
) -> None:
    offer(code)
    with pytest.raises(PluginError, match=message):
        load_features("mine")


def test_what_a_plugin_says_in_words_is_passed_on(offer: Callable[[str], None]) -> None:
    offer("from zoo import ZooError\ndef load(weights): raise ZooError('bring your own weights')")
    with pytest.raises(ZooError, match=r"^bring your own weights$"):
        load_features("mine")
