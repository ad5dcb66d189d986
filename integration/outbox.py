"""The outbox: hands what waits to a worker, and keeps what came of it. One transaction a message: what became of the
last one, and the next.

An outlet is leased, so that one worker at a time sends to a service, in order. A worker that dies leaves its lease to
run out; what it was sending then counts as tried, as it may have arrived. To one endpoint only so many messages are on
their way at once (S10): the outlets beyond that wait, and whoever frees a place takes the next, or rings.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter

from integration.dispatching import judging, queueing
from integration.dispatching.judging import Attempt, PutBack
from integration.outgoing import Sent
from integration.store import dispatches, outlets, wakeups
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
    until: datetime
    """When the lease ends (UTC)."""
    endpoint: str = ""


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
        awaited = _settle(db, leased, attempt, wanted.worker)
        following = _claimed(db, wanted, attempt.ended) if wanted.most else []
        if awaited and leased.endpoint not in [found.endpoint for found in following]:
            wakeups.notify(db)
    return following


def give_back(store: Store, leased: Leased, worker: str, started: datetime, now: datetime) -> None:
    """Gives a queue back while its message is still on its way, as we stop; it is no failed attempt (S16)."""
    attempt = Attempt(started, now, PutBack("stopped", "", begun=True))
    finish(store, leased, attempt, Claim(worker, most=0))


def _claimed(db: Database, wanted: Claim, now: datetime) -> list[Leased]:
    claimed, full = list[Leased](), set[str]()
    # In the order in which turns are taken.
    for outlet in sorted(outlets.due(db, now, wanted.most, wanted.probes > 0), key=attrgetter("endpoint")):
        down = outlet.health.down
        room = outlet.endpoint not in full and (not down or sum(one.probe for one in claimed) < wanted.probes)
        found = _found(db, outlet, now) if room and outlet.sending not in wanted.flying else None
        if found is None:
            continue
        until = now + wanted.lease
        if outlets.lease(db, outlet.connection, wanted.worker, until, found[0].id):
            claimed.append(Leased(*found, probe=down, until=until, endpoint=outlet.endpoint))
        else:
            full.add(outlet.endpoint)
    return claimed


def _found(db: Database, outlet: Outlet, now: datetime) -> tuple[Dispatch, Addressee] | None:
    """What is to be sent now; where there is nothing (any more), the outlet is left until there is."""
    if outlet.sending is not None:
        _count_killed(db, outlet.sending, now)
    outlets.turn(db, outlet.endpoint)
    # On PostgreSQL only a statement after the one that locked sees what was committed before the lock was ours.
    found = dispatches.head(db, outlet.connection, now, outlet.health.probe_at is not None)
    if found is None:
        outlets.settle(db, outlet.connection, outlet.health)
        return None
    return queueing.addressed(db, *found), found[1]


def _count_killed(db: Database, sending: int, now: datetime) -> None:
    dispatch = dispatches.by_id(db, sending)
    if dispatch is not None and dispatches.change(db, sending, **judging.killed(dispatch, now)):
        log.warning("a worker was lost while it sent message %s", sending)


def _settle(db: Database, leased: Leased, attempt: Attempt, worker: str) -> bool:
    """Whether others may wait for the place at the endpoint that is free now."""
    dispatch = leased.dispatch
    held = outlets.held(db, dispatch.connection)
    if held is None:
        return True  # the connection is gone, with all that waited
    outlet, full = held
    verdict = judging.judged(outlet.health, dispatch, attempt)
    ours = outlet.lease_by == worker and outlet.sending == dispatch.id
    if isinstance(attempt.result, Sent):
        dispatches.note(db, dispatch.id, **verdict.dispatch)
    else:
        changed = ours and verdict.dispatch and dispatches.change(db, dispatch.id, **verdict.dispatch)
        if not changed and "attempted_at" in verdict.dispatch:
            dispatches.note(db, dispatch.id, attempted_at=attempt.started)
    if ours:
        _save(db, outlet, verdict, attempt.ended)
        return full
    if outlet.lease_by != outlets.NOBODY or outlet.lease_until != leased.until:
        return False  # our lease had run out: the queue is another's
    # The connection was changed: what we were told says nothing of it now, only that nothing is on its way any more.
    outlets.settle(db, outlet.connection, replace(outlet.health, not_before=attempt.ended + attempt.pace))
    return full


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
    outlets.settle(db, connection, health)
