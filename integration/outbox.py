"""The outbox: hands what waits to a worker, and keeps what came of it. One transaction a message: what became of the
last one, and the next.

An outlet is leased, so that one worker at a time sends to a service, in order. A worker that dies leaves its lease to
run out; what it was sending then counts as tried, as it may have arrived.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration.dispatching import breaker, judging
from integration.dispatching.judging import Attempt, PutBack
from integration.outgoing import Sent
from integration.store import dispatches, outlets
from integration.store.dispatches import Addressee, Dispatch, State
from integration.store.engine import Database, Store
from integration.store.outlets import Outlet

LEASE = timedelta(seconds=60)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leased:
    """A message to send, from a queue that is ours until the lease ends."""

    dispatch: Dispatch
    to: Addressee
    probe: bool
    """All else at this service waits for what becomes of it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants work.

    `worker` names one process. `most` is how many messages it can take, `probes` how many of those may go to services
    that are down. `flying`: ids of what it sends now, so that it takes none of them twice, even where a clock jumps
    past the lease.
    """

    worker: str
    most: int = 1
    probes: int = 1
    lease: timedelta = LEASE
    flying: Collection[int] = ()


def claim(store: Store, wanted: Claim, now: datetime) -> list[Leased]:
    """Messages to send now, each of another queue. Raises StoreUnavailable."""
    with store.writing() as db:
        return _claimed(db, wanted, now)


def finish(store: Store, leased: Leased, attempt: Attempt, wanted: Claim) -> list[Leased]:
    """Stores what came of a message, gives its queue back, and claims what is next. Raises StoreUnavailable."""
    with store.writing() as db:
        _settle(db, leased, attempt, wanted.worker)
        return _claimed(db, wanted, attempt.ended) if wanted.most else []


def give_back(store: Store, leased: Leased, worker: str, started: datetime, now: datetime) -> None:
    """Gives a queue back while its message is still on its way, as we stop; it is no failed attempt (S16)."""
    attempt = Attempt(started, now, PutBack("stopped", "", begun=True))
    finish(store, leased, attempt, Claim(worker, most=0))


def _claimed(db: Database, wanted: Claim, now: datetime) -> list[Leased]:
    claimed, probes = list[Leased](), wanted.probes
    for outlet in outlets.due(db, now, wanted.most, wanted.probes > 0):
        room = not outlet.health.down or probes > 0
        if room and outlet.sending not in wanted.flying and (leased := _leased(db, outlet, wanted, now)):
            claimed.append(leased)
            probes -= leased.probe
    return claimed


def _leased(db: Database, outlet: Outlet, wanted: Claim, now: datetime) -> Leased | None:
    if outlet.sending is not None:
        _count_killed(db, outlet.sending, now)
    # On PostgreSQL only a statement after the one that locked sees what was committed before the lock was ours.
    found = dispatches.head(db, outlet.connection, now, outlet.health.probe_at is not None)
    if found is None:
        look = breaker.next_look(outlet.health, dispatches.next_due(db, outlet.connection))
        outlets.save(db, outlet.connection, outlet.health, look)
        return None
    outlets.lease(db, outlet.connection, wanted.worker, now + wanted.lease, found[0].id)
    return Leased(*found, probe=outlet.health.down)


def _count_killed(db: Database, sending: int, now: datetime) -> None:
    dispatch = dispatches.by_id(db, sending)
    if dispatch is not None and dispatches.change(db, sending, **judging.killed(dispatch, now)):
        log.warning("a worker was lost while it sent message %s", sending)


def _settle(db: Database, leased: Leased, attempt: Attempt, worker: str) -> None:
    dispatch = leased.dispatch
    outlet = outlets.locked(db, dispatch.connection)
    if outlet is None:
        return  # the connection is gone, with all that waited
    verdict = judging.judged(outlet.health, dispatch, attempt)
    if isinstance(attempt.result, Sent):
        dispatches.note(db, dispatch.id, **verdict.dispatch)
    elif verdict.dispatch and not dispatches.change(db, dispatch.id, **verdict.dispatch):
        dispatches.note(db, dispatch.id, attempted_at=attempt.started)
    if outlet.lease_by != worker or outlet.sending != dispatch.id:
        return  # our lease had run out: the queue is another's now
    _save(db, outlet, verdict, attempt.ended)


def _save(db: Database, outlet: Outlet, verdict: judging.Verdict, now: datetime) -> None:
    health, connection = verdict.health, outlet.connection
    if verdict.hasten and verdict.hasten <= now:
        dispatches.release(db, connection)
    elif verdict.hasten:
        dispatches.hasten(db, connection, verdict.hasten)
    if health.disabled_at and not outlet.health.disabled_at:
        dispatches.end(db, connection, State.DEAD, now, "disabled", "not sent: the connection is switched off")
        log.warning("connection %s is switched off: %s", connection, health.disabled_why)
    elif health.noticed > outlet.health.noticed:
        log.warning("connection %s has failed %s times since %s", connection, health.failures, health.failing_since)
    outlets.save(db, connection, health, breaker.next_look(health, dispatches.next_due(db, connection)))
