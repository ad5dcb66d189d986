"""What is planned: slots with local times, plan versions, a zone timeline; and the sessions they make.

A session is one stretch that is due: (slot, logical date). A logical date runs from its day start to the next one's, on
the wall clock. A plan changes by versions that take effect on a logical date and by zone changes at an instant; neither
moves a day that is past. Spec: streaks sections 2, 5, 6, 7 and 10. Pure: no clock, no input or output.

Length: versions, zones and pauses act on one another, and the rules that join them are read best side by side.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise

from calendar_export.errors import PlanError
from calendar_export.routine import Dose, check_dose
from calendar_export.zones import to_instant, to_wall, zone

DAY = 24 * 60
DAY_START = time(4)
SPLIT = 10 * 60
LONGEST_NAME = 20
EVERY_DAY = frozenset(range(7))
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
# No zone is further than this from UTC, so a change beyond it cannot touch a window.
REACH = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class Slot:
    """A named time of the day.

    `at` is the wall time of the session; its window is `opens` to `closes`, in minutes after the day start (`closes` of
    1440 means the next day's start, however long the day is). `weekdays` counts Monday as 0. `grace` is in minutes.
    """

    name: str
    at: time
    opens: int = 0
    closes: int = DAY
    weekdays: frozenset[int] = EVERY_DAY
    grace: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """The plan as it holds from a logical date on. `made_at` is when the person said so (UTC)."""

    takes_effect: date
    slots: tuple[Slot, ...]
    made_at: datetime
    day_start: time = DAY_START
    dose: Dose = field(default_factory=Dose)


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """From the instant `since` on, the person's clock shows `zone`.

    The first change of a timeline is when the person came: nothing before it was lived under the plan, so nothing then
    was due, and of the window in which they came only a session that is still ahead.
    """

    since: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Logical dates, both included, on which nothing is due; `last` None means until further notice."""

    first: date
    last: date | None = None

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


class Why(StrEnum):
    """Why a session of the plan is not due."""

    REST = "rest"
    PAUSE = "pause"
    TRAVEL = "travel"
    NO_ROOM = "no_room"


@dataclass(frozen=True, slots=True)
class Session:
    """One stretch: `starts` and `closes` (end of window and grace) are UTC; `not_due` is None when it is due."""

    slot: str
    date: date
    starts: datetime
    closes: datetime
    not_due: Why | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All versions of one person's plan, oldest first, and the person's zone timeline, oldest first."""

    versions: tuple[Version, ...]
    zones: tuple[ZoneChange, ...]
    pauses: tuple[Pause, ...] = ()
    rest_days: frozenset[date] = field(default_factory=frozenset)

    @property
    def start(self) -> date:
        """The first logical date of the plan."""
        return self.versions[0].takes_effect

    def version_on(self, day: date) -> Version | None:
        """The version that holds on a logical date; None before the plan's start."""
        return next((v for v in reversed(self.versions) if v.takes_effect <= day), None)

    def zone_at(self, instant: datetime) -> str:
        """The zone that the person's clock shows at an instant; before the timeline, its first zone."""
        return next((z.zone for z in reversed(self.zones) if z.since <= instant), self.zones[0].zone)

    def day_start(self, day: date) -> datetime:
        """The wall time at which a logical date begins."""
        version = self.version_on(day) or self.versions[0]
        return datetime.combine(day, version.day_start)

    def logical_date(self, wall: datetime) -> date:
        """The logical date of a naive wall time: before the day start it is still yesterday."""
        day = wall.date()
        return day if wall >= self.day_start(day) else day - timedelta(days=1)

    def today(self, now: datetime) -> date:
        """The logical date at an instant, by the person's own clock."""
        return self.logical_date(to_wall(now, self.zone_at(now)))

    def placed(self, wall: datetime) -> tuple[date, str | None]:
        """The logical date and the slot in whose window a wall time falls; no slot when the plan has none there."""
        day = self.logical_date(wall)
        version = self.version_on(day)
        for slot in version.slots if version else ():
            opens, closes = self.window(slot, day)
            if opens <= wall < closes:
                return day, slot.name
        return day, None

    def slot_on(self, name: str, day: date) -> Slot | None:
        """The slot of that name in the version that holds on a date."""
        version = self.version_on(day)
        return next((s for s in version.slots if s.name == name), None) if version else None

    def window(self, slot: Slot, day: date) -> tuple[datetime, datetime]:
        """The wall times at which a slot's window opens and closes on a logical date."""
        start = self.day_start(day)
        end = self.day_start(day + timedelta(days=1))
        opens = min(start + timedelta(minutes=slot.opens), end)
        return opens, end if slot.closes >= DAY else min(start + timedelta(minutes=slot.closes), end)

    def sessions(self, first: date, last: date) -> Iterator[Session]:
        """The sessions of the logical dates first to last, both included, in order; those not due say why."""
        for offset in range((last - max(first, self.start)).days + 1):
            day = max(first, self.start) + timedelta(days=offset)
            version = self.version_on(day)
            for slot in version.slots if version else ():
                yield self.session(slot, day)

    def session(self, slot: Slot, day: date) -> Session:
        """One slot on one logical date."""
        opens, closes = self.window(slot, day)
        starts, grace = _wall_start(slot, opens), timedelta(minutes=slot.grace)
        zone = self._only_zone(opens)
        if zone is None:
            why = self._not_due(slot, day) or self._travelled(opens, starts, closes)
            return Session(slot.name, day, self._first_shown(starts), self._last_shown(opens, closes) + grace, why)
        ends = to_instant(closes, zone) + grace
        return Session(slot.name, day, to_instant(starts, zone), ends, self._not_due(slot, day))

    def _not_due(self, slot: Slot, day: date) -> Why | None:
        if day.weekday() not in slot.weekdays or day in self.rest_days:
            return Why.REST
        if any(pause.covers(day) for pause in self.pauses):
            return Why.PAUSE
        opens, closes = self.window(slot, day)
        return Why.NO_ROOM if _wall_start(slot, opens) >= closes else None

    def _travelled(self, opens: datetime, starts: datetime, closes: datetime) -> Why | None:
        """A session is due when at least half of its window was lived (spec: streaks section 7)."""
        came = self.zones[0]
        if to_instant(opens, came.zone) < came.since < to_instant(closes, came.zone):
            return None if self._first_shown(starts) >= came.since else Why.TRAVEL
        seen = sum((end - begin for begin, end in self._lived(opens, closes)), timedelta())
        return None if seen >= (closes - opens) / 2 else Why.TRAVEL

    def _only_zone(self, wall: datetime) -> str | None:
        """The zone that holds all around a wall time; None where a change is near enough to matter."""
        around = wall.replace(tzinfo=UTC)
        if any(-2 * REACH < change.since - around < 2 * REACH for change in self.zones):
            return None
        return self.zone_at(around)

    def _segments(self) -> Iterator[tuple[datetime, datetime, str]]:
        ends = (*(change.since for change in self.zones[1:]), LATEST)
        for change, end in zip(self.zones, ends, strict=True):
            yield change.since, end, change.zone

    def _lived(self, opens: datetime, closes: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The spans of time in which the person's clock really showed a wall time of the window."""
        for since, until, name in self._segments():
            begin, end = max(to_instant(opens, name), since), min(to_instant(closes, name), until)
            if begin < end:
                yield begin, end

    def _first_shown(self, wall: datetime) -> datetime:
        """The first instant at which the person's clock shows a wall time, or skips over it."""
        for index, (since, until, name) in enumerate(self._segments()):
            instant = to_instant(wall, name)
            if (index == 0 or since <= instant) and instant < until:
                return instant
            if index and wall < to_wall(since, name):
                return since
        return to_instant(wall, self.zone_at(to_instant(wall, self.zones[0].zone)))

    def _last_shown(self, opens: datetime, closes: datetime) -> datetime:
        """The last instant of a window that was lived."""
        spans = self._lived(opens, closes)
        return max((end for _, end in spans), default=to_instant(closes, self.zones[0].zone))


def _wall_start(slot: Slot, opens: datetime) -> datetime:
    wall = datetime.combine(opens.date(), slot.at)
    return wall if wall >= opens else wall + timedelta(days=1)


def two_slots(morning: time, evening: time, day_start: time = DAY_START) -> tuple[Slot, Slot]:
    """The morning and the evening slot, with the windows that hold both times (spec: streaks section 2).

    The windows meet ten hours after the day start; where that would leave one time outside, halfway between the two.
    Raises PlanError when the evening does not come after the morning in a day that starts then.
    """
    begin, end = minutes_after(day_start, morning), minutes_after(day_start, evening)
    if begin >= end:
        raise PlanError(
            f"the evening time {evening:%H:%M} does not come after the morning time {morning:%H:%M} in a day that"
            f" starts at {day_start:%H:%M}; set the day start to an hour at which you sleep"
        )
    split = SPLIT if begin < SPLIT <= end else (begin + end + 1) // 2
    return Slot("morning", morning, 0, split), Slot("evening", evening, split, DAY)


def minutes_after(day_start: time, at: time) -> int:
    """Minutes from the day start to the next time the clock shows `at`: 0 to 1439."""
    return ((at.hour * 60 + at.minute) - (day_start.hour * 60 + day_start.minute)) % DAY


def check(plan: Plan) -> Plan:
    """The plan itself, when it can be kept. Raises PlanError that names what is wrong with it."""
    if not plan.versions or not plan.zones:
        raise PlanError("a plan needs a version and a time zone")
    if any(a.takes_effect >= b.takes_effect for a, b in pairwise(plan.versions)):
        raise PlanError("each version of a plan takes effect on a later date than the one before")
    if any(change.since.tzinfo is None for change in plan.zones):
        raise PlanError("a zone change happens at an instant; give it an offset")
    if any(a.since >= b.since for a, b in pairwise(plan.zones)):
        raise PlanError("each zone change comes later than the one before")
    if any(pause.last is not None and pause.last < pause.first for pause in plan.pauses):
        raise PlanError("a pause ends on or after the day on which it begins")
    for change in plan.zones:
        zone(change.zone)
    for version in plan.versions:
        check_dose(version.dose)
        _check_slots(version)
    return plan


def _check_slots(version: Version) -> None:
    names = [slot.name for slot in version.slots]
    if not names or len(set(names)) < len(names):
        raise PlanError("a plan needs slots, each with a name of its own")
    for slot in version.slots:
        _check_slot(slot, version.day_start)
    if any(a.closes > b.opens for a, b in pairwise(sorted(version.slots, key=lambda s: s.opens))):
        raise PlanError("the windows of two slots overlap")


def _check_slot(slot: Slot, day_start: time) -> None:
    if not slot.name.isascii() or not slot.name.isalnum() or len(slot.name) > LONGEST_NAME:
        raise PlanError(f"slot name {slot.name[:40]!r}: use up to {LONGEST_NAME} letters and digits")
    if any(t.second or t.microsecond or t.tzinfo for t in (slot.at, day_start)):
        raise PlanError(f"{slot.name}: times are hours and minutes of the wall clock")
    if not slot.opens <= minutes_after(day_start, slot.at) < slot.closes <= DAY:
        raise PlanError(f"{slot.name} at {slot.at:%H:%M} lies outside its window")
    if not slot.weekdays <= EVERY_DAY or not slot.weekdays or not 0 <= slot.grace <= DAY:
        raise PlanError(f"{slot.name}: give weekdays from 0 (Monday) to 6 and a grace of 0 to {DAY} minutes")
