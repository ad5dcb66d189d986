"""Looks for the message of ours that a report may be the echo of."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, or_, select, update

from integration.store.dispatches import SESSION, Kind, State
from integration.store.tables import connections, dispatches, facts, outlets


def is_of(db: Connection, key: str, person: str) -> bool:
    """Whether we told something of that person under that key, to whomever."""
    query = select(dispatches.c.id).join(connections)
    return bool(db.execute(query.where(dispatches.c.key == key, connections.c.person == person)).first())


def come_by(db: Connection, connection: str, person: str, since: date) -> bool:
    """Whether something that we told came back by a connection, of a session on that day or later."""
    query = select(facts.c.id).where(facts.c.person == person, facts.c.date >= since)
    return bool(db.execute(query.where(facts.c.source == connection, facts.c.echo).limit(1)).first())


def stands_since(db: Connection, connection: str, day: date, slot: str) -> datetime | None:
    """When the message was made (UTC) by which a session is done at a connection; None where the last word that went
    out, or is yet to, is another, or was given up.
    """
    went_out = or_(dispatches.c.attempted_at.is_not(None), dispatches.c.id == outlets.c.sending)
    query = (
        select(dispatches.c.kind, dispatches.c.state, dispatches.c.created_at, went_out.label("went_out"))
        .join(outlets, outlets.c.connection == dispatches.c.connection)
        .where(dispatches.c.connection == connection, dispatches.c.date == day, dispatches.c.slot == slot)
        .where(dispatches.c.kind.in_(SESSION), or_(dispatches.c.state != State.DROPPED, went_out))
        .order_by(dispatches.c.id.desc())
        .limit(1)
    )
    last = db.execute(query).one_or_none()
    if last is None or not last.went_out or last.kind != Kind.DONE or last.state == State.DEAD:
        return None
    made: datetime = last.created_at
    return made


def take(db: Connection, connection: str, kind: Kind, day: date, slots: Sequence[str], since: datetime) -> bool:
    """Whether a message of that kind about one of those sessions went out to the connection after `since` (UTC) and has
    not come back yet; from now on it has.
    """
    on_its_way = select(outlets.c.sending).where(outlets.c.connection == connection).scalar_subquery()
    query = (
        select(dispatches.c.id)
        .where(dispatches.c.connection == connection, dispatches.c.kind == kind, dispatches.c.date == day)
        .where(dispatches.c.slot.in_(slots), dispatches.c.echoed.is_(False), dispatches.c.state != State.DEAD)
        .where(or_(dispatches.c.attempted_at >= since, dispatches.c.id == on_its_way))
        .order_by(dispatches.c.id)
        .limit(1)
    )
    found = db.execute(query).scalar_one_or_none()
    if found is not None:
        db.execute(update(dispatches).where(dispatches.c.id == found).values(echoed=True))
    return found is not None
