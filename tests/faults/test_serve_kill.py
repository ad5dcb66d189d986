"""kill -9 of `turntwice serve` itself, hooks coming in and messages going out: 0 lost, one copy more a kill at most.

Source: webhook-reliability S1. Whoever posts does as a good sender does: the same again until it is acknowledged.
TURNTWICE_TEST_KILLS asks for more than twenty kills.
"""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPException
from itertools import count, cycle, islice
from pathlib import Path

import pytest

from integration.failpoints import KILLED, POINTS
from tests.e2e.neighbours import COMPLETED, DAYS, Instance, heard
from tests.serving import asked
from tests.sinks import Sink, answer, saying

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("TURNTWICE_TEST_KILLS", "20"))


class Sender:
    """Says one session after another to be done, each until that is acknowledged."""

    def __init__(self, instance: Instance) -> None:
        self._instance, self._numbers = instance, count()
        self._today = datetime.now(UTC).date()
        self.pending, self.acknowledged = set[int](), set[int]()

    def session(self, number: int) -> tuple[str, date]:
        number %= 2 * (DAYS - 5)
        return ("morning", "evening")[number % 2], self._today - timedelta(days=2 + number // 2)

    def say(self, fresh: int, most: int = 40) -> None:
        """What is pending, and some more."""
        self.pending |= set(islice(self._numbers, max(0, min(fresh, most - len(self.pending)))))
        for number in sorted(self.pending):
            with suppress(OSError, HTTPException):
                if self._instance.say("done", *self.session(number), number).status == 200:
                    self.acknowledged.add(number)
        self.pending -= self.acknowledged


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance.started(tmp_path / "one")
    yield made
    made.served.kill()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink(saying(answer())) as made:
        yield made


def finished(instance: Instance, sender: Sender) -> None:
    """Lets a last life take and send all that is left; what died twice would else rest for minutes."""
    instance.served.settings.pop("FAILPOINT", None)
    instance.served.start()
    sender.say(0)
    assert not sender.pending
    soon = int((datetime.now(UTC) + timedelta(seconds=60)).timestamp() * 1_000_000)
    late = instance.stored(f"SELECT id FROM dispatches WHERE state = 'waiting' AND due_at > {soon}")
    resting = [str(number) for (number,) in late]
    if resting:
        asked(instance.served.env, "dispatches", "retry", *resting)
    instance.settled()


def judge(instance: Instance, sender: Sender, sink: Sink, services: int) -> None:
    """Each of the services heard of each session under one key. One message to each was on its way at a kill."""
    ids = Counter(one.id for one in heard(sink))
    assert ids.total() - len(ids) <= KILLS * services
    said = {one.id: (one.data["slot"], date.fromisoformat(one.data["date"])) for one in heard(sink, COMPLETED)}
    assert Counter(said.values()) == {sender.session(number): services for number in sender.acknowledged}
    # Of news of the streak only the newest need go out.
    good = {("sent", "done", None), ("sent", "event", None), ("dropped", "event", "overtaken")}
    assert set(instance.stored("SELECT DISTINCT state, kind, reason FROM dispatches")) <= good
    assert instance.stored("SELECT COUNT(*) FROM outlets WHERE lease_by IS NOT NULL") == [(0,)]
    assert instance.stored("PRAGMA integrity_check") == [("ok",)]


def test_kills_of_serve_at_the_fail_points_lose_nothing(instance: Instance, sink: Sink) -> None:
    instance.told_at(sink.port)
    instance.served.stop()
    sender = Sender(instance)
    for number, point in enumerate(islice(cycle(POINTS), KILLS)):
        instance.served.settings["FAILPOINT"] = f"{point}:{number % 3 + 1}"
        instance.served.start()
        while instance.served.process.poll() is None:
            sender.say(1)
        assert instance.served.kill() == KILLED
    finished(instance, sender)
    judge(instance, sender, sink, services=1)


def test_kills_of_serve_at_any_moment_under_load_lose_nothing(instance: Instance, sink: Sink) -> None:
    services, sender = 4, Sender(instance)
    for _ in range(services):
        instance.told_at(sink.port)
    for number in range(KILLS):
        saying_on = threading.Thread(target=sender.say, args=(40,))
        saying_on.start()
        while saying_on.is_alive() and len(sender.acknowledged) < 12 * (number + 1):
            threading.Event().wait(0.001)
        assert instance.served.kill() != 0
        saying_on.join()
        instance.served.start()
    instance.served.stop()
    finished(instance, sender)
    judge(instance, sender, sink, services)
