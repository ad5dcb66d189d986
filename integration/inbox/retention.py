"""How long deliveries are kept: their bodies may tell more of a person than we need. What they said stays, as facts.

Source: DESIGN section 7; issue "The inbox": 90 days.
"""

from datetime import datetime, timedelta

from integration.config import KEEP_DAYS
from integration.store import deliveries, remembered
from integration.store.engine import Store

BATCH = 500
"""Deliveries deleted in one transaction, so that none that comes in waits for long."""


def prune(store: Store, now: datetime, keep_days: int = KEEP_DAYS) -> int:
    """Deletes the deliveries that came more than `keep_days` days before `now` (UTC), those that wait too; how many.
    What is remembered for their sake goes with them.

    Raises StoreUnavailable; what was deleted until then is deleted.
    """
    oldest, last, removed = now - timedelta(days=keep_days), 0, 0
    with store.writing() as db:
        remembered.forget(db, oldest)
    while True:
        with store.reading() as db:
            batch = deliveries.arrivals(db, last, BATCH)
        gone = [delivery for delivery, received_at in batch if received_at < oldest]
        # Ids rise with arrivals, so after a batch with none there are no more.
        if not gone:
            return removed
        with store.writing() as db:
            deliveries.remove(db, gone)
        last, removed = batch[-1][0], removed + len(gone)
