"""What the person's other services must hear when sessions changed: one message for each that does not know it yet.

Never back to who said it, nor to a service that is evidence for it already. Two sessions that are mapped to one remote
habit are told of together: as a number, or as one tick that stands once both are done. Source: DESIGN section 8; spec:
streaks section 8 rule 5; webhook-reliability S13.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from calendar_export.zones import zone
from integration import status
from integration.connecting.kinds import slots_of
from integration.core.merge import Merged
from integration.core.model import Connection, Person, State
from integration.dispatching import queueing
from integration.dispatching.queueing import UNKNOWN, Message, Snapshot
from integration.service import services
from integration.store import echoes, outlets
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
    before = {change.session: change.before for change in changed}
    for told in everybody:
        messages = [_message(db, told, person, change, before, merged, now) for change in changed]
        # Sessions that share a habit are told of in one message, however many of them changed.
        for message in {(one.date, one.slot): one for one in messages if one}.values():
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


def _message(
    db: Database,
    told: Told,
    person: Person,
    change: Change,
    before: Mapping[Session, Merged],
    merged: Callable[[Session], Merged],
    now: datetime,
) -> Message | None:
    service, (day, slot) = services().get(told.service), change.session
    if service is None or told.connection in change.sources or told.connection in change.after.evidence:
        return None
    able = service.ABILITIES
    if able.habits and not _done(change.after):
        told = _as_told(db, told, person, change.session)
    if able.habits and not told.settings.get(slot):
        return None
    slots = sharing(told.settings, person, slot) if able.holds != "sessions" else (slot,)
    after = {one: merged((day, one)) for one in slots}
    earlier = [before.get((day, one), standing) for one, standing in after.items()]
    was, count = (_held(told, able.holds, sessions) for sessions in (earlier, [*after.values()]))
    if was == count or (able.holds == "tick" and was and count):
        return None
    there = was if not was or all(told.connection in one.evidence for one in earlier if _done(one)) else UNKNOWN
    done, cause = sum(map(_done, after.values())), {"cause": change.cause} if change.cause else {}
    habit, at = told.settings.get(slot), _when(person, change, now)
    said = Snapshot(at, now, habit, done, due(told.settings, slots), cause, there, count < was)
    return Message(told.connection, Kind.DONE if count else Kind.UNDONE, day, slots[0], said)


def _as_told(db: Database, told: Told, person: Person, session: Session) -> Told:
    """With the mapping for what takes a session back: to the habit that was told of it, whatever is chosen now."""
    day, slot = session
    shared = sharing(told.settings, person, slot)
    last = echoes.last_word(db, told.connection, day, {slot, shared[0]})
    said = queueing.decode(last.told) if last and last.kind is Kind.DONE else None
    if said is None or not said.habit:
        return told
    # A tick that stood for one session may stand for another one by now, and then it stays.
    moved = {"when": ANY, slot: said.habit} if said.due == 1 else dict.fromkeys(shared, said.habit)
    return replace(told, settings={**told.settings, **moved})


def _held(told: Told, holds: str, sessions: Sequence[Merged]) -> int:
    """How many of the sessions that share a habit it holds as done: of a tick that does not stand, none."""
    done = [_done(one) for one in sessions]
    ticked = any(done) if told.settings.get("when") == ANY else all(done)
    return sum(done) if holds != "tick" or ticked else 0


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
    """Queues `streak.changed`, unless that connection was told of the same streaks last. The first one tells it where
    they stand, whether or not they moved just now: it knows none yet.
    """
    extra = {"type": STREAK_CHANGED, **streaks}
    if queueing.last_event(db, told.connection) != extra:
        day, slot = change.session
        snapshot = Snapshot(_when(person, change, now), now, told.settings.get(slot), extra=extra)
        queueing.queue(db, Message(told.connection, Kind.EVENT, day, slot, snapshot), now)


def sharing(settings: Mapping[str, str], person: Person, slot: str) -> tuple[str, ...]:
    """The slots of the plan that are mapped to the same remote habit, in the order of the day."""
    habit = settings.get(slot)
    return tuple(one for one in slots_of(person.plan) if one == slot or (habit and settings.get(one) == habit))


def due(settings: Mapping[str, str], slots: Sequence[str]) -> int:
    """How many of the sessions that share a habit must be done for one tick to stand, as services/* compare it."""
    return 1 if settings.get("when") == ANY else len(slots)


def _done(merged: Merged) -> bool:
    return merged.state is State.DONE


def _when(person: Person, change: Change, now: datetime) -> datetime:
    """When it was done, or taken back, by the person's own clock."""
    at = change.after.done_at or now
    return at.astimezone(zone(person.plan.zone_at(at)))
