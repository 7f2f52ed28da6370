"""What each family of features adds to the champion, out of time.

    python benchmarks/families.py [--small] [FOLDER]

FOLDER (here, unless told) is one in which the pipeline has run: its parameters, matrix and slices are used, and nothing
is written. Both models are trained and the champion chosen on tune, as the pipeline does, with: the features of the
first catalogue, all, and all but one family. Test decides nothing; its AUC is told with its 95 % interval and its
difference from that with all features (paired DeLong, clustered by customer). `--small` leaves the trees out, and the
families too. The last line is JSON: by set of features the champion, and the AUC of both models on test.
"""

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tradecredit.features.declaration import Family
from tradecredit.features.matrix import Matrix
from tradecredit.models.growing import BoostingRecipe
from tradecredit.models.metrics import auc, auc_difference
from tradecredit.models.validation import ChampionRecipe, quality
from tradecredit.pipeline.cards import card_recipe
from tradecredit.pipeline.stage import Stage

FIRST = """
tenure_days days_since_last_inv n_inv_12m amt_inv_12m active_months_12m amt_growth_yoy_3m amt_surge_1m inv_gap_cv_365d
dbt_w_90d dbt_w_365d late_km_90d late_std_365d late_share_n_365d late5_share_n_90d late30_share_amt_180d
late60_share_amt_365d early_share_amt_365d paydex_like_365d on_time_streak late_streak last3_late_mean worst_dpd_90d
worst_dpd_180d worst_dpd_365d days_over30_365d late_chg_3m late_slope_6m late5_share_chg_90d early_share_chg_90d
worst_bucket_chg_3m roll_up_count_6m roll_share_1m overdue_share_chg_3m ewma_late5 open_amt overdue_share over30_share
over60_share wavg_dpd_overdue oldest_dpd n_overdue dso_3m overdue_days_sales_3m cei_3m open_to_peak_12m utilisation
util_max_90d util_mean_6m util_slope_6m overlimit_days_180d collected_to_billed_3m n_bounced_365d
promise_broken_rate_365d ext_score ext_score_age_days ext_score_chg_180d
"""


def log_odds(stage: Stage, parts: dict[str, tuple[Matrix, np.ndarray]], names: list[str], *, trees: bool) -> dict:
    """Log-odds of both models on tune and test, learned from train with these features alone."""
    matrix, bad = parts["train"]
    matrix = matrix.only(names)
    models: dict[str, Any] = {"scorecard": card_recipe(stage).fit(matrix, bad, tune=parts["tune"][0].only(names)).card}
    if trees:
        models["boosting"] = stage.recipe("boosting", BoostingRecipe).fit(matrix, bad)
    return {
        name: {part: model.log_odds(parts[part][0].only(names)) for part in ("tune", "test")}
        for name, model in models.items()
    }


def main() -> None:
    """Train, tell, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("folder", nargs="?", default=".", type=Path)
    said = ask.parse_args()
    warnings.filterwarnings("ignore")
    stage = Stage(said.folder)
    matrix, slices = Matrix.read(stage.path("matrix")), stage.read("slices")
    usable = [one.name for one in matrix.features if one.in_scorecard]
    parts = {}
    for name in ("train", "tune", "test"):
        here = (slices["slice"] == name).to_numpy()
        parts[name] = matrix.rows(here).only(usable), slices["bad"].to_numpy("float64")[here]
    family = {one.name: one.family for one in matrix.features}
    sets = {"first catalogue": [name for name in FIRST.split() if name in usable], "all": usable}
    if not said.small:
        sets |= {
            f"without {one.value[0]}": [name for name in usable if family[name] is not one]
            for one in Family
            if one in {family[name] for name in usable}
        }
    told = {name: log_odds(stage, parts, names, trees=not said.small) for name, names in sets.items()}
    who = {part: parts[part][0].keys["customer_id"].to_numpy(object) for part in ("tune", "test")}
    bad, rows = {part: parts[part][1] for part in ("tune", "test")}, {}
    for name, models in told.items():
        champion = "scorecard"
        if len(models) > 1:
            tune = {model: one["tune"] for model, one in models.items()}
            champion, _ = stage.recipe("champion", ChampionRecipe).choose(bad["tune"], tune, customer=who["tune"])
        row: dict[str, object] = {"features": len(sets[name]), "champion": champion}
        for model, one in models.items():
            figures = quality(bad["test"], one["test"], customer=who["test"])
            whole = told["all"][model]["test"]
            row |= {model: round(figures["auc"], 4), f"{model}_95": [figures["auc_low"], figures["auc_high"]]}
            if name != "all":
                row[f"{model}_less_all"] = round(figures["auc"] - auc(bad["test"], whole).value, 4)
                row[f"{model}_p"] = round(auc_difference(bad["test"], one["test"], whole, cluster=who["test"])[1], 3)
        rows[name] = row
    print(pd.DataFrame(rows).T.to_string())
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
