"""The example ledger: a make-believe book of business customers whose truth is known.

Each customer has a latent financial health that moves with macro, industry and its own shocks. Health drives
orders, lateness, part payments, bounces, broken promises and, in the end, failure. Health is not in the ledger;
the truth (`truth.parquet`) tells for each customer and month end the probability, given its hidden state, that the
default outcome falls into the next 365 days. Only `validate` reads it, after the champion is chosen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ..errors import Mistake
from . import world as w
from .calendar import month_ends
from .engine.days import EPOCH, day_number

Array = npt.NDArray
HORIZON = 365
FLOOR = 500.0  # EUR of unpaid money that make a default, as in the default definition
DPD = 91
_CHUNK = 4_000
_NEVER = 10**6
_LAG_GRID = np.arange(0, 720, 5)
_HEALTH_GRID = np.linspace(-5.5, 5.5, 133)


@dataclass(frozen=True)
class ExampleRecipe:
    """The size of the book: the section `example` of params.yaml."""

    customers: int = 3000
    months: int = 84
    seed: int = 7
    start: str = "2018-01-01"

    def __post_init__(self) -> None:
        if self.customers < 1 or self.months < 1:
            raise Mistake(
                f"example: customers and months should be at least 1, got {self.customers} and {self.months}."
            )


def write_example(
    folder: Path, recipe: ExampleRecipe, *, form: str = "csv", progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Write customers, invoices, payments, events, limits, signals (CSV or Parquet) and truth.parquet.

    The same recipe gives the same bytes; customers are made in chunks, so memory does not grow with them.

    Parameters
    ----------
    form : {"csv", "parquet"}
    progress : callable
        Is told (customers done, customers in all).
    """
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"{folder}: is a file; name a folder for the example.")
    folder.mkdir(parents=True, exist_ok=True)
    world, curves = _World(recipe), _lag_curves(recipe.seed)
    writers = {"truth": _Writer(folder, "truth", _TRUTH, "parquet")}
    for chunk, first in enumerate(range(0, recipe.customers, _CHUNK)):
        many = min(_CHUNK, recipe.customers - first)
        tables, state = _Chunk(world, chunk, first, many).tables()
        for name, table in tables.items():
            if name not in writers:
                writers[name] = _Writer(folder, name, table.schema, form)
            writers[name].write(table)
        writers["truth"].write(world.truth(state, curves))
        progress(first + many, recipe.customers)
    for writer in writers.values():
        writer.close()


class _Writer:
    def __init__(self, folder: Path, name: str, schema: pa.Schema, form: str) -> None:
        path = folder / f"{name}.{form}"
        self._to = (
            pacsv.CSVWriter(path, schema, write_options=pacsv.WriteOptions(quoting_style="needed"))
            if (form == "csv")
            else pq.ParquetWriter(path, schema, compression="zstd")
        )

    def write(self, table: pa.Table) -> None:
        self._to.write_table(table)

    def close(self) -> None:
        self._to.close()


_TRUTH = pa.schema([("customer_id", pa.string()), ("as_of", pa.date32()), ("pd", pa.float64())])


class _World:
    """What all customers share: the calendar, the shocks, and how failure follows from health."""

    def __init__(self, recipe: ExampleRecipe) -> None:
        self.seed, self.months = recipe.seed, recipe.months
        start = date.fromisoformat(recipe.start)
        last = start + timedelta(days=31 * recipe.months)
        self.ends = np.array([day_number(day) for day in month_ends(start, last)[: recipe.months]])
        self.starts = np.r_[day_number(start), self.ends[:-1] + 1]
        self.end = int(self.ends[-1])
        rng = np.random.default_rng([recipe.seed, 0])
        self.macro = rng.standard_normal(recipe.months)
        self.industry = rng.standard_normal((len(w.INDUSTRIES), recipe.months))

    def hazard(self, log_base: Array, health: Array) -> Array:
        return np.minimum(w.HAZARD_CAP, np.exp(log_base - w.HEALTH_TO_HAZARD * health))

    def failure_months(self, log_base: float) -> Array:
        """(grid, 13): probability to fail in the m-th month from now, given health now."""
        grid, phi = _HEALTH_GRID, w.PERSISTENCE
        step = grid[1] - grid[0]
        move = np.exp(-0.5 * (grid[None, :] - phi * grid[:, None]) ** 2 / (1 - phi**2)) * step
        move /= move.sum(axis=1, keepdims=True)
        hazard = self.hazard(np.full_like(grid, log_base), grid)
        fails = np.empty((len(grid), 13))
        ahead = hazard
        for month in range(13):
            fails[:, month] = move @ ahead  # health moves first, then the month's failure is drawn
            ahead = (1 - w.CHURN) * (1 - hazard) * fails[:, month]
        return fails

    def truth(self, state: dict[str, Array], curves: Array) -> pa.Table:
        """The probability of the outcome for each customer that is there at each month end."""
        health, base, cell = state["health"], state["log_base"], state["cell"]
        alive, failed_on = state["alive"], state["failed_on"]
        told = np.zeros(health.shape)
        at = np.clip((health - _HEALTH_GRID[0]) / (_HEALTH_GRID[1] - _HEALTH_GRID[0]), 0, len(_HEALTH_GRID) - 1.001)
        low = at.astype(int)
        left = HORIZON - 30.44 * (np.arange(13) + 0.5)
        for key in np.unique(np.column_stack([base, cell]), axis=0):
            mine = np.flatnonzero((base == key[0]) & (cell == key[1]))
            seen = np.interp(left, _LAG_GRID, curves[int(key[1])], left=0.0)
            curve = self.failure_months(float(key[0])) @ seen
            share = at[mine] - low[mine]
            told[mine] = curve[low[mine]] * (1 - share) + curve[low[mine] + 1] * share
        # who has failed already, and no outcome was seen yet
        since = self.ends[None, :] - failed_on[:, None]
        failed = since >= 0
        rows = curves[cell]
        for customer, month in zip(*np.nonzero(failed & alive), strict=True):
            past, ahead = np.interp(
                [since[customer, month], since[customer, month] + HORIZON], _LAG_GRID, rows[customer]
            )
            told[customer, month] = (ahead - past) / max(1e-9, 1 - past)
        told[self.ends[None, :] >= state["left"][:, None]] = 0.0  # who has left owes nothing
        customer, month = np.nonzero(alive)
        ids = state["ids"][customer]
        days = pa.array(self.ends[month].astype("int32"), pa.date32())
        return pa.table([pa.array(ids, pa.string()), days, told[customer, month]], schema=_TRUTH)


# A cell: customers alike in what decides how soon a failure is seen (levels of orders a month, terms, invoice size).
_ORDERS = np.geomspace(0.06, 12, 10)
_TERMS = np.array([18, 27, 36, 45, 60, 75, 90, 105])
_SIZES = np.geomspace(150, 60_000, 9)
_FAILURES_A_CELL = 800


def _cell(orders: Array, terms: Array, size: Array) -> Array:
    """The cell of each customer: the nearest level of each."""
    places = [
        np.abs(np.log(values[:, None] / levels[None, :])).argmin(axis=1)
        for values, levels in ((orders, _ORDERS), (terms.astype(float), _TERMS), (size, _SIZES))
    ]
    return np.ravel_multi_index(places, (len(_ORDERS), len(_TERMS), len(_SIZES)))


def _lag_curves(seed: int) -> Array:
    """(cells, grid): probability that the default shows in the ledger within so many days of the failure.

    Simulated for each cell from the laws of the world, not from the customers drawn: what a failing customer has
    unpaid when it stops paying, and when the first 500 EUR of it are 91 days past due or the filing is known.
    """
    rng = np.random.default_rng([seed, 2])
    curves = np.empty((len(_ORDERS) * len(_TERMS) * len(_SIZES), len(_LAG_GRID)))
    usual = -w.HEALTH_TO_HAZARD  # mean health of those who fail
    strain = w.STRAIN_DAYS * (w.STRAIN_FROM - usual) ** w.STRAIN_POWER
    late = max(0.0, w.DISCIPLINE_MEAN + 1 + strain + w.CHANCE_SHAPE * w.CHANCE_SCALE * (1 + strain / 15))
    for cell in range(len(curves)):
        o, t, z = np.unravel_index(cell, (len(_ORDERS), len(_TERMS), len(_SIZES)))
        before = _TERMS[t] + late
        rate = _ORDERS[o] * np.exp(0.12 * usual) / 30.44
        many = rng.poisson(rate * (before + w.ORDERS_AFTER_FAILURE_DAYS), _FAILURES_A_CELL)
        run = np.repeat(np.arange(_FAILURES_A_CELL), many)
        issued = rng.uniform(-before, w.ORDERS_AFTER_FAILURE_DAYS, len(run))
        money = _SIZES[z] * np.exp(rng.normal(0, 0.6, len(run)))
        order = np.lexsort((issued, run))
        run, due, total = run[order], issued[order] + _TERMS[t], np.cumsum(money[order])
        start = np.concatenate([[0.0], total])[np.searchsorted(run, run)]
        material = total - start >= FLOOR
        seen = np.full(_FAILURES_A_CELL, float(_NEVER))
        np.minimum.at(seen, run[material], due[material] + DPD)
        filed = np.where(
            rng.random(_FAILURES_A_CELL) < w.FILES, 30 + rng.exponential(60, _FAILURES_A_CELL) + 11, _NEVER
        )
        curves[cell] = np.searchsorted(np.sort(np.minimum(seen, filed)), _LAG_GRID, side="right") / _FAILURES_A_CELL
    return curves


class _Chunk:
    """Some thousand customers, all columns at once."""

    def __init__(self, world: _World, chunk: int, first: int, many: int) -> None:
        self.world, self.n = world, many
        self.rng = np.random.default_rng([world.seed, 1, chunk])
        self.number = np.arange(first, first + many)
        self.ids = np.array([f"C{k:07d}" for k in self.number], object)

    def tables(self) -> tuple[dict[str, pa.Table], dict[str, Array]]:
        self._people()
        self._health()
        self._orders()
        self._payments()
        self._trouble()
        tables = {
            "customers": self._customers_table(),
            "invoices": self._invoices_table(),
            "payments": self._payments_table(),
            "events": self._events_table(),
            "limits": self._limits_table(),
            "signals": self._signals_table(),
        }
        ends = self.world.ends
        there = ends[None, :] >= self.joined[:, None]
        state = {
            "ids": self.ids,
            "health": self.health,
            "log_base": np.round(self.log_base, 9),
            "cell": self.cell,
            "failed_on": self.failed_on,
            "left": self.left,
            "alive": there & (ends[None, :] < self.seen_on[:, None]),
        }
        return tables, state

    def _people(self) -> None:
        rng, n = self.rng, self.n
        segments, industries, countries = (
            list(w.SEGMENTS.values()),
            list(w.INDUSTRIES.values()),
            list(w.COUNTRIES.values()),
        )
        self.segment = rng.choice(len(segments), n, p=[s.share for s in segments])
        self.industry = rng.choice(len(industries), n, p=[i[0] for i in industries])
        self.country = rng.choice(len(countries), n, p=[c[0] for c in countries])
        pick = np.array([[s.hazard, s.orders, s.size, s.habit] for s in segments])[self.segment]
        self.log_base = np.log(pick[:, 0]) + np.array([i[1] for i in industries])[self.industry]
        self.appetite = pick[:, 1] * rng.gamma(1.4, 1 / 1.4, n)
        self.size = pick[:, 2] * np.exp(rng.normal(0, 0.7, n))
        self.discipline = (
            w.DISCIPLINE_MEAN
            + pick[:, 3]
            + np.array([i[2] for i in industries])[self.industry]
            + np.array([c[2] for c in countries])[self.country]
            + rng.normal(0, w.DISCIPLINE_SPREAD, n)
        )
        usual = np.array([c[1] for c in countries])[self.country]
        self.terms = np.rint(usual * rng.choice(w.TERMS_SPREAD, n)).astype(int)
        self.cell = _cell(self.appetite, self.terms, self.size)
        late_comer = rng.random(n) < w.JOINS_LATER
        span = max(1, self.world.end - self.world.starts[0] - 60)
        self.joined = np.where(late_comer, self.world.starts[0] + rng.integers(0, span, n), self.world.starts[0])
        stays = rng.geometric(w.CHURN, n) * 30.44
        self.left = (self.joined + stays).astype(int)
        self.strategic = (rng.random(n) < w.STRATEGIC / 0.20) & np.isin(self.segment, (2, 3))
        self.onboarded = np.where(late_comer, self.joined, self.joined - rng.integers(100, 3000, n))

    def _health(self) -> None:
        rng, n, months = self.rng, self.n, self.world.months
        own = np.sqrt(1 - w.MACRO_WEIGHT**2 - w.INDUSTRY_WEIGHT**2)
        shock = (
            w.MACRO_WEIGHT * self.world.macro
            + w.INDUSTRY_WEIGHT * self.world.industry[self.industry]
            + own * rng.standard_normal((n, months))
        )
        self.health = np.empty((n, months))
        health = rng.standard_normal(n)
        for month in range(months):
            health = w.PERSISTENCE * health + np.sqrt(1 - w.PERSISTENCE**2) * shock[:, month]
            self.health[:, month] = health
        hazard = self.world.hazard(self.log_base[:, None], self.health)
        there = (self.world.starts[None, :] >= self.joined[:, None]) & (self.world.ends[None, :] < self.left[:, None])
        fails = there & (rng.random((n, months)) < hazard)
        month = fails.argmax(axis=1)
        day = self.world.starts[month] + rng.integers(0, 28, n)
        self.failed_on = np.where(fails.any(axis=1), day, _NEVER)
        self.left = np.where(self.failed_on < _NEVER, _NEVER, self.left)
        self.bust_out = (rng.random(n) < w.BUST_OUT) & (self.failed_on < _NEVER)

    def _orders(self) -> None:
        rng, world = self.rng, self.world
        season = 1 + 0.15 * np.sin(2 * np.pi * (np.arange(world.months) % 12) / 12)
        rate = self.appetite[:, None] * np.exp(0.12 * self.health) * season
        stop = np.minimum(self.left, self.failed_on + w.ORDERS_AFTER_FAILURE_DAYS)
        near = (world.ends[None, :] > self.failed_on[:, None] - 75) & (
            world.ends[None, :] < self.failed_on[:, None] + 31
        )
        rate = np.where(near & self.bust_out[:, None], 3 * rate, rate)
        rate *= (world.ends[None, :] >= self.joined[:, None]) & (world.starts[None, :] < stop[:, None])
        many = rng.poisson(rate)
        customer, month = np.nonzero(many)
        repeat = many[customer, month]
        customer, month = np.repeat(customer, repeat), np.repeat(month, repeat)
        length = world.ends[month] - world.starts[month] + 1
        issued = world.starts[month] + np.floor(rng.random(len(month)) * length).astype(int)
        keep = (issued >= self.joined[customer]) & (issued < stop[customer])
        self.customer, self.month, self.issued = customer[keep], month[keep], issued[keep]
        order = np.lexsort((self.issued, self.customer))
        self.customer, self.month, self.issued = self.customer[order], self.month[order], self.issued[order]
        amount = self.size[self.customer] * np.exp(rng.normal(0, 0.6, len(order)))
        self.amount = np.maximum(1000, np.rint(amount * 100)).astype(np.int64)
        self.due = self.issued + self.terms[self.customer]

    def _payments(self) -> None:
        """When each invoice would be paid if its customer lives, in one or two parts; failure cuts it off."""
        rng, m = self.rng, len(self.customer)
        due_month = np.minimum(np.searchsorted(self.world.ends, self.due), self.world.months - 1)
        health = self.health[self.customer, due_month]
        strain = w.STRAIN_DAYS * np.maximum(0, w.STRAIN_FROM - health) ** w.STRAIN_POWER
        chance = rng.gamma(w.CHANCE_SHAPE, w.CHANCE_SCALE, m)
        late = self.discipline[self.customer] + strain + chance * (1 + strain / 15)
        self.late = np.clip(np.rint(late), w.EARLIEST, w.LATEST).astype(int)
        self.strained = health < -1.2
        self.disputed = rng.random(m) < w.DISPUTED
        self.dispute_days = rng.integers(15, 50, m)
        self.noted = (rng.random(m) < w.CREDIT_NOTE) | (self.disputed & (rng.random(m) < 0.5))
        self.note = np.where(self.noted, np.rint(self.amount * rng.uniform(0.02, 0.15, m)), 0).astype(np.int64)
        self.dispute_on = self.due + rng.integers(-10, 6, m)
        # a dispute holds the payment up, but not beyond LATEST days of its own
        wait = np.where(self.disputed, self.dispute_on + self.dispute_days + 2 - self.due, w.EARLIEST)
        self.late = np.maximum(self.late, wait)
        pay = np.maximum(self.issued + 1, self.due + self.late)
        pay += np.array([0, 0, 0, 0, 0, 2, 1])[(pay + 3) % 7]  # 1970-01-01 was a Thursday: no pay runs at weekends
        parts = (rng.random(m) < w.PARTIAL * np.where(self.strained, 4, 1)) & ~self.disputed
        first = np.where(parts, np.rint(self.amount * rng.uniform(0.3, 0.7, m)), 0).astype(np.int64)
        first_on = pay - rng.integers(7, 28, m)
        parts &= first_on > self.issued
        first = np.where(parts, first, 0)
        rest = self.amount - first - self.note
        invoice = np.r_[np.flatnonzero(parts), np.arange(m)]
        day = np.r_[first_on[parts], pay]
        money = np.r_[first[parts], rest]
        fails = self.failed_on[self.customer[invoice]]
        straggler = rng.random(len(invoice)) < w.PART_AFTER_FAILURE
        after = day >= fails
        money = np.where(after, np.rint(money * 0.15), money).astype(np.int64)
        real = (~after | (straggler & (day < fails + 60))) & (money > 0)
        bounce = real & ~after & (rng.random(len(invoice)) < w.BOUNCED * np.where(self.strained[invoice], 6, 1))
        again = np.flatnonzero(bounce)
        self.bounce_invoice, self.bounce_day, self.bounce_money = invoice[again], day[again] + 3, money[again]
        again = again[day[again] + 12 < fails[again]]  # who fails meanwhile does not pay a second time
        self.pay_invoice = np.r_[invoice[real], invoice[again]]
        self.pay_day = np.r_[day[real], day[again] + 12]
        self.pay_money = np.r_[money[real], money[again]]
        self.pay_known = self.pay_day + rng.integers(0, w.POSTING_DAYS + 1, len(self.pay_day))

    def _trouble(self) -> None:
        """What is left unpaid by failures, and the day on which the outcome is first seen in the ledger."""
        paid = np.bincount(self.pay_invoice, self.pay_money, minlength=len(self.customer))
        paid -= np.bincount(self.bounce_invoice, self.bounce_money, minlength=len(self.customer))
        self.unpaid = np.maximum(0, self.amount - self.note - paid)
        failed = self.failed_on[self.customer] < _NEVER
        bad = np.flatnonzero(failed & (self.unpaid > 0.05 * self.amount))
        order = bad[np.lexsort((self.due[bad], self.customer[bad]))]
        owner = self.customer[order]
        total = np.cumsum(self.unpaid[order])
        start = np.r_[True, owner[1:] != owner[:-1]] if len(order) else np.zeros(0, bool)
        base = np.repeat((total - self.unpaid[order])[start], np.diff(np.r_[np.flatnonzero(start), len(order)]))
        material = (total - base) >= FLOOR * 100
        self.seen_on = np.full(self.n, _NEVER)
        np.minimum.at(self.seen_on, owner[material], self.due[order[material]] + DPD)
        files = (self.rng.random(self.n) < w.FILES) & (self.failed_on < _NEVER)
        lag = (30 + self.rng.exponential(60, self.n)).astype(int)
        self.filed_on = np.where(files, self.failed_on + lag, _NEVER)
        self.filed_known = self.filed_on + self.rng.integers(3, 20, self.n)
        self.seen_on = np.minimum(self.seen_on, np.where(files, self.filed_known, _NEVER))
        self.lost = bad

    def _material(self, customer: Array) -> Array:
        """Does each of these customers leave enough unpaid for a default?"""
        owed = np.bincount(self.customer[self.lost], self.unpaid[self.lost], minlength=self.n)
        return owed[customer] >= FLOOR * 100

    # ---- tables: what the company's books show by the last day

    def _customers_table(self) -> pa.Table:
        here = self.joined <= self.world.end
        name = np.array(
            [
                f"{list(w.INDUSTRIES)[i].title()} {list(w.COUNTRIES)[c]} {k:05d}"
                for i, c, k in zip(self.industry, self.country, self.number, strict=True)
            ],
            object,
        )
        return pa.table(
            {
                "customer_id": self.ids[here],
                "name": name[here],
                "segment": np.array(list(w.SEGMENTS), object)[self.segment[here]],
                "country": np.array(list(w.COUNTRIES), object)[self.country[here]],
                "industry": np.array(list(w.INDUSTRIES), object)[self.industry[here]],
                "onboarded_on": _date(self.onboarded[here]),
                "is_strategic": self.strategic[here],
            }
        )

    def _invoices_table(self) -> pa.Table:
        first = self.number[0] * 1000
        self.invoice_ids = np.array([f"I{first + k:010d}" for k in range(len(self.customer))], object)
        return pa.table(
            {
                "invoice_id": self.invoice_ids,
                "customer_id": self.ids[self.customer],
                "issued_on": _date(self.issued),
                "due_on": _date(self.due),
                "amount": _euro(self.amount),
                "currency": pa.array(["EUR"] * len(self.customer)),
                "known_on": _date(self.issued),
            }
        )

    def _payments_table(self) -> pa.Table:
        invoice = np.r_[self.pay_invoice, self.bounce_invoice]
        day = np.r_[self.pay_day, self.bounce_day]
        known = np.r_[self.pay_known, self.bounce_day + 1]
        money = np.r_[self.pay_money, -self.bounce_money]
        order = np.lexsort((day, invoice))
        order = order[known[order] <= self.world.end]
        ids = [f"P{self.invoice_ids[i][1:]}{k % 100:02d}" for k, i in enumerate(invoice[order])]
        return pa.table(
            {
                "payment_id": pa.array(_unique(ids)),
                "invoice_id": self.invoice_ids[invoice[order]],
                "paid_on": _date(day[order]),
                "amount": _euro(money[order]),
                "known_on": _date(known[order]),
            }
        )

    def _events_table(self) -> pa.Table:
        rng, customer = self.rng, self.customer
        every = np.arange(len(customer))
        noted = every[self.noted & (self.note > 0)]
        disputed = every[self.disputed]
        late = every[(self.late > 15) & ~self.disputed & (rng.random(len(every)) < w.PROMISE)]
        given = self.due[late] + 12
        lost = self.lost
        agency = lost[self.due[lost] + w.COLLECTION_AFTER <= self.world.end]
        agency = agency[self._material(customer[agency])]  # nobody goes to an agency for less
        agency = agency[np.unique(customer[agency], return_index=True)[1]] if len(agency) else agency
        off = self.due[lost] + w.WRITE_OFF_AFTER
        filers = np.flatnonzero(self.filed_on < _NEVER)
        dispute_end = self.dispute_on[disputed] + self.dispute_days[disputed]
        blocks = [
            ("credit_note", customer[noted], noted, self.due[noted] - 2, self.due[noted], self.note[noted]),
            (
                "dispute_opened",
                customer[disputed],
                disputed,
                self.dispute_on[disputed],
                self.dispute_on[disputed] + 1,
                None,
            ),
            ("dispute_closed", customer[disputed], disputed, dispute_end, dispute_end + 1, None),
            ("promise", customer[late], late, given + rng.integers(5, 20, len(late)), given, None),
            (
                "agency",
                customer[agency],
                None,
                self.due[agency] + w.COLLECTION_AFTER,
                self.due[agency] + w.COLLECTION_AFTER + 1,
                None,
            ),
            ("write_off", customer[lost], lost, off, off + 2, self.unpaid[lost].astype(np.int64)),
            ("insolvency", filers, None, self.filed_on[filers], self.filed_known[filers], None),
        ]
        who, on, kind, day, known, amount = [], [], [], [], [], []
        for name, owner, invoice, occurred, told, money in blocks:
            seen = (told <= self.world.end) & ((occurred <= self.world.end) | (name == "promise"))
            if invoice is not None:
                seen &= (occurred >= self.issued[invoice]) | (name != "dispute_opened")
            who.append(self.ids[owner[seen]])
            on.append(self.invoice_ids[invoice[seen]] if invoice is not None else np.full(int(seen.sum()), "", object))
            kind += [name] * int(seen.sum())
            day.append(occurred[seen])
            known.append(told[seen])
            amount.append(np.full(int(seen.sum()), -1) if money is None else money[seen])
        cents = np.concatenate(amount)
        text = _euro(cents).to_pylist()
        return pa.table(
            {
                "customer_id": np.concatenate(who),
                "invoice_id": np.concatenate(on),
                "kind": pa.array(kind, pa.string()),
                "occurred_on": _date(np.concatenate(day)),
                "known_on": _date(np.concatenate(known)),
                "amount": pa.array(["" if c < 0 else t for c, t in zip(cents, text, strict=True)], pa.string()),
            }
        )

    def _limits_table(self) -> pa.Table:
        """A limit at the first business and every year, by the customer's usual billing; one in ten has none."""
        rng = self.rng
        usual = self.appetite * self.size * np.exp(0.18) * (0.5 + self.terms / 30.4)
        has = rng.random(self.n) > 0.10
        who, start, amount = [], [], []
        for year in range(int(self.world.months / 12) + 1):
            day = self.joined + 365 * year
            month = np.clip(np.searchsorted(self.world.ends, day), 0, self.world.months - 1)
            mood = np.exp(0.10 * self.health[np.arange(self.n), month] + rng.normal(0, 0.25, self.n))
            limit = np.ceil(np.maximum(1_000, w.LIMIT_MONTHS * usual * mood) / 500) * 500
            live = has & (day <= self.world.end) & (day < np.minimum(self.left, self.failed_on))
            who.append(np.flatnonzero(live))
            start.append(day[live])
            amount.append(limit[live])
        customer, day, limit = np.concatenate(who), np.concatenate(start), np.concatenate(amount)
        return pa.table(
            {
                "customer_id": self.ids[customer],
                "valid_from": _date(day),
                "valid_to": pa.nulls(len(day), pa.date32()),
                "amount": _euro((limit * 100).astype(np.int64)),
                "known_on": _date(day),
            }
        )

    def _signals_table(self) -> pa.Table:
        """A bureau's score every quarter: health seen late and through noise."""
        rng, world = self.rng, self.world
        who, month = np.meshgrid(np.arange(self.n), np.arange(2, world.months, 3), indexing="ij")
        score = 300 + 60 * self.health[who, month - 2] + rng.normal(0, 55, who.shape)
        day = np.broadcast_to(world.ends[month], who.shape)
        there = (day >= self.joined[:, None]) & (day < np.minimum(self.left, self.failed_on)[:, None])
        there &= day + 10 <= world.end
        return pa.table(
            {
                "customer_id": self.ids[who[there]],
                "source": pa.array(["bureau"] * int(there.sum()), pa.string()),
                "name": pa.array(["score"] * int(there.sum()), pa.string()),
                "value": np.clip(np.rint(score[there]), 100, 600),
                "observed_on": _date(day[there]),
                "known_on": _date(day[there] + 10),
            }
        )


def _unique(ids: list[str]) -> list[str]:
    return [f"{name}-{k}" for k, name in enumerate(ids)] if len(set(ids)) < len(ids) else ids


def _date(days: Array) -> pa.Array:
    return pa.array(np.asarray(days, np.int32), pa.int32()).cast(pa.date32())


def _euro(cents: Array) -> pa.Array:
    """Cents as exact decimal text, as an export writes it."""
    whole = pa.array(np.asarray(cents, np.int64), pa.int64()).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(19, 2), len(whole), whole.buffers()).cast(pa.string())


assert EPOCH.weekday() == 3  # the pay runs count on it
