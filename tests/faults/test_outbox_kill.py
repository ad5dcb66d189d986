"""kill -9 at every fail point of the outbox: nothing that was accepted is lost, and a kill makes at most one copy more.

Source: webhook-reliability S1. What accepts and what sends die together, as in `serve`; whoever reports does as a good
sender does, and says it again until it is acknowledged.
"""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count, cycle, islice
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from integration import people
from integration.clock import system
from integration.core.model import Connection
from integration.dispatching import operating
from integration.dispatching.judging import KILLS
from integration.dispatching.schedule import WAITS
from integration.failpoints import KILLED, POINTS
from integration.outbox import LEASE
from integration.store import connections, outlets
from integration.store.dispatches import State
from integration.store.engine import Store
from tests.dispatching.conftest import BERLIN
from tests.sinks import PATIENCE_SECONDS, Sink, answer, saying

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("outbox_process.py")
EACH = 4
"""Sessions that are done in each life of the process."""
ENOUGH = 600
"""Seconds that the clock goes on between two lives: past every lease, and past what a lost message rests."""
LONGEST_REST = timedelta(hours=3)


class Life:
    """One run of the process, and what it acknowledged."""

    def __init__(self, url: str, port: int, ahead: float, lease: float, failpoint: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG", "HOME") if name in os.environ}
        self.ahead = ahead
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), url, str(port), str(ahead), str(lease)],
            cwd=ROOT,
            env=kept | {"PYTHONPATH": str(ROOT), "TURNTWICE_FAILPOINT": failpoint},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: Queue[int] = Queue()
        self._ears = [threading.Thread(target=self._hear), threading.Thread(target=self._mind)]
        self.errors = ""
        for ear in self._ears:
            ear.start()

    def say(self, number: int) -> None:
        assert self.process.stdin
        with suppress(OSError):  # it is dead: nothing is acknowledged
            self.process.stdin.write(f"{number}\n")
            self.process.stdin.flush()

    def acknowledged(self) -> set[int]:
        """What was acknowledged since this was asked last."""
        found = set[int]()
        while True:
            try:
                found.add(self.said.get_nowait())
            except Empty:
                return found

    def dead(self) -> int:
        """Its exit status, once it has ended by itself."""
        self.process.wait(PATIENCE_SECONDS)
        return self._gone()

    def kill(self) -> int:
        self.process.kill()
        return self.dead()

    def stop(self) -> int:
        """Lets it end cleanly."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.dead()

    def _gone(self) -> int:
        for ear in self._ears:
            ear.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(OSError):  # what it did not read any more
                pipe.close()  # type: ignore[union-attr]
        return self.process.returncode

    def _hear(self) -> None:
        for line in self.process.stdout or ():
            self.said.put(int(line))

    def _mind(self) -> None:
        self.errors = (self.process.stderr.read() if self.process.stderr else "").strip()


class Harness:
    """A store with a person, what was said and acknowledged, and the sink of all messages."""

    def __init__(self, store: Store, sink: Sink) -> None:
        self.store, self.sink = store, sink
        self.url = store.engine.url.render_as_string(hide_password=False)
        self.numbers, self.lives, self.lived = count(), count(1), list[Life]()
        self.pending, self.acknowledged = set[int](), set[int]()
        self.person = people.add(store, BERLIN, system())[0].id

    def connect(self, times: int) -> None:
        for number in range(times):
            made = Connection(f"c{number}", self.person, "sink", "Sink", None, {}, None, system())
            with self.store.writing() as db:
                connections.add(db, made)
                outlets.add(db, made.id, None)

    def live(self, failpoint: str = "", ahead: float | None = None, lease: float = 60) -> Life:
        ahead = next(self.lives) * ENOUGH if ahead is None else ahead
        self.lived.append(Life(self.url, self.sink.port, ahead, lease, failpoint))
        return self.lived[-1]

    def say(self, life: Life, fresh: int = EACH) -> None:
        """What was not acknowledged yet, and some more."""
        self.pending |= set(islice(self.numbers, fresh))
        for number in sorted(self.pending):
            life.say(number)

    def hear(self, life: Life) -> None:
        self.acknowledged |= (heard := life.acknowledged())
        self.pending -= heard

    def finish(self) -> Life:
        """Lives without a kill, until all that is left is acknowledged and sent; the last of them."""
        for _ in range(KILLS):
            life = self.live()
            self.say(life, 0)
            waiting = self._worked(life)
            assert life.stop() == 0, life.errors
            if not waiting:
                return life
            # What was cut off several times rests for hours, by a clock that these tests move on.
            self.lives = count(next(self.lives) + int(LONGEST_REST.total_seconds() / ENOUGH))
        pytest.fail(f"still waiting: {waiting}")

    def _worked(self, life: Life) -> list[Any]:
        """Waits until nothing is left to do now; what waits for later."""
        for _ in range(PATIENCE_SECONDS * 100):
            self.hear(life)
            waiting = [one for one in operating.listing(self.store, limit=100_000) if one.state is State.WAITING]
            with self.store.reading() as db:
                next_at = outlets.earliest(db, probes=True)
            later = next_at is None or next_at - system() > timedelta(seconds=life.ahead) + 2 * LEASE
            if not self.pending and later:
                return waiting
            threading.Event().wait(0.01)
        pytest.fail(f"stuck: {waiting}")

    def receipts(self) -> list[dict[str, Any]]:
        return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in self.sink.requests]

    def judge(self, kills: int, at_once: int) -> None:
        """0 lost; no more copies than there were messages on their way when it was killed; each under its one key."""
        held, receipts = operating.listing(self.store, limit=100_000), self.receipts()
        assert {one.state for one in held} == {State.SENT}
        assert {receipt["number"] for receipt in receipts} == self.acknowledged
        assert len(held) == len(self.acknowledged), "no session is told of twice"
        assert {receipt["key"] for receipt in receipts} == {one.key for one in held}
        copies = Counter(receipt["key"] for receipt in receipts)
        assert len({(receipt["key"], receipt["number"]) for receipt in receipts}) == len(held), "one key a session"
        assert sum(copies.values()) - len(copies) <= kills * at_once


@pytest.fixture
def harness(store: Store) -> Iterator[Harness]:
    with Sink(saying(answer())) as sink:
        made = Harness(store, sink)
        yield made
        for life in made.lived:
            if life.process.poll() is None:
                life.kill()


def killed_at(harness: Harness, kills: int) -> None:
    """One service, so one message at a time is on its way."""
    harness.connect(1)
    for number, point in enumerate(islice(cycle(POINTS), kills)):
        life = harness.live(f"{point}:{number % 3 + 1}")
        harness.say(life)
        assert life.dead() == KILLED, (point, life.errors)
        harness.hear(life)
    harness.finish()
    harness.judge(kills, 1)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_twenty_kills_at_the_fail_points_lose_nothing_and_make_at_most_one_copy_each(harness: Harness) -> None:
    killed_at(harness, 20)


@pytest.mark.faults
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_hundred_kills_at_the_fail_points_lose_nothing_and_make_at_most_a_hundred_copies_more(
    harness: Harness,
) -> None:
    killed_at(harness, 100)


@pytest.mark.faults
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_twenty_kills_at_the_fail_points_do_no_harm_on_postgresql_either(harness: Harness) -> None:
    killed_at(harness, 20)


@pytest.mark.faults
def test_kills_at_any_moment_under_load_lose_nothing(harness: Harness) -> None:
    services, kills = 8, 20
    harness.connect(services)
    for number in range(kills):
        life = harness.live()
        harness.say(life, 40)
        while len(harness.acknowledged) < 15 * (number + 1):
            harness.acknowledged.add(life.said.get(timeout=PATIENCE_SECONDS))
        assert life.kill() != 0
        harness.hear(life)
        harness.pending -= harness.acknowledged
    harness.finish()
    harness.judge(kills, services)


@pytest.mark.faults
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.parametrize("point", ["before_send", "after_send", "after_finish"])
def test_of_two_workers_one_is_killed_and_the_other_delivers_all(harness: Harness, point: str) -> None:
    harness.connect(10)
    doomed = harness.live(f"{point}:2", lease=2, ahead=0)
    other = harness.live(lease=2, ahead=0)
    while doomed.process.poll() is None:  # until it got some of the work
        harness.say(other, 5)
        threading.Event().wait(0.1)
        harness.hear(other)
    assert doomed.dead() == KILLED, doomed.errors
    harness.say(other, 10)
    while harness._worked(other):
        pass
    assert other.stop() == 0, other.errors
    harness.judge(1, 10)


def stopped_cleanly(life: Life, when: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_SECONDS * 100):
        if when():
            break
        threading.Event().wait(0.01)
    assert life.stop() == 0, life.errors


@pytest.mark.faults
def test_twenty_clean_stops_under_load_copy_nothing_and_fail_nothing(harness: Harness) -> None:
    """S16, with the process and the door as they are."""
    harness.connect(4)
    for number in range(20):
        life = harness.live()
        harness.say(life, 20)
        stopped_cleanly(life, lambda at_least=15 * (number + 1): len(harness.sink.requests) >= at_least)
        harness.hear(life)
    harness.finish()
    harness.judge(0, 0)
    assert {one.attempts for one in operating.listing(harness.store, limit=100_000)} == {1}


def test_the_clock_goes_on_far_enough_between_two_lives() -> None:
    assert timedelta(seconds=ENOUGH) > max(LEASE, WAITS[1] * 1.2)
    assert WAITS[KILLS - 2] < LONGEST_REST
