"""A night's ratings: a whole book scored and explained, against the ratings of the month before.

    python benchmarks/explaining.py [--small] [--customers N] [--bundle FOLDER]

Makes the example book with N customers (100,000, unless told) in a folder of its own, then rates all of them with a
bundle (artifacts/bundle, unless told; `dvc repro` makes it) on the last day of November and, with what changed since,
on that of December: reasons, families, changes, the other model's opinion. Each is a process of its own. `--small`
takes 3,000 customers. The last line is JSON: customers, how many are rated, `wall_s` and `peak_gib` of the second one.
"""

import argparse
import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from processes import run

from books import ROOT, example


def main() -> None:
    """Make the book, rate it twice, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--customers", default=100_000, type=int)
    ask.add_argument("--bundle", default=ROOT / "artifacts/bundle", type=Path)
    said = ask.parse_args()
    customers = 3_000 if said.small else said.customers
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        example(folder, customers)
        score = ["tradecredit.cli", "score", "--bundle", str(said.bundle.resolve()), "--ledger", "data/ledger"]
        run(folder, *score, "--as-of", "2024-11-30", "--out", "before.parquet")
        wall, peak = run(
            folder, *score, "--as-of", "2024-12-31", "--previous", "before.parquet", "--out", "now.parquet"
        )
        told = pq.read_table(folder / "now.parquet", columns=["pd"])
    figures = {"customers": len(told), "rated": len(told) - told["pd"].null_count}
    print(json.dumps(figures | {"wall_s": round(wall, 1), "peak_gib": round(peak, 2)}))


if __name__ == "__main__":
    main()
