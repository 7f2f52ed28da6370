"""Small ledgers that can be checked by hand."""

from datetime import date, timedelta

import pandas as pd

from tradecredit.features.building import build
from tradecredit.features.column import Missing
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.ledger import Ledger, empty
from tradecredit.features.schemas import SCHEMAS


def day(text: str) -> date:
    """'03-05' is a day of 2025."""
    return date.fromisoformat(text if len(text) == 10 else f"2025-{text}")


def table(name: str, rows: list[dict]) -> pd.DataFrame:
    blank = empty(name)
    if not rows:
        return blank
    frame = pd.DataFrame(rows)
    for column in SCHEMAS[name].names:
        if column not in frame:
            frame[column] = (
                pd.NaT if column.endswith(("_on", "_to")) else 0 if column in ("delivery", "replaced_in") else ""
            )
        if column.endswith(("_on", "_to", "_from")):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
    return frame[list(blank)].astype(blank.dtypes.to_dict())


def book(
    invoices: list[tuple] = (),
    payments: list[tuple] = (),
    events: list[tuple] = (),
    limits: list[tuple] = (),
    *,
    data_end: str = "2027-12-31",
    since: tuple[str, ...] = ("events", "limits"),
    customer: str = "C",
) -> Ledger:
    """One customer's ledger.

    invoices: (id, due, amount[, issued[, known]]); payments: (invoice, day, amount[, known]);
    events: (kind, invoice, day, amount or None[, known]); limits: (from, amount[, known]). Money in whole units.
    """
    rows = []
    for name, due, amount, *more in invoices:
        issued = day(more[0]) if more else day(due) - timedelta(days=30)
        known = day(more[1]) if len(more) > 1 else issued
        rows.append(
            dict(invoice_id=name, customer_id=customer, issued_on=issued, due_on=day(due), known_on=known)
            | dict(amount=round(amount * 100), currency="EUR")
        )
    pays = [
        dict(payment_id=f"P{k}", customer_id=customer, invoice_id=on, paid_on=day(when))
        | dict(amount=round(amount * 100), known_on=day(known[0]) if known else day(when))
        for k, (on, when, amount, *known) in enumerate(payments)
    ]
    told = [
        dict(customer_id=customer, invoice_id=on, kind=kind, occurred_on=day(when))
        | dict(amount=-1 if amount is None else round(amount * 100), known_on=day(known[0]) if known else day(when))
        for kind, on, when, amount, *known in events
    ]
    lines = [
        dict(customer_id=customer, valid_from=day(start), amount=round(amount * 100))
        | dict(known_on=day(known[0]) if known else day(start))
        for start, amount, *known in limits
    ]
    return Ledger(
        customers=table("customers", [dict(customer_id=customer, is_strategic=False)]),
        invoices=table("invoices", rows),
        payments=table("payments", pays),
        events=table("events", told),
        limits=table("limits", lines),
        data_end=day(data_end),
        since={source: date(1950, 1, 1) for source in since},
    )


def told_of(ledger: Ledger, as_of: str, customer: str = "C") -> dict[str, float | str]:
    """Every feature of a customer at a day; a missing one is its reason's name."""
    keys = pd.DataFrame({"customer_id": [customer], "as_of": [pd.Timestamp(day(as_of))]})
    matrix = build(facts_of(ledger), keys)
    reasons = [Missing(code).name for code in matrix.missing[0]]
    values = (value if why == "NONE" else why for value, why in zip(matrix.values[0], reasons, strict=True))
    return dict(zip(matrix.names, values, strict=True))
