"""Golden rows: what each model said, when the bundle was made, of values on and beside everything that it looks at.

A machine or a version of a library that says otherwise does not rate with this bundle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..features.column import Missing
from ..features.declaration import Feature
from ..features.matrix import Matrix
from ..models.rating import RatingSystem
from ..models.scorecards import Scorecards

Floats = npt.NDArray[np.float64]
LEAST = 1000  # rows
_NEAR = 1e-9  # log-odds: libraries of another build round otherwise in the last digits


@dataclass(frozen=True)
class Golden:
    """Rows of features, and the calibrated log-odds by each model.

    Attributes
    ----------
    matrix : Matrix, n rows
        Its keys hold the segment.
    log_odds : dict of str to float64, length n
        By the name of the model: first and, if there is one, second.
    """

    matrix: Matrix
    log_odds: dict[str, Floats]

    @classmethod
    def of(cls, systems: Mapping[str, RatingSystem], features: Sequence[Feature]) -> "Golden":
        """Rows for some models; every segment that has a card meets every value."""
        telling = [_telling(systems, one) for one in features]
        segments = ["", *_segments(systems)]
        many = max(-(-LEAST // len(segments)), *(len(one) for one in telling))
        rng, columns = np.random.default_rng(0), []
        for pairs in telling:
            order = np.concatenate([rng.permutation(len(pairs)) for _ in range(-(-many // len(pairs)))])[:many]
            columns.append(np.tile(pairs[order], (len(segments), 1)))
        told = np.stack(columns, axis=1)  # (n, k, 2)
        keys = pd.DataFrame({"segment": np.repeat(np.array(segments, object), many)})
        matrix = Matrix(keys, told[:, :, 0], told[:, :, 1].astype(np.uint8), tuple(features))
        return cls(matrix, {name: _said(one, matrix) for name, one in systems.items()})

    def departs(self, systems: Mapping[str, RatingSystem]) -> str:
        """Which model says otherwise of which row, and by how much; "" if none does."""
        for name, system in systems.items():
            now, then = _said(system, self.matrix), self.log_odds[name]
            gap = np.abs(now - then)
            if not (gap <= _NEAR).all():
                row = int(np.argmax(~(gap <= _NEAR)))
                told = f"{float(now[row])!r} where they were {float(then[row])!r}"
                return f"the {name} model gives row {row} log-odds of {told}"
        return ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types, column by column; None is missing."""
        values = [[None if one != one else one for one in column] for column in self.matrix.values.T.tolist()]
        return {
            "segment": list(self.matrix.keys["segment"]),
            "values": dict(zip(self.matrix.names, values, strict=True)),
            "missing": {name: self.matrix.missing[:, k].tolist() for k, name in enumerate(self.matrix.names)},
            "log_odds": {name: told.tolist() for name, told in self.log_odds.items()},
        }

    @classmethod
    def of_dict(cls, said: dict[str, Any], features: Sequence[Feature]) -> "Golden":
        """What `as_dict` gave of these features."""
        values = np.column_stack([np.array(said["values"][one.name], float) for one in features])
        missing = np.column_stack([np.array(said["missing"][one.name], np.uint8) for one in features])
        matrix = Matrix(pd.DataFrame({"segment": said["segment"]}, dtype=object), values, missing, tuple(features))
        return cls(matrix, {name: np.array(told) for name, told in said["log_odds"].items()})


def _said(system: RatingSystem, matrix: Matrix) -> Floats:
    return system.log_odds(matrix.only(system.model.features))


def _segments(systems: Mapping[str, RatingSystem]) -> list[str]:
    cards = [one.model for one in systems.values() if isinstance(one.model, Scorecards)]
    return list(dict.fromkeys(one.segment for model in cards for one in model.segments))


def _telling(systems: Mapping[str, RatingSystem], declared: Feature) -> Floats:
    """(values, 2): every value of a feature at which a model steps and its neighbours, each level, each gap."""
    reasons = [(np.nan, float(reason)) for reason in Missing if reason is not Missing.NONE]
    if declared.levels:
        return np.array([*((float(place), 0.0) for place in range(len(declared.levels))), *reasons])
    models = [one.model for one in systems.values() if declared.name in one.model.features]
    steps = np.unique(np.concatenate([np.zeros(1), *(model.steps(declared.name) for model in models)]))
    beside = (np.nextafter(steps, side) for side in (-np.inf, np.inf))
    values = np.unique(np.concatenate([steps, *beside]))
    return np.vstack([np.column_stack([values, np.zeros(len(values))]), np.array(reasons)])
