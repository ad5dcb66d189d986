"""Facts and the revisions of sessions. Facts are only ever added; `superseded` marks an event's older contents."""

from collections.abc import Iterable, Sequence
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
from integration.store import quick
from integration.store.tables import facts, people, revisions
from integration.store.upsert import insert_into

SECOND = 1_000_000

Revisions = dict[tuple[date, str], tuple[int, datetime]]

_SINCE = (
    select(facts)
    .where(facts.c.person == bindparam("person"), facts.c.date >= bindparam("first"), facts.c.superseded.is_(False))
    .order_by(facts.c.id)
)
FIELDS = tuple(field.name for field in fields(Fact))
_INSTANTS = ("said_at", "received_at", "performed_at", "worded_at")
_ADD = facts.insert().values({name: bindparam(name) for name in (*FIELDS, "person", "version", "superseded")})
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


def add(db: Connection, person: str, fact: Fact, version: int, superseded: bool, delivery: int | None) -> None:
    """Stores a fact as that version of its event, and of that delivery unless it has one."""
    values = {name: getattr(fact, name) for name in FIELDS}
    values |= {name: quick.micros(values[name]) for name in _INSTANTS}
    values |= {"person": person, "version": version, "superseded": superseded}
    values["delivery"] = fact.delivery or delivery
    quick.run(db, _ADD, values | {"date": quick.day(db, fact.date)})


def of_event(db: Connection, person: str, source: str, event: str) -> list[Fact]:
    """Every content that an event has had, without those misread."""
    event_is = (facts.c.person == person, facts.c.source == source, facts.c.event == event)
    return [_fact(row) for row in db.execute(select(facts).where(*event_is, facts.c.misread.is_(False)))]


def of_events(db: Connection, person: str, source: str, events: Iterable[str]) -> list[Fact]:
    """What holds of those of the events that were ever placed."""
    mine = (facts.c.person == person, facts.c.source == source, facts.c.superseded.is_(False))
    return [_fact(row) for row in db.execute(select(facts).where(*mine, facts.c.event.in_(list(events))))]


def is_of(thing: str, event: str) -> bool:
    """Whether an event is one of a task or activity."""
    return event == thing or event.startswith(f"{thing}@")


def of_thing(db: Connection, person: str, source: str, thing: str) -> list[Fact]:
    """What a source said of one task or activity: its events are called `<thing>` or `<thing>@...`."""
    mine = (facts.c.person == person, facts.c.source == source, facts.c.superseded.is_(False))
    event = facts.c.event if db.dialect.name == "sqlite" else facts.c.event.collate("C")
    # "A" comes right after "@" in ASCII: all that begins so lies between the two.
    events = or_(event == thing, and_(event >= f"{thing}@", event < f"{thing}A"))
    return [_fact(row) for row in db.execute(select(facts).where(*mine, events))]


def supersede(db: Connection, person: str, source: str, event: str) -> None:
    """Marks every content of an event as replaced by a newer one."""
    event_is = and_(facts.c.person == person, facts.c.source == source, facts.c.event == event)
    db.execute(update(facts).where(event_is).values(superseded=True))


def misread(db: Connection, person: str, told: Fact, contents: Sequence[str]) -> None:
    """Marks what was read of that fact's event in its delivery as misread, but for those contents."""
    event_is = and_(facts.c.person == person, facts.c.source == told.source, facts.c.event == told.event)
    of_it = and_(event_is, facts.c.delivery == told.delivery, facts.c.content.not_in(contents))
    db.execute(update(facts).where(of_it, facts.c.chosen.is_(False)).values(misread=True, superseded=True))


def bump(db: Connection, person: str, day: date, slot: str, now: datetime) -> None:
    """Raises a session's SEQUENCE by one and its LAST-MODIFIED by at least a second (calendar-feed rules 11 and 12).

    Call it before the person's count of changes is raised: the revision bears the next number.
    """
    values = {"person": person, "date": quick.day(db, day), "slot": slot, "changed_at": quick.micros(now)}
    quick.run(db, _bump(db.dialect.name), values)


def _microseconds(column: ColumnElement[datetime]) -> ColumnElement[int]:
    return type_coerce(column, BigInteger)


@cache
def _bump(dialect: str) -> Executable:
    nth = select(people.c.changes + 1).where(people.c.id == bindparam("person")).scalar_subquery()
    given: dict[str, Any] = {name: bindparam(name) for name in ("person", "date", "slot", "changed_at")}
    fresh = insert_into(revisions, dialect).values(given | {"sequence": 1, "change": nth})
    held, now = _microseconds(revisions.c.changed_at), _microseconds(fresh.excluded.changed_at)
    later = held + SECOND
    upsert: Executable = fresh.on_conflict_do_update(
        index_elements=[revisions.c.person, revisions.c.date, revisions.c.slot],
        set_={
            "sequence": revisions.c.sequence + 1,
            "changed_at": case((later > now, later), else_=now),
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
        row.thing,
        row.worded_at,
        row.chosen,
        row.delivery,
    )


def revised_after(db: Connection, person: str, change: int) -> list[tuple[date, str]]:
    """The sessions that were revised after that change of the person."""
    query = select(revisions.c.date, revisions.c.slot).where(revisions.c.person == person, revisions.c.change > change)
    return [(row.date, row.slot) for row in db.execute(query)]
