"""What one session says in a calendar: title, text, HTML twin, alarm. Pure text; nothing here knows iCalendar.

The words are messages with named placeholders, looked up in the feed's language. The text is a list of blocks that is
rendered twice, plain and as HTML. It is short, as every event of every copy carries it; the session page, to which it
links, says the rest. A discreet feed has a neutral title and no text (calendar-feed rule 39).
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import partial
from hashlib import blake2b
from html import escape

from calendar_export import routine, words
from calendar_export.options import Detail, Options
from calendar_export.routine import Dose
from calendar_export.words import message

SHORTEST = timedelta(minutes=5)
# One turn to one side and back, at the pace of the breath.
SECONDS_A_TURN = 10
DEFAULTS = Options()

TITLES = {"morning": message("Morning stretch"), "evening": message("Evening stretch")}
OTHER_TITLE = message("{slot} stretch")
NEUTRAL_TITLE = message("Personal time")
DATE = message("{date.day} {date:%B %Y}")
LINK = message("Tell Turntwice:")
FROM = message("From Turntwice")


class State(StrEnum):
    """What the calendar shows of a session. A missed one stays `DUE`: the calendar never reproaches."""

    DUE = "due"
    DONE = "done"
    SKIPPED = "skipped"
    HURT = "hurt"


# A title starts with a word, then the sign (calendar-feed rule 32).
DONE_MARK = message("{title} ✓")
MARKS = {
    State.DONE: DONE_MARK,
    State.SKIPPED: message("{title} (skipped)"),
    State.HURT: message("{title} (it hurt)"),
}
# With the session's own date, so that a copy which is days old still tells the truth (rule 6).
AS_OF = {
    State.DONE: message("{date}: done"),
    State.SKIPPED: message("{date}: skipped"),
    State.HURT: message("{date}: stopped"),
}
NOTES: dict[State, tuple[str, ...]] = {
    State.DONE: (),
    State.SKIPPED: (message("It counts neither for nor against you."),),
    State.HURT: (
        message("You stopped because it hurt. That was right, and it counts neither for nor against you."),
        message("If it hurts again, pause and ask a physical therapist or doctor."),
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


def alarm_uid(entry: Entry) -> str:
    """The lasting identity of a session's reminder: 72 bits of a hash, as it stands in every event (rule 23)."""
    return urlsafe_b64encode(blake2b(entry.uid.encode(), digest_size=9).digest()).decode()


def title(entry: Entry, options: Options = DEFAULTS) -> str:
    """The event's title; the same for every session of a slot until somebody did something."""
    plain = alarm(entry, options)
    if options.detail is Detail.DISCREET:
        return words.say(options.language, DONE_MARK, title=plain) if entry.state is State.DONE else plain
    return words.say(options.language, MARKS[entry.state], title=plain) if entry.state in MARKS else plain


def text(entry: Entry, options: Options = DEFAULTS) -> str:
    """What to do, when to stop, whom to ask and where to say so, as short plain lines; empty for a discreet feed."""
    return "\n".join(_as_text(block) for block in blocks(entry, options))


def html(entry: Entry, options: Options = DEFAULTS) -> str:
    """The same words as `text` in one line of HTML, for a rich feed (calendar-feed rules 28, 29)."""
    return f"<html><body>{''.join(_as_html(block) for block in blocks(entry, options))}</body></html>"


def alarm(entry: Entry, options: Options = DEFAULTS) -> str:
    """What the reminder says when it rings: the title without any mark."""
    if options.detail is Detail.DISCREET:
        return words.say(options.language, NEUTRAL_TITLE)
    if entry.slot in TITLES:
        return words.say(options.language, TITLES[entry.slot])
    return words.say(options.language, OTHER_TITLE, slot=entry.slot.capitalize())


def link(entry: Entry, options: Options = DEFAULTS) -> str | None:
    """The session page, where the feed may name it."""
    return None if options.detail is Detail.DISCREET else entry.link


def duration(entry: Entry) -> timedelta:
    """How long the event lasts: five minutes, or ten where the holds need more."""
    seconds = entry.dose.repetitions * 2 * (entry.dose.hold_seconds + SECONDS_A_TURN)
    return SHORTEST * -(-seconds // int(SHORTEST.total_seconds()))


def blocks(entry: Entry, options: Options = DEFAULTS) -> Iterator[Block]:
    """The parts of the text in reading order; the cue comes first. None for a discreet feed."""
    if options.detail is Detail.DISCREET:
        return
    say = partial(words.say, options.language)
    yield Block((say(routine.cue(entry.slot)),))
    if entry.state in AS_OF:
        as_of = say(AS_OF[entry.state], date=say(DATE, date=entry.date))
        yield Block((as_of, *map(say, NOTES[entry.state])))
    dose = partial(say, count=entry.dose.repetitions, seconds=entry.dose.hold_seconds)
    yield Block(tuple(map(dose, routine.brief_steps(entry.dose))), numbered=True)
    yield Block(tuple(map(say, routine.BRIEF_CAUTIONS)))
    yield Block((say(LINK if entry.link else FROM),), link=entry.link)


def _as_text(block: Block) -> str:
    lines = [f"{n}. {line}" for n, line in enumerate(block.lines, 1)] if block.numbered else list(block.lines)
    return "\n".join(lines) + (f" {block.link}" if block.link else "")


def _as_html(block: Block) -> str:
    lines = [escape(line) for line in block.lines]
    if block.numbered:
        return f"<ol>{''.join(f'<li>{line}</li>' for line in lines)}</ol>"
    shown = "<br>".join(lines)
    return f'<p><a href="{escape(block.link)}">{shown}</a></p>' if block.link else f"<p>{shown}</p>"
