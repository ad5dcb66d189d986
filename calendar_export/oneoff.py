"""The file to import once: one repeating event a slot, for ever, since nothing rolls this one on (DESIGN section 6).

What the plan puts elsewhere is settled here: a journey becomes overrides, a free day an EXDATE; where a plan or a zone
changes for good, one series ends and the next begins. The file is made to be passed on, so it holds no key.
Rule numbers are those of calendar-feed.

Length: a series, what belongs to it and how it is written are read together.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from calendar_export import event
from calendar_export.errors import FeedError
from calendar_export.event import Entry, State
from calendar_export.feed import PRODUCT
from calendar_export.lines import check_bytes
from calendar_export.plan import EVERY_DAY, Plan, Session, minutes_after
from calendar_export.routine import Dose
from calendar_export.vtimezone import WEEKDAYS, YEARS, vtimezone
from calendar_export.zones import to_instant, to_wall

Write = Callable[[Entry], bytes]
"""Writes one event at one instant as a feed does: `calendar_export.feed.event_bytes` with a look."""

# A journey longer than this, or a break, ends a series: hundreds of overrides help nobody.
LONGEST_BREAK = timedelta(days=60)
# So far ahead, nights on which the clock skips a session's time are settled (rule 19).
AHEAD = timedelta(days=2 * 366)
FURTHEST = timedelta(days=YEARS * 365)
WEEK = timedelta(days=7)

HEADER = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODUCT}\r\nCALSCALE:GREGORIAN\r\n".encode()
FOOTER = b"END:VCALENDAR\r\n"
_WHEN = re.compile(rb"^DTSTART:.*\r\nDTEND:.*\r\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the sessions of a series share. `minutes` is their wall time, counted from midnight of the logical date."""

    zone: str
    minutes: int
    weekdays: frozenset[int]
    dose: Dose

    def wall(self, day: date) -> datetime:
        """The wall time of the session of a logical date."""
        return datetime.combine(day, time()) + timedelta(minutes=self.minutes)

    def keeps(self, day: date, starts: datetime) -> bool:
        """Whether every calendar sees the session start at that instant, without being told about this date."""
        wall = self.wall(day)
        return to_instant(wall, self.zone) == starts and to_wall(starts, self.zone) == wall


@dataclass(frozen=True, slots=True)
class Occasion:
    """One session that is due: its logical date, its instant (UTC), and the shape of which it is."""

    date: date
    starts: datetime
    shape: Shape


@dataclass(frozen=True, slots=True)
class Series:
    """Sessions of a slot, in order, that one repeating event stands for.

    `is_last` is the last series of its slot; `goes_on` means without end.
    """

    slot: str
    shape: Shape
    occasions: tuple[Occasion, ...]
    is_last: bool = False
    goes_on: bool = False

    @property
    def first(self) -> date:
        return self.occasions[0].date

    @property
    def last(self) -> date:
        return self.occasions[-1].date

    @property
    def repeats(self) -> bool:
        return self.goes_on or self.first < self.last


def render(person: str, plan: Plan, now: datetime, write: Write) -> bytes:
    """The whole file for a person's id, from the logical date of `now` on, checked.

    The same plan gives the same bytes all day. What a plan says beyond 20 years is left out. Raises FeedError when
    nothing is planned any more.
    """
    first = max(plan.today(now), plan.start)
    horizon = _horizon(plan, first)
    slots = _occasions(plan, first, horizon)
    every = [series for slot, found in slots.items() for series in _series(slot, found, horizon)]
    if not every:
        raise FeedError(f"nothing is planned from {first} on; end the pause, then export again")
    zones = dict.fromkeys(series.shape.zone for series in every if series.repeats)
    definitions = [vtimezone(zone, first.year) for zone in zones]
    made_at = plan.versions[-1].made_at
    events = [written for series in every for written in _events(series, _uid(person, series), made_at, write)]
    return check_bytes(b"".join([HEADER, *definitions, *events, FOOTER]))


def _occasions(plan: Plan, first: date, last: date) -> dict[str, list[Occasion]]:
    """The sessions that are due on the logical dates first to last, by slot."""
    found: dict[str, list[Occasion]] = {}
    for session in plan.sessions(first, last):
        if session.not_due is None:
            occasion = Occasion(session.date, session.starts, _shape(plan, session))
            found.setdefault(session.slot, []).append(occasion)
    return found


def _horizon(plan: Plan, first: date) -> date:
    """A date after which every week is like the one before it, clock changes aside; no further than 20 years."""
    told = [version.takes_effect for version in plan.versions]
    told += [change.since.date() for change in plan.zones]
    told += [pause.last or pause.first for pause in plan.pauses]
    furthest = first + FURTHEST
    return max(first + AHEAD, min(max([*told, *plan.rest_days]), furthest) + 2 * WEEK)


def _shape(plan: Plan, session: Session) -> Shape:
    version, slot = plan.version_on(session.date), plan.slot_on(session.slot, session.date)
    if version is None or slot is None:
        raise FeedError(f"{session.slot} of {session.date} is not in the plan that it comes from")
    midnight = datetime.combine(session.date, time())
    opens = (plan.day_start(session.date) - midnight) // timedelta(minutes=1)
    minutes = opens + minutes_after(version.day_start, slot.at)
    return Shape(plan.zone_at(session.starts), minutes, slot.weekdays, version.dose)


def _series(slot: str, occasions: Iterable[Occasion], horizon: date) -> list[Series]:
    """The sessions of a slot joined to series: one that comes back to an earlier shape takes what was between along."""
    made: list[tuple[Shape, list[Occasion]]] = []
    for occasion in occasions:
        home = _home(made, occasion)
        if home is None:
            made.append((occasion.shape, [occasion]))
            continue
        made[home][1].extend(away for _, between in made[home + 1 :] for away in between)
        made[home][1].append(occasion)
        del made[home + 1 :]
    every = [Series(slot, shape, tuple(found)) for shape, found in made]
    return [*every[:-1], replace(every[-1], is_last=True, goes_on=every[-1].last > horizon - WEEK)]


def _home(made: list[tuple[Shape, list[Occasion]]], occasion: Occasion) -> int | None:
    """Which of the series a session continues, if any."""
    for n in reversed(range(len(made))):
        shape, found = made[n]
        if occasion.date - found[-1].date > LONGEST_BREAK:
            return None
        if shape == occasion.shape:
            # Only a date on which the series repeats can be overridden.
            return n if all(away.weekdays <= shape.weekdays for away, _ in made[n + 1 :]) else None
    return None


def _uid(person: str, series: Series) -> str:
    """Never that of a feed's event, and the same in a later file, so that this one replaces what has no end."""
    ends = "" if series.is_last else f"-until-{series.last:%Y%m%d}"
    return f"{person}-{series.slot}-series{ends}@turntwice"


def _events(series: Series, uid: str, made_at: datetime, write: Write) -> Iterator[bytes]:
    """The repeating event and its overrides, or one plain event where there is nothing to repeat."""
    entries = [_entry(series.slot, uid, occasion, made_at) for occasion in series.occasions]
    if not series.repeats:
        yield write(entries[0])
        return
    yield _timed(write(entries[0]), _master_lines(series, event.duration(entries[0])))
    for occasion, entry in zip(series.occasions, entries, strict=True):
        shape = series.shape
        if not shape.keeps(occasion.date, occasion.starts) or occasion.shape.dose != shape.dose:
            yield _timed(write(entry), _override_lines(series, entry))


def _entry(slot: str, uid: str, occasion: Occasion, made_at: datetime) -> Entry:
    return Entry(uid, slot, occasion.date, occasion.starts, State.DUE, 0, made_at, occasion.shape.dose)


def _master_lines(series: Series, lasts: timedelta) -> list[str]:
    """Start, end and rule in local time (rule 16), and the dates that are left out."""
    starts = series.shape.wall(series.first)
    due = {occasion.date for occasion in series.occasions}
    days = (series.first + timedelta(days=n) for n in range((series.last - series.first).days + 1))
    left_out = [day for day in days if day.weekday() in series.shape.weekdays and day not in due]
    return [
        _local("DTSTART", series.shape.zone, starts),
        _local("DTEND", series.shape.zone, starts + lasts),
        f"RRULE:{_rule(series)}",
        *(_local("EXDATE", series.shape.zone, series.shape.wall(day)) for day in left_out),
    ]


def _rule(series: Series) -> str:
    """Daily, or weekly on some days; the end is in UTC, as RFC 5545 3.3.10 wants it beside a local start."""
    shape = series.shape
    until = "" if series.goes_on else f";UNTIL={_utc(to_instant(shape.wall(series.last), shape.zone))}"
    if shape.weekdays == EVERY_DAY:
        return f"FREQ=DAILY{until}"
    # A session after midnight stands on the weekday after its logical date.
    days = sorted((day + shape.minutes // (24 * 60)) % 7 for day in shape.weekdays)
    return f"FREQ=WEEKLY{until};BYDAY={','.join(WEEKDAYS[day] for day in days)}"


def _override_lines(series: Series, entry: Entry) -> list[str]:
    """The date that is meant, and its true time in UTC, for which no other zone need be defined."""
    return [
        _local("RECURRENCE-ID", series.shape.zone, series.shape.wall(entry.date)),
        f"DTSTART:{_utc(entry.starts)}",
        f"DTEND:{_utc(entry.starts + event.duration(entry))}",
    ]


def _timed(written: bytes, lines: list[str]) -> bytes:
    """An event as the feed writes it, with other lines where it says when."""
    timed, count = _WHEN.subn("".join(f"{line}\r\n" for line in lines).encode(), written, count=1)
    if not count:
        raise FeedError("an event has no start and end side by side; nothing can repeat it")
    return timed


def _local(name: str, zone: str, wall: datetime) -> str:
    return f"{name};TZID={zone}:{wall:%Y%m%dT%H%M%S}"


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"
