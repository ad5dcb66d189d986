"""What an operator is told of all messages and deliveries at once. It may read every row: it is asked for by hand."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from integration.dispatching.breaker import DOWN
from integration.store.deliveries import RELATED, Which
from integration.store.dispatches import State
from integration.store.tables import connections, deliveries, dispatches, outlets

UNPLACED = ("no_time", "too_early", "in_the_future", "outside_the_plan", "before_the_plan", "too_old")
"""The reasons of core.placing: what was read well and found no session."""
SETTLED = (*UNPLACED, "unmapped_habit", "not_asked", RELATED)
"""Why a delivery waits that its person can settle. One that nobody can read waits for a mended program."""


@dataclass(frozen=True, slots=True)
class Troubled:
    """A live connection that is down since `failing_since`, or switched off since `disabled_at` (UTC) for a reason."""

    connection: str
    label: str
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_why: str | None


def troubled(db: Connection, most: int) -> list[Troubled]:
    """The connections that nothing but probes is sent to, or nothing at all; those in trouble for longest first."""
    names = (outlets.c.connection, connections.c.label, *(outlets.c[name] for name in Troubled.__slots__[2:]))
    down = (outlets.c.probe_at.is_not(None)) & (outlets.c.failures >= DOWN)
    query = select(*names).join(connections).where(or_(down, outlets.c.disabled_at.is_not(None)))
    rows = db.execute(query.order_by(outlets.c.failing_since, outlets.c.connection).limit(most))
    return [Troubled(*row) for row in rows]


def overdue(db: Connection, since: datetime) -> int:
    """How many connections should have been worked on before that moment, and were not. Those that wait for a place
    at an endpoint where somebody sends to others (outlets.TOGETHER) are not counted.
    """
    busy = select(outlets.c.endpoint).where(outlets.c.lease_until >= since)
    late = outlets.c.next_at < since, outlets.c.endpoint.not_in(busy)
    return db.execute(select(func.count()).select_from(outlets).where(*late)).scalar_one()


def given_up(db: Connection) -> int:
    """How many messages were given up and are still kept."""
    dead = select(func.count()).select_from(dispatches).where(dispatches.c.state == State.DEAD)
    return db.execute(dead).scalar_one()


def waiting(db: Connection) -> dict[str, int]:
    """How many deliveries of live connections wait for their person, who can settle them, by the person's id."""
    query = select(connections.c.person, func.count()).join_from(deliveries, connections)
    query = query.where(connections.c.revoked_at.is_(None), *Which(waits=True, reasons=SETTLED).conditions())
    query = query.group_by(connections.c.person).order_by(connections.c.person)
    return {str(row[0]): int(row[1]) for row in db.execute(query)}
