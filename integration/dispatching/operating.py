"""What people and operators do with the outbox: look, send again, switch on and off; and what is deleted in time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration.dispatching.breaker import Health
from integration.errors import NotFound
from integration.store import dispatches, dispatchlog, outlets, wakeups
from integration.store.dispatches import SESSION, Dispatch, State
from integration.store.engine import Database, Store

ALL = tuple(State)
KEPT = {State.DEAD: timedelta(days=30), State.DROPPED: timedelta(days=30), State.SENT: timedelta(days=90)}
"""Webhook-reliability S12. What was sent is kept longer, so that its echo is known by its remote id."""
AT_ONCE = 500


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


def enable(store: Store, connection: str) -> None:
    """Switches a connection on, as if it had never failed. Raises NotFound, StoreUnavailable."""
    with store.writing() as db:
        if outlets.locked(db, connection) is None:
            raise NotFound(f"no connection of the id {connection[:40]!r} is told anything")
        outlets.save(db, connection, Health(), dispatches.next_due(db, connection))
        wakeups.notify(db)


def disconnect(db: Database, connection: str, now: datetime) -> None:
    """Ends the outgoing half of a connection in the transaction that revokes it; its secrets are forgotten."""
    dispatches.end(db, connection, State.DROPPED, now, "disconnected", "not sent: the connection was ended")
    outlets.remove(db, connection)


def sweep(store: Store, now: datetime) -> int:
    """Deletes what has been kept long enough; how many messages. Raises StoreUnavailable."""
    with store.reading() as db:
        first = dispatchlog.oldest(db, AT_ONCE)
    gone = [held.id for held in first if held.finished_at and now - held.finished_at > KEPT[held.state]]
    if gone:
        with store.writing() as db:
            dispatchlog.remove(db, gone)
    return len(gone)


def _again(store: Store, wanted: Sequence[Dispatch], now: datetime) -> Retried:
    queued, refused = list[int](), list[tuple[int, str]]()
    with store.writing() as db:
        for dispatch in wanted:
            if why := _revived(db, dispatch, now):
                refused.append((dispatch.id, why))
            else:
                queued.append(dispatch.id)
        wakeups.notify(db)
    return Retried(tuple(queued), tuple(refused))


def _revived(db: Database, dispatch: Dispatch, now: datetime) -> str | None:
    """Makes a message wait again; or says why not."""
    outlet = outlets.locked(db, dispatch.connection)
    if outlet is None:
        return "its connection was ended"
    if outlet.health.disabled_at is not None:
        return "its connection is switched off; switch it on first"
    if outlet.sending == dispatch.id:
        return "it is being sent just now"
    if dispatch.kind in SESSION and _followed(db, dispatch):
        return "a later message about that session went out after it; send that one again"
    fresh = {"state": State.WAITING, "due_at": now, "attempts": 0, "kills": 0, "finished_at": None}
    dispatches.note(db, dispatch.id, **fresh, reason=None, message="")
    if outlet.lease_by is None:
        outlets.look(db, dispatch.connection, max(now, outlet.health.not_before or now))
    return None


def _followed(db: Database, dispatch: Dispatch) -> bool:
    later = dispatches.of_session(db, dispatch.connection, dispatch.date, dispatch.slot)
    return any(
        held.id > dispatch.id and (held.state in (State.WAITING, State.SENT) or held.attempted_at is not None)
        for held in later
    )
