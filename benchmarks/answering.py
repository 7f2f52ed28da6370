"""How long the API takes for one customer, beside what it takes to say that it is alive.

    python benchmarks/answering.py [--small] [--customers N] [--bundle FOLDER]

Makes the example book with N customers (20,000, unless told; `--small`: 3,000), rates a night of it into a store with a
bundle (artifacts/bundle, unless told; `dvc repro` makes it), starts `tradecredit api`, and asks it over loopback, one
question after the other: 600 customers rated now from the ledger against the night before, their ratings and histories
read from the store, and /healthz as often. The last line is JSON, in milliseconds: `rate_p50`, `rate_p99`, `read_p99`,
`history_p99`, `alive_p99`, and `rate_vs_alive` (medians).
"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from processes import run

from books import ROOT, example

TRADECREDIT = Path(sys.executable).parent / "tradecredit"
ASKED, PORT = 600, 8653


def main() -> None:
    """Make the book, ask, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--customers", default=20_000, type=int)
    ask.add_argument("--bundle", default=ROOT / "artifacts/bundle", type=Path)
    said = ask.parse_args()
    customers = 3_000 if said.small else said.customers
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        example(folder, customers)
        source = ["--bundle", str(said.bundle.resolve()), "--ledger", "data/ledger"]
        night = ["--as-of", "2024-11-30", "--store", "ratings.db", "--out", "night.parquet"]
        run(folder, "tradecredit.cli", "score", *source, *night)
        words = ["api-key", "--store", "ratings.db", "--name", "benchmark", "--by", "me", "--until", "2099-01-01"]
        words += ["--scope", "read", "--scope", "rate"]
        key = subprocess.run([TRADECREDIT, *words], cwd=folder, capture_output=True, text=True, check=True).stdout
        words = ["api", "--store", "ratings.db", *source, "--port", str(PORT), "--per-minute", "1000000"]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen([TRADECREDIT, *words], cwd=folder, stderr=log)
        try:
            ids = pq.read_table(folder / "night.parquet", columns=["customer_id"])["customer_id"].to_pylist()
            figures = asked(ids[:: max(1, len(ids) // ASKED)][:ASKED], key.strip())
        finally:
            server.terminate()
            server.wait()
    print(json.dumps({"customers": customers, **figures}))


def asked(customers: list[str], key: str) -> dict[str, float]:
    """Milliseconds by what was asked."""
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    for _ in range(600):
        try:
            line = http.client.HTTPConnection("127.0.0.1", PORT)
            line.connect()
            break
        except OSError:
            time.sleep(0.1)

    def once(method: str, path: str, body: str | None = None) -> float:
        begun = time.perf_counter()
        line.request(method, path, body, headers)
        answer = line.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)
        return 1000 * (time.perf_counter() - begun)

    told: dict[str, list[float]] = {name: [] for name in ("rate", "read", "history", "alive")}
    for one in ["warm", *customers]:
        body = json.dumps({"customer_id": customers[0] if one == "warm" else one, "as_of": "2024-12-31"})
        spent = once("POST", "/v1/rate", body)  # the first one surveys the day
        if one == "warm":
            continue
        told["rate"].append(spent)
        told["read"].append(once("GET", f"/v1/customers/{one}/rating?on=2024-12-01"))
        told["history"].append(once("GET", f"/v1/customers/{one}/history"))
        told["alive"].append(once("GET", "/healthz"))
    half = {name: float(np.median(spent)) for name, spent in told.items()}
    figures = {f"{name}_p99": float(np.quantile(spent, 0.99)) for name, spent in told.items()}
    figures |= {"rate_p50": half["rate"], "rate_vs_alive": half["rate"] / half["alive"]}
    return {name: round(spent, 2) for name, spent in figures.items()}


if __name__ == "__main__":
    main()
