"""Our side of a comparison: each session as it stands, and what became of the messages that told a connection of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from integration import status
from integration.core.merge import Merged
from integration.core.model import PERSON, Connection, Fact
from integration.core.streaks import Run
from integration.dispatching import queueing
from integration.dispatching.telling import ANY, Session, sharing
from integration.people import find
from integration.reconciling.difference import Asked, Known, Push, Side
from integration.store import dispatches, facts
from integration.store.dispatches import Dispatch, Kind, State
from integration.store.engine import Database, Store

EARLIER = timedelta(days=30)
"""So long before the first day we look for what we heard of the same completions; the person may have put it there."""
RECENT = timedelta(minutes=10)
"""What was told so lately may not be in their history yet, nor its echo here."""


def read(db: Database, asked: Asked, now: datetime) -> dict[Session, Side]:
    """Our sessions of those dates, each as it stands at `now` (UTC)."""
    heard = facts.since(db, asked.person.id, asked.first)
    merged, spoken = status.merged_sessions(heard), _spoken(heard, asked.connection.id)
    found = dict[Session, Side]()
    for session in asked.person.plan.sessions(asked.first, asked.last):
        key = (session.date, session.slot)
        told = dispatches.of_session(db, asked.connection.id, *key)
        found[key] = Side(merged.get(key, Merged()), spoken.get(key), pushed(told, now))
    return found


def pushed(told: Sequence[Dispatch], now: datetime) -> Push:
    """What became of the messages about a session, which come newest first."""
    waiting = any(
        one.state is State.WAITING or (one.finished_at and one.attempted_at and now - one.finished_at < RECENT)
        for one in told
    )
    tried = [one for one in told if one.kind is Kind.DONE and (one.attempted_at or one.state is State.SENT)]
    standing = _standing(told)
    return Push(
        stands=queueing.decode(standing.told).done if standing else 0,
        accepted=standing is not None and standing.state is State.SENT,
        waiting=waiting,
        failures=sum(one.state is State.DEAD for one in tried),
        newest=told[0].id if told else 0,
        tried=tuple(one.id for one in tried),
        made=frozenset(one.remote for one in tried if one.remote),
        spans=tuple((one.attempted_at, one.finished_at or one.attempted_at) for one in tried if one.attempted_at),
    )


def streaks(store: Store, connection: Connection, slots: Collection[str], now: datetime) -> Mapping[str, int]:
    """How many in a row of those slots at `now` (UTC), as a connection can count them: of slots that share a habit, the
    days on which all are done, or one where that was chosen. Raises NotFound, StoreUnavailable.
    """
    if not slots:
        return {}
    person = find(store, connection.person)
    tally = status.read(store, person, now).tally
    together = tally.active if connection.settings.get("when") == ANY else tally.perfect
    alone = {slot: len(sharing(connection.settings, person, slot)) == 1 for slot in slots}
    return {slot: (tally.slots.get(slot, Run()) if alone[slot] else together).now for slot in slots}


def _standing(told: Sequence[Dispatch]) -> Dispatch | None:
    """The message by which it is done there, as far as we know."""
    for one in told:
        if one.kind is Kind.UNDONE and one.state is State.SENT:
            return None
        if one.kind is Kind.DONE and (one.attempted_at or one.state is State.SENT):
            return one
    return None


def _spoken(heard: Sequence[Fact], connection: str) -> dict[Session, datetime]:
    spoken = dict[Session, datetime]()
    for fact in heard:
        if fact.source in (PERSON, connection) and not fact.echo:
            key = (fact.date, fact.slot)
            spoken[key] = max(fact.said_at, spoken.get(key, fact.said_at))
    return spoken


def known(db: Database, asked: Asked) -> Known:
    """What the connection said before of those dates, and some weeks earlier."""
    heard = facts.since(db, asked.person.id, asked.first - EARLIER)
    mine = [fact for fact in heard if fact.source == asked.connection.id]
    return Known(frozenset(fact.event for fact in mine), tuple(f.performed_at for f in mine if f.performed_at))
