"""Somebody with a plan in Berlin, connections that are told, services that answer by a script, looks at the rows."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, time, timedelta
from itertools import count
from threading import Event, Lock
from typing import Any

import pytest

from integration import people
from integration.connecting import tokens
from integration.core.model import Connection
from integration.dispatching import operating, queueing, worker
from integration.dispatching.judging import Attempt, Result
from integration.dispatching.queueing import Message, Snapshot
from integration.dispatching.sending import Sender
from integration.dispatching.worker import Worker
from integration.keys import Keys
from integration.outbox import Claim, Leased, claim, finish
from integration.outgoing import Abilities, Field, Refusal, Reply, Request, Sent, Told
from integration.people import Wish
from integration.store import connections, outlets
from integration.store.dispatches import Dispatch, Kind
from integration.store.engine import Store
from integration.store.outlets import Outlet

TODAY = date(2026, 6, 2)
BERLIN = Wish("Europe/Berlin", time(7), time(22), start=date(2026, 5, 1))
DOWN = Refusal("http_503", "Bell is in trouble (status 503)")
SECRET = "hunter2-the-token-of-the-service"
_numbers = count(1)


class Bell:
    """A service's file, as an object. It answers each message by `answers`, and notes what it was told."""

    TITLE = "Bell"
    FIELDS = (Field("token", "Token", secret=True),)

    def __init__(self, **abilities: Any) -> None:
        usual = {"dated": True, "undo": True, "confirms": True, "holds": "sessions"}
        self.ABILITIES = Abilities(**usual | abilities)
        self.told: list[tuple[str, Told, Mapping[str, str]]] = []
        self.answer: Callable[[Any, Told], Sent] = lambda _call, _told: Sent(words="kept")

    def complete(self, call: Any, settings: Mapping[str, str], told: Told) -> Sent:
        self.told.append(("complete", told, settings))
        return self.answer(call, told)

    def undo(self, call: Any, settings: Mapping[str, str], told: Told) -> Sent:
        self.told.append(("undo", told, settings))
        return self.answer(call, told)


@dataclass
class Post:
    """A store's outbox, worked by hand: what a worker does, at the times that a test says."""

    store: Store
    clock: Any
    keys: Keys
    person: str
    worker: Claim = field(default_factory=lambda: Claim("worker-a"))

    def connect(self, service: str = "bell", **settings: str) -> str:
        """A connection, at an endpoint of its own unless `url` names one."""
        name = f"connection{next(_numbers)}"
        settings = {"url": f"https://{name}.example/"} | settings
        made = Connection(name, self.person, service, "Bell", None, settings, None, self.clock())
        with self.store.writing() as db:
            connections.add(db, made)
            outlets.add(db, made.id, tokens.seal(self.keys, made.id, {"token": SECRET}))
        return made.id

    def queue(
        self, connection: str, kind: Kind = Kind.DONE, day: date = TODAY, slot: str = "morning", **told: Any
    ) -> str | None:
        said = Snapshot(**{"at": self.clock().astimezone(UTC), "said_at": self.clock(), **told})
        with self.store.writing() as db:
            return queueing.queue(db, Message(connection, kind, day, slot, said), self.clock())

    def fill(self, connection: str, count: int) -> list[int]:
        """So many sessions done, one each day back from today; ids of the messages."""
        for back in range(count):
            self.queue(connection, day=TODAY - timedelta(days=back))
        return sorted(held.id for held in self.all() if held.connection == connection and held.state == "waiting")

    def claim(self, most: int = 1, worker: str | None = None, **wanted: Any) -> list[Leased]:
        return claim(self.store, Claim(worker or self.worker.worker, most, **wanted), self.clock())

    def one(self) -> Leased:
        [leased] = self.claim()
        return leased

    def finish(self, leased: Leased, result: Result, most: int = 0, spread: float = 0, **more: Any) -> list[Leased]:
        attempt = Attempt(more.pop("started", self.clock()), self.clock(), result, spread=spread, **more)
        return finish(self.store, leased, attempt, Claim(self.worker.worker, most))

    def send(self, result: Result, **more: Any) -> Dispatch:
        """One message, tried now; how it is then."""
        leased = self.one()
        self.finish(leased, result, **more)
        return self.row(leased.dispatch.id)

    def all(self) -> list[Dispatch]:
        """Every message, oldest first."""
        return operating.listing(self.store, limit=100_000)[::-1]

    def row(self, dispatch: int) -> Dispatch:
        return operating.find(self.store, dispatch)

    def outlet(self, connection: str) -> Outlet:
        with self.store.reading() as db:
            [told] = [told for told in outlets.of(db, self.person) if told.connection == connection]
        return told.outlet

    def idle_for(self) -> timedelta | None:
        """How long until there is something to do."""
        with self.store.reading() as db:
            next_at = outlets.earliest(db, probes=True)
        return None if next_at is None else max(next_at - self.clock(), timedelta())

    def skip(self) -> timedelta:
        """Moves the clock to when there is something to do."""
        idle = self.idle_for()
        assert idle is not None, "nothing waits"
        self.clock.now += idle
        return idle


def states(post: Post) -> list[str]:
    """Of every message, oldest first."""
    return [str(held.state) for held in post.all()]


@pytest.fixture
def post(store: Store, clock: Any) -> Post:
    keys = Keys(("a secret of the operator, for tests only",))
    person, _ = people.add(store, BERLIN, clock())
    return Post(store, clock, keys, person.id)


@pytest.fixture
def bell() -> Bell:
    return Bell()


PATIENCE_SECONDS = 30
"""A wait longer than this is taken for a hang; nothing is measured by it."""


class Ringing(Bell):
    """Counts what it is told, by key; `until(n)` waits for so many."""

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.keys, self.changed = Lock(), list[str](), threading.Condition()
        self.answer = self.note

    def note(self, _call: Any, told: Told) -> Sent:
        with self.changed:
            self.keys.append(told.key)
            self.changed.notify_all()
        return Sent(words="kept")

    def until(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.keys) >= count, PATIENCE_SECONDS), len(self.keys)


@dataclass
class Works:
    """Workers on one store, stopped at the test's end."""

    post: Post
    services: dict[str, Any]
    running: list[Worker]

    def start(self, store: Store | None = None, door: Callable[[Request], Reply] | None = None, **more: Any) -> Worker:
        sender = Sender(self.post.keys, self.services, door or (lambda _request: Reply(200)))
        made = Worker(store or self.post.store, sender, self.post.clock, spread=lambda: 0.0, **more)
        made.start()
        self.running.append(made)
        return made

    def settled(self, *states: str) -> None:
        """Waits until every message is in one of those states: an answer is stored a little after it was given."""
        wanted = set(states) or {"sent"}
        for _ in range(PATIENCE_SECONDS * 100):
            if {str(held.state) for held in self.post.all()} <= wanted:
                return
            Event().wait(0.01)
        pytest.fail(f"still {[str(held.state) for held in self.post.all()]}")


@pytest.fixture
def ringing() -> Ringing:
    return Ringing()


@pytest.fixture
def never_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being woken a worker would sleep for longer than any test is patient."""
    monkeypatch.setattr(worker, "LONGEST_SLEEP", 1000.0)


@pytest.fixture
def works(post: Post, ringing: Ringing) -> Iterator[Works]:
    made = Works(post, {"bell": ringing}, [])
    yield made
    for running in made.running:
        running.stop(patience=5)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("turntwice")]
