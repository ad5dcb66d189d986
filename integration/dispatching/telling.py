"""What the person's other services must hear when sessions changed: one message for each that does not know it yet.

Never back to who said it, nor to a service that is evidence for it already. Two sessions that are mapped to one remote
habit are told of together: as a number, or as one tick that stands once both are done. Source: DESIGN section 8; spec:
streaks section 8 rule 5; webhook-reliability S13.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from calendar_export.zones import zone
from integration import status
from integration.core.merge import Merged
from integration.core.model import Connection, Person, State
from integration.dispatching import queueing
from integration.dispatching.queueing import Message, Snapshot
from integration.service import services
from integration.store import outlets
from integration.store.dispatches import Kind
from integration.store.engine import Database
from integration.store.outlets import Told
from webhooks.report import Notice

Session = tuple[date, str]
NOTHING = Merged()
STREAK_CHANGED = "streak.changed"
ANY = "any"
"""The setting `when` of a connection whose one tick stands as soon as one of its sessions is done."""


@dataclass(frozen=True, slots=True)
class Change:
    """A session before and after. `sources` are those whose word it was, `cause` the id of the message it came by."""

    session: Session
    before: Merged
    after: Merged
    sources: frozenset[str]
    cause: str | None = None


def tell(
    db: Database, person: Person, changes: list[Change], merged: Callable[[Session], Merged], now: datetime
) -> None:
    """Queues what follows from the changes of one transaction. `merged` gives any session as it stands now."""
    changed = [one for one in changes if _done(one.before) != _done(one.after)]
    everybody = outlets.of(db, person.id) if changed else []
    streaks = _streaks(db, person, now) if any(_wants_events(told) for told in everybody) else {}
    for told in everybody:
        for change in changed:
            for message in _messages(told, person, change, merged, now):
                queueing.queue(db, message, now)
        # Who told us keeps the same streak already.
        if _wants_events(told) and told.connection not in changed[-1].sources:
            _tell_streak(db, person, told, streaks, changed[-1], now)


def ask(db: Database, connection: Connection, person: Person, notices: Sequence[Notice], now: datetime) -> bool:
    """Queues the fetching of what a service announced; False where it cannot be asked, for want of a key."""
    if not connection.outgoing:
        return False
    today = person.plan.today(now)
    for notice in notices:
        what = Message(connection.id, Kind.FETCH, today, "", Snapshot(now, now), remote=notice.id)
        queueing.queue(db, what, now)
    return True


def _messages(
    told: Told, person: Person, change: Change, merged: Callable[[Session], Merged], now: datetime
) -> Iterator[Message]:
    service = services().get(told.service)
    (day, slot), habit = change.session, told.settings.get(change.session[1])
    if service is None or told.connection in change.sources or told.connection in change.after.evidence:
        return
    if service.ABILITIES.habits and not habit:
        return
    slots = sharing(told.settings, person, slot) if service.ABILITIES.holds != "sessions" else (slot,)
    was, count = ({one: _done(merged((day, one))) for one in slots} | {slot: done} for done in _ends(change))
    if service.ABILITIES.holds == "tick" and _ticked(told, was) == _ticked(told, count):
        return
    done = sum(count.values())
    holds = _ticked(told, count) if service.ABILITIES.holds == "tick" else done > 0
    cause = {"cause": change.cause} if change.cause else {}
    snapshot = Snapshot(_when(person, change, now), now, habit, done, len(slots), extra=cause)
    yield Message(told.connection, Kind.DONE if holds else Kind.UNDONE, day, slots[0], snapshot)


def _wants_events(told: Told) -> bool:
    service = services().get(told.service)
    return service is not None and service.ABILITIES.events


def _streaks(db: Database, person: Person, now: datetime) -> Mapping[str, Any]:
    """The streaks as they are published; to count them takes longer than all the rest, so it is done once."""
    numbers = status.as_json(status.counted(db, person, now))
    return {name: numbers[name] for name in ("active", "perfect", "slots", "best_active")}


def _tell_streak(
    db: Database, person: Person, told: Told, streaks: Mapping[str, Any], change: Change, now: datetime
) -> None:
    """Queues `streak.changed`, unless that connection was told of the same streaks last."""
    extra = {"type": STREAK_CHANGED, **streaks}
    if queueing.last_event(db, told.connection) != extra:
        (day, slot), snapshot = change.session, Snapshot(_when(person, change, now), now, extra=extra)
        queueing.queue(db, Message(told.connection, Kind.EVENT, day, slot, snapshot), now)


def sharing(settings: Mapping[str, str], person: Person, slot: str) -> tuple[str, ...]:
    """The slots of the plan that are mapped to the same remote habit, in the order of the day."""
    habit = settings.get(slot)
    named = dict.fromkeys(one.name for version in person.plan.versions for one in version.slots)
    return tuple(one for one in named if one == slot or (habit and settings.get(one) == habit))


def _ends(change: Change) -> tuple[bool, bool]:
    return _done(change.before), _done(change.after)


def _ticked(told: Told, done: Mapping[str, bool]) -> bool:
    return any(done.values()) if told.settings.get("when") == ANY else all(done.values())


def _done(merged: Merged) -> bool:
    return merged.state is State.DONE


def _when(person: Person, change: Change, now: datetime) -> datetime:
    """When it was done, or taken back, by the person's own clock."""
    at = change.after.done_at or now
    return at.astimezone(zone(person.plan.zone_at(at)))
