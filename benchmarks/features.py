"""How long features take, against Polars and pandas, and how time and memory grow with the ledger.

    python benchmarks/features.py [--small] [--customers N] [--place FOLDER]

Makes the example ledger of N customers over 230 months (100,000 customers: about 10 million invoices; `--small`: 2,000)
and takes it in. Then, each in a process of its own, Parquet in, arrays out:

- twenty features at 24 month ends, from a copy of the ledger in which each invoice has one payment in full, or none
  (what a join can express): this engine, Polars, pandas, in turn; results are checked equal first;
- all features at 24 month ends of all customers: wall and CPU seconds, peak memory;
- all features of a fifth, and with `--growth` of five times the ledger;
- all features of one customer at one day, from a warm process.

The last line is JSON: vs_polars, vs_pandas (ratios of wall seconds), all_cpu_s, all_peak_gib, growth_10_to_50 (wall
seconds per invoice, five times the ledger over the ledger; without `--growth` it is growth_2_to_10, the ledger over a
fifth of it; growth_cpu is the same of CPU seconds), one_customer_ms (of a customer whose peers were surveyed, as every
night does).
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import peers

MONTHS = 230
START = date(2006, 1, 1)
ENDS = 24


def make(place: Path, customers: int) -> Path:
    """The example ledger of so many customers."""
    from tradecredit.features.calendar import month_ends
    from tradecredit.features.example import ExampleRecipe, write_example
    from tradecredit.features.intake.taking import take_in

    end = month_ends(START, date(START.year + 40, 1, 1))[MONTHS - 1]
    begun = time.perf_counter()
    write_example(place / "raw", ExampleRecipe(customers, MONTHS, 7, str(START)), form="parquet")
    made = time.perf_counter()
    take_in(place / "raw", place / "ledger", as_of=end)
    print(f"  made in {made - begun:.0f} s, taken in in {time.perf_counter() - made:.0f} s", flush=True)
    shutil.rmtree(place / "raw")
    return place / "ledger"


def plain(ledger: Path, to: Path) -> Path:
    """A copy with one payment in full, or none, for each invoice, and no events, limits or signals."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tradecredit.features.intake.partitions import write_part
    from tradecredit.features.ledger import read_about
    from tradecredit.features.schemas import DOCUMENT, SCHEMAS

    about = read_about(ledger)
    for table in SCHEMAS:
        (to / table).mkdir(parents=True)
    for part in range(about["partitions"]):
        held = {
            name: pq.read_table(ledger / about["tables"] / name / f"part-{part:04d}.parquet")
            for name in SCHEMAS
            if name != "rates" or part == 0
        }
        owed = held["invoices"].select([DOCUMENT, "amount"]).to_pandas().set_index(DOCUMENT)["amount"]
        paid = held["payments"].to_pandas(date_as_object=False)
        paid = paid.sort_values("paid_on").drop_duplicates(DOCUMENT, keep="last")
        paid = paid[paid["amount"] > 0].sort_values(["customer_id", "paid_on"], kind="stable")
        paid = paid.assign(amount=paid[DOCUMENT].map(owed))
        held["payments"] = pa.Table.from_pandas(paid, schema=held["payments"].schema, preserve_index=False)
        for name, rows in held.items():
            kept = rows.slice(0, 0) if name in ("events", "limits", "signals") else rows
            write_part(to / name, part, kept)
    (to / "ledger.json").write_text(json.dumps(about | {"tables": "", "deliveries": [], "since": {}}))
    return to


def moments(ledger: Path) -> list[date]:
    """The last month ends."""
    from tradecredit.features.calendar import month_ends
    from tradecredit.features.ledger import read_about

    return month_ends(START, date.fromisoformat(read_about(ledger)["data_end"]))[-ENDS:]


def ours(ledger: Path, names: tuple[str, ...] | None) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """Customer ids, and features at the month ends, of each partition; one on each core at a time."""
    from tradecredit.features.building import columns
    from tradecredit.features.catalogue import CATALOGUE, feature
    from tradecredit.features.engine.facts import Facts
    from tradecredit.features.parts import each_part
    from tradecredit.features.peers import USUAL

    wanted = [feature(name) for name in names] if names else CATALOGUE
    ends = np.array([(day - date(1970, 1, 1)).days for day in moments(ledger)])

    def one(facts: Facts) -> tuple[np.ndarray, list[np.ndarray]]:
        values, _ = columns(facts, np.repeat(np.arange(facts.n), ENDS), np.tile(ends, facts.n), wanted)
        return facts.customers["customer_id"].to_numpy(), values if names else values[:1]

    return list(each_part(ledger, one, days=ends, features=wanted, peers=USUAL))


def together(parts: list[tuple[np.ndarray, list[np.ndarray]]]) -> np.ndarray:
    """(features, customers in order of their ids, month ends)."""
    order = np.argsort(np.concatenate([ids for ids, _ in parts]))
    return np.concatenate([np.stack(values).reshape(len(values), -1, ENDS) for _, values in parts], axis=1)[:, order]


def one_customer(ledger: Path) -> float:
    """Milliseconds of all features of one customer at one day, median of fifty customers."""
    from tradecredit.features.building import build
    from tradecredit.features.engine.loading import read_facts
    from tradecredit.features.peers import USUAL, stand, surveyed

    facts, as_of = read_facts(ledger, 0), pd.Timestamp(moments(ledger)[-1])
    survey, (counts,) = surveyed([stand(facts, np.array([(as_of - pd.Timestamp(0)).days]), USUAL)])  # the night's
    facts, told = survey.beside(facts, counts), []
    for number in range(55):
        keys = pd.DataFrame({"customer_id": [facts.customers["customer_id"][number]], "as_of": [as_of]})
        begun = time.perf_counter()
        build(facts, keys)
        told.append(1000 * (time.perf_counter() - begun))
    return float(np.median(told[5:]))


def run(what: str, ledger: Path, out: Path) -> None:
    """One measurement, in this process; kernels are compiled, and libraries loaded, before the clock starts."""
    if what == "make":
        make(ledger, int(str(out)))
        return
    if what == "plain":
        plain(ledger, out)
        return
    if what == "one":
        print(json.dumps({"ms": one_customer(ledger)}))
        return
    if what in ("twenty", "all"):
        from tradecredit.features.engine.loading import read_facts
        from tradecredit.features.memory import keep_freed_memory

        keep_freed_memory()  # as the stage does
        read_facts(ledger, 0)
        one_customer(ledger)
    else:
        __import__(what)
    days = [(day - date(1970, 1, 1)).days for day in moments(ledger)]
    starts = [
        tuple((pd.Timestamp(day) - pd.offsets.MonthEnd(k) - pd.Timestamp(0)).days for k in (3, 12))
        for day in moments(ledger)
    ]
    grid = [(T, *start) for T, start in zip(days, starts, strict=True)]
    begun, cpu = time.perf_counter(), time.process_time()
    if what == "polars":
        told = peers.with_polars(ledger, grid)
    elif what == "pandas":
        told = peers.with_pandas(ledger, grid)
    else:
        told = ours(ledger, peers.FEATURES if what == "twenty" else None)
    figures = {"wall": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
    figures["gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if isinstance(told, list):
        figures["observations"] = sum(len(values[0]) for _, values in told)
        told = together(told)
    np.save(out, told)
    print(json.dumps(figures))


def make_apart(place: Path, customers: int) -> Path:
    """The example ledger, made in a process of its own: what a process once held counts for those it starts."""
    place.mkdir()
    _in_a_process("make", place, Path(str(customers)))
    return place / "ledger"


def _in_a_process(what: str, *given: Path) -> str:
    done = subprocess.run([sys.executable, __file__, "--run", what, *map(str, given)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    print(done.stdout if what == "make" else "", end="", flush=True)
    return done.stdout


def apart(what: str, ledger: Path, out: Path) -> dict[str, float]:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--run", what, str(ledger), str(out)], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    figures = json.loads(done.stdout.splitlines()[-1])
    print(f"  {what}: " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()), flush=True)
    return figures


def same(one: np.ndarray, other: np.ndarray) -> None:
    """Raise unless both tell the same; who is not known yet, or dormant, has no row with the peers."""
    for name, a, b in zip(peers.FEATURES, one, other, strict=True):
        zero = name in ("n_inv_12m", "amt_inv_12m", "open_amt", "n_overdue", "wavg_dpd_overdue")
        b = np.where(np.isnan(b) & ~np.isnan(a) & zero, 0.0, b)
        if not np.allclose(a, b, rtol=1e-6, atol=1e-6, equal_nan=True):
            where = np.argwhere(~np.isclose(a, b, rtol=1e-6, atol=1e-6, equal_nan=True))[0]
            raise SystemExit(f"{name} differs: {a[tuple(where)]} and {b[tuple(where)]} at {where}")


def main() -> None:
    """Measure, tell, and print the figures as JSON."""
    if len(sys.argv) > 1 and sys.argv[1] == "--run":
        run(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--customers", type=int, default=100_000)
    ask.add_argument("--growth", action="store_true", help="also five times the ledger")
    ask.add_argument("--turns", type=int, default=3)
    ask.add_argument("--place", type=Path, help="where there is room; a temporary folder otherwise")
    said = ask.parse_args()
    customers, turns = (2_000, 1) if said.small else (said.customers, said.turns)
    with tempfile.TemporaryDirectory(dir=said.place) as folder:
        print(json.dumps(measure(Path(folder), customers, turns, growth=said.growth and not said.small)))


def measure(place: Path, customers: int, turns: int, *, growth: bool) -> dict[str, float]:
    """All figures."""
    from tradecredit.features.ledger import read_about

    ledger = make_apart(place / "whole", customers)
    invoices = read_about(ledger)["invoices"]
    print(f"{invoices:,} invoices of {customers:,} customers", flush=True)
    bare: Path = place / "plain"
    _in_a_process("plain", ledger, bare)
    told: dict[str, list[dict[str, float]]] = {name: [] for name in ("twenty", "polars", "pandas")}
    for turn in range(turns):
        for name in told if turn == 0 else ("twenty", "polars"):
            told[name].append(apart(name, bare, place / f"{name}.npy"))
        if turn == 0:
            for name in ("polars", "pandas"):
                same(np.load(place / "twenty.npy"), np.load(place / f"{name}.npy"))
    shutil.rmtree(bare)
    wall = {name: float(np.median([one["wall"] for one in runs])) for name, runs in told.items()}
    every = apart("all", ledger, place / "all.npy")
    single = apart("one", ledger, place / "one.npy")["ms"]
    shutil.rmtree(ledger)
    other = make_apart(place / "other", customers * 5 if growth else max(1, customers // 5))
    again, others = apart("all", other, place / "all.npy"), read_about(other)["invoices"]
    ratio, cpu = ((again[what] / others) / (every[what] / invoices) for what in ("wall", "cpu"))
    return {
        "invoices": invoices,
        "observations": int(every["observations"]),
        "twenty_s": round(wall["twenty"], 2),
        "vs_polars": round(wall["polars"] / wall["twenty"], 2),
        "vs_pandas": round(wall["pandas"] / wall["twenty"], 2),
        "twenty_peak_gib": round(max(one["gib"] for one in told["twenty"]), 2),
        "polars_peak_gib": round(max(one["gib"] for one in told["polars"]), 2),
        "all_wall_s": round(every["wall"], 1),
        "all_cpu_s": round(every["cpu"], 1),
        "all_peak_gib": round(every["gib"], 2),
        ("growth_10_to_50" if growth else "growth_2_to_10"): round(ratio if growth else 1 / ratio, 2),
        "growth_cpu": round(cpu if growth else 1 / cpu, 2),
        "other_invoices": others,
        "other_peak_gib": round(again["gib"], 2),
        "one_customer_ms": round(single, 2),
    }


if __name__ == "__main__":
    main()
