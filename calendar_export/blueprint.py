"""GET the feed: conditional requests and headers (RFC 9110 13, calendar-feed rules 40 to 44, 48). The only Flask file.

Calendars poll this path day and night and nearly always find nothing new, so a 304 reads no body and parses nothing.
Trouble of the store is the caller's to answer, with 503 and Retry-After: other errors make calendars unsubscribe.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
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


class _Ready(Response):
    """An answer whose headers are complete: sent as they are, neither copied nor added to."""

    default_mimetype = None

    def get_wsgi_headers(self, environ: Any) -> Headers:  # noqa: ARG002  nothing in them depends on the request
        return self.headers


def answer(found: Document, environ: dict[str, Any]) -> Response:
    """200 or 304, plain or compressed. Each of the two bodies has its own strong tag (RFC 9110 8.8.3.3)."""
    compressed = takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
    plain_tag, gzip_tag = f'"{found.etag}"', f'"{found.etag}-gzip"'
    ours, other = (gzip_tag, plain_tag) if compressed else (plain_tag, gzip_tag)
    known = environ.get("HTTP_IF_NONE_MATCH")
    if known is None:
        # A date counts only where no tag was sent: two changes in one second have one date (RFC 9110 13.1.3, rule 42).
        if not_since(found.last_modified, environ.get("HTTP_IF_MODIFIED_SINCE", "")):
            return _Ready(status=304, headers=_unchanged(ours))
    # A tag holds no quote, so ours with its quotes can only stand in the list as itself, weak or strong.
    elif ours in known or known.strip() == "*":
        return _Ready(status=304, headers=_unchanged(ours))
    elif other in known:
        return _Ready(status=304, headers=_unchanged(other))
    body = found.gzipped() if compressed else found.body()
    return _Ready(body, 200, _whole(ours, found.last_modified, compressed, len(body)))


# Made once for each document, as making them takes longer than finding it; nothing after this changes them.
@lru_cache(maxsize=1024)
def _unchanged(tag: str) -> Headers:
    return Headers((*CACHING, ("ETag", tag)))


@lru_cache(maxsize=1024)
def _whole(tag: str, last_modified: datetime, compressed: bool, length: int) -> Headers:
    encoding = (("Content-Encoding", "gzip"),) if compressed else ()
    dated = (("ETag", tag), ("Last-Modified", http_date(last_modified)))
    return Headers((*CALENDAR, *dated, *encoding, ("Content-Length", str(length))))


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
