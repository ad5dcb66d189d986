"""The one way a completion enters: place, store, count, in one transaction. It never calls another service.

What a provider reported enters by `record`, what the person says on our own pages by `tell`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from integration.core import placing
from integration.core.model import PERSON, Connection, Fact, FactKind, Person, State
from integration.core.placing import Placed, Unplaced
from integration.errors import Refused
from integration.keys import random_id
from integration.ledger import Ledger, Session
from integration.store import deliveries, people
from integration.store.engine import Database, Store
from webhooks.report import Incoming, Kind, Report

ACCEPTED, IGNORED, DUPLICATE, QUARANTINED = "accepted", "ignored", "duplicate", "quarantined"
KEPT_HEADERS = ("content-type", "webhook-id", "webhook-timestamp")
"""What is needed to judge a delivery again; never what proves it or could open anything."""
_SAID = {State.DONE: "done", State.SKIPPED: "skipped", State.HURT: "stopped because it hurt", None: "open"}


@dataclass(frozen=True, slots=True)
class Inbound:
    """A live connection that a request named, its person, and the opened secrets that may prove the request.

    `realtime`: the service reports at once, so the arrival may stand in for a missing time. `mixed`: it reports other
    habits too, so that one which nobody mapped is ours only if its name says so.
    """

    connection: Connection
    person: Person
    realtime: bool
    mixed: bool
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a delivery: an outcome, a reason label unless accepted, a sentence, the sessions it touched."""

    outcome: str
    reason: str | None
    message: str
    sessions: Mapping[Session, State | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replay:
    """A kept delivery that is judged again at `now` (UTC), long after it came."""

    delivery: int
    now: datetime


def record(
    store: Store, inbound: Inbound, incoming: Incoming, reports: Sequence[Report], again: Replay | None = None
) -> Recorded:
    """Stores a proved delivery and all that its reports say; on disk when this returns.

    Raises StoreUnavailable, then nothing is stored.
    """
    fresh, copies = list[Fact](), list[Fact]()
    unplaced: Unplaced | None = None
    with store.writing() as db:
        people.lock(db, inbound.person.id)
        ledger = Ledger(db, inbound.person, again.now if again else incoming.received_at)
        for report in reports:
            fact = _judge(inbound, report, ledger, incoming.received_at)
            if isinstance(fact, Unplaced):
                unplaced = fact
            elif held := ledger.held(fact):
                copies.append(held)
            else:
                ledger.enter(fact)
                fresh.append(fact)
        after = ledger.states((fact.date, fact.slot) for fact in fresh or copies)
        result = _result(bool(fresh), after, unplaced)
        if again is None:
            ledger.save(_keep(db, inbound.connection.id, incoming, result))
        elif fresh:
            deliveries.judge(db, again.delivery, result.outcome, result.reason, result.message)
            ledger.save(again.delivery)
    return result


def tell(
    store: Store, person: Person, session: Placed, kind: FactKind, now: datetime, reason: str | None = None
) -> State | None:
    """What the person says of a session on our pages; saying it again changes nothing. Returns its state then.

    Raises Refused when the plan has no such session or its day has not come, StoreUnavailable.
    """
    checked = placing.check_session(person.plan, session, now)
    if isinstance(checked, Unplaced):
        raise Refused(checked.message)
    if session.date > person.plan.today(now):
        raise Refused(f"{session.date} has not come yet.")
    with store.writing() as db:
        people.lock(db, person.id)
        ledger, key = Ledger(db, person, now), (session.date, session.slot)
        # A word that changes nothing now still counts for what may come late: an undo is a wall.
        if ledger.last_word(key) is not kind:
            ledger.enter(Fact(PERSON, random_id(), kind, session.slot, session.date, now, now, reason=reason))
            ledger.save(None)
        after = ledger.merged(key)
    return after.state


def refuse(store: Store, connection: str, incoming: Incoming, reason: str, message: str) -> None:
    """Keeps a delivery that was proved but could not be read, so that it can be judged again."""
    with store.writing() as db:
        _keep(db, connection, incoming, Recorded(QUARANTINED, reason, message))


def _judge(inbound: Inbound, report: Report, ledger: Ledger, now: datetime) -> Fact | Unplaced:
    plan, connection = inbound.person.plan, inbound.connection
    slots = {slot.name for version in plan.versions for slot in version.slots}
    mapping = {slot: habit for slot, habit in connection.settings.items() if slot in slots}
    mapped = placing.mapped_slots(mapping, report)
    if mapping and report.habit and not mapped:
        return Unplaced("another_habit", "That habit is not one of those chosen for this connection.")
    if inbound.mixed and not mapping and not placing.sounds_like_a_stretch(report):
        return Unplaced("unmapped_habit", "Say which habit is the morning and which the evening stretch.")
    placed = placing.place(plan, report, mapped[0] if len(mapped) == 1 else None, now, inbound.realtime)
    if isinstance(placed, Unplaced):
        return placed
    if report.kind is Kind.UNDONE and not (report.performed or report.slot or mapped):
        # It names no session and no time: what it takes back is what it said last, not what the clock says now.
        day, slot = ledger.last_done(connection.id, placed.date) or (placed.date, placed.slot)
        placed = Placed(slot, day)
    return _fact(connection.id, report, placed, now)


def _fact(source: str, report: Report, placed: Placed, now: datetime) -> Fact:
    said = (report.kind, report.said_at, report.performed, report.slot, report.date, report.habit)
    extra = (report.duration_seconds, report.note)
    return Fact(
        source=source,
        event=report.event_id,
        kind=FactKind(report.kind),
        slot=placed.slot,
        date=placed.date,
        said_at=report.said_at or now,
        received_at=now,
        performed_at=report.performed.at if report.performed else None,
        duration_seconds=report.duration_seconds,
        note=report.note,
        content=hashlib.sha256(repr(said + extra).encode()).hexdigest(),
    )


def _result(fresh: bool, after: Mapping[Session, State | None], unplaced: Unplaced | None) -> Recorded:
    told = " ".join(f"The {slot} of {day:%A} {day} is {_SAID[state]}." for (day, slot), state in after.items())
    if fresh:
        return Recorded(ACCEPTED, None, told, after)
    if after:
        return Recorded(DUPLICATE, "same_event", f"Heard before. {told}", after)
    if unplaced:
        outcome = IGNORED if unplaced.reason == "another_habit" else QUARANTINED
        return Recorded(outcome, unplaced.reason, unplaced.message)
    return Recorded(IGNORED, "no_completion", "Nothing in it is a completion.")


def _keep(db: Database, connection: str, incoming: Incoming, result: Recorded) -> int:
    outcome = (result.outcome, result.reason, result.message)
    headers = {name: incoming.headers[name] for name in KEPT_HEADERS if name in incoming.headers}
    return deliveries.add(db, connection, incoming.received_at, outcome, headers, incoming.body)
