"""Batch: a ledger scored partition by partition into one Parquet file, published whole or not at all."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import Mistake
from .bundle import Bundle
from .reasons import columns
from .scoring import Rating, score_parts, status_text

SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        ("status", pa.string()),
        ("status_en", pa.string()),
        ("status_zh", pa.string()),
        ("pd", pa.float64()),
        ("pd_cautious", pa.float64()),
        ("pd_term", pa.list_(pa.struct([("days", pa.int64()), ("pd", pa.float64())]))),
        ("score", pa.int64()),
        ("grade", pa.string()),
        ("published", pa.string()),
        ("previous", pa.string()),
        ("model", pa.string()),
        ("card", pa.string()),
        ("card_en", pa.string()),
        ("card_zh", pa.string()),
        ("bundle", pa.string()),
        ("manual_review", pa.bool_()),
        (
            "reasons",
            pa.list_(
                pa.struct(
                    [
                        ("feature", pa.string()),
                        ("points", pa.float64()),
                        ("value", pa.float64()),
                        ("usual", pa.float64()),
                        ("missing", pa.string()),
                        ("en", pa.string()),
                        ("zh", pa.string()),
                    ]
                )
            ),
        ),
    ]
)


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

    `previous` is what was written the last time, whose published grades may stay (see `RatingRecipe`).

    Memory is bounded by one partition. The file appears whole, under its name, when all is done.
    """
    if out.is_dir():
        raise Mistake(f"--out {out}: is a folder; name a file such as ratings.parquet.")
    if out.suffix != ".parquet":
        raise Mistake(f"--out {out}: should end in .parquet, which is what is written.")
    before = None if previous is None else _published(previous, as_of)
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
    os.close(handle)
    told: Counter[str] = Counter()
    try:
        with pq.ParquetWriter(aside, SCHEMA, compression="zstd") as writer:
            for done, (ledger, _, scored) in enumerate(score_parts(bundle, folder, as_of, previous=before), start=1):
                ratings = scored.ratings()
                told.update(rating.status.name for rating in ratings)
                writer.write_table(pa.Table.from_pylist([_row(rating) for rating in ratings], schema=SCHEMA))
                progress(done, ledger.partitions)
        with open(aside, "rb+") as written:
            os.fsync(written.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, out)
    except BaseException:
        os.unlink(aside)
        raise
    return told


def _published(path: Path, as_of: date) -> dict[str, str]:
    """The published grade of each customer in an earlier file of ratings."""
    try:
        table = pq.read_table(path, columns=["customer_id", "as_of", "published"])
    except (OSError, pa.ArrowException):
        raise Mistake(f"--previous {path}: is no file of ratings with customer_id, as_of and published.") from None
    if len(table) and (day := max(table["as_of"].to_pylist())) > as_of:
        raise Mistake(f"--previous {path}: is of {day}, later than {as_of}; name the ratings that came before.")
    rows = zip(table["customer_id"].to_pylist(), table["published"].to_pylist(), strict=True)
    return {name: grade for name, grade in rows if grade}


def _row(rating: Rating) -> dict[str, object]:
    en, zh = status_text(rating.status)
    return {
        "customer_id": rating.customer_id,
        "as_of": rating.as_of,
        "status": rating.status.name.lower(),
        "status_en": en,
        "status_zh": zh,
        "pd": rating.pd,
        "pd_cautious": rating.pd_cautious,
        "pd_term": [{"days": days, "pd": pd} for days, pd in rating.pd_term],
        "score": rating.score,
        "grade": rating.grade,
        "published": rating.published,
        "previous": rating.previous,
        "model": rating.model,
        "card": rating.card,
        "card_en": rating.card_en,
        "card_zh": rating.card_zh,
        "bundle": rating.bundle,
        "manual_review": rating.manual_review,
        "reasons": columns(rating.reasons),
    }
