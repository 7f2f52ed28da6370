"""Validate both models on every slice; the champion is chosen already and test decides nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..features.matrix import Matrix
from ..models.logistic import logit
from ..models.metrics import roc
from ..models.rating import RatingSystem
from ..models.validation import by_grade, calibration_curve, quality
from .build_ledger import LedgerRecipe
from .lessons import observed, terms
from .stage import Stage, run
from .systems import systems

NAIVE = "worst_dpd_365d"  # what a clerk would sort by
_SHOWN = ("tune", "test")


def main(stage: Stage) -> None:
    """Write reports/metrics.json (a DVC metric), the grades, and the data of the plots."""
    (known, champion), (matrix, slices) = systems(stage), observed(stage)
    log_odds = {name: system.log_odds(matrix) for name, system in known.items()}
    where = {name: (slices["slice"] == name).to_numpy() for name in ("train", "tune", "test")}
    where["test_new"] = slices["unseen"].to_numpy(bool)
    bad, customer = slices["bad"].to_numpy("float64"), slices["customer_id"].to_numpy(object)

    def told(score: np.ndarray, here: np.ndarray) -> dict[str, Any]:
        return quality(bad[here], score[here], customer=customer[here])

    figures: dict[str, Any] = {"champion": champion}
    for name, score in log_odds.items():
        figures[name] = {part: told(score, here) for part, here in where.items() if here.any()}
    _, by_term = terms(stage, "test")
    for name, system in known.items():
        told_pd = system.term.pd(log_odds[name][where["test"]])
        figures[name]["term"] = {
            f"{days}d": {"mean_pd": round(float(told_pd[:, k].mean()), 6), "bad_rate": round(float(came.mean()), 6)}
            for k, (days, came) in enumerate(sorted(by_term.items()))
        }
    naive = np.nan_to_num(matrix.column(NAIVE))
    ranks = ("n", "n_bad", "auc", "auc_low", "auc_high", "gini", "ks")
    figures["naive"] = {part: {k: told(naive, where[part])[k] for k in ranks} for part in _SHOWN}
    truth = _truth(Path(stage.recipe("ledger", LedgerRecipe).source), stage, slices)
    if truth is not None:
        there = ~np.isnan(truth)
        figures["oracle"] = {part: told(truth, where[part] & there) for part in _SHOWN}
        figures["share_of_oracle_gini"] = round(
            figures[champion]["test"]["gini"] / figures["oracle"]["test"]["gini"], 4
        )
    stage.write("metrics", figures)
    stage.report(
        "grades",
        {
            name: by_grade(
                bad[where["test"]], score[where["test"]], known[name].scale, customer=customer[where["test"]]
            )
            for name, score in log_odds.items()
        },
    )
    _plots(stage, known, log_odds, bad, where["test"])
    _shap(stage, known["boosting"], matrix.rows(where["test"]))
    one = figures[champion]["test"]
    interval = f"[{one['auc_low']}, {one['auc_high']}]"
    stage.say(f"  {champion} on test: AUC {one['auc']} {interval}, {one['n_bad']} bads in {one['n']}")


def _truth(source: Path, stage: Stage, slices: pd.DataFrame) -> np.ndarray | None:
    """Log-odds of the oracle where the ledger is made up and its truth lies beside it."""
    path = stage.root / source / "truth.parquet"
    if not path.exists():
        return None
    truth = pd.read_parquet(path).assign(as_of=lambda table: pd.to_datetime(table["as_of"]).astype("datetime64[s]"))
    keys = slices[["customer_id", "as_of"]].astype({"as_of": "datetime64[s]"})
    pd_ = keys.merge(truth, on=["customer_id", "as_of"], how="left")["pd"].to_numpy("float64")
    return logit(np.clip(pd_, 1e-6, 1 - 1e-6))


def _plots(
    stage: Stage, known: dict[str, RatingSystem], log_odds: dict[str, np.ndarray], bad: np.ndarray, here: np.ndarray
) -> None:
    for name, score in log_odds.items():  # a file a model: DVC draws a line for each
        false, true = roc(bad[here], score[here])
        corners = zip(false, true, strict=True)
        stage.plot(f"roc_{name}", [{"false_positive_rate": f, "true_positive_rate": t} for f, t in corners])
        stage.plot(f"calibration_{name}", calibration_curve(bad[here], score[here]))
        points = known[name].score(score[here])
        edges = np.arange(points.min() // 10 * 10, points.max() + 11, 10)
        good, hit = (np.histogram(points[bad[here] == mark], edges)[0] / (bad[here] == mark).sum() for mark in (0, 1))
        rows = zip(edges[:-1].tolist(), good, hit, strict=True)
        stage.plot(f"scores_{name}", [{"points": p, "goods": g, "bads": b} for p, g, b in rows])


def _shap(stage: Stage, system: RatingSystem, matrix: Matrix, most: int = 400) -> None:
    """Values and contributions of a few hundred test rows, for the SHAP summary."""
    sample = matrix.rows(np.unique(np.linspace(0, len(matrix) - 1, min(most, len(matrix))).astype(int)))
    told = system.contributions(sample)
    stage.plot(
        "shap",
        [
            {"feature": name, "value": value, "log_odds": contribution}
            for place, name in enumerate(system.model.features)
            for value, contribution in zip(sample.column(name), told[:, place], strict=True)
        ],
    )


if __name__ == "__main__":
    run(main)
