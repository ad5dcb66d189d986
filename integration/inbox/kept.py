"""A kept delivery opened again: whose it is, and what its provider makes of it today."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from integration.core.model import Connection, Person
from integration.errors import NotFound
from integration.inbox.admission import Inbound
from integration.inbox.receiving import inbound_of
from integration.parts import Parts
from integration.store import connections, deliveries, people
from integration.store.deliveries import Delivery, Entry, Which
from webhooks.errors import Invalid, Rejected
from webhooks.registry import Provider
from webhooks.report import Incoming, Notice, Report

FAILED = "provider_failed"
BATCH = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A delivery with the connection and the person that it came for, and the provider that reads it."""

    delivery: Delivery
    inbound: Inbound
    provider: Provider = field(repr=False)

    @property
    def incoming(self) -> Incoming:
        """The request as far as it was kept."""
        return Incoming(self.delivery.headers, self.delivery.body, self.delivery.received_at)

    def reports(self) -> Sequence[Report]:
        """What it reports. Raises Rejected, with the reason `provider_failed` for a mistake of ours."""
        try:
            return self.provider.reports(self.incoming)
        except Rejected:
            raise
        except Exception as error:
            # No traceback: the error's own text may quote the body.
            service = self.inbound.connection.service
            log.error("provider %s failed with %s at delivery %s", service, type(error).__name__, self.delivery.id)
            raise Invalid(FAILED, "We could not read this; it is our mistake, please report it.") from None

    def notices(self) -> Sequence[Notice]:
        """What it only names, to be fetched from the service. Call it after `reports`."""
        named = getattr(self.provider, "notices", None)
        return named(self.incoming) if named else ()


def find(parts: Parts, delivery_id: int, whose: str | None = None) -> Kept:
    """The delivery of that id; with `whose`, only one of that person.

    Raises NotFound for an unknown delivery or one whose service is gone, StoreUnavailable.
    """
    with parts.store.reading() as db:
        delivery = deliveries.by_id(db, delivery_id)
        connection = connections.by_id(db, delivery.connection) if delivery else None
        person = people.by_id(db, connection.person) if connection else None
    if not (delivery and connection and person) or whose not in (None, person.id):
        raise unknown(delivery_id)
    return opened(parts, delivery, connection, person)


def unknown(delivery_id: int) -> NotFound:
    """What is said of an id that no delivery has."""
    return NotFound(f"no delivery has the id {delivery_id}; 'turntwice deliveries list PERSON' shows the newest")


def opened(parts: Parts, delivery: Delivery, connection: Connection, person: Person) -> Kept:
    """A delivery of that connection and person. Raises NotFound when its service is gone."""
    provider = parts.providers.get(connection.service)
    if provider is None:
        raise NotFound(f"no service is called {connection.service!r} any more")
    return Kept(delivery, inbound_of(provider, connection, person), provider)


def following(parts: Parts, connection: Connection, person: Person, which: Which) -> Iterator[Kept]:
    """Those of a connection's deliveries, oldest first, some held at a time. Raises NotFound, StoreUnavailable."""
    which, last = replace(which, connection=connection.id), 0
    while True:
        with parts.store.reading() as db:
            batch = deliveries.following(db, which, last, BATCH)
        yield from (opened(parts, one, connection, person) for one in batch)
        if len(batch) < BATCH:
            return
        last = batch[-1].id


def rejudge(parts: Parts, held: Entry, outcome: str, reason: str | None, message: str) -> None:
    """Gives a delivery another outcome, unless somebody else has given it one since it was read."""
    with parts.store.writing() as db:
        deliveries.rejudge(db, held, outcome, reason, message)
