"""What requests may say, and what answers say, as the OpenAPI page shows them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from zoo.sampling import STREAMS

# formats beside those of files: numbers in JSON, and numbers alone, which the page takes
FORMATS = (*STREAMS, "json", "raw")

MOST_SEED = 2**63 - 1
# numbers that the shapes of any model stay below
LARGE = 1 << 20

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$",
        description="The checkpoint, by a name that `/v1/checkpoints` lists.",
        examples=["vae-mnist"],
    ),
]
Format = Annotated[
    str,
    Field(
        pattern=f"^({'|'.join(FORMATS)})$",
        description="What the answer holds: " + ", ".join(FORMATS) + ". `json` holds numbers, "
        "`raw` the bytes of an array whose shape and type the headers `Zoo-Shape` and "
        "`Zoo-Dtype` say.",
    ),
]
Numbers = Annotated[
    str,
    Field(
        pattern="^(json|npz)$",
        description="What the answer holds: `json`, or `npz` with the array `latents`.",
    ),
]
Label = Annotated[str, Field(min_length=1, max_length=200)]
Labels = Annotated[
    list[Label],
    Field(max_length=1024, description="Classes by number or name, for a conditional model."),
]
Columns = Annotated[int | None, Field(ge=1, le=1024, description="Images in a row of a picture.")]
Scale = Annotated[
    int, Field(ge=1, le=16, description="How many times as wide and high to draw each pixel.")
]
Output = Annotated[
    str,
    Field(
        max_length=100,
        pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*)?$",
        description="A name of the file, for the command that the answer records.",
    ),
]


class Strict(BaseModel):
    """Fields of these names, and no other."""

    model_config = ConfigDict(extra="forbid")


class SampleAsked(Strict):
    """Samples to be drawn; what is left out is as for `zoo sample`."""

    checkpoint: Name
    n: Annotated[int | None, Field(ge=1, le=LARGE, description="How many samples.")] = None
    seed: Annotated[
        int | None,
        Field(ge=0, le=MOST_SEED, description="Equal seeds give equal samples; random if none."),
    ] = None
    start: Annotated[
        int, Field(ge=0, le=MOST_SEED // 2, description="Index of the first sample of the seed.")
    ] = 0
    label: Labels = []
    set: Annotated[
        list[Annotated[str, Field(max_length=200)]],
        Field(max_length=32, description="Sampling options of the model: `NAME=VALUE`."),
    ] = []
    truncation: Annotated[
        float | None,
        Field(
            ge=0,
            le=10,
            allow_inf_nan=False,
            description="What latents are multiplied by, around the mean of the prior.",
        ),
    ] = None
    format: Format = ""
    columns: Columns = None
    scale: Scale = 1
    output: Output = ""


class LatentsAsked(Strict):
    """The latents that the samples of a seed are decoded from."""

    checkpoint: Name
    n: Annotated[int, Field(ge=1, le=LARGE)] = 1
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)] = 0
    start: Annotated[int, Field(ge=0, le=MOST_SEED // 2)] = 0
    label: Labels = []


class PictureAsked(Strict):
    """What to do with the picture in the body: any size, PNG, JPEG, WebP, GIF, BMP or TIFF."""

    checkpoint: Name
    label: Annotated[Label | None, Field(description="Its class, for a conditional model.")] = None


class EncodeAsked(PictureAsked):
    """The picture's latent, the mean of q(z | x), is wanted."""

    format: Numbers = "json"


class InvertAsked(PictureAsked):
    """The latent whose sample is nearest to the picture is wanted."""

    seed: Annotated[
        int, Field(ge=0, le=MOST_SEED, description="Of the latents that are tried first.")
    ] = 0
    draws: Annotated[int, Field(ge=1, le=1000, description="Latents that are tried first.")] = 1000
    steps: Annotated[int, Field(ge=0, le=200, description="Gradient steps from the best.")] = 100
    format: Numbers = "json"


class InpaintAsked(PictureAsked):
    """What is transparent in the picture is to be filled in: several answers."""

    n: Annotated[int, Field(ge=1, le=16, description="Answers.")] = 4
    seed: Annotated[int, Field(ge=0, le=MOST_SEED, description="Of the answers.")] = 0
    draws: Annotated[int, Field(ge=1, le=1000, description="Latents tried for each answer.")] = 1000
    steps: Annotated[int, Field(ge=0, le=200, description="Gradient steps from the best.")] = 100
    format: Format = ""
    scale: Scale = 1


class ReconstructAsked(PictureAsked):
    """The picture is encoded and decoded again."""

    format: Format = ""
    scale: Scale = 1


Latent = Annotated[
    list[Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]],
    Field(min_length=1, max_length=LARGE),
]


class DecodeAsked(Strict):
    """Latents to be decoded."""

    checkpoint: Name
    latents: Annotated[
        list[Latent],
        Field(
            min_length=1,
            max_length=LARGE,
            description="One list of numbers for each sample; those of a latent with several "
            "dimensions in a row.",
        ),
    ]
    label: Labels = []
    format: Format = ""
    columns: Columns = None
    scale: Scale = 1


class Problem(BaseModel):
    """What went wrong, in words that help."""

    detail: str


class Health(BaseModel):
    """The server is up."""

    status: str
    version: str
    waiting: int


class Quality(BaseModel):
    """One number that was measured."""

    metric: str
    title: str
    better: str
    value: float
    standard_error: float | None
    unit: str


class Record(BaseModel):
    """What is known of a checkpoint."""

    name: str
    reference: str
    state: str
    model: str
    dataset: str
    summary: str
    license: str
    parameters: int
    size: int
    num_classes: int
    class_names: list[str]
    kind: str
    capabilities: list[str]
    sample_shape: list[int]
    quality: list[Quality]
    pictures: list[str]
    problem: str


class Card(BaseModel):
    """All that is known of a checkpoint."""

    name: str
    sha256: str
    config: dict[str, Any]
    facts: dict[str, Any]
    card: str
    latent_shape: list[int] | None
    latents_are_codes: bool
    sample_rate: int
    options: dict[str, float]
    standard_prior: bool


class Direction(BaseModel):
    """A direction of a latent space: what one step along it adds to a latent."""

    name: str
    by: str
    strength: float
    vector: list[float]


class Latents(BaseModel):
    """Latents, one list of numbers for each sample."""

    checkpoint: str
    latent_shape: list[int]
    latents: list[list[float]]
