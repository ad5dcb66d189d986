"""Connections: who may send completions for whom, with secrets that only our keys open."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection as Database
from sqlalchemy import Row, bindparam, func, insert, select, update

from integration.core.model import Connection, Person
from integration.keys import is_id
from integration.store import quick
from integration.store.people import decode_plan
from integration.store.tables import connections, deliveries, people

_BOTH = (
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
        people.c.tells,
        connections.c.outgoing,
    )
    .join(people)
    .where(connections.c.revoked_at.is_(None))
)
_OF_SERVICE = _BOTH.where(connections.c.service == bindparam("service"))
_BY_KEY = _OF_SERVICE.where(connections.c.key == bindparam("key"))
_BY_ACCOUNT = _OF_SERVICE.where(connections.c.account == bindparam("account")).order_by(connections.c.id)
_LIVE = _BOTH.where(connections.c.id == bindparam("connection"))


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
            account=connection.settings.get("account"),
        )
    )


def by_key(db: Database, service: str, key: str) -> tuple[Connection, Person] | None:
    """The live connection of a service with that key, and its person: one query."""
    found = quick.rows(db, _BY_KEY, {"key": key, "service": service})
    return _both(found[0]) if found else None


def live(db: Database, connection: str) -> tuple[Connection, Person] | None:
    """The connection of that id, unless it has ended, and its person: one query."""
    found = quick.rows(db, _LIVE, {"connection": connection})
    return _both(found[0]) if found else None


def by_account(db: Database, service: str, account: str) -> list[tuple[Connection, Person]]:
    """The live connections of a service for one of its users, each with its person."""
    return [_both(row) for row in quick.rows(db, _BY_ACCOUNT, {"account": account, "service": service})]


def by_id(db: Database, connection: str) -> Connection | None:
    """The connection of that id, revoked or not."""
    if not is_id(connection):
        return None
    row = db.execute(select(connections).where(connections.c.id == connection)).one_or_none()
    return None if row is None else _connection(row)


def of(db: Database, person: str) -> list[Connection]:
    """A person's live connections, oldest first."""
    query = select(connections).where(connections.c.person == person, connections.c.revoked_at.is_(None))
    return [_connection(row) for row in db.execute(query.order_by(connections.c.created_at, connections.c.id))]


def change(db: Database, connection: Connection) -> None:
    """Stores what of a connection may change: label, key, settings, secrets."""
    db.execute(
        update(connections)
        .where(connections.c.id == connection.id)
        .values(
            label=connection.label,
            key=connection.key,
            settings=msgspec.json.encode(dict(connection.settings)).decode(),
            secrets=connection.sealed,
            account=connection.settings.get("account"),
        )
    )


def tokens(db: Database, connection: str) -> str | None:
    """What a connection shows to its service, sealed (integration/connecting/tokens.py)."""
    found: str | None = db.execute(
        select(connections.c.tokens).where(connections.c.id == connection)
    ).scalar_one_or_none()
    return found


def heard_at(db: Database, connection: str) -> datetime | None:
    """When the last kept delivery of a connection came, or a fetch got something; None where none is kept."""
    query = select(func.max(deliveries.c.received_at)).where(deliveries.c.connection == connection)
    found: datetime | None = db.execute(query).scalar_one()
    return found


def revoke(db: Database, connection: str, now: datetime) -> bool:
    """Ends a connection; what it said stays."""
    query = update(connections).where(connections.c.id == connection, connections.c.revoked_at.is_(None))
    return db.execute(query.values(revoked_at=now)).rowcount > 0


def _both(row: Any) -> tuple[Connection, Person]:
    """Of a row of `_BOTH`."""
    key, settings, sealed, created, person_id, person_key, plan, changes, came, tells, outgoing = row[3:]
    known, made = msgspec.json.decode(settings, type=dict[str, str]), quick.instant(created)
    connection = Connection(row[0], person_id, row[1], row[2], key, known, sealed, made, outgoing=bool(outgoing))
    return connection, Person(person_id, person_key, decode_plan(plan), changes, quick.instant(came), tells)


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
        row.outgoing,
    )


def alter(db: Database, connection: str, settings: Mapping[str, str]) -> None:
    """Gives a connection other settings; its label and secrets stay."""
    encoded = msgspec.json.encode(dict(settings)).decode()
    db.execute(update(connections).where(connections.c.id == connection).values(settings=encoded))
