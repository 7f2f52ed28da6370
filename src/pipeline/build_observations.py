"""Observe every customer at every month end, and see what became of it."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from ..errors import Mistake
from ..features.default import TRIGGERS, DefaultRecipe
from ..features.engine.days import day_number
from ..features.engine.loading import facts_of
from ..features.ledger import Ledger
from ..features.observations import ObservationRecipe, Status, observe
from ..features.outcomes import outcomes
from .stage import Stage, progress, run


def main(stage: Stage) -> None:
    """Write the observations with their outcomes, and how many each rule removed."""
    recipe, default = stage.recipe("observations", ObservationRecipe), stage.recipe("outcome", DefaultRecipe)
    folder = stage.read("ledger")
    end = Ledger.read(folder, partition=0).data_end
    if recipe.days()[-1] > end:
        raise Mistake(f"params.yaml: observations.last '{recipe.last}' lies after the ledger's last day, {end}.")
    days, counts = np.array([day_number(day) for day in recipe.days()]), Counter[str]()
    parts, tell = [], None
    for done, ledger in enumerate(Ledger.read_partitions(folder), start=1):
        facts, tell = facts_of(ledger), tell or progress("partitions", ledger.partitions)
        customer, as_of = np.tile(np.arange(facts.n), len(days)), np.repeat(days, facts.n)
        status = observe(facts, customer, as_of, recipe, default)
        counts.update(Status(int(code)).name.lower() for code in status)
        seen = status == Status.OBSERVED
        told = outcomes(facts, customer[seen], as_of[seen], default)
        rows = facts.customers[["customer_id"]].iloc[customer[seen]].reset_index(drop=True)
        rows = rows.assign(segment=facts.segment_of(customer[seen], as_of[seen]))
        rows = rows.assign(as_of=pd.to_datetime(as_of[seen], unit="D").astype("datetime64[s]"), bad=told.bad)
        rows = rows.assign(**{f"bad_{days}d": bad for days, bad in told.within.items()})
        parts.append(rows.join(pd.DataFrame(told.by_trigger, columns=list(TRIGGERS))))
        tell(done)
    table = pd.concat(parts).sort_values(["as_of", "customer_id"], ignore_index=True)
    stage.write("observations", table)
    stage.report("observations", _figures(table, counts))
    stage.say(f"  {len(table)} observations, {int(table['bad'].sum())} bad, {int(table['bad'].isna().sum())} immature")


def _figures(table: pd.DataFrame, counts: Counter[str]) -> dict[str, Any]:
    by_day = table.groupby("as_of")["bad"].agg(n="size", n_bad="sum", immature=lambda bad: int(bad.isna().sum()))
    return {
        "looked_at": sum(counts.values()),
        "removed": {status.name.lower(): counts[status.name.lower()] for status in Status if status},
        "observed": len(table),
        "bad": int(table["bad"].sum()),
        "good": int((table["bad"] == 0).sum()),
        "immature": int(table["bad"].isna().sum()),
        "bads_by_trigger": {name: int(table[name].sum()) for name in TRIGGERS},
        "bads_by_one_trigger_alone": {
            name: int((table[name] & (table[list(TRIGGERS)].sum(axis=1) == 1)).sum()) for name in TRIGGERS
        },
        "by_day": [
            {
                "as_of": str(day.date()),
                "n": int(row.n),
                "n_bad": int(np.nan_to_num(row.n_bad)),
                "immature": int(row.immature),
            }
            for day, row in by_day.iterrows()
        ],
    }


if __name__ == "__main__":
    run(main)
