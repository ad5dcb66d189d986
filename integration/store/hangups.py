"""Notices that PostgreSQL has ended a pooled connection, without asking it: that would cost every transaction a round
trip. A server that ends a connection says so, and nothing else comes unasked, or hardly ever.
"""

import selectors
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError


def watch(engine: Engine) -> None:
    """A connection that was ended while nobody used it is replaced, and all that are older, before it is used again."""

    def look(connection: Any, _record: object, _proxy: object) -> None:
        if _has_come(connection) and not _answers(engine, connection):
            raise InvalidatePoolError

    event.listen(engine, "checkout", look)


def _has_come(connection: Any) -> bool:
    if connection.closed:
        return True
    with selectors.DefaultSelector() as line:
        line.register(connection.fileno(), selectors.EVENT_READ)
        return bool(line.select(0))


def _answers(engine: Engine, connection: Any) -> bool:
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        return False
