"""Deliveries: what came in and was proved, kept with its outcome.

What a page or a list shows is found connection by connection, newest first, so that it costs the same however many
people there are, and without bodies, which may be large.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import nlargest
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, or_, select, update

from integration.store import quick
from integration.store.tables import connections, deliveries

LARGEST = 1 << 63
RELATED, NOT_A_STRETCH = "related_activity", "not_a_stretch"
_GIVEN = ("connection", "received_at", "outcome", "reason", "message", "headers", "body")
_ADD = deliveries.insert().values({name: bindparam(name) for name in _GIVEN}).returning(deliveries.c.id)
_ENTRY = [column for column in deliveries.c if column.name != "body"]
_NEWEST_FIRST = (deliveries.c.received_at.desc(), deliveries.c.id.desc())
# Of several reports in one body some may count and others wait: then the reason is that of those.
_WAITS = or_(
    deliveries.c.outcome == "quarantined",
    deliveries.c.reason == RELATED,
    and_(deliveries.c.outcome == "accepted", deliveries.c.reason.is_not(None)),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A delivery without its body."""

    id: int
    connection: str
    received_at: datetime
    outcome: str
    reason: str | None
    message: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def waits(self) -> bool:
        """Whether it is for the person to say where it, or a part of it, belongs; as `_WAITS`."""
        split = self.outcome == "accepted" and self.reason is not None
        return self.outcome == "quarantined" or self.reason == RELATED or split


@dataclass(frozen=True, slots=True)
class Delivery(Entry):
    """One inbound request that passed verification. `headers` are those needed to judge it again."""

    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Which:
    """Which deliveries: all, but for what a field says. They came from `since` on and before `until` (UTC).

    `reasons` are those that will do, where there are any, and `but` those that will not.
    """

    connection: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None
    waits: bool = False
    reasons: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        column, reason = deliveries.c, deliveries.c.reason
        if self.connection is not None:
            yield column.connection == self.connection
        if self.since is not None:
            yield column.received_at >= self.since
        if self.until is not None:
            yield column.received_at < self.until
        if self.outcome is not None:
            yield column.outcome == self.outcome
        if self.waits:
            yield _WAITS
        if self.reasons:
            yield reason.in_(self.reasons)
        if self.but:
            yield or_(reason.is_(None), reason.not_in(self.but))


ANY = Which()


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


def rejudge(db: Connection, held: Entry, outcome: str, reason: str | None, message: str) -> None:
    """Gives it another outcome, if it still has the one with which it was read."""
    same = and_(deliveries.c.outcome == held.outcome, deliveries.c.reason.is_not_distinct_from(held.reason))
    values = {"outcome": outcome, "reason": reason, "message": message}
    db.execute(update(deliveries).where(deliveries.c.id == held.id, same).values(values))


def latest(db: Connection, person: str, limit: int, which: Which = ANY, only: str | None = None) -> list[Entry]:
    """A person's newest deliveries, of live and of ended connections or of one only, newest first."""
    mine = select(connections.c.id).where(connections.c.person == person)
    if only is not None:
        mine = mine.where(connections.c.id == only)
    return newest(db, db.execute(mine).scalars().all(), limit, which)


def newest(db: Connection, of: Iterable[str], limit: int, which: Which = ANY) -> list[Entry]:
    """The newest deliveries of those connections, newest first."""
    found = [_entry(row) for one in of for row in db.execute(_newest(_ENTRY, replace(which, connection=one), limit))]
    return nlargest(limit, found, key=lambda entry: (entry.received_at, entry.id))


def bodies(db: Connection, which: Which, limit: int) -> list[Delivery]:
    """The newest deliveries of a connection with their bodies, newest first."""
    return [_delivery(row) for row in db.execute(_newest(list(deliveries.c), which, limit))]


def by_id(db: Connection, delivery: int) -> Delivery | None:
    """The delivery of that id; None for a number that no engine could hold."""
    if not 0 < delivery < LARGEST:
        return None
    row = db.execute(select(deliveries).where(deliveries.c.id == delivery)).one_or_none()
    return None if row is None else _delivery(row)


def entries(db: Connection, person: str, ids: Iterable[int]) -> list[Entry]:
    """Those of the ids that are a person's, oldest first."""
    wanted = [number for number in ids if 0 < number < LARGEST]
    query = select(*_ENTRY).join(connections).where(connections.c.person == person, deliveries.c.id.in_(wanted))
    return [_entry(row) for row in db.execute(query.order_by(deliveries.c.id))]


def ids(db: Connection, which: Which, after: int, limit: int) -> list[int]:
    """The next ids after one, lowest first."""
    query = select(deliveries.c.id).where(deliveries.c.id > after, *which.conditions())
    return list(db.execute(query.order_by(deliveries.c.id).limit(limit)).scalars())


def following(db: Connection, which: Which, after: int, limit: int) -> list[Delivery]:
    """The next deliveries after an id with their bodies, lowest first."""
    query = select(deliveries).where(deliveries.c.id > after, *which.conditions())
    return [_delivery(row) for row in db.execute(query.order_by(deliveries.c.id).limit(limit))]


def outdated(db: Connection, before: datetime, since: str, limit: int) -> Sequence[tuple[int, str]]:
    """Some ids of what came before that (UTC), each with its connection: connection by connection, from that one on."""
    mine = select(deliveries.c.id, deliveries.c.connection).join(connections).order_by(connections.c.id).limit(limit)
    return db.execute(mine.where(connections.c.id >= since, deliveries.c.received_at < before)).all()


def remove(db: Connection, gone: Sequence[int]) -> None:
    """Deletes deliveries; what they said stays."""
    db.execute(delete(deliveries).where(deliveries.c.id.in_(gone)))


def _newest(columns: Sequence[Any], which: Which, limit: int) -> Any:
    return select(*columns).where(*which.conditions()).order_by(*_NEWEST_FIRST).limit(limit)


def _entry(row: Row[Any]) -> Entry:
    headers = msgspec.json.decode(row.headers, type=dict[str, str])
    return Entry(row.id, row.connection, row.received_at, row.outcome, row.reason, row.message, headers)


def _delivery(row: Row[Any]) -> Delivery:
    headers = msgspec.json.decode(row.headers, type=dict[str, str])
    return Delivery(
        row.id, row.connection, row.received_at, row.outcome, row.reason, row.message, headers, bytes(row.body)
    )
