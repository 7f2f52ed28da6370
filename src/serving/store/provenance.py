"""Provenance: from what the bundles of a store were published, and whose signature it asks for."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime

import sqlalchemy as sa

from ...errors import Mistake
from ..published import Publication
from ..signing import PublicKey
from . import tables
from .store import Store

_TOLD = [one.name for one in tables.publications.c if one.name not in ("publication_id", "recorded_at")]


def learn(store: Store, publications: Iterable[Publication]) -> int:
    """Write those that the store does not hold yet, and return how many."""
    with store.writing() as connection:
        held = {Publication(**row._mapping) for row in connection.execute(_publications())}
        first = 1 + (connection.scalar(sa.select(sa.func.max(tables.publications.c.publication_id))) or 0)
        new = list(dict.fromkeys(one for one in publications if one not in held))
        for number, one in enumerate(new, start=first):
            told = asdict(one) | {"publication_id": number, "recorded_at": datetime.now(UTC)}
            connection.execute(tables.publications.insert().values(**told))
    return len(new)


def publication_of(store: Store, bundle: str) -> Publication | None:
    """The last publication of a bundle; None where it is not known."""
    p = tables.publications.c
    with store.reading() as connection:
        rows = connection.execute(_publications().where(p.bundle == bundle)).all()
    return Publication(**rows[-1]._mapping) if rows else None


def _publications() -> sa.Select[tuple[str, ...]]:
    p = tables.publications.c
    return sa.select(*(p[name] for name in _TOLD)).order_by(p.publication_id)


def trust(store: Store, key: PublicKey, *, by: str, reason: str, trusted: bool = True) -> None:
    """Let bundles rate into the store that this key has signed, and no unsigned one from now on; or no more.

    Raises
    ------
    Mistake
        Nobody or nothing is named, or there is nothing to take back.
    """
    for option, said in (("--by", by), ("--reason", reason)):
        if not said.strip():
            raise Mistake(f"{option} should say who decides and why; it is kept for the audit.")
    if not trusted and key not in (trusted_keys(store) or []):
        raise Mistake(f"{store.name}: does not trust key {key.id}; there is nothing to take back.")
    with store.writing() as connection:
        number = 1 + (connection.scalar(sa.select(sa.func.max(tables.keys.c.entry_id))) or 0)
        told = {"key_id": key.id, "public_key": key.raw.hex(), "trusted": trusted, "decided_by": by, "reason": reason}
        connection.execute(tables.keys.insert().values(entry_id=number, recorded_at=datetime.now(UTC), **told))


def trusted_keys(store: Store) -> list[PublicKey] | None:
    """One of them has to have signed a bundle that rates into the store; None where no signature is asked for.

    A store whose last key was taken back takes no bundle: it does not fall back to unsigned ones.
    """
    k = tables.keys.c
    with store.reading() as connection:
        rows = connection.execute(sa.select(k.public_key, k.trusted).order_by(k.entry_id)).all()
    last = {row.public_key: row.trusted for row in rows}
    return [PublicKey(bytes.fromhex(one)) for one, holds in last.items() if holds] if rows else None
