"""The rules of a calendar document as a table: what is counted, how bad it is, what it leads to in which client.

They hold for any feed, other programs' too. Rule numbers are those of calendar-feed; none of this raises.

Length: one table and what its rows count.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from calendar_export import clients
from calendar_export.reading import Component, Property, Reading, read

EVERYBODY = "all calendars"
LONGEST_LINE, LONGEST_UID = 75, 511


class Severity(StrEnum):
    """How bad it is: nothing to do, good to know, or somebody's calendar is wrong or empty."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence; `who` is `EVERYBODY` or a client's name."""

    severity: Severity
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A document with what the rules look at."""

    document: bytes
    reading: Reading
    calendar: Component
    events: list[Component]
    zones: list[Component]

    @property
    def alarms(self) -> list[Component]:
        return [alarm for event in self.events for alarm in event.all("VALARM")]

    @property
    def zoned(self) -> bool:
        """Whether a time is anything but UTC or a whole day."""
        return any(_zone(start) is not None for start in map(_start, self.events) if start)


@dataclass(frozen=True, slots=True)
class Rule:
    """`count` says how often a feed breaks the rule; the sentence may name it."""

    count: Callable[[Feed], int]
    severity: Severity
    text: str
    who: str = EVERYBODY


def opened(document: bytes) -> Feed:
    """Any bytes as a feed, read once."""
    reading = read(document)
    calendar = reading.calendar
    return Feed(document, reading, calendar, calendar.all("VEVENT"), calendar.all("VTIMEZONE"))


def broken(feed: Feed) -> Iterator[Finding]:
    """What each rule finds wrong, in the order of the table."""
    for rule in RULES:
        count = rule.count(feed)
        if count:
            yield Finding(rule.severity, rule.who, rule.text.format(count=count))


_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)Z?)?", re.ASCII)
_DURATION = re.compile(r"[+-]?P(?=[\dT])(?:\d+W|(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)", re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT)?[+-]\d{1,2}(?::?\d\d)?", re.ASCII | re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:p|br|b|i|a|u|ul|ol|li|div|span|html|body|strong|em|h[1-6]|table)\b[^<>]{0,300}>", re.IGNORECASE
)


def _not_utf8(feed: Feed) -> int:
    try:
        feed.document.decode()
    except UnicodeDecodeError:
        return 1
    return 0


def _long_lines(feed: Feed) -> int:
    return sum(len(line.rstrip(b"\r")) > LONGEST_LINE for line in feed.document.split(b"\n"))


def _bare_returns(feed: Feed) -> int:
    return feed.document.count(b"\r") - feed.document.count(b"\r\n")


def _bare_feeds(feed: Feed) -> int:
    return feed.document.count(b"\n") - feed.document.count(b"\r\n")


def _without(*names: str) -> Callable[[Feed], int]:
    """Events that have none of these properties."""
    return lambda feed: sum(not any(map(event.first, names)) for event in feed.events)


def _with(*names: str) -> Callable[[Feed], int]:
    """Events that have one of these properties."""
    return lambda feed: sum(any(map(event.first, names)) for event in feed.events)


def _lacks(*names: str) -> Callable[[Feed], int]:
    """Whether the calendar itself has none of these."""
    return lambda feed: not any(map(feed.calendar.value, names))


def _parts(*names: str) -> Callable[[Feed], int]:
    return lambda feed: len(feed.calendar.all(*names))


def _shared_uids(feed: Feed) -> int:
    known = [(event.value("UID"), event.value("RECURRENCE-ID")) for event in feed.events if event.value("UID")]
    return len(known) - len(set(known))


def _long_uids(feed: Feed) -> int:
    return sum(len(event.value("UID")) > LONGEST_UID for event in feed.events)


def _unreadable_times(feed: Feed) -> int:
    times = [event.first(name) for event in feed.events for name in ("DTSTART", "DTEND", "DTSTAMP", "LAST-MODIFIED")]
    return sum(not _is_time(time.value.strip()) for time in times if time)


def _is_time(value: str) -> bool:
    found = _TIME.fullmatch(value)
    if not found:
        return False
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001  only whether there is such a time
    except ValueError:
        return False
    return second <= 60


def _backwards(feed: Feed) -> int:
    return sum(_ends_too_early(event) for event in feed.events)


def _ends_too_early(event: Component) -> bool:
    """Whether an event ends with or before its start; False where that takes a zone to know."""
    start, end = event.first("DTSTART"), event.first("DTEND")
    if not start or not end or start.parameters.get("TZID") != end.parameters.get("TZID"):
        return False
    begins, ends = start.value.strip(), end.value.strip()
    return _is_time(begins) and _is_time(ends) and len(begins) == len(ends) and ends <= begins


def _start(event: Component) -> Property | None:
    return event.first("DTSTART")


def _zone(start: Property) -> str | None:
    """The zone that a time names, empty for a floating one; None for UTC and whole days."""
    value = start.value.strip().upper()
    return None if value.endswith("Z") or "T" not in value else start.parameters.get("TZID", "")


def _floating(feed: Feed) -> int:
    return sum(_zone(start) == "" for start in map(_start, feed.events) if start)


def _named_zones(feed: Feed) -> set[str]:
    times = [event.first(name) for event in feed.events for name in ("DTSTART", "DTEND")]
    return {zone for time in times if time and (zone := _zone(time))}


def _undefined_zones(feed: Feed) -> int:
    return len(_named_zones(feed) - {zone.value("TZID") for zone in feed.zones})


def _fixed_zones(feed: Feed) -> int:
    return sum(bool(_OFFSET.fullmatch(zone)) for zone in _named_zones(feed))


def _listed_zones(feed: Feed) -> int:
    return sum(any(part.first("RDATE") for part in zone.parts) for zone in feed.zones)


def _second_zones(feed: Feed) -> int:
    return len(feed.zones) if len(feed.zones) > 1 else 0


def _crowded_alarms(feed: Feed) -> int:
    return sum(len(event.all("VALARM")) > 1 for event in feed.events)


def _other_alarms(feed: Feed) -> int:
    return sum(alarm.value("ACTION").upper() != "DISPLAY" for alarm in feed.alarms)


def _late_alarms(feed: Feed) -> int:
    triggers = [alarm.value("TRIGGER") for alarm in feed.alarms]
    return sum(trigger.lstrip("+").startswith("P") and bool(re.search("[1-9]", trigger)) for trigger in triggers)


def _unreadable_alarms(feed: Feed) -> int:
    triggers = [alarm.value("TRIGGER") for alarm in feed.alarms]
    return sum(not _DURATION.fullmatch(trigger) and not _is_time(trigger) for trigger in triggers)


def _cancelled(feed: Feed) -> int:
    return sum(event.value("STATUS").upper() == "CANCELLED" for event in feed.events)


def tagged(feed: Feed) -> int:
    """Events whose description holds HTML."""
    return sum(bool(_TAG.search(event.value("DESCRIPTION"))) for event in feed.events)


def alternative(feed: Feed) -> int:
    """Events whose description has another form as a parameter."""
    descriptions = [event.first("DESCRIPTION") for event in feed.events]
    return sum("ALTREP" in found.parameters for found in descriptions if found)


def _bare_interval(feed: Feed) -> int:
    found = feed.calendar.first("REFRESH-INTERVAL")
    return bool(found and found.parameters.get("VALUE", "").upper() != "DURATION")


def _own_address(feed: Feed) -> int:
    return "://" in feed.calendar.value("SOURCE")


_OK, _NOTE, _PROBLEM = Severity.OK, Severity.NOTE, Severity.PROBLEM
_NEW_WORDS = ("LINK", "CONCEPT", "REFID", "STYLED-DESCRIPTION", "STRUCTURED-DATA", "PROXIMITY")

RULES = (
    # Rules 9, 33, 34, 58: the bytes.
    Rule(_not_utf8, _PROBLEM, "It is not UTF-8, or a line is folded inside a character: some calendars show nothing."),
    Rule(lambda f: len(_CONTROL.findall(f.document)), _PROBLEM, "Control characters: {count}. One may cost it all."),
    Rule(_bare_returns, _PROBLEM, "Line ends of a CR alone: {count}. Home Assistant drops the whole calendar for one."),
    Rule(_bare_feeds, _NOTE, "Line ends without their CR: {count}. Strict readers may refuse them."),
    Rule(_long_lines, _NOTE, f"Lines of more than {LONGEST_LINE} octets: {{count}}. Strict readers may refuse them."),
    Rule(lambda f: f.reading.broken, _PROBLEM, "Lines that say nothing: {count}. Google may drop it all for one."),
    Rule(lambda f: f.reading.unclosed, _PROBLEM, "Parts without a beginning or an end: {count}."),
    # Rules 8, 13, 35, 36, 37: the calendar itself.
    Rule(lambda f: f.calendar.value("VERSION") != "2.0", _PROBLEM, "VERSION is not 2.0; strict readers refuse it."),
    Rule(_lacks("PRODID"), _PROBLEM, "PRODID is missing; strict readers refuse it."),
    Rule(lambda f: bool(f.calendar.first("METHOD")), _NOTE, "It has a METHOD, which may make it look like a message."),
    Rule(lambda f: not f.calendar.parts, _PROBLEM, "It holds nothing: some calendars then empty their copy."),
    Rule(_lacks("NAME", "X-WR-CALNAME"), _NOTE, "It has no name, so calendars show its address or ask for one."),
    Rule(_lacks("REFRESH-INTERVAL", "X-PUBLISHED-TTL"), _NOTE, "It does not say how often to fetch it."),
    Rule(_bare_interval, _NOTE, "REFRESH-INTERVAL lacks VALUE=DURATION, so some calendars pass over it."),
    Rule(_own_address, _NOTE, "SOURCE names its own address: whoever gets a copy gets the key."),
    # Rules 10 to 14: identity and revision.
    Rule(_without("UID"), _PROBLEM, "Events without a UID: {count}. They may double at each fetch."),
    Rule(_shared_uids, _PROBLEM, "Events that share a UID with another: {count}. Calendars show one of them only."),
    Rule(
        _long_uids,
        _PROBLEM,
        f"UIDs of more than {LONGEST_UID} characters: {{count}}. It may skip them.",
        clients.NEXTCLOUD,
    ),
    Rule(_without("DTSTAMP"), _PROBLEM, "Events without DTSTAMP: {count}. Strict readers refuse them."),
    Rule(_without("SEQUENCE"), _NOTE, "Events without SEQUENCE: {count}. Google may keep showing an old copy."),
    Rule(_without("LAST-MODIFIED"), _NOTE, "Events without LAST-MODIFIED: {count}. Google may miss their changes."),
    Rule(_cancelled, _NOTE, "Cancelled events: {count}. Some calendars strike them through, some show them as live."),
    # Rules 15 to 22: times.
    Rule(_without("DTSTART"), _PROBLEM, "Events without a start: {count}."),
    Rule(_unreadable_times, _PROBLEM, "Times that are none: {count}. Home Assistant drops the whole calendar for one."),
    Rule(_backwards, _PROBLEM, "Events that do not end after they start: {count}."),
    Rule(_without("DTEND", "DURATION"), _NOTE, "Events without an end: {count}. Each calendar makes up its own."),
    Rule(_floating, _PROBLEM, "Events without a time zone: {count}. Google and Outlook take their times for UTC."),
    Rule(_undefined_zones, _PROBLEM, "Time zones named but not defined: {count}. Outlook and others misplace events."),
    Rule(_fixed_zones, _PROBLEM, "Time zones that are a fixed offset: {count}. They know no summer time."),
    Rule(
        _listed_zones,
        _PROBLEM,
        "Time zones defined by lists of dates: {count}. Thunderbird may show summers an hour late.",
    ),
    Rule(_second_zones, _NOTE, "Time zones defined: {count}. Some readers, such as cal.com, use the first one only."),
    # Rules 23 to 26: alarms.
    Rule(_crowded_alarms, _NOTE, "Events with more than one alarm: {count}. Outlook keeps one at most."),
    Rule(
        _other_alarms,
        _NOTE,
        "Alarms that are no plain reminder: {count}. Most calendars leave them out or ring anyway.",
    ),
    Rule(
        _late_alarms, _NOTE, "Alarms after their event begins: {count}. An Outlook that imports them rings before it."
    ),
    Rule(_unreadable_alarms, _PROBLEM, "Alarms without a time that can be read: {count}. Google may refuse it all."),
    # Rules 7, 13, 27 to 30: what is inside.
    Rule(tagged, _NOTE, "Descriptions with HTML: {count}. Apple, GNOME and Thunderbird show the tags as they stand."),
    Rule(
        alternative,
        _NOTE,
        "Descriptions with an alternative: {count}. Thunderbird shows only that, MagicMirror may show neither.",
    ),
    Rule(
        _with(*_NEW_WORDS),
        _NOTE,
        "Events with properties it takes for errors: {count}. It shows them all the same.",
        clients.GNOME,
    ),
    Rule(
        _with("ORGANIZER", "ATTENDEE"), _NOTE, "Events with an organizer or guests: {count}. They look like meetings."
    ),
    Rule(
        _parts("VTODO", "VJOURNAL"),
        _NOTE,
        "Tasks and journal entries: {count}. Google, Apple and Fastmail leave them out.",
    ),
)
