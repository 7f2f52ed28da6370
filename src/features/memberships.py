"""Memberships: segment, group of companies and onboarding of a customer as they were known, and from when on."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .schemas import MEMBERSHIPS


def memberships(versions: pa.Table, deliveries: list[dict[str, Any]]) -> pa.Table:
    """What each version of a customer's row says, known from the last day of the delivery that brought it.

    What the first delivery says is taken to have been so from the beginning (`known_on` null): nobody can tell.
    """
    ends = [None, *(date.fromisoformat(one["data_end"]) for one in deliveries[1:])]
    delivery = np.asarray(versions.column("delivery").to_numpy())
    place = np.clip(delivery - 1, 0, len(ends) - 1)
    known = pa.array(ends, pa.date32()).take(pa.array(place))
    told = [pc.fill_null(versions.column(name).cast(pa.string()), "") for name in MEMBERSHIPS.names[:3]]
    return pa.table([*told, versions.column("onboarded_on").cast(pa.date32()), known], schema=MEMBERSHIPS)
