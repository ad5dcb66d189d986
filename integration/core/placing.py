"""Which session a report belongs to. Spec: streaks sections 2 and 7; webhook-reliability R7.

First rule that applies: an explicit slot and date; a mapped habit with a date or a time; the time it was done; the
arrival, when the source reports at once. Otherwise the person is asked: nothing is guessed. That is also so where a
mapped habit is ticked before its session could begin: most who tick the evening at breakfast mean the one before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from calendar_export.plan import Plan
from calendar_export.zones import to_instant, to_wall
from integration.core.habits import folded
from integration.core.naming import day_name
from webhooks.report import Kind, Moment, Report

OLDEST = timedelta(days=400)
AHEAD = timedelta(hours=24)
NOT_YET = "{day} has not come yet."
TOO_EARLY = "too_early"
STRETCH_WORDS = ("stretch", "rotation", "rotate", "spinal", "twist", "turntwice")


@dataclass(frozen=True, slots=True)
class Placed:
    """The session of a report."""

    slot: str
    date: date


@dataclass(frozen=True, slots=True)
class Unplaced:
    """No session: `reason` is a label, `message` a sentence for the person, `near` the session that it may be of."""

    reason: str
    message: str
    near: Placed | None = None


def place(plan: Plan, report: Report, mapped: str | None, now: datetime, realtime: bool) -> Placed | Unplaced:
    """The session that a report counts for, or why there is none.

    `mapped` is the slot that the connection's mapping gives the report's habit; `realtime` says that the source reports
    a completion when it happens, so that the arrival `now` (UTC) may stand in for a missing time.
    """
    slot = report.slot or mapped
    if report.said_at and report.said_at > now + AHEAD:
        return Unplaced("in_the_future", "It was said at a time more than a day from now.")
    if report.date and slot:
        return check_session(plan, Placed(slot, report.date), now)
    moment = performed(plan, report) or _arrival(plan, report, now, realtime)
    if moment is None:
        return Unplaced("no_time", "It did not say at what time, so it may be the morning or the evening.")
    if moment.at > now + AHEAD:
        return Unplaced("in_the_future", "It was said to be done more than a day from now.")
    wall = wall_of(plan, moment)
    day, by_time = plan.placed(wall)
    day = report.date or day
    if not (slot or by_time) and day >= plan.start:
        return Unplaced(
            "outside_the_plan", f"The plan has no session at that time of {day_name(day, plan.today(now))}."
        )
    placed = check_session(plan, Placed(slot or by_time or "", day), now)
    ticked = report.kind is Kind.DONE and report.likeness is None and not report.slot
    if ticked and isinstance(placed, Placed) and _opens_after(plan, placed, wall):
        told = f"the {placed.slot} of {day_name(day, plan.today(now))}"
        return Unplaced(TOO_EARLY, f"That was before {told} began, so it may be an earlier one.", placed)
    return placed


def _opens_after(plan: Plan, placed: Placed, wall: datetime) -> bool:
    slot = plan.slot_on(placed.slot, placed.date)
    return slot is not None and wall < plan.window(slot, placed.date)[0]


def _arrival(plan: Plan, report: Report, now: datetime, realtime: bool) -> Moment | None:
    """The arrival in place of a missing time: only of a source that reports at once, and of what it did that day."""
    return Moment(now) if realtime and report.date in (None, plan.today(now)) else None


def performed(plan: Plan, report: Report) -> Moment | None:
    """When it was done, as the sender told it; a bare wall time is one of the person's own clock."""
    if report.performed or report.wall is None:
        return report.performed
    at = to_instant(report.wall, plan.zone_at(report.wall.replace(tzinfo=UTC)))
    return Moment(at, report.wall - at.replace(tzinfo=None))


def wall_of(plan: Plan, moment: Moment) -> datetime:
    """The naive wall time of a moment: by the sender's own offset where it gave one, else by the zone timeline."""
    return moment.wall or to_wall(moment.at, plan.zone_at(moment.at))


def mapped_slots(mapping: Mapping[str, str], report: Report) -> tuple[str, ...]:
    """The slots whose mapped habit the report names by id, alias or title."""
    names = {folded(name) for name in report.habit}
    return tuple(slot for slot, habit in mapping.items() if folded(habit) in names)


def sounds_like_a_stretch(report: Report) -> bool:
    """Whether a habit that nobody has mapped is ours by its name. One without a name is: its sender means us."""
    return not report.habit or names_one_of(report, STRETCH_WORDS)


def names_one_of(report: Report, words: Iterable[str]) -> bool:
    """Whether one of the words, which are folded, stands in a name that the report gives its habit."""
    names = [folded(name) for name in report.habit]
    return any(word in name for word in words for name in names)


def check_lived(plan: Plan, placed: Placed, now: datetime) -> Placed | Unplaced:
    """As `check_session`, for what a person says on our own pages: there nobody speaks of a day to come."""
    today = plan.today(now)
    if (checked := check_session(plan, placed, now)) == placed and placed.date > today:
        return Unplaced("in_the_future", NOT_YET.format(day=day_name(placed.date, today)))
    return checked


def check_session(plan: Plan, placed: Placed, now: datetime) -> Placed | Unplaced:
    """The session itself, when the plan has it and its date is near enough to take a completion."""
    today = plan.today(now)
    if placed.date < plan.start:
        return Unplaced("before_the_plan", f"The plan began on {day_name(plan.start, today)}.")
    if placed.date > today + AHEAD:
        return Unplaced("in_the_future", NOT_YET.format(day=day_name(placed.date, today)))
    if placed.date < today - OLDEST:
        return Unplaced("too_old", "Completions are taken up to 400 days back.")
    if plan.slot_on(placed.slot, placed.date) is None:
        day = day_name(placed.date, today)
        return Unplaced("outside_the_plan", f"The plan has no session called {placed.slot[:20]!r} on {day}.")
    return placed
