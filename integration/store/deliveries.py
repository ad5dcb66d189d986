"""Deliveries: what came in and was proved, kept with its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select, update

from integration.store import quick
from integration.store.tables import connections, deliveries

LARGEST = 1 << 63
_GIVEN = ("connection", "received_at", "outcome", "reason", "message", "headers", "body")
_ADD = deliveries.insert().values({name: bindparam(name) for name in _GIVEN}).returning(deliveries.c.id)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One inbound request that passed verification. `headers` are those needed to judge it again."""

    id: int
    connection: str
    received_at: datetime
    outcome: str
    reason: str | None
    message: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def add(
    db: Connection,
    connection: str,
    received_at: datetime,
    outcome: tuple[str, str | None, str],
    headers: Mapping[str, str],
    body: bytes,
) -> int:
    """Stores a delivery with (outcome, reason, message); returns its id."""
    values = {
        "connection": connection,
        "received_at": quick.micros(received_at),
        "outcome": outcome[0],
        "reason": outcome[1],
        "message": outcome[2],
        "headers": msgspec.json.encode(dict(headers)).decode(),
        "body": body,
    }
    [(key,)] = quick.rows(db, _ADD, values)
    return int(key)


def judge(db: Connection, delivery: int, outcome: str, reason: str | None, message: str) -> None:
    """Gives a kept delivery another outcome."""
    values = {"outcome": outcome, "reason": reason, "message": message}
    db.execute(update(deliveries).where(deliveries.c.id == delivery).values(values))


def latest(db: Connection, person: str, limit: int) -> list[Delivery]:
    """A person's newest deliveries, newest first."""
    query = select(deliveries).join(connections).where(connections.c.person == person)
    return [_delivery(row) for row in db.execute(query.order_by(deliveries.c.id.desc()).limit(limit))]


def by_id(db: Connection, delivery: int) -> Delivery | None:
    """The delivery of that id; None for a number that no engine could hold."""
    if not 0 < delivery < LARGEST:
        return None
    row = db.execute(select(deliveries).where(deliveries.c.id == delivery)).one_or_none()
    return None if row is None else _delivery(row)


def _delivery(row: Row[Any]) -> Delivery:
    headers = msgspec.json.decode(row.headers, type=dict[str, str])
    return Delivery(
        row.id, row.connection, row.received_at, row.outcome, row.reason, row.message, headers, bytes(row.body)
    )
