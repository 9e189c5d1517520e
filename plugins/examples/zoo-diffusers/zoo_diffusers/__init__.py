"""Offers diffusion models of the diffusers library, and an importer of its pipelines."""

from collections.abc import Iterable

from zoo import ImporterSpec, ModelSpec, hookimpl


@hookimpl
def zoo_models() -> Iterable[ModelSpec]:
    """A U-Net that removes noise step by step."""
    return [
        ModelSpec(
            name="diffusers-unet",
            entry_point="zoo_diffusers.unet:DiffusersUNet",
            summary="Diffusion model by the U-Net of the diffusers library",
            reference="https://arxiv.org/abs/2006.11239",
        )
    ]


@hookimpl
def zoo_importers() -> Iterable[ImporterSpec]:
    """DDPM and DDIM pipelines, as `save_pretrained` writes them."""
    return [
        ImporterSpec(
            name="diffusers",
            entry_point="zoo_diffusers.importer:pipeline",
            model="diffusers-unet",
            summary="DDPM or DDIM pipeline of diffusers with a UNet2DModel",
        )
    ]
