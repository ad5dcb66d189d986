"""SQLite's readers: a connection that stays with its thread, as taking one from the pool costs as much as a query."""

from contextlib import suppress
from threading import Lock, local

from sqlalchemy import Connection, Engine

KEPT = 48
"""So many threads keep theirs: those of the server (server.py) and of the senders (dispatching/worker.py); any others
are lent one from the pool.
"""


class Readers:
    """The connections that threads keep for reading. Each statement is a snapshot of its own; none holds a lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._own, self._lock = engine, local(), Lock()
        self._kept: list[Connection] = []

    def own(self) -> Connection | None:
        """This thread's connection; None where enough threads have one already."""
        found: Connection | None = getattr(self._own, "connection", None)
        if found is not None and not found.closed:
            return found
        with self._lock:
            self._kept = [connection for connection in self._kept if not connection.closed]
            if len(self._kept) >= KEPT:
                return None
            self._own.connection = self._engine.connect()
            self._kept.append(self._own.connection)
        return self.own()

    def drop(self, connection: Connection) -> None:
        """Gives up a connection that met an error; the thread gets a fresh one."""
        with suppress(Exception):
            connection.invalidate()
        with suppress(Exception):
            connection.close()

    def close(self) -> None:
        """Closes all, whichever thread they belong to."""
        with self._lock:
            for connection in self._kept:
                with suppress(Exception):
                    connection.close()
            self._kept = []
