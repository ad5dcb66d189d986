"""The plan on my page: how it stands, in words, and the forms that change it from now on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for

from calendar_export.plan import Pause, Plan, Version
from calendar_export.routine import HOLD_SECONDS, REPETITIONS
from integration.core import naming
from integration.pages import words
from integration.pages.fields import Field, Form, Refusal, told
from integration.planning import PAUSE_BACK

TIMES = "From tomorrow on. Today stays as it is, and so does all that has passed."
ZONE = "From this moment on, for good: your sessions follow the clock there. A journey that you had planned is dropped."
JOURNEY = "Your sessions follow the clock there from the first day to the last, then the clock at home again."
PAUSE = f"Nothing is due, and no streak ends. It may begin up to {PAUSE_BACK.days} days back."
RESUME = "Every pause ends, also one that is still to come, and today is due again. Days already paused stay paused."


@dataclass(frozen=True, slots=True)
class PlanView:
    """`lines` say how the plan stands, `pauses` what is paused; `forms` are folded, `resume` is there in a pause."""

    lines: tuple[str, ...]
    pauses: tuple[str, ...]
    forms: tuple[Form, ...]
    resume: Form | None


def view(plan: Plan, key: str, now: datetime, refusal: Refusal | None) -> PlanView:
    """A plan at an instant (UTC); `key` is that of the page, `refusal` belongs to the form that was sent."""
    today = plan.today(now)
    # A pause asked for twice is one.
    live = tuple(dict.fromkeys(pause for pause in plan.pauses if pause.last is None or pause.last >= today))
    forms = (_times(plan.versions[-1], key), _pause(today, key), _journey(key), _zone(plan.zone_at(now), key))
    return PlanView(
        lines=tuple(_lines(plan, now)),
        pauses=tuple(_paused(pause, today) for pause in live),
        forms=tuple(told(form, refusal) for form in forms),
        resume=Form("plan-resume", "", _address(key, "resume"), "Resume", RESUME) if live else None,
    )


def _lines(plan: Plan, now: datetime) -> Iterator[str]:
    today = plan.today(now)
    yield words.sentence(_version(plan.version_on(today) or plan.versions[0]))
    for version in plan.versions:
        if version.takes_effect > today:
            yield f"From {naming.day_name(version.takes_effect, today)}: {_version(version)}"
    yield f"Time zone: {plan.zone_at(now)}."
    for change in plan.zones:
        if change.since > now:
            yield f"From {words.moment(change.since, plan)} there: {change.zone}."


def _version(version: Version) -> str:
    times = ", ".join(f"{slot.name} {slot.at:%H:%M}" for slot in version.slots)
    dose = version.dose
    hold = f", {words.counted(dose.hold_seconds, 'second')} there" if dose.hold_seconds else ""
    turns = f"{words.counted(dose.repetitions, 'turn')} to each side{hold}"
    return f"{times}; {turns}; your day starts at {version.day_start:%H:%M}."


def _paused(pause: Pause, today: date) -> str:
    until = f"until {naming.day_name(pause.last, today)}" if pause.last else "until you resume"
    first = naming.day_name(pause.first, today)
    return f"Paused since {first}, {until}." if pause.first <= today else f"A pause is planned from {first}, {until}."


def _times(version: Version, key: str) -> Form:
    at = {slot.name: f"{slot.at:%H:%M}" for slot in version.slots}
    fields = (
        _time("morning", "Before you get up", at.get("morning", "")),
        _time("evening", "When you lie down", at.get("evening", "")),
        _time("day_start", "Your day starts at", f"{version.day_start:%H:%M}"),
        _number("repetitions", "Turns to each side", version.dose.repetitions, REPETITIONS),
        _number("hold_seconds", "Seconds to stay there", version.dose.hold_seconds, HOLD_SECONDS),
    )
    return Form("plan-times", "Other times", _address(key, "times"), "Change it from tomorrow on", TIMES, "", fields)


def _zone(zone: str, key: str) -> Form:
    fields = (_place(zone, "The city whose clock you live by."),)
    return Form("plan-zone", "You have moved", _address(key, "zone"), "Change the zone now", ZONE, "", fields)


def _journey(key: str) -> Form:
    fields = (
        _place("", "The city that you travel to."),
        _day("first", "First day there"),
        _day("last", "Last day there"),
    )
    return Form("plan-journey", "A journey", _address(key, "journey"), "Plan the journey", JOURNEY, "", fields)


def _pause(today: date, key: str) -> Form:
    last = Field("last", "Last day", "", "Leave it empty to pause until you resume.", "date")
    fields = (_day("first", "First day", today.isoformat()), last)
    return Form("plan-pause", "A pause", _address(key, "pause"), "Pause", PAUSE, "", fields)


def _address(key: str, what: str) -> str:
    return url_for("pages.change_plan", key=key, what=what)


def _time(name: str, label: str, value: str) -> Field:
    return Field(name, label, value, kind="time", limits={"required": ""})


def _day(name: str, label: str, value: str = "") -> Field:
    return Field(name, label, value, kind="date", limits={"required": ""})


def _number(name: str, label: str, value: int, allowed: range) -> Field:
    limits = {"min": allowed[0], "max": allowed[-1], "required": "", "inputmode": "numeric"}
    return Field(name, label, str(value), f"{allowed[0]} to {allowed[-1]}", "number", limits=limits)


def _place(value: str, hint: str) -> Field:
    limits = {"list": "zones", "required": "", "maxlength": 64, "autocapitalize": "off", "spellcheck": "false"}
    return Field("zone", "Time zone", value, hint, limits=limits)
