"""A program of its own, run as a child: writes the tensors of a pickle as safetensors."""

import sys


def main(source: str, target: str) -> None:
    """Open a state dict without running code of it, and write it.

    **Arguments:**
    - `source`: what `torch.save` wrote.
    - `target`: the safetensors.
    """
    import torch
    from safetensors.torch import save_file

    found = torch.load(source, map_location="cpu", weights_only=True)
    save_file({name: one.clone().contiguous() for name, one in found.items()}, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
