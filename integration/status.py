"""Where a person stands, read from the store: the checkpoint and only the facts after it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from integration.core.days import Told
from integration.core.merge import Merged, merge
from integration.core.model import Fact, Person
from integration.core.standing import SPANS, Checkpoint, Standing, next_checkpoint, standing
from integration.errors import StoreUnavailable
from integration.store import checkpoints, facts, people
from integration.store.engine import Database, Store


def read(store: Store, person: Person, now: datetime) -> Standing:
    """All numbers of a person at an instant (UTC). Raises StoreUnavailable."""
    with store.reading() as db:
        held, told = checkpoints.newest(db, person.id), _Told(db, person)
        fresh = next_checkpoint(person.plan, held, told, now)
        stands = standing(person.plan, fresh or held, told, now)
    if fresh:
        _keep(store, person, fresh)
    return stands


def counted(db: Database, person: Person, now: datetime) -> Standing:
    """As `read`, within a transaction that has locked the person, who is read again: the plan may have changed."""
    person = people.by_id(db, person.id) or person
    held, told = checkpoints.newest(db, person.id), _Told(db, person)
    fresh = next_checkpoint(person.plan, held, told, now)
    if fresh:
        checkpoints.keep(db, person.id, fresh)
    return standing(person.plan, fresh or held, told, now)


def as_json(stands: Standing) -> dict[str, Any]:
    """The published form; its names are a contract (DESIGN section 11). Scores 0 to 1, streaks in days or sessions."""
    tally, today = stands.tally, stands.today
    return {
        "score": round(tally.score, 6),
        "active": tally.active.now,
        "perfect": tally.perfect.now,
        "slots": {name: run.now for name, run in tally.slots.items()},
        "best_active": tally.active.best,
        "adherence": {str(span): list(counts) for span, counts in stands.adherence.items()},
        "neutral": {str(span): stands.neutral(span) for span in SPANS},
        "frozen": [day.isoformat() for day in stands.frozen],
        "today": {"date": today.date.isoformat(), **dict(today.states)} if today else {},
    }


def merged_sessions(found: list[Fact]) -> dict[tuple[date, str], Merged]:
    """Facts of many sessions, merged one by one."""
    ordered = sorted(found, key=lambda fact: (fact.date, fact.slot))
    return {key: merge(group) for key, group in groupby(ordered, key=lambda fact: (fact.date, fact.slot))}


@dataclass(frozen=True, slots=True)
class _Told:
    """What the facts of one person say from a date on."""

    db: Database
    person: Person

    def __call__(self, first: date) -> Told:
        merged = merged_sessions(facts.since(self.db, self.person.id, first))
        return {key: found.state for key, found in merged.items() if found.state is not None}


def _keep(store: Store, person: Person, fresh: Checkpoint) -> None:
    """Keeps a checkpoint, unless a fact came in since it was counted. A cache: losing it costs only time."""
    with suppress(StoreUnavailable), store.writing() as db:
        people.lock(db, person.id)
        found = people.by_id(db, person.id)
        if found and found.changes == person.changes:
            checkpoints.keep(db, person.id, fresh)
