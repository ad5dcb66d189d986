"""Knows our own words when they come back: what we told a service and it reports to us is no evidence.

Source: spec: streaks section 8 rule 5; habit-services 1.1.2; webhook-reliability S13.
"""

from datetime import timedelta

from integration.core.model import Fact
from integration.dispatching.telling import sharing
from integration.inbox.admission import Inbound
from integration.store import echoes
from integration.store.dispatches import Kind
from integration.store.engine import Database
from webhooks.report import Report

SOON = timedelta(hours=2)
"""So long after it was told a service may take to report it (habit-services: Todoist tries again for 45 minutes)."""


def is_one(db: Database, inbound: Inbound, report: Report, fact: Fact) -> bool:
    """Whether a fact only says what we told ourselves.

    Who speaks our own format passes our id back. A service with a way of its own sends whatever was changed there, by
    whomever: it is recognised by its session, soon after we told it, and once. Said again, it is its own word.
    """
    connection, person = inbound.connection, inbound.person
    if report.origin and echoes.is_of(db, report.origin, person.id):
        return True
    if not (connection.outgoing and inbound.mixed):
        return False
    slots = sharing(connection.settings, person, fact.slot)
    return echoes.take(db, connection.id, Kind(fact.kind), fact.date, slots, fact.received_at - SOON)
