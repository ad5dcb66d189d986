"""How far apart messages to a service are, from its own file through the outbox, by a clock that a test moves."""

from datetime import date, time, timedelta
from typing import Any

import pytest

from integration import people
from integration.connecting import connections
from integration.dispatching import queueing
from integration.dispatching.judging import Attempt
from integration.dispatching.queueing import Message, Snapshot
from integration.dispatching.sending import Sender
from integration.outbox import Claim, claim, finish
from integration.outgoing import Refusal, Reply, Sent
from integration.parts import Parts
from integration.people import Wish
from integration.service import services
from integration.store.dispatches import Kind

TODAY = date(2026, 6, 2)
UUID = "7f2e0a4c-3f0d-4b7e-9a55-0c1d2e3f4a5b"
SETTINGS = {
    "habitica": {"user": UUID, "token": UUID, "morning": "a", "evening": "b"},
    "beaverhabits": {"url": "https://beaver.example.org", "token": "beaver-token", "morning": "a", "evening": "b"},
}
# Habitica asks for it in its "API Usage Guidelines"; Beaver Habits loses what follows too fast (habit-services 6).
PACES = {"habitica": timedelta(seconds=30), "beaverhabits": timedelta(milliseconds=250)}
INSTANT = timedelta(microseconds=1)


def queued(parts: Parts, service: str) -> None:
    """A connection to a service with two messages that wait."""
    now = parts.clock()
    person, _ = people.add(parts.store, Wish("Europe/Berlin", time(7), time(22), start=TODAY), now)
    made = connections.add(parts.store, parts.keys, parts.providers, person.id, service, SETTINGS[service], now)
    with parts.store.writing() as db:
        for slot in ("morning", "evening"):
            queueing.queue(db, Message(made.connection.id, Kind.DONE, TODAY, slot, Snapshot(now, now)), now)


@pytest.mark.parametrize("result", [Sent(), Refusal("http_400", "it did not understand us", tries=3)])
@pytest.mark.parametrize("service", PACES)
def test_two_messages_to_a_service_are_as_far_apart_as_it_asks(
    parts: Parts, clock: Any, service: str, result: Sent | Refusal
) -> None:
    queued(parts, service)
    sender, worker = Sender(parts.keys, services(), lambda _request: Reply(200)), Claim("worker")
    [first] = claim(parts.store, worker, clock())
    clock.move(seconds=2)
    assert finish(parts.store, first, Attempt(clock(), clock(), result, sender.pace(first)), worker) == []
    clock.now += PACES[service] - INSTANT
    assert claim(parts.store, worker, clock()) == []
    clock.now += INSTANT
    [second] = claim(parts.store, worker, clock())
    assert second.dispatch.id != first.dispatch.id


def test_no_other_service_is_kept_waiting() -> None:
    assert {name for name, service in services().items() if service.ABILITIES.pace} == set(PACES)
