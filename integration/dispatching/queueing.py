"""Puts messages into the outbox, in the transaction that makes them true (webhook-reliability S1).

A session has one waiting message at most at each connection: what is said later takes the place of what still waits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import msgspec

from integration.failpoints import reach
from integration.service import services
from integration.store import dispatches, echoes, outlets, wakeups
from integration.store.dispatches import OVERTAKEN, SESSION, Addressee, Dispatch, Kind, State
from integration.store.engine import Database
from integration.store.outlets import Outlet

REPLACED = "a later message took its place"
UNKNOWN = -1
"""How many sessions are done at a service that may or may not have heard our last message, or that we never told."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a message says, the same at every attempt: the fields of outgoing.Told that bear these names.

    Of a message `done` the habit is the one that the connection names when it is sent, so that a mended mapping holds;
    `habit` stands in where it names none. An `undone`, and a number that is `lowered`, take back what `habit` names.

    `was` is how many sessions were done there before it, or UNKNOWN, so that what is taken back unsent leaves the
    service right as it is. None: none before a `done`, one before an `undone`.
    """

    at: datetime
    said_at: datetime
    habit: str | None = None
    done: int = 1
    due: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)
    was: int | None = None
    lowered: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell a connection of a session: `date` and `slot`. `remote`: for FETCH, the id to get."""

    connection: str
    kind: Kind
    date: date
    slot: str
    told: Snapshot
    remote: str | None = None


def queue(db: Database, message: Message, now: datetime) -> str | None:
    """Adds a message; its idempotency key. Once the transaction is committed, wake the worker.

    None where there is nothing to send: the connection wants to be told nothing (any more), or what the message takes
    back was never sent, and now never is.
    """
    outlet = outlets.locked(db, message.connection)
    if outlet is None:
        return None
    earlier = _earlier(db, message)
    waiting = [held for held in earlier if held.state is State.WAITING]
    there = _there(message, earlier, waiting, outlet)
    unneeded = message.kind in SESSION and bool(waiting) and there == _done(message.kind, message.told)
    why = "taken back before it was sent" if unneeded else REPLACED
    overtake(db, waiting, outlet, now, why)
    key = None if unneeded else _add(db, message, there, outlet, now)
    if outlet.lease_by is None:
        outlets.look(db, message.connection, _next_look(outlet, now))
    wakeups.notify(db)
    reach("before_commit")
    return key


def last_event(db: Database, connection: str) -> Mapping[str, Any] | None:
    """What the last event told a connection, or will; None where there was none, or it was given up."""
    last = dispatches.last(db, connection, Kind.EVENT)
    return decode(last.told).extra if last and last.state is not State.DEAD else None


def overtake(db: Database, earlier: Iterable[Dispatch], outlet: Outlet, now: datetime, why: str = REPLACED) -> None:
    """Drops those messages of one outlet that still wait, as a later one says how it is.

    What is on its way now is dropped too: if it arrives, it counts as sent all the same. What the service would not
    have never comes back.
    """
    ended = {"state": State.DROPPED, "finished_at": now, "reason": OVERTAKEN, "message": f"not sent: {why}"}
    for held in earlier:
        if held.state is State.WAITING:
            refused = held.id != outlet.sending and echoes.was_refused(held.reason)
            dispatches.change(db, held.id, **ended, **({"echoed": True} if refused else {}))


def decode(told: str) -> Snapshot:
    """What a stored message says."""
    return msgspec.json.decode(told, type=Snapshot)


def addressed(db: Database, dispatch: Dispatch, to: Addressee) -> Dispatch:
    """A message as it sets out: a `done` keeps the habit that the connection names now, so that an undo finds it."""
    service, said = services().get(to.service), decode(dispatch.told)
    if service is None or not service.ABILITIES.habits or dispatch.kind is not Kind.DONE or said.lowered:
        return dispatch
    named = msgspec.json.decode(to.settings, type=dict[str, str]).get(dispatch.slot)
    if not named or named == said.habit:
        return dispatch
    told = msgspec.json.encode(replace(said, habit=named)).decode()
    dispatches.change(db, dispatch.id, told=told)
    return replace(dispatch, told=told)


def _earlier(db: Database, message: Message) -> list[Dispatch]:
    """The messages whose place this one may take, and of a session also what went out before; newest first."""
    if message.kind in SESSION:
        return dispatches.of_session(db, message.connection, message.date, message.slot)
    waiting = dispatches.waiting(db, message.connection, message.kind)
    return [held for held in waiting if held.remote == message.remote]


def _there(message: Message, earlier: Sequence[Dispatch], waiting: Sequence[Dispatch], outlet: Outlet) -> int:
    """How many sessions are done at the service now, whatever still waits; or UNKNOWN, also of another habit."""
    known = next((held for held in earlier if _may_be_known(held, outlet)), None)
    if known is not None:
        said = decode(known.told)
        sure = known.state is State.SENT and said.habit == message.told.habit
        return _done(known.kind, said) if sure else UNKNOWN
    first, told = (waiting[-1].kind, decode(waiting[-1].told)) if waiting else (message.kind, message.told)
    return int(first is Kind.UNDONE) if told.was is None else told.was


def _done(kind: Kind, told: Snapshot) -> int:
    """How many sessions a message says are done. An `undone` may tell of one that is left, which ticks nothing."""
    return told.done if kind is Kind.DONE else 0


def _may_be_known(held: Dispatch, outlet: Outlet) -> bool:
    """Whether the service may have heard it: it was tried, or is on its way now."""
    return held.attempted_at is not None or held.id == outlet.sending


def _add(db: Database, message: Message, there: int, outlet: Outlet, now: datetime) -> str:
    off = outlet.health.disabled_at is not None
    made = Dispatch(
        id=0,
        connection=message.connection,
        key=f"tt_{uuid4().hex}",
        kind=message.kind,
        date=message.date,
        slot=message.slot,
        told=msgspec.json.encode(replace(message.told, was=there)).decode(),
        state=State.DEAD if off else State.WAITING,
        due_at=now,
        attempts=0,
        kills=0,
        attempted_at=None,
        created_at=now,
        finished_at=now if off else None,
        remote=message.remote,
        reason="disabled" if off else None,
        message="not sent: the connection is switched off" if off else "",
    )
    dispatches.add(db, made)
    return made.key


def _next_look(outlet: Outlet, now: datetime) -> datetime | None:
    health = outlet.health
    if health.disabled_at is not None:
        return None
    if health.down and outlet.next_at is not None:
        return outlet.next_at  # the next probe is soon enough
    ready = max(now, health.not_before or now)
    return min(ready, outlet.next_at or ready)
