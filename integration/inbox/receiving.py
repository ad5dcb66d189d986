"""The receiver behind the hooks: finds the connection that an address names, opens its secrets, records."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from integration import record
from integration.clock import Clock
from integration.connecting.connections import opened_secrets
from integration.core.model import Connection, Person
from integration.errors import ConfigError, NotFound, StoreUnavailable
from integration.inbox.admission import Inbound
from integration.keys import KeyKind, Keys
from integration.store import connections, deliveries, people
from integration.store.deliveries import Which
from integration.store.engine import Database, Store
from webhooks.errors import Forged, Outdated, Rejected, TooLarge, Unavailable
from webhooks.receiver import Outcome
from webhooks.registry import Provider
from webhooks.report import Incoming, Notice, Report

NOT_KEPT = b"(not kept)"
"""Stands for a body of which nothing may be kept. It is no JSON and no form: an empty body could say "done, now"."""
HOUR = timedelta(hours=1)
REMEMBERED = 4096
"""So many connections are remembered, as each delivery would else look its own up twice: here, and where it is kept."""

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
        self._known: dict[tuple[str, str], tuple[Connection, Person]] = {}

    def find(self, provider: str, key: str, anew: bool = False) -> Inbound | None:
        try:
            random = self._keys.read(KeyKind.HOOK, key)
        except NotFound:
            return None
        with _unavailable():
            found = None if anew else self._known.get((provider, random))
            found = found or self._looked_up(provider, random)
            secrets = opened_secrets(self._keys, found[0], self._clock()) if found else ()
        return inbound_of(self._providers[provider], *found, secrets) if found else None

    def app_secrets(self, provider: str) -> Sequence[str]:
        return self._app_secrets.get(provider, ())

    def find_account(self, provider: str, account: str) -> Sequence[Inbound]:
        with _unavailable(), self._store.reading() as db:
            found = connections.by_account(db, provider, account)
        return [inbound_of(self._providers[provider], *both) for both in found]

    def record(
        self, hook: Inbound, incoming: Incoming, reports: Sequence[Report], notices: Sequence[Notice] = ()
    ) -> Outcome:
        kept = self._kept(hook, incoming)
        with _unavailable(), self._store.writing() as db:
            result = record.enter(db, self._still(db, hook), kept, reports, notices)
        counted = tuple((day, slot, state or "open") for (day, slot), state in result.sessions.items())
        return Outcome(result.outcome, result.message, counted, result.reason)

    def refuse(self, hook: Inbound | None, provider: str, incoming: Incoming, why: Rejected) -> None:
        log.info("refused a delivery to %s: %s", provider, why.reason)
        if hook is None or isinstance(why, Forged):
            return
        kept = incoming if isinstance(why, TooLarge) else self._kept(hook, incoming)
        with _unavailable(), self._store.writing() as db:
            connection = self._still(db, hook).connection.id
            if isinstance(why, TooLarge):
                self._note(db, connection, kept, why)
            else:
                record.refuse(db, connection, kept, why.reason, str(why))

    def _looked_up(self, provider: str, random: str) -> tuple[Connection, Person] | None:
        with self._store.reading() as db:
            found = connections.by_key(db, provider, random)
        if found is None:
            self._known.pop((provider, random), None)
            return None
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[provider, random] = found
        return found

    def _still(self, db: Database, hook: Inbound) -> Inbound:
        """A hook as it is now, its person locked: the plan and the mapping may be others by now. Raises Outdated where
        it has ended, or what proves its deliveries was changed.
        """
        people.lock(db, hook.person.id)
        held = hook.connection
        found = connections.live(db, held.id)
        if found is None or (found[0].key, found[0].sealed) != (held.key, held.sealed):
            raise Outdated
        return inbound_of(self._providers[held.service], *found)

    def _kept(self, hook: Inbound, incoming: Incoming) -> Incoming:
        """What of a proved delivery may be stored: all of it, or what its provider's `kept` leaves."""
        service = hook.connection.service
        kept = getattr(self._providers[service], "kept", None)
        if kept is None:
            return incoming
        try:
            return replace(incoming, body=kept(incoming))
        except Rejected:
            pass
        except Exception as error:
            # No traceback: the error's own text may quote the body.
            log.error("provider %s failed with %s at what may be kept", service, type(error).__name__)
        return replace(incoming, body=NOT_KEPT)

    def _note(self, db: Database, connection: str, incoming: Incoming, why: TooLarge) -> None:
        """Lets the person see that something was too large: once an hour, as a phone tries again and again."""
        now = incoming.received_at
        if not deliveries.newest(db, [connection], 1, Which(since=now - HOUR, reasons=(why.reason,))):
            deliveries.add(db, connection, now, (record.QUARANTINED, why.reason, str(why)), {}, NOT_KEPT)


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
