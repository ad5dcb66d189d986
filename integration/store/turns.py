"""SQLite has one writer. Threads take turns here, and those who wait share one transaction and its commit.

A commit waits for the disk, and costs as much for eight completions as for one. Whoever finds nobody waiting commits
for all since the last commit; each caller goes on only when its own work is on disk (webhook-reliability, finding 1).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, get_ident

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from integration.store import quick
from integration.store.fair import FairLock

RINGS = "rings"
"""In the notes of a connection: what this turn writes needs somebody to be woken when it is committed."""

BUSY_SECONDS = 15
"""How long to wait for a turn; whoever has it waits as long for other processes (engine.py)."""

MOST = 64
"""So many turns at most share a commit, so that the first of them does not wait for ever."""


@dataclass(slots=True)
class _Batch:
    """A transaction that is open, the turns in it, and what became of its commit."""

    connection: Connection
    turns: int = 0
    error: Exception | None = None
    over: Lock = field(default_factory=Lock)
    """Taken until the batch is over. Waking a thread by a bare lock costs a fraction of what an Event costs."""

    def __post_init__(self) -> None:
        self.over.acquire()


class Turns:
    """The queue of one SQLite file's writers within this process. Calls `rung` once what a turn noted is on disk."""

    def __init__(self, engine: Engine, rung: Callable[[], None]) -> None:
        self._engine, self._rung = engine, rung
        self._turn = FairLock()
        self._whose = 0
        self._batch: _Batch | None = None
        self._kept: Connection | None = None

    def close(self) -> None:
        """Closes the writers' connection; the next turn opens another."""
        with self._turn:
            if self._kept is not None:
                self._kept.close()
                self._kept = None

    @contextmanager
    def taken(self) -> Iterator[Connection]:
        """A turn: what is written in the block is on disk when it ends, or nothing of it is.

        The connection goes from turn to turn: once this one has left, it is somebody else's.
        """
        batch = self._joined()
        try:
            if batch.turns:
                quick.command(batch.connection, "SAVEPOINT turn")
            yield batch.connection
            if batch.turns:
                quick.command(batch.connection, "RELEASE turn")
            rings = batch.connection.info.pop(RINGS, False)
        except BaseException:
            self._take_back(batch)
            raise
        batch.turns += 1
        self._leave(batch)
        with batch.over:
            pass  # and on to the next of those who wait
        if batch.error is not None:
            raise batch.error
        if rings:
            self._rung()

    def _joined(self) -> _Batch:
        if self._whose == get_ident():
            raise RuntimeError("a turn within a turn would wait for itself")
        if not self._turn.acquire(BUSY_SECONDS):
            raise PoolTimeout(f"others have been writing for {BUSY_SECONDS} s")
        self._whose = get_ident()
        try:
            self._batch = self._batch or self._begun()
        except BaseException:
            self._release()
            raise
        return self._batch

    def _begun(self) -> _Batch:
        connection = self._kept or self._engine.connect()
        self._kept = None
        try:
            quick.command(connection, "BEGIN IMMEDIATE")
        except BaseException:
            connection.close()
            raise
        return _Batch(connection)

    def _take_back(self, batch: _Batch) -> None:
        """Undoes one turn; the others of its batch stand, unless the transaction itself is broken."""
        try:
            batch.connection.info.pop(RINGS, None)
            if batch.turns:
                quick.command(batch.connection, "ROLLBACK TO turn")
                quick.command(batch.connection, "RELEASE turn")
        except BaseException as error:
            batch.error = _broken(error)
        finally:
            self._leave(batch)

    def _leave(self, batch: _Batch) -> None:
        """Passes the turn on. Where nobody waits for it, or too many had it, the batch ends here."""
        try:
            if batch.error or not self._turn.awaited or batch.turns >= MOST or not batch.turns:
                self._end(batch)
        finally:
            self._release()

    def _release(self) -> None:
        self._whose = 0
        self._turn.release()

    def _end(self, batch: _Batch) -> None:
        self._batch = None
        try:
            if not batch.error:
                _ended(batch.connection, "COMMIT" if batch.turns else "ROLLBACK")
                self._kept = batch.connection
        except BaseException as error:
            batch.error = _broken(error)
            if not isinstance(error, Exception):
                raise
        finally:
            if self._kept is None:
                # A transaction that failed may still be open: only a closed connection surely has none.
                batch.connection.invalidate()
                batch.connection.close()
            batch.over.release()


def _broken(error: BaseException) -> Exception:
    """What those who share a transaction are told of what broke it: of another's mistake only that it did."""
    return error if isinstance(error, DBAPIError) else PoolTimeout("another's writing broke the transaction")


def _ended(connection: Connection, how: str) -> None:
    """Ends a transaction by that command; SQLAlchemy knows of it only if something in it went through SQLAlchemy."""
    if not connection.in_transaction():
        quick.command(connection, how)
    elif how == "COMMIT":
        connection.commit()
    else:
        connection.rollback()
