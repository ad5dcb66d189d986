"""Beaver Habits on loopback, from a button to its tick: one habit for all sessions of a day, ticked as was chosen."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from ipaddress import ip_network
from typing import Any

import pytest

from integration import people, record
from integration.connecting import connections
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.dispatching.judging import Attempt
from integration.dispatching.sending import Sender
from integration.door import Door
from integration.outbox import Claim, claim, finish
from integration.outgoing import Refusal
from integration.parts import Parts
from integration.people import Wish
from integration.reconciling.reconcile import set_right
from tests.services.beaver_server import TOKEN, Beaver, beaver

TODAY = date(2026, 6, 2)
STANDS = {"h1": {TODAY.isoformat()}}
OPEN: dict[str, set[str]] = {"h1": set()}


class Household:
    """Somebody in Berlin, and their Beaver Habits."""

    def __init__(self, parts: Parts, server: Beaver) -> None:
        self.parts, self.server = replace(parts, call=Door(allow=[ip_network("127.0.0.0/8")])), server
        self.person = people.add(parts.store, Wish("Europe/Berlin", time(7), time(22), start=TODAY), parts.clock())[0]

    def connect(self, when: str) -> str:
        parts = self.parts
        settings = {"url": self.server.url, "token": TOKEN, "when": when, "morning": "h1"}
        made = connections.add(
            parts.store, parts.keys, parts.providers, self.person.id, "beaverhabits", settings, parts.clock()
        )
        return made.connection.id

    def press(self, slot: str, kind: FactKind = FactKind.DONE) -> None:
        """A button on my page."""
        person = people.find(self.parts.store, self.person.id)
        record.tell(self.parts.store, person, Placed(slot, TODAY), kind, self.parts.clock())

    def ticks(self) -> dict[str, set[str]]:
        """What stands there once all that waits was sent."""
        parts = self.parts
        sender, worker = Sender(parts.keys, parts.services, parts.call), Claim("worker")
        while leased := claim(parts.store, worker, parts.clock()):
            result = sender.send(leased[0], parts.clock())
            assert not isinstance(result, Refusal), result
            finish(parts.store, leased[0], Attempt(parts.clock(), parts.clock(), result), replace(worker, most=0))
        return self.server.stored()


@pytest.fixture
def household(parts: Parts) -> Iterator[Household]:
    with beaver(0, "h1") as server:
        yield Household(parts, server)


def test_a_tick_for_the_first_session_is_set_with_it_and_stands_until_none_is_done(
    household: Household, clock: Any
) -> None:
    household.connect("any")
    for slot, kind, stands in (
        ("morning", FactKind.DONE, STANDS),
        ("evening", FactKind.DONE, STANDS),
        ("morning", FactKind.UNDONE, STANDS),
        ("evening", FactKind.UNDONE, OPEN),
        ("evening", FactKind.DONE, STANDS),
    ):
        household.press(slot, kind)
        assert household.ticks() == stands, (slot, kind)
        clock.move(minutes=1)


def test_a_tick_for_all_sessions_is_set_with_the_last(household: Household, clock: Any) -> None:
    household.connect("both")
    for slot, kind, stands in (
        ("morning", FactKind.DONE, OPEN),
        ("evening", FactKind.DONE, STANDS),
        ("morning", FactKind.UNDONE, OPEN),
    ):
        household.press(slot, kind)
        assert household.ticks() == stands, (slot, kind)
        clock.move(minutes=1)


def test_a_first_session_that_they_lack_is_ticked_when_both_are_compared(household: Household) -> None:
    household.press("evening")
    connection = household.connect("any")
    acted = set_right(household.parts, connection, household.parts.clock())[1]
    assert acted.queued == ((TODAY, "evening"),)
    assert household.ticks() == STANDS
