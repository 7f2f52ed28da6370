"""A night's ratings as pandas, LightGBM and `to_sql` tell them most directly: a peer for `scoring.py`.

    python straightforward.py rate BUNDLE FEATURES STORE
    python straightforward.py tell LEDGER DAY

`rate` is given the bundle's features: PDs by `predict`, contributions by `pred_contrib`, grades, and of each customer
the reasons that the bundle tells, in both languages; then it writes ratings and reasons with `to_sql`. `tell` tells
twenty features of a plain ledger (see features.py).
"""

import sys
from datetime import date
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import peers
import sqlalchemy as sa

from tradecredit.features.calendar import month_ends
from tradecredit.features.engine.days import day_number
from tradecredit.features.matrix import Matrix
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.sentences import beside_usual


def main() -> None:
    """One of the two."""
    what, *words = sys.argv[1:]
    {"rate": rate, "tell": tell}[what](*words)


def tell(ledger: str, day: str) -> None:
    """Twenty features at the end of the month."""
    ends = [day_number(one) for one in month_ends(date(2000, 1, 1), date.fromisoformat(day))]
    peers.with_pandas(Path(ledger), [(ends[-1], ends[-4], ends[-13])])


def rate(folder: str, features: str, store: str) -> None:
    """Rate those of whom features are given."""
    bundle, matrix = load_bundle(Path(folder)), Matrix.read(Path(features))
    system = bundle.system
    rows = pd.DataFrame(system.model.encoding.rows(matrix), columns=system.model.encoding.names)
    boosters = [lgb.Booster(model_str=text) for text in system.model.texts]
    log_odds = np.mean([one.predict(rows, raw_score=True) for one in boosters], axis=0)
    raw = np.mean([one.predict(rows, pred_contrib=True) for one in boosters], axis=0)[:, :-1]
    log_odds = system.calibration.apply(log_odds)
    points = pd.DataFrame(-system.points.factor * system.model.encoding.fold(raw), columns=matrix.names)
    table = pd.DataFrame(
        {
            "customer_id": matrix.keys["customer_id"],
            "pd": system.pd(log_odds),
            "score": system.score(log_odds),
            "grade": system.scale.grade(log_odds),
        }
    )
    usual = bundle.reference.usual_of(matrix.keys["segment"].to_numpy(object), matrix.names)
    reasons = []
    for row, customer in enumerate(table["customer_id"]):
        own = points.iloc[row]
        order = own.sort_values()
        chosen = [
            *order[order < 0].index[: bundle.reasons.adverse],
            *order[order > 0].index[::-1][: bundle.reasons.favourable],
        ]
        for place, name in enumerate(chosen):
            k = matrix.place(name)
            value, missing = float(matrix.values[row, k]), int(matrix.missing[row, k])
            en, zh = beside_usual(matrix.features[k], value, missing, float(usual[row, k]), float(own[name]))
            reasons.append((customer, place, name, own[name], value, en, zh))
    engine = sa.create_engine(f"sqlite:///{store}")
    table.to_sql("ratings", engine, index=False, if_exists="append")
    columns = ["customer_id", "place", "feature", "points", "value", "en", "zh"]
    pd.DataFrame(reasons, columns=columns).to_sql("reasons", engine, index=False, if_exists="append")
    print(f"{len(table)} ratings, {len(reasons)} reasons")


if __name__ == "__main__":
    main()
