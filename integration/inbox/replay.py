"""Judges kept deliveries again: heals what an adapter got wrong, and changes nothing that is already true.

What counts stays, where the person put something it stays, and what the person said is no stretch is none. A delivery
that counted for nothing so far bears the outcome that it has now.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from integration.errors import NotFound, StoreUnavailable
from integration.inbox.kept import FAILED, Kept, find, rejudge
from integration.parts import Parts
from integration.record import ACCEPTED, IGNORED, QUARANTINED, Recorded, Replay, record
from integration.store import deliveries
from integration.store.deliveries import NOT_A_STRETCH, Entry, Which
from webhooks.errors import Rejected

BATCH = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of many: how many have each outcome, and the ids of those that count since, and of those that could
    not be judged and were passed over.
    """

    outcomes: Counter[str]
    counted: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()


def replay(parts: Parts, delivery_id: int) -> Recorded:
    """Records what a delivery reports, as if it had come now as it came then.

    Raises NotFound for an unknown delivery or one whose service is gone, StoreUnavailable.
    """
    return again(parts, find(parts, delivery_id))


def replay_all(parts: Parts, which: Which) -> Replayed:
    """Replays many, oldest first, one transaction each. Raises StoreUnavailable; what was done until then is done."""
    outcomes, counted, failed = Counter[str](), list[int](), list[int]()
    for delivery in _ids(parts, replace(which, but=(*which.but, NOT_A_STRETCH))):
        result = tried(parts, delivery)
        if result is None:
            failed.append(delivery)
            continue
        outcomes[result.outcome] += 1
        if result.outcome == ACCEPTED:
            counted.append(delivery)
    return Replayed(outcomes, tuple(counted), tuple(failed))


def tried(parts: Parts, delivery: int) -> Recorded | None:
    """As `replay`; None for one that cannot be judged, which must not hold up the others (webhook-reliability R13).

    Raises StoreUnavailable.
    """
    try:
        result = replay(parts, delivery)
    except StoreUnavailable:
        raise
    except NotFound:
        return None
    except Exception as error:
        # No traceback: the error's own text may quote the body.
        log.error("delivery %s cannot be judged again: %s", delivery, type(error).__name__)
        return None
    return None if result.reason == FAILED else result


def again(parts: Parts, kept: Kept) -> Recorded:
    """As `replay`, of a delivery that is open."""
    held = kept.delivery
    if held.reason == NOT_A_STRETCH:
        return as_kept(held)
    try:
        reports, notices = kept.reports(), kept.notices()
    except Rejected as why:
        return Recorded(QUARANTINED, why.reason, str(why))
    if notices and held.outcome != QUARANTINED:
        return as_kept(held)  # asked for already
    replayed = Replay(held.id, parts.clock())
    result = record(parts.store, kept.inbound, kept.incoming, reports, notices, again=replayed)
    note(parts, held, result)
    return result


def note(parts: Parts, held: Entry, result: Recorded) -> None:
    """Keeps an outcome that `record` leaves alone, where the delivery had counted for nothing."""
    undecided = held.outcome in (QUARANTINED, IGNORED) and result.outcome != ACCEPTED
    if undecided and (result.outcome, result.reason) != (held.outcome, held.reason):
        rejudge(parts, held, result.outcome, result.reason, result.message)


def as_kept(held: Entry) -> Recorded:
    """What a delivery was last judged to be."""
    return Recorded(held.outcome, held.reason, held.message)


def _ids(parts: Parts, which: Which) -> Iterator[int]:
    last = 0
    while True:
        with parts.store.reading() as db:
            batch = deliveries.ids(db, which, last, BATCH)
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1]
