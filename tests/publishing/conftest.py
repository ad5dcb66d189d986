"""Somebody in Berlin who subscribed to their calendar, and what they may do next."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time
from typing import NoReturn

import pytest
from werkzeug.test import TestResponse

from integration import people, record
from integration.core.model import FactKind, Feed
from integration.core.placing import Placed
from integration.parts import Parts
from integration.people import Wish
from integration.publishing import feeds
from integration.store import feeds as stored_feeds

TODAY = date(2026, 6, 2)
ICSX5 = "ICSx5/2.2.5 (ical4j/3.2.19) Android/14"
BERLIN = Wish("Europe/Berlin", time(7), time(22), start=date(2026, 5, 1))


@dataclass(frozen=True)
class Subscribed:
    """Somebody in Berlin, one of their feeds, and what they may do."""

    id: str
    feed: Feed
    parts: Parts = field(repr=False)

    @property
    def path(self) -> str:
        return self.parts.links.feed(self.feed.key).removeprefix(self.parts.links.public_url)

    def session(self, slot: str = "morning", day: date = TODAY) -> str:
        return self.parts.links.session(self.feed.id, day, slot).removeprefix(self.parts.links.public_url)

    def tell(self, kind: FactKind = FactKind.DONE, slot: str = "morning", day: date = TODAY) -> None:
        person = people.find(self.parts.store, self.id)
        record.tell(self.parts.store, person, Placed(slot, day), kind, self.parts.clock())

    def revoke(self) -> None:
        feeds.revoke(self.parts.store, self.feed.id, self.parts.clock())

    def as_stored(self) -> Feed:
        with self.parts.store.reading() as db:
            found = stored_feeds.by_id(db, self.feed.id)
        assert found
        return found


@pytest.fixture
def subscribed(parts: Parts) -> Subscribed:
    person, first = people.add(parts.store, BERLIN, parts.clock())
    return Subscribed(person.id, first, parts)


@pytest.fixture
def path(subscribed: Subscribed) -> str:
    return subscribed.path


def events(body: bytes) -> list[bytes]:
    return re.findall(rb"BEGIN:VEVENT\r\n.*?END:VEVENT\r\n", body, re.DOTALL)


def unfolded(answer: TestResponse) -> str:
    return answer.text.replace("\r\n ", "")


def raising(error: Exception) -> Callable[..., NoReturn]:
    def fail(*_told: object) -> NoReturn:
        raise error

    return fail
