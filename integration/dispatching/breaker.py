"""How a service that we tell is doing: webhook-reliability S11 as values. Pure: it is told the time.

Unlike S11, a service that is down is probed every minute and not every five, so that what waits goes out as soon as it
answers again. One probe a minute, whatever waits, is little for the service too.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from integration.dispatching import schedule
from integration.outgoing import Refusal

DOWN = 3
"""After so many straight failures nothing but the probes is sent."""
STRAIGHT, FOR_AT_LEAST = 10, timedelta(minutes=5)
"""S11: when the breaker opens, and its owner is told."""
GIVEN_UP = timedelta(hours=120)
NOTICES = (100, 50)
"""Per cent of what opens the breaker, at which its owner is told."""
SILENT = "it took nothing for five days; connect it again to go on"


@dataclass(frozen=True, slots=True)
class Health:
    """Of one connection's sends; instants are UTC.

    `failures` counts the straight ones, of which the first was at `failing_since`. `probe_at`: the last of them was an
    outage, and then we ask again. `not_before`: until then nothing is sent (its pace, or it asked us to wait).
    `noticed`: per cent of the breaker's limit that the owner was told of. `disabled_why` is a sentence.
    """

    failures: int = 0
    failing_since: datetime | None = None
    succeeded_at: datetime | None = None
    probe_at: datetime | None = None
    not_before: datetime | None = None
    noticed: int = 0
    disabled_at: datetime | None = None
    disabled_why: str | None = None

    @property
    def down(self) -> bool:
        """Only probes are sent."""
        return self.probe_at is not None and self.failures >= DOWN


def succeeded(health: Health, now: datetime) -> Health:
    """One success clears all."""
    return Health(succeeded_at=now, disabled_at=health.disabled_at, disabled_why=health.disabled_why)


def failed(health: Health, refusal: Refusal, started: datetime, now: datetime, spread: float) -> Health:
    """After a refusal of a call that began at `started`."""
    # A call may have taken longer than the time between two probes.
    probe_at = max(schedule.probe(started, spread), now) if refusal.outage else None
    if refusal.waiting:
        return replace(health, probe_at=probe_at)
    failures, since = health.failures + 1, health.failing_since or now
    after = replace(health, failures=failures, failing_since=since, probe_at=probe_at)
    after = replace(after, noticed=max(health.noticed, _to_notice(failures, now - since)))
    if refusal.gone:
        return disabled(after, str(refusal), now)
    if failures >= STRAIGHT and now - since >= GIVEN_UP:
        return disabled(after, SILENT, now)
    return after


def disabled(health: Health, why: str, now: datetime) -> Health:
    """Switched off; nothing is sent until somebody switches it on."""
    return replace(health, probe_at=None, disabled_at=now, disabled_why=why)


def sentence(health: Health, title: str, since: str) -> str | None:
    """What the owner is told of it; None while there is nothing to tell. `since` names `failing_since` in words."""
    if health.disabled_at is not None:
        return f"{title} is switched off: {health.disabled_why}."
    if health.noticed >= max(NOTICES):
        return f"{title} has taken nothing since {since}. We keep trying, and nothing is lost for three days."
    if health.noticed:
        return f"{title} has trouble since {since}. We keep trying."
    return None


def bounds(health: Health) -> tuple[datetime | None, datetime | None]:
    """When a connection is worked on next at the earliest, and at the latest if anything waits; None: whenever that is
    due.
    """
    earliest, probe = health.not_before, health.probe_at
    if probe is None:
        return earliest, None
    latest = max(probe, earliest or probe)
    return (latest if health.down else earliest), latest


def next_look(health: Health, first_due: datetime | None) -> datetime | None:
    """When a connection is worked on next, given when the first of what waits is due; None: not until there is more."""
    if first_due is None or health.disabled_at is not None:
        return None
    earliest, latest = bounds(health)
    look = min(first_due, latest or first_due)
    return max(look, earliest or look)


def _to_notice(failures: int, lasted: timedelta) -> int:
    share = min(failures / STRAIGHT, lasted / FOR_AT_LEAST)
    return next((notice for notice in NOTICES if share * 100 >= notice), 0)
