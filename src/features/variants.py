"""Variants: one customer's ledger as it is not, but could be, many side by side as the customers of one book."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .ledger import Ledger
from .schemas import OWN_DATE


def as_known(ledger: Ledger, today: pd.Timestamp) -> Ledger:
    """What was known of it at the close of a day, as if nothing had come since."""
    told: dict[str, Any] = {}
    for name in OWN_DATE:
        rows = getattr(ledger, name)
        rows = rows[rows["known_on"] <= today]
        if "replaced_on" in rows:
            later = rows["replaced_on"] > today
            rows = rows.assign(
                replaced_on=rows["replaced_on"].mask(later), replaced_in=rows["replaced_in"].mask(later, 0)
            )
        told[name] = rows.reset_index(drop=True)
    if ledger.memberships is not None:
        known = ledger.memberships["known_on"]
        told["memberships"] = ledger.memberships[known.isna() | (known <= today)]
    return replace(ledger, **told)


@dataclass(frozen=True)
class Changed:
    """What n variants of one customer's ledger do otherwise; its d documents are numbered in order of their rows.

    Attributes
    ----------
    without : bool (n, d)
        Documents that are left out, with all that was paid and happened to them.
    without_rows : dict of table to bool (n, rows)
        Single rows that are left out; a table that is not named keeps all.
    due_later : int64 (n, d)
        By how many days the due day of a document is later.
    """

    without: npt.NDArray[np.bool_]
    without_rows: dict[str, npt.NDArray[np.bool_]]
    due_later: npt.NDArray[np.int64]

    def rows(self, some: slice) -> "Changed":
        """Some of the variants."""
        return Changed(
            self.without[some], {name: one[some] for name, one in self.without_rows.items()}, self.due_later[some]
        )

    def book(self, own: Ledger) -> Ledger:
        """A book whose n-th customer, in order of its number, has the rows of the n-th variant."""
        names = np.array([f"{k:06d}" for k in range(len(self.without))], object)
        documents = documents_of(own)
        told: dict[str, Any] = {}
        for table in ("customers", *OWN_DATE):
            rows = getattr(own, table)
            code = documents.get_indexer(rows["invoice_id"]) if "invoice_id" in rows else np.full(len(rows), -1)
            gone = np.zeros((len(names), len(rows)), bool)
            gone[:, code >= 0] = self.without[:, code[code >= 0]]
            gone |= self.without_rows.get(table, np.False_)
            variant, row = np.nonzero(~gone)
            told[table] = _owned(rows.take(row), names[variant])
            if table == "invoices":
                later = pd.to_timedelta(self.due_later[variant, code[row]], unit="D").as_unit("s")
                told[table]["due_on"] = told[table]["due_on"].to_numpy("datetime64[s]") + later.to_numpy()
        if own.memberships is not None:
            variant, row = np.divmod(np.arange(len(names) * len(own.memberships)), len(own.memberships))
            told["memberships"] = _owned(own.memberships.take(row), names[variant])
        return replace(own, whole=True, **told)


def documents_of(own: Ledger) -> pd.Index:
    """The ids of a customer's documents, in order of their rows."""
    return pd.Index(own.invoices["invoice_id"].unique())


def _owned(rows: pd.DataFrame, names: npt.NDArray[np.object_]) -> pd.DataFrame:
    """Rows as those of other customers; a document belongs to one."""
    told = rows.reset_index(drop=True)
    told["customer_id"] = pd.Series(names, dtype=told["customer_id"].dtype)
    if "invoice_id" in told:
        own = told["invoice_id"].to_numpy(object)
        told["invoice_id"] = pd.Series(np.where(own == "", "", names + ":" + own), dtype=told["invoice_id"].dtype)
    return told
