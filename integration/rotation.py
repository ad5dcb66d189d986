"""Puts everything that is stored sealed under the newest of our own secrets, while people and services go on.

It keeps no account of how far it came: what is under the newest secret already is passed over, so it may be cut off at
any moment and begun again, and a second run changes nothing. What somebody else changes meanwhile is left alone, as
that was sealed afresh. What none of our secrets opens stays as it is. Source: webhook-reliability K3, K4.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from integration.errors import ConfigError
from integration.keys import Keys
from integration.store import sealed
from integration.store.engine import Store
from integration.store.sealed import Document, Held

BATCH, DOCUMENTS = 500, 50
"""Connections and documents in one transaction: who comes in meanwhile waits some milliseconds."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many secrets and documents were put under the newest secret, how many secrets were there before, and the ids
    of the connections that have one which none of ours opens.
    """

    secrets: int = 0
    documents: int = 0
    kept: int = 0
    unopened: tuple[str, ...] = ()

    def __add__(self, other: "Rotated") -> "Rotated":
        unopened = dict.fromkeys([*self.unopened, *other.unopened])
        sums = (self.secrets + other.secrets, self.documents + other.documents, self.kept + other.kept)
        return Rotated(*sums, tuple(unopened))


def rotate(store: Store, keys: Keys, newest: Keys) -> Rotated:
    """Seals anew all that is not under `newest`, which is `keys` without the older secrets. Raises StoreUnavailable,
    then the batches until there are done.
    """
    return sum(batches(store, keys, newest), Rotated())


def batches(store: Store, keys: Keys, newest: Keys) -> Iterator[Rotated]:
    """As `rotate`, in steps: each is on disk when it is told."""
    for held in _held(store):
        yield _moved(store, _judged(held, keys, newest), keys, newest)
    for kept in _documents(store):
        changes = [(one, fresh) for one in kept if (fresh := _resealed(one, keys, newest))]
        if changes:
            yield Rotated(documents=_put_documents(store, changes))


def survey(store: Store, keys: Keys, newest: Keys) -> Rotated:
    """What `rotate` would find, of secrets only; changes nothing. Raises StoreUnavailable."""
    found = [_judged(held, keys, newest) for held in _held(store)]
    return sum((Rotated(len(one.older), kept=one.kept, unopened=one.unopened) for one in found), Rotated())


@dataclass(frozen=True, slots=True)
class _Found:
    """Of a batch: `older` are the sealed texts that are not under the newest secret, as (column, connection, text)."""

    older: tuple[tuple[str, str, str], ...] = field(repr=False)
    kept: int
    unopened: tuple[str, ...]


def _held(store: Store) -> Iterator[list[Held]]:
    after = ""
    while True:
        with store.reading() as db:
            batch = sealed.held(db, after, BATCH)
        if not batch:
            return
        yield batch
        after = batch[-1].connection


def _documents(store: Store) -> Iterator[list[Document]]:
    after = ""
    while True:
        with store.reading() as db:
            batch = sealed.documents_after(db, after, DOCUMENTS)
        if not batch:
            return
        yield batch
        after = batch[-1].feed


def _judged(batch: list[Held], keys: Keys, newest: Keys) -> _Found:
    older, kept, unopened = list[tuple[str, str, str]](), 0, list[str]()
    for held in batch:
        for column, text in held.texts.items():
            place = _place(column, held.connection)
            if _opens(newest, text, place):
                kept += 1
            elif _opens(keys, text, place):
                older.append((column, held.connection, text))
            else:
                unopened.append(held.connection)
    return _Found(tuple(older), kept, tuple(unopened))


def _moved(store: Store, found: _Found, keys: Keys, newest: Keys) -> Rotated:
    changes: dict[str, list[tuple[str, str, str]]] = {column: [] for column in sealed.COLUMNS}
    for column, connection, text in found.older:
        place = _place(column, connection)
        changes[column].append((connection, text, newest.seal(keys.open(text, place), place)))
    done = 0
    if found.older:
        with store.writing() as db:
            done = sum(sealed.put_text(db, column, wanted) for column, wanted in changes.items())
    return Rotated(done, kept=found.kept, unopened=found.unopened)


def _put_documents(store: Store, changes: list[tuple[Document, bytes]]) -> int:
    with store.writing() as db:
        return sealed.put_documents(db, changes)


def _place(column: str, connection: str) -> str:
    """Where a text is bound to, as integration/connecting/held.py and integration/connecting/tokens.py seal it."""
    return f"connections/{connection}/{column}"


def _opens(keys: Keys, text: str, place: str) -> bool:
    try:
        keys.open(text, place)
    except ConfigError:
        return False
    return True


def _resealed(one: Document, keys: Keys, newest: Keys) -> bytes | None:
    """A document sealed anew; None where it need not be, or cannot: then its feed is built afresh at the next poll."""
    place = f"documents/{one.feed}"
    with suppress(ConfigError):
        newest.open_bytes(one.gzipped, place)
        return None
    with suppress(ConfigError):
        return newest.seal_bytes(keys.open_bytes(one.gzipped, place), place)
    return None
