"""How long deliveries are kept: their bodies may tell more of a person than we need. What they said stays, as facts.

Source: DESIGN section 7; issue "The inbox": 90 days.
"""

from datetime import datetime, timedelta

from integration.config import KEEP_DAYS
from integration.core.placing import OLDEST
from integration.store import deliveries, remembered
from integration.store.engine import Store

BATCH = 500
"""Deliveries deleted in one transaction, so that none that comes in waits for long."""
MEANT = OLDEST + timedelta(days=3)
"""After so long nothing that a withdrawal was meant for would count any more, in whatever zone, so it is forgotten."""


def prune(store: Store, now: datetime, keep_days: int = KEEP_DAYS) -> int:
    """Deletes the deliveries that came more than `keep_days` days before `now` (UTC), those that wait too; how many.

    Raises StoreUnavailable; what was deleted until then is deleted.
    """
    oldest, last, removed = now - timedelta(days=keep_days), "", 0
    with store.writing() as db:
        remembered.forget(db, now - MEANT)
    while True:
        # Not by their ids: those of a time when our clock ran ahead would hide what came after.
        with store.reading() as db:
            batch = deliveries.outdated(db, oldest, last, BATCH)
        if not batch:
            return removed
        with store.writing() as db:
            deliveries.remove(db, [delivery for delivery, _ in batch])
        last, removed = batch[-1][1], removed + len(batch)
