"""How a process hears at once that another one has queued something: PostgreSQL's LISTEN and NOTIFY.

SQLite has one process: there the store itself rings, see engine.Store.rung.
"""

import logging
import selectors
import socket
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection, text

from integration.store.engine import Store
from integration.store.turns import RINGS

AGAIN_SECONDS = 5.0
"""After so long a lost connection is made anew; until then the worker looks by itself, only less often."""

log = logging.getLogger(__name__)


def notify(db: Connection) -> None:
    """Wakes the worker when the transaction is committed, and only then."""
    if db.dialect.name == "sqlite":
        db.info[RINGS] = True
    else:
        db.exec_driver_sql("NOTIFY turntwice")


class Listener:
    """Calls `heard` at every notice. Waits without polling, in a thread of its own and with a connection of its own."""

    def __init__(self, store: Store, heard: Callable[[], None]) -> None:
        self._store, self._heard = store, heard
        self._stopping = Event()
        self._stop, self._stopped = socket.socketpair()
        self._thread = Thread(target=self._run, name="turntwice-listener", daemon=True)

    def start(self) -> None:
        """Begins to listen; nothing where the engine has no notices."""
        if not self._store.is_sqlite:
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread and its connection."""
        self._stopping.set()
        self._stop.send(b".")
        if self._thread.ident is not None:
            self._thread.join(AGAIN_SECONDS)
        self._stop.close()
        self._stopped.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except Exception as error:
                log.warning("lost the connection that wakes the worker (%s); trying again", type(error).__name__)
                self._stopping.wait(AGAIN_SECONDS)

    def _listen(self) -> None:
        with self._store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()  # it waits for ever: the pool's are for queries
            connection.execute(text("LISTEN turntwice"))
            driver: Any = connection.connection.dbapi_connection
            self._heard()  # what came before we listened
            while self._waited(driver):
                self._heard()

    def _waited(self, driver: Any) -> bool:
        """True when a notice came, False when we are to stop. Raises where the connection is lost."""
        heard = 0
        with selectors.DefaultSelector() as either:
            either.register(driver.fileno(), selectors.EVENT_READ)
            either.register(self._stopped, selectors.EVENT_READ)
            while not heard:
                ready = [key.fileobj for key, _ in either.select()]
                if self._stopped in ready:
                    return False
                driver.pgconn.consume_input()
                while driver.pgconn.notifies():
                    heard += 1
        return True
