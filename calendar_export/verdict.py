"""A feed as the world's calendars will see it: what is wrong, and what each client will and will not show.

Pure: bytes and the facts of the answer that brought them in, findings out. It takes any feed, junk too, and never
raises. Sources: calendar-feed section 1 (the rules) and 2 (the clients).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from calendar_export import rules
from calendar_export.clients import CLIENTS, GOOGLE, NEXTCLOUD, NODE, Client
from calendar_export.rules import EVERYBODY, Feed, Finding, Severity

__all__ = ["EVERYBODY", "Answer", "Finding", "Severity", "judge", "reaches_the_web"]

AT_HOME = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")
REFUSALS = {
    401: "It asks for a password: Fastmail may switch the subscription off, Thunderbird disables it for a while.",
    403: "It is forbidden: most calendars keep what they have and try again, Thunderbird disables it for a while.",
    404: "Nothing is at this address: Thunderbird takes it for a new, empty calendar.",
    410: "It says that it is gone for good: Thunderbird disables it, others usually keep what they have.",
}
MOVED = range(300, 400)
_OK, _NOTE, _PROBLEM = Severity.OK, Severity.NOTE, Severity.PROBLEM
_PLACES = {name: place for place, name in enumerate((EVERYBODY, *(client.name for client in CLIENTS)))}


@dataclass(frozen=True, slots=True)
class Answer:
    """How a feed came over HTTP. `address` is the one that calendars are given; the names of `headers` in any case."""

    address: str = field(repr=False)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def judge(document: bytes, answer: Answer | None = None) -> tuple[Finding, ...]:
    """Everything that there is to say of a feed: what holds for all first, then client by client.

    `answer` is None for a file. Findings in the order of the clients' table; problems are not sorted first.
    """
    return tuple(sorted(_found(document, answer), key=lambda finding: _PLACES[finding.who]))


def _found(document: bytes, answer: Answer | None) -> Iterator[Finding]:
    if answer:
        yield from _delivered(answer)
    if answer and answer.status != 200:
        yield from (Finding(_NOTE, client.name, client.errors) for client in CLIENTS)
        return
    missing = _no_calendar(document)
    if missing:
        yield Finding(_PROBLEM, EVERYBODY, missing)
        return
    feed = rules.opened(document)
    yield from _written(feed)
    for client in CLIENTS:
        yield from _shown(client, feed, answer)


def reaches_the_web(address: str) -> bool:
    """Whether servers on the internet could reach the address, as far as it shows (calendar-feed rule 49)."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(AT_HOME)


def _no_calendar(document: bytes) -> str:
    """Why it is no calendar at all; empty when it may be one (rule 8)."""
    start = document[:2000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not start:
        return "It is empty: Thunderbird then clears every event."
    if start.startswith((b"<!doctype html", b"<html")):
        return "It is a web page and no calendar: perhaps a login stands before the feed."
    if b"BEGIN:VCALENDAR" not in document.upper():
        return "It is no calendar; GNOME Calendar and Evolution empty their copy for that."
    return ""


def _written(feed: Feed) -> Iterator[Finding]:
    """What the document itself is like, the same for everybody."""
    found = [*rules.broken(feed)]
    if not any(finding.severity is _PROBLEM for finding in found):
        yield Finding(_OK, EVERYBODY, f"It is well formed, with {_events(len(feed.events))}.")
    if feed.events and not feed.zoned:
        yield Finding(_OK, EVERYBODY, "Its times are in UTC or whole days: no calendar can misread a time zone.")
    yield from found


def _delivered(answer: Answer) -> Iterator[Finding]:
    """What the answer is like (rules 40 to 49)."""
    yield from (Finding(severity, EVERYBODY, text) for severity, text in _about_address(answer.address))
    if answer.status == 200:
        headers = {name.lower(): value.lower() for name, value in answer.headers.items()}
        yield from (Finding(severity, EVERYBODY, text) for severity, text in _about_headers(headers))
    elif answer.status in REFUSALS:
        yield Finding(_PROBLEM, EVERYBODY, REFUSALS[answer.status])
    elif answer.status in MOVED:
        yield Finding(_NOTE, EVERYBODY, "It sends calendars elsewhere. ICSx5 keeps the new address after 308 only.")
    else:
        yield Finding(_PROBLEM, EVERYBODY, f"It answers {answer.status}: calendars keep an old copy or switch it off.")


def _about_address(address: str) -> Iterator[tuple[Severity, str]]:
    if not reaches_the_web(address):
        yield _PROBLEM, "This address works on this machine or network only; calendars on the web cannot fetch it."
    if not address.lower().startswith(("https:", "webcals:")):
        yield _NOTE, "The address is not https: whoever is on the way can read it, and its key."


def _about_headers(headers: Mapping[str, str]) -> Iterator[tuple[Severity, str]]:
    kind, caching = headers.get("content-type", ""), headers.get("cache-control", "")
    if not kind.startswith("text/calendar"):
        yield _PROBLEM, "Its Content-Type is not text/calendar; some calendars refuse it for that."
    elif "utf-8" not in kind:
        yield _NOTE, "Its Content-Type does not say UTF-8; letters such as ü may come out wrong."
    if "etag" not in headers and "last-modified" not in headers:
        yield _NOTE, "It has neither ETag nor Last-Modified, so all of it is fetched again at each poll."
    if not any(word in caching for word in ("no-cache", "no-store", "max-age=0", "must-revalidate")):
        yield _NOTE, "Its Cache-Control lets others keep a copy, so a change may show late."
    if "attachment" in headers.get("content-disposition", ""):
        yield _NOTE, "It comes as a download, which some programs save instead of subscribing to it."


def _shown(client: Client, feed: Feed, answer: Answer | None) -> Iterator[Finding]:
    """What one client makes of a feed that can be read."""
    refused = _refused(client, answer)
    if refused:
        yield Finding(_PROBLEM, client.name, refused)
        return
    for severity, text in (_polled(client, feed), _rung(client, feed), _styled(client, feed)):
        yield Finding(severity, client.name, text)
    if feed.zoned:
        yield Finding(_NOTE, client.name, client.zones)


def _refused(client: Client, answer: Answer | None) -> str:
    if answer and client.from_web and not reaches_the_web(answer.address):
        return "Its servers cannot reach this address, so it will show nothing."
    if answer and client.name == GOOGLE and not answer.address.lower().startswith(("https:", "webcals:")):
        return "It usually refuses an address that is not https."
    return ""


def _polled(client: Client, feed: Feed) -> tuple[Severity, str]:
    hinted = feed.calendar.value("REFRESH-INTERVAL") or feed.calendar.value("X-PUBLISHED-TTL")
    late = client.slow or (client.name == NEXTCLOUD and not hinted)
    return _NOTE if late else _OK, client.refresh


def _rung(client: Client, feed: Feed) -> tuple[Severity, str]:
    if not feed.alarms:
        return _OK, "It stays silent, as this feed has no alarms."
    return (_OK if client.rings else _NOTE), client.ringing


def _styled(client: Client, feed: Feed) -> tuple[Severity, str]:
    alternative = rules.alternative(feed)
    if alternative and client.name == NODE:
        return _NOTE, client.html
    has = {"ALTREP": alternative, "X-ALT-DESC": any(event.first("X-ALT-DESC") for event in feed.events)}
    if client.markup and has[client.markup]:
        return _OK, client.html
    if rules.tagged(feed):
        return _NOTE, "It shows the HTML tags in this feed’s text as they stand, as far as we know."
    if client.markup:
        return _OK, "It shows the plain text, as this feed has no HTML for it."
    return _OK, client.html


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"
