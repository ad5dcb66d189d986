"""GET the feed: conditional requests and headers (RFC 9110 13, calendar-feed rules 40 to 44, 48). The only Flask file.

Calendars poll this path day and night and nearly always find nothing new, so a 304 reads no body and parses nothing.
Trouble of the store is the caller's to answer, with 503 and Retry-After: other errors make calendars unsubscribe.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers
from werkzeug.http import http_date, parse_accept_header, parse_date

# A longer header than these is no client's; parsing it would be work for nothing.
LONGEST_DATE = 64
LONGEST_ACCEPT = 1000

CACHING = (
    ("Cache-Control", "private, no-cache"),
    ("Vary", "Accept-Encoding"),
    ("X-Robots-Tag", "noindex"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
CALENDAR = (*CACHING, ("Content-Type", "text/calendar; charset=utf-8"))
UNKNOWN = (*CACHING, ("Content-Type", "text/plain; charset=utf-8"))


@dataclass(frozen=True, slots=True)
class Document:
    """A stored feed. `etag` is its hash, letters and digits only; `last_modified` is the last real change (UTC).

    `body` and `gzipped` fetch the same document plain and compressed; at most one is called, and none for a 304.
    """

    etag: str
    last_modified: datetime
    body: Callable[[], bytes]
    gzipped: Callable[[], bytes]


class Missing(Enum):
    """Why there is no document: the key is forged or unknown, or its feed was ended and its notice has been read."""

    UNKNOWN = 404
    GONE = 410


class Feeds(Protocol):
    """Where the feeds are."""

    def find(self, key: str, agent: str) -> Document | Missing:
        """The document behind a key, or why there is none. `agent` is the User-Agent."""


def create(feeds: Feeds) -> Blueprint:
    """The blueprint with `/calendar/<key>.ics`, endpoint `calendar.feed`."""
    blueprint = Blueprint("calendar", __name__)

    @blueprint.get("/calendar/<key>.ics")
    def feed(key: str) -> Response:
        environ = request.environ
        found = feeds.find(key, environ.get("HTTP_USER_AGENT", ""))
        if isinstance(found, Missing):
            return Response("No calendar here.\n", found.value, Headers(UNKNOWN))
        return answer(found, environ)

    return blueprint


def answer(found: Document, environ: dict[str, Any]) -> Response:
    """200 or 304, plain or compressed. Each of the two bodies has its own strong tag (RFC 9110 8.8.3.3)."""
    compressed = takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
    plain_tag, gzip_tag = f'"{found.etag}"', f'"{found.etag}-gzip"'
    ours, other = (gzip_tag, plain_tag) if compressed else (plain_tag, gzip_tag)
    headers = Headers(CALENDAR)
    headers["ETag"] = ours
    known = environ.get("HTTP_IF_NONE_MATCH")
    if known is None:
        # A date counts only where no tag was sent: two changes in one second have one date (RFC 9110 13.1.3, rule 42).
        if not_since(found.last_modified, environ.get("HTTP_IF_MODIFIED_SINCE", "")):
            return Response(status=304, headers=headers)
    # A tag holds no quote, so ours with its quotes can only stand in the list as itself, weak or strong.
    elif ours in known or known.strip() == "*":
        return Response(status=304, headers=headers)
    elif other in known:
        headers["ETag"] = other
        return Response(status=304, headers=headers)
    headers["Last-Modified"] = http_date(found.last_modified)
    if compressed:
        headers["Content-Encoding"] = "gzip"
    return Response(found.gzipped() if compressed else found.body(), 200, headers)


def not_since(last_modified: datetime, since: str) -> bool:
    """Whether nothing changed since an HTTP date (whole seconds); False for none and for garbage."""
    if not 0 < len(since) <= LONGEST_DATE:
        return False
    try:
        asked = parse_date(since)
    except OverflowError:  # a year of twenty digits; werkzeug catches the other kinds of garbage
        return False
    return asked is not None and last_modified.astimezone(UTC).replace(microsecond=0) <= asked


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip and does not refuse it (RFC 9110 12.5.3)."""
    if "gzip" not in accepted or len(accepted) > LONGEST_ACCEPT:
        return False
    return ";" not in accepted or parse_accept_header(accepted).quality("gzip") > 0
