"""The importer of pipelines that the diffusers library has saved."""

import re

from zoo.models import CheckpointError, Converted, Foreign

# what attention was called before diffusers 0.17
OLD = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
# the weights themselves, and not a variant of them in another precision beside them
PLAIN = re.compile(r"[^.]*\.(safetensors|bin)")
ATTENTION = re.compile(r"(attentions\.\d+)\.(query|key|value|proj_attn)\.")


def pipeline(foreign: Foreign) -> Converted | None:
    """A DDPM or DDIM pipeline with a `UNet2DModel`, from its folder of files."""
    folder = "unet/" if "unet/config.json" in foreign.files else ""
    unet = foreign.config(f"{folder}config.json")
    if unet.get("_class_name") != "UNet2DModel":
        return None
    scheduler = foreign.config("scheduler/scheduler_config.json")
    scheduler = scheduler or foreign.config("scheduler_config.json")
    if not scheduler:
        raise CheckpointError("The pipeline has no scheduler_config.json: import its whole folder.")
    inside = [one for one in foreign.weights if one.rpartition("/")[0] == folder.rstrip("/")]
    plain = [one for one in inside if PLAIN.fullmatch(one.rpartition("/")[2])]
    tensors = {}
    for file in plain or inside:
        for key, tensor in foreign.tensors(file).items():
            modern = ATTENTION.sub(lambda found: f"{found[1]}.{OLD[found[2]]}.", key)
            tensors[f"unet.{modern}"] = tensor
    size = unet.get("sample_size")
    edges = list(size) if isinstance(size, list) else [size, size]
    if not all(isinstance(edge, int) for edge in edges):
        raise CheckpointError(f"sample_size = {str(size)[:80]} says no size of the images.")
    config = {
        "sample_shape": [unet.get("in_channels", 3), *edges],
        "num_classes": unet.get("num_class_embeds") or 0,
        "unet": unet,
        "scheduler": scheduler,
    }
    left_out = [f"all of {one}" for one in foreign.weights if one not in (plain or inside)]
    return Converted(config=config, tensors=tensors, left_out=left_out)
