"""A Turntwice to be measured as it tells others: started and stopped, with people whose services are all here."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from endpoints import Endpoints, closed_place
from run import _free_port, _post, _started

from integration import people, record
from integration.config import Config
from integration.connecting import connections
from integration.core.model import FactKind, Person
from integration.core.placing import Placed
from integration.dispatching import queueing
from integration.dispatching.queueing import Message, Snapshot
from integration.parts import assemble
from integration.people import Wish
from integration.store import schema
from integration.store.dispatches import Kind
from webhooks.signatures import new_secret

SETTINGS = {"ALLOW_PRIVATE": "127.0.0.0/8", "HOOK_LIMIT": "off", "ADDRESS_LIMIT": "off"}
BEGAN, RUN, TOGGLED = 300, (200, 199, 198), 100
"""Days ago: the start of a plan, a run of sessions that stays the best, and a session that is done and taken back."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Somebody whose services are told: the path of the hook by which they report, and the ids of the services."""

    person: Person
    hook: str
    told: list[str]

    def toggle(self, number: int) -> bytes:
        """The request that says a session done, or taken back: another word with every number."""
        day = datetime.now(UTC).date() - timedelta(days=TOGGLED)
        event = ("done", "undone")[number % 2]
        body = f'{{"id": "{number}", "event": "{event}", "slot": "morning", "date": "{day}"}}'
        return _post(self.hook, body.encode())


class Bench:
    """The data folder, the server over it while it is `served`, and the services of everybody."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        settings = {**SETTINGS, "DATA": str(folder), "PUBLIC_URL": f"http://127.0.0.1:{self.port}"}
        os.environ.update({f"TURNTWICE_{name}": value for name, value in settings.items()})
        self.parts = assemble(Config.from_env(os.environ))
        schema.upgrade(self.parts.store)
        self.endpoints, self.pid = Endpoints(), 0
        # A host of its own for every service: a kept connection to one is no use for another.
        self._hosts = (f"127.0.{high}.{low}" for high in range(1, 250) for low in range(1, 250))

    @contextmanager
    def served(self) -> Iterator[socket.socket]:
        """Runs the server; a connection to it that is kept."""
        with ExitStack() as stack:
            serve = [sys.executable, "-m", "integration", "serve", "--port", str(self.port)]
            _, process = _started(stack, serve, self.port, "/healthz")
            self.pid = process.pid
            kept = stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))
            kept.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield kept
            self.endpoints.forget(kept)

    def places(self, count: int) -> tuple[list[socket.socket], list[str]]:
        """Sockets at which nobody listens yet, and their addresses."""
        made = [closed_place(next(self._hosts)) for _ in range(count)]
        return [place for place, _ in made], [f"http://{host}:{port}/in" for _, (host, port) in made]

    def services(self, count: int) -> list[str]:
        """Addresses that answer."""
        places, addresses = self.places(count)
        for number, place in enumerate(places):
            self.endpoints.open(place, number)
        return addresses

    def teller(self, addresses: list[str]) -> Teller:
        """Somebody who did some sessions long ago, and has services at those addresses since."""
        store, now = self.parts.store, datetime.now(UTC)
        plan = Wish("Europe/Berlin", time(7), time(22), start=now.date() - timedelta(days=BEGAN))
        person, _ = people.add(store, plan, now)
        for ago in RUN:
            record.tell(store, person, Placed("morning", now.date() - timedelta(days=ago)), FactKind.DONE, now)
        hook = self._connect(person.id, "simple").hook
        told = [self._connect(person.id, "standard", url=url, secret=new_secret()) for url in addresses]
        return Teller(person, f"/hooks/simple/{hook}", [made.connection.id for made in told])

    def queue(self, told: list[str], each: int) -> None:
        """Lets so many messages wait for each of the services."""
        now = datetime.now(UTC)
        for back in range(each):
            with self.parts.store.writing() as db:
                for connection in told:
                    day = now.date() - timedelta(days=back)
                    queueing.queue(db, Message(connection, Kind.DONE, day, "morning", Snapshot(now, now)), now)

    def waiting(self) -> int:
        return self.stored("SELECT count(*) FROM dispatches WHERE state = 'waiting'")

    def stored(self, query: str) -> int:
        """A number that a query gives."""
        with self.parts.store.reading() as db:
            return int(db.exec_driver_sql(query).scalar_one())

    def _connect(self, person: str, service: str, **settings: str) -> connections.Made:
        parts = self.parts
        return connections.add(parts.store, parts.keys, parts.providers, person, service, settings, datetime.now(UTC))
