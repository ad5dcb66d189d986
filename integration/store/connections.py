"""Connections: who may send completions for whom, with secrets that only our keys open."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection as Database
from sqlalchemy import Row, bindparam, insert, select, update

from integration.core.model import Connection, Person
from integration.store import quick
from integration.store.people import decode_plan
from integration.store.tables import connections, people

_BY_KEY = (
    select(
        connections.c.id,
        connections.c.service,
        connections.c.label,
        connections.c.key,
        connections.c.settings,
        connections.c.secrets,
        connections.c.created_at,
        people.c.id,
        people.c.key,
        people.c.plan,
        people.c.changes,
        people.c.created_at,
    )
    .join(people)
    .where(
        connections.c.key == bindparam("key"),
        connections.c.service == bindparam("service"),
        connections.c.revoked_at.is_(None),
    )
)


def add(db: Database, connection: Connection) -> None:
    """Stores a new connection."""
    db.execute(
        insert(connections).values(
            id=connection.id,
            person=connection.person,
            service=connection.service,
            label=connection.label,
            key=connection.key,
            settings=msgspec.json.encode(dict(connection.settings)).decode(),
            secrets=connection.sealed,
            created_at=connection.created_at,
        )
    )


def by_key(db: Database, service: str, key: str) -> tuple[Connection, Person] | None:
    """The live connection of a service with that key, and its person: one query."""
    found = quick.rows(db, _BY_KEY, {"key": key, "service": service})
    return _both(found[0]) if found else None


def by_id(db: Database, connection: str) -> Connection | None:
    """The connection of that id, revoked or not."""
    row = db.execute(select(connections).where(connections.c.id == connection)).one_or_none()
    return None if row is None else _connection(row)


def of(db: Database, person: str) -> list[Connection]:
    """A person's live connections, oldest first."""
    query = select(connections).where(connections.c.person == person, connections.c.revoked_at.is_(None))
    return [_connection(row) for row in db.execute(query.order_by(connections.c.created_at, connections.c.id))]


def revoke(db: Database, connection: str, now: datetime) -> bool:
    """Ends a connection; what it said stays."""
    query = update(connections).where(connections.c.id == connection, connections.c.revoked_at.is_(None))
    return db.execute(query.values(revoked_at=now)).rowcount > 0


def _both(row: Any) -> tuple[Connection, Person]:
    """Of a row of `_BY_KEY`."""
    key, settings, sealed, created, person_id, person_key, plan, changes, came = row[3:]
    known = msgspec.json.decode(settings, type=dict[str, str])
    connection = Connection(row[0], person_id, row[1], row[2], key, known, sealed, quick.instant(created))
    return connection, Person(person_id, person_key, decode_plan(plan), changes, quick.instant(came))


def _connection(row: Row[Any]) -> Connection:
    return Connection(
        row.id,
        row.person,
        row.service,
        row.label,
        row.key,
        msgspec.json.decode(row.settings, type=dict[str, str]),
        row.secrets,
        row.created_at,
        row.revoked_at,
    )
