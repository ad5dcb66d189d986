"""Somebody with a plan in Berlin since the day before, the addresses of their pages, what their services say, and a
census of the store.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from integration import people
from integration.connecting import connections
from integration.core.model import Connection, Fact, Feed, Person
from integration.keys import KeyKind
from integration.parts import Parts
from integration.people import Wish
from integration.store import facts
from integration.store.tables import metadata

TODAY = date(2026, 6, 2)
BERLIN = Wish("Europe/Berlin", time(7), time(22), start=date(2026, 6, 1))


@dataclass(frozen=True)
class Somebody:
    person: Person
    feed: Feed
    parts: Parts = field(repr=False)

    @property
    def page(self) -> str:
        return f"/me/{self.parts.keys.key(KeyKind.ME, self.person.key)}"

    def facts(self) -> list[Fact]:
        with self.parts.store.reading() as db:
            return facts.since(db, self.person.id, date.min)

    def session(self, slot: str = "evening", day: date = TODAY) -> str:
        return self.parts.links.session(self.feed.id, day, slot).removeprefix(self.parts.links.public_url)


@pytest.fixture
def newcomer(parts: Parts) -> Callable[[], Somebody]:
    return lambda: Somebody(*people.add(parts.store, BERLIN, parts.clock()), parts)


@pytest.fixture
def somebody(newcomer: Callable[[], Somebody]) -> Somebody:
    return newcomer()


@pytest.fixture
def census(parts: Parts) -> Callable[[], dict[str, int]]:
    """Rows of every table."""

    def count() -> dict[str, int]:
        with parts.store.reading() as db:
            return {
                table.name: db.execute(select(func.count()).select_from(table)).scalar_one()
                for table in metadata.sorted_tables
            }

    return count


@pytest.fixture
def link(somebody: Somebody) -> Callable[..., Connection]:
    def make(service: str, whose: Somebody = somebody, **settings: str) -> Connection:
        parts, now = whose.parts, whose.parts.clock()
        return connections.add(
            parts.store, parts.keys, parts.providers, whose.person.id, service, settings, now
        ).connection

    return make


@pytest.fixture
def post(client: FlaskClient, somebody: Somebody) -> Callable[[Connection, Any], str]:
    """Posts to a connection's address; gives the outcome."""

    def send(connection: Connection, body: Any) -> str:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        hook = somebody.parts.links.hook(connection.service, connection.key or "")
        path = hook.removeprefix(somebody.parts.links.public_url)
        answer: Any = client.post(path, data=raw, content_type="application/json").json
        return str(answer.get("outcome", answer.get("error")))

    return send
