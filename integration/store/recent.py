"""A person's newest messages as their page lists them: without what they say to the service."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from integration.store.dispatches import Kind, State
from integration.store.tables import connections, dispatches

_FROM_DISPATCH = (
    "id",
    "connection",
    "kind",
    "date",
    "slot",
    "state",
    "due_at",
    "attempts",
    "attempted_at",
    "finished_at",
    "reason",
    "message",
)
# By the time and not by the id: an engine would walk everybody's messages along their ids until it has enough.
_NEWEST = (
    select(*(dispatches.c[name] for name in _FROM_DISPATCH), connections.c.label, connections.c.service)
    .join(connections)
    .where(connections.c.person == bindparam("person"))
    .order_by(dispatches.c.created_at.desc(), dispatches.c.id.desc())
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Recent:
    """One message, and the name of the connection that it is for, which may have ended. Instants are UTC."""

    id: int
    connection: str
    kind: Kind
    date: date
    slot: str
    state: State
    due_at: datetime
    attempts: int
    attempted_at: datetime | None
    finished_at: datetime | None
    reason: str | None
    message: str
    label: str
    service: str


def newest(db: Connection, person: str, most: int) -> list[Recent]:
    """A person's newest messages, newest first. Of one that was sent 90 days are kept, so the cost has a bound."""
    return [_recent(row) for row in db.execute(_NEWEST, {"person": person, "most": most})]


def _recent(row: Any) -> Recent:
    values = {name: getattr(row, name) for name in Recent.__dataclass_fields__}
    return Recent(**values | {"kind": Kind(row.kind), "state": State(row.state)})
