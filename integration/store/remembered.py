"""What a report that comes yet must meet: that its thing was withdrawn already, or that its event is no stretch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, delete, or_, select, update

from integration.store.tables import remembered
from integration.store.upsert import insert_into


class What(StrEnum):
    """Of a thing, at the time that its source gave: `TAKEN_BACK`, or `WITHDRAWN` where nothing stood that could be
    taken back. `PUT_AWAY`: of an event, when the person did it.
    """

    WITHDRAWN = "withdrawn"
    TAKEN_BACK = "taken_back"
    PUT_AWAY = "put_away"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A thing was withdrawn at a time by an event; `found`: something stood that this took back.

    `since` is the last word of the thing before it: it can only be meant for later ones. Instants are UTC.
    """

    at: datetime
    event: str
    found: bool
    since: datetime | None = None


def withdraw(db: Connection, connection: str, thing: str, told: Withdrawal) -> None:
    """Keeps a withdrawal of a thing."""
    what = What.TAKEN_BACK if told.found else What.WITHDRAWN
    row = {"connection": connection, "name": thing, "what": what, "at": told.at}
    _keep(db, [row | {"event": told.event, "since": told.since}])


def answered(db: Connection, connection: str, thing: str, at: datetime) -> None:
    """Notes that a thing was done at that time (UTC): what was withdrawn after that is meant for no earlier word."""
    of_it = (remembered.c.connection == connection, remembered.c.name == thing, remembered.c.what == What.WITHDRAWN)
    earlier = or_(remembered.c.since.is_(None), remembered.c.since < at)
    db.execute(update(remembered).where(*of_it, remembered.c.at >= at, earlier).values(since=at))


def put_away(db: Connection, connection: str, events: Iterable[str], at: datetime) -> None:
    """Keeps that the person put those events away at that time (UTC)."""
    names = dict.fromkeys(events)
    _keep(db, [{"connection": connection, "name": name, "what": What.PUT_AWAY, "at": at} for name in names])


def are_put_away(db: Connection, connection: str, events: Iterable[str]) -> set[str]:
    """Those of the events that the person has put away."""
    of_it = (remembered.c.connection == connection, remembered.c.what == What.PUT_AWAY)
    return set(db.execute(select(remembered.c.name).where(*of_it, remembered.c.name.in_(list(events)))).scalars())


def take_up(db: Connection, connection: str, event: str) -> None:
    """Forgets that an event was put away."""
    of_it = (remembered.c.connection == connection, remembered.c.what == What.PUT_AWAY)
    db.execute(delete(remembered).where(*of_it, remembered.c.name == event))


def forget(db: Connection, before: datetime) -> None:
    """Forgets withdrawals of a time before that (UTC). What the person put away is their word, and stays."""
    db.execute(delete(remembered).where(remembered.c.at < before, remembered.c.what != What.PUT_AWAY))


def _keep(db: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """What is kept already stays as it is."""
    if rows:
        db.execute(insert_into(remembered, db.dialect.name).on_conflict_do_nothing(), rows)
