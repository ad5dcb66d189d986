"""Facts and the revisions of sessions. Facts are only ever added; `superseded` marks an event's older contents."""

from dataclasses import fields
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    Row,
    and_,
    bindparam,
    case,
    or_,
    select,
    type_coerce,
    update,
)

from integration.core.model import Fact, FactKind
from integration.store.tables import facts, people, revisions
from integration.store.upsert import insert_into

SECOND = 1_000_000

Revisions = dict[tuple[date, str], tuple[int, datetime]]

_SINCE = (
    select(facts)
    .where(facts.c.person == bindparam("person"), facts.c.date >= bindparam("first"), facts.c.superseded.is_(False))
    .order_by(facts.c.id)
)
# The person stands in both halves so that each finds its own index; outside, all of a history would be read.
_AROUND = select(facts).where(
    or_(
        and_(
            facts.c.person == bindparam("person"),
            facts.c.source == bindparam("source"),
            facts.c.event == bindparam("event"),
        ),
        and_(
            facts.c.person == bindparam("person"),
            facts.c.date == bindparam("date"),
            facts.c.slot == bindparam("slot"),
            facts.c.superseded.is_(False),
        ),
    ),
)
_ADD = facts.insert()
_FIELDS = tuple(field.name for field in fields(Fact))
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


def around(db: Connection, person: str, fact: Fact) -> tuple[list[Fact], list[Fact]]:
    """In one query: every content that the fact's event has had, and the standing facts of its session."""
    values = {"source": fact.source, "event": fact.event, "date": fact.date, "slot": fact.slot}
    rows = [(_fact(row), row.superseded) for row in db.execute(_AROUND, values | {"person": person})]
    contents = [found for found, _ in rows if (found.source, found.event) == (fact.source, fact.event)]
    standing = [found for found, gone in rows if not gone and (found.date, found.slot) == (fact.date, fact.slot)]
    return contents, standing


def add(db: Connection, person: str, fact: Fact, version: int, superseded: bool, delivery: int | None) -> None:
    """Stores a fact as that version of its event."""
    values = {"person": person, "version": version, "superseded": superseded, "delivery": delivery}
    values.update((name, getattr(fact, name)) for name in _FIELDS)
    db.execute(_ADD, values)


def supersede(db: Connection, person: str, source: str, event: str) -> None:
    """Marks every content of an event as replaced by a newer one."""
    event_is = and_(facts.c.person == person, facts.c.source == source, facts.c.event == event)
    db.execute(update(facts).where(event_is).values(superseded=True))


def bump(db: Connection, person: str, day: date, slot: str, now: datetime) -> None:
    """Raises a session's SEQUENCE by one and its LAST-MODIFIED by at least a second (calendar-feed rules 11 and 12).

    Call it before the person's count of changes is raised: the revision bears the next number.
    """
    values = {"person": person, "date": day, "slot": slot, "sequence": 1, "changed_at": now, "whose": person}
    db.execute(_bump(db.dialect.name), values)


def _microseconds(column: ColumnElement[datetime]) -> ColumnElement[int]:
    return type_coerce(column, BigInteger)


@cache
def _bump(dialect: str) -> Executable:
    nth = select(people.c.changes + 1).where(people.c.id == bindparam("whose")).scalar_subquery()
    fresh = insert_into(revisions, dialect).values(change=nth)
    held, given = _microseconds(revisions.c.changed_at), _microseconds(fresh.excluded.changed_at)
    later = held + SECOND
    upsert: Executable = fresh.on_conflict_do_update(
        index_elements=[revisions.c.person, revisions.c.date, revisions.c.slot],
        set_={
            "sequence": revisions.c.sequence + 1,
            "changed_at": case((later > given, later), else_=given),
            "change": fresh.excluded.change,
        },
    )
    return upsert


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


def revised_after(db: Connection, person: str, change: int) -> list[tuple[date, str]]:
    """The sessions that were revised after that change of the person."""
    query = select(revisions.c.date, revisions.c.slot).where(revisions.c.person == person, revisions.c.change > change)
    return [(row.date, row.slot) for row in db.execute(query)]
