"""A person with connections whose services hold what the tests say, and what is heard, queued and sent there."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from integration import record
from integration.core.merge import merge
from integration.core.model import FactKind, Person
from integration.core.placing import Placed
from integration.dispatching import telling
from integration.dispatching.queueing import decode
from integration.inbox.admission import Inbound
from integration.outgoing import Abilities, Sent
from integration.store import connections, facts, people
from integration.store.dispatches import Dispatch, Kind
from integration.store.dispatches import State as Sending
from tests.dispatching.conftest import TODAY, Bell, Post
from webhooks.report import Incoming, Report
from webhooks.report import Kind as Said

ABILITIES = Abilities(dated=True, undo=True, confirms=True, holds="sessions", habits=False)


class Street:
    """A person, their connections, and services that hold what the tests say."""

    def __init__(self, post: Post) -> None:
        self.post, self.events = post, iter(range(1, 1000))

    @property
    def person(self) -> Person:
        with self.post.store.reading() as db:
            found = people.by_id(db, self.post.person)
        assert found
        return found

    def hear(
        self, connection: str, kind: Said = Said.DONE, slot: str = "morning", mixed: bool = True, **told: Any
    ) -> Any:
        """A webhook of a connection; `mixed`: of a service that speaks its own way."""
        return self.hear_all(connection, [(kind, slot)], mixed, **told)

    def hear_all(
        self, connection: str, said: Iterable[tuple[Said, str]], mixed: bool = False, **told: Any
    ) -> record.Recorded:
        """One webhook that tells of several sessions of today."""
        with self.post.store.reading() as db:
            found = connections.by_id(db, connection)
        assert found
        now = self.post.clock()
        reports = [
            Report(kind, f"event-{next(self.events)}", now, slot=slot, date=TODAY, **told) for kind, slot in said
        ]
        inbound = Inbound(found, self.person, realtime=True, mixed=mixed)
        return record.record(self.post.store, inbound, Incoming({}, b"{}", now), reports)

    def press(self, kind: FactKind = FactKind.DONE, slot: str = "morning") -> None:
        """A button on my page."""
        record.tell(self.post.store, self.person, Placed(slot, TODAY), kind, self.post.clock())
        self.post.clock.move(seconds=1)

    def queued(self, connection: str | None = None) -> list[tuple[Kind, str, int]]:
        """What waits: kind, slot, number."""
        waiting = [held for held in self.post.all() if held.state == Sending.WAITING]
        return [
            (held.kind, held.slot, decode(held.told).done) for held in waiting if connection in (None, held.connection)
        ]

    def send(self, sent: Sent | None = None) -> list[Dispatch]:
        """Sends all that waits."""
        gone = []
        while (idle := self.post.idle_for()) is not None and not idle:
            gone.append(self.post.send(sent or Sent()))
        return gone

    def evidence(self, slot: str = "morning") -> frozenset[str]:
        """Who says that it is done today."""
        with self.post.store.reading() as db:
            return merge(facts.of_session(db, self.post.person, TODAY, slot)).evidence


def opened(post: Post, monkeypatch: pytest.MonkeyPatch) -> Street:
    """Over services of four kinds; of any other nobody knows."""
    known = {
        "sessions": ABILITIES,
        "number": replace(ABILITIES, holds="number", habits=True),
        "listener": replace(ABILITIES, events=True),
        "tick": replace(ABILITIES, holds="tick", habits=True),
    }
    bells = {name: Bell() for name in known}
    for name, abilities in known.items():
        bells[name].ABILITIES = abilities
    monkeypatch.setattr(telling, "services", lambda: bells)
    return Street(post)
