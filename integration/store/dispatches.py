"""Dispatches: the messages to other services, waiting and gone, each kept for some weeks with what became of it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, literal_column, select, update

from integration.store.tables import connections, dispatches, people

LARGEST = 1 << 63


class Kind(StrEnum):
    """What a message says. `FETCH` gets what a notice of the service named (`remote`)."""

    DONE = "done"
    UNDONE = "undone"
    EVENT = "event"
    FETCH = "fetch"


SESSION = (Kind.DONE, Kind.UNDONE)
"""The kinds of which a session has one waiting message at most."""


class State(StrEnum):
    """`DEAD`: given up. `DROPPED`: not sent, as there was no more need or no way."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message. `told` is its content as JSON, `message` what to say of it to the person; instants are UTC."""

    id: int
    connection: str
    key: str
    kind: Kind
    date: date
    slot: str
    told: str = field(repr=False)
    state: State
    due_at: datetime
    attempts: int
    kills: int
    attempted_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    remote: str | None
    reason: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Addressee:
    """To whom a message goes: what is stored of the connection, and of its person the plan."""

    connection: str
    service: str
    settings: str
    tokens: str | None = field(repr=False)
    revoked: bool
    plan: str = field(repr=False)


_COLUMNS = tuple(Dispatch.__dataclass_fields__)
_OF = dispatches.c.connection == bindparam("whose")
# Word for word as in the index's condition: with a bound value SQLite would not use it.
_WAITING = dispatches.c.state == literal_column("'waiting'")
_ADD = insert(dispatches).values({name: bindparam(name) for name in _COLUMNS if name != "id"})
_NEWEST = (
    select(dispatches)
    .where(_OF, dispatches.c.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(dispatches.c.id.desc())
)
_SESSION = _NEWEST.where(dispatches.c.date == bindparam("date"), dispatches.c.slot == bindparam("slot")).limit(5)
_KIND = _NEWEST.where(_WAITING)
_HEADS = (
    select(
        dispatches,
        connections.c.service,
        connections.c.settings,
        connections.c.tokens,
        connections.c.revoked_at,
        people.c.plan,
    )
    .join(connections, connections.c.id == dispatches.c.connection)
    .join(people)
    .where(_OF, _WAITING)
    .limit(1)
)
_FIRST_DUE = _HEADS.where(dispatches.c.due_at <= bindparam("now")).order_by(dispatches.c.due_at, dispatches.c.id)
_LONGEST_AGO = _HEADS.order_by(dispatches.c.attempted_at.asc().nulls_first(), dispatches.c.id)
_NEXT_DUE = select(func.min(dispatches.c.due_at)).where(_OF, _WAITING)
_IF_WAITING = update(dispatches).where(dispatches.c.id == bindparam("which"), _WAITING)


def add(db: Connection, dispatch: Dispatch) -> None:
    """Stores a message; its id is the table's to give."""
    db.execute(_ADD, {name: getattr(dispatch, name) for name in _COLUMNS if name != "id"})


def of_session(db: Connection, connection: str, day: date, slot: str) -> list[Dispatch]:
    """The newest messages about one session, newest first; one that waits is among them."""
    values = {"whose": connection, "kinds": SESSION, "date": day, "slot": slot}
    return [as_dispatch(row) for row in db.execute(_SESSION, values)]


def waiting(db: Connection, connection: str, kind: Kind) -> list[Dispatch]:
    """The waiting messages of a kind, newest first."""
    return [as_dispatch(row) for row in db.execute(_KIND, {"whose": connection, "kinds": [kind]})]


def last(db: Connection, connection: str, kind: Kind) -> Dispatch | None:
    """The newest message of a kind that was not dropped."""
    query = select(dispatches).where(dispatches.c.connection == connection, dispatches.c.kind == kind)
    query = query.where(dispatches.c.state != State.DROPPED).order_by(dispatches.c.id.desc()).limit(1)
    row = db.execute(query).one_or_none()
    return None if row is None else as_dispatch(row)


def head(db: Connection, connection: str, now: datetime, probe: bool) -> tuple[Dispatch, Addressee] | None:
    """The message to send now: the first that is due. For a probe the one never tried or tried longest ago, due or not,
    so that a message which always fails holds up no other.
    """
    query, values = (_LONGEST_AGO, {}) if probe else (_FIRST_DUE, {"now": now})
    row = db.execute(query, values | {"whose": connection}).one_or_none()
    if row is None:
        return None
    revoked = row.revoked_at is not None
    return as_dispatch(row), Addressee(row.connection, row.service, row.settings, row.tokens, revoked, row.plan)


def next_due(db: Connection, connection: str) -> datetime | None:
    """When the first of what waits is due."""
    found: datetime | None = db.execute(_NEXT_DUE, {"whose": connection}).scalar_one()
    return found


def change(db: Connection, dispatch: int, **values: Any) -> bool:
    """Changes a message that still waits; whether it did."""
    return db.execute(_IF_WAITING.values(values), {"which": dispatch}).rowcount > 0


def note(db: Connection, dispatch: int, **values: Any) -> None:
    """Changes a message whatever became of it meanwhile."""
    db.execute(update(dispatches).where(dispatches.c.id == bindparam("which")).values(values), {"which": dispatch})


def hasten(db: Connection, connection: str, when: datetime) -> None:
    """Nothing that waits is due later than that."""
    late = update(dispatches).where(_OF, _WAITING, dispatches.c.due_at > bindparam("when"))
    db.execute(late.values(due_at=bindparam("when")), {"whose": connection, "when": when})


def release(db: Connection, connection: str) -> None:
    """All that waits is due at once, in the order in which it was made."""
    db.execute(update(dispatches).where(_OF, _WAITING).values(due_at=dispatches.c.created_at), {"whose": connection})


def end(db: Connection, connection: str, state: State, now: datetime, reason: str, message: str) -> None:
    """Ends all that waits."""
    values = {"state": state, "finished_at": now, "reason": reason, "message": message}
    db.execute(update(dispatches).where(_OF, _WAITING).values(values), {"whose": connection})


def by_id(db: Connection, dispatch: int) -> Dispatch | None:
    """The message of that id; None for a number that no engine could hold."""
    if not 0 < dispatch < LARGEST:
        return None
    row = db.execute(select(dispatches).where(dispatches.c.id == dispatch)).one_or_none()
    return None if row is None else as_dispatch(row)


def as_dispatch(row: Row[Any]) -> Dispatch:
    """A row that has the columns of `dispatches`."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    return Dispatch(**values | {"kind": Kind(row.kind), "state": State(row.state)})
