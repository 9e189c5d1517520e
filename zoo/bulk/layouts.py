"""The files that shards can be: one table, with a row for each format."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The files of one format.

    **Arguments:**
    - `writer`: the function in `bulk.writers` that writes a shard.
    - `pattern`: the name of a shard's file, with its `number` and the `count` of shards.
    - `files`: which files a reader takes, as a pattern for the shell.
    - `kinds`: of the samples that it holds.
    - `is_read`: whether the package `datasets`, and so the Hub, reads it.
    - `one_file`: whether a shard is one file; else it is one file for each sample.
    - `needs`: packages that write it, each with the extra that installs it.
    """

    writer: str
    pattern: str
    files: str
    kinds: tuple[str, ...]
    is_read: bool = True
    one_file: bool = True
    needs: tuple[str, ...] = ()

    def name(self, number: int, count: int) -> str:
        """The name of a shard's file."""
        return self.pattern.format(number=number, count=count)


LAYOUTS = {
    "parquet": Layout(
        writer="write_parquet",
        pattern="data/train-{number:05}-of-{count:05}.parquet",
        files="data/train-*.parquet",
        kinds=("image", "array", "text", "audio"),
        needs=("pyarrow",),
    ),
    "webdataset": Layout(
        writer="write_tar",
        pattern="data/shard-{number:06}.tar",
        files="data/shard-*.tar",
        kinds=("image", "text", "audio"),
    ),
    "npz": Layout(
        writer="write_npz",
        pattern="data/train-{number:05}-of-{count:05}.npz",
        files="data/train-*.npz",
        kinds=("image", "array", "text", "audio"),
        is_read=False,
    ),
    "folder": Layout(
        writer="write_folder",
        pattern="train-{number:05}-of-{count:05}",
        files="train/**",
        kinds=("image", "audio"),
        one_file=False,
    ),
}
