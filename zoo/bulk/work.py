"""Making shards: the model is loaded once, and then draws shard after shard."""

import platform
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

from zoo.bulk import columns, filters, writers
from zoo.bulk.columns import Batch
from zoo.bulk.layouts import LAYOUTS
from zoo.bulk.manifest import Record, digest_of
from zoo.bulk.places import Place
from zoo.bulk.plan import SURVEYED, Asked, Plan, Shard, fix
from zoo.checkpoints import find
from zoo.common import files
from zoo.common.compute import hardware
from zoo.common.errors import CheckpointError, OutputError
from zoo.common.words import either
from zoo.data import Extractor, load_features
from zoo.sampling import request, stream


class Maker:
    """A model that is ready to make shards.

    **Arguments:**
    - `asked`: what is asked for.
    - `device`: where to compute: "auto", "cpu" or "cuda".
    - `allow_mixed`: make shards also where versions or processor differ from the plan's.

    **Raises:** `NotFoundError` where the checkpoint, or the plugin of its model, is not installed;
    `CheckpointError` when the checkpoint here is another one.
    """

    def __init__(self, asked: Asked, device: str = "auto", *, allow_mixed: bool = False) -> None:
        folder = find(asked.checkpoint)
        if folder.sha256 != asked.sha256:
            raise CheckpointError(
                f"{asked.checkpoint} is another checkpoint on {platform.node()}: its weights have "
                f"the digest {folder.sha256[:12]}…, and {asked.sha256[:12]}… are asked for. Put "
                "the same checkpoint on each machine."
            )
        self.asked = asked
        self.allow_mixed = allow_mixed
        self.model = request.load(folder, device, asked.threads)
        self.options, _ = request.options_of(type(self.model), list(asked.options))
        self.filters = filters.parse(asked.where)
        self.extractor = (
            load_features(asked.features, device=self.model.device) if asked.features else None
        )
        self.encode = columns.encoder(self.model)
        self.rate = self.model.config.sample_rate if asked.kind == "audio" else 0
        self.environment = _environment(asked, self.model.device)

    def survey(self, place: Place) -> Plan:
        """Draw the first samples, to see how many fit into a shard, and fix the plan.

        **Arguments:**
        - `place`: where they may be written for that; nothing of them stays."""
        n = min(self.asked.n, SURVEYED)
        shard = Shard(0, self.asked.start, self.asked.start + n, "survey")
        first, again = next(self._drawn(shard)), next(self._drawn(shard))
        same = torch.equal(first.samples, again.samples)
        size = self._size(shard, place) / n if self.asked.per_shard is None else 1.0
        return fix(self.asked, size, environment=self.environment, deterministic=same)

    def make(self, plan: Plan, shard: Shard, place: Place) -> Iterator[int | Record]:
        """Make a shard, put it into its place, and record it there.

        **Returns:** a number each time that so many samples are drawn; at last, the record.

        **Raises:** `OutputError` when it can't be written, or the environment is another one."""
        self._refuse_other(plan)
        counts: Counter[int] = Counter()
        layout = LAYOUTS[plan.asked.format]
        write = getattr(writers, layout.writer)
        with place.scratch() as scratch:
            names = yield from write(scratch, shard, self._kept(shard, counts), plan)
            digests = {name: files.sha256(scratch / name) for name in names}
            size = sum((scratch / name).stat().st_size for name in names)
            place.take(scratch, names)
        record = Record(
            number=shard.number,
            file=shard.name,
            start=shard.start,
            stop=shard.stop,
            rows=counts.total(),
            bytes=size,
            sha256=digests[shard.name] if layout.one_file else digest_of(digests),
            classes={label: count for label, count in sorted(counts.items()) if label >= 0},
            environment=self.environment,
        )
        record.write(place)
        yield record

    def _size(self, shard: Shard, place: Place) -> int:
        """How many bytes a shard has, before any is filtered out."""
        plan = Plan(asked=self.asked, per_shard=self.asked.n, environment={})
        write = getattr(writers, LAYOUTS[self.asked.format].writer)
        with place.scratch() as scratch:
            for _ in write(scratch, shard, self._drawn(shard), plan):
                pass
            return files.size(scratch)

    def _drawn(self, shard: Shard) -> Iterator[Batch]:
        """The samples of a shard, batch by batch."""
        asked = self.asked
        n = shard.stop - shard.start
        batches = stream(
            self.model,
            n,
            seed=asked.seed or 0,
            start=shard.start,
            labels=request.in_turn(asked.classes, shard.start, n),
            batch_size=asked.batch_size,
            options=self.options,
            precision=asked.precision,
        )
        first = shard.start
        for samples, labels in batches:
            indices = np.arange(first, first + len(samples))
            yield Batch(indices, samples, labels, len(samples), self.encode, self.rate)
            first += len(samples)

    def _kept(self, shard: Shard, counts: Counter[int]) -> Iterator[Batch]:
        """The samples of a shard that pass the filters, counted by their class (-1 for none)."""
        for batch in self._drawn(shard):
            kept = batch if self.extractor is None else self._filtered(batch, self.extractor)
            labels = [-1] * len(kept.indices) if kept.labels is None else kept.labels.tolist()
            counts.update(labels)
            yield kept

    def _filtered(self, batch: Batch, extractor: Extractor) -> Batch:
        chosen = filters.kept(
            self.filters, extractor, batch.samples, batch.labels, self.asked.class_names
        )
        labels = None if batch.labels is None else batch.labels[chosen]
        indices = batch.indices[chosen.numpy()]
        samples = batch.samples[chosen]
        return replace(batch, indices=indices, samples=samples, labels=labels)

    def _refuse_other(self, plan: Plan) -> None:
        """Refuse an environment whose samples may differ in their last bits."""
        if self.allow_mixed:
            return
        for name in sorted({*plan.environment, *self.environment}):
            planned, here = plan.environment.get(name, "none"), self.environment.get(name, "none")
            if planned != here:
                raise OutputError(
                    f"The shards that are there were made with {name} {planned!r}; on "
                    f"{platform.node()} it is {here!r}. Samples would agree within 1e-5 only, and "
                    f"not be equal to the byte. {either('--mixed', 'mixed=True')} allows it."
                )


def _environment(asked: Asked, device: torch.device) -> dict[str, str]:
    """What the last bits of samples, and the bytes of files, depend on."""
    processor, _, _ = hardware("cpu").rpartition(", ")
    found = {
        "device": "cpu" if device.type == "cpu" else hardware(device),
        "processor": processor,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": str(asked.threads),
        "genzoo": version("genzoo"),
        "python": ".".join(platform.python_version_tuple()[:2]),
        # it is of a class of torch's own
        "torch": str(torch.__version__),
        "numpy": version("numpy"),
        "pillow": version("pillow"),
    }
    for package in LAYOUTS[asked.format].needs:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            # its writer says what to install
            continue
    return found
