"""Content lines of iCalendar: escaped, folded and checked (RFC 5545 3.1 and 3.3.11).

What icalendar does character by character is done here by the line, and tests hold the two alike. Rule
numbers are those of calendar-feed.
"""

import re
from datetime import UTC, datetime

from calendar_export.errors import FeedError

LIMIT = 75
# What a folded piece may hold: its continuation begins with a space.
ROOM = LIMIT - 1
# icalendar binds these to what follows; the caret escapes in parameters (RFC 6868).
_BINDING = b"\\^"
# What breaks readers inside a value: controls but the line feed (rule 33), line ends of other worlds, lone surrogates.
_UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")


def fit(value: str) -> str:
    """A value without what breaks readers; a line feed stays."""
    return _UNFIT.sub("", value.replace("\t", " "))


def escaped(value: str) -> str:
    """A TEXT value as RFC 5545 3.3.11 writes it, without what breaks readers."""
    value = fit(value).replace("\\", "\\\\")
    return value.replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def folded(line: str) -> bytes:
    """A content line in pieces of at most 75 octets, their CRLF included (RFC 5545 3.1, rule 34).

    No piece ends inside a character, or after the backslash of an escape, which some readers do not join again.
    """
    raw, start, pieces = line.encode(), 0, []
    while len(raw) - start > ROOM:
        end = start + ROOM
        while raw[end] & 0xC0 == 0x80:  # inside a UTF-8 character
            end -= 1
        end -= raw[end - 1] in _BINDING
        pieces.append(raw[start:end])
        start = end
    return b"\r\n ".join([*pieces, raw[start:]]) + b"\r\n"


def utc(instant: datetime) -> str:
    """An instant in UTC (RFC 5545 3.3.5)."""
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def check_bytes(document: bytes) -> bytes:
    """The document itself, when its lines are ones that every calendar reads (rules 9, 33, 34). Raises FeedError."""
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
    return document
