"""A pipeline that the library saved draws what the library draws; the model keeps the contract."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel
from safetensors.torch import load_file, save_file

import zoo
from zoo.models import CheckpointError
from zoo.testing import ModelContract

TINY = {
    "block_out_channels": [8, 8],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "attention_head_dim": 4,
}


class TestDiffusersUNet(ModelContract):
    model = "diffusers-unet"
    config = {
        "sample_shape": [1, 8, 8],
        "unet": TINY,
        "scheduler": {"_class_name": "DDPMScheduler", "num_train_timesteps": 4},
    }


def saved(folder: Path, scheduler: Any, **more: Any) -> Any:
    """A tiny pipeline with fresh weights, saved as its library does it."""
    torch.manual_seed(0)
    unet: Any = UNet2DModel(sample_size=8, in_channels=3, out_channels=3, **TINY, **more)
    kind: Any = DDIMPipeline if isinstance(scheduler, DDIMScheduler) else DDPMPipeline
    pipeline = kind(unet.eval(), scheduler)
    pipeline.save_pretrained(folder)
    return pipeline


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("scheduler", "more"),
    [
        (DDPMScheduler, {}),
        (DDIMScheduler, {}),
        (DDPMScheduler, {"beta_schedule": "squaredcos_cap_v2", "variance_type": "fixed_large"}),
        (DDPMScheduler, {"prediction_type": "v_prediction", "clip_sample": False}),
        (DDIMScheduler, {"prediction_type": "sample", "timestep_spacing": "trailing"}),
        (DDIMScheduler, {"set_alpha_to_one": False, "steps_offset": 1}),
    ],
    ids=str,
)
def test_a_pipeline_draws_what_its_library_draws(
    scheduler: Any, more: dict[str, Any], tmp_path: Path
) -> None:
    pipeline = saved(tmp_path / "theirs", scheduler(num_train_timesteps=20, **more))
    pipeline.set_progress_bar_config(disable=True)
    zoo.import_weights(str(tmp_path / "theirs"), "theirs")
    model: Any = zoo.load("theirs")
    expected = pipeline(
        batch_size=2,
        generator=torch.Generator().manual_seed(1),
        num_inference_steps=10,
        output_type="np",
    ).images
    options = model.Options(steps=10)
    with torch.no_grad():
        drawn = model.sample(2, generator=torch.Generator().manual_seed(1), options=options)
    found = drawn.permute(0, 2, 3, 1)
    torch.testing.assert_close(found, torch.from_numpy(expected), atol=1e-5, rtol=0)


def test_a_pipeline_with_classes_takes_labels(tmp_path: Path) -> None:
    saved(tmp_path / "theirs", DDPMScheduler(num_train_timesteps=5), num_class_embeds=3)
    zoo.import_weights(str(tmp_path / "theirs"), "theirs", importer="diffusers")
    same = [zoo.draw("theirs", 1, seed=0, labels=[label], options={"steps": 3}) for label in (0, 1)]
    assert not torch.equal(*same)


@pytest.mark.parametrize("scheduler", ["own", "ddpm", "ddim"])
def test_the_scheduler_is_an_option(scheduler: str, tmp_path: Path) -> None:
    saved(tmp_path / "theirs", DDPMScheduler(num_train_timesteps=20))
    zoo.import_weights(str(tmp_path / "theirs"), "theirs")
    drawn = zoo.draw("theirs", 2, seed=0, options={"scheduler": scheduler, "steps": 4})
    assert drawn.shape == (2, 3, 8, 8) and 0 <= float(drawn.min()) <= float(drawn.max()) <= 1


def test_names_from_before_diffusers_0_17_are_read(tmp_path: Path) -> None:
    saved(tmp_path / "theirs", DDPMScheduler(num_train_timesteps=5))
    path = tmp_path / "theirs" / "unet" / "diffusion_pytorch_model.safetensors"
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for key, tensor in load_file(path).items():
        for new, before in old.items():
            key = key.replace(f".{new}.", f".{before}.")
        tensors[key] = tensor
    zoo.import_weights(str(tmp_path / "theirs"), "new")
    save_file(tensors, path)
    zoo.import_weights(str(tmp_path / "theirs"), "old")
    options = {"steps": 2}
    drawn = [zoo.draw(name, 1, seed=0, options=options) for name in ("new", "old")]
    assert torch.equal(*drawn)


def test_weights_in_another_precision_beside_them_are_left_out_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved(tmp_path / "theirs", DDPMScheduler(num_train_timesteps=5))
    path = tmp_path / "theirs" / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    halves = {key: one.half() for key, one in tensors.items()}
    save_file(halves, path.with_name("diffusion_pytorch_model.fp16.safetensors"))
    zoo.import_weights(str(tmp_path / "theirs"), "theirs")
    found = zoo.load("theirs").state_dict()
    assert all(torch.equal(found[f"unet.{key}"], one) for key, one in tensors.items())
    assert "all of unet/diffusion_pytorch_model.fp16.safetensors" in caplog.text


HOSTILE = [
    ("unet", {"layers_per_block": 10**6}, "layers_per_block = 1000000 is out of bounds"),
    ("unet", {"block_out_channels": [10**9, 8]}, "is out of bounds"),
    ("unet", {"down_block_types": ["DownBlock2D"] * 1000}, "of 1,000 entries, is out of bounds"),
    ("unet", {"down_block_types": ["Evil", "DownBlock2D"]}, "unet can't be built"),
    ("unet", {"block_out_channels": "many"}, "unet can't be built"),
    ("unet", {"sample_size": None}, "says no size of the images"),
    ("unet", {"extra": "x" * 70_000}, "bytes of JSON; 65,536 are the most"),
    ("unet", {"norm_num_groups": 0}, "unet can't be built"),
    ("scheduler", {"num_train_timesteps": 10**12}, "is out of bounds"),
    ("scheduler", {"beta_schedule": "none"}, "scheduler can't be made"),
    ("scheduler", {"_class_name": "ScoreSdeVeScheduler"}, "The scheduler is ScoreSdeVeScheduler"),
    ("scheduler", {"_class_name": ["DDPMScheduler"]}, "The scheduler is"),
]


@pytest.mark.parametrize(("part", "changed", "why"), HOSTILE, ids=str)
def test_a_config_that_asks_for_too_much_or_for_nonsense_is_refused_in_words(
    part: str, changed: dict[str, Any], why: str, tmp_path: Path
) -> None:
    saved(tmp_path / "theirs", DDPMScheduler(num_train_timesteps=5))
    name = "config.json" if part == "unet" else "scheduler_config.json"
    path = tmp_path / "theirs" / part / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(zoo.ZooError) as told:
        zoo.import_weights(str(tmp_path / "theirs"), "theirs")
    assert why in str(told.value)


def test_a_pipeline_without_its_scheduler_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "theirs", DDPMScheduler())
    (tmp_path / "theirs" / "scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(CheckpointError, match="has no scheduler_config"):
        zoo.import_weights(str(tmp_path / "theirs"), "theirs")
