"""Feeds and the documents that were built for them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from integration.core.model import Feed, Person
from integration.store.people import decode_plan
from integration.store.tables import documents, feeds, people

_POLL = (
    select(
        feeds,
        people.c.plan,
        people.c.key.label("person_key"),
        people.c.changes,
        people.c.created_at.label("person_created_at"),
        documents.c.etag,
        documents.c.changed_at,
        documents.c.changes.label("document_changes"),
        documents.c.week,
    )
    .join(people, people.c.id == feeds.c.person)
    .outerjoin(documents, documents.c.feed == feeds.c.id)
    .where(feeds.c.key == bindparam("key"), feeds.c.revoked_at.is_(None))
)
_BODIES = {
    False: select(documents.c.body).where(documents.c.feed == bindparam("feed")),
    True: select(documents.c.gzipped).where(documents.c.feed == bindparam("feed")),
}


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of the document kept for a feed; its bytes are read only when they are sent.

    `changes` is the person's count of changes that it shows, `week` the Monday that its window was laid from.
    """

    etag: str
    changed_at: datetime
    changes: int
    week: date


@dataclass(frozen=True, slots=True)
class Built:
    """A document ready to be kept."""

    stored: Stored
    body: bytes = field(repr=False)
    gzipped: bytes = field(repr=False)


def add(db: Connection, feed: Feed) -> None:
    """Stores a new feed."""
    db.execute(
        insert(feeds).values(id=feed.id, person=feed.person, key=feed.key, label=feed.label, created_at=feed.created_at)
    )


def poll(db: Connection, key: str) -> tuple[Feed, Person, Stored | None] | None:
    """A live feed by key, its person and what is stored for it: the one query of a poll."""
    row = db.execute(_POLL, {"key": key}).one_or_none()
    if row is None:
        return None
    person = Person(row.person, row.person_key, decode_plan(row.plan), row.changes, row.person_created_at)
    stored = Stored(row.etag, row.changed_at, row.document_changes, row.week) if row.etag else None
    return _feed(row), person, stored


def of(db: Connection, person: str) -> list[Feed]:
    """A person's live feeds, oldest first."""
    query = select(feeds).where(feeds.c.person == person, feeds.c.revoked_at.is_(None))
    return [_feed(row) for row in db.execute(query.order_by(feeds.c.created_at, feeds.c.id))]


def revoke(db: Connection, feed: str, now: datetime) -> bool:
    """Ends a feed and every link in it."""
    query = update(feeds).where(feeds.c.id == feed, feeds.c.revoked_at.is_(None))
    return db.execute(query.values(revoked_at=now)).rowcount > 0


def body(db: Connection, feed: str, gzipped: bool) -> bytes:
    """The bytes kept for a feed."""
    return bytes(db.execute(_BODIES[gzipped], {"feed": feed}).scalar_one())


def keep(db: Connection, feed: str, built: Built) -> None:
    """Replaces the document of a feed."""
    db.execute(delete(documents).where(documents.c.feed == feed))
    stored = built.stored
    db.execute(
        insert(documents).values(
            feed=feed,
            etag=stored.etag,
            changed_at=stored.changed_at,
            changes=stored.changes,
            week=stored.week,
            body=built.body,
            gzipped=built.gzipped,
        )
    )


def _feed(row: Row[Any]) -> Feed:
    return Feed(row.id, row.person, row.key, row.label, row.created_at, row.revoked_at)
