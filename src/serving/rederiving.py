"""Re-deriving: the ratings of a run told anew from the archived bundle and ledger, and compared to the bit."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from ..errors import Mistake
from ..features.ledger import delivered, read_about
from .bundle import Bundle
from .nightly import on_scale
from .scoring import score_parts
from .store import tables
from .store.history import earlier_of, ratings_of
from .store.store import Store


def rederive(
    store: Store,
    run_id: int,
    bundle: Bundle,
    folder: Path,
    *,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> tuple[int, list[str]]:
    """How many ratings a run holds, and the customers of which any part is told otherwise now.

    Raises
    ------
    Mistake
        There is no such run, or it was made with another bundle or from other deliveries.
    """
    u = tables.runs.c
    with store.reading() as connection:
        run = connection.execute(sa.select(tables.runs).where(u.run_id == run_id)).one_or_none()
    if run is None:
        raise Mistake(f"{store.name}: holds no run {run_id}; 'tradecredit history' shows the runs of a customer.")
    if run.bundle != bundle.fingerprint:
        raise Mistake(f"run {run_id} was made with bundle {run.bundle[:12]}, not with {bundle.fingerprint[:12]}.")
    about = read_about(folder)
    if delivered(about) != run.ledger:
        raise Mistake(f"run {run_id} was made from other deliveries than {folder} holds; name the archived ledger.")
    earlier = on_scale(earlier_of(store, run.earlier_run), bundle.system.scale.names) if run.earlier_run else None
    parts = []
    for number, _, scored in score_parts(bundle, folder, run.as_of, earlier=earlier):
        parts.append(scored.table)
        progress(number + 1, about["partitions"])
    now, then = pa.concat_tables(parts).combine_chunks(), ratings_of(store, run_id).combine_chunks()
    if now.equals(then):
        return len(then), []
    told, was = ({row["customer_id"]: repr(row) for row in one.to_pylist()} for one in (now, then))
    return len(then), [one for one in dict.fromkeys([*was, *told]) if told.get(one) != was.get(one)]
