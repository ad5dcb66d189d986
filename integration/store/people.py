"""People and their plans. A plan is kept as one JSON text, its versions and zone timeline inside."""

from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from calendar_export.plan import Plan
from integration.core.model import Person
from integration.keys import is_id
from integration.store import quick
from integration.store.tables import people

_ALL = select(people)
_BY_ID = _ALL.where(people.c.id == bindparam("person"))
_BY_KEY = _ALL.where(people.c.key == bindparam("key"))
_LOCK = select(people.c.id).where(people.c.id == bindparam("person")).with_for_update()
_TOUCH = update(people).where(people.c.id == bindparam("person")).values(changes=people.c.changes + 1)


# A person's columns, for queries that start from something of theirs.
JOINED = (
    people.c.plan.label("person_plan"),
    people.c.key.label("person_key"),
    people.c.changes.label("person_changes"),
    people.c.created_at.label("person_created_at"),
    people.c.tells.label("person_tells"),
)


def add(db: Connection, person: Person) -> None:
    """Stores a new person."""
    db.execute(
        insert(people).values(
            id=person.id,
            key=person.key,
            plan=encode_plan(person.plan),
            changes=person.changes,
            created_at=person.created_at,
        )
    )


def by_id(db: Connection, person: str) -> Person | None:
    """The person of that id."""
    row = db.execute(_BY_ID, {"person": person}).one_or_none() if is_id(person) else None
    return None if row is None else as_person(row)


def by_key(db: Connection, key: str) -> Person | None:
    """The person whose page has that key."""
    row = db.execute(_BY_KEY, {"key": key}).one_or_none()
    return None if row is None else as_person(row)


def everybody(db: Connection) -> list[Person]:
    """All people, oldest first."""
    return [as_person(row) for row in db.execute(_ALL.order_by(people.c.created_at, people.c.id))]


def lock(db: Connection, person: str) -> None:
    """Nobody else may write for this person until the transaction ends. On SQLite nobody else writes at all."""
    if db.dialect.name != "sqlite":
        db.execute(_LOCK, {"person": person})


def touch(db: Connection, person: str) -> None:
    """Notes that a calendar of this person would show something new."""
    quick.run(db, _TOUCH, {"person": person})


def replan(db: Connection, person: str, plan: Plan) -> None:
    """Gives a person another plan; every calendar of theirs shows something new."""
    values = {"plan": encode_plan(plan), "changes": people.c.changes + 1}
    db.execute(update(people).where(people.c.id == person).values(values))


def remove(db: Connection, person: str) -> bool:
    """Deletes a person and all that is theirs."""
    return db.execute(delete(people).where(people.c.id == person)).rowcount > 0


def as_person(row: Row[Any]) -> Person:
    """A row that has the columns of `people`."""
    return Person(row.id, row.key, decode_plan(row.plan), row.changes, row.created_at, row.tells)


def joined(row: Row[Any]) -> Person:
    """A row that has the columns of `JOINED`, and the person's id as `person`."""
    plan, changes = decode_plan(row.person_plan), row.person_changes
    return Person(row.person, row.person_key, plan, changes, row.person_created_at, row.person_tells)


def encode_plan(plan: Plan) -> str:
    return msgspec.json.encode(plan).decode()


@lru_cache(maxsize=4096)
def decode_plan(text: str) -> Plan:
    """Decoded once for each text: plans change rarely and are read with every request."""
    return msgspec.json.decode(text, type=Plan)
