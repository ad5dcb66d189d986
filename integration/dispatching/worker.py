"""The worker: one thread that sleeps until something is due and claims it, and up to sixteen that send.

It wakes at once when something is queued (`wake`, or PostgreSQL's notice from another process), and never polls. A
thread that has sent claims its next message in the same transaction.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from time import monotonic
from typing import TypeVar

from integration import outbox
from integration.clock import Clock
from integration.dispatching import operating
from integration.dispatching.crew import Crew
from integration.dispatching.judging import Attempt
from integration.dispatching.sending import Sender
from integration.errors import StoreUnavailable
from integration.failpoints import reach
from integration.keys import random_id
from integration.outbox import LEASE, Claim, Leased
from integration.store import outlets
from integration.store.engine import Store
from integration.store.wakeups import Listener

THREADS, PROBES = 16, 8
"""Messages on their way at once, and how many of them at most to services that are down: each may take 15 seconds."""
LONGEST_SLEEP, SHORTEST_SLEEP = 30.0, 0.05
"""Seconds. The longest is for what no notice tells of, such as a command on a SQLite file."""
AFTER_TROUBLE = 2.0
PATIENCE = 19.0
"""Webhook-reliability S16 gives 20 seconds to stop in; a call takes 15 at most."""
SWEEP_EVERY = timedelta(days=1)

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Flight:
    """A message on its way, since when."""

    leased: Leased
    started: datetime


class Worker:
    """Works one store's outbox while it is started. `spread` is the luck of the jitter, from -1 to 1."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        clock: Clock,
        lease: timedelta = LEASE,
        spread: Callable[[], float] = lambda: random.uniform(-1, 1),  # noqa: S311  no secret hangs on it
    ) -> None:
        self._store, self._clock, self._spread = store, clock, spread
        self._sender = replace(sender, stopping=self._since_stop, holds=lambda leased: clock() < leased.until)
        self._claim = Claim(random_id(), lease=lease)
        self._rung, self._stopping = Event(), Event()
        self._stopped_at, self._sweep_at = 0.0, clock()
        self._crew = Crew(self._work, THREADS, "turntwice-sender", self._rung.set)
        self._lock, self._flights = Lock(), dict[int, _Flight]()
        self._listener = Listener(store, self.wake)
        self._thread = Thread(target=self._run, name="turntwice-worker", daemon=True)

    def start(self) -> None:
        """Begins to work. Raises StoreUnavailable."""
        if self._store.is_sqlite:
            # Nobody else sends from this file, so whoever still holds a lease is dead.
            with self._store.writing() as db:
                outlets.expire(db, self._clock())
        self._listener.start()
        self._thread.start()

    def wake(self) -> None:
        """Something was queued, and committed."""
        reach("after_commit")
        self._rung.set()

    def stop(self, patience: float = PATIENCE) -> None:
        """Claims no more, waits so many seconds for what is on its way, and gives the rest back to be sent later."""
        if self._stopping.is_set():
            return
        self._stopped_at = monotonic()
        until = self._stopped_at + patience
        self._stopping.set()
        self._rung.set()
        if self._thread.ident is not None:
            self._thread.join(patience)
        self._crew.drained(until - monotonic())
        with self._lock:
            left = list(self._flights.values())
        for flight in left:
            self._give_back(flight)
        self._crew.end(max(0.1, until - monotonic()))
        self._listener.stop()

    def _since_stop(self) -> float | None:
        return monotonic() - self._stopped_at if self._stopping.is_set() else None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                seconds = self._looked()
                if self._swept():
                    continue  # between two parts of what is to be deleted, what is to be sent goes out
            except StoreUnavailable as error:
                log.warning("the outbox rests: %s", error)
                seconds = AFTER_TROUBLE
            except Exception:
                log.exception("a mistake in the worker")
                seconds = LONGEST_SLEEP
            self._rung.wait(seconds)
            self._rung.clear()

    def _looked(self) -> float:
        """Hands out what is due; gives the seconds until there is more, unless somebody rings before."""
        free = self._crew.free()
        if not free:
            return LONGEST_SLEEP  # whoever is done takes the next message, and rings when there is none
        due = self._until_next()
        if due > 0:
            return due
        claimed = outbox.claim(self._store, self._wanted(free), self._clock())
        for leased in claimed:
            self._took(leased)
            self._crew.hand(leased)
        shortest = 0 if claimed else SHORTEST_SLEEP  # behind those whose endpoint is full by now may be others
        return LONGEST_SLEEP if len(claimed) == free else max(self._until_next(), shortest)

    def _until_next(self) -> float:
        with self._store.reading() as db:
            next_at = outlets.earliest(db, self._wanted(1).probes > 0)
        if next_at is None:
            return LONGEST_SLEEP
        return min((next_at - self._clock()).total_seconds(), LONGEST_SLEEP)

    def _wanted(self, most: int) -> Claim:
        with self._lock:
            flying = tuple(self._flights)
            probing = sum(flight.leased.probe for flight in self._flights.values())
        most = 0 if self._stopping.is_set() else most
        return replace(self._claim, most=most, probes=PROBES - probing, flying=flying)

    def _took(self, leased: Leased) -> None:
        with self._lock:
            self._flights[leased.dispatch.id] = _Flight(leased, self._clock())

    def _work(self, leased: Leased) -> None:
        """Sends a message, and all that this thread finds next."""
        found: Leased | None = leased
        while found is not None:
            attempt = self._sent(found)
            found = self._settled(found, attempt)

    def _sent(self, leased: Leased) -> Attempt:
        started = self._clock()
        reach("before_send")
        result = self._sender.send(leased, started)
        reach("after_send")
        return Attempt(started, self._clock(), result, self._sender.pace(leased), self._spread())

    def _settled(self, leased: Leased, attempt: Attempt) -> Leased | None:
        """Stores what came of it, however long the database is away, and takes the next message."""
        try:
            while True:
                try:
                    found = outbox.finish(self._store, leased, attempt, self._wanted(1))
                    break
                except StoreUnavailable as error:
                    log.warning("cannot note what became of message %s: %s", leased.dispatch.id, error)
                    if self._stopping.wait(AFTER_TROUBLE):
                        return None
        finally:
            with self._lock:
                self._flights.pop(leased.dispatch.id, None)
        reach("after_finish")
        for following in found:
            self._took(following)
        return found[0] if found else None

    def _give_back(self, flight: _Flight) -> None:
        try:
            outbox.give_back(self._store, flight.leased, self._claim.worker, flight.started, self._clock())
        except StoreUnavailable as error:
            log.warning("message %s is still ours until its lease ends: %s", flight.leased.dispatch.id, error)

    def _swept(self) -> bool:
        """Deletes some of what is kept no longer; whether there may be more of it."""
        now, more = self._clock(), False
        if now >= self._sweep_at and not (more := operating.sweep(self._store, now)):
            self._sweep_at = now + SWEEP_EVERY
        return more
