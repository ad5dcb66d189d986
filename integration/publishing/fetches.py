"""Which client fetched a feed last: noted in memory, written at most once a minute, so that a poll stays one query."""

from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock

from integration.errors import StoreUnavailable
from integration.store import feeds
from integration.store.engine import Store

EVERY = timedelta(minutes=1)


class Fetches:
    """Collects the last client of each feed. What a crash loses is asked again at the next poll."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, Lock()
        self._seen: dict[str, tuple[str, datetime]] = {}
        self._written_at: datetime | None = None

    def note(self, feed: str, client: str, now: datetime) -> None:
        """Notes a fetch, and writes all that were noted when the last writing is a minute old."""
        with self._lock:
            self._seen[feed] = (client, now)
            if self._written_at is not None and now - self._written_at < EVERY:
                return
            waiting, self._seen, self._written_at = self._seen, {}, now
        with suppress(StoreUnavailable), self._store.writing() as db:
            feeds.fetched(db, waiting)
