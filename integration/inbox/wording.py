"""What became of a delivery, in words that are kept with it: who said what, and what it counted for."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime

from calendar_export.plan import Plan
from integration.core.habits import title
from integration.core.model import FactKind, State
from integration.core.naming import day_name
from integration.core.placing import Unplaced, performed, wall_of
from webhooks.report import Kind, Report

STATES = {State.DONE: "done", State.SKIPPED: "skipped", State.HURT: "stopped because it hurt", None: "open"}


def said(label: str, report: Report, plan: Plan, became: FactKind | None = None, came_on: date | None = None) -> str:
    """What a connection of that label said, such as: Habitica said “Stretch” was done at 22:14.

    `became` is what the report amounted to, where that is known. With the logical date on which it came, one that was
    told of another day bears its name.
    """
    if report.kind is Kind.DONE and became is FactKind.UNDONE:
        return f"{label} changed {f'it to “{title(report)}”' if report.habit else 'it'}, so it counts no longer."
    moment = performed(plan, report)
    name = f"“{title(report)}”" if report.habit else "it"
    when = f" at {wall_of(plan, moment):%H:%M}" if moment and report.kind is Kind.DONE else ""
    day = told_day(report, plan)
    when += f" on {day_name(day, came_on)}" if came_on and day and day != came_on else ""
    return f"{label} said {name} was {'done' if report.kind is Kind.DONE else 'taken back'}{when}."


def left(label: str, report: Report, plan: Plan, came: datetime, why: Unplaced) -> str:
    """What was said, and why it counts for nothing. It came at an instant (UTC)."""
    return f"{said(label, report, plan, came_on=plan.today(came))} {why.message}"


def told_day(report: Report, plan: Plan) -> date | None:
    """The logical date that a report tells of itself; None where it gives neither a date nor a time."""
    moment = performed(plan, report)
    return report.date or (plan.logical_date(wall_of(plan, moment)) if moment else None)


def states(sessions: Mapping[tuple[date, str], State | None], today: date) -> Iterator[str]:
    """How the sessions stand, a sentence each."""
    for (day, slot), state in sessions.items():
        yield f"The {slot} of {day_name(day, today)} is {STATES[state]}."
