"""A night's ratings from features that are known: what `scoring.py` measures beside a peer that is given the same.

    python from_features.py BUNDLE FEATURES CUSTOMERS DAY STORE

Everything that a night does once features are told: log-odds, grades, contributions, reasons in both languages,
families, terms and warnings, some thousand customers at a time; then it records them in a store as one run.
"""

import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tradecredit.features.matrix import Matrix
from tradecredit.features.observations import Status
from tradecredit.features.workers import THREADS, in_order
from tradecredit.serving.batch import write_parts
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.earlier import Earlier
from tradecredit.serving.scored import Scored
from tradecredit.serving.store.recording import RunKey, record
from tradecredit.serving.store.store import open_store

ROWS = 16_000


def main() -> None:
    """Rate those of whom features are given."""
    folder, features, known, day, said = sys.argv[1:]
    bundle, as_of, store = load_bundle(Path(folder)), date.fromisoformat(day), open_store(said, fresh=True)
    matrix, customers = Matrix.read(Path(features)), pd.read_parquet(known)

    def rated(first: int) -> pa.Table:
        rows = slice(first, first + ROWS)
        own, told = customers.iloc[rows].reset_index(drop=True), matrix.rows(rows)
        status, before = np.full(len(own), Status.OBSERVED, np.uint8), Earlier.none().of(own["customer_id"])
        segment = told.keys["segment"].to_numpy(object)
        return Scored.of(bundle, as_of, own, segment, status, before, told).table

    def tables() -> Iterator[pa.Table]:
        with ThreadPoolExecutor(THREADS) as pool:
            yield from in_order(pool, rated, range(0, len(matrix), ROWS), ahead=THREADS + 1)

    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "ratings.parquet"
        many = write_parts(file, tables())
        names = dict(zip(customers["customer_id"], customers["name"], strict=True))
        about = bundle.about | {"grades": list(bundle.system.scale.names)}
        record(store, RunKey(bundle.fingerprint, "features", as_of), file, about=about, names=names, earlier_run=None)
    print(f"{many} ratings")


if __name__ == "__main__":
    main()
