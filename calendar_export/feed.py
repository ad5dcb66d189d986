"""From entries to an iCalendar document (RFC 5545, RFC 7986); the only file that imports icalendar.

An event's bytes depend on its entry and the `Look` alone, so a caller may keep them and join them with `document`. The
icalendar library escapes and folds; the values are handed over ready, because its own conversions cost more than that.
`check` reads bytes, never a parser. Rule numbers are those of calendar-feed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Component, Event, vDuration, vText, vUri

from calendar_export import event
from calendar_export.errors import FeedError
from calendar_export.event import Entry, State

PRODUCT = "-//Turntwice//Turntwice//EN"
COLOR, COLOR_CODE = "teal", "#008080"
REFRESH = "PT1H"
LIMIT = 75
FOOTER = b"END:VCALENDAR\r\n"
BEGIN_EVENT = b"BEGIN:VEVENT\r\n"

NOTICE_TITLE = "Stretches are paused"
NOTICE_TEXT = "Nothing is planned for these days. When your plan has sessions again, they appear here by themselves."

# A stretch is private and never blocks a meeting (rule 38); a skipped one is not cancelled either (rule 14).
_NEVER_BUSY = {
    "STATUS": vText("CONFIRMED"),
    "CLASS": vText("PRIVATE"),
    "TRANSP": vText("TRANSPARENT"),
    "X-MICROSOFT-CDO-BUSYSTATUS": vText("FREE"),
}
_DISPLAY = vText("DISPLAY")

# What breaks readers inside a value: controls but the line feed (rule 33), line ends of other worlds, lone surrogates.
_UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")
_UID = re.compile(rb"(?m)^UID:(.+(?:\r\n .+)*)\r$")
_SPAN = re.compile(rb"(?m)^DTSTART:(\d{8}T\d{6}Z)\r\nDTEND:(\d{8}T\d{6}Z)\r$")


@dataclass(frozen=True, slots=True)
class Look:
    """How one subscription looks as a whole.

    `zone` is the IANA name in X-WR-TIMEZONE, `uid` the fixed identity of the calendar (rule 37). `lead_minutes` is how
    long before its session an alarm rings, 0 or more. `stamp` (UTC) is when the plan last ran empty: it dates the one
    notice that an empty window shows, and nothing else. Raises FeedError for an alarm after the start (rule 23).
    """

    name: str
    description: str
    zone: str
    uid: str
    stamp: datetime
    alarms: bool = True
    lead_minutes: int = 0

    def __post_init__(self) -> None:
        if self.lead_minutes < 0:
            raise FeedError("an alarm rings at its session or before; give 0 or more minutes of lead")


def render(look: Look, entries: Sequence[Entry]) -> bytes:
    """The whole document, checked. Raises FeedError when it must not be published."""
    return document(look, [event_bytes(look, entry) for entry in entries])


def document(look: Look, events: Iterable[bytes]) -> bytes:
    """Header, events and footer as one checked document; a notice when there is no event (rule 8).

    `events` are results of `event_bytes` for the same look. Raises FeedError.
    """
    return check(_header(look) + (b"".join(events) or _notice(look)) + FOOTER)


def event_bytes(look: Look, entry: Entry) -> bytes:
    """One VEVENT with its alarm, folded, CRLF at every end; of the look it depends on the alarm settings only."""
    vevent = _event(entry.uid, entry.changed_at, entry.starts, event.duration(entry))
    vevent["SEQUENCE"] = vText(str(entry.sequence))
    vevent["SUMMARY"] = _text(event.title(entry))
    vevent["DESCRIPTION"] = _text(event.text(entry))
    vevent["X-ALT-DESC"] = _text(event.html(entry), FMTTYPE="text/html")
    if entry.link:
        vevent["URL"] = vUri(_fit(entry.link).replace("\n", ""))
    if look.alarms and entry.state is State.DUE:
        vevent.add_component(_alarm(entry, look.lead_minutes))
    return _to_bytes(vevent)


def check(document: bytes) -> bytes:
    """The document itself, when no calendar would choke on it (rules 8, 9, 22, 33, 34, 58).

    Raises FeedError when a line is longer than 75 octets or empty, a line end is not CRLF, a control character or half
    a character stands anywhere, two components share a UID, an event has no end after its start, or there is no event.
    It expects the order of lines that `event_bytes` writes.
    """
    _check_bytes(document)
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


def _check_bytes(document: bytes) -> None:
    try:
        document.decode()
    except UnicodeDecodeError:
        raise FeedError("the calendar is not UTF-8, or a line is folded inside a character") from None
    lines = document.split(b"\r\n")
    if document.count(b"\r") != len(lines) - 1 or document.count(b"\n") != len(lines) - 1:
        raise FeedError("every line of a calendar ends in CRLF, and no value holds a CR or LF")
    if lines.pop() or not lines or not all(lines):
        raise FeedError("a calendar has no empty line and ends with a line end")
    longest = max(map(len, lines))
    if longest > LIMIT:
        raise FeedError(f"a line of the calendar has {longest} octets; fold it at {LIMIT}")
    if _CONTROL.search(document):
        raise FeedError("the calendar holds a control character; strip it")


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
    return _to_bytes(calendar).removesuffix(FOOTER)


def _notice(look: Look) -> bytes:
    vevent = _event(f"notice-{look.uid}", look.stamp, look.stamp, event.SHORTEST)
    vevent["SEQUENCE"] = vText("0")
    vevent["SUMMARY"] = vText(NOTICE_TITLE)
    vevent["DESCRIPTION"] = vText(NOTICE_TEXT)
    return _to_bytes(vevent)


def _event(uid: str, changed_at: datetime, starts: datetime, lasts: timedelta) -> Event:
    """The lines that every event has; without METHOD, DTSTAMP means the last revision (RFC 5545 3.8.7.2, rule 13)."""
    vevent = Event()
    vevent["UID"] = _text(uid)
    vevent["DTSTAMP"] = vevent["LAST-MODIFIED"] = _utc(changed_at)
    vevent["DTSTART"] = _utc(starts)
    vevent["DTEND"] = _utc(starts + lasts)
    vevent.update(_NEVER_BUSY)
    return vevent


def _alarm(entry: Entry, lead_minutes: int) -> Alarm:
    valarm = Alarm()
    valarm["UID"] = _text(f"alarm-{entry.uid}")
    valarm["ACTION"] = _DISPLAY
    valarm["TRIGGER"] = vDuration(timedelta(minutes=-lead_minutes))
    valarm["DESCRIPTION"] = _text(event.alarm(entry))
    return valarm


def _utc(instant: datetime) -> vText:
    return vText(f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}")


def _text(value: str, **parameters: str) -> vText:
    """A TEXT value: never a plain str, which icalendar writes verbatim on X- properties (rule 55)."""
    return vText(_fit(value), params=parameters)


def _fit(value: str) -> str:
    return _UNFIT.sub("", value.replace("\t", " "))


def _to_bytes(component: Component) -> bytes:
    written: bytes = component.to_ical(sorted=False)
    return written
