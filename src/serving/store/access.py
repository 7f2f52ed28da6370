"""Access: keys of programs that ask the API, each with what it may do; of a key only its hash is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from ...errors import Mistake
from . import tables
from .store import Store

SCOPES = ("read", "rate", "metrics")
_PREFIX = "tradecredit"


@dataclass(frozen=True)
class Access:
    """What a key may do.

    Attributes
    ----------
    key_id, name : str
    scopes : tuple of {"read", "rate", "metrics"}
    valid_until : date
        The last day, in UTC.
    """

    key_id: str
    name: str
    scopes: tuple[str, ...]
    valid_until: date


def make_key(store: Store, name: str, scopes: Sequence[str], *, until: date, by: str) -> str:
    """A new key; it is told once, here.

    Raises
    ------
    Mistake
        Nobody is named, a scope is not known, or the last day is over.
    """
    for option, said in (("--name", name), ("--by", by)):
        if not said.strip():
            raise Mistake(f"{option} should say who asks and who decides; it is kept for the audit.")
    if not scopes or (strange := set(scopes) - set(SCOPES)):
        raise Mistake(f"--scope should be {', '.join(SCOPES)}, got {min(strange) if scopes else 'none'!r}.")
    if until < datetime.now(UTC).date():
        raise Mistake(f"--until {until}: is over; name today or a later day.")
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    _enter(store, Access(key_id, name, tuple(dict.fromkeys(scopes)), until), _digest(secret), by, revoked=False)
    return f"{_PREFIX}_{key_id}_{secret}"


def revoke_key(store: Store, key_id: str, *, by: str) -> None:
    """Let a key open nothing any more, from the next request on."""
    if not by.strip():
        raise Mistake("--by should say who decides; it is kept for the audit.")
    row = _last(store, key_id)
    if row is None or row.revoked:
        raise Mistake(f"{store.name}: has no key {key_id!r} that holds.")
    _enter(store, _access(row), row.digest, by, revoked=True)


def access_of(store: Store, key: str) -> Access | None:
    """What a key may do now; None if it opens nothing."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    row = _last(store, key_id) if prefix == _PREFIX else None
    right = hmac.compare_digest(_digest(secret), row.digest if row else _digest(""))
    if row is None or not right or row.revoked or row.valid_until < datetime.now(UTC).date():
        return None
    return _access(row)


def has_keys(store: Store) -> bool:
    """Was ever one made?"""
    with store.reading() as connection:
        return connection.scalar(sa.select(tables.api_keys.c.entry_id).limit(1)) is not None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()  # of 256 random bits: there is nothing to guess


def _access(row: sa.Row[tuple[object, ...]]) -> Access:
    return Access(row.key_id, row.name, tuple(row.scopes.split()), row.valid_until)


def _last(store: Store, key_id: str) -> sa.Row[tuple[object, ...]] | None:
    k = tables.api_keys.c
    query = sa.select(tables.api_keys).where(k.key_id == key_id).order_by(k.entry_id.desc()).limit(1)
    with store.reading() as connection:
        return connection.execute(query).first()


def _enter(store: Store, access: Access, digest: str, by: str, *, revoked: bool) -> None:
    with store.writing() as connection:
        number = 1 + (connection.scalar(sa.select(sa.func.max(tables.api_keys.c.entry_id))) or 0)
        connection.execute(
            tables.api_keys.insert().values(
                entry_id=number,
                key_id=access.key_id,
                name=access.name,
                digest=digest,
                scopes=" ".join(access.scopes),
                valid_until=access.valid_until,
                revoked=revoked,
                decided_by=by,
                recorded_at=datetime.now(UTC),
            )
        )
