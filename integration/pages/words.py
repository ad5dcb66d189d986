"""How the pages put things: states, buttons, days, times. Nothing here reproaches: what was not done has passed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from calendar_export import event
from calendar_export.plan import Plan
from calendar_export.routine import Dose
from calendar_export.zones import to_wall
from integration.core.model import FactKind, State

ACTIONS = {
    "done": FactKind.DONE,
    "skip": FactKind.SKIPPED,
    "hurt": FactKind.HURT,
    "undo": FactKind.UNDONE,
}
BUTTONS = {"done": "Done", "skip": "Skip", "hurt": "It hurt", "undo": "Undo"}
OFFERED: dict[State, tuple[str, ...]] = {
    State.PENDING: ("done", "skip", "hurt"),
    State.MISSED: ("done", "skip", "hurt"),
    State.DONE: ("undo", "hurt"),
    State.SKIPPED: ("done", "undo"),
    # No button that asks for more, right after it hurt.
    State.HURT: ("undo",),
    State.PAUSED: ("done", "hurt"),
    State.NOT_DUE: ("done", "hurt"),
}
SHORT = {
    State.PENDING: "open",
    State.DONE: "done",
    State.MISSED: "passed",
    State.SKIPPED: "skipped",
    State.HURT: "stopped because it hurt",
    State.PAUSED: "paused",
    State.NOT_DUE: "not planned",
}
LONG = {
    State.PENDING: ("Open.", "Whenever you are ready."),
    State.DONE: ("Done.", "It counts."),
    State.MISSED: ("Passed.", "If you did it, say so: it still counts."),
    State.SKIPPED: ("Skipped.", "It counts neither for nor against you."),
    State.HURT: ("Stopped because it hurt.", "It counts neither for nor against you."),
    State.PAUSED: ("Paused.", "Nothing is due; if you did it anyway, it counts."),
    State.NOT_DUE: ("Not planned.", "Nothing is due; if you did it anyway, it counts."),
}
HEARD = {
    "accepted": "Counted",
    "duplicate": "Heard before",
    "ignored": "Left out",
    "quarantined": "Set aside",
}
WAITS, NOTED = "Waits for you", "Noted"

UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


def outcome(outcome: str, message: str, waits: bool = False) -> str:
    """What became of a delivery, by what is kept with it (see inbox.wording); empty for an outcome that is none.

    One that was taken in and left nothing done, as an undo, has not counted.
    """
    if waits:
        return WAITS
    counts = " is done." in message and " was taken back." not in message
    return NOTED if outcome == "accepted" and not counts else HEARD.get(outcome, "")


def short_day(day: date) -> str:
    return f"{day.day} {day:%B}"


def moment(instant: datetime, plan: Plan) -> str:
    """An instant (UTC) as the person's own clock showed it."""
    wall = to_wall(instant, plan.zone_at(instant))
    return f"{wall:%a} {wall.day} {wall:%B}, {wall:%H:%M}"


def ago(instant: datetime, now: datetime) -> str:
    """How long an instant is past, in words; one that is ahead by a slip of clocks is just now."""
    passed = now - instant
    for unit, length in UNITS:
        if passed >= length:
            return f"{counted(passed // length, unit)} ago"
    return "just now"


def counted(number: int, thing: str) -> str:
    """`1 hour`, `3 hours`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def sentence(text: str) -> str:
    """A message of an error as a sentence of its own."""
    text = text.strip()
    ending = "" if text.endswith((".", "?", "!")) else "."
    return f"{text[:1].upper()}{text[1:]}{ending}"


def listed(words: Sequence[str]) -> str:
    return ", ".join(words)


def minutes(dose: Dose) -> int:
    """About how long a session takes, from the pace that the calendar's events assume."""
    seconds = dose.repetitions * 2 * (dose.hold_seconds + event.SECONDS_A_TURN)
    return -(-seconds // 60)
