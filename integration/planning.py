"""Changes of a plan: other times, another zone, a pause. They touch the sessions to come that they concern, no other.

Spec: streaks sections 5, 7 and 10; calendar-feed rules 11, 14 and 18.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from calendar_export.plan import Pause, Plan, Session, Version, ZoneChange, check, two_slots
from calendar_export.routine import Dose, check_dose
from calendar_export.zones import to_instant
from integration.core.model import Person
from integration.errors import Refused
from integration.people import unknown
from integration.store import facts, people
from integration.store.engine import Store

HORIZON = timedelta(days=400)
"""No calendar looks further ahead than this, so later sessions have been shown to nobody."""
PAUSE_BACK = timedelta(days=7)
MOST = 500
MOMENT = timedelta(microseconds=1)

Shape = tuple[datetime, bool, Dose]
Sessions = dict[tuple[date, str], Shape]


def change_times(
    store: Store, person: str, morning: time, evening: time, day_start: time, dose: Dose, now: datetime
) -> Plan:
    """Other times from the next logical day on, never today. Raises PlanError, NotFound, StoreUnavailable."""

    def changed(plan: Plan) -> Plan:
        tomorrow = _latest_begun(plan, now) + timedelta(days=1)
        kept = tuple(version for version in plan.versions if version.takes_effect < tomorrow)
        version = Version(tomorrow, two_slots(morning, evening, day_start), now, day_start, check_dose(dose))
        return replace(plan, versions=(*kept, version))

    return _change(store, person, changed, now)


def move(store: Store, person: str, zone: str, now: datetime) -> Plan:
    """Another zone from this moment on, for good. Raises PlanError, NotFound, StoreUnavailable."""

    def changed(plan: Plan) -> Plan:
        # The first zone stays: it tells where the person was when what is past was planned.
        since = max(now, plan.zones[0].since + MOMENT)
        kept = tuple(change for change in plan.zones if change.since < since)
        return replace(plan, zones=(*kept, ZoneChange(since, zone)))

    return _change(store, person, changed, now)


def travel(store: Store, person: str, zone: str, first: date, last: date, now: datetime) -> Plan:
    """Another zone for the coming dates first to last, then the zone from before again.

    Raises Refused when the dates are past or out of order, PlanError, NotFound, StoreUnavailable.
    """

    def changed(plan: Plan) -> Plan:
        if not plan.today(now) < first <= last <= plan.today(now) + HORIZON:
            raise Refused("a journey begins tomorrow or later, ends on or after that day, and within a year")
        home = plan.zone_at(to_instant(plan.day_start(first), plan.zones[-1].zone))
        # Far to the east that day may have begun already; what is past here stays.
        there = max(to_instant(plan.day_start(first), zone), now, plan.zones[0].since + MOMENT)
        back = to_instant(plan.day_start(last + timedelta(days=1)), home)
        if back <= there:
            raise Refused("across the date line that journey is over before it begins; give it another day")
        kept = tuple(change for change in plan.zones if not there <= change.since <= back)
        return replace(plan, zones=_sorted(*kept, ZoneChange(there, zone), ZoneChange(back, home)))

    return _change(store, person, changed, now)


def pause(store: Store, person: str, first: date, last: date | None, now: datetime) -> Plan:
    """Nothing is due from first to last; `last` None means until resumed.

    Raises Refused, PlanError, NotFound, StoreUnavailable.
    """

    def changed(plan: Plan) -> Plan:
        today = plan.today(now)
        if not today - PAUSE_BACK <= first <= today + HORIZON:
            raise Refused(f"a pause may begin up to {PAUSE_BACK.days} days back and a year ahead")
        if len(plan.pauses) >= MOST:
            raise Refused(f"a plan holds at most {MOST} pauses")
        return replace(plan, pauses=(*plan.pauses, Pause(first, last)))

    return _change(store, person, changed, now)


def resume(store: Store, person: str, now: datetime) -> Plan:
    """Ends every pause: today is due again. Days already paused stay paused. Raises NotFound, StoreUnavailable."""

    def changed(plan: Plan) -> Plan:
        yesterday = plan.today(now) - timedelta(days=1)
        begun = (replace(p, last=min(p.last or yesterday, yesterday)) for p in plan.pauses if p.first <= yesterday)
        return replace(plan, pauses=tuple(begun))

    return _change(store, person, changed, now)


def _latest_begun(plan: Plan, now: datetime) -> date:
    """The latest logical date that ever began: after a move westwards today may be a date that was there before."""
    before = [plan.today(change.since - MOMENT) for change in plan.zones[1:] if change.since <= now]
    return max(plan.today(now), *before, plan.start)


def _change(store: Store, person_id: str, change: Callable[[Plan], Plan], now: datetime) -> Plan:
    with store.writing() as db:
        people.lock(db, person_id)
        person = people.by_id(db, person_id)
        if person is None:
            raise unknown(person_id)
        plan = check(change(person.plan))
        for day, slot in _concerned(person, plan, now):
            facts.bump(db, person.id, day, slot, max(now, person.created_at + timedelta(seconds=1)))
        people.replan(db, person.id, plan)
    return plan


def _concerned(person: Person, plan: Plan, now: datetime) -> Iterator[tuple[date, str]]:
    """The sessions that a calendar would show otherwise than before, come or gone ones included."""
    first = person.plan.today(now) - PAUSE_BACK
    before, after = _sessions(person.plan, first, now), _sessions(plan, first, now)
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield key


def _sessions(plan: Plan, first: date, now: datetime) -> Sessions:
    last = plan.today(now) + HORIZON
    return {(s.date, s.slot): _shape(plan, s) for s in plan.sessions(first, last)}


def _shape(plan: Plan, session: Session) -> Shape:
    version = plan.version_on(session.date)
    return session.starts, session.not_due is None, version.dose if version else Dose()


def _sorted(*changes: ZoneChange) -> tuple[ZoneChange, ...]:
    return tuple(sorted(changes, key=lambda change: change.since))
