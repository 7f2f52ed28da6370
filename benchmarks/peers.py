"""Twenty features as Polars and as pandas tell them best: a pass over the invoices for each month end.

They read a ledger in which each invoice has one payment, in full, or none, and no event; so a join is all they need to
know how late an invoice was. Each gives (features, customers x month ends), NaN where there is nothing to tell.
"""

from pathlib import Path

import numpy as np

FEATURES = (
    "n_inv_12m",
    "amt_inv_12m",
    "dbt_w_90d",
    "dbt_w_365d",
    "late_share_n_365d",
    "late_share_amt_365d",
    "late5_share_n_90d",
    "late5_share_n_365d",
    "late30_share_amt_180d",
    "late60_share_amt_365d",
    "early_share_amt_365d",
    "open_amt",
    "overdue_share",
    "over30_share",
    "over60_share",
    "over90_share",
    "wavg_dpd_overdue",
    "n_overdue",
    "dso_3m",
    "overdue_days_sales_3m",
)
NEVER = 10**6
_SHARES = {  # name: (unpaid so many days after due, days of the window, by money)
    "late_share_n_365d": (0, 365, False),
    "late_share_amt_365d": (0, 365, True),
    "late5_share_n_90d": (5, 90, False),
    "late5_share_n_365d": (5, 365, False),
    "late30_share_amt_180d": (30, 180, True),
    "late60_share_amt_365d": (60, 365, True),
}


def with_polars(ledger: Path, moments: list[tuple[int, int, int]]) -> np.ndarray:
    """`moments`: day numbers of T, T_3 and T_12."""
    import polars as pl

    day = [pl.col(name).to_physical() for name in ("issued_on", "due_on", "known_on")]
    customers = pl.scan_parquet(ledger / "customers/*.parquet").select("customer_id").sort("customer_id")
    codes = customers.with_row_index("c").collect()
    parts = []
    for path in sorted((ledger / "invoices").glob("part-*.parquet")):  # documents are numbered within a partition
        invoices = pl.scan_parquet(path).select("customer_id", "document", "amount", *day)
        payments = pl.scan_parquet(ledger / "payments" / path.name).select(
            "document",
            paid=pl.col("paid_on").to_physical(),
            seen=pl.max_horizontal("paid_on", "known_on").to_physical(),
        )
        both = invoices.join(codes.lazy(), on="customer_id").join(payments, on="document", how="left")
        part = both.select(
            pl.col("c").cast(pl.Int32),
            "issued_on",
            "due_on",
            pl.max_horizontal("known_on", "issued_on").alias("known"),
            pl.col("amount").cast(pl.Float64),
            pl.col("paid").fill_null(NEVER),
            pl.col("seen").fill_null(NEVER),
        )
        parts.append(part)
    rows = pl.concat(parts).collect().sort("c")
    many = codes.height
    told = np.full((len(FEATURES), many, len(moments)), np.nan)
    issued, due, amount, paid = (pl.col(name) for name in ("issued_on", "due_on", "amount", "paid"))
    for place, (T, start_3m, start_12m) in enumerate(moments):
        settled = pl.col("seen") <= T
        year = (due > T - 365) & (due <= T)
        quarter = year & (due > T - 90)
        late = pl.when(settled).then(paid).otherwise(T) - due
        open_ = pl.when(settled).then(0.0).otherwise(amount)
        dpd = T - due

        def total(value, where):
            return value.filter(where).sum()

        sums = {
            "n_inv_12m": (issued > start_12m).sum(),
            "amt_inv_12m": total(amount, issued > start_12m),
            "sales": total(amount, issued > start_3m),
            "open": open_.sum(),
            "weighted": total(open_ * dpd, dpd > 0),
            "n_overdue": ((open_ > 0) & (dpd > 0)).sum(),
            "early": total(amount, year & settled & (paid <= due - 3)),
        }
        sums |= {f"over{k}": total(open_, dpd > k) for k in (0, 30, 60, 90)}
        for days, where in ((90, quarter), (365, year)):
            sums |= {f"worth{days}": total(amount * late, where), f"due{days}": total(amount, where)}
        for name, (k, days, money) in _SHARES.items():
            inside = (due > T - days - k - 1) & (due <= T - k - 1)
            value = amount if money else pl.lit(1.0)
            sums[name] = (value * (inside & ~(settled & (paid <= due + k)))).sum()
            sums[f"{name}_of"] = (value * inside).sum()
        seen = rows.lazy().filter(pl.col("known") <= T, (due > T - 430) | (issued > T - 370) | ~settled)
        table = seen.group_by("c").agg(**sums).collect()
        _tell(told, place, {name: table[name].to_numpy() for name in table.columns}, T - start_3m)
    return told


def with_pandas(ledger: Path, moments: list[tuple[int, int, int]]) -> np.ndarray:
    """The same, as a loop over month ends is written in pandas."""
    import pandas as pd

    def days(column: pd.Series) -> np.ndarray:
        return column.to_numpy("datetime64[D]").astype(np.int64)

    invoices = pd.read_parquet(
        ledger / "invoices", columns=["customer_id", "invoice_id", "amount", "issued_on", "due_on", "known_on"]
    )
    payments = pd.read_parquet(ledger / "payments", columns=["invoice_id", "paid_on", "known_on"])
    customers = pd.read_parquet(ledger / "customers", columns=["customer_id"])["customer_id"].sort_values()
    paid = invoices[["invoice_id"]].merge(payments, on="invoice_id", how="left")
    there = paid["paid_on"].notna().to_numpy()
    frame = pd.DataFrame(
        {
            "c": pd.Index(customers).get_indexer(invoices["customer_id"]),
            "issued": days(pd.to_datetime(invoices["issued_on"])),
            "due": days(pd.to_datetime(invoices["due_on"])),
            "known": days(pd.to_datetime(invoices["known_on"])),
            "amount": invoices["amount"].to_numpy("float64"),
            "paid": np.where(there, days(pd.to_datetime(paid["paid_on"])), NEVER),
            "seen": np.where(there, days(pd.to_datetime(paid[["paid_on", "known_on"]].max(axis=1))), NEVER),
        }
    )
    told = np.full((len(FEATURES), len(customers), len(moments)), np.nan)
    for place, (T, start_3m, start_12m) in enumerate(moments):
        here = frame[np.maximum(frame["known"], frame["issued"]) <= T]
        here = here[(here["due"] > T - 430) | (here["issued"] > T - 370) | (here["seen"] > T)]
        due, amount, settled = here["due"], here["amount"], here["seen"] <= T
        year, dpd = (due > T - 365) & (due <= T), T - due
        late = here["paid"].where(settled, T) - due
        open_ = amount.where(~settled, 0.0)
        sums = {
            "c": here["c"],
            "n_inv_12m": here["issued"] > start_12m,
            "amt_inv_12m": amount * (here["issued"] > start_12m),
            "sales": amount * (here["issued"] > start_3m),
            "open": open_,
            "weighted": open_ * dpd * (dpd > 0),
            "n_overdue": (open_ > 0) & (dpd > 0),
            "early": amount * (year & settled & (here["paid"] <= due - 3)),
        }
        sums |= {f"over{k}": open_ * (dpd > k) for k in (0, 30, 60, 90)}
        for window, where in ((90, year & (due > T - 90)), (365, year)):
            sums |= {f"worth{window}": amount * late * where, f"due{window}": amount * where}
        for name, (k, window, money) in _SHARES.items():
            inside = (due > T - window - k - 1) & (due <= T - k - 1)
            value = amount if money else 1.0
            sums[name] = value * (inside & ~(settled & (here["paid"] <= due + k)))
            sums[f"{name}_of"] = value * inside
        table = pd.DataFrame(sums).groupby("c").sum().reset_index()
        _tell(told, place, {name: table[name].to_numpy() for name in table.columns}, T - start_3m)
    return told


def _tell(told: np.ndarray, place: int, sums: dict[str, np.ndarray], days: int) -> None:
    """Turn the sums of one month end into features; money from cents."""
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {
            "n_inv_12m": sums["n_inv_12m"],
            "amt_inv_12m": sums["amt_inv_12m"] / 100,
            "dbt_w_90d": np.clip(sums["worth90"] / sums["due90"], -365, 365),
            "dbt_w_365d": np.clip(sums["worth365"] / sums["due365"], -365, 365),
            "early_share_amt_365d": sums["early"] / sums["due365"],
            "open_amt": sums["open"] / 100,
            "overdue_share": sums["over0"] / sums["open"],
            **{f"over{k}_share": sums[f"over{k}"] / sums["open"] for k in (30, 60, 90)},
            "wavg_dpd_overdue": np.clip(np.where(sums["over0"] > 0, sums["weighted"] / sums["over0"], 0), -365, 365),
            "n_overdue": sums["n_overdue"],
            "dso_3m": np.clip(days * sums["open"] / sums["sales"], -365, 365),
            "overdue_days_sales_3m": np.clip(days * sums["over0"] / sums["sales"], -365, 365),
            **{name: sums[name] / sums[f"{name}_of"] for name in _SHARES},
        }
        values["dso_3m"] = np.where(sums["sales"] > 0, values["dso_3m"], np.nan)
        values["overdue_days_sales_3m"] = np.where(sums["sales"] > 0, values["overdue_days_sales_3m"], np.nan)
    for name, column in values.items():
        told[FEATURES.index(name), sums["c"], place] = column
