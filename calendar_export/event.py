"""What one session says in a calendar: title, text, HTML twin, alarm. Pure text; nothing here knows iCalendar.

The words are constants with named placeholders and the text is a list of blocks, rendered twice: another language
replaces the constants, a discreet feed chooses other blocks, and the two renderings stay as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from html import escape

from calendar_export import routine
from calendar_export.routine import Dose

SHORTEST = timedelta(minutes=5)
# One turn to one side and back, at the pace of the breath.
SECONDS_A_TURN = 10

TITLES = {"morning": "Morning stretch", "evening": "Evening stretch"}
OTHER_TITLE = "{slot} stretch"
ALARM = "{cue}: {title}"
LINK = "Done, skipped, or did it hurt? Say so here:"
FROM = "From Turntwice, which reminds you and keeps count. It is no medical advice."


class State(StrEnum):
    """What the calendar shows of a session. A missed one stays `DUE`: the calendar never reproaches."""

    DUE = "due"
    DONE = "done"
    SKIPPED = "skipped"
    HURT = "hurt"


# A title starts with a word, then the sign (calendar-feed rule 32).
MARKS = {
    State.DUE: "{title}",
    State.DONE: "{title} ✓",
    State.SKIPPED: "{title} (skipped)",
    State.HURT: "{title} (it hurt)",
}
NOTES = {
    State.DONE: ("This session is done.",),
    State.SKIPPED: ("This session is skipped. It counts neither for nor against you.",),
    State.HURT: (
        "You stopped because it hurt. That was right, and it counts neither for nor against you.",
        "If it hurts again, pause and ask a physical therapist or doctor.",
    ),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One session as a calendar shows it.

    `date` is the logical date, `starts` the instant (UTC). `sequence` and `changed_at` (UTC; DTSTAMP and LAST-MODIFIED)
    are stored and only rise, also on undo (calendar-feed rules 11 to 13). `link` is the session page; None leaves it
    out, as a feed for other eyes must.
    """

    uid: str
    slot: str
    date: date
    starts: datetime
    state: State
    sequence: int
    changed_at: datetime
    dose: Dose
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that stand together: numbered when they are steps, or leading to `link`."""

    lines: tuple[str, ...]
    numbered: bool = False
    link: str | None = None


def uid(person: str, day: date, slot: str) -> str:
    """The identity of a session in every calendar, for ever: no key, zone or host in it (calendar-feed rule 10)."""
    return f"{person}-{day:%Y%m%d}-{slot}@turntwice"


def title(entry: Entry) -> str:
    """The event's title; the same for every session of a slot until somebody did something."""
    return MARKS[entry.state].format(title=_plain_title(entry.slot))


def text(entry: Entry) -> str:
    """All there is to say, as plain text: short lines, a blank line between blocks."""
    return "\n\n".join(_as_text(block) for block in blocks(entry))


def html(entry: Entry) -> str:
    """The same words as `text` in one line of HTML, for Outlook (calendar-feed rule 28)."""
    return f"<html><body>{''.join(_as_html(block) for block in blocks(entry))}</body></html>"


def alarm(entry: Entry) -> str:
    """What the reminder says when it rings."""
    return ALARM.format(cue=routine.cue(entry.slot), title=_plain_title(entry.slot))


def duration(entry: Entry) -> timedelta:
    """How long the event lasts: five minutes, or ten where the holds need more."""
    seconds = entry.dose.repetitions * 2 * (entry.dose.hold_seconds + SECONDS_A_TURN)
    return SHORTEST * -(-seconds // int(SHORTEST.total_seconds()))


def blocks(entry: Entry) -> Iterator[Block]:
    """The parts of the text in reading order; the cue comes first."""
    yield Block((f"{routine.cue(entry.slot)}. {routine.WHERE}",))
    if entry.state in NOTES:
        yield Block(NOTES[entry.state])
    yield Block(routine.steps(entry.dose), numbered=True)
    yield Block((routine.NO_PUSHING, *routine.WHEN_TO_STOP, routine.ASK_FIRST, routine.HYPERMOBILITY))
    if entry.link:
        yield Block((LINK,), link=entry.link)
    yield Block((FROM,))


def _plain_title(slot: str) -> str:
    return TITLES.get(slot) or OTHER_TITLE.format(slot=slot.capitalize())


def _as_text(block: Block) -> str:
    lines = [f"{n}. {line}" for n, line in enumerate(block.lines, 1)] if block.numbered else list(block.lines)
    return "\n".join([*lines, block.link] if block.link else lines)


def _as_html(block: Block) -> str:
    lines = [escape(line) for line in block.lines]
    if block.numbered:
        return f"<ol>{''.join(f'<li>{line}</li>' for line in lines)}</ol>"
    words = "<br>".join(lines)
    return f'<p><a href="{escape(block.link)}">{words}</a></p>' if block.link else f"<p>{words}</p>"
