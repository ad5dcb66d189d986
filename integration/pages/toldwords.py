"""What became of a message to a service, in words that follow the service's name. Pure: it is told the time.

Nothing here reproaches, and what can be done about it is said where something can.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from calendar_export.plan import Plan
from calendar_export.zones import to_wall
from integration.dispatching import breaker
from integration.pages import words
from integration.service import Service
from integration.store.dispatches import OVERTAKEN, SESSION, Kind, State
from integration.store.outlets import Outlet, Told
from integration.store.recent import Recent

SOON, SAME_DAY = timedelta(minutes=1), timedelta(hours=20)
"""What comes within the first is called now; within the second a time of the day alone says which one is meant."""
UNTIL = {"waiting_for_new_day": ("for its new day", "Open it there once, and its day begins")}
"""What a message waits for, and what a person may do about it, by the reason of the refusal."""
FINAL = frozenset({OVERTAKEN, "disconnected", "past_day", "no_undo", "cannot_be_undone", "no_fetch"})
"""Reasons for which sending again would end as it did."""
SENT = {Kind.UNDONE: "taken back", Kind.FETCH: "asked"}
WAITS = "waiting: "


def about(row: Recent) -> str:
    """What a message is about, such as: the evening of Tue 2 June."""
    if row.kind is Kind.EVENT:
        return "your streaks"
    return "what it announced" if row.kind is Kind.FETCH else f"the {row.slot} of {_day(row.date)}"


def became(row: Recent, title: str, outlet: Outlet | None, plan: Plan, now: datetime) -> str:
    """What became of it, as the rest of a sentence that begins with a name and a colon."""
    if row.state is State.WAITING:
        told = _waits(row, title, outlet, plan, now)
    elif row.state is State.SENT:
        told = _sent(row, plan)
    else:
        told = _not_sent(row, title)
    return told if told.endswith((".", "?", "!")) else f"{told}."


def trouble(told: Told, title: str, plan: Plan, now: datetime) -> str:
    """How a connection stands that is not well, as a sentence; empty where it is."""
    health = told.outlet.health
    since = clock(health.failing_since, plan, now) if health.failing_since else ""
    if health.disabled_at is not None:
        why = _it(health.disabled_why or "", title).partition(";")[0]
        when = words.moment(health.disabled_at, plan)
        return f"{told.label} was switched off {when}: {why}. Once it is well, switch it on."
    if health.down:
        return f"{told.label} has not answered{f' since {since}' if since else ''}; we try about once a minute."
    return breaker.sentence(health, told.label, since) or ""


def may_go_again(
    row: Recent, rows: Sequence[Recent], outlet: Outlet | None, service: Service | None, today: date
) -> bool:
    """Whether a message that was not sent may be sent after all, as operating.retry judges; `rows` has all newer."""
    if row.state not in (State.DEAD, State.DROPPED) or row.reason in FINAL or service is None:
        return False
    if outlet is None or outlet.health.disabled_at is not None or outlet.sending == row.id:
        return False
    if row.kind in SESSION and row.date < today and not service.ABILITIES.dated:
        return False
    return not any(_overtakes(other, row) for other in rows)


def clock(instant: datetime, plan: Plan, now: datetime) -> str:
    """An instant by the person's clock, with its day where that is not clear."""
    wall = to_wall(instant, plan.zone_at(instant))
    return f"{wall:%H:%M}" if abs(instant - now) < SAME_DAY else words.moment(instant, plan)


def _sent(row: Recent, plan: Plan) -> str:
    verb = SENT.get(row.kind, "sent")
    when = f" {words.moment(row.finished_at, plan)}" if row.finished_at else ""
    return f"{verb}{when}; {row.message}" if row.message and row.message != verb else f"{verb}{when}"


def _not_sent(row: Recent, title: str) -> str:
    if row.reason == "disabled":
        return "not sent: it was switched off then"
    if row.state is State.DROPPED or row.message.startswith("given up"):
        return row.message
    tries = f"given up after {row.attempts} tries" if row.attempts > 1 else "not taken"
    return f"{tries}: {_it(row.message, title)}"


def _waits(row: Recent, title: str, outlet: Outlet | None, plan: Plan, now: datetime) -> str:
    what = about(row)
    if outlet is not None and outlet.sending == row.id:
        return f"{what} is on its way now"
    if outlet is not None and outlet.health.down:
        return f"{what} waits until it answers again"
    if row.message.startswith(WAITS):
        return f"{what} waits: {row.message.removeprefix(WAITS)}"
    due = _next(row, outlet)
    when = "next try now" if due <= now + SOON else f"next try about {clock(due, plan, now)}"
    if row.reason in UNTIL:
        wait, cure = UNTIL[row.reason]
        return f"{what} waits {wait}; {when}. {cure}"
    if row.message:
        return f"{what} is not there yet: {_it(row.message, title)}; {when}"
    return f"{what} goes out now" if due <= now + SOON else f"{what} waits its turn; {when}"


def _next(row: Recent, outlet: Outlet | None) -> datetime:
    """When a message is tried next: with a probe where its service failed last, but not before its pause is over."""
    due, health = row.due_at, outlet.health if outlet else None
    if health and health.probe_at:
        due = min(due, health.probe_at)
    return max(due, health.not_before) if health and health.not_before else due


def _overtakes(other: Recent, row: Recent) -> bool:
    """Whether that later message about the same session, or the streak, may have gone out, or goes out."""
    about_one = {other.kind, row.kind} <= {*SESSION} and (other.date, other.slot) == (row.date, row.slot)
    same = other.connection == row.connection and (about_one or (other.kind is row.kind is Kind.EVENT))
    lives = other.state in (State.WAITING, State.SENT) or other.attempted_at is not None
    return same and other.id > row.id and lives


def _it(message: str, title: str) -> str:
    """A message about a service, where its name has just been said."""
    return f"it {message.removeprefix(title).lstrip()}" if message.startswith(f"{title} ") else message


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%B}"
