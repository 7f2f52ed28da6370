"""The nightly job: every customer of a ledger rated into the store, exactly once, and what came of it."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import Mistake
from ..features.ledger import delivered, read_about
from ..features.observations import STATUS_TEXT, Status
from ..features.publishing import ASIDE
from ..models.rating import DEFAULTED
from .batch import check_name, publish, write_parts
from .bundle import Bundle
from .earlier import Earlier
from .early_warning import SEVERITIES
from .scored import Scored
from .scoring import score_parts
from .store.alerts import by_severity
from .store.history import earlier_ratings, ratings_of
from .store.provenance import trusted_keys
from .store.recording import RunKey, record, recorded
from .store.store import Store


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    run_id : int
    already : bool
        The same bundle, day and ledger had been rated before: nothing was written.
    status : dict of Status to int
        How many customers have which; all together are the customers of the ledger.
    upgrades, downgrades : int
        Of customers that had a published grade before and have another now; into default is a downgrade.
    alerts : dict of str to int
        New warnings by severity.
    """

    run_id: int
    already: bool
    status: dict[Status, int]
    upgrades: int
    downgrades: int
    alerts: dict[str, int]

    def lines(self) -> Iterator[str]:
        """For the log."""
        rated = self.status.get(Status.OBSERVED, 0)
        total = sum(self.status.values())
        yield f"run {self.run_id}{' was there already; nothing was written' if self.already else ''}"
        yield f"{total} customers in the ledger = {rated} rated + {total - rated} not rated"
        for status, many in self.status.items():
            if status is not Status.OBSERVED:
                yield f"{many:>8,} x {STATUS_TEXT[status][0]}"
        yield f"{self.upgrades} upgraded, {self.downgrades} downgraded since the run before"
        told = ", ".join(f"{self.alerts[one]} {one}" for one in reversed(SEVERITIES) if one in self.alerts)
        yield f"new warnings: {told or 'none'}"


def rate(
    bundle: Bundle,
    folder: Path,
    as_of: date,
    store: Store,
    *,
    out: Path | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Outcome:
    """Rate a ledger into a store, and into a file too where one is named.

    The ratings are first told to a file aside, partition by partition, and then recorded in one transaction; then the
    file is published. Whatever stops the job, the store holds the run whole or not at all, no file is there that the
    store does not know, and the same command completes it. Grades that were published before are those of the store's
    last run of an earlier day.

    Raises
    ------
    Mistake
        The store asks for a signature that the bundle was not verified to have.
    Busy
        Another job is writing; it is named.
    Unavailable
        The disk or the database failed.
    """
    if out:
        check_name(out)
        if store.sqlite and out.resolve() == Path(store.engine.url.database or "").resolve():
            raise Mistake(f"--out {out}: is the store itself; name another file.")
        out.parent.mkdir(parents=True, exist_ok=True)
    about = read_about(folder)
    key = RunKey(bundle.fingerprint, delivered(about), as_of)
    names = bundle.system.scale.names
    with store.only_writer():
        refuse_unsigned(bundle, store)
        with _aside(store, out) as file:
            run_id = recorded(store, key)
            already = run_id is not None
            if run_id is not None:
                write_parts(file, iter([ratings_of(store, run_id)]))
            else:
                run_id = _rate(bundle, folder, key, store, file, about["customers"], progress)
            shown = pq.read_table(file, columns=["status", "published", "previous"])
            if out:
                publish(file, out)
    return _outcome(store, run_id, already, shown, names)


def _rate(
    bundle: Bundle,
    folder: Path,
    key: RunKey,
    store: Store,
    file: Path,
    customers: int,
    progress: Callable[[int, int], None],
) -> int:
    """Tell the ratings to a file, then record it; returns the number of the run."""
    earlier_run, earlier = earlier_ratings(store, key.as_of)
    people: dict[str, str] = {}
    names, partitions = bundle.system.scale.names, read_about(folder)["partitions"]

    def tables() -> Iterator[pa.Table]:
        for number, _, scored in score_parts(bundle, folder, key.as_of, earlier=on_scale(earlier, names)):
            people.update(_names(scored))
            yield scored.table
            progress(number + 1, partitions)

    rows = write_parts(file, tables())
    if rows != customers:
        raise RuntimeError(f"{rows} ratings of {customers} customers of {folder}")
    return record(
        store,
        key,
        file,
        about=bundle.about | {"grades": list(names)},
        names=people,
        earlier_run=earlier_run,
        cool_downs={name: rule.cool_down_days for name, rule in bundle.warnings.items()},
        signed_by=bundle.signed_by,
    )


@contextmanager
def _aside(store: Store, out: Path | None) -> Iterator[Path]:
    """A file for ratings that are not published yet; what a killed job left there, the next one overwrites."""
    beside = out or (Path(store.engine.url.database or "") if store.sqlite else None)
    if beside is None:
        with tempfile.TemporaryDirectory(prefix="tradecredit-") as folder:
            yield Path(folder) / "ratings.parquet"
        return
    own = hashlib.sha256(store.name.encode()).hexdigest()[:8]  # two stores may publish under one name
    file = beside.with_name(f".{beside.name}.{own}.ratings{ASIDE}")
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def refuse_unsigned(bundle: Bundle, store: Store) -> None:
    """Raise `Mistake` if the store asks for a signature that the bundle was not verified to have."""
    trusted = trusted_keys(store)
    if trusted is not None and bundle.signed_by not in {one.id for one in trusted}:
        raise Mistake(
            f"{store.name}: takes ratings of signed bundles only, and {bundle.fingerprint[:12]} was not verified to be "
            "signed by a key that it trusts."
        )


def on_scale(earlier: Earlier | None, names: tuple[str, ...]) -> Earlier | None:
    """Grades of another scale are no grades of this one: they are not kept, and what moved is still told."""
    if earlier is None:
        return None
    known = earlier.table["published"].isin([*names, DEFAULTED, ""])
    return Earlier(earlier.table.assign(published=earlier.table["published"].where(known, "")))


def _names(scored: Scored) -> dict[str, str]:
    ids, names = (scored.customers[column].tolist() for column in ("customer_id", "name"))
    return {str(one): str(name or one) for one, name in zip(ids, names, strict=True)}


def _outcome(store: Store, run_id: int, already: bool, told: pa.Table, names: tuple[str, ...]) -> Outcome:
    values, counts = np.unique(np.asarray(told["status"].to_pylist(), str), return_counts=True)
    status = {Status[one.upper()]: int(many) for one, many in zip(values, counts, strict=True)}
    rank = {grade: place for place, grade in enumerate((*names, DEFAULTED))}
    now, before = (
        np.array([rank.get(one, -1) for one in told[name].to_pylist()]) for name in ("published", "previous")
    )
    both = (now >= 0) & (before >= 0)
    return Outcome(
        run_id,
        already,
        dict(sorted(status.items())),
        int((both & (now < before)).sum()),
        int((both & (now > before)).sum()),
        by_severity(store, run_id),
    )
