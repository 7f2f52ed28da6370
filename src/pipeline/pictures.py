"""Pictures of a run, drawn from the data of its DVC plots."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

_COLOURS = {"scorecard": "#33507e", "boosting": "#b3261e"}


def pictures(plots: Path) -> Iterator[tuple[str, Figure]]:
    """Name and figure of each picture: ROC, calibration, score distribution, SHAP summary."""
    for name, draw in (("roc", _roc), ("calibration", _calibration), ("scores", _scores)):
        yield name, draw({model: pd.read_csv(plots / f"{name}_{model}.csv") for model in _COLOURS})
    yield "shap", _shap(pd.read_csv(plots / "shap.csv"))


def _roc(models: dict[str, pd.DataFrame]) -> Figure:
    figure, axes = plt.subplots(figsize=(5.5, 5.5))
    for name, line in models.items():
        axes.plot(line["false_positive_rate"], line["true_positive_rate"], label=name, color=_COLOURS[name])
    axes.plot([0, 1], [0, 1], color="#9aa5b5", linewidth=1)
    axes.set(xlabel="share of goods refused", ylabel="share of bads refused", title="ROC, out of time")
    axes.legend(frameon=False)
    return figure


def _calibration(models: dict[str, pd.DataFrame]) -> Figure:
    figure, axes = plt.subplots(figsize=(5.5, 5.5))
    for name, line in models.items():
        axes.plot(line["pd"], line["bad_rate"], "o-", label=name, color=_COLOURS[name])
    top = max(float(line[["pd", "bad_rate"]].max().max()) for line in models.values())
    axes.plot([0, top], [0, top], color="#9aa5b5", linewidth=1)
    axes.set(xlabel="predicted PD", ylabel="observed rate", title="Calibration by tenths, out of time")
    axes.legend(frameon=False)
    return figure


def _scores(models: dict[str, pd.DataFrame]) -> Figure:
    figure, grid = plt.subplots(len(models), 1, figsize=(7, 3 * len(models)), layout="constrained")
    for axes, (name, rows) in zip(grid, models.items(), strict=True):
        for outcome, colour in (("goods", "#9fb4d3"), ("bads", "#b3261e")):
            axes.bar(rows["points"] + 5, rows[outcome], width=9, alpha=0.6, color=colour, label=outcome)
        axes.set(xlabel="points", ylabel="share", title=f"{name}: points of goods and bads, out of time")
        axes.legend(frameon=False)
    return figure


def _shap(rows: pd.DataFrame) -> Figure:
    import shap

    names = list(dict.fromkeys(rows["feature"]))
    told = rows["log_odds"].to_numpy().reshape(len(names), -1).T
    values = rows["value"].to_numpy().reshape(len(names), -1).T
    shap.summary_plot(told, values, feature_names=names, show=False, max_display=15, rng=np.random.default_rng(0))
    return plt.gcf()


def save(figure: Figure, path: Path) -> None:
    """As PNG."""
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)
