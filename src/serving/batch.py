"""Batch: a ledger scored partition by partition into one Parquet file, published whole or not at all."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import Mistake
from ..features.ledger import read_about
from ..features.observations import Status
from ..features.publishing import flush
from ..models.rating import DEFAULTED
from .bundle import Bundle
from .earlier import Earlier
from .ratings import SCHEMA
from .scoring import score_parts


def score_ledger(
    bundle: Bundle,
    folder: Path,
    as_of: date,
    out: Path,
    *,
    previous: Path | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Counter[str]:
    """Write the rating of every customer and return how many have which status.

    `previous` is what was written the last time: its published grades may stay (see `RatingRecipe`), and what moved
    since is told.

    Memory is bounded by one partition. The file appears whole, under its name, when all is done.
    """
    earlier = None if previous is None else Earlier.read(previous, as_of)
    names = bundle.system.scale.names
    if earlier and (strange := set(earlier.table["published"]) - {*names, DEFAULTED, ""}):
        raise Mistake(
            f"--previous {previous}: holds the grade {min(strange)}; the bundle's are {names[0]} to {names[-1]}. Leave "
            "it out once, when the scale has changed."
        )
    partitions, told = read_about(folder)["partitions"], Counter[str]()

    def tables() -> Iterator[pa.Table]:
        for number, _, scored in score_parts(bundle, folder, as_of, earlier=earlier):
            told.update(Status(code).name for code in scored.status)
            yield scored.table
            progress(number + 1, partitions)

    write_ratings(out, tables())
    return told


def write_ratings(out: Path, parts: Iterator[pa.Table]) -> int:
    """Write ratings, part by part, and return how many; the file appears whole, under its name, when all is done."""
    if out.is_dir():
        raise Mistake(f"--out {out}: is a folder; name a file such as ratings.parquet.")
    if out.suffix != ".parquet":
        raise Mistake(f"--out {out}: should end in .parquet, which is what is written.")
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
    os.close(handle)
    rows = 0
    try:
        with pq.ParquetWriter(aside, SCHEMA, compression="zstd") as writer:
            for part in parts:
                writer.write_table(part)
                rows += len(part)
        with open(aside, "rb+") as written:
            os.fsync(written.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, out)
        flush(out.parent)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return rows
