"""Feeds: a person has any number, each with label, options and key of its own; made, changed, rotated and ended."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from calendar_export.options import Options, chosen
from integration.core.model import Feed
from integration.core.naming import can_be_read
from integration.errors import NotFound, Refused
from integration.keys import new_id, random_id
from integration.people import find
from integration.store import feeds
from integration.store.engine import Database, Store

LONGEST_LABEL = 60
NO_NAME = f"label: give 1 to {LONGEST_LABEL} characters on one line"
MOST = 30


def add(store: Store, person: str, label: str, wishes: Mapping[str, str], now: datetime) -> Feed:
    """A further subscription. `wishes` are options as text.

    Raises FeedError for an option that cannot be, Refused, NotFound, StoreUnavailable.
    """
    feed = Feed(new_id(), find(store, person).id, random_id(), _label(label), now, chosen(Options(), wishes))
    with store.writing() as db:
        if len(feeds.of(db, feed.person)) >= MOST:
            raise Refused(f"a person has at most {MOST} feeds; revoke one that nobody reads")
        feeds.add(db, feed)
    return feed


def change(store: Store, feed: str, label: str | None, wishes: Mapping[str, str], now: datetime) -> Feed:
    """Another label, other options; what is not named stays. Raises FeedError, Refused, NotFound, StoreUnavailable."""
    with store.writing() as db:
        held = _live(db, feed)
        altered = replace(
            held, label=_label(held.label if label is None else label), options=chosen(held.options, wishes)
        )
        if altered.label != held.label:
            feeds.relabel(db, feed, altered.label)
        if altered.options != held.options:
            before = held.altered_at or held.created_at
            feeds.alter(db, feed, altered.options, max(now, before + timedelta(seconds=1)))
    return altered


def rotate(store: Store, feed: str, now: datetime) -> Feed:
    """The same subscription under a new address; the old one ends at once. Raises NotFound, StoreUnavailable."""
    with store.writing() as db:
        held = _live(db, feed)
        fresh = replace(held, id=new_id(), key=random_id(), created_at=now)
        feeds.revoke(db, feed, now)
        feeds.add(db, fresh)
    return fresh


def revoke(store: Store, feed: str, now: datetime) -> None:
    """Ends a feed: for 14 days its address tells calendars so, then it is gone. Raises NotFound, StoreUnavailable."""
    with store.writing() as db:
        _live(db, feed)
        feeds.revoke(db, feed, now)


def _live(db: Database, feed: str) -> Feed:
    found = feeds.by_id(db, feed)
    if found is None or found.revoked_at is not None:
        raise NotFound(f"no live feed has the id {feed[:40]!r}; 'turntwice feed list PERSON' shows all")
    return found


def _label(text: str) -> str:
    label = text.strip()
    if len(label) > LONGEST_LABEL or not can_be_read(label):
        raise Refused(NO_NAME)
    return label
