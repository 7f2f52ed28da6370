"""Samples out of time: train, then tune, then test, with an embargo between, and customers never seen."""

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import Mistake
from .default import DefaultRecipe
from .observations import as_day

SLICES = ("train", "tune", "test")


@dataclass(frozen=True)
class SampleRecipe:
    """Which days belong to which slice: the section `samples` of params.yaml.

    Attributes
    ----------
    train, tune, test : tuple of two ISO days
        First and last observation day of each slice, both included.
    tune_customers : float in [0, 1)
        0: tune lies after train. Else the ledger is too short for that, and this share of the customers is
        kept out of train and tuned on, at the days of `tune`, without an embargo.
    """

    train: tuple[str, str]
    tune: tuple[str, str]
    test: tuple[str, str]
    tune_customers: float = 0.0

    def check(self, outcome: DefaultRecipe) -> None:
        """Raise `Mistake` unless each slice's labels are told before the next slice begins.

        The label of T looks ahead to T + horizon, and is known a booking lag later.
        """
        if not 0 <= self.tune_customers < 1:
            raise Mistake(f"params.yaml: samples.tune_customers should lie in [0, 1), got {self.tune_customers}.")
        days = {name: [as_day(f"samples.{name}", said) for said in getattr(self, name)] for name in SLICES}
        for name, (first, last) in days.items():
            if first > last:
                raise Mistake(f"params.yaml: samples.{name} ends ({last}) before it begins ({first}).")
        need = outcome.decided_after_days
        pairs = [("tune", "test"), ("train", "test")]
        if not self.tune_customers:
            pairs.insert(0, ("train", "tune"))
        for before, after in pairs:
            gap = (days[after][0] - days[before][1]).days
            if gap < need:
                raise Mistake(
                    f"params.yaml: samples.{after} begins {gap} days after samples.{before} ends; its labels need "
                    f"{need} days (horizon and booking lag). Move the dates apart"
                    + (", or tune on other customers (samples.tune_customers: 0.3)." if after == "tune" else ".")
                )

    def split(self, observations: pd.DataFrame) -> pd.Series:
        """The slice of each observation, "" for none.

        Parameters
        ----------
        observations : DataFrame
            Columns customer_id, as_of and bad (NaN where immature: in no slice).
        """
        as_of = observations["as_of"]
        told = observations["bad"].notna()
        held_out = kept_for_tuning(observations["customer_id"], self.tune_customers)
        slices = pd.Series("", index=observations.index, dtype="str")
        for name in SLICES:
            first, last = (pd.Timestamp(as_day(f"samples.{name}", said)) for said in getattr(self, name))
            here = told & (as_of >= first) & (as_of <= last)
            if self.tune_customers and name != "test":
                here &= held_out if name == "tune" else ~held_out
            slices[here] = name
        return slices


def kept_for_tuning(customer_id: pd.Series, share: float) -> npt.NDArray[np.bool_]:
    """A fixed share of the customers, chosen by a hash of their ids."""
    at = {name: zlib.crc32(f"tune:{name}".encode()) / 2**32 < share for name in customer_id.unique()}
    return customer_id.map(at).to_numpy(bool)


def unseen(observations: pd.DataFrame, slices: pd.Series) -> npt.NDArray[np.bool_]:
    """Test observations of customers that neither train nor tune has seen."""
    seen = set(observations.loc[slices.isin(["train", "tune"]), "customer_id"])
    return ((slices == "test") & ~observations["customer_id"].isin(seen)).to_numpy()
