"""Reads a service's own history over the door, and lays it beside our sessions (integration/reconciling/comparing.py).

Our side is read after the service's, so that what is done or told meanwhile is no difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from integration.connecting import tokens
from integration.connecting.asking import asked, patient
from integration.connecting.held import live
from integration.connecting.kinds import Kind, for_service, slots_of
from integration.core.model import Connection, Person
from integration.errors import Refused
from integration.outgoing import Call, Refusal, Remote, Settings, Streaks
from integration.parts import Parts
from integration.people import find
from integration.reconciling import sides
from integration.reconciling.comparing import compare
from integration.reconciling.difference import Asked, Difference
from integration.service import Service
from integration.store import connections

DAYS = 7
"""Logical days before today that are compared where nobody says otherwise."""
LONGEST = 85
"""Days back at most: our own is known by what we told, which is kept little longer (operating.KEPT)."""
DAY = timedelta(days=1)
UNTOLD = Streaks({}, "")


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking: the dates, first and last included, and what differs. `theirs` are the streaks that the
    service itself counts, by slot, where it tells them.
    """

    connection: Connection
    person: Person
    title: str
    first: date
    last: date
    difference: Difference
    theirs: Streaks = UNTOLD


def look(parts: Parts, connection: str, first: date | None, last: date | None, now: datetime) -> Looked:
    """Compares a connection with its service's history, now (UTC); None for the first or last date: the usual ones.
    Changes nothing.

    Raises Refusal (what the service says), Refused, NotFound, ConfigError, StoreUnavailable.
    """
    held = live(parts.store, connection)
    person, service = find(parts.store, held.person), _service(parts, held)
    today = person.plan.today(now)
    begin, end = _span(person, first, last, today)
    settings = _settings(parts, held, person, service)
    call = patient(parts.call)
    # Their day may begin before ours or end after it.
    history = asked(service, lambda: _history(service, call, settings, begin - DAY, end + DAY))
    question = Asked(held, person, service.ABILITIES, begin, end, today)
    with parts.store.reading() as db:
        ours, known = sides.read(db, question, now), sides.known(db, question)
    found = compare(question, history, ours, known)
    return Looked(held, person, service.TITLE, begin, end, found, _streaks(service, call, settings, person))


def compares(service: Service | None) -> bool:
    """Whether a service tells its own history."""
    return hasattr(service, "history")


def _service(parts: Parts, held: Connection) -> Service:
    service = parts.services.get(held.service)
    if service is None or not held.outgoing:
        raise Refused(f"{held.label} is told nothing, so there is nothing to ask it; it only tells us")
    if not compares(service):
        raise Refused(f"{service.TITLE} does not tell its history, so it cannot be compared")
    return service


def _settings(parts: Parts, held: Connection, person: Person, service: Service) -> Settings:
    slots = slots_of(person.plan)
    if service.ABILITIES.habits and not any(slot in held.settings for slot in slots):
        raise Refused(f"choose a habit of {held.label} for a session first")
    with parts.store.reading() as db:
        sealed = connections.tokens(db, held.id)
    kind = Kind(held.service, None, service)
    return for_service(kind, held.settings, tokens.opened(parts.keys, held.id, sealed), slots)


def _span(person: Person, first: date | None, last: date | None, today: date) -> tuple[date, date]:
    begin, end = first or today - timedelta(days=DAYS), last or today
    if (today - begin).days > LONGEST:
        raise Refused(f"histories are compared up to {LONGEST} days back")
    if not begin <= end <= today:
        raise Refused(f"give days from {today - timedelta(days=LONGEST)} to today, {today}")
    return max(begin, person.plan.start), end


def _history(service: Service, call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    ask: Callable[[Call, Settings, date, date], Sequence[Remote]] = cast("Any", service).history
    return ask(call, settings, first, last)


def _streaks(service: Service, call: Call, settings: Settings, person: Person) -> Streaks:
    ask: Callable[[Call, Settings], Streaks] | None = getattr(service, "streaks", None)
    if ask is None:
        return UNTOLD

    def by_slot() -> Streaks:
        found = ask(call, settings)
        slots = [slot for slot in slots_of(person.plan) if settings.get(slot) in found.counts]
        return Streaks({slot: found.counts[settings[slot]] for slot in slots}, found.reason)

    try:
        return asked(service, by_slot)
    except Refusal:
        return UNTOLD  # only shown beside ours: what differs is known all the same
