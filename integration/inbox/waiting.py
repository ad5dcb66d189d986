"""What the person says of a delivery that waits: which session it was, or that it was no stretch.

Of several reports in one body the word is for those that fit no session; where there are none, for those that are near
to a stretch; where there are none of these either, for all that do not count yet. What counts stays where it is.
"""

from collections.abc import Sequence
from datetime import date, datetime

from integration.core import placing
from integration.core.model import Person
from integration.core.placing import Placed, Unplaced
from integration.errors import Refused
from integration.inbox.admission import OF_NO_CONCERN, admit, content
from integration.inbox.kept import Kept, find, opened
from integration.inbox.replay import again, as_kept, note
from integration.ledger import Ledger
from integration.parts import Parts
from integration.record import ACCEPTED, IGNORED, Recorded, Replay, record
from integration.store import deliveries, people
from integration.store.deliveries import NOT_A_STRETCH, RELATED, Entry, Which
from webhooks.errors import Rejected
from webhooks.report import Report

PUT_AWAY = Recorded(IGNORED, NOT_A_STRETCH, "You said that it was no stretch.")
LOOKED = 50
"""How many of those that wait are looked through for what was settled."""


def settle(parts: Parts, person: Person, delivery_id: int, choice: Placed | None) -> Recorded:
    """Counts a delivery that waits for the session that the person chose, or, with None, puts it away as no stretch.

    One that does not wait stays as it is, so that saying it twice does no harm; what was put away can still be counted.
    Raises NotFound for a delivery that is not there or somebody else's, Refused for a session that cannot be and for a
    delivery that nobody can read, StoreUnavailable.
    """
    kept = find(parts, delivery_id, person.id)
    if not may_settle(kept.delivery):
        return as_kept(kept.delivery)
    same = _covered(parts, kept)
    if choice is None:
        return [put_away(parts, one) for one in (*same, kept)][-1]
    result = _placed(parts, kept, _checked(person, choice, parts.clock()))
    for one in same:
        again(parts, one)
    return result


def may_settle(entry: Entry) -> bool:
    """Whether it is for the person to say what a delivery was."""
    return entry.waits or entry.reason == NOT_A_STRETCH


def own_day(kept: Kept, reports: Sequence[Report], today: date) -> date:
    """The logical date that a delivery is most likely about: what it says itself, or else when it came."""
    plan = kept.inbound.person.plan
    moments = [placing.performed(plan, report) for report in reports]
    told = [report.date for report in reports] + [
        plan.logical_date(placing.wall_of(plan, moment)) for moment in moments if moment
    ]
    arrived = plan.today(kept.delivery.received_at)
    return next((day for day in told if day and plan.start <= day <= today), arrived)


def meant(parts: Parts, kept: Kept, reports: Sequence[Report]) -> list[Report]:
    """Those of a delivery's reports that the person's word is for; all of them where every one counts already.

    Raises StoreUnavailable.
    """
    inbound, arrival, ranked = kept.inbound, kept.delivery.received_at, list[tuple[int, Report]]()
    with parts.store.reading() as db:
        ledger = Ledger(db, inbound.person, arrival)
        for report in reports:
            if not ledger.known(inbound.connection.id, report.event_id, content(report)):
                told = admit(inbound, report, ledger, arrival, None)
                ranked.append((_rank(told.reason if isinstance(told, Unplaced) else ""), report))
    nearest = min((rank for rank, _ in ranked), default=None)
    return [report for rank, report in ranked if rank == nearest] or list(reports)


def put_away(parts: Parts, kept: Kept, told: Recorded = PUT_AWAY) -> Recorded:
    """Marks a delivery as told, so that nobody is asked of it again. What counts stays. Raises StoreUnavailable."""
    with parts.store.writing() as db:
        people.lock(db, kept.inbound.person.id)
        held = deliveries.by_id(db, kept.delivery.id) or kept.delivery
        if not may_settle(held):
            return as_kept(held)
        # Where a part of it counts, it is only the rest that was none.
        told = Recorded(ACCEPTED, None, held.message) if held.outcome == ACCEPTED else told
        deliveries.judge(db, held.id, told.outcome, told.reason, told.message)
    return told


def _placed(parts: Parts, kept: Kept, choice: Placed) -> Recorded:
    now = parts.clock()
    try:
        reports = kept.reports()
    except Rejected:
        raise Refused(
            "We could not read what it says, so it cannot count. Press Done for that session instead."
        ) from None
    wanted = meant(parts, kept, reports)
    if not wanted:
        raise Refused("It says nothing of a stretch, so it cannot count. Press Done for that session instead.")
    replayed = Replay(kept.delivery.id, now, choice)
    result = record(parts.store, kept.inbound, kept.incoming, wanted, again=replayed)
    note(parts, kept.delivery, result)
    return result


def _rank(reason: str) -> int:
    if reason == RELATED:
        return 1
    return 2 if reason in OF_NO_CONCERN or not reason else 0


def _checked(person: Person, choice: Placed, now: datetime) -> Placed:
    checked = placing.check_session(person.plan, choice, now)
    if isinstance(checked, Unplaced):
        raise Refused(checked.message)
    if choice.date > person.plan.today(now):
        raise Refused(f"{choice.date} has not come yet.")
    return checked


def _covered(parts: Parts, kept: Kept) -> list[Kept]:
    """Others that wait and say nothing more: copies, and parts of an export that is sent again and again."""
    said, connection, person = _events(kept), kept.inbound.connection, kept.inbound.person
    with parts.store.reading() as db:
        waiting = deliveries.bodies(db, Which(connection=connection.id, waits=True), LOOKED)
    others = [opened(parts, one, connection, person) for one in waiting if one.id != kept.delivery.id]
    return [other for other in others if (events := _events(other)) and events <= said]


def _events(kept: Kept) -> set[tuple[str, str]]:
    try:
        return {(report.event_id, content(report)) for report in kept.reports()}
    except Rejected:
        return set()
