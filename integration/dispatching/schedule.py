"""When to try again: webhook-reliability S3 to S5 as arithmetic. Pure: it is told the time, and the luck of the jitter:
`spread`, from -1 (earliest) to 1 (latest).
"""

from datetime import datetime, timedelta

from integration.outgoing import Refusal

WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
"""S3: what lies between two tries of a message; ten tries over 75 h 35 m."""
TRIES = len(WAITS) + 1
JITTER = 0.2
SHORTEST_WHEN_SLOW, LONGEST_ASKED = timedelta(seconds=60), timedelta(hours=24)
TOO_SLOW = frozenset({"timeout", "too_slow"})
SLOW = TOO_SLOW | {"rate_limited", "http_429", "http_502", "http_504"}
"""Reasons after which a message rests for a minute at least (S4)."""
PROBE, PROBE_JITTER = timedelta(seconds=50), timedelta(seconds=8)
"""How often a service that is down is asked whether it is back: what waits is then sent within a minute."""


def planned(tries: int, spread: float) -> timedelta:
    """What S3 waits after so many tries, the first included, that all failed."""
    return WAITS[min(tries, len(WAITS)) - 1] * (1 + JITTER * spread)


def next_try(refusal: Refusal, tries: int, now: datetime, spread: float) -> datetime | None:
    """When a message is due again after its so-manieth try was refused; None when that was the last.

    A service that says when it will take the message is asked then, however often it says so.
    """
    if refusal.waiting and not refusal.permanent and not refusal.tries and (asked := _asked(refusal)):
        return now + asked
    if refusal.permanent or tries >= (refusal.tries or TRIES):
        return None
    wait = planned(tries, spread)
    if refusal.reason in SLOW:
        wait = max(wait, SHORTEST_WHEN_SLOW)
    return now + max(wait, _asked(refusal))


def pause(refusal: Refusal, now: datetime) -> datetime | None:
    """Until when the service itself asked us to leave it alone; None where it did not."""
    asked = timedelta() if refusal.reason in TOO_SLOW else _asked(refusal)
    return now + asked if asked else None


def probe(started: datetime, spread: float) -> datetime:
    """When to ask again a service that failed a call which began then."""
    return started + PROBE + PROBE_JITTER * spread


def _asked(refusal: Refusal) -> timedelta:
    longest = LONGEST_ASKED.total_seconds()
    # Written so that a wait which is no number, or none at all, counts as zero.
    seconds = refusal.after if refusal.after and refusal.after > 0 else 0
    return timedelta(seconds=min(seconds, longest))
