"""Asks a service that we tell, while somebody waits: whether it takes us, and what a session can be mapped to there."""

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TypeVar

from integration import tokens
from integration.errors import NotFound, Refused
from integration.keys import Keys
from integration.kinds import Kind, for_service, slots_of
from integration.outgoing import Call, Habit, Refusal, Reply, Request, Sent, Settings
from integration.service import Service
from integration.store import connections, people
from integration.store.engine import Store

PATIENCE = 12.0
"""Seconds: after so long no further call is made, so that nobody waits for more than this and one call."""
MOST = 500
"""Habits that are offered to choose from."""

T = TypeVar("T")

log = logging.getLogger(__name__)


def check(call: Call, store: Store, keys: Keys, known: Mapping[str, Service], connection: str) -> str:
    """Tests a connection without changing anything; one sentence, such as "Connected as Ada."

    Raises Refusal (what is wrong), Refused, NotFound, ConfigError, StoreUnavailable.
    """
    service, settings = _told(store, keys, known, connection)
    ask: Callable[[Call, Settings], str] | None = getattr(service, "check", None)
    if ask is None:
        raise Refused(f"{service.TITLE} cannot be tested; the next session will show")
    return _asked(service, ask, call, settings)


def habits(call: Call, store: Store, keys: Keys, known: Mapping[str, Service], connection: str) -> Sequence[Habit]:
    """What a slot can be mapped to there, those first that the service puts first. Raises as `check` does."""
    service, settings = _told(store, keys, known, connection)
    ask: Callable[[Call, Settings], Sequence[Habit]] | None = getattr(service, "habits", None)
    if ask is None:
        raise Refused(f"{service.TITLE} has no habits to choose from")
    return _asked(service, ask, call, settings)[:MOST]


def register(call: Call, store: Store, keys: Keys, known: Mapping[str, Service], connection: str, address: str) -> str:
    """Makes the service tell us at that address, or switches on what it switched off; one sentence.

    Raises as `check` does.
    """
    service, settings = _told(store, keys, known, connection)
    ask: Callable[[Call, Settings, str], Sent] | None = getattr(service, "webhook", None)
    if ask is None:
        raise Refused(f"{service.TITLE} is to be set up by hand; its recipe says how")
    sent = _asked(service, lambda call, settings: ask(call, settings, address), call, settings)
    return f"{service.TITLE} tells us {'already' if sent.already else 'from now on'}."


def _told(store: Store, keys: Keys, known: Mapping[str, Service], connection: str) -> tuple[Service, Settings]:
    with store.reading() as db:
        found = connections.by_id(db, connection) if connection.isalnum() else None
        person = people.by_id(db, found.person) if found and found.revoked_at is None else None
        sealed = connections.tokens(db, connection) if person else None
    if found is None or person is None:
        raise NotFound(f"no live connection has the id {connection[:40]!r}")
    service = known.get(found.service)
    if service is None or not found.outgoing:
        raise Refused(f"{found.label} is told nothing, so there is nothing to ask it; it only tells us")
    kind, secrets = Kind(found.service, None, service), tokens.opened(keys, found.id, sealed)
    return service, for_service(kind, found.settings, secrets, slots_of(person.plan))


def _asked(service: Service, ask: Callable[[Call, Settings], T], call: Call, settings: Settings) -> T:
    try:
        return ask(_patient(call), settings)
    except Refusal:
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "a mistake in asking %s: %s in %s:%s", service.TITLE, type(error).__name__, where.filename, where.lineno
        )
    # Not inside `except`: what the mistake says may quote a secret.
    raise Refusal("mistake", f"we made a mistake in asking {service.TITLE}; please report it")


def _patient(call: Call) -> Call:
    begun = monotonic()

    def asked(request: Request) -> Reply:
        if monotonic() - begun > PATIENCE:
            raise Refusal("too_slow", "it took too long to answer; please try again later")
        return call(request)

    return asked
