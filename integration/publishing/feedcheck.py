"""Checks feeds and says what each calendar will show of them; reads the store or a file, never the network."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from calendar_export import blueprint
from calendar_export.blueprint import Document, Feeds
from calendar_export.verdict import EVERYBODY, Answer, Finding, Severity, judge
from integration import people
from integration.core.model import Feed
from integration.errors import NotFound, Refused, StoreUnavailable
from integration.keys import KeyKind
from integration.parts import Parts
from integration.publishing.publish import Publisher
from integration.store import feeds as stored

LARGEST_FILE = 10 * 1024 * 1024
ELSEWHERE = (
    "only feeds of this Turntwice can be checked now: give one of its addresses, a person's id, or a file that ends"
    " in .ics"
)
UNKNOWN = "no feed of this Turntwice has that address; check that you have all of it"
_OURS = re.compile(r"/calendar/([^/]{1,400})\.ics")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one feed; `name` is its label, or the name of the file."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.PROBLEM]

    @property
    def groups(self) -> list[tuple[str, list[Finding]]]:
        """The findings by whom they concern, what concerns all first."""
        return [(who, list(found)) for who, found in groupby(self.findings, lambda finding: finding.who)]


def check(parts: Parts, target: str) -> list[Checked]:
    """Checks a person's feeds, one feed of ours by its address, or a file.

    Raises Refused for what cannot be checked here, NotFound, StoreUnavailable.
    """
    if "://" in target or target.startswith("/calendar/"):
        return [_of_address(parts, target)]
    if target.lower().endswith(".ics"):
        return [_of_file(Path(target))]
    return list(of_person(parts, Publisher(parts.store, parts.keys, parts.links, parts.clock), target))


def of_person(parts: Parts, published: Feeds, person: str) -> Iterator[Checked]:
    """Each live feed of a person, oldest first. Raises NotFound, Refused when there is none, StoreUnavailable."""
    with parts.store.reading() as db:
        live = stored.of(db, people.find(parts.store, person).id)
    if not live:
        raise Refused("this person has no calendar feed; make one first")
    yield from (of_feed(parts, published, feed) for feed in live)


def of_feed(parts: Parts, published: Feeds, feed: Feed) -> Checked:
    """One live feed, as a poll would get it."""
    return Checked(feed.label, _as_polled(parts, published, parts.keys.key(KeyKind.FEED, feed.key)))


def _of_address(parts: Parts, address: str) -> Checked:
    try:
        found = _OURS.fullmatch(urlsplit(address).path.removeprefix(urlsplit(parts.links.public_url).path))
    except ValueError:
        found = None
    if found is None:
        raise Refused(ELSEWHERE)
    try:
        parts.keys.read(KeyKind.FEED, found[1])
    except NotFound:
        raise NotFound(UNKNOWN) from None
    published = Publisher(parts.store, parts.keys, parts.links, parts.clock)
    return Checked("this feed", _as_polled(parts, published, found[1]))


def _as_polled(parts: Parts, published: Feeds, key: str) -> tuple[Finding, ...]:
    """What a client without a name would be answered: our own look counts as nobody's fetch."""
    address = f"{parts.links.public_url}/calendar/{key}.ics"
    try:
        found = published.find(key, "")
    except StoreUnavailable:
        return judge(b"", Answer(address, 503))
    if not isinstance(found, Document):
        return judge(b"", Answer(address, found.value))
    answered = blueprint.answer(found, {})
    return judge(answered.get_data(), Answer(address, answered.status_code, dict(answered.headers)))


def _of_file(path: Path) -> Checked:
    try:
        with path.open("rb") as file:
            document = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Refused(f"cannot read {str(path)[:200]!r}: {why}") from None
    if len(document) > LARGEST_FILE:
        raise Refused(f"{path.name[:200]!r} is larger than 10 MB; no calendar should be")
    return Checked(path.name, judge(document))


__all__ = ["EVERYBODY", "Checked", "check", "of_feed", "of_person"]
