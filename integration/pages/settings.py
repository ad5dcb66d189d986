"""The forms of my page that change the plan: times, zone, a journey, a pause. Nothing that is past moves."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from calendar_export.errors import PlanError
from calendar_export.plan import Pause
from calendar_export.routine import Dose
from integration import planning
from integration.core.model import Person
from integration.errors import NotFound, Refused
from integration.pages import forms
from integration.pages.mine import Mine
from integration.planning import HORIZON
from integration.store.engine import Store

TOO_FAR = f"give a day within the next {HORIZON.days} days"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Typed = Mapping[str, str]
Change = Callable[[Store, Person, Typed, datetime], None]


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """`/me/<key>/plan/<what>`."""

    mine: Mine

    def change(self, key: str, what: str) -> ResponseReturnValue:
        """Changes the plan as a form says; what cannot be is asked again. Raises NotFound."""
        person, parts = self.mine.person(key), self.mine.parts
        if what not in CHANGES:
            raise NotFound("no such form")
        try:
            CHANGES[what](parts.store, person, request.form, parts.clock())
        except (Refused, PlanError) as error:
            return self.mine.refuse(key, person, f"plan-{what}", error)
        return self.mine.back(key, what, "plan")


def add_to(blueprint: Blueprint, mine: Mine) -> None:
    """Adds the address of `PlanSettings`."""
    blueprint.add_url_rule("/me/<key>/plan/<what>", "change_plan", PlanSettings(mine).change, methods=["POST"])


def _times(store: Store, person: Person, typed: Typed, now: datetime) -> None:
    wanted = {name: _read(typed, name) for name in ("morning", "evening", "day_start", "repetitions", "hold_seconds")}
    dose = Dose(wanted["repetitions"], wanted["hold_seconds"])
    planning.change_times(store, person.id, wanted["morning"], wanted["evening"], wanted["day_start"], dose, now)


def _zone(store: Store, person: Person, typed: Typed, now: datetime) -> None:
    zone, latest = _read(typed, "zone"), person.plan.zones[-1]
    # Saying again where one is changes nothing, unless a journey is to be dropped.
    if latest.zone != zone or latest.since > now:
        planning.move(store, person.id, zone, now)


def _journey(store: Store, person: Person, typed: Typed, now: datetime) -> None:
    zone, today = _read(typed, "zone"), person.plan.today(now)
    first, last = _day(typed, "first", today), _day(typed, "last", today)
    planning.travel(store, person.id, zone, first, last, now)


def _pause(store: Store, person: Person, typed: Typed, now: datetime) -> None:
    today = person.plan.today(now)
    first = _day(typed, "first", today)
    last = _day(typed, "last", today) if typed.get("last") else None
    if not any(_holds(pause, first, last) for pause in person.plan.pauses):
        planning.pause(store, person.id, first, last, now)


def _resume(store: Store, person: Person, typed: Typed, now: datetime) -> None:  # noqa: ARG001  it has no fields
    planning.resume(store, person.id, now)


CHANGES: Mapping[str, Change] = {
    "times": _times,
    "zone": _zone,
    "journey": _journey,
    "pause": _pause,
    "resume": _resume,
}


def _holds(pause: Pause, first: date, last: date | None) -> bool:
    """Whether a pause covers all of these dates already."""
    return pause.covers(first) and (pause.last is None if last is None else first <= last and pause.covers(last))


def _read(typed: Typed, name: str) -> Any:
    try:
        return forms.parsed(name, typed.get(name, ""))
    except PlanError as error:
        raise Refused(f"{name}: {error}") from None


def _day(typed: Typed, name: str, today: date) -> date:
    text = typed.get(name, "").strip()
    try:
        found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise Refused(f"{name}: give a date such as {today}")
    if found > today + HORIZON:
        raise Refused(f"{name}: {TOO_FAR}")
    return found
