"""What the person says of a delivery that waits: which session it was, or that it was no stretch.

Of several reports in one body the word is for those that fit no session; where there are none, for those that are near
to a stretch; where there are none of these either, for all that do not count yet. What counts stays where it is. The
word holds for the events, however often and in what words they are told again.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta

from integration.connecting.kinds import slots_of
from integration.core import placing
from integration.core.model import Person
from integration.core.placing import Placed, Unplaced
from integration.errors import Refused
from integration.inbox import wording
from integration.inbox.admission import OF_NO_CONCERN, admit, content
from integration.inbox.entering import Entering
from integration.inbox.kept import Kept, find, following
from integration.inbox.replay import again, as_kept, note
from integration.ledger import Ledger
from integration.parts import Parts
from integration.record import ACCEPTED, IGNORED, Recorded, Replay, record
from integration.store import deliveries, people, remembered
from integration.store.deliveries import NOT_A_STRETCH, RELATED, Entry, Which
from webhooks.errors import Rejected
from webhooks.report import Report

PUT_AWAY = Recorded(IGNORED, NOT_A_STRETCH, "You said that it was no stretch.")
ONE_DAY = timedelta(days=1)


def settle(parts: Parts, person: Person, delivery_id: int, choice: Placed | None) -> Recorded:
    """Counts a delivery that waits for the session that the person chose, or, with None, puts it away as no stretch.

    One that does not wait stays as it is, so that saying it twice does no harm; what was put away can still be counted.
    Raises NotFound for a delivery that is not there or somebody else's, Refused for a session that cannot be and for a
    delivery that nobody can read, StoreUnavailable.
    """
    kept = find(parts, delivery_id, person.id)
    if not may_settle(kept.delivery):
        return as_kept(kept.delivery)
    if choice is None:
        return _no_stretch(parts, kept)
    same = _covered(parts, kept)
    result = _placed(parts, kept, _checked(person, choice, parts.clock()))
    for one in same:
        again(parts, one)
    return result


def may_settle(entry: Entry) -> bool:
    """Whether it is for the person to say what a delivery was."""
    return entry.waits or entry.reason == NOT_A_STRETCH


def own_days(kept: Kept, reports: Sequence[Report], today: date) -> tuple[date, ...]:
    """The logical dates that a delivery is most likely about: what it says itself, or else when it came; with the day
    before where its session had not begun. None where it tells of days that have not come or that the plan never had.
    """
    plan = kept.inbound.person.plan
    told = [day for report in reports if (day := wording.told_day(report, plan))]
    likely = told or [plan.today(kept.delivery.received_at)]
    held = [day for day in likely if max(plan.start, today - placing.OLDEST) <= day <= today][:1]
    if held and kept.delivery.reason == placing.TOO_EARLY and held[0] > plan.start:
        held.insert(0, held[0] - ONE_DAY)
    return tuple(held)


def own_slots(kept: Kept, reports: Sequence[Report]) -> tuple[str, ...]:
    """The slots that a delivery may be of: where its session had not begun that of its habit, else any."""
    mapping, early = kept.inbound.mapping, kept.delivery.reason == placing.TOO_EARLY
    named = [slot for report in reports for slot in placing.mapped_slots(mapping, report)] if early else []
    return tuple(named) or slots_of(kept.inbound.person.plan)


def meant(parts: Parts, kept: Kept, reports: Sequence[Report]) -> list[Report]:
    """Those of a delivery's reports that the person's word is for; all of them where every one counts or was settled.

    Raises StoreUnavailable.
    """
    return _undecided(parts, kept, reports) or list(reports)


def _undecided(parts: Parts, kept: Kept, reports: Sequence[Report]) -> list[Report]:
    inbound, arrival, ranked = kept.inbound, kept.delivery.received_at, list[tuple[int, Report]]()
    with parts.store.reading() as db:
        ledger = Ledger(db, inbound.person, arrival)
        entering = Entering(inbound, reports, ledger, arrival)
        for report in reports:
            counts = ledger.known(inbound.connection.id, report.event_id, content(report))
            if not counts and not entering.settled(report):
                told = admit(inbound, report, ledger, arrival, None)
                ranked.append((_rank(told.reason if isinstance(told, Unplaced) else ""), report))
    nearest = min((rank for rank, _ in ranked), default=None)
    return [report for rank, report in ranked if rank == nearest]


def _no_stretch(parts: Parts, kept: Kept) -> Recorded:
    """Puts a delivery away with all that wait and tell of nothing else, and those that tell of it yet."""
    covered = _covered(parts, kept)
    with suppress(Rejected):
        wanted = _undecided(parts, kept, kept.reports())
        with parts.store.writing() as db:
            events = [report.event_id for report in wanted]
            remembered.put_away(db, kept.inbound.connection.id, events, parts.clock())
    return [put_away(parts, one) for one in (*covered, kept)][-1]


def put_away(parts: Parts, kept: Kept, told: Recorded = PUT_AWAY) -> Recorded:
    """Marks a delivery as told, so that nobody is asked of it again. What counts stays: where that is all of it, gives
    what it was judged to be before. Raises StoreUnavailable.
    """
    with parts.store.writing() as db:
        people.lock(db, kept.inbound.person.id)
        held = deliveries.by_id(db, kept.delivery.id) or kept.delivery
        if not may_settle(held):
            return as_kept(held)
        # Where a part of it counts, it is only the rest that was none.
        stays = Recorded(ACCEPTED, None, held.message) if held.outcome == ACCEPTED else told
        deliveries.judge(db, held.id, stays.outcome, stays.reason, stays.message)
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
    checked = placing.check_lived(person.plan, choice, now)
    if isinstance(checked, Unplaced):
        raise Refused(checked.message)
    return checked


def _covered(parts: Parts, kept: Kept) -> list[Kept]:
    """Others that wait and tell of nothing else: copies, and parts of an export that is sent again and again."""
    said, whose = _events(kept), (kept.inbound.connection, kept.inbound.person)
    others = (one for one in following(parts, *whose, Which(waits=True)) if one.delivery.id != kept.delivery.id)
    return [one for one in others if (events := _events(one)) and events <= said]


def _events(kept: Kept) -> set[str]:
    try:
        return {report.event_id for report in kept.reports()}
    except Rejected:
        return set()
