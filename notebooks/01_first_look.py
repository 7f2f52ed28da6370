# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first look
#
# The example book, its features, both models, and one explained rating. Run `make demo` first: this notebook reads what
# the pipeline wrote. Open it with Jupyter and jupytext, or run it as a script.

# %%
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd

from tradecredit.features.ledger import Ledger
from tradecredit.features.matrix import Matrix
from tradecredit.pipeline.stage import Stage
from tradecredit.pipeline.systems import systems
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.scoring import score_parts

here = Path.cwd()
root = Path(os.environ.get("TRADECREDIT_WALK", here if (here / "params.yaml").exists() else here.parent))
stage = Stage(root)

# %% [markdown]
# ## The ledger
# Four tables that matter most, each fact with the day on which it became known.

# %%
ledger = Ledger.read(stage.path("ledger"))
print(f"{len(ledger.customers)} customers, {len(ledger.invoices)} invoices, complete to {ledger.data_end}")
ledger.invoices.head()

# %% [markdown]
# ## The features
# A row is an observation: a customer at a month end. What is missing says why.

# %%
matrix = Matrix.read(stage.path("matrix"))
features = pd.DataFrame(matrix.values, columns=matrix.names)
features[["dbt_w_90d", "late_km_90d", "overdue_share", "utilisation", "ext_score"]].describe().round(2)

# %%
slices = stage.read("slices")
labelled = slices["bad"].notna().to_numpy()
by_bucket = pd.cut(features.loc[labelled, "oldest_dpd"], [-1, 0, 15, 30, 60, 365])
slices.loc[labelled, "bad"].groupby(by_bucket.to_numpy()).agg(["size", "mean"]).round(4)

# %% [markdown]
# ## Two models, out of time

# %%
metrics = json.loads(stage.path("metrics").read_text())
shown = ["n", "n_bad", "auc", "auc_low", "auc_high", "gini", "ks", "calibration_intercept", "calibration_slope"]
pd.DataFrame({name: metrics[name]["test"] for name in ("scorecard", "boosting")}).loc[shown]

# %%
known, champion = systems(stage)
card = known["scorecard"].model.pooled
pd.DataFrame(
    [
        {"feature": one.feature, "up to": edge, "goods": g, "bads": b, "woe": round(w, 3), "points": p}
        for one, points in zip(card.bins, card.points, strict=True)
        for edge, g, b, w, p in zip([*one.edges, float("inf")], one.goods, one.bads, one.woe, points, strict=True)
    ]
).head(12)

# %% [markdown]
# ## One explained rating
# The riskiest customer of the first partition on the last day, from the exported bundle alone.

# %%
bundle = load_bundle(stage.path("bundle"))
_, _, scored = next(score_parts(bundle, stage.path("ledger"), ledger.data_end))
rating = scored.rating(int(np.argmax(np.where(scored.rated, scored.log_odds, -np.inf))))
print(f"{rating.customer_id}: grade {rating.grade}, PD {rating.pd:.1%}, {rating.score} points ({rating.model})")
for reason in rating.reasons:
    print(f"{reason.points:+6.1f}  {reason.en}\n        {reason.zh}")
