"""Versions: what a delivery tells against what the ledger has; new, told again, restated, left out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..mapping import required
from ..schemas import OWN_DATE
from .conversions import Days, Flags, Ints
from .rows import ints, plain, texts, where_of
from .run import Found, Lines, Run
from .sieve import same
from .spool import Index


def place_before(was: pa.RecordBatch, key: str, ids: pa.StringArray) -> Ints:
    """The row of the ledger that now holds for each id; -1 where it has none."""
    current = np.flatnonzero(ints(was.column("replaced_in")) == 0)
    hit = Index(was.column(key).take(pa.array(current))).place_of(ids)
    place = np.full(len(ids), -1, np.int64)
    place[hit >= 0] = current[hit[hit >= 0]]
    return place


def compare(
    run: Run,
    found: Found,
    table: str,
    was: pa.RecordBatch,
    ids: pa.StringArray,
    content: dict[str, Any],
    stands: Flags,
    lines: Lines,
    derived: Sequence[str] = (),
) -> tuple[Ints, Flags]:
    """Where the ledger has each row that stands (-1: it has not), and where it has something else.

    `derived` are columns that follow from other rows: a change of theirs alone is no restatement of this one.
    """
    file, place = run.files[table], place_before(was, required(table)[0], ids)
    place[~stands] = -1
    differs, restated = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    there = np.flatnonzero(place >= 0)
    for name, column in content.items():
        theirs = plain(was.column(name))
        if isinstance(column, pa.Array):
            other = where_of(pc.not_equal(column.take(pa.array(there)), theirs.take(pa.array(place[there]))))
        else:
            other = column[there] != theirs[place[there]]
        differs[there] |= other
        if name not in derived:
            restated[there] |= other
    found.notice("RESTATED", file, restated, lines)
    repaired = run.close_entries(found, table, ids, lines, stands)
    late = stands & (place < 0) & (content[OWN_DATE[table]] <= run.before.data_end) & ~repaired
    found.notice("LATE_ARRIVAL", file, late, lines)
    held = was.column(required(table)[0]).filter(pc.equal(was.column("replaced_in"), 0))
    lost = held.filter(pc.invert(pc.is_in(held, value_set=ids)))
    fell = pc.is_in(lost, value_set=texts(run.fallen.get(table, set())))
    found.vanished[table] = len(lost) - int(where_of(fell).sum())
    return place, differs


def replaced(run: Run, was: pa.RecordBatch, place: Ints, known: Days) -> pa.RecordBatch:
    """The ledger's rows, those at `place` marked as replaced by what became known on these days."""
    on, by = ints(was.column("replaced_on")).copy(), ints(was.column("replaced_in")).copy()
    on[place], by[place] = known, run.number
    marked = {"replaced_on": pa.array(on), "replaced_in": pa.array(by)}
    columns = [marked.get(name, was.column(name)) for name in was.schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=was.schema)


def told_before(
    run: Run,
    found: Found,
    table: str,
    was: pa.RecordBatch,
    content: dict[str, Any],
    stands: Flags,
    lines: Lines,
) -> Flags:
    """Rows without an id that the ledger has already, word for word."""
    names: Sequence[str] = list(content)
    if table == "limits" and table not in run.raw:  # those of the customers' table: only a changed one is new
        names = ["customer", "amount"]
        was = was.take(pa.array(_latest(was)))
    both = [
        np.concatenate([ints(was.column(name)), content[name]])
        if isinstance(content[name], np.ndarray)
        else pa.concat_arrays([plain(was.column(name)), content[name]])
        for name in names
    ]
    group = same(both)
    if group is None:
        group = np.arange(len(was) + len(lines))
    theirs, ours = group[: len(was)], group[len(was) :]
    known = np.isin(ours, theirs)
    if table in run.raw:
        late = stands & ~known & (content[OWN_DATE[table]] <= run.before.data_end)
        if table == "events":
            late &= ~where_of(pc.equal(content["kind"], "promise"))
        found.notice("LATE_ARRIVAL", run.files[table], late, lines)
        found.vanished[table] = int((~np.isin(theirs, ours[stands])).sum())
    return known


def _latest(limits: pa.RecordBatch) -> Ints:
    """The row that became known last of each customer."""
    who, when = ints(limits.column("customer")), ints(limits.column("known_on"))
    order = np.lexsort([when, who])
    return order[np.append(who[order][1:] != who[order][:-1], True)[: len(order)]]
