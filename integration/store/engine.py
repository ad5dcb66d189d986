"""Opens the database and hands out connections: one way to read, one way to write. DESIGN section 9.

SQLite: WAL, FULL, foreign keys, a busy timeout, and every write begins IMMEDIATE, because a deferred transaction that
reads and then writes fails under load whatever the timeout.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from integration.errors import ConfigError, StoreUnavailable
from integration.store import hangups
from integration.store.readers import KEPT, Readers
from integration.store.turns import BUSY_SECONDS, Turns

TROUBLE = (DBAPIError, PoolTimeout)
"""What SQLAlchemy raises of a database that is away, busy or broken, and of statements that are wrong."""

Database = Connection
"""An open connection, as queries take it; the rest of the program needs no other word of SQLAlchemy."""

IDLE_SECONDS = 10
"""PostgreSQL ends a transaction that asks nothing for so long, as its process hangs: those who wait for its locks have
more patience than that.
"""
POOL = 10
PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": str(BUSY_SECONDS * 1000),
    "secure_delete": "ON",
    "wal_autocheckpoint": "4000",  # pages, 16 MB: what changes often is then copied once instead of four times
}


class Store:
    """A database that is open. Its context managers turn every passing trouble into StoreUnavailable."""

    def __init__(self, url: str) -> None:
        self.engine = _open(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._turns = Turns(self.engine, lambda: self.rung()) if self.is_sqlite else None
        self._readers = Readers(self.engine) if self.is_sqlite else None
        # Reading needs no transaction; on PostgreSQL that saves two round trips a request.
        self._reader = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.rung: Callable[[], None] = lambda: None
        """Called once something was queued and committed, by `wakeups.notify`; PostgreSQL sends a notice instead."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries. Raises StoreUnavailable."""
        own = None
        try:
            own = self._readers.own() if self._readers else None
            if own is not None:
                yield own
                return
            with self._reader.connect() as connection:
                yield connection
        except TROUBLE as error:
            if self._readers and own is not None:
                self._readers.drop(own)
            raise _as_known(error) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, committed and on disk when the block ends. Raises StoreUnavailable, then nothing is stored."""
        try:
            with self._turns.taken() if self._turns else self.engine.begin() as connection:
                yield connection
        except TROUBLE as error:
            raise _as_known(error) from error

    def close(self) -> None:
        """Closes every connection; on SQLite the last one folds the write-ahead log into the file."""
        if self._readers:
            self._readers.close()
        if self._turns:
            self._turns.close()
        self.engine.dispose()


def _open(url: str) -> Engine:
    if not url.startswith("sqlite"):
        try:
            engine = create_engine(
                url,
                pool_size=POOL,
                max_overflow=POOL,
                hide_parameters=True,
                connect_args={
                    "options": f"-c lock_timeout={BUSY_SECONDS}s -c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
                },
            )
        except ModuleNotFoundError:
            raise ConfigError(
                "TURNTWICE_DATABASE_URL: PostgreSQL needs its driver: pip install 'turntwice[postgres]'"
            ) from None
        hangups.watch(engine)
        return engine
    # isolation_level None: the driver starts no transaction of its own, so ours are the only ones.
    engine = create_engine(
        url,
        pool_size=KEPT + POOL,
        max_overflow=POOL,
        hide_parameters=True,
        pool_reset_on_return=None,  # nothing is left open: reading has no transaction, and turns.py ends its own
        connect_args={"isolation_level": None, "timeout": BUSY_SECONDS},
    )
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    for name, value in PRAGMAS.items():
        _set(connection, f"PRAGMA {name}={value}")


def _set(connection: Any, pragma: str) -> None:
    """Sets it. The change to WAL answers "locked" at once when two first starts meet, so it is tried again."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(pragma)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _as_known(error: Exception) -> Exception:
    """The error as our callers know it. Raises it as it is where it is a mistake of ours."""
    # PostgreSQL calls it "internal" that it only reads for now, as a standby does.
    if isinstance(error, (OperationalError, InternalError, PoolTimeout)):
        return StoreUnavailable(_told(error))
    if isinstance(error, IntegrityError):
        return StoreUnavailable("what this change stands on was changed meanwhile; try again")
    # SQLite says of a damaged or foreign file just "DatabaseError"; its children are mistakes of ours.
    if isinstance(error, DBAPIError) and (error.connection_invalidated or type(error.orig) is sqlite3.DatabaseError):
        return StoreUnavailable(f"{_told(error)}; 'turntwice db check' looks closer")
    raise error


def _told(error: Exception) -> str:
    """What the engine said, without the statement or its values."""
    cause = str(getattr(error, "orig", error)).splitlines()
    return f"the database cannot be used now: {cause[0] if cause else type(error).__name__}"
