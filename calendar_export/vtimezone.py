"""A time zone as iCalendar defines it (VTIMEZONE, RFC 5545 3.6.5), worked out from the zone database. Pure.

A yearly clock change is written as an RRULE where one fits the years exactly; any other, such as one that follows
Ramadan, is written date by date. There is no RDATE and no COMMENT: with them several calendars show summer an hour late
(calendar-feed rules 16 and 20). No line comes near 75 octets, so none needs folding.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from calendar_export.zones import zone

YEARS = 20
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# Fewer dates than these may fit a rule by chance, and a rule goes on for ever.
FEWEST = 7
LONG_AGO = datetime(1970, 1, 1)  # noqa: DTZ001  a wall time
WEEK_SECONDS = range(7 * 24 * 60 * 60)


@dataclass(frozen=True, slots=True)
class Change:
    """The clocks change: `wall` is what they show at that instant, `before` and `after` are offsets from UTC."""

    wall: datetime
    before: timedelta
    after: timedelta
    name: str

    @property
    def kind(self) -> tuple[object, ...]:
        """The same for changes that one rule may describe."""
        return self.before, self.after, self.name, self.wall.time(), self.wall.month, self.wall.weekday()


@lru_cache(maxsize=64)
def vtimezone(name: str, year: int) -> bytes:
    """The definition of an IANA zone as CRLF lines, right from the start of `year` to 20 years later.

    After that it goes on to be right as long as the zone keeps its yearly rules. Raises PlanError for an unknown zone.
    """
    changes = _changes(name, range(year - 1, year + YEARS + 1))
    observances = _observances(changes, year + YEARS)
    if not changes or changes[0].wall.year >= year:
        observances.insert(0, (_always(name, year), None))
    lines = [line for change, rule in observances for line in _lines(change, rule)]
    return "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{name}", *lines, "END:VTIMEZONE", ""]).encode("ascii")


def _always(name: str, year: int) -> Change:
    """What holds before the first change."""
    local = datetime(year - 1, 1, 1, tzinfo=UTC).astimezone(zone(name))
    offset = local.utcoffset() or timedelta()
    return Change(LONG_AGO, offset, offset, local.tzname() or name)


def _changes(name: str, years: range) -> list[Change]:
    """Every change of the offset in those years, in order. No zone changes its clocks twice within a week."""
    first, last = datetime(years.start, 1, 1, tzinfo=UTC), datetime(years.stop, 1, 1, tzinfo=UTC)
    offset = _offset_in(name)
    weeks = (first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1))
    offsets = ((week, offset(week)) for week in weeks)
    return [_change(name, week) for (week, before), (_, after) in pairwise(offsets) if before != after]


def _change(name: str, week: datetime) -> Change:
    """The change in the week after an instant."""
    offset = _offset_in(name)
    before = offset(week)
    seconds = bisect_left(WEEK_SECONDS, True, key=lambda s: offset(week + timedelta(seconds=s)) != before)
    local = (week + timedelta(seconds=seconds)).astimezone(zone(name))
    after = offset(local)
    return Change(local.replace(tzinfo=None) - after + before, before, after, local.tzname() or name)


def _offset_in(name: str) -> Callable[[datetime], timedelta]:
    tz = zone(name)
    return lambda instant: instant.astimezone(tz).utcoffset() or timedelta()


def _observances(changes: Sequence[Change], last_year: int) -> list[tuple[Change, str | None]]:
    """Each change that fits no rule, and the first under each rule with its rule, oldest first."""
    alike: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        alike.setdefault(change.kind, []).append(change)
    found = [observance for same in alike.values() for observance in _of_a_kind(same, last_year)]
    return sorted(found, key=lambda observance: observance[0].wall)


def _of_a_kind(changes: list[Change], last_year: int) -> Iterator[tuple[Change, str | None]]:
    """One by one, up to the change from which a rule holds."""
    dates = [change.wall.date() for change in changes]
    for n, change in enumerate(changes):
        rule = _rule(dates[n:], last_year)
        yield change, rule
        if rule:
            return


def _rule(dates: list[date], last_year: int) -> str | None:
    """The RRULE that gives exactly these dates, all in one month and on one weekday, up to the end of a year."""
    if len(dates) < FEWEST:
        return None
    month, weekday = dates[0].month, WEEKDAYS[dates[0].weekday()]
    days = range(min(day.day for day in dates), max(day.day for day in dates) + 1)
    possible = list(_same_weekday(dates[0], last_year))
    rules = {
        f"BYDAY=-1{weekday}": [day for day in possible if day.day > monthrange(day.year, month)[1] - 7],
        **{f"BYDAY={n}{weekday}": [day for day in possible if (day.day - 1) // 7 == n - 1] for n in range(1, 5)},
        f"BYDAY={weekday};BYMONTHDAY={','.join(map(str, days))}": [day for day in possible if day.day in days],
    }
    return next((f"FREQ=YEARLY;BYMONTH={month};{rule}" for rule, given in rules.items() if given == dates), None)


def _same_weekday(first: date, last_year: int) -> Iterator[date]:
    """Every date of a month that is the same weekday, year by year."""
    for year in range(first.year, last_year + 1):
        for day in range(1, monthrange(year, first.month)[1] + 1):
            found = date(year, first.month, day)
            if found.weekday() == first.weekday():
                yield found


def _lines(change: Change, rule: str | None) -> list[str]:
    # By the offsets alone: Ireland's winter is daylight saving in the zone database, and no calendar expects that.
    kind = "DAYLIGHT" if change.after > change.before else "STANDARD"
    return [
        f"BEGIN:{kind}",
        f"DTSTART:{change.wall:%Y%m%dT%H%M%S}",
        *([f"RRULE:{rule}"] if rule else []),
        f"TZOFFSETFROM:{_written(change.before)}",
        f"TZOFFSETTO:{_written(change.after)}",
        f"TZNAME:{change.name}",
        f"END:{kind}",
    ]


def _written(offset: timedelta) -> str:
    """An offset as RFC 5545 3.3.14 writes it: seconds only where there are any, and no minus before zero."""
    minutes, seconds = divmod(abs(int(offset.total_seconds())), 60)
    sign = "-" if offset < timedelta() else "+"
    return f"{sign}{minutes // 60:02}{minutes % 60:02}" + (f"{seconds:02}" if seconds else "")
