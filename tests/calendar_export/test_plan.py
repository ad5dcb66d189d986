"""The plan: which session a wall time belongs to, when sessions start and close, what changes do (spec: streaks)."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_export.errors import PlanError
from calendar_export.plan import EARLIEST, Pause, Plan, Slot, Version, Why, ZoneChange, check, minutes_after, two_slots
from calendar_export.zones import to_wall

START = date(2026, 1, 5)
MADE = datetime(2026, 1, 4, 12, tzinfo=UTC)
VERSION = Version(START, two_slots(time(7), time(22)), MADE)
MONDAY = date(2026, 6, 1)


def plan_in(*zones, version=VERSION, **more):
    """A plan whose timeline is a first zone and then (instant, zone) pairs."""
    first, *changes = zones
    timeline = (ZoneChange(EARLIEST, first), *(ZoneChange(since, name) for since, name in changes))
    return Plan((version,), timeline, **more)


def utc(day, hour, minute=0, month=6):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def on(plan, day, slot):
    (found,) = (s for s in plan.sessions(day, day) if s.slot == slot)
    return found


BERLIN = plan_in("Europe/Berlin")


# Section 2: which slot and day


@pytest.mark.parametrize(
    "wall, day, slot",
    [
        (datetime(2026, 6, 2, 0, 40), date(2026, 6, 1), "evening"),
        (datetime(2026, 6, 2, 3, 59), date(2026, 6, 1), "evening"),
        (datetime(2026, 6, 2, 3, 59, 59, 999999), date(2026, 6, 1), "evening"),
        (datetime(2026, 6, 2, 4, 0), date(2026, 6, 2), "morning"),
        (datetime(2026, 6, 2, 13, 59), date(2026, 6, 2), "morning"),
        (datetime(2026, 6, 2, 14, 0), date(2026, 6, 2), "evening"),
        (datetime(2026, 6, 2, 23, 59), date(2026, 6, 2), "evening"),
    ],
)
def test_a_wall_time_belongs_to_one_day_and_one_slot(wall, day, slot):
    assert BERLIN.placed(wall) == (day, slot)


@pytest.mark.parametrize(
    "wall, day, slot",
    [
        (datetime(2026, 6, 2, 11, 29), date(2026, 6, 1), "evening"),
        (datetime(2026, 6, 2, 11, 30), date(2026, 6, 2), "morning"),
        (datetime(2026, 6, 2, 21, 29), date(2026, 6, 2), "morning"),
        (datetime(2026, 6, 2, 21, 30), date(2026, 6, 2), "evening"),
        (datetime(2026, 6, 3, 8, 0), date(2026, 6, 2), "evening"),
    ],
)
def test_windows_move_with_a_night_workers_day_start(wall, day, slot):
    version = Version(START, two_slots(time(15), time(8), time(11, 30)), MADE, time(11, 30))
    assert plan_in("Europe/Berlin", version=version).placed(wall) == (day, slot)


def test_before_the_plan_there_is_a_day_but_no_slot():
    assert BERLIN.placed(datetime(2026, 1, 5, 3, 59)) == (date(2026, 1, 4), None)
    assert BERLIN.placed(datetime(2026, 1, 5, 4)) == (START, "morning")


def test_between_the_windows_there_is_a_day_but_no_slot():
    slots = (Slot("morning", time(7), 0, 360), Slot("evening", time(22), 720, 1440))
    plan = plan_in("Europe/Berlin", version=replace(VERSION, slots=slots))
    assert plan.placed(datetime(2026, 6, 2, 9, 59)) == (date(2026, 6, 2), "morning")
    assert plan.placed(datetime(2026, 6, 2, 10)) == (date(2026, 6, 2), None)
    assert plan.placed(datetime(2026, 6, 2, 16)) == (date(2026, 6, 2), "evening")


@given(st.datetimes(datetime(2026, 1, 6), datetime(2030, 1, 1)))
def test_two_slots_leave_no_wall_time_without_a_session(wall):
    day, slot = BERLIN.placed(wall)
    opens, closes = BERLIN.window(BERLIN.slot_on(slot, day), day)
    assert opens <= wall < closes


# Section 6: clock changes


@pytest.mark.parametrize(
    "zone, wall, day",
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 4, 30), date(2026, 3, 29)),
        ("Europe/Berlin", datetime(2026, 10, 25, 3, 30), date(2026, 10, 24)),
        ("America/New_York", datetime(2026, 3, 8, 4, 30), date(2026, 3, 8)),
        ("America/New_York", datetime(2026, 11, 1, 3, 30), date(2026, 10, 31)),
    ],
)
def test_the_logical_date_follows_the_wall_clock_on_the_day_it_changes(zone, wall, day):
    plan = plan_in(zone)
    assert plan.logical_date(wall) == day
    instant = wall.replace(tzinfo=UTC)
    shown = next(
        instant + timedelta(hours=h) for h in range(-14, 15) if to_wall(instant + timedelta(hours=h), zone) == wall
    )
    assert plan.today(shown) == day


@pytest.mark.parametrize(
    "day, starts",
    [(date(2026, 3, 28), utc(29, 1, 30, month=3)), (date(2026, 10, 24), utc(25, 0, 30, month=10))],
)
def test_half_past_two_is_the_first_valid_minute_in_a_gap_and_the_first_of_two_in_an_overlap(day, starts):
    version = replace(VERSION, slots=two_slots(time(7), time(2, 30)))
    found = on(plan_in("Europe/Berlin", version=version), day, "evening")
    assert (found.date, found.starts) == (day, starts)


@pytest.mark.parametrize(
    "day, opens, closes, hours",
    [
        (date(2026, 3, 28), utc(28, 13, month=3), utc(29, 2, month=3), 13),
        (date(2026, 3, 29), utc(29, 12, month=3), utc(30, 2, month=3), 14),
        (date(2026, 10, 24), utc(24, 12, month=10), utc(25, 3, month=10), 15),
    ],
)
def test_an_evening_window_has_13_14_or_15_hours_and_is_one_session(day, opens, closes, hours):
    found = on(BERLIN, day, "evening")
    assert (found.closes, found.not_due) == (closes, None)
    assert closes - opens == timedelta(hours=hours)
    assert BERLIN.placed(to_wall(opens, "Europe/Berlin")) == (day, "evening")
    assert BERLIN.placed(to_wall(opens - timedelta(minutes=1), "Europe/Berlin")) == (day, "morning")
    assert BERLIN.placed(to_wall(closes - timedelta(minutes=1), "Europe/Berlin")) == (day, "evening")


def test_a_year_has_two_sessions_for_every_date_in_order_of_time():
    sessions = list(BERLIN.sessions(START, date(2027, 1, 4)))
    assert len(sessions) == len({(s.slot, s.date) for s in sessions}) == 2 * 365
    assert all(a.starts < b.starts and a.closes <= b.closes for a, b in pairwise(sessions))
    assert {to_wall(s.starts, "Europe/Berlin").time() for s in sessions} == {time(7), time(22)}


# Section 7: travel. The zone switches at landing.

TRIPS = {
    "west over the date line": plan_in("America/Los_Angeles", (utc(2, 6), "Asia/Tokyo")),
    "east over the date line": plan_in("Asia/Tokyo", (utc(8, 18), "America/Los_Angeles")),
    "a night flight east": plan_in("America/New_York", (utc(8, 6), "Europe/Berlin")),
    "a day flight west": plan_in("Europe/Berlin", (utc(8, 16, 30), "America/New_York")),
}


@pytest.mark.parametrize(
    "trip, day, slot, not_due, starts, closes",
    [
        ("west over the date line", 1, "morning", None, utc(1, 14), utc(1, 21)),
        ("west over the date line", 1, "evening", None, utc(2, 5), utc(2, 6)),
        ("west over the date line", 2, "morning", Why.TRAVEL, None, None),
        ("west over the date line", 2, "evening", None, utc(2, 13), utc(2, 19)),
        ("east over the date line", 8, "morning", None, utc(7, 22), utc(8, 21)),
        ("east over the date line", 8, "evening", None, utc(8, 13), utc(9, 11)),
        ("east over the date line", 9, "morning", None, utc(9, 14), utc(9, 21)),
        ("a night flight east", 7, "evening", None, utc(8, 2), utc(8, 6)),
        ("a night flight east", 8, "morning", None, utc(8, 6), utc(8, 12)),
        ("a night flight east", 8, "evening", None, utc(8, 20), utc(9, 2)),
        ("a day flight west", 8, "morning", None, utc(8, 5), utc(8, 18)),
        ("a day flight west", 8, "evening", None, utc(9, 2), utc(9, 8)),
        ("a day flight west", 9, "morning", None, utc(9, 11), utc(9, 18)),
    ],
)
def test_a_trip_keeps_each_session_once_and_drops_what_was_not_lived(trip, day, slot, not_due, starts, closes):
    found = on(TRIPS[trip], date(2026, 6, day), slot)
    assert found.not_due == not_due
    if not_due is None:
        assert (found.starts, found.closes) == (starts, closes)


@pytest.mark.parametrize("trip", TRIPS)
def test_no_trip_mints_a_second_session_for_a_date_and_only_days_near_it_lose_one(trip):
    sessions = list(TRIPS[trip].sessions(START, date(2026, 12, 31)))
    assert len({(s.slot, s.date) for s in sessions}) == len(sessions) == 2 * 361
    lost = [s.date for s in sessions if s.not_due]
    assert lost == ([date(2026, 6, 2)] if trip == "west over the date line" else [])


def test_the_time_of_a_session_follows_the_zone_that_holds_on_its_date():
    there_and_back = plan_in(
        "Europe/Berlin", (utc(3, 12, month=5), "Europe/Lisbon"), (utc(10, 18, month=5), "Europe/Berlin")
    )
    hours = [on(there_and_back, date(2026, 5, day), "morning").starts.hour for day in (3, 4, 10, 11)]
    assert hours == [5, 6, 6, 5]


ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago"]
INSTANTS = st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 10), timezones=st.just(UTC))


@st.composite
def timelines(draw):
    """A plan whose zone changes one to four times, and the same plan without the last change."""
    changes = sorted(draw(st.lists(INSTANTS, min_size=1, max_size=4, unique=True)))
    names = draw(st.lists(st.sampled_from(ZONES), min_size=len(changes) + 1, max_size=len(changes) + 1))
    slots = two_slots(draw(st.times(time(4), time(12))), draw(st.times(time(14), time(23, 59))))
    whole = plan_in(names[0], *zip(changes, names[1:], strict=True), version=replace(VERSION, slots=slots))
    return whole, replace(whole, zones=whole.zones[:-1]), changes[-1]


@settings(max_examples=150, deadline=None)
@given(timelines())
def test_a_later_zone_change_never_moves_a_due_session_that_starts_before_it(timeline):
    after, before, changed_at = timeline
    span = date(2026, 3, 17), date(2026, 4, 13)
    for old, new in zip(before.sessions(*span), after.sessions(*span), strict=True):
        if old.not_due is None and old.starts < min(changed_at, old.closes):
            assert new.starts == old.starts, (old, new)


def test_a_due_session_whose_time_and_window_end_were_flown_over_starts_before_it_closes():
    slots = two_slots(time(11, 30), time(22))
    trip = ("Australia/Lord_Howe", (utc(3, 12), "Europe/Berlin"), (utc(8, 9), "Asia/Kathmandu"))
    landed = plan_in(*trip, version=replace(VERSION, slots=slots))
    found = on(landed, date(2026, 6, 8), "morning")
    assert found.not_due is None
    assert found.starts <= found.closes


def test_a_session_starts_before_it_closes_when_the_next_day_starts_earlier():
    nights = Version(START, two_slots(time(12), time(9), time(10)), MADE, time(10))
    days = Version(date(2026, 6, 3), VERSION.slots, utc(2, 10))
    found = on(Plan((nights, days), BERLIN.zones), date(2026, 6, 2), "evening")
    assert found.not_due or found.starts < found.closes


def test_nothing_was_due_before_the_person_came():
    late = Plan((VERSION,), (ZoneChange(utc(3, 18), "Europe/Berlin"),))
    found = [s.not_due for s in late.sessions(date(2026, 6, 2), date(2026, 6, 4))]
    assert found == [Why.TRAVEL, Why.TRAVEL, Why.TRAVEL, None, None, None]


# Versions, rest days, pauses


def test_a_new_version_holds_from_its_day_on_and_moves_no_earlier_day():
    later = Version(date(2026, 6, 3), two_slots(time(8), time(23)), utc(2, 10))
    both = Plan((VERSION, later), BERLIN.zones)
    before, after = date(2026, 6, 2), date(2026, 6, 3)
    assert list(both.sessions(START, before)) == list(BERLIN.sessions(START, before))
    assert (on(both, after, "morning").starts, on(both, after, "evening").starts) == (utc(3, 6), utc(3, 21))
    assert (both.version_on(before), both.version_on(after)) == (VERSION, later)
    assert (both.version_on(date(2026, 1, 4)), both.start) == (None, START)


def test_a_dropped_slot_has_no_session_from_its_last_day_on():
    only_morning = Version(date(2026, 6, 3), VERSION.slots[:1], utc(2, 10))
    plan = Plan((VERSION, only_morning), BERLIN.zones)
    assert [s.slot for s in plan.sessions(date(2026, 6, 2), date(2026, 6, 3))] == ["morning", "evening", "morning"]
    assert plan.slot_on("evening", date(2026, 6, 2)) == VERSION.slots[1]
    assert plan.slot_on("evening", date(2026, 6, 3)) is None
    assert plan.slot_on("evening", date(2026, 1, 1)) is None


def test_a_later_day_start_lengthens_the_evening_before_it():
    later = Version(date(2026, 6, 3), two_slots(time(7), time(22), time(6)), utc(2, 10), time(6))
    plan = Plan((VERSION, later), BERLIN.zones)
    assert on(plan, date(2026, 6, 2), "evening").closes == utc(3, 4)
    assert plan.placed(datetime(2026, 6, 3, 5, 59)) == (date(2026, 6, 2), "evening")
    assert plan.placed(datetime(2026, 6, 3, 6)) == (date(2026, 6, 3), "morning")


def test_sessions_begin_with_the_plan_and_an_empty_span_has_none():
    assert [s.date for s in BERLIN.sessions(date(2025, 12, 1), START)] == [START, START]
    assert list(BERLIN.sessions(date(2025, 12, 1), date(2026, 1, 4))) == []
    assert list(BERLIN.sessions(date(2026, 6, 2), date(2026, 6, 1))) == []


def test_a_weekday_slot_rests_on_the_other_days():
    weekdays = tuple(replace(slot, weekdays=frozenset(range(5))) for slot in VERSION.slots)
    plan = plan_in("Europe/Berlin", version=replace(VERSION, slots=weekdays))
    assert {s.date.day for s in plan.sessions(MONDAY, date(2026, 6, 7)) if s.not_due is Why.REST} == {6, 7}


def test_a_rest_day_is_not_due():
    plan = replace(BERLIN, rest_days=frozenset({date(2026, 6, 3)}))
    assert [s.not_due for s in plan.sessions(date(2026, 6, 3), date(2026, 6, 4))] == [Why.REST, Why.REST, None, None]


@pytest.mark.parametrize(
    "pause, paused",
    [
        (Pause(date(2026, 6, 3), date(2026, 6, 4)), [3, 4]),
        (Pause(date(2026, 6, 3), date(2026, 6, 3)), [3]),
        (Pause(date(2026, 6, 5)), [5, 6, 7]),
        (Pause(date(2026, 5, 1), date(2026, 5, 31)), []),
    ],
)
def test_a_pause_covers_both_its_ends_and_may_have_none(pause, paused):
    sessions = replace(BERLIN, pauses=(pause,)).sessions(MONDAY, date(2026, 6, 7))
    assert [s.date.day for s in sessions if s.slot == "morning" and s.not_due is Why.PAUSE] == paused


def test_grace_lengthens_the_time_to_report_and_not_the_window():
    lenient = tuple(replace(slot, grace=90) for slot in VERSION.slots)
    plan = plan_in("Europe/Berlin", version=replace(VERSION, slots=lenient))
    assert on(plan, MONDAY, "morning").closes == utc(1, 13, 30)
    assert plan.placed(datetime(2026, 6, 1, 14)) == (MONDAY, "evening")


# Making and checking a plan


@pytest.mark.parametrize(
    "morning, evening, day_start, split",
    [
        (time(7), time(22), time(4), 600),
        (time(4), time(14), time(4), 600),
        (time(6), time(12), time(4), 300),
        (time(15), time(22), time(4), 870),
        (time(4), time(4, 1), time(4), 1),
        (time(23), time(3, 59), time(4), 1290),
        (time(15), time(8), time(11, 30), 600),
    ],
)
def test_two_slots_meet_where_both_times_are_inside_their_windows(morning, evening, day_start, split):
    slots = two_slots(morning, evening, day_start)
    assert [(s.name, s.at, s.opens, s.closes) for s in slots] == [
        ("morning", morning, 0, split),
        ("evening", evening, split, 1440),
    ]
    check(plan_in("Europe/Berlin", version=Version(START, slots, MADE, day_start)))


@pytest.mark.parametrize(
    "morning, evening, day_start",
    [(time(22), time(7), time(4)), (time(7), time(7), time(4)), (time(3), time(22), time(4))],
)
def test_an_evening_that_does_not_come_after_the_morning_is_refused(morning, evening, day_start):
    with pytest.raises(PlanError, match="set the day start"):
        two_slots(morning, evening, day_start)


TIMES = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(TIMES, TIMES, TIMES)
def test_two_slots_make_a_plan_that_can_be_kept_or_say_why_not(morning, evening, day_start):
    try:
        slots = two_slots(morning, evening, day_start)
    except PlanError:
        assert minutes_after(day_start, morning) >= minutes_after(day_start, evening)
    else:
        check(plan_in("Europe/Berlin", version=Version(START, slots, MADE, day_start)))


def with_slots(*slots):
    return plan_in("Europe/Berlin", version=replace(VERSION, slots=slots))


@pytest.mark.parametrize(
    "plan, why",
    [
        (Plan((), BERLIN.zones), "needs a version and a time zone"),
        (Plan((VERSION,), ()), "needs a version and a time zone"),
        (Plan((VERSION, VERSION), BERLIN.zones), "later date"),
        (Plan((VERSION,), BERLIN.zones * 2), "later than"),
        (with_slots(), "needs slots"),
        (with_slots(VERSION.slots[0], VERSION.slots[0]), "name of its own"),
        (with_slots(Slot("early bird", time(7))), "letters and digits"),
        (with_slots(Slot("", time(7))), "letters and digits"),
        (with_slots(Slot("früh", time(7))), "letters and digits"),
        (with_slots(Slot("x" * 21, time(7))), "letters and digits"),
        (with_slots(Slot("morning", time(15), 0, 600)), "outside its window"),
        (with_slots(Slot("morning", time(14), 0, 600)), "outside its window"),
        (with_slots(Slot("morning", time(7), 600, 600)), "outside its window"),
        (with_slots(Slot("morning", time(7), 0, 1441)), "outside its window"),
        (with_slots(Slot("a", time(7), 0, 700), Slot("b", time(22), 600, 1440)), "overlap"),
    ],
)
def test_a_plan_that_cannot_be_kept_says_what_is_wrong(plan, why):
    with pytest.raises(PlanError, match=why):
        check(plan)


def test_a_plan_of_three_slots_in_any_order_can_be_kept():
    noon, morning, evening = (time(12), 400, 700), (time(7), 0, 400), (time(22), 700, 1440)
    plan = with_slots(Slot("noon", *noon), Slot("morning", *morning), Slot("evening", *evening))
    assert check(plan) is plan
