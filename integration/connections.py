"""Connections: linking a person to a service that reports completions. Secrets are sealed before they are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from integration.core.model import Connection
from integration.errors import NotFound, Refused
from integration.keys import KeyKind, Keys, new_id, random_id
from integration.people import find
from integration.store import connections
from integration.store.engine import Store
from webhooks.errors import BadSecret
from webhooks.registry import Provider

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Made:
    """A new connection. `hook` is the address to give to the service; `secret` is shown now and never again."""

    connection: Connection
    hook: str = field(repr=False)
    secret: str | None = field(repr=False)


def add(
    store: Store,
    keys: Keys,
    providers: Mapping[str, Provider],
    person_id: str,
    service: str,
    settings: Mapping[str, str],
    now: datetime,
) -> Made:
    """Connects a person with a service. `settings`: slot names, `label`, and the provider's name for its secret.

    Raises Refused for a service or setting that does not exist and for a secret that is too weak, NotFound for an
    unknown person, StoreUnavailable.
    """
    provider = providers.get(service)
    if provider is None:
        raise Refused(f"no service is called {service[:40]!r}; there are {', '.join(providers)}")
    person = find(store, person_id)
    slots = {slot.name for version in person.plan.versions for slot in version.slots}
    _check_settings(settings, {*slots, "label", *filter(None, [provider.SECRETS.setting])})
    secret = _secret(provider, settings)
    connection_id = new_id()
    connection = Connection(
        id=connection_id,
        person=person.id,
        service=service,
        label=settings.get("label", provider.TITLE),
        key=random_id(),
        settings={name: value for name, value in settings.items() if name in slots},
        sealed=keys.seal(secret, _place(connection_id)) if secret else None,
        created_at=now,
    )
    with store.writing() as db:
        connections.add(db, connection)
    return Made(connection, keys.key(KeyKind.HOOK, connection.key or ""), secret)


def opened_secrets(keys: Keys, connection: Connection) -> tuple[str, ...]:
    """The live secrets of a connection, newest first. Raises ConfigError when none of our own opens them."""
    if connection.sealed is None:
        return ()
    return tuple(part.strip() for part in keys.open(connection.sealed, _place(connection.id)).split(","))


def revoke(store: Store, connection: str, now: datetime) -> None:
    """Ends a connection: its address answers as if it had never been. Raises NotFound, StoreUnavailable."""
    with store.writing() as db:
        if not connections.revoke(db, connection, now):
            raise NotFound(f"no live connection has the id {connection[:40]!r}")


def _check_settings(settings: Mapping[str, str], known: set[str]) -> None:
    for name, value in settings.items():
        if name not in known:
            raise Refused(f"no setting is called {name[:40]!r}; there are {', '.join(sorted(known))}")
        if not value.strip() or len(value) > LONGEST or not value.isprintable():
            raise Refused(f"{name}: give 1 to {LONGEST} printable characters")


def _secret(provider: Provider, settings: Mapping[str, str]) -> str | None:
    proof = provider.SECRETS
    given = settings.get(proof.setting) if proof.setting else None
    if given is None and proof.needed == "required" and proof.make is None:
        raise Refused(f"{provider.TITLE} needs a {proof.setting}; give it with --set {proof.setting}=...")
    if given is None:
        return proof.make() if proof.make and proof.needed == "required" else None
    try:
        for part in given.split(","):
            if proof.check:
                proof.check(part.strip())
    except BadSecret as error:
        raise Refused(f"{proof.setting}: {error}") from None
    return given


def _place(connection: str) -> str:
    return f"connections/{connection}/secrets"
