"""All that must be known when a fact comes, in one query: its event, its session, and what is remembered of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, cast, null, or_, select, union_all

from integration.core.model import Fact, FactKind
from integration.store import quick
from integration.store.facts import FIELDS
from integration.store.remembered import What, Withdrawal
from integration.store.tables import facts, remembered

_READ = tuple(facts.c[name] for name in (*FIELDS, "version", "superseded", "misread"))
# The person stands in both halves, under two names, so that each finds its own index: where SQLite sees them to be the
# same it takes them out, and reads all of a history.
_HEARD = select(*_READ).where(
    or_(
        and_(
            facts.c.person == bindparam("person"),
            facts.c.source == bindparam("source"),
            facts.c.event == bindparam("event"),
        ),
        and_(
            facts.c.person == bindparam("whose"),
            facts.c.date == bindparam("date"),
            facts.c.slot == bindparam("slot"),
            facts.c.superseded.is_(False),
        ),
    ),
)
# What is remembered comes in the same answer, under the columns of a fact that are nearest in meaning.
_LIKE: Mapping[str, ColumnElement[Any]] = {
    "source": remembered.c.connection,
    "event": remembered.c.name,
    "kind": remembered.c.what,
    "said_at": remembered.c.at,
    "thing": remembered.c.event,
}
_REMEMBERED = select(*(_LIKE.get(column.name, cast(null(), column.type)) for column in _READ)).where(
    remembered.c.connection == bindparam("source"),
    or_(
        and_(
            remembered.c.name == bindparam("thing"),
            remembered.c.what != What.PUT_AWAY.value,
            remembered.c.at >= bindparam("worded_at"),
            or_(remembered.c.since.is_(None), remembered.c.since < bindparam("worded_at")),
        ),
        and_(
            remembered.c.name == bindparam("event"),
            remembered.c.what == What.PUT_AWAY.value,
        ),
    ),
)
_EVENT = FIELDS.index("thing")
_AROUND = union_all(_HEARD, _REMEMBERED)


@dataclass(frozen=True, slots=True)
class Around:
    """What is known when a fact comes: the `contents` that its event has had, oldest first, without those misread, the
    number of its `versions`, and the `standing` facts of its session.

    `withdrawn` are the withdrawals of its thing that were said after the fact's own words, and `put_away` that the
    person said of its event that it is no stretch.
    """

    contents: list[Fact]
    versions: int
    standing: list[Fact]
    withdrawn: tuple[Withdrawal, ...] = ()
    put_away: bool = False


def of(db: Connection, person: str, fact: Fact) -> Around:
    """What is known around a fact, in one query."""
    values = {"source": fact.source, "event": fact.event, "date": quick.day(db, fact.date), "slot": fact.slot}
    values |= {"thing": fact.thing, "worded_at": quick.micros(fact.worded_at or fact.said_at)}
    rows = quick.rows(db, _AROUND, values | {"person": person, "whose": person})
    if not rows:
        return Around([], 0, [])
    event, session = (fact.source, fact.event), (fact.date, fact.slot)
    heard = [(_quick(row), *row[-3:]) for row in rows if row[-3] is not None]
    told = sorted((row for row in heard if (row[0].source, row[0].event) == event), key=lambda row: row[1])
    kept = [(row[2], row[5], row[_EVENT]) for row in rows if row[-3] is None]
    return Around(
        contents=[held for held, _, _, misread in told if not misread],
        versions=told[-1][1] + 1 if told else 0,
        standing=[held for held, _, gone, _ in heard if not gone and (held.date, held.slot) == session],
        withdrawn=tuple(
            Withdrawal(quick.instant(at), event, found=what == What.TAKEN_BACK)
            for what, at, event in kept
            if what != What.PUT_AWAY
        ),
        put_away=any(what == What.PUT_AWAY for what, *_ in kept),
    )


def _quick(row: Any) -> Fact:
    """Of a row that begins with the columns of a Fact, as the driver gives it."""
    source, event, kind, slot, day, said, received, performed, echo, *more = row[: len(FIELDS)]
    reason, seconds, note, content, thing, worded, chosen, delivery = more
    return Fact(
        source,
        event,
        FactKind(kind),
        slot,
        quick.as_date(day),
        quick.instant(said),
        quick.instant(received),
        None if performed is None else quick.instant(performed),
        bool(echo),
        reason,
        seconds,
        note,
        content,
        thing,
        None if worded is None else quick.instant(worded),
        bool(chosen),
        delivery,
    )
