"""Feeds and the documents that were built for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from calendar_export.options import Options
from integration.core.model import Feed, Person
from integration.keys import is_id
from integration.store import quick
from integration.store.people import JOINED, as_person, joined
from integration.store.tables import documents, feeds, people

_POLL = (
    select(
        feeds,
        *JOINED,
        documents.c.etag,
        documents.c.changed_at,
        documents.c.changes.label("document_changes"),
        documents.c.week,
        documents.c.look,
    )
    .join(people, people.c.id == feeds.c.person)
    .outerjoin(documents, documents.c.feed == feeds.c.id)
    .where(feeds.c.key == bindparam("key"))
)
# What can change between two polls.
_PULSE = (
    select(feeds.c.revoked_at, feeds.c.edition, people.c.changes, documents.c.etag)
    .join(people, people.c.id == feeds.c.person)
    .outerjoin(documents, documents.c.feed == feeds.c.id)
    .where(feeds.c.key == bindparam("key"))
)
_BODY = select(documents.c.gzipped).where(documents.c.feed == bindparam("feed"))


Pulse = tuple[int | None, int, int, str | None]
"""When a feed was revoked, the edition of its options, its person's count of changes, its document's tag."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of the document kept for a feed; its bytes are read only when they are sent.

    `changes` is the person's count of changes that it shows, `week` the Monday that its window was laid from, `look`
    what all of its events depend on beside their sessions.
    """

    etag: str
    changed_at: datetime
    changes: int
    week: date
    look: str


@dataclass(frozen=True, slots=True)
class Built:
    """A document ready to be kept; only `gzipped` is."""

    stored: Stored
    body: bytes = field(repr=False)
    gzipped: bytes = field(repr=False)


def add(db: Connection, feed: Feed) -> None:
    """Stores a new feed."""
    db.execute(
        insert(feeds).values(
            id=feed.id,
            person=feed.person,
            key=feed.key,
            label=feed.label,
            options=encode(feed.options),
            edition=feed.edition,
            altered_at=feed.altered_at,
            created_at=feed.created_at,
        )
    )


def poll(db: Connection, key: str) -> tuple[Feed, Person, Stored | None] | None:
    """A feed by key, revoked or not, its person and what is stored for it: the one query of a poll."""
    row = db.execute(_POLL, {"key": key}).one_or_none()
    return None if row is None else (_feed(row), joined(row), _stored(row) if row.etag else None)


def pulse(db: Connection, key: str) -> Pulse | None:
    """Whether a feed's document is still what it was: equal values mean that nothing of it changed."""
    found: list[Pulse] = quick.rows(db, _PULSE, {"key": key})
    return found[0] if found else None


def of(db: Connection, person: str) -> list[Feed]:
    """A person's live feeds, oldest first."""
    query = select(feeds).where(feeds.c.person == person, feeds.c.revoked_at.is_(None))
    return [_feed(row) for row in db.execute(query.order_by(feeds.c.created_at, feeds.c.id))]


def by_id(db: Connection, feed: str) -> Feed | None:
    """The feed of that id, revoked or not."""
    if not is_id(feed):
        return None
    row = db.execute(select(feeds).where(feeds.c.id == feed)).one_or_none()
    return None if row is None else _feed(row)


def reader(db: Connection, feed: str) -> Person | None:
    """The person of a live feed."""
    query = select(people).join(feeds).where(feeds.c.id == feed, feeds.c.revoked_at.is_(None))
    row = db.execute(query).one_or_none()
    return None if row is None else as_person(row)


def relabel(db: Connection, feed: str, label: str) -> None:
    """Gives a feed another label; calendars do not see it."""
    db.execute(update(feeds).where(feeds.c.id == feed).values(label=label))


def alter(db: Connection, feed: str, options: Options, now: datetime) -> None:
    """Gives a feed other options: all of its events are revised."""
    values = {"options": encode(options), "edition": feeds.c.edition + 1, "altered_at": now}
    db.execute(update(feeds).where(feeds.c.id == feed).values(values))


def revoke(db: Connection, feed: str, now: datetime) -> bool:
    """Ends a feed and every link in it, and drops its document."""
    db.execute(delete(documents).where(documents.c.feed == feed))
    query = update(feeds).where(feeds.c.id == feed, feeds.c.revoked_at.is_(None))
    return db.execute(query.values(revoked_at=now)).rowcount > 0


def fetched(db: Connection, seen: Mapping[str, tuple[str, datetime]]) -> None:
    """Notes for each feed which client asked for it last, and when."""
    for feed, (client, at) in seen.items():
        db.execute(update(feeds).where(feeds.c.id == feed).values(fetched_by=client, fetched_at=at))


def gzipped(db: Connection, feed: str) -> bytes | None:
    """The bytes kept for a feed; None when the feed was revoked meanwhile."""
    found: bytes | None = db.execute(_BODY, {"feed": feed}).scalar_one_or_none()
    return found


def keep(db: Connection, feed: str, built: Built) -> None:
    """Replaces the document of a feed."""
    stored = built.stored
    values = {
        "etag": stored.etag,
        "changed_at": stored.changed_at,
        "changes": stored.changes,
        "week": stored.week,
        "look": stored.look,
        "gzipped": built.gzipped,
    }
    if not db.execute(update(documents).where(documents.c.feed == feed).values(values)).rowcount:
        db.execute(insert(documents).values(values | {"feed": feed}))


def encode(options: Options) -> str:
    """Options as kept, and as part of a document's look."""
    return msgspec.json.encode(options).decode()


@lru_cache(maxsize=1024)
def _decode(text: str) -> Options:
    return msgspec.json.decode(text, type=Options)


def _stored(row: Row[Any]) -> Stored:
    return Stored(row.etag, row.changed_at, row.document_changes, row.week, row.look)


def _feed(row: Row[Any]) -> Feed:
    return Feed(
        row.id,
        row.person,
        row.key,
        row.label,
        row.created_at,
        _decode(row.options),
        row.edition,
        row.altered_at,
        row.revoked_at,
        row.fetched_at,
        row.fetched_by,
    )
