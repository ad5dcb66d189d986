"""Knows our own words when they come back: what we told a service and it reports to us is no evidence. Nor is what
another of us says before it heard the same from us.

Source: spec: streaks section 8 rule 5; habit-services 1.1.2; webhook-reliability S13.
"""

import re
from datetime import date, timedelta

from integration.core.merge import merge
from integration.core.model import Fact, FactKind
from integration.dispatching.queueing import decode
from integration.dispatching.telling import sharing
from integration.inbox.admission import Inbound
from integration.store import echoes, facts, outlets
from integration.store.dispatches import Kind
from integration.store.engine import Database
from webhooks.report import Report

SOON = timedelta(hours=2)
"""So long after it was told a service may take to report it (habit-services: Todoist tries again for 45 minutes)."""
LATELY = timedelta(days=30)
"""Where our own words came back within so long a time, they still do."""
MARK = re.compile(r"turntwice-(\d{4}-\d\d-\d\d)-([A-Za-z0-9]+)\b", re.ASCII)
"""What we write on a workout that we make at a service which keeps no key of ours: the session that it stands for."""


def is_one(db: Database, inbound: Inbound, report: Report, fact: Fact) -> bool:
    """Whether a fact only says what we told ourselves.

    Who speaks our own format passes our id back, and what we made at a service bears its id there or our mark: that is
    ours whenever it comes, and whatever session it would be placed on. Else a service with a way of its own sends
    whatever was changed there, by whomever: it is recognised by its session, soon after we told it, and once. Said
    again, it is its own word.
    """
    connection, person = inbound.connection, inbound.person
    if report.origin and (_is_of_ours(db, report.origin, person.id) or _crosses_ours(db, inbound, fact)):
        return True
    if not (connection.outgoing and inbound.mixed):
        return False
    return echoes.made(db, connection.id, report.thing or report.event_id) or _comes_back(db, inbound, fact)


def _is_of_ours(db: Database, origin: str, person: str) -> bool:
    """Whether we gave somebody that id or mark."""
    if not (found := MARK.match(origin)):
        return echoes.is_of(db, origin, person)
    try:
        day = date.fromisoformat(found[1])
    except ValueError:
        return False
    return echoes.is_told(db, person, day, found[2])


def _comes_back(db: Database, inbound: Inbound, fact: Fact) -> bool:
    """Whether a service reports what it was told lately. A number that we raise by two comes back twice; nothing comes
    back after it has spoken for itself.
    """
    connection, person, kind = inbound.connection, inbound.person, Kind(fact.kind)
    slots = sharing(connection.settings, person, fact.slot)
    told = echoes.expected(db, connection.id, kind, fact.date, slots, fact.received_at - SOON)
    if told is None:
        return False
    since = echoes.heard(db, connection.id, person.id, fact.date, slots, told.since)
    back, left = since.count((kind, True)), _times(told)
    if any(not echo for _, echo in since):
        left = 0
    if back + 1 >= left:
        echoes.take(db, told.id)
    return back < left


def _times(told: echoes.Word) -> int:
    """How often a message comes back, if the service reports each change."""
    said = decode(told.told)
    return max(said.done - max(said.was or 0, 0), 1)


def _crosses_ours(db: Database, inbound: Inbound, fact: Fact) -> bool:
    """Whether another of us tells what it was told by us, and neither had heard the other yet.

    Each then stands by its own evidence. Were each evidence for the other, neither could ever take it back.
    """
    source, person = inbound.connection.id, inbound.person.id
    ways = _ways_there(db, inbound, fact) if fact.kind is FactKind.DONE else []
    told = [at for way in ways if (at := echoes.stands_since(db, way, fact.date, fact.slot))]
    if not told:
        return False
    heard = facts.of_session(db, person, fact.date, fact.slot)
    # Who took it back meanwhile had heard us, and now says it anew.
    anew = any(
        held.source == source and held.kind is FactKind.UNDONE and held.received_at >= max(told) for held in heard
    )
    return not anew and bool(merge(heard).evidence - {source})


def _ways_there(db: Database, inbound: Inbound, fact: Fact) -> list[str]:
    """The connections by which whoever speaks here hears us: this very one, or, where our own words come back by it,
    any that we tell.
    """
    connection, person = inbound.connection, inbound.person.id
    if connection.outgoing:
        return [connection.id]
    if not echoes.come_by(db, connection.id, person, fact.date - LATELY):
        return []
    return [told.connection for told in outlets.of(db, person)]
