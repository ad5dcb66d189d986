"""Looks for the message of ours that a report may be the echo of."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, or_, select, update

from integration.store.dispatches import Kind, State
from integration.store.tables import connections, dispatches, outlets


def is_of(db: Connection, key: str, person: str) -> bool:
    """Whether we told something of that person under that key, to whomever."""
    query = select(dispatches.c.id).join(connections)
    return bool(db.execute(query.where(dispatches.c.key == key, connections.c.person == person)).first())


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
