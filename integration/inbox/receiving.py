"""The receiver behind the hooks: finds the connection that an address names, opens its secrets, records."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from integration import record
from integration.clock import Clock
from integration.connecting.connections import opened_secrets
from integration.core.model import Connection, Person
from integration.errors import ConfigError, NotFound, StoreUnavailable
from integration.inbox.admission import Inbound
from integration.keys import KeyKind, Keys
from integration.store import connections
from integration.store.engine import Store
from webhooks.errors import Forged, Rejected, Unavailable
from webhooks.receiver import Outcome
from webhooks.registry import Provider
from webhooks.report import Incoming, Notice, Report

log = logging.getLogger(__name__)


class Inbox:
    """Keeps proved deliveries of one store; see webhooks.blueprint.Receiver."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        providers: Mapping[str, Provider],
        clock: Clock,
        app_secrets: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._store, self._keys, self._providers, self._clock = store, keys, providers, clock
        self._app_secrets = app_secrets or {}

    def find(self, provider: str, key: str) -> Inbound | None:
        try:
            random = self._keys.read(KeyKind.HOOK, key)
        except NotFound:
            return None
        with _unavailable(), self._store.reading() as db:
            found = connections.by_key(db, provider, random)
        if found is None:
            return None
        self._store.announce()
        with _unavailable():
            return inbound_of(self._providers[provider], *found, opened_secrets(self._keys, found[0], self._clock()))

    def app_secrets(self, provider: str) -> Sequence[str]:
        return self._app_secrets.get(provider, ())

    def find_account(self, provider: str, account: str) -> Sequence[Inbound]:
        with _unavailable(), self._store.reading() as db:
            found = connections.by_account(db, provider, account)
        return [inbound_of(self._providers[provider], *both) for both in found]

    def record(
        self, hook: Inbound, incoming: Incoming, reports: Sequence[Report], notices: Sequence[Notice] = ()
    ) -> Outcome:
        kept = getattr(self._providers[hook.connection.service], "kept", None)
        with _unavailable():
            body = kept(incoming) if kept else incoming.body
            result = record.record(self._store, hook, replace(incoming, body=body), reports, notices)
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
