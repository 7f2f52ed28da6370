"""Deliveries one after the other into one ledger, small enough to be told in a line each."""

import json
from datetime import date

import pandas as pd

from tradecredit.features.building import build
from tradecredit.features.catalogue import CATALOGUE
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.intake.taking import take_in
from tradecredit.features.ledger import Ledger
from tradecredit.features.quarantine import Report

HEADS = {
    "customers": "customer_id,name,segment,country,onboarded_on,credit_limit,is_strategic",
    "invoices": "invoice_id,customer_id,issued_on,due_on,amount,currency",
    "payments": "payment_id,invoice_id,paid_on,amount",
    "events": "customer_id,invoice_id,kind,occurred_on,amount",
    "signals": "customer_id,source,name,value,observed_on",
}
FIRST = {
    "customers": ["C1,One,SME,DE,2020-01-01,1000.00,false", "C2,Two,CORP,DE,2020-01-01,,true"],
    "invoices": [f"I{k},C{1 + k % 2},2025-0{1 + k % 3}-10,2025-0{2 + k % 3}-09,{100 + k}.00,EUR" for k in range(40)],
    "payments": [f"P{k},I{k},2025-0{2 + k % 3}-1{k % 10},{100 + k}.00" for k in range(30)],
}
D1, D2, D3 = date(2025, 6, 30), date(2025, 7, 31), date(2025, 8, 31)


class Book:
    """Delivers tables into one ledger."""

    def __init__(self, place):
        self.place, self.ledger, self.count = place, place / "ledger", 0

    def deliver(self, tables, as_of, manifest=None, **more):
        self.count += 1
        folder = self.place / f"raw-{self.count}"
        folder.mkdir()
        for name, rows in tables.items():
            known = more.pop("known", {}).get(name) if "known" in more else None
            head = HEADS[name] + (",known_on" if known else "")
            (folder / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n")
        if manifest is not None:
            (folder / "manifest.json").write_text(json.dumps(manifest))
        report = Report()
        take_in(folder, self.ledger, as_of=as_of, report=report, **more)
        return report

    def read(self, **how):
        return Ledger.read(self.ledger, **how)


def changed(table, key, new, tables=FIRST):
    """The tables with the row of an id replaced (None: left out)."""
    rows = [new if row.startswith(f"{key},") else row for row in tables[table]]
    return tables | {table: [row for row in rows if row is not None]}


def codes(report, code):
    return [(one["file"], one.get("line"), one.get("rows")) for one in report.warnings if one["code"] == code]


def features_of(ledger, day):
    """Values and missing codes of every feature, every customer, at a day."""
    keys = pd.DataFrame({"customer_id": sorted(ledger.customers["customer_id"]), "as_of": pd.Timestamp(day)})
    keys["as_of"] = keys["as_of"].astype("datetime64[s]")
    matrix = build(facts_of(ledger), keys, CATALOGUE)
    return matrix.values, matrix.missing
