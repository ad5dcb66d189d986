"""Outlets: the connections that want to be told, each with its queue's lease and how its service is doing.

A worker leases an outlet, not a message: what is for one service goes out in order, by one sender at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, bindparam, func, or_, select, update

from integration.dispatching.breaker import DOWN, Health
from integration.store.tables import connections, outlets, people
from integration.store.upsert import insert_into

_HEALTH = tuple(Health.__dataclass_fields__)
_ANY = (1 << 31) - 1
_LOCKED = select(outlets).where(outlets.c.connection == bindparam("connection")).with_for_update()
_MAY_GO = or_(outlets.c.probe_at.is_(None), outlets.c.failures < bindparam("below"))
_DUE = (
    select(outlets)
    .where(outlets.c.next_at <= bindparam("now"), _MAY_GO)
    .order_by(outlets.c.next_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_EARLIEST = (
    select(outlets.c.next_at).where(outlets.c.next_at.is_not(None), _MAY_GO).order_by(outlets.c.next_at).limit(1)
)
_ONE = update(outlets).where(outlets.c.connection == bindparam("which"))
_LEASE = _ONE.values({name: bindparam(name) for name in ("lease_until", "lease_by", "sending", "next_at")})
_SAVE = _ONE.values(
    {name: bindparam(name) for name in (*_HEALTH, "next_at")} | {"lease_until": None, "lease_by": None, "sending": None}
)
_LOOK = _ONE.values(next_at=bindparam("next_at"))
_OF = (
    select(connections.c.id, connections.c.service, connections.c.label, connections.c.settings, outlets)
    .join(outlets, outlets.c.connection == connections.c.id)
    .where(connections.c.person == bindparam("person"), connections.c.revoked_at.is_(None))
    .order_by(connections.c.created_at, connections.c.id)
)


@dataclass(frozen=True, slots=True)
class Outlet:
    """One queue. While it is leased, `next_at` is the end of the lease, and `sending` the id of what is on its way."""

    connection: str
    health: Health = field(default_factory=Health)
    next_at: datetime | None = None
    lease_until: datetime | None = None
    lease_by: str | None = None
    sending: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A live connection that wants to be told, with its readable settings (label and mapping)."""

    connection: str
    service: str
    label: str
    settings: Mapping[str, str]
    outlet: Outlet


def add(db: Connection, connection: str, tokens: str | None) -> None:
    """Makes a stored connection one that wants to be told. `tokens`: sealed, by integration/connecting/tokens.py."""
    db.execute(update(connections).where(connections.c.id == connection).values(outgoing=True, tokens=tokens))
    fresh = insert_into(outlets, db.dialect.name).values(connection=connection, failures=0, noticed=0)
    db.execute(fresh.on_conflict_do_nothing())
    _recount(db, connection)


def remove(db: Connection, connection: str) -> None:
    """Makes it one that is told nothing more, and forgets its secrets."""
    db.execute(update(connections).where(connections.c.id == connection).values(outgoing=False, tokens=None))
    db.execute(outlets.delete().where(outlets.c.connection == connection))
    _recount(db, connection)


def of(db: Connection, person: str) -> list[Told]:
    """A person's live connections that want to be told, oldest first."""
    return [
        Told(row.id, row.service, row.label, msgspec.json.decode(row.settings, type=dict[str, str]), _outlet(row))
        for row in db.execute(_OF, {"person": person})
    ]


def locked(db: Connection, connection: str) -> Outlet | None:
    """The outlet of a connection, which nobody else changes until the transaction ends."""
    row = db.execute(_LOCKED, {"connection": connection}).one_or_none()
    return None if row is None else _outlet(row)


def due(db: Connection, now: datetime, most: int, probes: bool) -> list[Outlet]:
    """The outlets to be worked on now, longest due first, locked; those that others hold locked are passed over.

    `probes`: also the ones of which nothing but a probe is sent.
    """
    values = {"now": now, "most": most, "below": _ANY if probes else DOWN}
    return [_outlet(row) for row in db.execute(_DUE, values)]


def earliest(db: Connection, probes: bool) -> datetime | None:
    """When the next outlet is due."""
    found: datetime | None = db.execute(_EARLIEST, {"below": _ANY if probes else DOWN}).scalar_one_or_none()
    return found


def lease(db: Connection, connection: str, worker: str, until: datetime, sending: int) -> None:
    """Gives an outlet to a worker."""
    db.execute(
        _LEASE,
        {"which": connection, "lease_until": until, "lease_by": worker, "sending": sending, "next_at": until},
    )


def save(db: Connection, connection: str, health: Health, next_at: datetime | None) -> None:
    """Stores how the service is doing and when to look again, and ends the lease."""
    values = {name: getattr(health, name) for name in _HEALTH}
    db.execute(_SAVE, values | {"which": connection, "next_at": next_at})


def look(db: Connection, connection: str, next_at: datetime | None) -> None:
    """Sets when an outlet is worked on next; a lease stays as it is."""
    db.execute(_LOOK, {"which": connection, "next_at": next_at})


def expire(db: Connection, now: datetime) -> None:
    """Ends every lease, where no other process can hold one."""
    db.execute(update(outlets).where(outlets.c.lease_by.is_not(None)).values(next_at=now))


def _recount(db: Connection, connection: str) -> None:
    whose = select(connections.c.person).where(connections.c.id == connection).scalar_subquery()
    live = and_(connections.c.person == whose, connections.c.outgoing, connections.c.revoked_at.is_(None))
    counted = select(func.count()).select_from(connections).where(live).scalar_subquery()
    db.execute(update(people).where(people.c.id == whose).values(tells=counted))


def _outlet(row: Row[Any]) -> Outlet:
    health = Health(*(getattr(row, name) for name in _HEALTH))
    return Outlet(row.connection, health, row.next_at, row.lease_until, row.lease_by, row.sending)
