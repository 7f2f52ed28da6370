"""Sweep: does risk move as the catalogue declares, on real rows with their gaps?"""

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.column import Missing
from ..features.declaration import Risk
from ..features.matrix import Matrix
from .model import Model

Floats = npt.NDArray[np.float64]
_STEPS = 21
_EDGES = 60  # cards have fewer; of the many of trees some are enough, since LightGBM constrains every split
_ROUNDING = 1e-9  # log-odds


def sweep(model: Model, matrix: Matrix, *, rows: int = 200, seed: int = 0) -> dict[str, float]:
    """The largest move against the declared direction, in log-odds, of each feature that has one; 0 where none.

    On some rows, missing values and all, one feature is moved through its quantiles, and past every step that
    the model tells, while the others stay.

    Parameters
    ----------
    matrix : Matrix
        Rows to draw from; their quantiles are what is swept through.
    """
    some = np.sort(np.random.default_rng(seed).choice(len(matrix), min(rows, len(matrix)), replace=False))
    drawn, wrong = matrix.rows(some), {}
    for name in model.features:
        place = matrix.place(name)
        risk, seen = matrix.features[place].risk, matrix.column(name)
        seen = seen[~np.isnan(seen)]
        if risk is Risk.FREE or not len(seen):
            continue
        swept = []
        edges = model.steps(name)
        edges = edges[np.unique(np.linspace(0, len(edges) - 1, min(_EDGES, len(edges))).astype(int))]
        told = np.r_[np.quantile(seen, np.linspace(0, 1, _STEPS)), edges, np.nextafter(edges, -np.inf)]
        for value in np.unique(told):
            values, missing = drawn.values.copy(), drawn.missing.copy()
            values[:, place], missing[:, place] = value, Missing.NONE
            swept.append(model.log_odds(Matrix(drawn.keys, values, missing, drawn.features)))
        against = -np.diff(np.vstack(swept), axis=0) * risk.value
        wrong[name] = float(max(0.0, against.max(initial=0.0)))
    return wrong


def gate(model: Model, matrix: Matrix) -> None:
    """Raise `Mistake` if a sweep finds a feature whose risk turns."""
    turned = {name: size for name, size in sweep(model, matrix).items() if size > _ROUNDING}
    if turned:
        worst = max(turned, key=lambda name: turned[name])
        raise Mistake(
            f"{model.kind}: risk moves against the declared direction with {', '.join(sorted(turned))} (by "
            f"{turned[worst]:.3f} log-odds with {worst}); such a model is not rated with. Look at its edits and bins."
        )
