"""Knows our own words when they come back: what we told a service and it reports to us is no evidence. Nor is what
another of us says before it heard the same from us.

Source: spec: streaks section 8 rule 5; habit-services 1.1.2; webhook-reliability S13.
"""

from datetime import timedelta

from integration.core.merge import merge
from integration.core.model import Fact, FactKind
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


def is_one(db: Database, inbound: Inbound, report: Report, fact: Fact) -> bool:
    """Whether a fact only says what we told ourselves.

    Who speaks our own format passes our id back. A service with a way of its own sends whatever was changed there, by
    whomever: it is recognised by its session, soon after we told it, and once. Said again, it is its own word.
    """
    connection, person = inbound.connection, inbound.person
    if report.origin and (echoes.is_of(db, report.origin, person.id) or _crosses_ours(db, inbound, fact)):
        return True
    if not (connection.outgoing and inbound.mixed):
        return False
    slots = sharing(connection.settings, person, fact.slot)
    return echoes.take(db, connection.id, Kind(fact.kind), fact.date, slots, fact.received_at - SOON)


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
