"""Dispatches: the messages to other services, waiting and gone, each kept for some weeks with what became of it.

Length: the statements, made once, stand here beside what runs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Update,
    UpdateBase,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from integration.store import quick
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
OVERTAKEN = "overtaken"
"""The reason of a message that was dropped because what it says was said to be otherwise."""


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


IS_WAITING = dispatches.c.state == literal_column("'waiting'")
"""Word for word as in the index's condition: with a bound value SQLite would not use it."""

_sessions = dispatches.alias("sessions")
MAY_GO = and_(
    IS_WAITING,
    or_(
        dispatches.c.kind != literal_column(f"'{Kind.EVENT}'"),
        ~exists().where(
            _sessions.c.connection == dispatches.c.connection,
            _sessions.c.state == literal_column("'waiting'"),
            _sessions.c.kind.in_([literal_column(f"'{kind}'") for kind in SESSION]),
            _sessions.c.id < dispatches.c.id,
        ),
    ),
)
"""What waits, but for news of the streak that came of a session which waits itself."""

_NAMES = tuple(Dispatch.__dataclass_fields__)
_COLUMNS = tuple(dispatches.c[name] for name in _NAMES)
_INSTANTS = ("due_at", "attempted_at", "created_at", "finished_at")
_OF = dispatches.c.connection == bindparam("whose")
_THIS = dispatches.c.id == bindparam("which")
_ADD = insert(dispatches).values({name: bindparam(name) for name in _NAMES if name != "id"} | {"echoed": False})
_NEWEST = select(*_COLUMNS).where(_OF).order_by(dispatches.c.id.desc())
_ABOUT = (dispatches.c.date == bindparam("date"), dispatches.c.slot == bindparam("slot"))
_SESSION = _NEWEST.where(*_ABOUT, dispatches.c.kind.in_([literal_column(f"'{kind}'") for kind in SESSION])).limit(50)
_WENT_OUT = or_(dispatches.c.state == literal_column(f"'{State.SENT}'"), dispatches.c.attempted_at.is_not(None))
_OF_KIND = _NEWEST.where(dispatches.c.kind == bindparam("kind"))
_WAITING = _OF_KIND.where(IS_WAITING)
_HEARD = _OF_KIND.where(or_(IS_WAITING, _WENT_OUT)).limit(50)
_LAST = _OF_KIND.where(dispatches.c.state != literal_column(f"'{State.DROPPED}'")).limit(1)
_BY_ID = select(*_COLUMNS).where(_THIS)
_TO = (connections.c.service, connections.c.settings, connections.c.tokens, connections.c.revoked_at, people.c.plan)
_HEADS = (
    select(*_COLUMNS, *_TO)
    .join(connections, connections.c.id == dispatches.c.connection)
    .join(people)
    .where(_OF, MAY_GO)
    .limit(1)
)
_FIRST_DUE = _HEADS.where(dispatches.c.due_at <= bindparam("now")).order_by(dispatches.c.due_at, dispatches.c.id)
_LONGEST_AGO = _HEADS.order_by(dispatches.c.attempted_at.asc().nulls_first(), dispatches.c.id)
_NEXT_DUE = select(func.min(dispatches.c.due_at)).where(_OF, MAY_GO)
_ALL_WAITING = update(dispatches).where(_OF, IS_WAITING)
_HASTEN = _ALL_WAITING.where(dispatches.c.due_at > bindparam("when")).values(due_at=bindparam("when"))
_RELEASE = _ALL_WAITING.values(due_at=dispatches.c.created_at)
_END = _ALL_WAITING.values({name: bindparam(name) for name in ("state", "finished_at", "reason", "message")})


def add(db: Connection, dispatch: Dispatch) -> None:
    """Stores a message; its id is the table's to give."""
    values = {name: _plain(getattr(dispatch, name)) for name in _NAMES if name not in ("id", "date")}
    quick.run(db, _ADD, values | {"date": quick.day(db, dispatch.date)})


def of_session(db: Connection, connection: str, day: date, slot: str) -> list[Dispatch]:
    """The newest messages about one session, newest first; one that waits is among them."""
    values = {"whose": connection, "date": quick.day(db, day), "slot": slot}
    return [_dispatch(row) for row in quick.rows(db, _SESSION, values)]


def waiting(db: Connection, connection: str, kind: Kind) -> list[Dispatch]:
    """The waiting messages of a kind, newest first."""
    return [_dispatch(row) for row in quick.rows(db, _WAITING, {"whose": connection, "kind": kind.value})]


def heard(db: Connection, connection: str, kind: Kind) -> list[Dispatch]:
    """The newest messages of a kind that wait or went out, newest first."""
    return [_dispatch(row) for row in quick.rows(db, _HEARD, {"whose": connection, "kind": kind.value})]


def last(db: Connection, connection: str, kind: Kind) -> Dispatch | None:
    """The newest message of a kind that was not dropped."""
    found = quick.rows(db, _LAST, {"whose": connection, "kind": kind.value})
    return _dispatch(found[0]) if found else None


def head(db: Connection, connection: str, now: datetime, probe: bool) -> tuple[Dispatch, Addressee] | None:
    """The message to send now: the first that is due. For a probe the one never tried or tried longest ago, due or not,
    so that a message which always fails holds up no other.
    """
    query, values = (_LONGEST_AGO, {}) if probe else (_FIRST_DUE, {"now": quick.micros(now)})
    found = quick.rows(db, query, {**values, "whose": connection})
    if not found:
        return None
    service, settings, tokens, revoked_at, plan = found[0][len(_NAMES) :]
    return _dispatch(found[0]), Addressee(connection, service, settings, tokens, revoked_at is not None, plan)


def next_due(db: Connection, connection: str) -> datetime | None:
    """When the first of what waits is due."""
    return quick.instant_if_any(quick.rows(db, _NEXT_DUE, {"whose": connection})[0][0])


def change(db: Connection, dispatch: int, **values: Any) -> bool:
    """Changes a message that still waits; whether it did."""
    return bool(quick.rows(db, _changing(tuple(values)), _all_plain(values) | {"which": dispatch}))


def note(db: Connection, dispatch: int, **values: Any) -> None:
    """Changes a message whatever became of it meanwhile."""
    quick.run(db, _noting(tuple(values)), _all_plain(values) | {"which": dispatch})


def hasten(db: Connection, connection: str, when: datetime) -> None:
    """Nothing that waits is due later than that."""
    quick.run(db, _HASTEN, {"whose": connection, "when": quick.micros(when)})


def release(db: Connection, connection: str) -> None:
    """All that waits is due at once, in the order in which it was made."""
    quick.run(db, _RELEASE, {"whose": connection})


def end(db: Connection, connection: str, state: State, now: datetime, reason: str, message: str) -> None:
    """Ends all that waits."""
    values = {"state": state, "finished_at": now, "reason": reason, "message": message}
    quick.run(db, _END, _all_plain(values) | {"whose": connection})


def by_id(db: Connection, dispatch: int) -> Dispatch | None:
    """The message of that id; None for a number that no engine could hold."""
    found = quick.rows(db, _BY_ID, {"which": dispatch}) if 0 < dispatch < LARGEST else []
    return _dispatch(found[0]) if found else None


def as_dispatch(row: Row[Any]) -> Dispatch:
    """A row that has the columns of `dispatches`."""
    values = {name: getattr(row, name) for name in _NAMES}
    return Dispatch(**values | {"kind": Kind(row.kind), "state": State(row.state)})


@cache
def _noting(names: tuple[str, ...]) -> Update:
    return update(dispatches).where(_THIS).values({name: bindparam(name) for name in names})


@cache
def _changing(names: tuple[str, ...]) -> UpdateBase:
    return _noting(names).where(IS_WAITING).returning(dispatches.c.id)


def _all_plain(values: Mapping[str, Any]) -> dict[str, object]:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """As the driver takes it."""
    if isinstance(value, datetime):
        return quick.micros(value)
    return value.value if isinstance(value, StrEnum) else value


def _dispatch(row: Any) -> Dispatch:
    """Of a row that begins with `_NAMES`, as the driver gives it."""
    values = dict(zip(_NAMES, row, strict=False))
    values |= {name: quick.instant_if_any(values[name]) for name in _INSTANTS}
    values |= {"kind": Kind(values["kind"]), "state": State(values["state"]), "date": quick.as_date(values["date"])}
    return Dispatch(**values)
