"""What a pipeline run came to, on one screen."""

import json
import re
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..errors import Mistake
from .stage import PATHS

_ROWS = ("scorecard", "boosting", "naive", "oracle")
_WAYS = {"other_customers": "on other customers", "other_seeds": "from other seeds"}
_CALLED = {"naive": "worst days past due", "oracle": "oracle (the truth)", "boosting": "boosted trees"}


def summarise(folder: Path) -> None:
    """Print the test figures of both models beside the naive rule's and the oracle's, and where things lie."""
    metrics, bundle, cases = (folder / PATHS[name] for name in ("metrics", "bundle", "cases"))
    if not metrics.exists():
        raise Mistake(f"{metrics}: is not there yet; run 'dvc repro'.")
    figures = json.loads(metrics.read_text())
    first = figures[figures["champion"]]["test"]
    console = Console(width=None if Console().is_terminal else 130)
    table = Table(
        title=f"Out of time: {first['n_bad']} bads in {first['n']} observations, {first['n_customers']} customers"
    )
    for name in ("model", "AUC [95 %]", "Gini", "KS", "Brier", "calibration intercept", "slope"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for name in _ROWS:
        if name in figures:
            one = figures[name]["test"]
            star = " *" if name == figures["champion"] else ""
            table.add_row(
                _CALLED.get(name, name) + star,
                f"{_three(one['auc'])} [{_three(one['auc_low'])}, {_three(one['auc_high'])}]",
                _three(one["gini"]),
                _three(one["ks"]),
                f"{one['brier']:.4f}" if "brier" in one else "",
                _interval(one, "calibration_intercept"),
                _interval(one, "calibration_slope"),
            )
    console.print(table)
    console.print("* champion, chosen on the tune slice; 0 and 1 are the right intercept and slope.", highlight=False)
    if "share_of_oracle_gini" in figures:
        console.print(f"The champion has {figures['share_of_oracle_gini']:.0%} of the oracle's Gini.", highlight=False)
    _stability(console, folder / "reports/stability.json")
    print(f"bundle: {bundle.resolve()}")
    index = cases / "index.html"
    if index.exists() and (page := re.search(r'href="(case-[^"]+)"', index.read_text(encoding="utf-8"))):
        print(f"the riskiest strategic customer: {(cases / page[1]).resolve()}")
        print(f"all strategic customers: {index.resolve()}")


def _stability(console: Console, report: Path) -> None:
    """What the models keep of the main reasons of the riskiest when they are fitted again."""
    for name, ways in (json.loads(report.read_text()) if report.exists() else {}).items():
        told = "; ".join(
            f"{_WAYS[way]} {one['by_feature']:.0%} by feature, {one['by_family']:.0%} by family"
            for way, one in ways.items()
        )
        console.print(f"Main reasons kept when fitted again, {_CALLED.get(name, name)}: {told}.", highlight=False)


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(figures: dict[str, Any], name: str) -> str:
    if figures.get(name) is None:
        return ""
    return f"{figures[name]:.2f} [{figures[name + '_low']:.2f}, {figures[name + '_high']:.2f}]"
