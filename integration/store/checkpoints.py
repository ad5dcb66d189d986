"""Checkpoints of the streak fold: a cache that may be dropped at any time, so that ten years cost as little as one."""

from datetime import date

import msgspec
from sqlalchemy import Connection, bindparam, delete, select

from integration.core.standing import Checkpoint
from integration.core.streaks import Tally
from integration.store import quick
from integration.store.tables import checkpoints
from integration.store.upsert import insert_into

_DROP = delete(checkpoints).where(checkpoints.c.person == bindparam("person"), checkpoints.c.upto >= bindparam("day"))


def newest(db: Connection, person: str) -> Checkpoint | None:
    """The latest checkpoint of a person."""
    query = select(checkpoints).where(checkpoints.c.person == person)
    row = db.execute(query.order_by(checkpoints.c.upto.desc()).limit(1)).one_or_none()
    return None if row is None else Checkpoint(row.upto, msgspec.json.decode(row.tally, type=Tally))


def keep(db: Connection, person: str, checkpoint: Checkpoint) -> None:
    """Stores a checkpoint; one of the same date stays as it is."""
    fresh = insert_into(checkpoints, db.dialect.name)
    tally = msgspec.json.encode(checkpoint.tally).decode()
    db.execute(fresh.values(person=person, upto=checkpoint.upto, tally=tally).on_conflict_do_nothing())


def drop_from(db: Connection, person: str, day: date) -> None:
    """Drops what a change on that date makes wrong."""
    quick.run(db, _DROP, {"person": person, "day": quick.day(db, day)})
