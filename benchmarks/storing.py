"""How fast ratings go into the store, against pandas' `to_sql` of the same tables.

    python benchmarks/storing.py [--small] [--ratings N] [--postgres URL] RATINGS

RATINGS is a file that `tradecredit score --out` wrote; its rows are taken again under other ids until there are N
(1,000,000, unless told; `--small` 20,000). They are recorded in a fresh SQLite file, or in the PostgreSQL database at
URL (user and password: TRADECREDIT_STORE_USER, TRADECREDIT_STORE_PASSWORD), which should be empty. pandas writes the
ratings and the reasons alone, without the pages that hold the texts, in chunks of 10,000 rows to SQLite; a tenth of
them, and its seconds are told for all. The last line is JSON.
"""

import argparse
import json
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from tradecredit.serving.store.recording import RunKey, record
from tradecredit.serving.store.store import open_store

CHUNK = 10_000


def multiplied(source: Path, out: Path, many: int) -> int:
    """Write the same rows under other ids until there are so many; returns how many reasons they have."""
    told, done, reasons = pq.read_table(source), 0, 0
    with pq.ParquetWriter(out, told.schema, compression="zstd") as writer:
        while done < many:
            some = told.slice(0, min(len(told), many - done))
            ids = pa.array([f"C{done + k:08d}" for k in range(len(some))])
            writer.write_table(some.set_column(0, "customer_id", ids))
            done += len(some)
            reasons += len(some["reasons"].combine_chunks().flatten())
    return reasons


def with_pandas(file: Path, database: Path, many: int) -> float:
    """Seconds of `to_sql` for the first rows of a file."""
    told = pq.read_table(file).slice(0, many)
    names = ["customer_id", "status", "pd", "pd_cautious", "score", "grade", "published", "previous", "model", "card"]
    begun = time.perf_counter()
    engine = sa.create_engine(f"sqlite:///{database}")
    told.select(names).to_pandas().to_sql("ratings", engine, index=False, chunksize=CHUNK)
    lists = told["reasons"].combine_chunks()
    owner = np.repeat(np.arange(len(told)), pa.compute.list_value_length(lists).to_numpy())
    reasons = pd.DataFrame(pa.Table.from_struct_array(lists.flatten()).to_pandas()).assign(rating=owner)
    reasons.to_sql("reasons", engine, index=False, chunksize=CHUNK)
    return time.perf_counter() - begun


def main() -> None:
    """Write them, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--ratings", default=1_000_000, type=int)
    ask.add_argument("--postgres", default="")
    ask.add_argument("file", type=Path)
    said = ask.parse_args()
    many = 20_000 if said.small else said.ratings
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reasons = multiplied(said.file, folder / "ratings.parquet", many)
        store = open_store(said.postgres or str(folder / "ratings.db"), fresh=True)
        names = {f"C{k:08d}": f"Company {k}" for k in range(many)}
        key = RunKey("benchmark", f"{time.time()}", date(2024, 12, 31))
        begun = time.perf_counter()
        record(store, key, folder / "ratings.parquet", about={"grades": []}, names=names, earlier_run=None)
        wall = time.perf_counter() - begun
        peer = 10 * with_pandas(folder / "ratings.parquet", folder / "pandas.db", many // 10)
        size = 0.0 if said.postgres else (folder / "ratings.db").stat().st_size / 2**20
    figures = {
        "ratings": many,
        "reasons": reasons,
        "database": "postgresql" if said.postgres else "sqlite",
        "wall_s": round(wall, 1),
        "vs_to_sql": round(peer / wall, 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "mib": round(size),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
