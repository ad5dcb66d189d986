"""Connections: linking a person to a service that tells us, is told by us, or both. Secrets are sealed before they are
stored, and what is told is switched on and off in the transaction that says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from integration.connecting import checking, grace, tokens
from integration.connecting.held import as_settled, live, locked, opened_secrets, unknown
from integration.connecting.kinds import Kind, kind_of, slots_of
from integration.connecting.linking import Terms, is_private, settle
from integration.connecting.trying import check, habits, register
from integration.core.model import Connection
from integration.dispatching import breaker, operating
from integration.dispatching.breaker import Health
from integration.errors import Refused
from integration.keys import KeyKind, Keys, new_id
from integration.outgoing import Settings
from integration.people import find
from integration.service import Service, services
from integration.store import connections, dispatches, outlets, people, wakeups
from integration.store.engine import Database, Store
from webhooks.registry import Provider
from webhooks.signing import new_private_key, public_half

__all__ = ["Made", "add", "alter", "check", "habits", "opened_secrets", "register", "revoke", "rotate"]

Providers = Mapping[str, Provider]
Services = Mapping[str, Service]


@dataclass(frozen=True, slots=True)
class Made:
    """A connection that was made or changed. `hook` is the key of the address to give to the service, empty without
    one; `secret` is shown now and never again; `public` is the half by which a receiver checks our v1a signatures.
    """

    connection: Connection
    hook: str = field(repr=False)
    secret: str | None = field(repr=False)
    public: str | None = None


def add(
    store: Store,
    keys: Keys,
    providers: Providers,
    person_id: str,
    service: str,
    settings: Settings,
    now: datetime,
    known: Services | None = None,
) -> Made:
    """Connects a person with a service. `settings`: slot names, `label`, the provider's name for its secret, the
    fields of the service's file, and what integration/connecting/kinds.py adds. `known`: the services, if not all
    that there are.

    Raises Refused for a service or setting that does not exist, is missing or cannot be, NotFound for an unknown
    person, StoreUnavailable.
    """
    kind = kind_of(providers, services() if known is None else known, service)
    person = find(store, person_id)
    slots, settings = slots_of(person.plan), checking.as_stored(kind, settings)
    checking.check(kind, slots, settings)
    terms = settle(kind, slots, Terms(), settings)
    fresh = Connection(new_id(), person.id, service, settings.get("label") or kind.title, None, {}, None, now)
    connection = as_settled(keys, fresh, terms)
    with store.writing() as db:
        people.lock(db, person.id)
        connections.add(db, connection)
        _tell(db, keys, connection, terms, now)
    return _made(keys, kind, connection, terms, terms.secret)


def alter(
    store: Store,
    keys: Keys,
    providers: Providers,
    connection_id: str,
    changes: Settings,
    now: datetime,
    known: Services | None = None,
) -> Made:
    """Changes what `changes` names of a live connection; an empty value takes a setting away.

    An address of another server needs the secrets anew (webhook-reliability S14). What waits is sent at once, also
    where the connection had been switched off. Raises Refused, NotFound, ConfigError, StoreUnavailable.
    """
    whose = live(store, connection_id).person
    with store.writing() as db:
        person, held, before = locked(db, keys, whose, connection_id)
        kind, slots = kind_of(providers, services() if known is None else known, held.service), slots_of(person.plan)
        changes = checking.as_stored(kind, changes)
        checking.check(kind, slots, changes, before)
        terms = settle(kind, slots, before, changes)
        label = (changes.get("label") or kind.title) if "label" in changes else held.label
        after = as_settled(keys, replace(held, label=label), terms)
        connections.change(db, after)
        _tell(db, keys, after, terms, now, was_told=before.outgoing)
        if terms.outgoing and any(one.name in changes for one in kind.fields):
            _start_afresh(db, connection_id, now)
    return _made(keys, kind, after, terms, terms.made)


def rotate(
    store: Store,
    keys: Keys,
    providers: Providers,
    connection_id: str,
    now: datetime,
    known: Services | None = None,
) -> Made:
    """Puts a fresh secret in front of one that we made; the old one holds 24 hours longer (S15).

    Raises Refused where the secret is not ours to make, NotFound, ConfigError, StoreUnavailable.
    """
    whose = live(store, connection_id).person
    with store.writing() as db:
        _, held, before = locked(db, keys, whose, connection_id)
        kind = kind_of(providers, services() if known is None else known, held.service)
        terms = _rotated(kind, before, now)
        after = as_settled(keys, held, terms)
        connections.change(db, after)
        _tell(db, keys, after, terms, now)
    return _made(keys, kind, after, terms, terms.made)


def revoke(store: Store, connection: str, now: datetime) -> None:
    """Ends a connection: its address answers as if it had never been, and what waits for it is dropped.

    Raises NotFound, StoreUnavailable.
    """
    whose = live(store, connection).person
    with store.writing() as db:
        people.lock(db, whose)
        if not connections.revoke(db, connection, now):
            raise unknown(connection)
        operating.disconnect(db, connection, now)


def _tell(
    db: Database, keys: Keys, connection: Connection, terms: Terms, now: datetime, was_told: bool = False
) -> None:
    if terms.outgoing:
        outlets.add(db, connection.id, tokens.seal(keys, connection.id, terms.tokens))
    elif was_told:
        operating.disconnect(db, connection.id, now)


def _start_afresh(db: Database, connection: str, now: datetime) -> None:
    """What failed with the old settings may go well with the new ones. What is on its way with the old ones may arrive,
    but its answer says nothing of the new: nobody has the queue any more, and nothing else goes until that is over.
    """
    outlet = outlets.locked(db, connection)
    if outlet is None:
        return
    if outlet.sending is not None:
        dispatches.note(db, outlet.sending, attempted_at=now)
    fresh = Health(not_before=outlet.lease_until)
    dispatches.hasten(db, connection, now)
    outlets.save(db, connection, fresh, breaker.next_look(fresh, dispatches.next_due(db, connection)))
    wakeups.notify(db)


def _rotated(kind: Kind, before: Terms, now: datetime) -> Terms:
    make, outward = kind.proof.make, before.tokens.get(kind.shared)
    if make is None or not (before.secret or outward):
        raise Refused(f"the secrets of {kind.title} are not ours to make; change them there, then here")
    fresh = None if before.secret is None and is_private(outward) else make()
    secret, shown = before.secret, dict(before.tokens)
    if secret and fresh:
        secret = grace.rotated(secret, fresh, now)
    if outward:
        shown[kind.shared] = grace.rotated(outward, new_private_key() if is_private(outward) else fresh or "", now)
    return replace(before, secret=secret, tokens=shown, made=fresh)


def _made(keys: Keys, kind: Kind, connection: Connection, terms: Terms, secret: str | None) -> Made:
    hook = keys.key(KeyKind.HOOK, connection.key) if connection.key else ""
    outward = (part.strip() for part in terms.tokens.get(kind.shared, "").split(","))
    private = next((part for part in outward if is_private(part)), None)
    return Made(connection, hook, secret, public_half(private) if private else None)
