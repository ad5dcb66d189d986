"""Looks for the message of ours that a report may be the echo of, or that an undo takes back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select, update

from integration.store.dispatches import OVERTAKEN, SESSION, Kind, State
from integration.store.tables import connections, dispatches, facts, outlets

UNSURE = ("timeout", "too_slow", "unreachable", "unreadable_answer", "mistake", "killed", "no_store")
"""Reasons of refusals after which a message may have arrived all the same, as after an answer of 5xx. Any other reason
is a plain no: what comes back then is no echo.
"""

_WENT_OUT = or_(dispatches.c.attempted_at.is_not(None), dispatches.c.id == outlets.c.sending)
_MAY_HAVE_ARRIVED = or_(
    dispatches.c.reason.is_(None),
    dispatches.c.reason.in_((*UNSURE, OVERTAKEN)),
    dispatches.c.reason.startswith("http_5", autoescape=True),
)


@dataclass(frozen=True, slots=True)
class Word:
    """What a message said: `told` is its content as JSON. `since` is when it was tried last, or else made (UTC);
    `went_out`: it was tried, or is on its way.
    """

    id: int
    kind: Kind
    state: State
    told: str
    made: datetime
    since: datetime
    went_out: bool


def was_refused(reason: str | None) -> bool:
    """Whether a message that was answered so cannot have arrived."""
    return reason is not None and reason not in UNSURE and not reason.startswith("http_5")


def is_of(db: Connection, key: str, person: str) -> bool:
    """Whether we told something of that person under that key, to whomever."""
    query = select(dispatches.c.id).join(connections)
    return bool(db.execute(query.where(dispatches.c.key == key, connections.c.person == person)).first())


def is_told(db: Connection, person: str, day: date, slot: str) -> bool:
    """Whether a message that a session is done went out to anybody."""
    all_told = dispatches.join(connections).outerjoin(outlets, outlets.c.connection == connections.c.id)
    about = (dispatches.c.date == day, dispatches.c.slot == slot, dispatches.c.kind == Kind.DONE)
    query = select(dispatches.c.id).select_from(all_told).where(connections.c.person == person, *about, _WENT_OUT)
    return bool(db.execute(query.limit(1)).first())


def made(db: Connection, connection: str, remote: str) -> bool:
    """Whether a service has something of that id from us."""
    query = select(dispatches.c.id).where(dispatches.c.connection == connection, dispatches.c.remote == remote)
    return bool(db.execute(query.where(dispatches.c.kind != Kind.FETCH).limit(1)).first())


def come_by(db: Connection, connection: str, person: str, since: date) -> bool:
    """Whether something that we told came back by a connection, of a session on that day or later."""
    query = select(facts.c.id).where(facts.c.person == person, facts.c.date >= since)
    return bool(db.execute(query.where(facts.c.source == connection, facts.c.echo).limit(1)).first())


def heard(
    db: Connection, connection: str, person: str, day: date, slots: Sequence[str], since: datetime
) -> list[tuple[Kind, bool]]:
    """What a connection has said of those sessions after `since` (UTC): the kind, and whether it was an echo."""
    query = select(facts.c.kind, facts.c.echo).where(facts.c.person == person, facts.c.date == day)
    query = query.where(facts.c.slot.in_(slots), facts.c.source == connection, facts.c.received_at >= since)
    return [(Kind(row.kind), row.echo) for row in db.execute(query)]


def last_word(db: Connection, connection: str, day: date, slots: Collection[str]) -> Word | None:
    """The last message about one of those sessions that went out, or is yet to."""
    query = _words(connection, day, slots).where(or_(dispatches.c.state != State.DROPPED, _WENT_OUT))
    row = db.execute(query.order_by(dispatches.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _word(row)


def stands_since(db: Connection, connection: str, day: date, slot: str) -> datetime | None:
    """When the message was made (UTC) by which a session is done at a connection; None where the last word that went
    out, or is yet to, is another, or was given up.
    """
    last = last_word(db, connection, day, [slot])
    if last is None or not last.went_out or last.kind is not Kind.DONE or last.state is State.DEAD:
        return None
    return last.made


def expected(
    db: Connection, connection: str, kind: Kind, day: date, slots: Sequence[str], since: datetime
) -> Word | None:
    """The first message of that kind about one of those sessions that may have arrived after `since` (UTC), and has not
    come back yet. What the service has an id of is known by that alone: see `made`.
    """
    arrived = dispatches.c.attempted_at.is_not(None) & (dispatches.c.attempted_at >= since) & _MAY_HAVE_ARRIVED
    query = _words(connection, day, slots).where(
        dispatches.c.kind == kind,
        dispatches.c.echoed.is_(False),
        dispatches.c.remote.is_(None),
        dispatches.c.state != State.DEAD,
        or_(arrived, dispatches.c.id == outlets.c.sending),
    )
    row = db.execute(query.order_by(dispatches.c.id).limit(1)).one_or_none()
    return None if row is None else _word(row)


def take(db: Connection, message: int) -> None:
    """Nothing more of what a message told comes back."""
    db.execute(update(dispatches).where(dispatches.c.id == message).values(echoed=True))


def _words(connection: str, day: date, slots: Collection[str]) -> Any:
    columns = (dispatches.c[name] for name in ("id", "kind", "state", "told", "created_at", "attempted_at"))
    about: tuple[ColumnElement[bool], ...] = (dispatches.c.date == day, dispatches.c.slot.in_(slots))
    return (
        select(*columns, _WENT_OUT.label("went_out"))
        .join(outlets, outlets.c.connection == dispatches.c.connection)
        .where(dispatches.c.connection == connection, *about, dispatches.c.kind.in_(SESSION))
    )


def _word(row: Row[Any]) -> Word:
    since = row.attempted_at or row.created_at
    return Word(row.id, Kind(row.kind), State(row.state), row.told, row.created_at, since, bool(row.went_out))
