"""What was heard, as my page shows it: what waits for the person, what is asked of habits, and the last deliveries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import request

from integration.core import naming
from integration.core.model import Person
from integration.errors import NotFound
from integration.inbox import healing, mapping, waiting, wording
from integration.inbox.kept import Kept, find
from integration.inbox.mapping import Offer
from integration.pages import words
from integration.parts import Parts
from integration.record import DUPLICATE
from integration.store import connections, deliveries
from integration.store.deliveries import NOT_A_STRETCH, Entry, Which
from integration.store.engine import Database
from integration.store.survey import UNPLACED
from webhooks.errors import Rejected
from webhooks.report import Report

LISTED, WAITING, LOOKED = 10, 5, 20
"""How many deliveries are listed, how many that wait come first, and among how many those are looked for."""
LONGEST_ID = 20
TOLD = 5
"""How many deliveries a form that was taken tells of."""
SAID = {
    "settled": "Thank you, noted.",
    "put_away": "Thank you, noted: that was no stretch.",
    "counts": "It counts already. To change that, go to its day above.",
    "again": "Read again.",
    "chosen": "Saved. From now on it counts by itself.",
    "ignored": "Saved. You will not be asked about it again.",
}


@dataclass(frozen=True, slots=True)
class Choices:
    """Where a delivery may belong: the sessions of its own day (date and slot, with a space between), each with its
    words, and the slots of any other day, which is asked for from `day` on.
    """

    day: date
    sessions: tuple[tuple[str, str], ...]
    all_slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery in words. `choices` where the person may say what it was; `about` tells its buttons from others'."""

    id: int
    label: str
    when: str
    outcome: str
    message: str
    put_away: bool = False
    choices: Choices | None = None

    @property
    def about(self) -> str:
        return f"what {self.label} said on {self.when}"


@dataclass(frozen=True, slots=True)
class Heard:
    """The section. `said` and `told` answer the form that was just taken."""

    connected: bool
    said: str
    told: tuple[str, ...]
    offers: tuple[Offer, ...]
    waiting: tuple[Row, ...]
    rows: tuple[Row, ...]


def heard(parts: Parts, person: Person, now: datetime) -> Heard:
    """What a person's services said, at an instant (UTC). Raises StoreUnavailable."""
    with parts.store.reading() as db:
        live = {one.id: one.label for one in connections.of(db, person.id)}
        asked = deliveries.newest(db, live, LOOKED, Which(waits=True, reasons=UNPLACED))
        last = deliveries.latest(db, person.id, LISTED + WAITING)
        labels = live | _labels(db, {entry.connection for entry in last} - live.keys())
        told = _told(db, person)
    today = person.plan.today(now)
    first = [row for entry in asked if (row := _row(parts, person, entry, labels, today)).choices][:WAITING]
    shown = {row.id for row in first}
    rest = [_row(parts, person, entry, labels, today) for entry in last if entry.id not in shown]
    offers = mapping.offers(parts, person)
    return Heard(bool(live), _said(), told, tuple(offers), tuple(first), tuple(rest[:LISTED]))


def _said() -> str:
    """What the form did that has just sent the person here."""
    said = SAID.get(request.args.get("said", ""), "")
    counted = request.args.get("counted", type=int)
    if not said or counted is None or counted < 0:
        return said
    return f"{said} {healing.in_words(counted)}" if counted else said


def _told(db: Database, person: Person) -> tuple[str, ...]:
    """What was said by the deliveries that the form was about."""
    numbers = [number for number in request.args.get("about", "").split(".") if number.isascii() and number.isdigit()]
    wanted = [int(number) for number in numbers[:TOLD] if len(number) < LONGEST_ID]
    return tuple(_sentence(entry) for entry in deliveries.entries(db, person.id, wanted)) if wanted else ()


def _labels(db: Database, ended: Iterable[str]) -> dict[str, str]:
    found = [connections.by_id(db, connection) for connection in ended]
    return {one.id: one.label for one in found if one}


def _row(parts: Parts, person: Person, entry: Entry, labels: Mapping[str, str], today: date) -> Row:
    kept = _opened(parts, person, entry) if waiting.may_settle(entry) else None
    reports = _meant(parts, kept) if kept else []
    when, message = words.moment(entry.received_at, person.plan), _sentence(entry)
    label = labels[entry.connection]
    if entry.reason != NOT_A_STRETCH:
        came_on = person.plan.today(entry.received_at)
        said = [wording.said(label, report, person.plan, came_on=came_on) for report in reports[:TOLD]]
        # It may have been kept under another name of the connection.
        untold = [one for one in said if one.removeprefix(label) not in message]
        message = " ".join([*map(words.sentence, untold), message])
    outcome = words.outcome(entry.outcome, entry.message, entry.waits and bool(reports))
    choices = _choices(kept, reports, today) if kept and reports else None
    put_away = entry.reason == NOT_A_STRETCH
    return Row(entry.id, label, when, outcome, message, put_away, choices)


def _choices(kept: Kept, reports: Sequence[Report], today: date) -> Choices:
    plan, likely = kept.inbound.person.plan, waiting.own_slots(kept, reports)
    latest, days = plan.versions[-1], waiting.own_days(kept, reports, today)
    held = [(day, slot.name) for day in days for slot in (plan.version_on(day) or latest).slots if slot.name in likely]
    sessions = tuple((f"{day} {slot}", _session(slot, day, today)) for day, slot in held)
    return Choices(days[-1] if days else today, sessions, tuple(slot.name for slot in latest.slots))


def _session(slot: str, day: date, today: date) -> str:
    return f"This {slot}" if day == today else f"The {slot} of {naming.day_name(day, today)}"


def _opened(parts: Parts, person: Person, entry: Entry) -> Kept | None:
    try:
        return find(parts, entry.id, person.id)
    except NotFound:
        return None


def _meant(parts: Parts, kept: Kept) -> list[Report]:
    try:
        return waiting.meant(parts, kept, kept.reports())
    except Rejected:
        return []


def _sentence(entry: Entry) -> str:
    """Its message, without the word that stands before it already."""
    return words.sentence(entry.message.removeprefix(f"{words.HEARD[DUPLICATE]}. "))
