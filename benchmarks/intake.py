"""How long taking a delivery in takes, against a bare read of the same files, and how much memory.

    python benchmarks/intake.py [--small] [--invoices N] [--twice]

Makes a delivery of N invoices and as many payments (10 million; `--small`: 300 thousand), then runs in turn, each in a
process of its own: `pyarrow.csv.read_csv` of its files with default options, and `tradecredit intake` of them into an
empty ledger. `--twice` does the same with twice as many rows, to see whether memory grows. The last line is JSON with
the medians: vs_bare_read (ratio of wall seconds), peak_gib (of the intake).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

CUSTOMERS = 100_000
_CHUNK = 1_000_000
_BARE = """
import sys, time, resource, pyarrow.csv
from pathlib import Path
begun = time.perf_counter()
for path in sorted(Path(sys.argv[1]).glob("*.csv")):
    pyarrow.csv.read_csv(path)
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
_OURS = """
import sys, time, resource
from datetime import date
from pathlib import Path
from tradecredit.features.memory import keep_freed_memory
from tradecredit.features.intake.taking import take_in
keep_freed_memory()  # as the command does
begun = time.perf_counter()
report = take_in(Path(sys.argv[1]), Path(sys.argv[2]), as_of=date(2026, 1, 1))
seconds = time.perf_counter() - begun
assert report.verdict == "accept", report.message
assert all(rows["read"] == rows["accepted"] for rows in report.rows.values())
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def make(folder: Path, invoices: int) -> None:
    """Write a delivery; every amount is paid in full by one payment, in another order than the invoices have."""
    rng, customers = np.random.default_rng(7), min(CUSTOMERS, max(10, invoices // 20))
    number = np.arange(customers)
    _write(
        folder / "customers.csv",
        {
            "customer_id": _ids("C", number),
            "name": _ids("Händler ", number),
            "segment": pa.array(["SME", "CORP"]).take(pa.array(number % 2)),
            "country": pa.repeat("DE", customers),
            "onboarded_on": pa.repeat("2018-01-01", customers),
            "credit_limit": pa.repeat("25000.00", customers),
            "is_strategic": pa.repeat("false", customers),
        },
    )
    first = np.datetime64("2019-01-01")
    order = rng.permutation(invoices)
    cents, issued = rng.integers(100, 5_000_000, invoices), first + rng.integers(0, 2000, invoices)
    owner = rng.integers(0, customers, invoices)
    due = issued + rng.choice([14, 30, 60], invoices)
    for start in range(0, invoices, _CHUNK):
        rows = slice(start, min(start + _CHUNK, invoices))
        _write(
            folder / "invoices.csv",
            {
                "invoice_id": _ids("INV-", np.arange(rows.start, rows.stop)),
                "customer_id": _ids("C", owner[rows]),
                "issued_on": _days(issued[rows]),
                "due_on": _days(due[rows]),
                "amount": _money(cents[rows]),
                "currency": pa.array(["EUR", "USD"]).take(pa.array((owner[rows] % 10 == 0).astype(int))),
            },
            more=start > 0,
        )
        paid = order[rows]
        _write(
            folder / "payments.csv",
            {
                "payment_id": _ids("PAY-", np.arange(rows.start, rows.stop)),
                "invoice_id": _ids("INV-", paid),
                "paid_on": _days(due[paid] + rng.integers(0, 40, len(paid))),
                "amount": _money(cents[paid]),
            },
            more=start > 0,
        )


def _ids(prefix: str, number: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(pa.array(number).cast(pa.string()), 9, "0"), "")


def _days(day: np.ndarray) -> pa.Array:
    return pa.array(day.astype("datetime64[D]")).cast(pa.string())


def _money(cents: np.ndarray) -> pa.Array:
    whole = pa.array(cents).cast(pa.decimal128(20, 0))
    return pc.multiply(whole, pa.scalar(Decimal("0.01"))).cast(pa.string())


def _write(path: Path, columns: dict[str, pa.Array], *, more: bool = False) -> None:
    options = pyarrow.csv.WriteOptions(include_header=not more, quoting_style="none")
    with path.open("ab" if more else "wb") as file:
        pyarrow.csv.write_csv(pa.table(columns), file, options)


def measure(invoices: int, turns: int, place: Path) -> dict[str, float]:
    """Medians of so many turns, the two in alternation."""
    raw = place / "raw"
    raw.mkdir()
    make(raw, invoices)
    told: dict[str, list[tuple[float, float]]] = {"bare": [], "ours": []}
    for turn in range(turns):
        told["bare"].append(_run(_BARE, raw))
        told["ours"].append(_run(_OURS, raw, place / f"ledger-{turn}"))
        subprocess.run(["rm", "-rf", place / f"ledger-{turn}"], check=True)
        print(
            f"  turn {turn + 1}: bare read {told['bare'][-1][0]:.2f} s, intake {told['ours'][-1][0]:.2f} s", flush=True
        )
    told["bare"].append(_run(_BARE, raw))
    bare, ours = (statistics.median(seconds for seconds, _ in told[name]) for name in ("bare", "ours"))
    subprocess.run(["rm", "-rf", raw], check=True)
    return {
        "invoices": invoices,
        "bare_read_s": round(bare, 2),
        "intake_s": round(ours, 2),
        "vs_bare_read": round(ours / bare, 2),
        "peak_gib": round(max(gib for _, gib in told["ours"]), 2),
        "bare_peak_gib": round(max(gib for _, gib in told["bare"]), 2),
    }


def _run(code: str, *arguments: Path) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
    seconds, gib = done.stdout.split()
    return float(seconds), float(gib)


def main() -> None:
    """Measure, tell, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--invoices", type=int, default=10_000_000)
    ask.add_argument("--twice", action="store_true", help="also twice as many")
    ask.add_argument("--turns", type=int, default=3)
    ask.add_argument("--place", type=Path, help="where there is room; a temporary folder otherwise")
    said = ask.parse_args()
    invoices = 300_000 if said.small else said.invoices
    figures = {}
    for many in (invoices, 2 * invoices)[: 1 + said.twice]:
        with tempfile.TemporaryDirectory(dir=said.place) as place:
            print(f"{many:,} invoices and payments", flush=True)
            told = measure(many, said.turns, Path(place))
        figures |= told if not figures else {f"twice_{name}": value for name, value in told.items()}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
