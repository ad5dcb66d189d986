"""What became of a delivery, in words that are kept with it: who said what, and what it counted for."""

from collections.abc import Iterator, Mapping
from datetime import date

from calendar_export.plan import Plan
from integration.core.habits import title
from integration.core.model import FactKind, State
from integration.core.naming import day_name
from integration.core.placing import performed, wall_of
from webhooks.report import Kind, Report

STATES = {State.DONE: "done", State.SKIPPED: "skipped", State.HURT: "stopped because it hurt", None: "open"}


def said(label: str, report: Report, plan: Plan, became: FactKind | None = None) -> str:
    """What a connection of that label said, such as: Habitica said “Stretch” was done at 22:14.

    `became` is what the report amounted to, where that is known.
    """
    if report.kind is Kind.DONE and became is FactKind.UNDONE:
        return f"{label} changed {f'it to “{title(report)}”' if report.habit else 'it'}, so it counts no longer."
    moment = performed(plan, report)
    name = f"“{title(report)}”" if report.habit else "it"
    when = f" at {wall_of(plan, moment):%H:%M}" if moment and report.kind is Kind.DONE else ""
    return f"{label} said {name} was {'done' if report.kind is Kind.DONE else 'taken back'}{when}."


def states(sessions: Mapping[tuple[date, str], State | None], today: date) -> Iterator[str]:
    """How the sessions stand, a sentence each."""
    for (day, slot), state in sessions.items():
        yield f"The {slot} of {day_name(day, today)} is {STATES[state]}."
