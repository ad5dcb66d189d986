"""Time zones: names checked, wall times turned into instants, DST settled.

Spec: streaks section 6. A wall time that does not exist is read with the offset before the gap (02:30 becomes 03:30);
one that exists twice is the first.
"""

from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from calendar_export.errors import PlanError

# Entries of the database that name no place and no clock, or only this machine's.
NO_PLACE = {"Factory", "localtime", "posixrules"}


@cache
def names() -> frozenset[str]:
    """Every zone that somebody can live in."""
    return frozenset(available_timezones() - NO_PLACE)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises PlanError for a name that the zone database does not have.
    """
    if name not in names():
        near = get_close_matches(name[:60], names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "use an IANA name such as 'Europe/Berlin'"
        raise PlanError(f"unknown time zone {name[:60]!r}; {hint}")
    return ZoneInfo(name)


def to_instant(wall: datetime, name: str) -> datetime:
    """The UTC instant of a naive wall time in a zone (RFC 5545 3.3.5 reads gaps and overlaps alike)."""
    return wall.replace(tzinfo=zone(name), fold=0).astimezone(UTC)


def to_wall(instant: datetime, name: str) -> datetime:
    """The naive wall time that a clock in the zone shows at an aware instant."""
    return instant.astimezone(zone(name)).replace(tzinfo=None)
