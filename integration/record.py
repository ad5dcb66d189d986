"""The one way a completion enters: place, store, count, in one transaction. It never calls another service.

What a provider reported enters by `record`, what the person says on our own pages by `tell`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from integration.core import placing
from integration.core.model import PERSON, Fact, FactKind, Person, State
from integration.core.placing import Placed, Unplaced
from integration.dispatching import telling
from integration.errors import Refused
from integration.inbox import wording
from integration.inbox.admission import OF_NO_CONCERN, RELATED, Inbound, heard_at
from integration.inbox.entering import Entering, Told, contents
from integration.keys import random_id
from integration.ledger import Ledger, Reading, Session
from integration.store import deliveries, people
from integration.store.engine import Database, Store
from webhooks.report import Incoming, Notice, Report

ACCEPTED, IGNORED, DUPLICATE, QUARANTINED = "accepted", "ignored", "duplicate", "quarantined"
CE = ("ce-specversion", "ce-type", "ce-source", "ce-id", "ce-time")
KEPT_HEADERS = ("content-type", "webhook-id", "webhook-timestamp", *CE)
"""What is needed to judge a delivery again; never what proves it or could open anything."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a delivery: an outcome, a reason label unless accepted, a sentence, the sessions it touched."""

    outcome: str
    reason: str | None
    message: str
    sessions: Mapping[Session, State | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replay:
    """A kept delivery that is judged again at `now` (UTC), long after it came; `choice` is where the person put it."""

    delivery: int
    now: datetime
    choice: Placed | None = None


def record(
    store: Store,
    inbound: Inbound,
    incoming: Incoming,
    reports: Sequence[Report],
    notices: Sequence[Notice] = (),
    again: Replay | None = None,
) -> Recorded:
    """Stores a proved delivery and all that its reports say; on disk when this returns. What it only announces is
    queued to be fetched.

    Raises StoreUnavailable, then nothing is stored.
    """
    with store.writing() as db:
        people.lock(db, inbound.person.id)
        return enter(db, inbound, incoming, reports, notices, again)


def enter(
    db: Database,
    inbound: Inbound,
    incoming: Incoming,
    reports: Sequence[Report],
    notices: Sequence[Notice] = (),
    again: Replay | None = None,
) -> Recorded:
    """As `record`, in a transaction that has locked the person."""
    ledger = _ledger(db, inbound.person, incoming, reports, again)
    choice = again.choice if again else None
    entering = Entering(inbound, reports, ledger, incoming.received_at, again is not None, choice)
    result = _result(inbound, entering.told(), ledger, incoming.received_at)
    if notices and not reports:
        result = _announced(telling.ask(db, inbound.connection, inbound.person, notices, ledger.now), inbound)
    if again is None:
        ledger.save(_keep(db, inbound.connection.id, incoming, result))
    elif result.outcome == ACCEPTED:
        deliveries.judge(db, again.delivery, result.outcome, result.reason, result.message)
        ledger.save(again.delivery)
    return result


def tell(
    store: Store, person: Person, session: Placed, kind: FactKind, now: datetime, reason: str | None = None
) -> State | None:
    """What the person says of a session on our pages; saying it again changes nothing. Returns its state then.

    Raises Refused when the plan has no such session or its day has not come, StoreUnavailable.
    """
    checked = placing.check_lived(person.plan, session, now)
    if isinstance(checked, Unplaced):
        raise Refused(checked.message)
    with store.writing() as db:
        people.lock(db, person.id)
        ledger, key = Ledger(db, person, now), (session.date, session.slot)
        # A word that changes nothing now still counts for what may come late: an undo is a wall. Where a service said
        # done since, the same undo is a new wall.
        undoes = kind is FactKind.UNDONE and ledger.merged(key).state is not None
        if undoes or ledger.last_word(key) is not kind:
            told = Fact(PERSON, random_id(), kind, session.slot, session.date, now, now, reason=reason)
            ledger.enter(replace(told, said_at=heard_at(ledger, told, now)))
            ledger.save(None)
        after = ledger.merged(key)
    return after.state


def refuse(db: Database, connection: str, incoming: Incoming, reason: str, message: str) -> None:
    """Keeps a delivery that was proved but could not be read, so that it can be judged again."""
    _keep(db, connection, incoming, Recorded(QUARANTINED, reason, message))


def _result(inbound: Inbound, told: Sequence[Told], ledger: Ledger, came: datetime) -> Recorded:
    fresh = [(one.report, one.became) for one in told if one.new and isinstance(one.became, Fact)]
    heard = fresh or [(one.report, one.became) for one in told if isinstance(one.became, Fact)]
    after = ledger.states((fact.date, fact.slot) for _, fact in heard)
    unplaced = [(one.became, one.report) for one in told if isinstance(one.became, Unplaced)]
    left, about = min(unplaced, key=lambda each: _pressing(each[0]), default=(None, None))
    asked = left if left and _pressing(left) < 2 else None
    if after:
        report, fact = heard[0]
        said = wording.said(inbound.connection.label, report, inbound.person.plan, fact.kind)
        words = [said, *wording.states(after, ledger.today)]
        if fresh:
            # Of several reports some count and one waits: the reason is that of the one that waits.
            return Recorded(ACCEPTED, asked.reason if asked else None, " ".join(words), after)
        if asked is None:
            return Recorded(DUPLICATE, "same_event", " ".join(["Heard before.", *words[1:]]), after)
    if left is None or about is None:
        return Recorded(IGNORED, "no_completion", "Nothing in it is a completion.")
    message = wording.left(inbound.connection.label, about, inbound.person.plan, came, left)
    return Recorded(IGNORED if left.reason in OF_NO_CONCERN else QUARANTINED, left.reason, message)


def _pressing(why: Unplaced) -> int:
    """What waits for the person comes before what they may choose, and that before what needs nobody."""
    if why.reason not in OF_NO_CONCERN:
        return 0
    return 1 if why.reason == RELATED.reason else 2


def _ledger(
    db: Database, person: Person, incoming: Incoming, reports: Sequence[Report], again: Replay | None
) -> Ledger:
    if again is None:
        return Ledger(db, person, incoming.received_at)
    # Where the person chooses, what was read of the rest stays as it was.
    reading = None if again.choice else Reading(again.delivery, contents(reports))
    return Ledger(db, person, again.now, reading)


def _announced(asked: bool, inbound: Inbound) -> Recorded:
    label = inbound.connection.label
    if asked:
        return Recorded(IGNORED, "announced", f"{label} announced something; we ask what it was.")
    cure = "give its key to this connection, so that we can ask"
    return Recorded(QUARANTINED, "not_asked", f"{label} announced something, but not what it was; {cure}.")


def _keep(db: Database, connection: str, incoming: Incoming, result: Recorded) -> int:
    outcome = (result.outcome, result.reason, result.message)
    headers = {name: incoming.headers[name] for name in KEPT_HEADERS if name in incoming.headers}
    return deliveries.add(db, connection, incoming.received_at, outcome, headers, incoming.body)
