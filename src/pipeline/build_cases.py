"""Build the case page of each strategic customer, with what changed since the end of the month before."""

from datetime import timedelta

import numpy as np
import pyarrow as pa

from ..features.ledger import Ledger, read_about
from ..features.observations import as_day
from ..serving.book import Book
from ..serving.bundle import load_bundle
from ..serving.case_page import file_name, render, render_index
from ..serving.cases import Case, gather
from ..serving.earlier import Earlier
from ..serving.scoring import score_parts
from .build_ledger import LedgerRecipe
from .stage import Stage, run


def main(stage: Stage) -> None:
    """Write artifacts/cases: a page each, an index, and the riskiest one's name."""
    bundle, folder = load_bundle(stage.read("bundle")), stage.read("ledger")
    as_of = as_day("ledger.as_of", stage.recipe("ledger", LedgerRecipe).as_of)
    before = as_of.replace(day=1) - timedelta(days=1)
    month_ago = pa.concat_tables([scored.table for _, _, scored in score_parts(bundle, folder, before)])
    parts = list(score_parts(bundle, folder, as_of, earlier=Earlier.of_ratings(month_ago), ids=True))
    about = read_about(folder)
    book = Book.of(bundle.system.scale, [scored for _, _, scored in parts])
    cases: list[Case] = []
    for number, facts, scored in parts:
        places = np.flatnonzero(scored.customers["is_strategic"].to_numpy(bool)).tolist()
        if places:
            ledger = Ledger.of_partition(folder, about, number)
            cases += gather(scored, ledger, facts, places, book)
    cases.sort(
        key=lambda case: (case.rating.pd is None, -(case.rating.pd or 0.0), not case.rating.grade, case.customer_id)
    )
    out = stage.path("cases")
    out.mkdir(parents=True, exist_ok=True)
    for case in cases:
        (out / file_name(case.customer_id)).write_text(render(case, scale=bundle.system.scale.names), encoding="utf-8")
    (out / "index.html").write_text(render_index(cases), encoding="utf-8")
    stage.say(
        f"  {len(cases)} cases in {out}" + (f", the riskiest: {file_name(cases[0].customer_id)}" if cases else "")
    )


if __name__ == "__main__":
    run(main)
