"""Intake while every service that we tell is a black hole: nothing is refused, nothing is lost, nobody waits for them.

Source: webhook-reliability R2 and R3, without their figures, which tests/benchmarks measures.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from socket import socket
from time import monotonic

import pytest

from tests.e2e.neighbours import DAYS, Instance, until
from tests.serving import send
from tests.sinks import Sink

pytestmark = pytest.mark.faults

SECONDS, AT_LEAST = 10, 100
"""How long each sender sends, and how much it sends however slow this machine is."""
SENDERS, SINKS = 4, 20


def silent(_connection: socket, _request: bytes) -> None:
    """Takes the message and never says a word."""


class Sender(threading.Thread):
    """Says one session after another to be done, a little later undone, and done in the end, on one connection."""

    def __init__(self, instance: Instance, hook: str, number: int) -> None:
        super().__init__(name=f"sender {number}")
        self._instance, self._hook = instance, hook
        self._numbers, self._today = count(number, SENDERS), datetime.now(UTC).date()
        self.acknowledged, self.refused = dict[str, tuple[date, str]](), list[int]()

    def run(self) -> None:
        end = monotonic() + SECONDS
        with closing(self._instance.served.connect()) as line:
            while len(self.acknowledged) < AT_LEAST or monotonic() < end:
                number = next(self._numbers)
                for turn, event in enumerate(("done", "undone", "done") if number % 5 == 0 else ("done",)):
                    self._say(line, f"{number}-{turn}", event, *self._session(number))

    def _session(self, number: int) -> tuple[date, str]:
        number %= 2 * (DAYS - 5)
        return self._today - timedelta(days=2 + number // 2), ("morning", "evening")[number % 2]

    def _say(self, line: HTTPConnection, event_id: str, event: str, day: date, slot: str) -> None:
        said = {"id": event_id, "event": event, "date": day.isoformat(), "slot": slot}
        answer = send(line, "POST", self._hook, json.dumps(said).encode(), content_type="application/json")
        if answer.status == 200:
            self.acknowledged[event_id] = (day, slot)
        else:
            self.refused.append(answer.status)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance.started(tmp_path / "one")
    yield made
    made.served.kill()


@pytest.fixture
def holes() -> Iterator[list[Sink]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Sink(silent)) for _ in range(SINKS)]


def test_with_every_service_silent_intake_refuses_nothing_and_loses_nothing(
    instance: Instance, holes: list[Sink]
) -> None:
    for hole in holes:
        instance.told_at(hole.port)
    senders = [Sender(instance, instance.connect("simple")["hook"], number) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    # The worker is waiting for the silent ones while they send.
    until(lambda: any(hole.heard for hole in holes))
    for sender in senders:
        sender.join()
    assert [sender.refused for sender in senders] == [[]] * SENDERS
    ids = {told for sender in senders for told in sender.acknowledged}
    assert len(ids) >= SENDERS * AT_LEAST
    assert {event for (event,) in instance.stored("SELECT event FROM facts")} == ids
    kept = instance.stored("SELECT outcome, COUNT(*) FROM deliveries GROUP BY outcome")
    assert kept == [("accepted", len(ids))]
    assert instance.served.process.poll() is None
    assert instance.stored("SELECT COUNT(*) FROM dispatches WHERE state = 'sent'") == [(0,)]
