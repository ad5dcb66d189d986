"""The sessions of a day as my page shows them: today's, yesterday's, and those of another day that was asked for."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from flask import request

from calendar_export.plan import Plan
from integration.core import days, placing
from integration.core.merge import merge
from integration.core.model import Day, Person, State
from integration.core.naming import day_name
from integration.core.placing import Placed, Unplaced
from integration.store import facts
from integration.store.engine import Database

DAY = timedelta(days=1)
ONE_DAY = "Please give one day, such as {day}."


@dataclass(frozen=True, slots=True)
class Row:
    """One session. `at` is the wall time it is planned for."""

    slot: str
    at: str
    state: State


@dataclass(frozen=True, slots=True)
class DayRows:
    """The sessions of one logical date."""

    date: date
    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Another:
    """The form for a day from `first` to `last`, filled in with `value`, and what it was answered with.

    `day` where one was asked for that can be shown; `error` is one sentence why not, empty while nothing is wrong.
    """

    first: date
    last: date
    since: str
    value: date
    day: DayRows | None = None
    error: str = ""


def rows(plan: Plan, day: Day, today: date) -> DayRows:
    """A day in the page's own words."""
    found = []
    for name, state in day.states:
        slot = plan.slot_on(name, day.date)
        found.append(Row(name, f"{slot.at:%H:%M}" if slot else "", state))
    return DayRows(day.date, day_name(day.date, today), tuple(found))


def another(db: Database, person: Person, now: datetime) -> Another | None:
    """What `?day=` asks for, at an instant (UTC); None while no day is older than those that the page shows anyway."""
    plan, asked = person.plan, request.args.getlist("day")
    today = plan.today(now)
    first, latest = max(plan.start, today - placing.OLDEST), today - 2 * DAY
    form = Another(first, today, day_name(first, today), max(first, latest))
    if not asked:
        return form if first <= latest else None
    try:
        (text,) = asked
        day = date.fromisoformat(text)
    except ValueError:
        return replace(form, error=ONE_DAY.format(day=form.value))
    if refused := _refused(plan, day, now):
        return replace(form, value=day, error=refused)
    return replace(form, value=day, day=rows(plan, _day(db, person, day, now), today))


def _refused(plan: Plan, day: date, now: datetime) -> str:
    """Why the buttons would take nothing for that day; empty when they do."""
    version = plan.version_on(day)
    checked = placing.check_lived(plan, Placed(version.slots[0].name if version else "", day), now)
    return checked.message if isinstance(checked, Unplaced) else ""


def _day(db: Database, person: Person, day: date, now: datetime) -> Day:
    version = person.plan.version_on(day)
    names = [slot.name for slot in version.slots] if version else []
    merged = {(day, name): merge(facts.of_session(db, person.id, day, name)).state for name in names}
    told = {session: state for session, state in merged.items() if state is not None}
    return next(days.days(person.plan, told, day, day, now))
