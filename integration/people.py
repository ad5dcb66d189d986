"""People: how one comes, changes nothing but their own plan, and goes with all that is theirs."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from calendar_export.errors import PlanError
from calendar_export.plan import DAY_START, Plan, Version, ZoneChange, check, two_slots
from calendar_export.routine import Dose, check_dose
from calendar_export.zones import to_instant, to_wall
from integration.core.model import Feed, Person
from integration.errors import NotFound
from integration.keys import new_id, random_id
from integration.store import feeds, people
from integration.store.engine import Store

FIRST_FEED = "My calendar"
EARLIEST_START = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: zone, two wall times, and what they may add. `start` None means from this moment on."""

    zone: str
    morning: time
    evening: time
    start: date | None = None
    day_start: time = DAY_START
    dose: Dose = field(default_factory=Dose)


def plan_for(wish: Wish, now: datetime) -> Plan:
    """The first plan of a person. Raises PlanError that says what to give instead."""
    wall = to_wall(now, wish.zone)
    today = wall.date() if wall.time() >= wish.day_start else wall.date() - timedelta(days=1)
    start = wish.start or today
    if not EARLIEST_START <= start <= today:
        raise PlanError(f"the start {start} must lie between {EARLIEST_START} and today, {today}")
    slots = two_slots(wish.morning, wish.evening, wish.day_start)
    begins = to_instant(datetime.combine(start, wish.day_start), wish.zone) if wish.start else now
    version = Version(start, slots, now, wish.day_start, check_dose(wish.dose))
    return check(Plan((version,), (ZoneChange(begins, wish.zone),)))


def add(store: Store, wish: Wish, now: datetime) -> tuple[Person, Feed]:
    """A new person and their first feed. Raises PlanError, StoreUnavailable."""
    person = Person(new_id(), random_id(), plan_for(wish, now), 0, now)
    feed = Feed(new_id(), person.id, random_id(), FIRST_FEED, now)
    with store.writing() as db:
        people.add(db, person)
        feeds.add(db, feed)
    return person, feed


def find(store: Store, person: str) -> Person:
    """The person of that id. Raises NotFound, StoreUnavailable."""
    with store.reading() as db:
        found = people.by_id(db, person)
    if found is None:
        raise unknown(person)
    return found


def remove(store: Store, person: str) -> None:
    """Deletes a person with all facts, feeds, connections and deliveries. Raises NotFound, StoreUnavailable."""
    with store.writing() as db:
        if not people.remove(db, person):
            raise unknown(person)


def unknown(person: str) -> NotFound:
    """What is said of an id that nobody has."""
    return NotFound(f"no person has the id {person[:40]!r}; 'turntwice person list' shows all")
