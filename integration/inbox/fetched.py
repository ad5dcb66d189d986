"""Takes what a service only announced by its webhook, and we then fetched: recorded as if it had been sent."""

import json
from collections.abc import Sequence

from integration.dispatching.sending import Heard
from integration.errors import NotFound
from integration.inbox.receiving import inbound_of
from integration.parts import Parts
from integration.record import record
from integration.store import connections, people
from webhooks.report import Incoming, Report


def recorder(parts: Parts) -> Heard:
    """What the worker hands its fetched reports to."""

    def heard(connection_id: str, remote: str, reports: Sequence[Report]) -> None:
        with parts.store.reading() as db:
            connection = connections.by_id(db, connection_id)
            person = people.by_id(db, connection.person) if connection else None
        provider = parts.providers.get(connection.service) if connection else None
        if connection is None or person is None or provider is None:
            raise NotFound("the connection has ended")
        # Kept as the notice that it answers, so that judging it again fetches it again.
        body = json.dumps({"workoutId": remote}).encode()
        incoming = Incoming({"content-type": "application/json"}, body, parts.clock())
        record(parts.store, inbound_of(provider, connection, person), incoming, reports)

    return heard
