"""A service that keeps its own history, somebody in Berlin whose sessions it hears of, and a postman worked by hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

import pytest

from integration import people, record, status
from integration.connecting import tokens
from integration.core.merge import Merged
from integration.core.model import Connection, FactKind, Person, State
from integration.core.placing import Placed
from integration.dispatching import operating, telling
from integration.dispatching.judging import Attempt
from integration.dispatching.sending import Sender
from integration.inbox.admission import Inbound
from integration.outbox import Claim, claim, finish
from integration.outgoing import Abilities, Refusal, Remote, Sent, Settings, Told
from integration.parts import Parts
from integration.people import Wish
from integration.store import connections, outlets
from integration.store.dispatches import Dispatch
from integration.store.dispatches import State as Sending
from integration.store.facts import since
from webhooks.report import Incoming, Kind, Report

TODAY = date(2026, 6, 2)
BERLIN = Wish("Europe/Berlin", time(7), time(22), start=date(2026, 5, 1))
DAY = timedelta(days=1)
ABILITIES = Abilities(dated=True, undo=True, confirms=True, holds="tick")
_numbers = count(1)


class Mirror:
    """A service's file, as an object. It keeps what it is told by habit and day, and so does its user."""

    TITLE = "Mirror"
    FIELDS = ()

    def __init__(self, **abilities: Any) -> None:
        self.ABILITIES = replace(ABILITIES, **abilities)
        self.kept: list[Remote] = []
        self.asked: list[tuple[date, date]] = []
        self.trouble: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def complete(self, _call: Any, _settings: Settings, told: Told) -> Sent:
        self._forget(told)
        if self.ABILITIES.holds == "sessions":
            self.tick(told.habit or "", told.date, event=self._id(told))
            return Sent(remote=self._id(told))
        self.tick(told.habit or "", told.date, count=told.done)
        return Sent()

    def undo(self, _call: Any, _settings: Settings, told: Told) -> Sent:
        self._forget(told)
        return Sent()

    def history(self, _call: Any, settings: Settings, first: date, last: date) -> Sequence[Remote]:
        self.asked.append((first, last))
        self.meanwhile()
        if self.trouble:
            raise self.trouble
        wanted = {habit for name, habit in settings.items() if name in ("morning", "evening")}
        return [one for one in self.kept if first <= one.date <= last and one.habit in wanted]

    def tick(self, habit: str, day: date, at: datetime | None = None, count: int = 1, event: str | None = None) -> None:
        self.kept.append(Remote(habit, day, at, count, event))

    def _forget(self, told: Told) -> None:
        """All of the day, but for a service that takes each session by itself."""
        event = self._id(told) if self.ABILITIES.holds == "sessions" else None
        gone = (told.habit, told.date)
        self.kept = [one for one in self.kept if (one.habit, one.date) != gone or (event and one.event != event)]

    def _id(self, told: Told) -> str:
        return f"{told.date}-{told.slot}"

    def untick(self, habit: str, day: date) -> None:
        self.kept = [one for one in self.kept if (one.habit, one.date) != (habit, day)]


class Silent:
    """A service's file, as an object, that tells no history."""

    TITLE = "Silent"
    FIELDS = ()
    ABILITIES = ABILITIES

    def complete(self, _call: Any, _settings: Settings, _told: Told) -> Sent:
        return Sent()


@dataclass
class World:
    """A person, and all that happens to them."""

    parts: Parts
    clock: Any
    id: str
    events: Any = field(default_factory=lambda: count(1))

    @property
    def person(self) -> Person:
        return people.find(self.parts.store, self.id)

    @property
    def mirror(self) -> Mirror:
        found: Any = self.parts.services["mirror"]
        return found

    def connect(self, service: str = "mirror", key: str | None = None, **settings: str) -> str:
        """A connection that is told; by default each session has a habit of its own."""
        chosen = settings or {"morning": "m", "evening": "e"}
        made = f"connection{next(_numbers)}"
        with self.parts.store.writing() as db:
            connections.add(db, Connection(made, self.id, service, service.title(), key, chosen, None, self.clock()))
            outlets.add(db, made, tokens.seal(self.parts.keys, made, {}))
        return made

    def press(self, slot: str = "morning", day: date = TODAY, kind: FactKind = FactKind.DONE) -> None:
        """A button on my page."""
        record.tell(self.parts.store, self.person, Placed(slot, day), kind, self.clock())
        self.clock.move(seconds=1)

    def hear(
        self, connection: str, slot: str = "morning", day: date = TODAY, kind: Kind = Kind.DONE, **told: Any
    ) -> None:
        """A webhook of a connection."""
        with self.parts.store.reading() as db:
            found = connections.by_id(db, connection)
        assert found
        now = self.clock()
        report = Report(kind, told.pop("event", f"event-{next(self.events)}"), now, slot=slot, date=day, **told)
        inbound = Inbound(found, self.person, realtime=True, mixed=True)
        record.record(self.parts.store, inbound, Incoming({}, b"{}", now), [report])
        self.clock.move(seconds=1)

    def work(self) -> int:
        """Sends all that waits, and lets some time pass; how many messages that were."""
        sender, worker, sent = Sender(self.parts.keys, self.parts.services, self.parts.call), Claim("worker"), 0
        while leased := claim(self.parts.store, worker, self.clock()):
            result = sender.send(leased[0], self.clock())
            finish(self.parts.store, leased[0], Attempt(self.clock(), self.clock(), result), Claim("worker", most=0))
            sent += 1
        self.clock.move(minutes=30)
        return sent

    def merged(self) -> Mapping[tuple[date, str], Merged]:
        with self.parts.store.reading() as db:
            return status.merged_sessions(since(db, self.id, date.min))

    def state(self, slot: str = "morning", day: date = TODAY) -> State | None:
        found = self.merged().get((day, slot))
        return found.state if found else None

    def done(self) -> set[tuple[date, str]]:
        return {key for key, found in self.merged().items() if found.state is State.DONE}

    def facts(self) -> int:
        with self.parts.store.reading() as db:
            return len(since(db, self.id, date.min))

    def messages(self) -> list[Dispatch]:
        """All, oldest first."""
        return operating.listing(self.parts.store, self.id, limit=10_000)[::-1]

    def waiting(self) -> list[tuple[str, date, str]]:
        return [(str(one.kind), one.date, one.slot) for one in self.messages() if one.state is Sending.WAITING]


def berlin(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant by the summer clock of Berlin."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - timedelta(hours=2)


@pytest.fixture
def mirror() -> Mirror:
    return Mirror()


@pytest.fixture
def parts(parts: Parts, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """Over three services alone: the mirror, another that keeps a history of its own, and one that keeps none."""
    known: Any = {"mirror": mirror, "other": Mirror(), "silent": Silent()}

    def nobody(request: Any) -> Any:
        raise Refusal("unreachable", "no test calls out")

    monkeypatch.setattr(telling, "services", lambda: known)
    return replace(parts, services=known, call=nobody)


@pytest.fixture
def newcomer(parts: Parts, clock: Any) -> Callable[[], World]:
    return lambda: World(parts, clock, people.add(parts.store, BERLIN, clock())[0].id)


@pytest.fixture
def world(newcomer: Callable[[], World]) -> World:
    return newcomer()
