"""Lookings: when a connection was last compared with its service's own history, and what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from calendar_export.plan import Plan
from integration.store.people import decode_plan
from integration.store.tables import connections, lookings, outlets, people
from integration.store.upsert import insert_into

_EMPTY = {"outcome": "", "message": "", "found": ""}


@dataclass(frozen=True, slots=True)
class Looking:
    """`at` is when it was looked at last (UTC), None for never; `outcome` a label, `message` a sentence, `found` JSON.
    `hooked_at`: since when we keep alive the webhook that we set up there, None where we did not.
    """

    connection: str
    at: datetime | None = None
    outcome: str = ""
    message: str = ""
    found: str = field(default="", repr=False)
    hooked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A live connection that is told and not switched off, its person's plan, and when it was looked at last."""

    connection: str
    created_at: datetime
    plan: Plan = field(repr=False)
    at: datetime | None


def get(db: Connection, connection: str) -> Looking:
    """What is kept of a connection; an empty one where nothing is."""
    row = db.execute(select(lookings).where(lookings.c.connection == connection)).one_or_none()
    return Looking(connection) if row is None else _looking(row)


def of(db: Connection, person: str) -> list[Looking]:
    """What is kept of a person's live connections, the oldest connection first."""
    query = select(lookings).join(connections)
    query = query.where(connections.c.person == person, connections.c.revoked_at.is_(None))
    return [_looking(row) for row in db.execute(query.order_by(connections.c.created_at, connections.c.id))]


def candidates(db: Connection, services: Sequence[str], before: datetime) -> Iterator[Candidate]:
    """The connections of those services that were not looked at since `before` (UTC)."""
    stale = or_(lookings.c.at.is_(None), lookings.c.at < before)
    live = (connections.c.revoked_at.is_(None), outlets.c.disabled_at.is_(None))
    query = (
        select(connections.c.id, connections.c.created_at, people.c.plan, lookings.c.at)
        .join(outlets, outlets.c.connection == connections.c.id)
        .join(people, people.c.id == connections.c.person)
        .outerjoin(lookings, lookings.c.connection == connections.c.id)
        .where(connections.c.service.in_(services), stale, *live)
        .order_by(connections.c.id)
    )
    for row in db.execute(query):
        yield Candidate(row.id, row.created_at, decode_plan(row.plan), row.at)


def claim(db: Connection, connection: str, before: datetime, now: datetime) -> bool:
    """Notes that it is looked at now, unless somebody has looked since `before`; whether it is ours to do."""
    fresh = insert_into(lookings, db.dialect.name).values(connection=connection, at=now, **_EMPTY)
    stale = or_(lookings.c.at.is_(None), lookings.c.at < before)
    once = fresh.on_conflict_do_update(index_elements=["connection"], set_={"at": now}, where=stale)
    return db.execute(once.returning(lookings.c.connection)).first() is not None


def save(db: Connection, connection: str, at: datetime, outcome: str, message: str, found: str) -> None:
    """Keeps what came of looking."""
    _put(db, connection, {"at": at, "outcome": outcome, "message": message, "found": found})


def hook(db: Connection, connection: str, since: datetime | None) -> None:
    """Keeps since when we look after the webhook there; None: no longer."""
    _put(db, connection, {"hooked_at": since})


def _put(db: Connection, connection: str, values: dict[str, Any]) -> None:
    fresh = insert_into(lookings, db.dialect.name).values(**_EMPTY | {"connection": connection} | values)
    db.execute(fresh.on_conflict_do_update(index_elements=["connection"], set_=values))


def _looking(row: Row[Any]) -> Looking:
    return Looking(row.connection, row.at, row.outcome, row.message, row.found, row.hooked_at)
