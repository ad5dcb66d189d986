"""Keeps a person's services and our facts in step where webhooks or messages were lost.

What a service has and we never heard enters as a report, as if its webhook had come; what it lacks is queued. Up to
three sessions that differ are set right by themselves, more are shown first. Never back to a service that is evidence;
what we told and it lacks now may have been deleted there, so it is only shown. Source: issue "In step"; DESIGN section
8; habit-services 1.1.8; fitness-platforms 2.13.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from calendar_export.zones import zone
from integration.connecting.held import live
from integration.core.merge import Merged, merge
from integration.core.model import Connection, Person, State
from integration.dispatching import queueing
from integration.dispatching.queueing import Message, Snapshot
from integration.dispatching.telling import Session, due
from integration.inbox.admission import Inbound
from integration.parts import Parts
from integration.people import find
from integration.reconciling import compared, sides
from integration.reconciling.compared import Found, Outcome
from integration.reconciling.comparing import compare
from integration.reconciling.difference import Difference, Unheard, Unsent
from integration.reconciling.looking import Looked, look
from integration.record import record
from integration.service import Service
from integration.store import dispatches, facts, outlets, people
from integration.store.dispatches import Kind
from integration.store.dispatches import State as Sending
from integration.store.engine import Database
from webhooks.report import Incoming, Likeness, Moment, Report
from webhooks.report import Kind as Said

__all__ = ["BOTH", "BY_ITSELF", "Acted", "Way", "act", "compare", "look", "set_right"]

BY_ITSELF = 3
"""So many sessions that differ are set right without asking."""
MORE = "More differs than was shown, so nothing was done yet."


class Way(StrEnum):
    """`HEAR`: take over what they have. `SEND`: send what they lack. `AGAIN`: send also what is no longer there."""

    HEAR = "hear"
    SEND = "send"
    AGAIN = "again"


BOTH = (Way.HEAR, Way.SEND)


@dataclass(frozen=True, slots=True)
class Acted:
    """What was done: sessions that count since, and those that are on their way. `left` still differs."""

    outcome: Outcome
    message: str
    left: Difference
    heard: tuple[Session, ...] = ()
    queued: tuple[Session, ...] = ()


def act(
    parts: Parts,
    looked: Looked,
    ways: Collection[Way] = BOTH,
    confirmed: bool = False,
    shown: Found | None = None,
) -> Acted:
    """Sets right what differs; doing it again changes nothing. Unless it was `confirmed`, nothing is done where more
    than three sessions differ, or where it is not plain which session they mean. `shown`: what the person saw and
    confirmed; nothing is done where more is to be done by now.

    Raises NotFound when the connection has ended, StoreUnavailable; what was done until then is done.
    """
    found, label = looked.difference, looked.connection.label
    told = " ".join(compared.sentences(label, found))
    if shown is not None and compared.unseen(found, _left(found, ways), shown):
        return Acted(Outcome.ASKS, f"{MORE} {told}", found)
    if not confirmed and shown is None and (found.size > BY_ITSELF or not found.sure):
        return Acted(Outcome.ASKS, told, found)
    heard = _hear(parts, looked, found.unheard) if Way.HEAR in ways and found.unheard else ()
    wanted = [*(found.lacking if Way.SEND in ways else ()), *(found.gone if Way.AGAIN in ways else ())]
    queued = _send(parts, looked, wanted) if wanted else ()
    if not (heard or queued):
        return Acted(Outcome.ASKS if found.size else Outcome.AGREED, told, found)
    left = _left(found, ways)
    rest = compared.sentences(label, left) if compared.rows(left) else ()
    message = " ".join([*compared.deeds(label, len(heard), len(queued)), *rest])
    return Acted(Outcome.ASKS if left.size else Outcome.HEALED, message, left, heard, queued)


def set_right(
    parts: Parts,
    connection: str,
    now: datetime,
    first: date | None = None,
    ways: Collection[Way] = BOTH,
    confirmed: bool = False,
    shown: Found | None = None,
) -> tuple[Looked, Acted]:
    """Looks, acts, and keeps what came of it for the person to see. Raises as `look` and `act`."""
    looked = look(parts, connection, first, None, now)
    acted = act(parts, looked, ways, confirmed, shown)
    ours = sides.streaks(parts.store, looked.connection, looked.theirs.counts, now)
    left = replace(compared.found(acted.left, ours, looked.theirs), first=looked.first)
    compared.keep(parts.store, connection, now, acted.outcome, acted.message, left)
    return looked, acted


def _hear(parts: Parts, looked: Looked, unheard: Sequence[Unheard]) -> tuple[Session, ...]:
    connection, person = _fresh(parts, looked)
    service, provider = parts.services[connection.service], parts.providers.get(connection.service)
    reports = [_report(service, one) for one in unheard]
    body = json.dumps({"reconciled": [_as_json(one) for one in unheard]}).encode()
    incoming = Incoming({"content-type": "application/json"}, body, parts.clock())
    with parts.store.writing() as db:
        # Ours among what they have is told apart by now; what is left must not be taken for its echo.
        for dispatch in {tried for one in unheard for tried in one.tried}:
            dispatches.note(db, dispatch, echoed=True)
    mixed = provider is not None and provider.MIXED
    result = record(parts.store, Inbound(connection, person, realtime=False, mixed=mixed), incoming, reports)
    return tuple(session for session, state in result.sessions.items() if state is State.DONE)


def _report(service: Service, one: Unheard) -> Report:
    day, slot = one.session
    return Report(
        kind=Said.DONE,
        event_id=one.event,
        said_at=one.at,
        performed=Moment(one.at) if one.at else None,
        slot=slot,
        date=day,
        habit=(one.habit, f"{slot} stretch"),
        likeness=None if service.ABILITIES.habits else Likeness.STRETCH,
    )


def _send(parts: Parts, looked: Looked, wanted: Sequence[Unsent]) -> tuple[Session, ...]:
    connection, person = _fresh(parts, looked)
    now, queued = parts.clock(), list[Session]()
    with parts.store.writing() as db:
        people.lock(db, person.id)
        outlet = outlets.locked(db, connection.id)
        if outlet is None or outlet.health.disabled_at is not None:
            return ()
        for one in wanted:
            standing = {slot: merge(facts.of_session(db, person.id, one.date, slot)) for slot in one.slots}
            if _still(db, connection, one, standing):
                queueing.queue(db, _message(connection, person, one, standing, now), now)
                queued += one.sessions
    return tuple(queued)


def _still(db: Database, connection: Connection, one: Unsent, standing: Mapping[str, Merged]) -> bool:
    """Whether it is as it was when we looked: done here, not said by them, and nothing told of it since."""
    told = [dispatches.of_session(db, connection.id, one.date, slot) for slot in one.slots]
    newest = tuple(messages[0].id if messages else 0 for messages in told)
    if newest != one.newest or any(message.state is Sending.WAITING for messages in told for message in messages):
        return False
    lacking = [standing[slot] for _, slot in one.sessions]
    done = sum(merged.state is State.DONE for merged in standing.values())
    return done == one.done and all(
        merged.state is State.DONE and connection.id not in merged.evidence for merged in lacking
    )


def _message(
    connection: Connection, person: Person, one: Unsent, standing: Mapping[str, Merged], now: datetime
) -> Message:
    at = max((merged.done_at for merged in standing.values() if merged.done_at), default=now)
    at, wanted = at.astimezone(zone(person.plan.zone_at(at))), due(connection.settings, one.slots)
    snapshot = Snapshot(at, now, one.habit, one.done, wanted)
    return Message(connection.id, Kind.DONE, one.date, one.slots[0], snapshot)


def _fresh(parts: Parts, looked: Looked) -> tuple[Connection, Person]:
    connection = live(parts.store, looked.connection.id)
    return connection, find(parts.store, connection.person)


def _as_json(one: Unheard) -> dict[str, str | None]:
    (day, slot), at = one.session, one.at
    return {"habit": one.habit, "date": day.isoformat(), "slot": slot, "at": at.isoformat() if at else None}


def _left(found: Difference, ways: Collection[Way]) -> Difference:
    """What was not acted upon."""
    unheard = () if Way.HEAR in ways else found.unheard
    lacking = () if Way.SEND in ways else found.lacking
    gone = () if Way.AGAIN in ways else found.gone
    return Difference(unheard, (*lacking, *gone), found.kept)
