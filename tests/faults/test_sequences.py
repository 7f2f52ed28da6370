"""Any order of nights, corrections, decisions, failures, backups and restores leaves a store that holds together."""

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tradecredit.errors import Mistake
from tradecredit.serving.batch import score_ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.store import bulk
from tradecredit.serving.store.audit import audit
from tradecredit.serving.store.backup import back_up
from tradecredit.serving.store.decisions import decisions_of, override, withdraw_override
from tradecredit.serving.store.history import earlier_ratings, history
from tradecredit.serving.store.recording import RunKey, record, recorded
from tradecredit.serving.store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.faults]
DAYS = st.integers(0, 5).map(lambda n: date(2022, 1, 1) + timedelta(days=n))
LEDGERS, BUNDLES = st.sampled_from(["first", "corrected"]), st.sampled_from(["a" * 64, "b" * 64])
TODAY = datetime.now(UTC).date()


class Store(RuleBasedStateMachine):
    """A store, and beside it what a dict would hold."""

    ratings: pa.Table  # of a few customers; set by the test
    empty: Path

    def __init__(self):
        super().__init__()
        self.place = Path(mkdtemp(prefix="tradecredit-sequence-"))
        shutil.copy(self.empty, self.place / "ratings.db")
        self.store = open_store(str(self.place / "ratings.db"))
        self.runs, self.decisions, self.kept, self.backups = [], {}, None, 0
        self.customers = self.ratings["customer_id"].to_pylist()

    @initialize(day=DAYS)
    def first_night(self, day):
        self.night(day, "first", "a" * 64)

    @rule(day=DAYS, ledger=LEDGERS, bundle=BUNDLES)
    def night(self, day, ledger, bundle):
        """The same again changes nothing; a corrected delivery or another bundle is another run."""
        key = RunKey(bundle, ledger, day)
        run_id = self._write(key)
        if key not in self.runs:
            self.runs.append(key)
        assert run_id == self.runs.index(key) + 1

    @rule(day=DAYS, ledger=LEDGERS, bundle=BUNDLES, at=st.integers(1, 4))
    def night_that_fails(self, day, ledger, bundle, at):
        """Whatever write fails, nothing of the run stays."""
        key, calls, true = RunKey(bundle, ledger, day), [], bulk.write

        def failing(*words):
            calls.append(words)
            if len(calls) == at:
                raise MemoryError
            true(*words)

        bulk.write = failing
        try:
            self._write(key)
        except MemoryError:
            assert key not in self.runs
            assert recorded(self.store, key) is None
        else:
            self.runs += [] if key in self.runs else [key]
        finally:
            bulk.write = true

    @rule(who=st.integers(0, 4), grade=st.sampled_from(["A1", "E2"]), days=st.integers(0, 300))
    def decide(self, who, grade, days):
        one = self.customers[who]
        override(self.store, one, grade, until=TODAY + timedelta(days=days), by="B. Head", reason="a guarantee")
        self.decisions.setdefault(one, []).append(grade)

    @rule(who=st.integers(0, 4))
    def take_back(self, who):
        one = self.customers[who]
        if self.decisions.get(one, [None])[-1] is None:
            with pytest.raises(Mistake, match="nothing to withdraw"):
                withdraw_override(self.store, one, by="B. Head", reason="paid")
            return
        withdraw_override(self.store, one, by="B. Head", reason="paid")
        self.decisions[one].append(None)

    @rule(table=st.sampled_from(["runs", "ratings", "reasons", "pages", "decisions", "bundles"]))
    def tamper(self, table):
        """Nothing that was written goes away."""
        with self.store.engine.begin() as connection:
            many = connection.scalar(sa.text(f"SELECT COUNT(*) FROM {table}"))
            if many:
                with pytest.raises(sa.exc.DBAPIError, match="history"):
                    connection.execute(sa.text(f"DELETE FROM {table}"))

    @rule()
    def open_anew(self):
        self.store.engine.dispose()
        self.store = open_store(str(self.place / "ratings.db"))

    @rule()
    def backup(self):
        self.backups += 1
        file = self.place / f"backup-{self.backups}.db"
        back_up(self.store, file)
        self.kept = (file, list(self.runs), {one: list(told) for one, told in self.decisions.items()})

    @precondition(lambda self: self.kept)
    @rule()
    def restore(self):
        """All that was there when the backup was made is there again."""
        self.store.engine.dispose()
        for file in self.place.glob("ratings.db*"):
            file.unlink()
        shutil.copy(self.kept[0], self.place / "ratings.db")
        self.runs, self.decisions = list(self.kept[1]), {one: list(told) for one, told in self.kept[2].items()}
        self.store = open_store(str(self.place / "ratings.db"))

    @invariant()
    def holds_together(self):
        assert list(audit(self.store)) == []
        one = self.customers[0]
        told = history(self.store, one) if self.runs else []
        meant = sorted((key.as_of, number) for number, key in enumerate(self.runs, start=1))
        assert [(entry.valid_from, entry.run_id) for entry in told] == meant
        assert [entry.superseded for entry in told] == [
            any(day == later and number > run for later, number in meant) for day, run in meant
        ]
        days = sorted({day for day, _ in meant})
        assert [entry.valid_to for entry in told] == [
            next((later for later in days if later > day), None) for day, _ in meant
        ]
        for customer, grades in self.decisions.items():
            assert [decision.grade for decision in decisions_of(self.store, customer)] == grades

    def _write(self, key):
        told = self.ratings.set_column(1, "as_of", pa.array([key.as_of] * len(self.ratings), pa.date32()))
        place = told.column_names.index("bundle")
        pq.write_table(
            told.set_column(place, "bundle", pa.array([key.bundle] * len(told))), self.place / "night.parquet"
        )
        return record(
            self.store,
            key,
            self.place / "night.parquet",
            about={"grades": ["A1", "E2"]},
            names=dict.fromkeys(self.customers, "A company"),
            earlier_run=earlier_ratings(self.store, key.as_of)[0],
            cool_downs={},
        )

    def teardown(self):
        self.store.engine.dispose()
        shutil.rmtree(self.place)


@pytest.fixture
def machine(walked, tmp_path):
    bundle = load_bundle(walked / "artifacts/bundle")
    score_ledger(bundle, walked / "data/ledger", date(2022, 12, 31), tmp_path / "all.parquet")
    open_store(str(tmp_path / "empty.db"), fresh=True).engine.dispose()
    table = pq.read_table(tmp_path / "all.parquet")
    rated = table.filter(pa.compute.is_valid(table["pd"])).slice(0, 4)
    Store.ratings = pa.concat_tables([rated, table.filter(pa.compute.is_null(table["pd"])).slice(0, 2)])
    Store.empty = tmp_path / "empty.db"
    return Store


def test_any_sequence_of_operations_keeps_the_promises(machine):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("TRADECREDIT_SEQUENCES", "120")),
            stateful_step_count=30,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
