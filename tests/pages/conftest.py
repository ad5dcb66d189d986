"""Somebody with a plan in Berlin since the day before, the addresses of their pages, and a census of the store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time

import pytest
from sqlalchemy import func, select

from integration import people
from integration.core.model import Feed, Person
from integration.keys import KeyKind
from integration.parts import Parts
from integration.people import Wish
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
