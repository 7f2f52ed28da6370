"""Opening the store: its address, its tables brought up to date, and one writer of ratings at a time."""

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ...databases import engine_of, shown
from ...errors import Busy, Mistake, Unavailable
from ...features.publishing import alone

CREDENTIALS = "TRADECREDIT_STORE"
_VERSIONS = "tradecredit_version"
_KEY = zlib.crc32(b"tradecredit ratings")  # of PostgreSQL's advisory lock
_PATIENCE_S = 5.0  # for another's short write, such as a decision


@dataclass(frozen=True)
class Store:
    """A store that can be reached."""

    engine: sa.Engine
    name: str

    @property
    def sqlite(self) -> bool:
        """A file, as opposed to PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection on which everything is seen as of one moment."""
        with self._told(), self.engine.connect() as connection:
            if not self.sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction: all that is written in it is there at its end, or nothing is."""
        with self._told(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def only_writer(self) -> Iterator[None]:
        """Be the only one who writes ratings.

        Raises
        ------
        Busy
            Names who is writing.
        """
        if self.sqlite:
            path = Path(self.engine.url.database or "")
            with alone(path.with_name(f"{path.name}.lock"), str(path)):
                yield
            return
        with self._told(), self.engine.connect() as connection:
            me = f"tradecredit, process {os.getpid()} on {os.uname().nodename}"
            connection.execute(sa.text("SELECT set_config('application_name', :me, false)"), {"me": me[:63]})
            if not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}):
                holder = connection.scalar(_HOLDER, {"key": _KEY}) or "another process"
                raise Busy(f"{self.name}: {holder} is writing here; try again when it has ended.")
            connection.commit()
            try:
                yield
            finally:
                connection.scalar(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database says, as mistakes that can be mended; bulk writes have it from the driver itself."""
        driver = self.engine.dialect.loaded_dbapi
        try:
            yield
        except (sa.exc.DBAPIError, driver.Error) as fault:
            wrapped = isinstance(fault, sa.exc.DBAPIError)
            said = fault.orig if wrapped else fault
            told = (str(said).splitlines() or [type(said).__name__])[0]
            if self.sqlite and "locked" in told:
                raise Busy(f"{self.name}: another process is writing here; try again when it has ended.") from None
            if isinstance(said, driver.OperationalError | driver.InterfaceError) or (
                wrapped and fault.connection_invalidated
            ):
                raise Unavailable(f"{self.name}: {told}") from None
            if self.sqlite and "not a database" in told:
                raise Mistake(f"{self.name}: is no database.") from None
            raise


_HOLDER = sa.text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND ((l.classid::bigint << 32) | l.objid::bigint) = :key LIMIT 1"
)


def open_store(said: str, *, fresh: bool = False) -> Store:
    """The store at a URL, or in a SQLite file that is named by its path alone.

    Parameters
    ----------
    fresh : bool
        It is made where there is none, and brought up to date where it is of an earlier version.

    Raises
    ------
    Mistake
        There is none, it is of another version, or it is no store.
    Unavailable
        It cannot be reached.
    """
    url = said if "://" in said else sa.URL.create("sqlite", database=said)
    engine = engine_of("--store", url, CREDENTIALS)
    if engine.dialect.name not in ("sqlite", "postgresql"):
        raise Mistake(f"--store {shown(engine.url)}: should be SQLite or PostgreSQL.")
    store = Store(engine, engine.url.database if engine.dialect.name == "sqlite" else shown(engine.url))
    if store.sqlite:
        path = Path(engine.url.database or "")
        if not engine.url.database or path.is_dir() or (not fresh and not path.is_file()):
            raise Mistake(f"--store {said}: is no store; 'tradecredit score --store' makes one.")
        path.parent.mkdir(parents=True, exist_ok=True)
        _as_sqlite_should(engine)
    with store._told():
        _bring_up(store, fresh)
    return store


def _bring_up(store: Store, fresh: bool) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with store.engine.connect() as connection:
        held = MigrationContext.configure(connection, opts={"version_table": _VERSIONS}).get_current_revision()
    if held == newest:
        return
    if held and held > str(newest):
        raise Mistake(f"{store.name}: was written by a newer version of tradecredit; upgrade this one.")
    if not fresh:
        what = "is of an earlier version" if held else "holds no ratings"
        raise Mistake(f"{store.name}: {what}; 'tradecredit score --store' brings it up to date.")
    with store.only_writer(), store.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _as_sqlite_should(engine: sa.Engine) -> None:
    """Write-ahead log, full flushes, foreign keys, and transactions that begin when they are said to."""

    @sa.event.listens_for(engine, "connect")
    def connect(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # the driver begins nothing of its own
        for pragma in (
            f"busy_timeout = {int(1000 * _PATIENCE_S)}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "cache_size = -200000",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
