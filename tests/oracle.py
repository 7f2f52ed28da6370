"""A slow, obvious reading of the conventions: one customer, one day, from the rows of the ledger as they stand.

It knows nothing of the engine (but asks the package whether a customer was in default). Every feature is told from the
visible rows by loops and pandas; a missing value is told by its name.
"""

import math
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from tradecredit.features.default import Defaults
from tradecredit.features.engine.days import day_number
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.observations import Status, observe
from tradecredit.features.peers import USUAL

EPS, REST, NEVER = 100, 0.05, date.max  # money is in cents, so sums are exact
POINTS = [(-30, 100), (-20, 90), (0, 80), (15, 70), (22, 60), (30, 50), (60, 40), (90, 30), (120, 20)]


def back(day: date, months: int) -> date:
    """T_j of the conventions, by pandas."""
    stamp = pd.Timestamp(day)
    then = stamp - pd.DateOffset(months=months)
    return (then + pd.offsets.MonthEnd(0) if stamp.is_month_end else then).date()


def days(n: int) -> timedelta:
    return timedelta(days=n)


def _day(value) -> date:
    return NEVER if value is None else value


def _plain(value):
    """A day as a day; a missing one is None."""
    if isinstance(value, pd.Timestamp | type(pd.NaT)):
        return None if pd.isna(value) else value.date()
    return value


def _rows(ledger, name: str, customer: str) -> list[dict]:
    """The rows of a customer, days as days; a missing day is None."""
    held = ledger.__dict__.setdefault("_oracle", {})
    if (name, customer) not in held:
        table = getattr(ledger, name)
        mine = table[table["customer_id"] == customer].to_dict("records")
        held[name, customer] = [{key: _plain(value) for key, value in row.items()} for row in mine]
    return held[name, customer]


class Invoice:
    """One invoice as it was known at the close of T."""

    def __init__(self, versions, payments, events, T):
        now = versions[-1]
        self.T, self.issued, self.amount = T, now["issued"], now["amount"]
        self.payments, self.events = payments, events
        self.due, self.extended, before = None, None, None
        for one in versions[0]["all"]:
            if self.due is None:
                self.due = one["due"]
            elif one["due"] not in (before, self.due):
                if one["known"] <= self.due:
                    self.due = one["due"]
                elif one["due"] > before:
                    self.extended = one["known"]
            before = one["due"]
        notes = sum(e["amount"] for e in events if e["kind"] == "credit_note" and e["amount"] > 0)
        self.credits, self.owed = notes, self.amount - notes
        self.void = self.owed <= EPS
        self.net = 0 if self.void else self.owed
        # reversals: a negative payment, or a bounce that no negative payment of its amount within 7 days tells
        negative = [[p["day"], -p["amount"], False] for p in payments if p["amount"] < 0]
        self.bounces = []
        for e in events:
            if e["kind"] == "bounced" and e["amount"] > 0:
                near = [n for n in negative if not n[2] and n[1] == e["amount"] and abs((n[0] - e["day"]).days) <= 7]
                if near:
                    min(near, key=lambda n: abs((n[0] - e["day"]).days))[2] = True
                else:
                    self.bounces.append((e["day"], e["amount"]))
        self.reversals = sorted([(n[0], n[1]) for n in negative] + self.bounces, key=lambda r: r[0])
        paid = [[p["day"], p["amount"]] for p in payments if p["amount"] > 0]
        for on, rest in self.reversals:
            for one in reversed([p for p in paid if p[0] <= on]):
                taken = min(rest, one[1])
                one[1] -= taken
                rest -= taken
        # slices fill net by date
        self.slices, self.settle, left = [], None, self.net
        if not self.void:
            for on, money in paid:
                part = min(money, left)
                if part > 0:
                    self.slices.append((on, part))
                    left -= part
                    if self.settle is None and left <= max(EPS, REST * self.net):
                        self.settle = on
        self.rest = left
        self.late = ((self.settle or T) - self.due).days
        self.turns = {self.issued, *(p["day"] for p in payments), *(e["day"] for e in events)}
        self._told: dict = {}

    def unpaid(self, day: date) -> float:
        return self.net - sum(money for on, money in self.slices if on <= day)

    def open_on(self, s: date) -> float:
        """x(s|T)."""
        if s < self.issued:
            return 0
        money = self.amount
        money -= sum(p["amount"] for p in self.payments if p["day"] <= s)
        money += sum(amount for on, amount in self.bounces if on <= s)
        money -= sum(
            e["amount"]
            for e in self.events
            if e["kind"] in ("credit_note", "write_off") and e["amount"] > 0 and e["day"] <= s
        )
        return money if money > EPS else 0

    def undisputed_on(self, s: date) -> float:
        """The same without what is in dispute; told once for all days between two changes."""
        turn = max((day for day in self.turns if day <= s), default=None)
        if turn not in self._told:
            self._told[turn] = self._undisputed(s)
        return self._told[turn]

    def _undisputed(self, s: date) -> float:
        open_ = self.open_on(s)
        closed = [e["day"] for e in self.events if e["kind"] == "dispute_closed" and e["day"] <= s]
        alive = [
            e["amount"]
            for e in self.events
            if e["kind"] == "dispute_opened" and e["day"] <= s and (not closed or e["day"] > max(closed))
        ]
        if any(amount < 0 for amount in alive):
            return 0
        return open_ - min(open_, sum(alive))

    def arrear_on(self, s: date) -> bool:
        return s > self.due and self.undisputed_on(s) > max(EPS, REST * self.owed)


class Seen:
    """A customer as it was known at the close of T."""

    def __init__(self, ledger, customer: str, T: date):
        self.ledger, self.customer, self.T = ledger, customer, T
        self.rows = rows = {}
        for name in ("invoices", "payments", "events", "limits", "signals"):
            rows[name] = _rows(ledger, name, customer)
        versions: dict[str, list] = {}
        for row in sorted(rows["invoices"], key=lambda r: (r["known_on"], r["delivery"])):
            told = dict(issued=_day(row["issued_on"]), due=_day(row["due_on"]), amount=row["amount"])
            told |= dict(known=_day(row["known_on"]), replaced=_day(row["replaced_on"]))
            versions.setdefault(row["invoice_id"], []).append(told)
        credits_ = {name for name, told in versions.items() if any(one["amount"] <= 0 for one in told)}
        self.payments = sorted(
            (
                dict(invoice=r["invoice_id"], day=_day(r["paid_on"]), amount=r["amount"])
                for r in rows["payments"]
                if _day(r["paid_on"]) <= T
                and _day(r["known_on"]) <= T < _day(r["replaced_on"])
                and r["invoice_id"] not in credits_
            ),
            key=lambda p: p["day"],
        )
        self.events = sorted(
            (
                dict(invoice=r["invoice_id"], kind=r["kind"], day=_day(r["occurred_on"]), known=_day(r["known_on"]))
                | dict(amount=r["amount"])
                for r in rows["events"]
                if _day(r["known_on"]) <= T and (r["kind"] == "promise" or _day(r["occurred_on"]) <= T)
            ),
            key=lambda e: e["day"],
        )
        self.invoices, self.by_id, self.first_seen = [], {}, NEVER
        for name, told in versions.items():
            for one in told:
                if one["amount"] > 0:
                    self.first_seen = min(self.first_seen, max(one["issued"], one["known"]))
            holds = [one for one in told if max(one["issued"], one["known"]) <= T < one["replaced"]]
            if holds and holds[-1]["amount"] > 0:
                holds[0]["all"] = [one for one in told if one["known"] <= T]
                mine = [p for p in self.payments if p["invoice"] == name]
                happened = [e for e in self.events if e["invoice"] == name]
                self.by_id[name] = Invoice(holds[:1] + holds[1:], mine, happened, T)
                self.invoices.append(self.by_id[name])
        self.owed = [i for i in self.invoices if not i.void]
        self.open = sum(i.open_on(T) for i in self.invoices)
        self.arrears = [i for i in self.invoices if i.arrear_on(T)]
        self.oldest = max(((T - i.due).days for i in self.arrears), default=0)
        self.bucket = 0 if not self.oldest else min(4, (self.oldest + 29) // 30)

    # ---- pieces

    def earlier(self, months: int) -> "Seen":
        return Seen(self.ledger, self.customer, back(self.T, months))

    def has(self, source: str) -> bool:
        return source in self.ledger.since and self.ledger.since[source] <= self.T

    def due_in(self, n: int, after: int = 0) -> list:
        end = self.T - days(after)
        return [i for i in self.owed if end - days(n) < i.due <= end]

    def issued_in(self, start: date, end: date | None = None) -> list:
        return [i for i in self.invoices if start < i.issued <= (end or self.T)]

    def settled_in(self, n: int, after: int = 0) -> list:
        end = self.T - days(after)
        return [i for i in self.owed if i.settle and end - days(n) < i.settle <= end]

    def overdue(self, more_than: int = 0) -> float:
        return sum(i.undisputed_on(self.T) for i in self.invoices if (self.T - i.due).days > more_than)

    def oldest_on(self, s: date) -> int:
        """oldest(s|T)."""
        return max(((s - i.due).days for i in self.invoices if i.issued <= s and i.arrear_on(s)), default=0)

    def limit_on(self, s: date, known: date | None = None) -> float:
        if not self.has_limits_on(s):
            return math.nan
        rows = [
            (r["known_on"], r["valid_from"], _day(r["valid_to"]), r["amount"])
            for r in self.rows["limits"]
            if _day(r["valid_from"]) <= s <= _day(r["valid_to"]) and _day(r["known_on"]) <= (known or s)
        ]
        return max(rows)[-1] if rows else math.nan

    def has_limits_on(self, s: date) -> bool:
        return "limits" in self.ledger.since and self.ledger.since["limits"] <= s

    def believed(self, n: int) -> list[tuple[float, float]]:
        """Open money and limit (s|s) of the last n days; the stock changes only when something becomes known."""
        told, open_ = [], None
        turns = {self.T - days(n - 1)}
        for name, own in (("invoices", "issued_on"), ("payments", "paid_on"), ("events", "occurred_on")):
            for row in self.rows[name]:
                turns |= {max(_day(row[own]), _day(row["known_on"])), _day(row.get("replaced_on"))}
        for k in range(n - 1, -1, -1):
            s = self.T - days(k)
            if s in turns:
                open_ = Seen(self.ledger, self.customer, s).open
            told.append((open_, self.limit_on(s)))
        return told

    def receipts(self, start: date, end: date | None = None) -> list[date]:
        by_day: dict[date, float] = {}
        for p in self.payments:
            if start < p["day"] <= (end or self.T):
                by_day[p["day"]] = by_day.get(p["day"], 0.0) + p["amount"]
        return sorted(day for day, money in by_day.items() if money > 0)

    def reversals(self, start: date) -> list[tuple[date, float]]:
        """Negative payments and untold bounces after a day, of the whole customer."""
        negative = [[p["invoice"], p["day"], -p["amount"], False] for p in self.payments if p["amount"] < 0]
        told = [(n[1], n[2]) for n in negative]
        for e in self.events:
            if e["kind"] == "bounced" and e["amount"] > 0:
                near = [
                    n
                    for n in negative
                    if not n[3] and n[0] == e["invoice"] and n[2] == e["amount"] and abs((n[1] - e["day"]).days) <= 7
                ]
                if near:
                    min(near, key=lambda n: abs((n[1] - e["day"]).days))[3] = True
                else:
                    told.append((e["day"], e["amount"]))
        return [one for one in told if one[0] > start]

    def collected(self, start: date) -> float:
        money = sum(p["amount"] for p in self.payments if p["day"] > start)
        negative = -sum(p["amount"] for p in self.payments if p["day"] > start and p["amount"] < 0)
        return max(0, money + negative - sum(amount for _, amount in self.reversals(start)))

    def promise_broken(self, e: dict) -> bool:
        end = e["day"] + days(3)
        mine = [e["invoice"]] if e["invoice"] else None
        came = sum(
            p["amount"]
            for p in self.payments
            if e["known"] < p["day"] <= end and (mine is None or p["invoice"] in mine)
        )
        invoices = self.by_id.values() if mine is None else [self.by_id[n] for n in mine if n in self.by_id]
        came -= sum(amount for i in invoices for on, amount in i.bounces if e["known"] < on <= end)
        promised = e["amount"]
        if promised < 0:
            promised = sum(i.open_on(e["known"]) for i in invoices)
        return came < 0.95 * promised


def _use(open_: float, limit: float) -> float:
    if math.isnan(limit):
        return math.nan
    return (10.0 if open_ > 0 else 0.0) if limit == 0 else open_ / limit


def _points(late: int) -> float:
    return float(np.interp(late, *zip(*POINTS, strict=True)))


def _by_money(invoices: list, value) -> float | str:
    worth = money = 0
    for i in invoices:
        parts = [((on - i.due).days, part) for on, part in i.slices]
        if i.settle is None:
            parts.append(((i.T - i.due).days, i.rest))
        worth += sum(value(late) * part for late, part in parts)
        money += sum(part for _, part in parts)
    return worth / money if money else "NODUE"


def _km(invoices: list) -> list[tuple[int, float]]:
    """(late, drop of the survival)."""
    survival, drops = 1.0, []
    lates = sorted({i.late for i in invoices})
    for t in lates:
        at_risk = sum(i.late >= t for i in invoices)
        events = sum(i.late == t and i.settle is not None for i in invoices)
        after = survival * (1 - events / at_risk)
        drops.append((t, survival - after if t != lates[-1] else survival))
        survival = after if t != lates[-1] else 0.0
    return drops


def _km_mean(invoices: list) -> float | str:
    return sum(t * drop for t, drop in _km(invoices)) if invoices else "NODUE"


def _km_quantile(invoices: list, q: float) -> float | str:
    if not invoices:
        return "NODUE"
    if len(invoices) < 3:
        return "FEW"
    survival = 1.0
    for t, drop in _km(invoices):
        survival -= drop
        if survival <= 1 - q + 1e-9:
            return t
    raise AssertionError("survival ends at 0")


def _share(part: float, whole: float, none: str) -> float | str:
    return part / whole if whole else none


def _few(part: float, whole: float) -> float | str:
    return part / whole if whole >= 3 else "FEW"


def _minus(now, then, none: str = "NOBASE"):
    if isinstance(now, str):
        return now
    return (
        none if isinstance(then, str) or then is None or (isinstance(then, float) and math.isnan(then)) else now - then
    )


def _present(values: list) -> list[float]:
    return [v for v in values if not isinstance(v, str) and not math.isnan(v)]


def _slope(values: list) -> float | str:
    points = [(x, y) for x, y in enumerate(values) if not isinstance(y, str) and not math.isnan(y)]
    if len(points) < 4:
        return "FEW"
    x, y = np.array(points, float).T
    return float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())


def _cut(value, low: float, high: float):
    return value if isinstance(value, str) else min(high, max(low, value))


def features(ledger, customer: str, T: date) -> dict[str, float | str]:
    """Every feature of the catalogue at T."""
    now = Seen(ledger, customer, T)
    told = _outside(now) | _peers(ledger, customer, T)
    if not now.invoices:
        names = _mine()
        nosrc = {n for n, source in SOURCES.items() if not now.has(source)}
        nolimit = {"utilisation", "util_mean_6m", "util_slope_6m"} if math.isnan(now.limit_on(T)) else set()
        value = {n: "NOSRC" if n in nosrc else "NOLIMIT" if n in nolimit else "NEW" for n in names}
        for name in ("util_max_90d", "overlimit_days_180d", "limit_chg_180d"):
            limits = _limit_features(now)[name]
            value[name] = "NOLIMIT" if limits == "NOLIMIT" else "NEW"
        if _before_ledger(now):
            value["first_inv_late"] = "NOSRC"
        return value | told
    past = [now] + [now.earlier(j) for j in range(1, 13)]
    told |= _activity(now) | _lateness(now) | _arrears(now) | _trend(now, past) | _ageing(now, past)
    told |= _limits(now, past) | _terms(now) | _mechanics(now) | _disputes(now)
    return told


SOURCES = {
    "n_extended_365d": "extensions",
    "n_bounced_365d": "events",
    "pay_after_dunning_share_365d": "events",
    "dispute_open_share": "events",
    "dispute_rate_365d": "events",
    "dispute_unfounded_share_365d": "events",
    "promise_broken_rate_365d": "events",
    "promise_broken_last": "events",
    "dunning_rate_365d": "events",
}


def _mine() -> list[str]:
    from tradecredit.features.catalogue import CATALOGUE

    return [feature.name for feature in CATALOGUE if not feature.name.startswith("ext_")]


def _onboarded(now: Seen) -> date:
    member = _member(now.ledger, now.customer, now.T)
    return _day(member[2]) if member else NEVER


def _before_ledger(now: Seen) -> bool:
    return "invoices" in now.ledger.since and _onboarded(now) < now.ledger.since["invoices"]


def _activity(now: Seen) -> dict:
    T = now.T
    last = max(i.issued for i in now.invoices)
    year = now.issued_in(back(T, 12))
    blocks = [now.issued_in(back(T, j + 1), back(T, j)) for j in range(12)]
    money = [sum(i.net for i in block) for block in blocks]
    mean = sum(money) / 12
    a = sum(i.net for i in now.issued_in(back(T, 3)))
    b = sum(i.net for i in now.issued_in(back(T, 15), back(T, 12)))
    issue_days = sorted({i.issued for i in now.issued_in(T - days(365))})
    gaps = [(later - earlier).days for earlier, later in pairwise(issue_days)]
    sizes = [i.net for i in now.issued_in(T - days(365)) if not i.void]
    largest = max((i.net for i in now.issued_in(T - days(90)) if not i.void), default=0)
    return {
        "tenure_days": (T - min(min(i.issued for i in now.invoices), _onboarded(now))).days,
        "days_since_last_inv": (T - last).days,
        "n_inv_12m": len(year),
        "amt_inv_12m": sum(i.net for i in year) / 100,
        "active_months_12m": sum(bool(block) for block in blocks),
        "amt_growth_yoy_3m": "YOUNG" if now.first_seen > back(T, 15) else _share(a - b, a + b, "DORMANT"),
        "amt_slope_12m": "YOUNG"
        if now.first_seen > back(T, 12)
        else "DORMANT"
        if not mean
        else _cut(_slope(money[::-1]) / mean, -10, 10),
        "amt_surge_1m": _cut(money[0] / mean, -10, 10) if mean else "DORMANT",
        "inv_gap_cv_365d": _cut(float(np.std(gaps, ddof=1) / np.mean(gaps)), -10, 10) if len(gaps) >= 3 else "FEW",
        "inv_gap_ratio_365d": "NOOPEN"
        if not now.open
        else _cut((T - last).days / float(np.median(gaps)), -10, 10)
        if len(gaps) >= 3
        else "FEW",
        "max_inv_to_median_365d": "DORMANT"
        if not largest
        else _cut(largest / float(np.median(sizes)), -10, 10)
        if len(sizes) >= 3
        else "FEW",
    }


def _late5_year(now: Seen) -> float | str:
    here = now.due_in(365, 6)
    return _share(sum(i.late > 5 for i in here), len(here), "NODUE")


def _latest(now: Seen) -> list:
    here = [i for i in now.owed if i.due <= now.T - days(6)]
    return sorted(here, key=lambda i: (i.due, i.late), reverse=True)[:3]


def _lateness(now: Seen) -> dict:
    T = now.T

    def share(quantity, here):
        return _share(sum(quantity(i) for i in here), sum(i.net for i in here), "NODUE")

    def late_n(k, window):
        here = now.due_in(window, k + 1)
        return _share(sum(i.late > k for i in here), len(here), "NODUE")

    def late_amt(k, window):
        return share(lambda i: i.unpaid(i.due + days(k)), now.due_in(window, k + 1))

    dues = sorted({i.due for i in now.owed if i.due <= T - days(6)}, reverse=True)
    bad = [any(i.late > 5 for i in now.owed if i.due == day) for day in dues]
    clean = next((k for k, is_bad in enumerate(bad) if is_bad), len(bad))
    dirty = next((k for k, is_bad in enumerate(bad) if not is_bad), len(bad))
    latest, year = _latest(now), now.due_in(365)
    past_due = [i for i in now.owed if i.due <= T]
    first = [i.late for i in past_due if i.due == min(j.due for j in past_due)]
    dbt = _by_money(year, lambda late: late)
    net = sum(i.net for i in year)
    terms = sum(i.net * (i.due - i.issued).days for i in year) / net if net else 0
    few = "NODUE" if not year else "FEW"
    return {
        "dbt_w_90d": _cut(_by_money(now.due_in(90), lambda late: late), -365, 365),
        "dbt_w_365d": _cut(dbt, -365, 365),
        "late_km_90d": _cut(_km_mean(now.due_in(90)), -365, 365),
        "late_median_180d": _cut(_km_quantile(now.due_in(180), 0.5), -365, 365),
        "late_p90_365d": _cut(_km_quantile(year, 0.9), -365, 365),
        "late_std_365d": _cut(float(np.std([i.late for i in year], ddof=1)), -365, 365) if len(year) >= 3 else few,
        "late_share_n_365d": late_n(0, 365),
        "late_share_amt_365d": late_amt(0, 365),
        "late5_share_n_90d": late_n(5, 90),
        "late5_share_n_365d": late_n(5, 365),
        "late30_share_amt_180d": late_amt(30, 180),
        "late60_share_amt_365d": late_amt(60, 365),
        "early_share_amt_365d": share(lambda i: i.net - i.unpaid(i.due - days(3)), year),
        "paydex_like_365d": _by_money(year, _points),
        "on_time_streak": clean if dues else "NODUE",
        "late_streak": dirty if dues else "NODUE",
        "last3_late_mean": "NODUE"
        if not latest
        else "FEW"
        if len(latest) < 3
        else _cut(sum(i.late for i in latest) / 3, -365, 365),
        "first_inv_late": "NOSRC" if _before_ledger(now) else _cut(max(first), -365, 365) if first else "NODUE",
        "dbt_to_terms_365d": dbt
        if isinstance(dbt, str)
        else "NOBASE"
        if terms < 1
        else _cut(_cut(dbt, -365, 365) / terms, -10, 10),
    }


def _arrears(now: Seen) -> dict:
    T = now.T
    first = min(i.issued for i in now.invoices)
    oldest = {T - days(k): now.oldest_on(T - days(k)) for k in range(max(365, (T - first).days + 1))}
    year = {s: dpd for s, dpd in oldest.items() if s > T - days(365)}
    worst = max(year.values())
    over60 = [s for s, dpd in oldest.items() if dpd > 60]
    return {
        "late90_ever": float(any(dpd > 90 for dpd in oldest.values())),
        "days_since_60dpd": (T - max(over60)).days if over60 else "NEVER",
        "worst_dpd_90d": min(365, max(dpd for s, dpd in year.items() if s > T - days(90))),
        "worst_dpd_180d": min(365, max(dpd for s, dpd in year.items() if s > T - days(180))),
        "worst_dpd_365d": min(365, worst),
        "days_since_worst_365d": (T - max(s for s, dpd in year.items() if dpd == worst)).days if worst else "NEVER",
        "days_over30_365d": sum(dpd > 30 for dpd in year.values()),
    }


def _trend(now: Seen, past: list[Seen]) -> dict:
    T = now.T
    km = [_cut(_km_mean(seen.due_in(90)), -365, 365) if seen.invoices else "NEW" for seen in past]
    quarters, before = _present([km[3], km[6], km[9]]), _present(km[3:])
    buckets = [seen.bucket for seen in past]

    def late5(n, before):
        here = now.due_in(n, 6 + before)
        return _share(sum(i.unpaid(i.due + days(5)) for i in here), sum(i.net for i in here), "NODUE")

    def early(n, before):
        here = now.due_in(n, before)
        return _share(sum(i.net - i.unpaid(i.due - days(3)) for i in here), sum(i.net for i in here), "NODUE")

    latest, year = _latest(now), _late5_year(now)
    then = past[1]
    above = [(n, i) for n, i in then.by_id.items() if i.undisputed_on(then.T) > max(EPS, REST * i.owed)]

    def bucket(i):
        dpd = (i.T - i.due).days
        return 0 if dpd <= 0 else min(4, (dpd + 29) // 30)

    slipped = sum(
        n in now.by_id
        and now.by_id[n].undisputed_on(T) > max(EPS, REST * now.by_id[n].owed)
        and bucket(now.by_id[n]) > bucket(i)
        for n, i in above
    )
    overdue = [(n, i.undisputed_on(then.T)) for n, i in then.by_id.items() if (then.T - i.due).days >= 1]
    base = sum(money for _, money in overdue)
    rest = sum(min(money, now.by_id[n].undisputed_on(T)) for n, money in overdue if n in now.by_id)
    overdue_share = _share(now.overdue(), now.open, "NOOPEN")
    then_share = _share(past[3].overdue(), past[3].open, "NOOPEN")
    faded = [(2.0 ** (-(T - i.due).days / 60), i) for i in now.owed if i.due <= T - days(6)]
    return {
        "late_chg_3m": _minus(km[0], sum(quarters) / len(quarters) if quarters else "NOBASE"),
        "late_slope_6m": _slope(km[5::-1]),
        "late_z_12m": km[0]
        if isinstance(km[0], str)
        else "FEW"
        if len(before) < 6
        else _cut((km[0] - np.mean(before)) / max(2.0, np.std(before, ddof=1)), -10, 10),
        "late5_share_chg_90d": _minus(late5(90, 0), late5(275, 90)),
        "last3_minus_mean_365d": year
        if isinstance(year, str)
        else "NODUE"
        if not latest
        else "FEW"
        if len(latest) < 3
        else sum(i.late > 5 for i in latest) / 3 - year,
        "early_share_chg_90d": _minus(early(90, 0), early(275, 90)),
        "worst_bucket_chg_3m": "YOUNG" if now.first_seen > back(T, 3) else buckets[0] - buckets[3],
        "roll_up_count_6m": "YOUNG"
        if now.first_seen > back(T, 6)
        else sum(buckets[j] > buckets[j + 1] for j in range(6)),
        "cure_count_12m": "YOUNG"
        if now.first_seen > back(T, 12)
        else sum(buckets[j] == 0 and buckets[j + 1] >= 2 for j in range(12)),
        "slipped_share_1m": _share(slipped, len(above), "NOBASE"),
        "roll_share_1m": _share(rest, base, "NOBASE"),
        "overdue_share_chg_3m": _minus(overdue_share, then_share),
        "ewma_late5": _share(
            sum(w * i.unpaid(i.due + days(5)) for w, i in faded), sum(w * i.net for w, i in faded), "NODUE"
        ),
    }


def _ageing(now: Seen, past: list[Seen]) -> dict:
    T = now.T
    overdue, start = now.overdue(), back(T, 3)
    sales, collected = sum(i.net for i in now.issued_in(start)), now.collected(start)
    weighted = sum(i.undisputed_on(T) * (T - i.due).days for i in now.invoices if i.due < T)
    settled = sorted(i.late for i in now.settled_in(365))
    usual = max(0, settled[math.ceil(0.9 * len(settled) - 1e-9) - 1]) if settled else 0
    countback = 0
    if now.open:
        countback = next((n for n in range(1, 366) if sum(i.net for i in now.issued_in(T - days(n))) >= now.open), 365)
    peak = max(seen.open for seen in past)
    return {
        "open_amt": now.open / 100,
        "overdue_share": _share(overdue, now.open, "NOOPEN"),
        "over30_share": _share(now.overdue(30), now.open, "NOOPEN"),
        "over60_share": _share(now.overdue(60), now.open, "NOOPEN"),
        "over90_share": _share(now.overdue(90), now.open, "NOOPEN"),
        "wavg_dpd_overdue": _cut(weighted / overdue, -365, 365) if overdue else 0.0,
        "oldest_dpd": min(365, now.oldest),
        "n_overdue": len(now.arrears),
        "beyond_usual_dpd": 0
        if not now.oldest
        else "FEW"
        if len(settled) < 3
        else _cut(max(0, now.oldest - usual), -365, 365),
        "dso_3m": _cut((T - start).days * now.open / sales, -365, 365) if sales else "DORMANT",
        "overdue_days_sales_3m": _cut((T - start).days * overdue / sales, -365, 365) if sales else "DORMANT",
        "countback_dso": countback,
        "cei_3m": _share(collected, collected + overdue, "NOBASE"),
        "open_to_peak_12m": _share(now.open, peak, "NOBASE"),
        "collected_to_billed_3m": _cut(collected / sales, -10, 10) if sales else "DORMANT",
    }


def _limit_features(now: Seen) -> dict:
    T = now.T
    told = [(open_, limit) for open_, limit in now.believed(180)]
    known = [_use(open_, limit) for open_, limit in told[-90:] if not math.isnan(limit)]
    told = [(open_, limit) for open_, limit in told if not math.isnan(limit)]
    a, b = now.limit_on(T), now.limit_on(T - days(180))
    return {
        "util_max_90d": _cut(max(known), -10, 10) if known else "NOLIMIT",
        "overlimit_days_180d": sum(open_ > limit for open_, limit in told) if told else "NOLIMIT",
        "limit_chg_180d": "NOLIMIT" if math.isnan(a) or math.isnan(b) else (a - b) / (a + b) if a + b else 0.0,
    }


def _limits(now: Seen, past: list[Seen]) -> dict:
    def use(seen):
        limit = now.limit_on(seen.T)
        if math.isnan(limit):
            return "NOLIMIT"
        return _cut(_use(seen.open, limit), -10, 10) if seen.invoices else "NEW"

    uses = [use(seen) for seen in past[:6]]
    return _limit_features(now) | {
        "utilisation": uses[0],
        "util_mean_6m": uses[0] if isinstance(uses[0], str) else float(np.mean(_present(uses))),
        "util_slope_6m": "NOLIMIT" if uses[0] == "NOLIMIT" else _cut(_slope(uses[::-1]), -10, 10),
    }


def _terms(now: Seen) -> dict:
    T = now.T

    def terms(n, after=0):
        end = T - days(after)
        here = [i for i in now.issued_in(end - days(n), end) if not i.void]
        money = sum(i.net for i in here)
        return _share(sum(i.net * (i.due - i.issued).days for i in here), money, "DORMANT")

    extended = [i for i in now.invoices if i.extended and i.extended > T - days(365)]
    return {
        "terms_w_365d": terms(365),
        "terms_chg_90d": _minus(terms(90), terms(275, 90)),
        "n_extended_365d": len(extended) if now.has("extensions") else "NOSRC",
    }


def _mechanics(now: Seen) -> dict:
    T = now.T
    ever, year = now.receipts(date.min), now.receipts(T - days(365))
    gaps = [(later - earlier).days for earlier, later in pairwise(year)]
    silence = ratio = 0.0
    if now.oldest:
        oldest = T - days(now.oldest)
        silence = (T - max([*ever[-1:], oldest])).days
        ratio = _cut((T - ever[-1]).days / float(np.median(gaps)), -10, 10) if len(gaps) >= 3 else "FEW"

    def parts(here):
        many = [len({on for on, _ in i.slices if on <= i.settle}) >= 2 for i in here]
        return _few(sum(many), len(many))

    settled = now.settled_in(365)
    short = [i.rest > max(EPS, 0.005 * i.net) for i in settled]
    recent, before = now.receipts(T - days(90)), now.receipts(T - days(365), T - days(90))
    weekdays = [sum(d.weekday() == w for d in before) for w in range(7)]
    usual = weekdays.index(max(weekdays))
    off = "FEW" if min(len(recent), len(before)) < 3 else sum(d.weekday() != usual for d in recent) / len(recent)
    late = [i for i in settled if i.settle > i.due]
    dunnings = [e for e in now.events if e["kind"] == "dunning"]

    def reminded(i):
        name = next(n for n, one in now.by_id.items() if one is i)
        return sum(e["invoice"] in ("", name) and i.due < e["day"] <= i.settle for e in dunnings) >= 2

    has = now.has("events")
    return {
        "silence_in_arrears_days": silence,
        "pay_gap_ratio_365d": ratio,
        "part_pay_share_365d": parts(settled),
        "part_pay_chg_90d": _minus(parts(now.settled_in(90)), parts(now.settled_in(275, 90)), "FEW"),
        "short_paid_share_365d": _few(sum(short), len(short)),
        "off_run_share_90d": off,
        "n_bounced_365d": len(now.reversals(T - days(365))) if has else "NOSRC",
        "pay_after_dunning_share_365d": _few(sum(map(reminded, late)), len(late)) if has else "NOSRC",
    }


def _disputes(now: Seen) -> dict:
    T = now.T
    year = now.issued_in(T - days(365))
    undisputed = sum(i.undisputed_on(T) for i in now.invoices)
    disputed = [any(e["kind"] == "dispute_opened" for e in i.events) for i in year]
    closed = []
    for e in now.events:
        if e["kind"] == "dispute_opened" and e["invoice"]:
            mine = [x for x in now.events if x["invoice"] == e["invoice"] and x["day"] >= e["day"]]
            ends = [x["day"] for x in mine if x["kind"] == "dispute_closed"]
            if ends and min(ends) > T - days(365):
                closed.append(not any(x["kind"] == "credit_note" and x["amount"] > 0 for x in mine))
    promises = [e for e in now.events if e["kind"] == "promise" and e["day"] + days(3) <= T]
    judged = [e for e in promises if e["day"] + days(3) > T - days(365)]
    latest = [e for e in promises if e["day"] == max(p["day"] for p in promises)]
    fell_due = now.due_in(365)
    sent = sum(e["kind"] == "dunning" and e["day"] > T - days(365) for e in now.events)
    told = {
        "dispute_open_share": _share(now.open - undisputed, now.open, "NOOPEN"),
        "dispute_rate_365d": _few(sum(disputed), len(disputed)),
        "dispute_unfounded_share_365d": _share(sum(closed), len(closed), "NOBASE"),
        "promise_broken_rate_365d": _share(sum(map(now.promise_broken, judged)), len(judged), "NOBASE"),
        "promise_broken_last": float(any(map(now.promise_broken, latest))) if latest else "NOBASE",
        "dunning_rate_365d": _cut(_share(sent, len(fell_due), "NODUE"), -10, 10),
    }
    if not now.has("events"):
        told = dict.fromkeys(told, "NOSRC")
    rate = _share(sum(i.credits for i in year), sum(i.amount for i in year), "DORMANT")
    told["credit_note_rate_365d"] = _cut(rate, -10, 10)
    return told


def _outside(now: Seen) -> dict:
    from tradecredit.features.catalogue.outside import ADVERSE, SIGNALS

    has, told = now.has("signals"), {}

    def latest(source, name, T):
        rows = [
            (_day(r["observed_on"]), _day(r["known_on"]), r["value"])
            for r in now.rows["signals"]
            if (r["source"], r["name"]) == (source, name) and max(_day(r["observed_on"]), _day(r["known_on"])) <= T
        ]
        return max(rows) if rows else None

    for signal in SIGNALS:
        newest = latest(signal.source, signal.name, now.T)
        before = latest(signal.source, signal.name, now.T - days(180))
        age = (now.T - newest[0]).days if newest else 0
        value = "NOSRC" if not has else "NOBASE" if not newest else "STALE" if age > 400 else newest[2]
        old = not before or (now.T - days(180) - before[0]).days > 400
        told[f"ext_{signal.feature}"] = value
        told[f"ext_{signal.feature}_age_days"] = "NOSRC" if not has else age if newest else "NOBASE"
        changed = "NOBASE" if old else "STALE" if value == "STALE" else None
        told[f"ext_{signal.feature}_chg_180d"] = value if value in ("NOSRC", "NOBASE") else changed or value - before[2]
    adverse = sum(
        (r["source"], r["name"]) in ADVERSE
        and r["value"] > 0
        and now.T - days(365) < _day(r["observed_on"]) <= now.T
        and _day(r["known_on"]) <= now.T
        for r in now.rows["signals"]
    )
    told["ext_adverse_365d"] = adverse if has else "NOSRC"
    return told


def _member(ledger, customer: str, T: date) -> tuple[str, str, date | None] | None:
    """Segment, group and day of onboarding as known at T."""
    if ledger.memberships is None:
        row = ledger.customers.set_index("customer_id").loc[customer]
        return row["segment"], row["group_id"], _plain(row["onboarded_on"])
    rows = ledger.memberships[ledger.memberships["customer_id"] == customer].to_dict("records")
    known = [(_plain(r["known_on"]) or date.min, r["segment"], r["group_id"], _plain(r["onboarded_on"])) for r in rows]
    known = [one for one in known if one[0] <= T]
    return max(known, key=lambda one: one[0])[1:] if known else None


def _a_year(ledger, customer: str, T: date) -> tuple[bool, bool]:
    """Was it exposed and not in default a year before T, and did a trigger hold since (told customer by customer)?"""
    key = ("year", customer, T)
    held = ledger.__dict__.setdefault("_oracle", {})
    if key not in held:
        facts, who, to = facts_of(ledger.of_customers([customer])), np.array([0]), np.array([day_number(T)])
        counted = bool(observe(facts, who, to - 365, USUAL.exposure, USUAL.default)[0] == Status.OBSERVED)
        fell = Defaults(facts, USUAL.default).triggered(who, after=to - 365, to=to, known_by=to).any()
        held[key] = counted, counted and bool(fell)
    return held[key]


def _peers(ledger, customer: str, T: date) -> dict:
    everybody = {c: Seen(ledger, c, T) for c in ledger.customers["customer_id"]}
    member = {c: _member(ledger, c, T) for c in everybody}
    late = {c: _lateness(now)["dbt_w_365d"] if now.invoices else "NEW" for c, now in everybody.items()}
    mine = member[customer]
    others = [c for c in everybody if c != customer]
    alike = [c for c in others if not (mine and mine[0]) or (member[c] and member[c][0] == mine[0])]
    told = [float(np.float32(late[c])) for c in alike if not isinstance(late[c], str)]
    if len(told) < 20:
        told = [float(np.float32(late[c])) for c in others if not isinstance(late[c], str)]
    against = _minus(late[customer], float(np.median(told)) if told else "NOBASE")
    year = {c: _a_year(ledger, c, T) for c in others}
    n, d = (sum(year[c][k] for c in alike) for k in (0, 1))
    all_n, all_d = (sum(year[c][k] for c in others) for k in (0, 1))
    group = [everybody[c] for c in others if mine and mine[1] and member[c] and member[c][1] == mine[1]]
    open_ = sum(now.open for now in group)
    overdue = sum(i.undisputed_on(T) for now in group for i in now.invoices if (T - i.due).days >= 1)
    return {
        "dbt_vs_segment_365d": _cut(against, -365, 365),
        "segment_default_rate_365d": (d + 20 * all_d / all_n) / (n + 20) if all_n else "NOBASE",
        "group_overdue_share": _share(overdue, open_, "NOOPEN") if group else "NOGROUP",
    }
