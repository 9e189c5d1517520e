"""Whether an export gives the numbers that torch gives."""

from zoo.common.errors import CapabilityError
from zoo.exporters.onnx import Run
from zoo.exporters.program import Program, hushed

# sizes of the batches that are compared
BATCHES = (1, 2, 7, 64)
# the largest difference, as a share of the largest number where that is above 1
TOLERANCE = {"float32": 1e-5, "float16": 2 / 255}
LEVELS = 255


def check(program: Program, run: Run, precision: str, form: str) -> float:
    """The largest difference between an export and torch, over batches of several sizes.

    **Arguments:**
    - `run`: runs the export.
    - `precision`: of the export, which says how near it must come.
    - `form`: what the export is called, for messages.

    **Raises:** `CapabilityError` when it is too far, or does not run."""
    farthest = 0.0
    for n in BATCHES:
        inputs = program.examples(n)
        expected = program.call(*inputs)
        try:
            with hushed():
                found = run(inputs)
        # runtimes have many errors
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            raise CapabilityError(
                f"{program.what}() as {form} does not run with a batch of {n}: {said} Nothing was "
                "written."
            ) from error
        if found.shape != expected.shape:
            raise CapabilityError(
                f"{program.what}() as {form} gives {tuple(found.shape)} for a batch of {n}, not "
                f"{tuple(expected.shape)}: its batch is frozen. Nothing was written."
            )
        largest = max(1.0, float(expected.abs().max()))
        difference = (found.double() - expected.double()).abs()
        far = float(difference.max()) if difference.isfinite().all() else float("inf")
        if not far <= TOLERANCE[precision] * largest:
            raise CapabilityError(
                f"{program.what}() as {form} in {precision} is {far:.2g} from torch with a batch "
                f"of {n}, more than {TOLERANCE[precision] * largest:.2g}. Nothing was written."
            )
        farthest = max(farthest, far)
    return farthest


def distance(farthest: float, precision: str) -> str:
    """The largest difference in words."""
    if precision == "float32":
        return f"{farthest:.1e}"
    return f"{farthest * LEVELS:.2f} of {LEVELS} levels"
