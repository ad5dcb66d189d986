"""Keeps our webhook at a service alive: set up when somebody asks, and switched on again where the service gave it up.

Habitica switches a webhook off after ten failures and tells nobody. A hook that was deleted there was meant to go: it
is not made anew until somebody asks again. Source: habit-services 2 (disabling) and 24.5.
"""

import logging
from datetime import datetime

from integration.connecting import trying
from integration.connecting.held import live
from integration.errors import Refused
from integration.outgoing import Call, Refusal, Reply, Request
from integration.parts import Parts
from integration.service import Service
from integration.store import lookings

NO_MORE = "no_hook"

log = logging.getLogger(__name__)


def can(service: Service | None) -> bool:
    """Whether a service lets us set up its webhook."""
    return hasattr(service, "webhook")


def ensure(parts: Parts, connection: str, now: datetime) -> str:
    """Sets up, or switches on, our webhook at the service; from then on we look after it. One sentence.

    Raises Refusal (what the service says), Refused, NotFound, ConfigError, StoreUnavailable.
    """
    told = _register(parts, parts.call, connection)
    note(parts, connection, now)
    return told


def note(parts: Parts, connection: str, now: datetime) -> None:
    """Remembers that we set it up, so that we look after it. Raises StoreUnavailable."""
    with parts.store.writing() as db:
        lookings.hook(db, connection, now)


def mend(parts: Parts, connection: str) -> str:
    """Switches our webhook on again, where we had set it up and it was switched off. One sentence for the person where
    it was deleted there, else none.

    Raises Refused, NotFound, ConfigError, StoreUnavailable; what the service refuses is tried again the next time.
    """
    with parts.store.reading() as db:
        hooked = lookings.get(db, connection).hooked_at is not None
    if not hooked:
        return ""
    try:
        _register(parts, _nothing_new(parts.call), connection)
        return ""
    except Refusal as refusal:
        if refusal.reason != NO_MORE:
            log.info("cannot look after the webhook of connection %s: %s", connection, refusal.reason)
            return ""
    with parts.store.writing() as db:
        lookings.hook(db, connection, None)
    return "Our webhook there was deleted; let it tell us again, if you wish."


def _register(parts: Parts, call: Call, connection: str) -> str:
    held = live(parts.store, connection)
    if not held.key:
        raise Refused(f"{held.label} has no address to report to")
    address = parts.links.hook(held.service, held.key)
    return trying.register(call, parts.store, parts.keys, parts.services, connection, address)


def _nothing_new(call: Call) -> Call:
    """The way out for what changes what is there; a POST would make another."""

    def asked(request: Request) -> Reply:
        if request.method == "POST":
            raise Refusal(NO_MORE, "our webhook is not there any more")
        return call(request)

    return asked
