"""The feeds as documents: built when something changed or the week rolled, kept with their tag, served from the store.

A poll that finds nothing new costs one query. Rule numbers are those of calendar-feed.
"""

import gzip
import hashlib
from datetime import date, timedelta
from functools import partial

from calendar_export import feed
from calendar_export.blueprint import Document
from calendar_export.event import Entry, State, uid
from calendar_export.feed import Look
from calendar_export.plan import Session
from calendar_export.routine import Dose
from integration.clock import Clock
from integration.core import model
from integration.core.merge import Merged
from integration.core.model import Feed, Person
from integration.errors import NotFound
from integration.keys import KeyKind, Keys
from integration.links import Links
from integration.status import merged_sessions
from integration.store import facts, feeds
from integration.store.engine import Database, Store
from integration.store.feeds import Built, Stored

BACK = timedelta(days=14)
FORWARD = timedelta(days=60)
NAME = "Turntwice"
DESCRIPTION = "A spinal-rotation stretch on waking and before sleep."
_SHOWN = {
    model.State.DONE: State.DONE,
    model.State.SKIPPED: State.SKIPPED,
    model.State.HURT: State.HURT,
}


class Publisher:
    """Finds feeds by key and keeps their documents fresh; see calendar_export.blueprint.Feeds."""

    def __init__(self, store: Store, keys: Keys, links: Links, clock: Clock) -> None:
        self._store, self._keys, self._links, self._clock = store, keys, links, clock

    def find(self, key: str, agent: str) -> Document | None:  # noqa: ARG002  shown to the person in a later issue
        """The fresh document behind a feed's key. Raises StoreUnavailable."""
        try:
            random = self._keys.read(KeyKind.FEED, key)
        except NotFound:
            return None
        with self._store.reading() as db:
            found = feeds.poll(db, random)
        if found is None:
            return None
        subscription, person, stored = found
        week = monday(person.plan.today(self._clock()))
        if stored is None or (stored.changes, stored.week) != (person.changes, week):
            stored = self._rebuilt(subscription, person, week, stored)
        body = partial(self._body, subscription.id)
        return Document(stored.etag, stored.changed_at, partial(body, False), partial(body, True))

    # Between the query of the poll and this one a newer document may have been kept. It then goes out under the older
    # tag, which the client's next poll finds changed: once more than needed, never wrong.
    def _body(self, feed_id: str, gzipped: bool) -> bytes:
        with self._store.reading() as db:
            return feeds.body(db, feed_id, gzipped)

    def _rebuilt(self, subscription: Feed, person: Person, week: date, old: Stored | None) -> Stored:
        with self._store.reading() as db:
            document = build(db, subscription, person, week, self._links)
        etag = hashlib.sha256(document).hexdigest()[:32]
        changed_at = old.changed_at if old and old.etag == etag else self._clock()
        stored = Stored(etag, changed_at, person.changes, week)
        with self._store.writing() as db:
            feeds.keep(db, subscription.id, Built(stored, document, gzip.compress(document, mtime=0)))
        return stored


def monday(day: date) -> date:
    """The Monday on or before a date: the window is laid from it, so it moves once a week (rule 4)."""
    return day - timedelta(days=day.weekday())


def build(db: Database, subscription: Feed, person: Person, week: date, links: Links) -> bytes:
    """The document of a feed for the week that begins on that Monday. Raises FeedError, StoreUnavailable."""
    first, last = week - BACK, week + FORWARD - timedelta(days=1)
    merged = merged_sessions(facts.since(db, person.id, first))
    revisions = facts.revisions_between(db, person.id, first, last)
    sessions = [s for s in person.plan.sessions(first, last) if s.not_due is None or (s.date, s.slot) in merged]
    entries = [
        _entry(subscription, person, session, merged.get((session.date, session.slot)), revisions, links)
        for session in sessions
    ]
    return feed.render(_look(subscription, person), entries)


def _entry(
    subscription: Feed,
    person: Person,
    session: Session,
    merged: Merged | None,
    revisions: facts.Revisions,
    links: Links,
) -> Entry:
    version = person.plan.version_on(session.date)
    sequence, changed_at = revisions.get((session.date, session.slot), (0, person.created_at))
    return Entry(
        uid=uid(person.id, session.date, session.slot),
        slot=session.slot,
        date=session.date,
        starts=session.starts,
        state=_SHOWN.get(merged.state, State.DUE) if merged and merged.state else State.DUE,
        sequence=sequence,
        changed_at=changed_at,
        dose=version.dose if version else Dose(),
        link=links.session(subscription.key, session.date, session.slot),
    )


def _look(subscription: Feed, person: Person) -> Look:
    plan = person.plan
    return Look(
        name=NAME,
        description=DESCRIPTION,
        zone=plan.zones[-1].zone,
        uid=f"{subscription.id}@turntwice",
        stamp=plan.versions[-1].made_at,
    )
