"""From entries to an iCalendar document (RFC 5545, RFC 7986); the only file that imports icalendar.

An event's bytes depend on its entry and the options alone, so a caller may keep them and join them with `document`.
They are written by `lines`; icalendar writes the header. `check` reads bytes, never a parser.

A plain event has no HTML, which would double it. A rich one has X-ALT-DESC for Outlook (rule 28) and an ALTREP on its
DESCRIPTION for Thunderbird, for which node-ical hands over an object (rules 27, 29); never STYLED-DESCRIPTION, an error
in libical 3.0.16. What repeats a default, such as STATUS:CONFIRMED, is left out; a skipped session is not cancelled
either (rule 14). Rule numbers are those of calendar-feed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from icalendar import Calendar, vText

from calendar_export import event
from calendar_export.errors import FeedError
from calendar_export.event import Entry, State
from calendar_export.lines import check_bytes as check_bytes
from calendar_export.lines import escaped, fit, folded, utc
from calendar_export.options import Detail, Options
from calendar_export.words import message, say

PRODUCT = "-//Turntwice//Turntwice//EN"
COLOR, COLOR_CODE = "teal", "#008080"
REFRESH = "PT1H"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGIN_EVENT, FOOTER = b"BEGIN:VEVENT\r\n", b"END:VCALENDAR\r\n"

NAME = "Turntwice"
DESCRIPTION = message("A spinal-rotation stretch on waking and before sleep.")
NEUTRAL_DESCRIPTION = message("A few minutes for myself.")
ENDED_TITLE = message("This calendar has ended")
ENDED_TEXT = message("Its address was withdrawn. You can unsubscribe from it; nothing more will appear here.")
NOTICE_TITLE = message("Stretches are paused")
NOTICE_TEXT = message("Nothing is planned for these days. When your plan has sessions again, they appear here.")
NEUTRAL_NOTICE = message("Nothing planned")

# A stretch is private and never blocks a meeting (rule 38).
_NEVER_BUSY = ("CLASS:PRIVATE", "TRANSP:TRANSPARENT", "X-MICROSOFT-CDO-BUSYSTATUS:FREE")

_UID = re.compile(rb"(?m)^UID:(.+(?:\r\n .+)*)\r$")
_SPAN = re.compile(rb"(?m)^DTSTART:(\d{8}T\d{6}Z)\r\nDTEND:(\d{8}T\d{6}Z)\r$")


@dataclass(frozen=True, slots=True)
class Look:
    """How one subscription looks as a whole.

    `zone` is the IANA name in X-WR-TIMEZONE, `uid` the fixed identity of the calendar (rule 37). `stamp` (UTC)
    is when the plan last ran empty: it dates the one notice that an empty window shows, and nothing else.
    """

    name: str
    description: str
    zone: str
    uid: str
    stamp: datetime
    options: Options = field(default_factory=Options)


def name_of(options: Options) -> str:
    """What a calendar is called, as far as its options let it say."""
    return NAME if options.detail is Detail.FULL else say(options.language, event.NEUTRAL_TITLE)


def description_of(options: Options) -> str:
    """What a calendar is about, as far as its options let it say."""
    return say(options.language, DESCRIPTION if options.detail is Detail.FULL else NEUTRAL_DESCRIPTION)


def ended(uid: str, stamp: datetime, options: Options) -> bytes:
    """The document of a feed that was ended: one notice, nothing personal, to overwrite the copies (rule 45)."""
    look = Look(name_of(options), say(options.language, ENDED_TITLE), "UTC", uid, stamp, options)
    return check(_header(look) + _notice(look, ENDED_TITLE, ENDED_TEXT) + FOOTER)


def render(look: Look, entries: Sequence[Entry]) -> bytes:
    """The whole document, checked. Raises FeedError when it must not be published."""
    return document(look, [event_bytes(look, entry) for entry in entries])


def document(look: Look, events: Iterable[bytes]) -> bytes:
    """Header, events and footer as one checked document; a notice when there is no event (rule 8).

    `events` are results of `event_bytes` for the same look. Raises FeedError.
    """
    title, text = (NOTICE_TITLE, NOTICE_TEXT) if look.options.detail is Detail.FULL else (NEUTRAL_NOTICE, "")
    return check(_header(look) + (b"".join(events) or _notice(look, title, text)) + FOOTER)


def event_bytes(look: Look, entry: Entry) -> bytes:
    """One VEVENT with its alarm, folded, CRLF at every end; of the look it depends on the options only."""
    options = look.options
    lines = [
        *_opening(entry.uid, entry.changed_at, entry.starts, event.duration(entry)),
        f"SEQUENCE:{entry.sequence}",
        f"SUMMARY:{escaped(event.title(entry, options))}",
        *_texts(entry, options),
        *_alarm(entry, options),
        "END:VEVENT",
    ]
    return b"".join(map(folded, lines))


def check(document: bytes) -> bytes:
    """The document itself, when no calendar would choke on it (rules 8, 9, 22, 33, 34, 58).

    Raises FeedError when a line is longer than 75 octets or empty, a line end is not CRLF, a control character or half
    a character stands anywhere, two components share a UID, an event has no end after its start, or there is no event.
    It expects the order of lines that `event_bytes` writes.
    """
    check_bytes(document)
    header, *events = document.split(b"\r\n" + BEGIN_EVENT)
    framed = header.startswith(b"BEGIN:VCALENDAR\r\n") and document.endswith(b"\r\nEND:VEVENT\r\n" + FOOTER)
    if not events or not framed:
        raise FeedError("a calendar needs its frame and at least one event")
    for number, vevent in enumerate(events, 1):
        span = _SPAN.search(vevent)
        if not vevent.startswith(b"UID:") or not span or span[1] >= span[2]:
            raise FeedError(f"event {number} needs a UID, a UTC start and a UTC end after it")
    uids = _UID.findall(document)
    if len(set(uids)) < len(uids):
        raise FeedError("every event, every alarm and the calendar itself need a UID of their own")
    return document


def _header(look: Look) -> bytes:
    calendar = Calendar()
    calendar["VERSION"] = vText("2.0")
    calendar["PRODID"] = vText(PRODUCT)
    calendar["CALSCALE"] = vText("GREGORIAN")
    calendar["UID"] = _text(look.uid)
    calendar["NAME"] = calendar["X-WR-CALNAME"] = _text(look.name)
    calendar["DESCRIPTION"] = calendar["X-WR-CALDESC"] = _text(look.description)
    calendar["X-WR-TIMEZONE"] = _text(look.zone)
    calendar["COLOR"] = vText(COLOR)
    calendar["X-APPLE-CALENDAR-COLOR"] = vText(COLOR_CODE)
    # RFC 7986 5.7 requires the VALUE, and icalendar's own setter leaves it out (rule 36).
    calendar["REFRESH-INTERVAL"] = _text(REFRESH, VALUE="DURATION")
    calendar["X-PUBLISHED-TTL"] = vText(REFRESH)
    written: bytes = calendar.to_ical(sorted=False)
    return written.removesuffix(FOOTER)


def _notice(look: Look, title: str, text: str) -> bytes:
    """The one event of a calendar that has no session to show."""
    language = look.options.language
    described = [f"DESCRIPTION:{escaped(say(language, text))}"] if text else []
    opening = _opening(f"notice-{look.uid}", look.stamp, look.stamp, event.SHORTEST)
    lines = [*opening, "SEQUENCE:0", f"SUMMARY:{escaped(say(language, title))}", *described, "END:VEVENT"]
    return b"".join(map(folded, lines))


def _opening(uid: str, changed_at: datetime, starts: datetime, lasts: timedelta) -> Iterator[str]:
    """The lines that every event has; without METHOD, DTSTAMP means the last revision (RFC 5545 3.8.7.2, rule 13)."""
    changed = utc(changed_at)
    yield "BEGIN:VEVENT"
    yield f"UID:{escaped(uid)}"
    yield f"DTSTAMP:{changed}"
    yield f"LAST-MODIFIED:{changed}"
    yield f"DTSTART:{utc(starts)}"
    yield f"DTEND:{utc(starts + lasts)}"
    yield from _NEVER_BUSY


def _texts(entry: Entry, options: Options) -> Iterator[str]:
    """What to do, and where to say so; nothing in a discreet feed."""
    text = event.text(entry, options)
    if text and options.rich:
        html = event.html(entry, options)
        yield f"X-ALT-DESC;FMTTYPE=text/html:{escaped(html)}"
        yield f'DESCRIPTION;ALTREP="data:text/html,{quote(html)}":{escaped(text)}'
    elif text:
        yield f"DESCRIPTION:{escaped(text)}"
    if link := event.link(entry, options):
        yield f"URL:{fit(link)}".replace("\n", "")


def _alarm(entry: Entry, options: Options) -> Iterator[str]:
    """One display alarm, while nothing was said of the session (rules 23, 24)."""
    if not options.alarms or entry.state is not State.DUE:
        return
    yield "BEGIN:VALARM"
    yield f"UID:{event.alarm_uid(entry)}"
    yield "ACTION:DISPLAY"
    yield f"TRIGGER:{f'-PT{options.lead_minutes}M' if options.lead_minutes else 'P0D'}"
    yield f"DESCRIPTION:{escaped(event.alarm(entry, options))}"
    yield "END:VALARM"


def _text(value: str, **parameters: str) -> vText:
    """A TEXT value: never a plain str, which icalendar writes verbatim on X- properties (rule 55)."""
    return vText(fit(value), params=parameters)
