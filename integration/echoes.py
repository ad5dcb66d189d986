"""Knows our own words when they come back: what we told a service and it reports to us is no evidence.

Source: spec: streaks section 8 rule 5; habit-services 1.1.2; webhook-reliability S13.
"""

from integration.core.model import Connection, Fact, Person
from integration.store import echoes
from integration.store.dispatches import Kind
from integration.store.engine import Database
from integration.telling import sharing
from webhooks.report import Report


def is_one(db: Database, connection: Connection, person: Person, report: Report, fact: Fact) -> bool:
    """Whether a fact only says what we told ourselves. What is recognised by its session is recognised once: said
    again, it is the service's own word.
    """
    if report.origin and echoes.is_of(db, report.origin, person.id):
        return True
    if not connection.outgoing:
        return False
    slots = sharing(connection.settings, person, fact.slot)
    return echoes.take(db, connection.id, Kind(fact.kind), fact.date, slots)
