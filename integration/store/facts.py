"""Facts and the revisions of sessions. Facts are only ever added; `superseded` marks an event's older contents."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, and_, bindparam, case, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite

from integration.core.model import Fact, FactKind
from integration.store.tables import facts, revisions

SECOND = 1_000_000

Revisions = dict[tuple[date, str], tuple[int, datetime]]

_SINCE = (
    select(facts)
    .where(facts.c.person == bindparam("person"), facts.c.date >= bindparam("first"), facts.c.superseded.is_(False))
    .order_by(facts.c.id)
)
_EVENT = select(facts).where(
    facts.c.person == bindparam("person"), facts.c.source == bindparam("source"), facts.c.event == bindparam("event")
)
_SESSION = select(facts).where(
    facts.c.person == bindparam("person"),
    facts.c.date == bindparam("date"),
    facts.c.slot == bindparam("slot"),
    facts.c.superseded.is_(False),
)


def since(db: Connection, person: str, first: date) -> list[Fact]:
    """A person's facts for sessions from a date on, newest contents only."""
    return [_fact(row) for row in db.execute(_SINCE, {"person": person, "first": first})]


def of_session(db: Connection, person: str, day: date, slot: str) -> list[Fact]:
    """The facts of one session, newest contents only."""
    return [_fact(row) for row in db.execute(_SESSION, {"person": person, "date": day, "slot": slot})]


def of_event(db: Connection, person: str, source: str, event: str) -> list[Fact]:
    """Every content that one event of a source has had."""
    values = {"person": person, "source": source, "event": event}
    return [_fact(row) for row in db.execute(_EVENT, values)]


def add(db: Connection, person: str, fact: Fact, version: int, superseded: bool, delivery: int | None) -> None:
    """Stores a fact as that version of its event."""
    values = asdict(fact) | {"person": person, "version": version, "superseded": superseded, "delivery": delivery}
    db.execute(facts.insert(), values)


def supersede(db: Connection, person: str, source: str, event: str) -> None:
    """Marks every content of an event as replaced by a newer one."""
    event_is = and_(facts.c.person == person, facts.c.source == source, facts.c.event == event)
    db.execute(update(facts).where(event_is).values(superseded=True))


def bump(db: Connection, person: str, day: date, slot: str, now: datetime) -> None:
    """Raises a session's SEQUENCE by one and its LAST-MODIFIED by at least a second (calendar-feed rules 11 and 12)."""
    make = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    fresh = make(revisions).values(person=person, date=day, slot=slot, sequence=1, changed_at=now)
    held, given = _microseconds(revisions.c.changed_at), _microseconds(fresh.excluded.changed_at)
    later = held + SECOND
    db.execute(
        fresh.on_conflict_do_update(
            index_elements=[revisions.c.person, revisions.c.date, revisions.c.slot],
            set_={"sequence": revisions.c.sequence + 1, "changed_at": case((later > given, later), else_=given)},
        )
    )


def _microseconds(column: ColumnElement[datetime]) -> ColumnElement[int]:
    return type_coerce(column, BigInteger)


def revisions_between(
    db: Connection, person: str, first: date, last: date
) -> dict[tuple[date, str], tuple[int, datetime]]:
    """SEQUENCE and LAST-MODIFIED of the sessions that were ever revised."""
    query = select(revisions).where(revisions.c.person == person, revisions.c.date.between(first, last))
    return {(row.date, row.slot): (row.sequence, row.changed_at) for row in db.execute(query)}


def _fact(row: Row[Any]) -> Fact:
    return Fact(
        row.source,
        row.event,
        FactKind(row.kind),
        row.slot,
        row.date,
        row.said_at,
        row.received_at,
        row.performed_at,
        row.echo,
        row.reason,
        row.duration_seconds,
        row.note,
        row.content,
    )
