"""The messages as people look at them: listed, found again, deleted in time. What is sent is in dispatches.py."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, select

from integration.store.dispatches import Dispatch, Kind, State, as_dispatch
from integration.store.tables import connections, dispatches

_OF = dispatches.c.connection == bindparam("whose")


def by_remote(db: Connection, connection: str, remote: str) -> Dispatch | None:
    """The message by which we made something at a service, by the service's own id of it: so we know our echo."""
    query = select(dispatches).where(_OF, dispatches.c.remote == remote, dispatches.c.kind != Kind.FETCH)
    row = db.execute(query.order_by(dispatches.c.id.desc()).limit(1), {"whose": connection}).one_or_none()
    return None if row is None else as_dispatch(row)


def of_person(db: Connection, person: str, states: Iterable[State], limit: int) -> list[Dispatch]:
    """A person's newest messages in those states, newest first."""
    query = select(dispatches).join(connections).where(connections.c.person == person)
    return _newest(db, query.where(dispatches.c.state.in_(list(states))), limit)


def all_in(db: Connection, states: Iterable[State], limit: int) -> list[Dispatch]:
    """Everybody's newest messages in those states, newest first."""
    return _newest(db, select(dispatches).where(dispatches.c.state.in_(list(states))), limit)


def between(db: Connection, connection: str, first: datetime, last: datetime) -> list[Dispatch]:
    """A connection's messages that were made in that time, both ends included, oldest first."""
    made = dispatches.c.created_at.between(first, last)
    query = select(dispatches).where(_OF, made).order_by(dispatches.c.id)
    return [as_dispatch(row) for row in db.execute(query, {"whose": connection})]


def oldest(db: Connection, limit: int) -> list[Dispatch]:
    """The first messages of all."""
    return [as_dispatch(row) for row in db.execute(select(dispatches).order_by(dispatches.c.id).limit(limit))]


def remove(db: Connection, ids: Sequence[int]) -> None:
    """Deletes messages."""
    db.execute(delete(dispatches).where(dispatches.c.id.in_(ids)))


def _newest(db: Connection, query: Select[Any], limit: int) -> list[Dispatch]:
    return [as_dispatch(row) for row in db.execute(query.order_by(dispatches.c.id.desc()).limit(limit))]
