"""Judges a kept delivery again: heals what an adapter got wrong, and changes nothing that is already true."""

from integration.errors import NotFound
from integration.inbox import inbound_of
from integration.parts import Parts
from integration.record import QUARANTINED, Recorded, Replay, record
from integration.store import connections, deliveries, people
from webhooks.errors import Rejected
from webhooks.report import Incoming


def replay(parts: Parts, delivery_id: int) -> Recorded:
    """Records what a delivery reports, as if it had come now as it came then.

    Raises NotFound for an unknown delivery or one whose service is gone, StoreUnavailable.
    """
    with parts.store.reading() as db:
        delivery = deliveries.by_id(db, delivery_id)
        connection = connections.by_id(db, delivery.connection) if delivery else None
        person = people.by_id(db, connection.person) if connection else None
    if not (delivery and connection and person):
        raise NotFound(f"no delivery has the id {delivery_id}")
    provider = parts.providers.get(connection.service)
    if provider is None:
        raise NotFound(f"no service is called {connection.service!r} any more")
    incoming = Incoming(delivery.headers, delivery.body, delivery.received_at)
    try:
        reports = provider.reports(incoming)
    except Rejected as why:
        return Recorded(QUARANTINED, why.reason, str(why))
    inbound = inbound_of(provider, connection, person)
    return record(parts.store, inbound, incoming, reports, Replay(delivery_id, parts.clock()))
