"""Somebody with a plan in Berlin, connections that report for them, and looks into the store."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from integration import people, record
from integration.connecting import connections
from integration.core.model import Connection, Fact, Feed, Person
from integration.inbox.receiving import inbound_of
from integration.parts import Parts
from integration.people import Wish
from integration.record import Recorded
from integration.store import facts
from integration.store.facts import Revisions
from integration.store.tables import metadata
from webhooks.report import Incoming, Kind, Moment, Report

TODAY = date(2026, 6, 2)
BERLIN = Wish("Europe/Berlin", time(7), time(22), start=date(2026, 6, 1))


@dataclass(frozen=True)
class Somebody:
    """A person as they came; what is asked of the store is asked anew each time."""

    id: str
    key: str = field(repr=False)
    feed: Feed
    parts: Parts = field(repr=False)

    @property
    def person(self) -> Person:
        return people.find(self.parts.store, self.id)

    def connect(self, service: str = "standard", **settings: str) -> Connection:
        parts, now = self.parts, self.parts.clock()
        return connections.add(parts.store, parts.keys, parts.providers, self.id, service, settings, now).connection

    def hear(self, connection: Connection, report: Report) -> Recorded:
        """Records a report of a connection as a delivery that comes in now."""
        parts = self.parts
        inbound = inbound_of(parts.providers[connection.service], connection, self.person)
        return record.record(parts.store, inbound, Incoming({}, b"{}", parts.clock()), [report])

    def facts(self) -> list[Fact]:
        with self.parts.store.reading() as db:
            return facts.since(db, self.id, date.min)

    def revisions(self) -> Revisions:
        with self.parts.store.reading() as db:
            return facts.revisions_between(db, self.id, date.min, date.max)

    def sequence(self, slot: str = "morning", day: date = TODAY) -> int:
        return self.revisions().get((day, slot), (0, None))[0]

    def path(self, address: str) -> str:
        return address.removeprefix(self.parts.links.public_url)


def newcomer(parts: Parts, wish: Wish = BERLIN) -> Somebody:
    person, feed = people.add(parts.store, wish, parts.clock())
    return Somebody(person.id, person.key, feed, parts)


@pytest.fixture
def arrive(parts: Parts) -> Callable[..., Somebody]:
    return lambda **wish: newcomer(parts, replace(BERLIN, **wish))


@pytest.fixture
def somebody(parts: Parts) -> Somebody:
    return newcomer(parts)


@pytest.fixture
def census(parts: Parts) -> Callable[[], dict[str, int]]:
    """Rows of every table."""

    def count() -> dict[str, int]:
        with parts.store.reading() as db:
            tables = metadata.sorted_tables
            return {table.name: db.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}

    return count


@pytest.fixture
def everything(parts: Parts) -> Callable[[], dict[str, list[Any]]]:
    """Every row of every table, to be compared as a whole."""

    def read() -> dict[str, list[Any]]:
        with parts.store.reading() as db:
            return {table.name: sorted(map(repr, db.execute(select(table)))) for table in metadata.sorted_tables}

    return read


def said(
    kind: Kind = Kind.DONE,
    event: str = "event-1",
    at: datetime | None = None,
    slot: str | None = "morning",
    day: date | None = TODAY,
    performed: datetime | None = None,
    habit: tuple[str, ...] = (),
) -> Report:
    """A report; by default: this morning's session is done."""
    return Report(kind, event, at, Moment(performed) if performed else None, slot, day, habit)


def at(hour: int, minute: int = 0, day: date = TODAY) -> datetime:
    """An instant UTC; Berlin's summer clock shows two hours more."""
    return datetime.combine(day, time(hour, minute), UTC)


def days(count: int) -> timedelta:
    return timedelta(days=count)


@pytest.fixture
def session_path(client: FlaskClient, somebody: Somebody) -> str:
    """The path of this evening's page, as a calendar shows it."""
    feed = client.get(somebody.path(somebody.parts.links.feed(somebody.feed.key)))
    links = re.findall(r"(?m)^URL[^:]*:(\S+)\r?$", feed.text.replace("\r\n ", ""))
    return somebody.path(next(link for link in links if f"{TODAY:%Y%m%d}~evening" in link))
