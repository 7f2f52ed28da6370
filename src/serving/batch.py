"""Batch: a ledger scored partition by partition into one file, published whole or not at all."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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
from .spreadsheet import write_spreadsheet

_BUFFER = 2**20  # a column of few customers is some bytes


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

    `previous` is what was written the last time, as Parquet: its published grades may stay (see `RatingRecipe`), and
    what moved since is told.

    Memory is bounded by one partition. The file appears whole, under its name, when all is done.
    """
    check_name(out)
    earlier = read_previous(previous, as_of, bundle)
    partitions, told = read_about(folder)["partitions"], Counter[str]()

    def tables() -> Iterator[pa.Table]:
        for number, _, scored in score_parts(bundle, folder, as_of, earlier=earlier):
            told.update(Status(code).name for code in scored.status)
            yield scored.table
            progress(number + 1, partitions)

    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
    os.close(handle)
    aside = Path(name)
    try:
        write_parts(aside, tables())
        publish(aside, out)
    finally:
        aside.unlink(missing_ok=True)
    return told


def read_previous(previous: Path | None, as_of: date, bundle: Bundle) -> Earlier | None:
    """The ratings of the last time from a file, whose grades are those of the bundle; None where none is named."""
    if previous is None:
        return None
    earlier, names = Earlier.read(previous, as_of), bundle.system.scale.names
    if strange := set(earlier.table["published"]) - {*names, DEFAULTED, ""}:
        raise Mistake(
            f"--previous {previous}: holds the grade {min(strange)}; the bundle's are {names[0]} to {names[-1]}. Leave "
            "it out once, when the scale has changed."
        )
    return earlier


def check_name(out: Path) -> None:
    """Raise `Mistake` unless it is one under which ratings are written."""
    if out.is_dir():
        raise Mistake(f"--out {out}: is a folder; name a file such as ratings.parquet.")
    if out.suffix not in (".parquet", ".csv"):
        raise Mistake(f"--out {out}: should end in .parquet, or in .csv for a spreadsheet.")


def write_parts(file: Path, parts: Iterable[pa.Table]) -> int:
    """Write ratings to a Parquet file, part by part, and return how many."""
    rows = 0
    with (
        pa.output_stream(file, compression=None, buffer_size=_BUFFER) as sink,
        pq.ParquetWriter(sink, SCHEMA, compression="zstd") as writer,
    ):
        for part in parts:
            writer.write_table(part)
            rows += len(part)
    return rows


def publish(file: Path, out: Path) -> None:
    """Let a Parquet file of ratings appear under another name of its folder, as CSV where that says so."""
    if out.suffix == ".csv":
        table = file.with_name(f"{file.name}.csv")
        try:
            write_spreadsheet(pq.ParquetFile(file), table)
            file.unlink()
            os.replace(table, file)
        finally:
            table.unlink(missing_ok=True)
    os.chmod(file, 0o644)
    flush(file)
    os.replace(file, out)
    flush(out.parent)
