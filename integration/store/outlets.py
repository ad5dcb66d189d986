"""Outlets: the connections that want to be told, each with its queue's lease and how its service is doing.

A worker leases an outlet, not a message: what is for one service goes out in order, by one sender at a time. Where
many outlets lead to one endpoint, only some of them are leased at once, and the others wait for one of those to end.

Length: the statements, made once, stand here beside what runs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, bindparam, case, func, null, or_, select, update

from integration.dispatching.breaker import DOWN, Health, bounds
from integration.dispatching.endpoints import endpoint
from integration.keys import is_id
from integration.store import quick
from integration.store.dispatches import MAY_GO
from integration.store.tables import connections, dispatches, outlets, people
from integration.store.upsert import insert_into

TOGETHER = 4
"""So many messages at most are on their way to one endpoint, over all workers (webhook-reliability S10)."""
NOBODY = ""
"""Who holds the lease of an outlet whose message set out before it began afresh."""

_HEALTH = tuple(Health.__dataclass_fields__)
_INSTANTS = ("next_at", "lease_until", "failing_since", "succeeded_at", "probe_at", "not_before", "disabled_at")
_NAMES = ("connection", "endpoint", "next_at", "lease_until", "lease_by", "sending", *_HEALTH)
_COLUMNS = tuple(outlets.c[name] for name in _NAMES)
_ANY, _FOREVER = (1 << 31) - 1, (1 << 63) - 1

_FLYING = outlets.alias("flying")
_IS_FLYING = _FLYING.c.lease_by.is_not(None)
_BESIDE = select(func.count()).where(_FLYING.c.endpoint == outlets.c.endpoint, _IS_FLYING).scalar_subquery()
_FULL = select(_FLYING.c.endpoint).where(_IS_FLYING).group_by(_FLYING.c.endpoint).having(func.count() >= TOGETHER)
# What a lost worker left leased has its place already.
_ROOM = or_(outlets.c.lease_by.is_not(None), outlets.c.endpoint.not_in(_FULL))
_MAY_GO = and_(or_(outlets.c.probe_at.is_(None), outlets.c.failures < bindparam("below")), _ROOM)
_THIS = outlets.c.connection == bindparam("which")
_LOCKED = select(*_COLUMNS).where(_THIS).with_for_update()
_HELD = select(*_COLUMNS, _BESIDE).where(_THIS).with_for_update(of=outlets)
_DUE = (
    select(*_COLUMNS)
    .where(outlets.c.next_at <= bindparam("now"), _MAY_GO)
    .order_by(outlets.c.next_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_EARLIEST = (
    select(outlets.c.next_at).where(outlets.c.next_at.is_not(None), _MAY_GO).order_by(outlets.c.next_at).limit(1)
)
_TURN = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("endpoint"), 0)))
_LEASE = (
    update(outlets)
    .where(_THIS, or_(outlets.c.lease_by.is_not(None), _BESIDE < TOGETHER))
    .values({name: bindparam(name) for name in ("next_at", "lease_until", "lease_by", "sending")})
    .returning(outlets.c.connection)
)
_FIRST_DUE = (
    select(
        case(
            (dispatches.c.due_at < bindparam("earliest"), bindparam("earliest")),
            (dispatches.c.due_at > bindparam("latest"), bindparam("latest")),
            else_=dispatches.c.due_at,
        )
    )
    .where(dispatches.c.connection == bindparam("which"), MAY_GO)
    .order_by(dispatches.c.due_at)
    .limit(1)
    .scalar_subquery()
)
_GIVEN_BACK = {"lease_until": null(), "lease_by": null(), "sending": null()}
_SAVED = update(outlets).where(_THIS).values({name: bindparam(name) for name in _HEALTH} | _GIVEN_BACK)
_SHUT = _SAVED.values(next_at=null())
_RESET = _SAVED.values(
    next_at=func.coalesce(outlets.c.lease_until, bindparam("next_at")),
    lease_until=outlets.c.lease_until,
    lease_by=case((outlets.c.lease_by.is_not(None), NOBODY)),
)
_SETTLE = _SAVED.values(next_at=_FIRST_DUE)
_LOOK = update(outlets).where(_THIS).values(next_at=bindparam("next_at"))
_OF = (
    select(*_COLUMNS, connections.c.service, connections.c.label, connections.c.settings)
    .join(connections, outlets.c.connection == connections.c.id)
    .where(connections.c.person == bindparam("person"), connections.c.revoked_at.is_(None))
    .order_by(connections.c.created_at, connections.c.id)
)


@dataclass(frozen=True, slots=True)
class Outlet:
    """One queue. While it is leased, `next_at` is the end of the lease, and `sending` the id of what is on its way.
    `endpoint` is where its messages go, by which those of several connections are counted.
    """

    connection: str
    health: Health = field(default_factory=Health)
    next_at: datetime | None = None
    lease_until: datetime | None = None
    lease_by: str | None = None
    sending: int | None = None
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A live connection that wants to be told, with its readable settings (label and mapping)."""

    connection: str
    service: str
    label: str
    settings: Mapping[str, str]
    outlet: Outlet


def add(db: Connection, connection: str, tokens: str | None) -> None:
    """Makes a stored connection one that wants to be told, or is told at the endpoint that its settings name now.
    `tokens`: sealed, by integration/connecting/tokens.py.
    """
    changed = update(connections).where(connections.c.id == connection).values(outgoing=True, tokens=tokens)
    db.execute(changed)
    row = db.execute(select(connections.c.service, connections.c.settings).where(connections.c.id == connection)).one()
    where = endpoint(row.service, _settings(row.settings))
    fresh = insert_into(outlets, db.dialect.name).values(connection=connection, failures=0, noticed=0, endpoint=where)
    db.execute(fresh.on_conflict_do_update(index_elements=["connection"], set_={"endpoint": where}))
    _recount(db, connection)


def remove(db: Connection, connection: str) -> None:
    """Makes it one that is told nothing more, and forgets its secrets."""
    db.execute(update(connections).where(connections.c.id == connection).values(outgoing=False, tokens=None))
    db.execute(outlets.delete().where(outlets.c.connection == connection))
    _recount(db, connection)


def of(db: Connection, person: str) -> list[Told]:
    """A person's live connections that want to be told, oldest first."""
    return [
        Told(row[0], row[-3], row[-2], _settings(row[-1]), _outlet(row))
        for row in quick.rows(db, _OF, {"person": person})
    ]


def locked(db: Connection, connection: str) -> Outlet | None:
    """The outlet of a connection, which nobody else changes until the transaction ends."""
    found = quick.rows(db, _LOCKED, {"which": connection}) if is_id(connection) else []
    return _outlet(found[0]) if found else None


def held(db: Connection, connection: str) -> tuple[Outlet, bool] | None:
    """As `locked`; and whether no further message may fly to its endpoint now."""
    found = quick.rows(db, _HELD, {"which": connection})
    return (_outlet(found[0]), found[0][-1] >= TOGETHER) if found else None


def due(db: Connection, now: datetime, most: int, probes: bool) -> list[Outlet]:
    """The outlets to be worked on now, longest due first, locked; those that others hold locked are passed over, and
    those whose endpoint takes no more. There may be more of one endpoint than it takes: `lease` counts again.

    `probes`: also the ones of which nothing but a probe is sent.
    """
    values = {"now": quick.micros(now), "most": most, "below": _ANY if probes else DOWN}
    return [_outlet(row) for row in quick.rows(db, _DUE, values)]


def earliest(db: Connection, probes: bool) -> datetime | None:
    """When the next outlet is due whose endpoint takes a message, or a lease ends."""
    found = quick.rows(db, _EARLIEST, {"below": _ANY if probes else DOWN})
    return quick.instant(found[0][0]) if found else None


def turn(db: Connection, endpoint: str) -> None:
    """Nobody else leases at that endpoint until the transaction ends, so that all count right. Whoever takes several
    turns takes them in the order of the names.
    """
    if db.dialect.name != "sqlite":  # which has one writer
        quick.run(db, _TURN, {"endpoint": endpoint})


def lease(db: Connection, connection: str, worker: str, until: datetime, sending: int) -> bool:
    """Gives an outlet to a worker, if its endpoint takes one more; whether it did."""
    values = {"which": connection, "lease_by": worker, "sending": sending}
    ends = quick.micros(until)
    return bool(quick.rows(db, _LEASE, values | {"lease_until": ends, "next_at": ends}))


def save(db: Connection, connection: str, health: Health, next_at: datetime | None) -> None:
    """Stores how the service is doing and when to look again, whatever was before.

    What is on its way keeps its place until it is answered or its lease ends, and nothing else goes before: it would be
    sent twice at once. What is answered to it says nothing of the connection any more.
    """
    quick.run(db, _RESET, _told(health) | {"which": connection, "next_at": quick.micros(next_at)})


def settle(db: Connection, connection: str, health: Health) -> None:
    """Stores how the service is doing, to look again when the first of what waits may go, and ends the lease."""
    if health.disabled_at is not None:
        return quick.run(db, _SHUT, _told(health) | {"which": connection})
    first, last = (quick.micros(bound) for bound in bounds(health))
    limits = {"earliest": first or 0, "latest": _FOREVER if last is None else last}
    return quick.run(db, _SETTLE, _told(health) | limits | {"which": connection})


def look(db: Connection, connection: str, next_at: datetime | None) -> None:
    """Sets when an outlet is worked on next; a lease stays as it is."""
    quick.run(db, _LOOK, {"which": connection, "next_at": quick.micros(next_at)})


def expire(db: Connection, now: datetime) -> None:
    """Ends every lease, where no other process can hold one."""
    db.execute(update(outlets).where(outlets.c.lease_by.is_not(None)).values(next_at=now))


def _recount(db: Connection, connection: str) -> None:
    whose = select(connections.c.person).where(connections.c.id == connection).scalar_subquery()
    live = and_(connections.c.person == whose, connections.c.outgoing, connections.c.revoked_at.is_(None))
    counted = select(func.count()).select_from(connections).where(live).scalar_subquery()
    db.execute(update(people).where(people.c.id == whose).values(tells=counted))


def _settings(stored: str) -> dict[str, str]:
    return msgspec.json.decode(stored, type=dict[str, str])


def _told(health: Health) -> dict[str, object]:
    values = {name: getattr(health, name) for name in _HEALTH}
    return {name: quick.micros(value) if name in _INSTANTS else value for name, value in values.items()}


def _outlet(row: Any) -> Outlet:
    """Of a row that begins with `_NAMES`."""
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=False))
    values |= {name: quick.instant_if_any(values[name]) for name in _INSTANTS}
    health = Health(**{name: values.pop(name) for name in _HEALTH})
    return Outlet(health=health, **values)
