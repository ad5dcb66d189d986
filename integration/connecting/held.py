"""A stored connection and what it amounts to, with its secrets sealed and opened: each bound to its row and column."""

from dataclasses import replace
from datetime import datetime

from integration.clock import system
from integration.connecting import grace, tokens
from integration.connecting.linking import Terms
from integration.core.model import Connection, Person
from integration.errors import NotFound
from integration.keys import Keys, random_id
from integration.store import connections, people
from integration.store.engine import Database, Store

ALL = "'turntwice connection list PERSON' shows all"


def opened_secrets(keys: Keys, connection: Connection, now: datetime | None = None) -> tuple[str, ...]:
    """The secrets of a connection that are live at `now` (this moment, if not given), newest first.

    Raises ConfigError when none of our own opens them.
    """
    if connection.sealed is None:
        return ()
    return grace.live(keys.open(connection.sealed, _place(connection.id)), now or system())


def as_settled(keys: Keys, connection: Connection, terms: Terms) -> Connection:
    """The connection as its terms say, to be stored; a first address gets its key."""
    return replace(
        connection,
        key=(connection.key or random_id()) if terms.hook else None,
        settings=terms.settings,
        sealed=keys.seal(terms.secret, _place(connection.id)) if terms.secret else None,
        outgoing=terms.outgoing,
    )


def known(store: Store, connection: str, whose: str | None = None) -> Connection:
    """The connection of that id and, if given, person, live or ended. Raises NotFound, StoreUnavailable."""
    with store.reading() as db:
        found = connections.by_id(db, connection)
    if found is None or whose not in (None, found.person):
        raise NotFound(f"no connection has the id {connection[:40]!r}; {ALL}")
    return found


def live(store: Store, connection: str) -> Connection:
    """The live connection of that id. Raises NotFound, StoreUnavailable."""
    with store.reading() as db:
        found = connections.by_id(db, connection)
    if found is None or found.revoked_at is not None:
        raise unknown(connection)
    return found


def locked(db: Database, keys: Keys, person_id: str, connection: str) -> tuple[Person, Connection, Terms]:
    """A live connection, which nobody else changes until the transaction ends, its person, and its terms.

    Raises NotFound, ConfigError when none of our own secrets opens its.
    """
    people.lock(db, person_id)
    person, held = people.by_id(db, person_id), connections.by_id(db, connection)
    if person is None or held is None or held.revoked_at is not None:
        raise unknown(connection)
    secret = keys.open(held.sealed, _place(held.id)) if held.sealed else None
    shown = tokens.opened(keys, held.id, connections.tokens(db, held.id))
    return person, held, Terms(held.settings, held.key is not None, secret, held.outgoing, shown)


def unknown(connection: str) -> NotFound:
    """What is said of an id that no live connection has."""
    return NotFound(f"no live connection has the id {connection[:40]!r}; {ALL}")


def _place(connection: str) -> str:
    return f"connections/{connection}/secrets"
