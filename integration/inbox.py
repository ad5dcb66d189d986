"""The receiver behind the hooks: finds the connection that an address names, opens its secrets, records."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from integration import record
from integration.admission import Inbound
from integration.connections import opened_secrets
from integration.core.model import Connection, Person
from integration.errors import ConfigError, NotFound, StoreUnavailable
from integration.keys import KeyKind, Keys
from integration.store import connections
from integration.store.engine import Store
from webhooks.blueprint import Outcome
from webhooks.errors import Forged, Rejected, Unavailable
from webhooks.registry import Provider
from webhooks.report import Incoming, Report

log = logging.getLogger(__name__)


class Inbox:
    """Keeps proved deliveries of one store; see webhooks.blueprint.Receiver."""

    def __init__(self, store: Store, keys: Keys, providers: Mapping[str, Provider]) -> None:
        self._store, self._keys, self._providers = store, keys, providers

    def find(self, provider: str, key: str) -> Inbound | None:
        try:
            random = self._keys.read(KeyKind.HOOK, key)
        except NotFound:
            return None
        with _unavailable(), self._store.reading() as db:
            found = connections.by_key(db, provider, random)
        if found is None:
            return None
        with _unavailable():
            return inbound_of(self._providers[provider], *found, opened_secrets(self._keys, found[0]))

    def record(self, hook: Inbound, incoming: Incoming, reports: Sequence[Report]) -> Outcome:
        with _unavailable():
            result = record.record(self._store, hook, incoming, reports)
        counted = tuple((day, slot, state or "open") for (day, slot), state in result.sessions.items())
        return Outcome(result.outcome, result.message, counted, result.reason)

    def refuse(self, hook: Inbound | None, provider: str, incoming: Incoming, why: Rejected) -> None:
        log.info("refused a delivery to %s: %s", provider, why.reason)
        if hook is not None and not isinstance(why, Forged):
            with _unavailable():
                record.refuse(self._store, hook.connection.id, incoming, why.reason, str(why))


def inbound_of(provider: Provider, connection: Connection, person: Person, secrets: tuple[str, ...] = ()) -> Inbound:
    """A connection as `record` takes it, with what its provider declares."""
    return Inbound(connection, person, provider.REALTIME, provider.MIXED, secrets)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (StoreUnavailable, ConfigError) as error:
        log.warning("cannot take deliveries: %s", error)
        raise Unavailable(str(error)) from error
