"""Whether a report counts, and for which session: a connection's mapping and words first, then the law of placing.

Source: DESIGN section 7; fitness-platforms section 2.12; spec: streaks sections 2, 7 and 8.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from calendar_export.plan import LATEST
from integration.connecting.kinds import slots_of
from integration.core import habits, placing
from integration.core.model import Connection, Fact, FactKind, Person
from integration.core.placing import Placed, Unplaced
from integration.ledger import Ledger, Session
from integration.store import deliveries
from webhooks.report import Kind, Likeness, Report

SHORTEST = 60
"""Seconds that an activity must have lasted: less is a watch that was started by mistake."""

NOTHING_TO_TAKE_BACK = Unplaced("nothing_to_take_back", "It takes back what never counted here.")
OTHER = Unplaced("another_activity", "That is another kind of exercise.")
RELATED = Unplaced(deliveries.RELATED, "That may have been the stretch: it counts once you say so.")
TOO_SHORT = Unplaced("too_short", "It was shorter than a minute.")
NOT_CHOSEN = Unplaced("another_habit", "That habit is not one of those chosen for this connection.")
UNMAPPED = Unplaced("unmapped_habit", "Say which habit is the morning and which the evening stretch.")
PUT_AWAY = Unplaced("ignored_habit", "You said that this is no stretch.")
NO_STRETCH = Unplaced(deliveries.NOT_A_STRETCH, "You said that it was no stretch.")
OTHERWISE = frozenset(why.reason for why in (OTHER, RELATED, TOO_SHORT, NOT_CHOSEN))
"""Reasons by which what counted before counts no longer, once its sender has changed it so."""
OF_NO_CONCERN = OTHERWISE | {why.reason for why in (PUT_AWAY, NO_STRETCH, NOTHING_TO_TAKE_BACK)}
"""Reasons for which nobody need decide anything: the delivery is ignored, not quarantined."""


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
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def mapping(self) -> Mapping[str, str]:
        """The remote habit of each slot that has one."""
        slots = slots_of(self.person.plan)
        return {slot: habit for slot, habit in self.connection.settings.items() if slot in slots}


def words(settings: Mapping[str, str]) -> tuple[str, ...]:
    """The words by which a person's further exercises count, folded."""
    return tuple(habits.folded(word.strip()) for word in settings.get("words", "").split(",") if word.strip())


def admit(inbound: Inbound, report: Report, ledger: Ledger, now: datetime, choice: Placed | None) -> Fact | Unplaced:
    """The fact that a report which came at `now` amounts to, or why it is none. `choice` is where the person says, at
    the ledger's own time, that it belongs.
    """
    if choice is not None:
        fact = fact_of(inbound, report, choice, ledger, now)
        return replace(fact, chosen=True, worded_at=heard_at(ledger, fact, ledger.now))
    if report.kind is Kind.UNDONE and report.thing:
        return _taken_back(inbound, report, report.thing, ledger, now) or NOTHING_TO_TAKE_BACK
    placed = _placed(inbound, report, ledger, now)
    return placed if isinstance(placed, Unplaced) else fact_of(inbound, report, placed, ledger, now)


def fact_of(inbound: Inbound, report: Report, placed: Placed, ledger: Ledger, now: datetime) -> Fact:
    """A report that came at `now`, placed; its times are as the ledger has heard it."""
    fact = _fact(inbound, report, placed, now, now)
    heard = heard_at(ledger, fact, now)
    return fact if heard == now else _fact(inbound, report, placed, now, heard)


def heard_at(ledger: Ledger, fact: Fact, came: datetime) -> datetime:
    """When a fact that came then (UTC) was heard: what comes now, after all that its session and its event have heard,
    also where our clock has gone back since.
    """
    around = ledger.around(fact)
    words = ((told.said_at, told.worded_at or told.said_at) for told in (*around.contents, *around.standing))
    newest = max((max(times) for times in words), default=came)
    return newest + timedelta.resolution if came == ledger.now and newest > came else came


def _fact(inbound: Inbound, report: Report, placed: Placed, now: datetime, heard: datetime) -> Fact:
    """A sender's clock that runs fast makes no word of the future, which no undo could reach."""
    moment = placing.performed(inbound.person.plan, report)
    # An activity is told again whenever its service has worked on it: that is no new word, and undoes no undo.
    told_by_itself = moment.at if moment and report.likeness else None
    # It is a thing of its own, by whatever name.
    thing = report.thing or (report.event_id if report.likeness else None)
    return Fact(
        source=inbound.connection.id,
        event=report.event_id,
        kind=FactKind(report.kind),
        slot=placed.slot,
        date=placed.date,
        said_at=min(told_by_itself or report.said_at or heard, heard),
        received_at=now,
        performed_at=moment.at if moment else None,
        duration_seconds=report.duration_seconds,
        note=report.note,
        content=content(report),
        thing=thing,
        worded_at=worded_at(report, heard),
    )


def worded_at(report: Report, now: datetime) -> datetime:
    """When a report that came at `now` was said (UTC)."""
    return min(report.said_at or now, now)


def content(report: Report) -> str:
    """A digest of all that a report says, by which a copy is told from a correction."""
    said = (report.kind, report.said_at, report.performed, report.wall, report.slot, report.date, report.habit)
    extra = (report.duration_seconds, report.note)
    return hashlib.sha256(repr(said + extra).encode()).hexdigest()


def _placed(inbound: Inbound, report: Report, ledger: Ledger, now: datetime) -> Placed | Unplaced:
    source, mapping = inbound.connection.id, inbound.mapping
    mapped = placing.mapped_slots(mapping, report)
    if refusal := _refusal(inbound, report, mapping, mapped):
        return refusal
    sole = mapped[0] if len(mapped) == 1 else None
    placed = placing.place(inbound.person.plan, report, sole, now, inbound.realtime)
    if isinstance(placed, Placed) and report.kind is Kind.UNDONE and not (report.performed or report.slot or sole):
        # It names no session and no time: what it takes back is what it said last, not what the clock says now.
        return _as_session(ledger.last_done(source, placed.date)) or placed
    return placed


def _refusal(inbound: Inbound, report: Report, mapping: Mapping[str, str], mapped: tuple[str, ...]) -> Unplaced | None:
    """Why a report is none of our business, or waits until the person says that it is."""
    if mapped:
        return None
    if habits.named(report, habits.ignored(inbound.connection.settings)):
        return PUT_AWAY
    chosen = words(inbound.connection.settings)
    if report.likeness is not None:
        return _unlike(report, chosen)
    if report.slot and report.date:
        return None  # it names its session itself (spec: streaks section 2, rule 1)
    if placing.names_one_of(report, chosen):
        return None
    if mapping and report.habit:
        return NOT_CHOSEN
    return UNMAPPED if inbound.mixed and not mapping and not placing.sounds_like_a_stretch(report) else None


def _unlike(report: Report, chosen: tuple[str, ...]) -> Unplaced | None:
    if report.likeness is not Likeness.STRETCH and not placing.names_one_of(report, chosen):
        return RELATED if report.likeness is Likeness.RELATED else OTHER
    seconds = report.duration_seconds
    return TOO_SHORT if seconds is not None and seconds < SHORTEST else None


def _as_session(found: Session | None) -> Placed | None:
    return None if found is None else Placed(slot=found[1], date=found[0])


def _taken_back(inbound: Inbound, report: Report, thing: str, ledger: Ledger, now: datetime) -> Fact | None:
    """The withdrawal of a thing, at the session where it was last said to be done before."""
    # Whatever our clock says, all that is held came before what comes now.
    upto = (report.said_at or LATEST) if now == ledger.now else worded_at(report, now)
    last = ledger.last_of(inbound.connection.id, thing, upto)
    if last is None or (report.stands and (last.performed_at or last.said_at) <= report.stands):
        return None
    undo = fact_of(inbound, report, Placed(last.slot, last.date), ledger, now)
    if last.chosen:
        # The person put it there, whatever was told before; what comes after that is news.
        heard = heard_at(ledger, undo, now)
        return replace(undo, worded_at=heard) if heard >= (last.worded_at or heard) else None
    # Where its thing turns out to have been done again before it, it moves there.
    return undo if undo.event == thing else replace(undo, worded_at=last.worded_at or last.said_at)
