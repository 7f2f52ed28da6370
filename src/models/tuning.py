"""Tuning: which boosted trees rank customers best that they have not seen, on days that came later."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.matrix import Matrix
from .encoding import Encoding
from .folds import Rows
from .growing import BoostingRecipe

Floats = npt.NDArray[np.float64]
_PATIENCE = 100  # trees without a better AUC before a fold stops growing
_FLOATS = ("learning_rate", "l2", "feature_share", "row_share")
_WHOLE = ("leaves", "min_rows")
_BY_RATIO = {"learning_rate", "l2", "leaves", "min_rows"}  # twice as much is as far everywhere


@dataclass(frozen=True)
class TuningRecipe:
    """The section `tuning` of params.yaml: ranges of the section `boosting` to search, (lowest, highest).

    The number of trees is not searched: it is where the mean AUC of the folds is best, from 1 / learning_rate trees on.

    Attributes
    ----------
    trials : int
        0 leaves `boosting` as it is. What it says is the first trial.
    folds : int
    seed : int
    learning_rate, l2, feature_share, row_share : (float, float)
    leaves, min_rows : (int, int)
    max_bin : list of int
        One of these.
    most_trees : int
        At most so many, and at most 25 / learning_rate.
    most_rows : int
        Of more rows a share of the customers is drawn, for the trials alone.
    """

    trials: int = 0
    folds: int = 3
    seed: int = 0
    learning_rate: tuple[float, float] = (0.02, 0.06)
    leaves: tuple[int, int] = (4, 40)
    min_rows: tuple[int, int] = (5, 60)
    l2: tuple[float, float] = (0.1, 40.0)
    feature_share: tuple[float, float] = (0.3, 1.0)
    row_share: tuple[float, float] = (0.4, 0.9)
    max_bin: tuple[int, ...] = (63, 255)
    most_trees: int = 900
    most_rows: int = 200_000

    def __post_init__(self) -> None:
        if self.folds < 2 or self.trials < 0:
            raise Mistake(
                f"params.yaml: tuning.folds should be at least 2 and tuning.trials not below 0, got {self.folds} and "
                f"{self.trials}."
            )
        for name in (*_FLOATS, *_WHOLE):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise Mistake(f"params.yaml: tuning.{name} should rise from above 0, got {[low, high]}.")

    def first(self, recipe: BoostingRecipe) -> dict[str, Any]:
        """The recipe as a trial, moved into the ranges."""
        told = {name: float(np.clip(getattr(recipe, name), *getattr(self, name))) for name in _FLOATS}
        told |= {name: int(np.clip(getattr(recipe, name), *getattr(self, name))) for name in _WHOLE}
        near = min(self.max_bin, key=lambda one: abs(one - recipe.max_bin))
        return told | {"max_bin": near}

    def suggested(self, trial: Any) -> dict[str, Any]:
        """What an Optuna trial tries."""
        told: dict[str, Any] = {}
        for name in _FLOATS:
            told[name] = trial.suggest_float(name, *getattr(self, name), log=name in _BY_RATIO)
        for name in _WHOLE:
            told[name] = trial.suggest_int(name, *getattr(self, name), log=name in _BY_RATIO)
        return told | {"max_bin": trial.suggest_categorical("max_bin", list(self.max_bin))}

    def judge(
        self, trial: Any, recipe: BoostingRecipe, matrix: Matrix, bad: Floats, pairs: Sequence[tuple[Rows, Rows]]
    ) -> float:
        """The best mean AUC of the folds along the trees; the trial keeps how many as its attribute `trees`.

        Raises
        ------
        optuna.TrialPruned
            The first folds are worse than those of most trials before.
        """
        import optuna

        tried = replace(recipe, **self.suggested(trial), bags=1)
        tried = replace(tried, trees=min(self.most_trees, int(25 / tried.learning_rate)))
        curves: list[Floats] = []
        for step, (learn, judge) in enumerate(pairs):
            curves.append(_curve(tried, matrix.rows(learn), bad[learn], matrix.rows(judge), bad[judge]))
            mean = _mean(curves)
            trial.report(float(mean.max()), step)
            if step + 1 < len(pairs) and trial.should_prune():
                raise optuna.TrialPruned
        fewest = min(len(mean), int(1 / tried.learning_rate)) - 1  # with fewer most of what is to be learnt is not
        best = fewest + int(mean[fewest:].argmax())
        trial.set_user_attr("trees", best + 1)
        return float(mean[best])

    def search(
        self,
        study: Any,
        recipe: BoostingRecipe,
        matrix: Matrix,
        bad: Floats,
        pairs: Sequence[tuple[Rows, Rows]],
        *,
        tell: Callable[[int], None] = lambda _: None,
    ) -> BoostingRecipe:
        """Run what is left of the trials of an Optuna study, and take the best.

        Parameters
        ----------
        study : optuna.Study
            To be maximised; trials that it holds already count.
        pairs : list of (array, array)
            See `folds`.
        tell : callable
            Given the number of trials done.
        """
        for done in range(_judged(study), self.trials):
            if not done and not any(one.state.name == "WAITING" for one in study.trials):
                study.enqueue_trial(self.first(recipe))
            # by the number of trials, so that a search that was stopped tries what it would have tried
            study.sampler = _sampler(self.seed + done)
            study.optimize(lambda trial: self.judge(trial, recipe, matrix, bad, pairs), n_trials=1)
            tell(done + 1)
        return replace(recipe, **study.best_trial.params, trees=study.best_trial.user_attrs["trees"])


def _judged(study: Any) -> int:
    """How many trials came to an end; one that was interrupted is tried anew."""
    return sum(one.state.name in ("COMPLETE", "PRUNED") for one in study.trials)


def _sampler(seed: int) -> Any:
    import optuna

    return optuna.samplers.TPESampler(seed=seed)


def _curve(recipe: BoostingRecipe, learn: Matrix, bad: Floats, judge: Matrix, hit: Floats) -> Floats:
    """AUC on the rows to judge by after each tree."""
    encoding = Encoding.fit(learn, bad, missing_rows=recipe.missing_rows)
    lessons = recipe.dataset(encoding, learn, bad)
    exam = recipe.dataset(encoding, judge, hit, reference=lessons)
    told: dict[str, dict[str, list[float]]] = {}
    lgb.train(
        recipe.parameters(encoding, learn, seed=recipe.seed) | {"metric": "auc"},
        lessons,
        num_boost_round=recipe.trees,
        valid_sets=[exam],
        valid_names=["exam"],
        callbacks=[lgb.record_evaluation(told), lgb.early_stopping(_PATIENCE, verbose=False)],
    )
    return np.array(told["exam"]["auc"])


def _mean(curves: Sequence[Floats]) -> Floats:
    """Of curves that ended early the last value goes on."""
    longest = max(map(len, curves))
    return np.mean([np.r_[one, np.full(longest - len(one), one[-1])] for one in curves], axis=0)


def study_for(storage: str | None, name: str) -> Any:
    """An Optuna study that is begun, or gone on with where the storage holds it; None keeps it in memory."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=storage,
        study_name=name,
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
    )
