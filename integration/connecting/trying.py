"""Asks a service that we tell, while somebody waits: whether it takes us, and what a session can be mapped to there."""

from collections.abc import Callable, Mapping, Sequence

from integration.connecting import tokens
from integration.connecting.asking import asked, patient
from integration.connecting.held import unknown
from integration.connecting.kinds import Kind, for_service, slots_of
from integration.errors import Refused
from integration.keys import Keys
from integration.outgoing import Call, Habit, Sent, Settings
from integration.service import Service
from integration.store import connections, people
from integration.store.engine import Store

MOST = 500
"""Habits that are offered to choose from."""


def check(call: Call, store: Store, keys: Keys, known: Mapping[str, Service], connection: str) -> str:
    """Tests a connection without changing anything; one sentence, such as "Connected as Ada."

    Raises Refusal (what is wrong), Refused, NotFound, ConfigError, StoreUnavailable.
    """
    service, settings = _told(store, keys, known, connection)
    ask: Callable[[Call, Settings], str] | None = getattr(service, "check", None)
    if ask is None:
        raise Refused(f"{service.TITLE} cannot be tested; the next session will show")
    return asked(service, lambda: ask(patient(call), settings))


def habits(call: Call, store: Store, keys: Keys, known: Mapping[str, Service], connection: str) -> Sequence[Habit]:
    """What a slot can be mapped to there, those first that the service puts first. Raises as `check` does."""
    service, settings = _told(store, keys, known, connection)
    ask: Callable[[Call, Settings], Sequence[Habit]] | None = getattr(service, "habits", None)
    if ask is None:
        raise Refused(f"{service.TITLE} has no habits to choose from")
    return asked(service, lambda: ask(patient(call), settings))[:MOST]


def register(call: Call, store: Store, keys: Keys, known: Mapping[str, Service], connection: str, address: str) -> str:
    """Makes the service tell us at that address, or switches on what it switched off; one sentence.

    Raises as `check` does.
    """
    service, settings = _told(store, keys, known, connection)
    ask: Callable[[Call, Settings, str], Sent] | None = getattr(service, "webhook", None)
    if ask is None:
        raise Refused(f"{service.TITLE} is to be set up by hand; its recipe says how")
    sent = asked(service, lambda: ask(patient(call), settings, address))
    return f"{service.TITLE} tells us {'already' if sent.already else 'from now on'}."


def _told(store: Store, keys: Keys, known: Mapping[str, Service], connection: str) -> tuple[Service, Settings]:
    with store.reading() as db:
        found = connections.by_id(db, connection)
        person = people.by_id(db, found.person) if found and found.revoked_at is None else None
        sealed = connections.tokens(db, connection) if person else None
    if found is None or person is None:
        raise unknown(connection)
    service = known.get(found.service)
    if service is None or not found.outgoing:
        raise Refused(f"{found.label} is told nothing, so there is nothing to ask it; it only tells us")
    kind, secrets = Kind(found.service, None, service), tokens.opened(keys, found.id, sealed)
    return service, for_service(kind, found.settings, secrets, slots_of(person.plan))
