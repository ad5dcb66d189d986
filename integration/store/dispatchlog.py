"""The messages as people look at them: listed, found again, deleted in time. What is sent is in dispatches.py."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, select

from integration.store.dispatches import Dispatch, State, as_dispatch
from integration.store.tables import connections, dispatches

_OF = dispatches.c.connection == bindparam("whose")


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


def over(db: Connection, state: State, before: datetime, limit: int) -> list[int]:
    """The ids of some messages in that state that were finished before then, oldest first; others leave them alone."""
    query = select(dispatches.c.id).where(dispatches.c.state == state, dispatches.c.finished_at < before)
    query = query.order_by(dispatches.c.finished_at).limit(limit).with_for_update(skip_locked=True)
    return list(db.execute(query).scalars())


def remove(db: Connection, ids: Sequence[int]) -> None:
    """Deletes messages."""
    db.execute(delete(dispatches).where(dispatches.c.id.in_(ids)))


def _newest(db: Connection, query: Select[Any], limit: int) -> list[Dispatch]:
    return [as_dispatch(row) for row in db.execute(query.order_by(dispatches.c.id.desc()).limit(limit))]
