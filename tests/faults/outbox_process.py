"""A process to be killed: it stores what it reads and queues what follows, and works the outbox, as `serve` does.

Arguments: database URL, port of the sink, seconds that its clock is ahead, seconds of a lease. It reads a number a
line, each a session that is done, says the number once that is on disk, and stops cleanly at the end of its input.
"""

import json
import sys
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from typing import Any

from integration import clock
from integration.dispatching import queueing
from integration.dispatching.queueing import Message, Snapshot
from integration.dispatching.sending import Sender
from integration.dispatching.worker import Worker
from integration.door import Door
from integration.keys import Keys
from integration.outgoing import Abilities, Call, Request, Sent, Settings, Told
from integration.replies import accepted
from integration.store import facts, outlets, people
from integration.store.dispatches import Kind
from integration.store.engine import Store

FIRST = date(2020, 1, 1)
SECRETS = ("a secret of the operator, for tests only",)


class Sink:
    """A service's file as an object, that tells the sink key and date."""

    TITLE, FIELDS = "Sink", ()
    ABILITIES = Abilities(dated=True, undo=False, confirms=True, holds="sessions")

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"

    def complete(self, call: Call, settings: Settings, told: Told) -> Sent:  # noqa: ARG002
        body = json.dumps({"key": told.key, "number": (told.date - FIRST).days, "attempt": told.attempt})
        accepted(call(Request("POST", self.url, {}, body.encode())), self.TITLE)
        return Sent()


def record(store: Store, number: int, now: datetime) -> None:
    """As integration/record.py does: a fact that is new, and what follows from it, in one transaction."""
    day = FIRST + timedelta(days=number)
    with store.writing() as db:
        [person] = people.everybody(db)
        people.lock(db, person.id)
        if facts.revisions_between(db, person.id, day, day):
            return
        facts.bump(db, person.id, day, "morning", now)
        told = outlets.of(db, person.id)
        to = told[number % len(told)].connection
        queueing.queue(db, Message(to, Kind.DONE, day, "morning", Snapshot(now, now)), now)


def main(url: str, port: str, ahead: str, lease: str) -> None:
    def now() -> datetime:
        return clock.system().astimezone(UTC) + timedelta(seconds=float(ahead))

    store = Store(url)
    services: dict[str, Any] = {"sink": Sink(int(port))}
    sender = Sender(Keys(SECRETS), services, Door([ip_network("127.0.0.0/8")]))
    worker = Worker(store, sender, now, timedelta(seconds=float(lease)))
    worker.start()
    for line in sys.stdin:
        record(store, int(line), now())
        worker.wake()
        print(int(line), flush=True)  # noqa: T201
    worker.stop()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
