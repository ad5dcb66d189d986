"""What people and operators do with the outbox: look, send again, switch on and off; and what is deleted in time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from integration.dispatching import queueing
from integration.dispatching.breaker import Health
from integration.errors import NotFound
from integration.outbox import LEASE
from integration.store import dispatches, dispatchlog, outlets, wakeups
from integration.store.dispatches import OVERTAKEN, SESSION, Dispatch, Kind, State
from integration.store.engine import Database, Store

ALL = tuple(State)
KEPT = {State.DEAD: timedelta(days=30), State.DROPPED: timedelta(days=30), State.SENT: timedelta(days=90)}
"""Webhook-reliability S12. What was sent is kept longer, so that its echo is known whenever it comes."""
AT_ONCE = 500
DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Retried:
    """Ids of messages that wait again, and sentences on those that do not, by id."""

    queued: tuple[int, ...]
    refused: tuple[tuple[int, str], ...]


def listing(store: Store, person: str | None = None, states: Iterable[State] = ALL, limit: int = 50) -> list[Dispatch]:
    """The newest messages, newest first: a person's, or everybody's. Raises StoreUnavailable."""
    with store.reading() as db:
        return dispatchlog.of_person(db, person, states, limit) if person else dispatchlog.all_in(db, states, limit)


def find(store: Store, dispatch: int) -> Dispatch:
    """The message of that id. Raises NotFound, StoreUnavailable."""
    with store.reading() as db:
        found = dispatches.by_id(db, dispatch)
    if found is None:
        raise NotFound(f"no message has the id {dispatch}; 'turntwice dispatches list' shows the newest")
    return found


def retry(store: Store, ids: Iterable[int], now: datetime) -> Retried:
    """Sends messages again under the keys that they had, whatever became of them; then wake the worker.

    Raises NotFound for an id that no message has, StoreUnavailable.
    """
    return _again(store, [find(store, dispatch) for dispatch in ids], now)


def retry_between(
    store: Store,
    connection: str,
    first: datetime,
    last: datetime,
    now: datetime,
    states: Sequence[State] = (State.DEAD,),
) -> Retried:
    """Sends again what was made for a connection in that time, if it is in one of those states. Raises as `retry`."""
    with store.reading() as db:
        made = dispatchlog.between(db, connection, first, last)
    return _again(store, [dispatch for dispatch in made if dispatch.state in states], now)


def enable(store: Store, connection: str) -> bool:
    """Switches a connection on, as if it had never failed; False for one that is on: its lease and its pauses stay.

    Raises NotFound, StoreUnavailable.
    """
    with store.writing() as db:
        outlet = outlets.locked(db, connection)
        if outlet is None:
            cure = "'turntwice connection list PERSON' shows which are"
            raise NotFound(f"no connection of the id {connection[:40]!r} is told anything; {cure}")
        if outlet.health.disabled_at is None:
            return False
        outlets.save(db, connection, Health(), dispatches.next_due(db, connection))
        wakeups.notify(db)
    return True


def disconnect(db: Database, connection: str, now: datetime) -> None:
    """Ends the outgoing half of a connection in the transaction that revokes it; its secrets are forgotten."""
    outlets.locked(db, connection)  # before its messages, as all others do: two that cross would wait for each other
    dispatches.end(db, connection, State.DROPPED, now, DISCONNECTED, "not sent: the connection was ended")
    outlets.remove(db, connection)


def sweep(store: Store, now: datetime) -> bool:
    """Deletes some of what has been kept long enough; whether there may be more of it. Raises StoreUnavailable."""
    gone = list[int]()
    with store.writing() as db:
        for state, kept in KEPT.items():
            gone += dispatchlog.over(db, state, now - kept, AT_ONCE - len(gone))
        dispatchlog.remove(db, gone)
    return len(gone) == AT_ONCE


def _again(store: Store, wanted: Sequence[Dispatch], now: datetime) -> Retried:
    queued, refused = list[int](), list[tuple[int, str]]()
    with store.writing() as db:
        # The newest first: of a session only the last word is sent again.
        for dispatch in sorted(wanted, key=attrgetter("id"), reverse=True):
            if why := _revived(db, dispatch, now):
                refused.append((dispatch.id, why))
            else:
                queued.append(dispatch.id)
        wakeups.notify(db)
    return Retried(tuple(queued[::-1]), tuple(refused[::-1]))


def _revived(db: Database, dispatch: Dispatch, now: datetime) -> str | None:
    """Makes a message wait again; or says why not."""
    outlet = outlets.locked(db, dispatch.connection)
    if outlet is None:
        return "its connection was ended"
    if outlet.health.disabled_at is not None:
        return "its connection is switched off; switch it on first"
    if outlet.sending == dispatch.id:
        return "it is being sent just now"
    if dispatch.reason == OVERTAKEN:
        return "what it says is not so any more"
    if _may_fly(dispatch, now):
        return "it may still be on its way; try again in a minute"
    others = _others(db, dispatch)
    if why := _followed(dispatch, others):
        return why
    queueing.overtake(db, others, outlet, now)
    fresh = {"state": State.WAITING, "due_at": now, "attempts": 0, "kills": 0, "finished_at": None}
    dispatches.note(db, dispatch.id, **fresh, reason=None, message="")
    if outlet.lease_by is None:
        outlets.look(db, dispatch.connection, max(now, outlet.health.not_before or now))
    return None


def _others(db: Database, dispatch: Dispatch) -> list[Dispatch]:
    """Those of which one waits at most: about the same session, or other news of the streak."""
    about = list[Dispatch]()
    if dispatch.kind in SESSION:
        about = dispatches.of_session(db, dispatch.connection, dispatch.date, dispatch.slot)
    elif dispatch.kind is Kind.EVENT:
        about = dispatches.heard(db, dispatch.connection, Kind.EVENT)
    return [held for held in about if held.id != dispatch.id]


def _followed(dispatch: Dispatch, others: Iterable[Dispatch]) -> str | None:
    """Why an earlier message is not sent again where a later one stands; None where none does."""
    later = [held for held in others if held.id > dispatch.id]
    what = f"a later message about {'that session' if dispatch.kind in SESSION else 'the streak'}"
    if any(held.state is State.WAITING for held in later):
        return f"{what} takes its place"
    if any(held.state is State.SENT or held.attempted_at is not None for held in later):
        return f"{what} went out after it; send that one again"
    return None


def _may_fly(dispatch: Dispatch, now: datetime) -> bool:
    """Whether a call may be under way since before the connection was ended; nothing is known of it any more."""
    ended = dispatch.finished_at if dispatch.reason == DISCONNECTED else None
    return ended is not None and now < ended + LEASE
