"""Ledgers of every kind, made up from a seed: odd, restated, known late, at month ends and on leap days."""

from datetime import date, timedelta
from random import Random

import pandas as pd
from hypothesis import strategies as st

from books import table
from tradecredit.features.ledger import Ledger

FIRST, LAST = date(2023, 9, 1), date(2025, 3, 31)
TURNS = [
    date(2024, 2, 29),
    date(2024, 1, 31),
    date(2024, 12, 31),
    date(2025, 2, 28),
    date(2024, 6, 30),
    date(2024, 3, 30),
]
OUTSIDE = [date(2024, 3, 30), date(2023, 8, 31), date(2025, 3, 31), date(2026, 6, 30)]
MONEY = [100_000] * 6 + [50, 99, 100, 101, 5_000, 10_000, 30_000, 99_999, 10**14, 0, -20_000]
BOOKED = [0] * 8 + [1, 3, 20, 90]  # days until a fact is known
SEGMENTS, GROUPS = ("SME", "SME", "CORP", "CORP", ""), ("", "G", "G", "H")
KINDS = ("credit_note", "write_off", "bounced", "dispute_opened", "dispute_closed", "promise", "dunning") * 3
KINDS += ("agency", "insolvency", "prepayment")
SIGNALS = [("bureau", "score")] * 3 + [("statement", "debt_ratio"), ("court", "case"), ("bank", "protest"), ("x", "y")]


class Maker:
    """One customer's rows, from a seeded source of chance; `habit` is how late it mostly pays."""

    def __init__(self, rng: Random, customer: str, many: int) -> None:
        self.rng, self.customer, self.many = rng, customer, many
        self.habit = rng.choice([-5, 0, 2, 10, 40, 70])
        self.terms = rng.choice([0, 14, 30, 60])
        self.own = dict(customer_id=customer, delivery=1)
        self.invoices: list[dict] = []

    def day(self) -> date:
        if self.rng.random() < 0.15:
            return self.rng.choice(TURNS)
        return FIRST + timedelta(days=self.rng.randrange((LAST - FIRST).days))

    def later(self, day: date) -> date:
        return day + timedelta(days=self.rng.choice(BOOKED))

    def rows(self) -> dict[str, list[dict]]:
        rng, told = self.rng, {name: [] for name in ("invoices", "payments", "events", "limits", "signals")}
        for k in range(self.many):
            versions = self.invoice(k)
            self.invoices.append(versions[0])
            told["invoices"] += versions
            told["payments"] += self.payments(versions[0])
            told["events"] += self.events(versions[0])
        for _ in range(rng.randrange(3)):
            told["payments"].append(self.payment("", self.day(), rng.choice([5_000, -5_000, 100_000])))
            told["events"].append(self.event("", "dunning", self.day(), -1))
        for _ in range(rng.choice([0, 0, 1, 2])):
            given = self.day()
            amount = rng.choice([-1, 5_000, 100_000])
            promised = self.event("", "promise", given + timedelta(days=rng.randrange(25)), amount)
            told["events"].append(promised | dict(known_on=given))
        for _ in range(rng.choice([0, 1, 2, 3])):
            start = self.day()
            end = rng.choice([None, None, start + timedelta(days=90)])
            known = start + timedelta(days=rng.choice([0, 0, -10, 40]))
            amount = rng.choice([0, 50_000, 400_000, 2_000_000])
            told["limits"].append(self.own | dict(valid_from=start, valid_to=end, amount=amount, known_on=known))
        for _ in range(rng.randrange(8)):
            (source, name), day = rng.choice(SIGNALS), self.day()
            value = float(rng.choice([0, 1, 250, 300]))
            signal = dict(source=source, name=name, value=value, observed_on=day, known_on=self.later(day))
            told["signals"].append(self.own | signal)
        return told

    def invoice(self, k: int) -> list[dict]:
        rng, issued = self.rng, self.day()
        due = issued + timedelta(days=self.terms if rng.random() < 0.7 else rng.choice([0, 14, 30, 60, 90]))
        first = self.own | dict(invoice_id=f"I{self.customer}-{k}", issued_on=issued, due_on=due, currency="EUR")
        first |= dict(amount=rng.choice(MONEY), known_on=self.later(issued), replaced_on=None, replaced_in=0)
        versions = [first]
        while rng.random() < 0.15:
            last = versions[-1]
            moved = last["known_on"] + timedelta(days=rng.randrange(1, 80))
            last |= dict(replaced_on=moved, replaced_in=2)
            again = last | dict(known_on=moved, delivery=last["delivery"] + 1, replaced_on=None, replaced_in=0)
            again["due_on"] += timedelta(days=rng.choice([-10, 0, 0, 30, 60]))
            again["amount"] = rng.choice([last["amount"]] * 3 + [50_000])
            versions.append(again)
        return versions

    def payment(self, invoice: str, day: date, amount: int) -> dict:
        known = self.later(day)
        replaced = known + timedelta(days=self.rng.randrange(1, 60)) if self.rng.random() < 0.05 else None
        told = dict(payment_id="", invoice_id=invoice, paid_on=day, amount=amount, currency="EUR", known_on=known)
        return self.own | told | dict(replaced_on=replaced, replaced_in=2 if replaced else 0)

    def payments(self, invoice: dict) -> list[dict]:
        rng, left, told = self.rng, invoice["amount"], []
        while rng.random() < 0.8 and left > 0 and len(told) < 6:
            late = self.habit if rng.random() < 0.6 else rng.choice([-40, -3, 0, 1, 5, 6, 20, 31, 61, 95])
            money = rng.choice([left, left, left, left // 2, left - left // 100, left - left // 25, 30_000])
            day = invoice["due_on"] + timedelta(days=late)
            told.append(self.payment(invoice["invoice_id"], day, max(1, money)))
            left -= money
            if rng.random() < 0.1:
                told.append(self.payment(invoice["invoice_id"], day + timedelta(days=3), -max(1, money)))
                left += money
        return told

    def event(self, invoice: str, kind: str, day: date, amount: int) -> dict:
        told = dict(invoice_id=invoice, kind=kind, occurred_on=day, known_on=self.later(day), amount=amount)
        return self.own | told

    def events(self, invoice: dict) -> list[dict]:
        rng, told, name = self.rng, [], invoice["invoice_id"]
        while rng.random() < 0.4:
            kind, day = rng.choice(KINDS), invoice["due_on"] + timedelta(days=rng.randrange(-20, 60))
            amount = rng.choice([100, 5_000, 10_000, 30_000, 95_000, 100_000])
            if kind in ("dunning", "dispute_closed") or (kind in ("dispute_opened", "promise") and rng.random() < 0.5):
                amount = -1
            told.append(self.event(name, kind, day, amount))
            if kind == "promise":
                told[-1]["known_on"] = day - timedelta(days=rng.randrange(25))
            if kind == "dispute_opened" and rng.random() < 0.7:
                told.append(self.event(name, "dispute_closed", day + timedelta(days=rng.randrange(60)), -1))
            if kind == "dunning" and rng.random() < 0.7:
                told.append(self.event(name, "dunning", day + timedelta(days=7), -1))
        return told


def made_up(seed: int, sizes: list[int], absent: tuple[str, ...]) -> Ledger:
    """A ledger of as many customers as sizes, each with so many invoices, without some of the optional sources."""
    rng = Random(seed)
    rows: dict[str, list[dict]] = {"customers": []}
    for number, many in enumerate(sizes):
        maker = Maker(rng, f"C{number}", many)
        onboarded = rng.choice([None, date(2023, 6, 1), date(2024, 3, 1)])
        own = dict(customer_id=f"C{number}", is_strategic=False, onboarded_on=onboarded, segment=rng.choice(SEGMENTS))
        rows["customers"].append(own | dict(group_id=rng.choice(GROUPS)))
        for name, own in maker.rows().items():
            rows.setdefault(name, []).extend(own)
    for number, row in enumerate(rows["payments"]):
        row["payment_id"] = f"P{number}"
    since = {"events": FIRST, "limits": rng.choice([FIRST, date(2024, 9, 1)]), "signals": FIRST}
    since |= {"invoices": date(2023, 9, 1), "extensions": date(2024, 1, 1)}
    since = {name: begins for name, begins in since.items() if name not in absent}
    tables = {name: table(name, own) for name, own in rows.items()}
    members = _memberships(rng, rows["customers"])
    return Ledger(**tables, data_end=date(2025, 12, 31), since=since, memberships=members)


def _memberships(rng: Random, customers: list[dict]) -> pd.DataFrame | None:
    """As the customers say; or known from some day on, and moved."""
    if rng.random() < 0.5:
        return None
    told = []
    for row in customers:
        first, moved = rng.choice([None, None, date(2024, 6, 30)]), date(2024, 10, 1)
        told.append(dict(row, known_on=first))
        if rng.random() < 0.5:
            again = dict(row, known_on=moved, segment=rng.choice(SEGMENTS), group_id=rng.choice(GROUPS))
            told.append(again | dict(onboarded_on=rng.choice([None, row["onboarded_on"], date(2023, 1, 1)])))
    frame = pd.DataFrame(told)[["customer_id", "segment", "group_id", "onboarded_on", "known_on"]]
    days = {name: pd.to_datetime(frame[name]).astype("datetime64[s]") for name in ("onboarded_on", "known_on")}
    return frame.assign(**days)


seeds = st.integers(0, 2**32)
some_sizes = st.lists(st.sampled_from([0, 1, 2, 4, 8, 15, 30, 60]), min_size=1, max_size=3)
some_absent = st.sampled_from([(), (), (), ("events",), ("limits",), ("signals", "invoices"), ("events", "extensions")])
some_days = st.lists(
    st.one_of(
        st.dates(date(2024, 1, 1), LAST),
        st.sampled_from([*TURNS, *OUTSIDE]),
    ),
    min_size=1,
    max_size=3,
    unique=True,
)
ledgers = st.tuples(st.builds(made_up, seeds, some_sizes, some_absent), some_days)
