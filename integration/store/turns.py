"""SQLite has one writer. Threads take turns here, and those who wait share one transaction and its commit.

A commit waits for the disk, and costs as much for eight completions as for one. Whoever finds nobody waiting, and
nobody announced, commits for all since the last commit; each caller goes on only when its own work is on disk
(webhook-reliability, finding 1).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, get_ident
from time import monotonic

from sqlalchemy import Connection, Engine

from integration.store import quick

MOST = 64
"""So many turns at most share a commit, so that the first of them does not wait for ever."""
SOON = 0.002
"""Seconds for which an announced turn is waited for: many times what judging a delivery takes."""


@dataclass(slots=True)
class _Batch:
    """A transaction that is open, the turns in it, and what became of its commit."""

    connection: Connection
    turns: int = 0
    over: Event = field(default_factory=Event)
    error: BaseException | None = None


class Turns:
    """The queue of one SQLite file's writers within this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn, self._counting = Lock(), Lock()
        self._waiting = 0
        self._announced: dict[int, float] = {}
        self._whose = 0
        self._batch: _Batch | None = None
        self._kept: Connection | None = None

    def close(self) -> None:
        """Closes the writers' connection; the next turn opens another."""
        with self._turn:
            if self._kept is not None:
                self._kept.close()
                self._kept = None

    def announce(self) -> None:
        """This thread will want a turn at once: a batch that could end stays open for it, for a moment."""
        with self._counting:
            self._announced[get_ident()] = monotonic() + SOON

    @contextmanager
    def taken(self) -> Iterator[Connection]:
        """A turn: what is written in the block is on disk when it ends, or nothing of it is."""
        batch = self._joined()
        try:
            if batch.turns:
                quick.command(batch.connection, "SAVEPOINT turn")
            yield batch.connection
            if batch.turns:
                quick.command(batch.connection, "RELEASE turn")
        except BaseException:
            self._take_back(batch)
            raise
        batch.turns += 1
        until = self._leave(batch, self._announced_until())
        if not batch.over.wait(until and until - monotonic()):
            self._end_late(batch)
        if batch.error is not None:
            raise batch.error

    def _joined(self) -> _Batch:
        if self._whose == get_ident():
            raise RuntimeError("a turn within a turn would wait for itself")
        with self._counting:
            self._waiting += 1
        self._turn.acquire()
        self._whose = get_ident()
        with self._counting:
            self._waiting -= 1
            self._announced.pop(get_ident(), None)
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
            if batch.turns:
                quick.command(batch.connection, "ROLLBACK TO turn")
                quick.command(batch.connection, "RELEASE turn")
        except Exception as error:
            batch.error = error
        self._leave(batch, None)

    def _leave(self, batch: _Batch, until: float | None) -> float | None:
        """Passes the turn on; until when to wait for an announced turn, None where there is somebody to go on.

        Where nobody waits for the turn or announced one, or too many had it, the batch ends here.
        """
        try:
            if batch.turns and not batch.error and batch.turns < MOST:
                if self._waiting:
                    return None
                if until is not None:
                    return until
            self._end(batch)
            return None
        finally:
            self._release()

    def _announced_until(self) -> float | None:
        """When the last of the announced turns is waited for no more; None where there are none."""
        with self._counting:
            last = max(self._announced.values(), default=0.0)
        return last if last > monotonic() else None

    def _end_late(self, batch: _Batch) -> None:
        """Whoever was announced did not come."""
        with self._turn:
            if self._batch is batch:
                self._end(batch)
        batch.over.wait()

    def _release(self) -> None:
        self._whose = 0
        self._turn.release()

    def _end(self, batch: _Batch) -> None:
        self._batch = None
        try:
            if batch.turns and not batch.error:
                if batch.connection.in_transaction():
                    batch.connection.commit()
                else:  # nothing in it went through SQLAlchemy
                    quick.command(batch.connection, "COMMIT")
                self._kept = batch.connection
        except Exception as error:
            batch.error = error
        finally:
            if self._kept is None:
                # A transaction that failed may still be open: only a closed connection surely has none.
                batch.connection.invalidate()
                batch.connection.close()
            batch.over.set()
