"""Networks as tutorials and libraries define them, in our own few lines, to save and import."""

from itertools import pairwise

import torch
from torch import nn


def norm(maps: int) -> nn.BatchNorm2d:
    """Batch norm with the epsilon of PyTorch-GAN."""
    return nn.BatchNorm2d(maps, 0.8)


class Dcgan(nn.Module):
    """The generator of pytorch/examples; `root` is what it calls its layers."""

    def __init__(self, root: str = "main", nz: int = 10, width: int = 4, channels: int = 3) -> None:
        super().__init__()
        maps = [8 * width, 4 * width, 2 * width, width]
        layers: list[nn.Module] = [nn.ConvTranspose2d(nz, maps[0], 4, 1, 0, bias=False)]
        for inputs, outputs in zip(maps, [*maps[1:], channels], strict=True):
            layers += [nn.BatchNorm2d(inputs), nn.ReLU(True)]
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)]
        self.root = root
        self.add_module(root, nn.Sequential(*layers, nn.Tanh()))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        images: torch.Tensor = getattr(self, self.root)(z[:, :, None, None])
        return images


class DcganJudge(nn.Module):
    """The discriminator of pytorch/examples, without its sigmoid."""

    def __init__(self, width: int = 4, channels: int = 3) -> None:
        super().__init__()
        maps = [width, 2 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1, bias=False)]
        layers += [nn.LeakyReLU(0.2)]
        for inputs, outputs in pairwise(maps):
            layers += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
        self.main = nn.Sequential(*layers, nn.Conv2d(maps[-1], 1, 4, 1, 0, bias=False))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.main(images)
        return logits.flatten()


class Gan(nn.Module):
    """The generator of gan.py of PyTorch-GAN."""

    def __init__(self, nz: int = 10, pixels: int = 784) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(nz, 128), nn.LeakyReLU(0.2)]
        for inputs, outputs in ((128, 256), (256, 512), (512, 1024)):
            layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, 0.8), nn.LeakyReLU(0.2)]
        self.model = nn.Sequential(*layers, nn.Linear(1024, pixels), nn.Tanh())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        images: torch.Tensor = self.model(z)
        return images.view(-1, 1, 28, 28)


class GanJudge(nn.Module):
    """The discriminator of gan.py of PyTorch-GAN, without its sigmoid."""

    def __init__(self, pixels: int = 784) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(pixels, 512),
            nn.LeakyReLU(0.2),
            nn.Linear(512, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 1),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(images.flatten(1))
        return logits[:, 0]


class Upsampling(nn.Module):
    """The generator of dcgan.py of PyTorch-GAN; `root` is what it calls its convolutions."""

    def __init__(self, root: str = "conv_blocks", nz: int = 10, edge: int = 32) -> None:
        super().__init__()
        self.start = edge // 4
        self.root = root
        self.l1 = nn.Sequential(nn.Linear(nz, 128 * self.start**2))
        layers: list[nn.Module] = [nn.BatchNorm2d(128)]
        for outputs in (128, 64):
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(128, outputs, 3, 1, 1)]
            layers += [norm(outputs), nn.LeakyReLU(0.2)]
        self.add_module(root, nn.Sequential(*layers, nn.Conv2d(64, 1, 3, 1, 1), nn.Tanh()))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        maps = self.l1(z).view(-1, 128, self.start, self.start)
        images: torch.Tensor = getattr(self, self.root)(maps)
        return images


class UpsamplingJudge(nn.Module):
    """The discriminator of dcgan.py of PyTorch-GAN, without its sigmoid."""

    def __init__(self, edge: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        maps = 1
        for outputs in (16, 32, 64, 128):
            layers += [nn.Conv2d(maps, outputs, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
            layers += [norm(outputs)] if outputs in (32, 64) else []
            maps = outputs
        self.model = nn.Sequential(*layers)
        self.adv_layer = nn.Sequential(nn.Linear(128 * (edge // 16) ** 2, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.adv_layer(self.model(images).flatten(1))
        return logits[:, 0]


class Vae(nn.Module):
    """The VAE of pytorch/examples."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """The means."""
        means: torch.Tensor = self.fc21(self.fc1(images.flatten(1)).relu())
        return means

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        images: torch.Tensor = self.fc4(self.fc3(z).relu()).sigmoid()
        return images.view(-1, 1, 28, 28)


class Pythae(nn.Module):
    """pythae's VAE with its default networks."""

    def __init__(self, latent_dim: int = 5, pixels: int = 784) -> None:
        super().__init__()
        first = nn.Sequential(nn.Linear(pixels, 512), nn.ReLU())
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList([first])})
        self.encoder["embedding"] = nn.Linear(512, latent_dim)
        self.encoder["log_var"] = nn.Linear(512, latent_dim)
        layers = [
            nn.Sequential(nn.Linear(latent_dim, 512), nn.ReLU()),
            nn.Sequential(nn.Linear(512, pixels), nn.Sigmoid()),
        ]
        self.decoder = nn.ModuleDict({"layers": nn.ModuleList(layers)})

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """The means."""
        first = self.encoder["layers"][0](images.flatten(1))
        means: torch.Tensor = self.encoder["embedding"](first)
        return means

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        for layer in self.decoder["layers"]:
            z = layer(z)
        return z.view(-1, 1, 28, 28)


def seen(network: nn.Module, seed: int = 0) -> nn.Module:
    """A network in eval mode whose batch norm has statistics of its own."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features, generator=generator)
            module.running_var = 0.1 + torch.rand(module.num_features, generator=generator)
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(generator=generator)
    return network.eval()
