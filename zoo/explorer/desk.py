"""What each request comes to: it is checked, computed with those like it, and put into a body."""

import asyncio
import contextlib
import dataclasses
import math
import shlex
from collections.abc import Sequence
from concurrent.futures import Future
from importlib.metadata import version
from typing import Any

import torch
from fastapi import Request, Response
from torch import Tensor

import zoo.sampling as sampling
from zoo.checkpoints import Folder
from zoo.common.errors import CapabilityError, ConfigError, LabelError
from zoo.data import as_recorded
from zoo.editing import fill, find_all, nearest
from zoo.explorer import answers, asked, bodies
from zoo.explorer.engine import Engine, Inputs, Job
from zoo.explorer.guard import Limits, Refusal
from zoo.explorer.shelf import Shelf
from zoo.models import LatentModel, are_codes
from zoo.registry import installed

# samples in a picture of a conditional model for each class, and of another in all
PER_CLASS = 8
IN_ALL = 64
# numbers that one answer may hold: 200 MB while it is made
MOST_NUMBERS = 50_000_000
# pixels of a picture
MOST_PIXELS = 64_000_000


class Desk:
    """Answers requests.

    **Arguments:**
    - `shelf`: the checkpoints.
    - `engine`: computes.
    - `limits`: how much a request may ask for.
    """

    def __init__(self, shelf: Shelf, engine: Engine, limits: Limits) -> None:
        self.shelf = shelf
        self.engine = engine
        self.limits = limits

    async def sample(self, request: Request, wanted: asked.SampleAsked) -> Response:
        """Samples of a seed."""
        folder = self._folder(wanted.checkpoint)
        kind = sampling.kind_of_folder(folder)
        format = wanted.format or _suffix(kind.default_file)
        numbers = sampling.class_numbers(wanted.label, folder)
        classes = numbers or list(range(folder.num_classes))
        n = wanted.n or PER_CLASS * len(classes) or IN_ALL
        self._refuse_many(n, folder, wanted.scale, format, wanted.columns)
        options, texts = await asyncio.to_thread(
            lambda: sampling.options_of(installed().model_class(folder.model), wanted.set)
        )
        seed = sampling.seed_or_fresh(wanted.seed)
        labels = _in_turn(classes, wanted.start, n)

        def inputs(model: Any) -> Inputs:
            sampling.refuse_truncation(model, wanted.truncation)
            z = sampling.latents(
                model, n, seed=seed, start=wanted.start, labels=labels, options=options
            )
            if wanted.truncation is not None:
                z = sampling.truncated(model, z, wanted.truncation, labels)
            return z, labels

        def draw(model: Any) -> tuple[Tensor, Tensor | None, Any]:
            batches = sampling.stream(
                model,
                n,
                seed=seed,
                start=wanted.start,
                labels=labels,
                options=options,
                truncation=wanted.truncation,
            )
            return torch.cat([samples for samples, _ in batches]), labels, model

        if _can(folder, "decode"):
            job = Job(folder, "decode", inputs)
        else:
            job = Job(folder, "call", call=draw)
        samples, labels, model = await self._result(request, job)
        made = sampling.how_made(
            folder,
            wanted.output or sampling.STDOUT,
            reference=folder.reference,
            n=n,
            seed=seed,
            start=wanted.start,
            labels=wanted.label,
            options=texts,
            truncation=wanted.truncation,
            columns=wanted.columns,
            scale=wanted.scale,
            suffix=f".{format}",
        )
        return await asyncio.to_thread(
            answers.of_samples,
            answers.Drawn(samples, labels, model),
            made,
            format=format,
            classes_asked=len(classes),
            columns=wanted.columns,
            scale=wanted.scale,
        )

    async def latents(self, request: Request, wanted: asked.LatentsAsked) -> Response:
        """The latents of a seed."""
        folder = self._folder(wanted.checkpoint)
        _refuse_incapable(folder, "decode")
        self._refuse_many(wanted.n, folder)

        numbers = sampling.class_numbers(wanted.label, folder)
        classes = numbers or list(range(folder.num_classes))
        labels = _in_turn(classes, wanted.start, wanted.n)

        def latents(model: Any) -> tuple[Tensor, tuple[int, ...]]:
            z = sampling.latents(
                model, wanted.n, seed=wanted.seed, start=wanted.start, labels=labels
            )
            return z, model.latent_shape

        z, shape = await self._result(request, Job(folder, "call", call=latents))
        made = {**_made(folder), "seed": wanted.seed}
        return answers.of_latents(z, shape, made, "json")

    async def decode(self, request: Request, wanted: asked.DecodeAsked) -> Response:
        """Samples of latents."""
        folder = self._folder(wanted.checkpoint)
        _refuse_incapable(folder, "decode")
        kind = sampling.kind_of_folder(folder)
        format = wanted.format or _suffix(kind.default_file)
        n = len(wanted.latents)
        self._refuse_many(n, folder, wanted.scale, format, wanted.columns)
        labels = _labels_of_all(wanted.label, n, folder)

        def inputs(model: Any) -> Inputs:
            return _as_latents(wanted.latents, model, labels), labels

        samples, labels, model = await self._result(request, Job(folder, "decode", inputs))
        return await asyncio.to_thread(
            answers.of_samples,
            answers.Drawn(samples, labels, model),
            _made(folder, "decode", "latents.npz"),
            format=format,
            columns=wanted.columns,
            scale=wanted.scale,
        )

    async def encode(self, request: Request, wanted: asked.EncodeAsked) -> Response:
        """The latent of a picture."""
        folder, samples, labels = await self._picture(request, wanted)
        job = Job(folder, "encode", lambda model: (samples, labels))
        z, _, _ = await self._result(request, job)
        return answers.of_latents(
            z, tuple(z.shape[1:]), _made(folder, "encode", "IMAGE"), wanted.format
        )

    async def invert(self, request: Request, wanted: asked.InvertAsked) -> Response:
        """The latent whose sample is nearest to a picture."""
        folder, samples, labels = await self._picture(request, wanted, "decode", needs_label=False)

        def search(model: Any) -> Tensor:
            return nearest(
                model,
                samples,
                labels,
                seed=wanted.seed,
                draws=wanted.draws,
                steps=wanted.steps,
            ).latents

        z = await self._result(request, Job(folder, "call", call=search))
        made = {**_made(folder, "invert", "IMAGE"), "seed": wanted.seed}
        return answers.of_latents(z, tuple(z.shape[1:]), made, wanted.format)

    async def inpaint(self, request: Request, wanted: asked.InpaintAsked) -> Response:
        """A picture whose transparent parts are filled in, with several answers."""
        folder, samples, labels = await self._picture(request, wanted, "decode", needs_label=False)
        format = wanted.format or "png"
        self._refuse_many(wanted.n, folder, wanted.scale, format)
        shape = folder.config["config"]["sample_shape"]
        hidden = await asyncio.to_thread(bodies.hidden, await request.body(), shape)

        def work(model: Any) -> tuple[Tensor, Tensor, Tensor | None, Any]:
            label = None if labels is None else int(labels[0])
            return *fill(
                model,
                samples[0],
                hidden,
                label,
                n=wanted.n,
                seed=wanted.seed,
                draws=wanted.draws,
                steps=wanted.steps,
            ), model

        filled, z, given, model = await self._result(request, Job(folder, "call", call=work))
        made = _made(folder, "inpaint", "IMAGE", "--mask", "MASK", "--seed", str(wanted.seed))
        return await asyncio.to_thread(
            answers.of_samples,
            answers.Drawn(filled, given, model, z),
            {**made, "seed": wanted.seed},
            format=format,
            scale=wanted.scale,
        )

    async def directions(self, request: Request, name: str) -> list[dict[str, Any]]:
        """The directions that are kept for a checkpoint; found first where there are none."""
        folder = self._folder(name)
        _refuse_incapable(folder, "decode")

        def found(model: Any) -> list[dict[str, Any]]:
            return [
                {
                    "name": one.name,
                    "by": one.by,
                    "strength": one.strength,
                    "vector": one.vector.flatten().tolist(),
                }
                for one in find_all(folder, model).values()
            ]

        told: list[dict[str, Any]] = await self._result(request, Job(folder, "call", call=found))
        return told

    async def reconstruct(self, request: Request, wanted: asked.ReconstructAsked) -> Response:
        """A picture, encoded and decoded."""
        folder, samples, labels = await self._picture(request, wanted)
        kind = sampling.kind_of_folder(folder)
        format = wanted.format or _suffix(kind.default_file)
        self._refuse_many(1, folder, wanted.scale, format)
        z, _, _ = await self._result(
            request, Job(folder, "encode", lambda model: (samples, labels))
        )
        copies, _, model = await self._result(
            request, Job(folder, "decode", lambda model: (z, labels))
        )
        return await asyncio.to_thread(
            answers.of_samples,
            answers.Drawn(copies, labels, model),
            _made(folder, "reconstruct", "IMAGE"),
            format=format,
            scale=wanted.scale,
        )

    async def card(self, request: Request, name: str) -> dict[str, Any]:
        """All that is known of a checkpoint; its model is loaded for the shape of a latent."""
        folder = self._folder(name)

        told = await self._result(request, Job(folder, "call", call=_shape_of))
        return {
            "name": name,
            "sha256": folder.sha256,
            "config": folder.config,
            "facts": folder.facts,
            "card": folder.card,
            **told,
        }

    def _folder(self, name: str) -> Folder:
        return self.shelf.folder(name)

    async def _picture(
        self,
        request: Request,
        wanted: asked.PictureAsked,
        capability: str = "encode",
        *,
        needs_label: bool = True,
    ) -> tuple[Folder, Tensor, Tensor | None]:
        """The picture in the body as a model of images takes it, and its label."""
        folder = self._folder(wanted.checkpoint)
        _refuse_incapable(folder, capability)
        if not sampling.kind_of_folder(folder).is_picture:
            raise CapabilityError(f"The samples of {folder.reference} are not images.")
        given = [] if wanted.label is None else [wanted.label]
        labels = _labels_of_all(given, 1, folder) if given or needs_label else None
        body = await request.body()
        shape = folder.config["config"]["sample_shape"]
        value_range = as_recorded(folder.facts)["value_range"]
        pixels = await asyncio.to_thread(bodies.picture, body, shape, value_range)
        return folder, pixels.float() / 255, labels

    async def _result(self, request: Request, job: Job) -> Any:
        """What a job comes to.

        **Raises:** `Refusal` when it takes too long, or nobody waits for it any more."""
        future: Future[Any] = self.engine.submit(job)
        waiting = asyncio.wrap_future(future)
        gone = asyncio.ensure_future(_gone(request))
        try:
            done, _ = await asyncio.wait(
                {waiting, gone},
                timeout=self.limits.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            gone.cancel()
            if not waiting.done():
                waiting.cancel()
        if waiting in done:
            return waiting.result()
        if gone in done:
            raise Refusal(499, "The client is gone.")
        raise Refusal(504, f"This took longer than {self.limits.timeout:g} seconds. Ask for less.")

    def _refuse_many(
        self,
        n: int,
        folder: Folder,
        scale: int = 1,
        format: str = "",
        columns: int | None = None,
    ) -> None:
        if n > self.limits.max_n:
            raise ConfigError(
                f"n = {n:,} is more than this server draws at once: {self.limits.max_n:,} at most."
            )
        each = math.prod(folder.config["config"].get("sample_shape") or ())
        # the last row of a grid is as wide as the others, however few samples are in it
        places = -(-n // columns) * columns if columns else n
        pixels = places * each * scale**2 if f".{format}" in sampling.PICTURES else 0
        if n * each > MOST_NUMBERS or pixels > MOST_PIXELS:
            raise ConfigError(
                f"n = {n:,} samples of {folder.reference} are too much for one answer: ask for "
                "fewer, or for a smaller scale."
            )


async def _gone(request: Request) -> None:
    """Wait until the client has closed its connection."""
    with contextlib.suppress(Exception):
        while (await request.receive())["type"] != "http.disconnect":
            pass


def _made(folder: Folder, verb: str = "", *words: str) -> dict[str, Any]:
    made = {"checkpoint": folder.reference, "sha256": folder.sha256, "version": version("genzoo")}
    if verb:
        made["command"] = shlex.join(["zoo", verb, folder.reference, *words])
    return made


def _suffix(file: str) -> str:
    return file.rpartition(".")[2]


def _can(folder: Folder, capability: str) -> bool:
    spec = installed().models.get(folder.model)
    return spec is not None and capability in spec.capabilities


def _refuse_incapable(folder: Folder, capability: str) -> None:
    if not _can(folder, capability):
        verb = {"encode": "encode pictures", "decode": "decode latents"}[capability]
        raise CapabilityError(f"{folder.reference} is a {folder.model}, which can't {verb}.")


def _in_turn(classes: Sequence[int], start: int, n: int) -> Tensor | None:
    """Sample i has the class classes[i mod len(classes)], whatever the start."""
    if not classes:
        return None
    return torch.tensor(classes)[(torch.arange(n) + start % len(classes)) % len(classes)]


def _labels_of_all(labels: Sequence[str], n: int, folder: Folder) -> Tensor | None:
    """A label for each of `n` samples: one for all, or one for each."""
    numbers = sampling.class_numbers(labels, folder)
    if not folder.num_classes:
        return None
    if len(numbers) not in (1, n):
        raise LabelError(
            f"{folder.reference} is conditional: give one label for all {n:,} samples, or one "
            f"for each, not {len(numbers):,}."
        )
    return torch.tensor(numbers * (n if len(numbers) == 1 else 1))


def _shape_of(model: Any) -> dict[str, Any]:
    """What is known of a model's latents and samples once it is loaded."""
    shape = getattr(model, "latent_shape", None)
    codes = False
    if shape is not None:
        labels = _in_turn(range(model.config.num_classes), 0, 1)
        codes = are_codes(model.prior(labels))
    return {
        "latent_shape": None if shape is None else [int(side) for side in shape],
        "latents_are_codes": codes,
        "sample_rate": int(getattr(model.config, "sample_rate", 0)),
        "options": _options_of(type(model)),
        "standard_prior": getattr(type(model), "prior", None) is LatentModel.prior,
    }


def _options_of(model_class: Any) -> dict[str, float]:
    """The sample-time options of a model that are numbers, with their defaults."""
    if model_class.Options is None:
        return {}
    defaults = {one.name: one.default for one in dataclasses.fields(model_class.Options)}
    return {
        name: value
        for name, value in defaults.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _as_latents(rows: Sequence[Sequence[float]], model: Any, labels: Tensor | None) -> Tensor:
    """Latents as the model takes them, codes as whole numbers."""
    shape = model.latent_shape
    size = torch.Size(shape).numel()
    for index, row in enumerate(rows):
        if len(row) != size:
            raise ConfigError(
                f"Latent {index} has {len(row):,} numbers; this model takes {size:,}."
            )
    z = torch.tensor(rows, dtype=torch.float32).reshape(len(rows), *shape)
    return z.to(torch.int64) if are_codes(model.prior(labels)) else z
