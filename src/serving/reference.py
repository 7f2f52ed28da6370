"""Reference: what is usual in a segment, and the customer that others of it are compared with."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..features.matrix import Matrix

Floats = npt.NDArray[np.float64]
EVERYONE = "*"  # the segment of those whose own segment is unknown or thin
_THIN = 100  # observations: a smaller segment shares everyone's


@dataclass(frozen=True)
class Reference:
    """By segment, then by feature; told over the rows that the model was fitted on.

    Attributes
    ----------
    usual : dict of str to dict of str to float
        Medians of the values; a feature that is mostly missing may have none.
    mean, best : dicts of str to dict of str to float
        Mean, and least, contribution in log-odds before calibration: the mean customer of the segment, and one that in
        each feature is as safe as the safest of it.
    """

    usual: dict[str, dict[str, float]]
    mean: dict[str, dict[str, float]]
    best: dict[str, dict[str, float]]

    @classmethod
    def of(cls, matrix: Matrix, contributions: Floats) -> "Reference":
        """From rows and what a model says of them, (n, k), before calibration."""
        usual, mean, best = {}, {}, {}
        segments = matrix.keys["segment"].to_numpy(object)
        for segment in [EVERYONE, *sorted(set(segments))]:
            here = np.ones(len(matrix), bool) if segment == EVERYONE else segments == segment
            if segment != EVERYONE and here.sum() < _THIN:
                continue
            values, told = matrix.values[here], contributions[here]
            filled = [place for place in range(values.shape[1]) if not np.isnan(values[:, place]).all()]
            usual[segment] = {matrix.names[place]: float(np.nanmedian(values[:, place])) for place in filled}
            mean[segment] = dict(zip(matrix.names, told.mean(axis=0).tolist(), strict=True))
            best[segment] = dict(zip(matrix.names, told.min(axis=0).tolist(), strict=True))
        return cls(usual, mean, best)

    def usual_of(self, segments: npt.NDArray[np.object_], names: Sequence[str]) -> Floats:
        """(n, k): the usual value of each feature in each row's segment; NaN where there is none."""
        return _laid_out(self.usual, segments, names)

    def compared_with(self, baseline: str, segments: npt.NDArray[np.object_], names: Sequence[str]) -> Floats:
        """(n, k): contributions, before calibration, of whom each row is compared with.

        `baseline` is "segment" for the mean customer of its segment, "best" for the safest in each feature.
        """
        return _laid_out(self.mean if baseline == "segment" else self.best, segments, names)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def _laid_out(table: dict[str, dict[str, float]], segments: npt.NDArray[np.object_], names: Sequence[str]) -> Floats:
    known, which = np.unique(np.asarray(segments, str), return_inverse=True)
    rows = [[table.get(one, table[EVERYONE]).get(name, np.nan) for name in names] for one in known]
    return np.array(rows, float).reshape(len(known), len(names))[which]
