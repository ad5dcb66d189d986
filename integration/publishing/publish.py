"""The feeds as documents: built when something changed or the week rolled, kept with their tag, served from the store.

A poll that finds nothing new costs one query. When building or checking fails, the last good document is served, the
failure is counted, and logged once. Rule numbers are those of calendar-feed.
"""

import gzip
import hashlib
import logging
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache, partial

from calendar_export import feed
from calendar_export.blueprint import Document, Missing
from calendar_export.clients import recognise
from calendar_export.plan import Plan
from integration.clock import Clock
from integration.core.model import Feed
from integration.errors import NotFound, StoreUnavailable
from integration.keys import KeyKind, Keys
from integration.links import Links
from integration.publishing import documents
from integration.publishing.documents import Draft, monday
from integration.publishing.fetches import Fetches
from integration.store import facts, feeds
from integration.store.engine import Database, Store
from integration.store.feeds import Built, Pulse, Stored

NOTICE = timedelta(days=14)
"""How long a revoked feed shows a notice without anything personal, before it is gone (rule 45)."""

LEVEL = 3
"""Of gzip: a feed of a thousand events is compressed in a third of the time of the usual 6, and is a tenth larger."""

KEPT_BODIES = {True: 128, False: 8}
"""Bodies kept in memory, gzipped and plain, as a popular minute asks for the same; a plain one is large."""

log = logging.getLogger(__name__)


REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class _Seen:
    """A fresh document, the pulse that it had, and the Monday that the plan's window was laid from."""

    pulse: Pulse
    feed: str
    document: Document
    plan: Plan
    week: date


class Publisher:
    """Finds feeds by key and keeps their documents fresh; see calendar_export.blueprint.Feeds."""

    def __init__(self, store: Store, keys: Keys, links: Links, clock: Clock) -> None:
        self._store, self._keys, self._links, self._clock = store, keys, links, clock
        self._fetches = Fetches(store)
        self._bodies = {how: lru_cache(maxsize=most)(partial(self._body, how)) for how, most in KEPT_BODIES.items()}
        self._seen: dict[str, _Seen] = {}
        self._failing: set[str] = set()
        self.failures: Counter[str] = Counter()

    def find(self, key: str, agent: str) -> Document | Missing:
        """The fresh document behind a feed's key. Raises StoreUnavailable when there is none to serve."""
        try:
            random = self._keys.read(KeyKind.FEED, key)
        except NotFound:
            return Missing.UNKNOWN
        now, seen = self._clock(), self._seen.get(random)
        if seen is None or monday(seen.plan.today(now)) != seen.week:
            return self._looked_up(random, agent, now)
        with self._store.reading() as db:
            pulse = feeds.pulse(db, random)
        if pulse != seen.pulse:
            return self._looked_up(random, agent, now)
        if client := recognise(agent):
            self._fetches.note(seen.feed, client, now)
        return seen.document

    def _looked_up(self, random: str, agent: str, now: datetime) -> Document | Missing:
        """As `find`, with all that a document depends on."""
        with self._store.reading() as db:
            found = feeds.poll(db, random)
        if found is None:
            return Missing.UNKNOWN
        subscription, person, stored = found
        if subscription.revoked_at:
            return self._notice(subscription, subscription.revoked_at, now)
        if client := recognise(agent):
            self._fetches.note(subscription.id, client, now)
        draft = Draft(subscription, person, monday(person.plan.today(now)), self._links)
        if stored and (stored.changes, stored.week, stored.look) == (person.changes, draft.week, draft.fingerprint):
            document = self._stored(subscription, stored)
            pulse = (None, subscription.edition, person.changes, stored.etag)
            self._remember(random, _Seen(pulse, subscription.id, document, person.plan, draft.week))
            return document
        return self._fresh(draft, stored)

    def _remember(self, random: str, seen: "_Seen") -> None:
        if len(self._seen) >= REMEMBERED:
            self._seen.clear()  # rare, and each feed that is polled comes back with its next poll
        self._seen[random] = seen

    def _stored(self, subscription: Feed, stored: Stored) -> Document:
        plain, gzipped = (partial(self._bodies[how], subscription.id, stored.etag) for how in (False, True))
        return Document(stored.etag, stored.changed_at, plain, gzipped)

    # Between the query of the poll and this one a newer document may have been kept. It then goes out under the older
    # tag, which the client's next poll finds changed: once more than needed, never wrong.
    def _body(self, gzipped: bool, feed_id: str, _etag: str) -> bytes:
        with self._store.reading() as db:
            kept = feeds.gzipped(db, feed_id)
        if kept is None:
            raise StoreUnavailable("the feed was revoked this moment")
        body = self._keys.open_bytes(kept, _place(feed_id))
        return body if gzipped else gzip.decompress(body)

    def _fresh(self, draft: Draft, stored: Stored | None) -> Document:
        """A new document, kept; the last good one when that fails (rules 9 and 44)."""
        try:
            built = self._built(draft, stored)
        except Exception as error:
            self._count(draft.feed, error)
            if stored is None:
                raise StoreUnavailable("the feed cannot be built just now") from error
            return self._stored(draft.feed, stored)
        self._failing.discard(draft.feed.id)
        self._keep(draft.feed, built)
        return _in_memory(built)

    def _built(self, draft: Draft, stored: Stored | None) -> Built:
        with self._store.reading() as db:
            document = self._document(db, draft, stored)
        etag = _etag(document)
        changed_at = stored.changed_at if stored and stored.etag == etag else self._clock()
        made = Stored(etag, changed_at, draft.person.changes, draft.week, draft.fingerprint)
        return Built(made, document, gzip.compress(document, LEVEL, mtime=0))

    def _keep(self, subscription: Feed, built: Built) -> None:
        try:
            with self._store.writing() as db:
                feeds.keep(db, subscription.id, self._sealed(subscription.id, built))
        except StoreUnavailable as error:
            self._count(subscription, error)

    def _count(self, subscription: Feed, error: Exception) -> None:
        reason = getattr(error, "reason", type(error).__name__)
        self.failures[reason] += 1
        if subscription.id not in self._failing:
            self._failing.add(subscription.id)
            # No traceback: it may quote what a person wrote. The class says where to look.
            log.error("feed %s: %s (%s); serving the last good document", subscription.id, reason, type(error).__name__)

    def _notice(self, subscription: Feed, revoked_at: datetime, now: datetime) -> Document | Missing:
        """Two weeks of one notice that overwrites the copies in people's calendars, then nothing (rule 45)."""
        if now >= revoked_at + NOTICE:
            return Missing.GONE
        body = feed.ended(f"{subscription.id}@turntwice", revoked_at, subscription.options)
        return Document(_etag(body), revoked_at, lambda: body, lambda: gzip.compress(body, LEVEL, mtime=0))

    def _document(self, db: Database, draft: Draft, stored: Stored | None) -> bytes:
        """Mends the stored document where that will do, reuses its events where it will not, or builds from nothing."""
        if stored is None or stored.look != draft.fingerprint:
            return documents.build(db, draft, {})
        kept = feeds.gzipped(db, draft.feed.id)
        old = gzip.decompress(self._keys.open_bytes(kept, _place(draft.feed.id))) if kept else b""
        # From before the window on: a session that left it may come back.
        revised = facts.revised_after(db, draft.person.id, stored.changes)
        if stored.week == draft.week and old:
            shown = [key for key in revised if draft.first <= key[0] <= draft.last]
            mended = documents.mend(db, draft, old, shown)
            if mended:
                return mended
        return documents.build(db, draft, documents.reusable(draft, old, revised))

    def _sealed(self, feed_id: str, built: Built) -> Built:
        """Links in the document are keys, and the database alone must open nothing (DESIGN section 4)."""
        return replace(built, gzipped=self._keys.seal_bytes(built.gzipped, _place(feed_id)))


def _etag(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()[:32]


def _place(feed_id: str) -> str:
    return f"documents/{feed_id}"


def _in_memory(built: Built) -> Document:
    return Document(built.stored.etag, built.stored.changed_at, lambda: built.body, lambda: built.gzipped)
