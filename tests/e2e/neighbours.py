"""A served Turntwice with somebody in it, a place on loopback for a service, and a wire between two Turntwices."""

import json
import socket
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from integration.config import DATABASE_FILE
from tests.serving import PATIENCE_SECONDS, Answer, Served, asked
from tests.sinks import HOST, Sink, Talk, answer, saying
from webhooks.signatures import new_secret

OPEN = {"ALLOW_PRIVATE": "127.0.0.0/8", "HOOK_LIMIT": "off", "ADDRESS_LIMIT": "off"}
PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00")
DAYS = 300
"""So long ago the person began."""
COMPLETED, UNDONE, STREAK = "session.completed", "session.undone", "streak.changed"
PATH = "/in/a-path-that-opens-something"


def until(true: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_SECONDS * 100):
        if true():
            return
        Event().wait(0.01)
    pytest.fail("it never came to that")


@dataclass
class Instance:
    """A served Turntwice with one person, who says by a simple hook what was done."""

    served: Served
    person: str = ""
    own: str = ""
    numbers: Iterator[int] = field(default_factory=count)

    @classmethod
    def started(cls, folder: Path) -> "Instance":
        folder.mkdir()
        made = cls(Served(folder / "data", dict(OPEN)).start())
        start = (datetime.now(UTC).date() - timedelta(days=DAYS)).isoformat()
        made.person = asked(made.served.env, "person", "add", *PLAN, "--start", start)["person"]
        made.own = made.connect("simple")["hook"]
        return made

    def connect(self, service: str, **settings: str) -> Any:
        return asked(self.served.env, "connection", "add", self.person, service, *_options(settings))

    def change(self, connection: str, **settings: str) -> None:
        asked(self.served.env, "connection", "change", connection, *_options(settings))

    def told_at(self, port: int) -> str:
        """Connects the person with a service at that port; the secret that signs what it is told."""
        secret = new_secret()
        self.connect("standard", url=f"http://{HOST}:{port}{PATH}", secret=secret)
        return secret

    def say(self, event: str, slot: str = "morning", day: date | None = None, number: int | None = None) -> Answer:
        """The person's hook says it of a session: today's, unless another day is given."""
        said = {"id": str(next(self.numbers) if number is None else number), "event": event, "slot": slot}
        dated = {"date": day.isoformat()} if day else {}
        return self.served.ask("POST", self.own, json.dumps(said | dated).encode(), content_type="application/json")

    def is_done(self) -> bool:
        """Whether this morning's session is."""
        return bool(asked(self.served.env, "status", self.person)["today"]["morning"] == "done")

    def stored(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.served.data / DATABASE_FILE)) as database:
            return database.execute(query).fetchall()

    def waiting(self, more: str = "") -> int:
        """How many messages wait or are on their way."""
        return int(self.stored(f"SELECT COUNT(*) FROM dispatches WHERE state = 'waiting' {more}")[0][0])

    def tried(self) -> None:
        """Waits until every message was tried; news of the streak goes only after the session that changed it."""
        until(lambda: not self.waiting("AND attempted_at IS NULL AND kind != 'event'"))

    def settled(self) -> None:
        until(lambda: not self.waiting())


def _options(settings: dict[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]


@dataclass(frozen=True)
class Message:
    """What came in at a sink."""

    path: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, request: bytes) -> "Message":
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        named = (line.partition(": ") for line in lines)
        return cls(first.split(" ")[1], {name.lower(): value for name, _, value in named}, body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.event["data"]

    @property
    def type(self) -> str:
        return str(self.event["type"])


def heard(sink: Sink, *types: str) -> list[Message]:
    """What a sink was told, in the order in which it came."""
    messages = [Message.of(request) for request in sink.requests]
    return [one for one in messages if not types or one.type in types]


def at_first(*said: bytes) -> Talk:
    """Says these to the first requests, and yes to all that follow."""
    answers = iter(said)
    return lambda connection, _request: connection.sendall(next(answers, answer()))


@dataclass(frozen=True)
class Place:
    """A port on loopback that nobody else gets, and that refuses connections until it is opened."""

    port: int

    def open(self) -> Sink:
        return Sink(saying(answer()), port=self.port)


@contextmanager
def closed_place() -> Iterator[Place]:
    # Bound, and nobody listens.
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((HOST, 0))
        yield Place(int(held.getsockname()[1]))


class Wire:
    """Leads to a Turntwice: hands each request on, and the answer back, and counts them."""

    def __init__(self, to: Instance) -> None:
        self._to = to
        self.sink = Sink(self._handed_on)

    def address(self, hook: str) -> str:
        return f"http://{HOST}:{self.sink.port}/{hook.split('/', 3)[3]}"

    def counted(self) -> Counter[str]:
        """What went over it since this was asked last."""
        found = Counter(one.type for one in heard(self.sink))
        self.sink.heard.clear()
        return found

    def _handed_on(self, connection: socket.socket, request: bytes) -> None:
        message = Message.of(request)
        kept = {name: told for name, told in message.headers.items() if name.startswith(("webhook-", "content-type"))}
        said = self._to.served.ask("POST", message.path, message.body, **kept)
        connection.sendall(answer(said.body, f"{said.status} Handed on"))


@dataclass
class Pair:
    """Two Turntwices of one person, each of which tells the other."""

    here: Instance
    there: Instance
    out: Wire
    back: Wire

    def each_by_one_connection(self) -> None:
        ours = self.here.connect("standard")
        theirs = self.there.connect("standard", url=self.back.address(ours["hook"]), secret=ours["secret"])
        self.here.change(ours["connection"], url=self.out.address(theirs["hook"]), secret=ours["secret"])

    def each_by_two_connections(self) -> None:
        """One that hears and one that tells: neither side knows that both lead to the same neighbour."""
        ours, theirs = self.here.connect("standard"), self.there.connect("standard")
        self.here.connect("standard", url=self.out.address(theirs["hook"]), secret=theirs["secret"])
        self.there.connect("standard", url=self.back.address(ours["hook"]), secret=ours["secret"])

    def exchanged(self) -> Counter[str]:
        """Lets them speak until neither has anything to say; what they said since this was asked last.

        What a message sets off stands in the other's outbox before the message counts as sent: whoever looks at both in
        turn, twice, and finds nothing has seen the end.
        """
        both = (self.here, self.there)
        until(lambda: not any(one.waiting() for one in both * 2))
        return self.out.counted() + self.back.counted()

    def done(self) -> tuple[bool, bool]:
        """Whether this morning's session is, at each of them."""
        return self.here.is_done(), self.there.is_done()
