"""The one-off file, read back with two parsers and held against the plan's own sessions."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import icalendar
import pytest
import recurring_ical_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ical.calendar_stream import IcsCalendarStream

from calendar_export import event, feed, oneoff
from calendar_export.errors import FeedError
from calendar_export.feed import Look
from calendar_export.plan import EARLIEST, Pause, Plan, Slot, Version, ZoneChange, check, two_slots
from calendar_export.routine import Dose

MADE = datetime(2026, 1, 4, 12, 30, tzinfo=UTC)
NOW = datetime(2026, 6, 2, 12, tzinfo=UTC)
TODAY = date(2026, 6, 2)
LOOK = Look("", "", "UTC", "look", MADE)
DAILY = Version(date(2026, 1, 5), two_slots(time(7), time(22)), MADE)
ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "UTC",
]


def plan_in(*zones, versions=(DAILY,), **more):
    """A plan whose timeline is a first zone and then (instant, zone) pairs."""
    first, *changes = zones
    timeline = (ZoneChange(EARLIEST, first), *(ZoneChange(since, name) for since, name in changes))
    return check(Plan(tuple(versions), timeline, **more))


def written(plan, now=NOW):
    return oneoff.render("p1", plan, now, partial(feed.event_bytes, LOOK))


def planned(plan, days, now=NOW):
    """The instants of all sessions that are due from today on."""
    today = plan.today(now)
    sessions = plan.sessions(today, today + timedelta(days=days))
    return sorted(session.starts for session in sessions if session.not_due is None)


def by_icalendar(body, first, last):
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(body)).between(first, last)
    return sorted(span_of(one["DTSTART"].dt, one["DTEND"].dt) for one in found)


def by_ical(body, first, last):
    timeline = IcsCalendarStream.calendar_from_ics(body.decode()).timeline
    return sorted(span_of(one.dtstart, one.dtend) for one in timeline.overlapping(first, last))


def span_of(starts, ends):
    assert ends - starts == timedelta(minutes=5)
    return starts.astimezone(UTC)


PARSERS = [by_icalendar, by_ical]


def assert_all_see(plan, days=400, now=NOW):
    """Both parsers see the plan's sessions in a file, no more and no fewer; gives the file."""
    body, expected = written(plan, now), planned(plan, days, now)
    for read in PARSERS:
        seen = read(body, now - timedelta(days=3), expected[-1] + timedelta(minutes=1))
        assert seen == expected, read.__name__
    return body


def unfolded(body):
    return body.decode().replace("\r\n ", "").split("\r\n")


def starting(body, *names):
    return [line for line in unfolded(body) if line.startswith(names)]


def masters(body):
    return [one for one in icalendar.Calendar.from_ical(body).walk("VEVENT") if "RECURRENCE-ID" not in one]


def overrides(body):
    return [one for one in icalendar.Calendar.from_ical(body).walk("VEVENT") if "RECURRENCE-ID" in one]


# One zone


@pytest.mark.parametrize("name", ZONES)
def test_two_rules_stand_for_every_session_of_a_year(name):
    body = assert_all_see(plan_in(name))
    assert len(planned(plan_in(name), 400)) == 802
    assert starting(body, "RRULE:FREQ=DAILY") == ["RRULE:FREQ=DAILY"] * 2
    assert body.count(b"BEGIN:VEVENT") == 2
    assert starting(body, "EXDATE", "RECURRENCE-ID") == []


@pytest.mark.parametrize("name", ZONES)
def test_a_session_in_the_small_hours_is_right_through_every_clock_change(name):
    night = Version(date(2026, 1, 5), two_slots(time(2, 30), time(0, 15), time(1)), MADE, time(1))
    body = assert_all_see(plan_in(name, versions=[night]), days=720)
    assert len(masters(body)) == 2


def test_a_skipped_hour_is_an_override_and_no_other_day_moves():
    night = Version(date(2026, 1, 5), two_slots(time(2, 30), time(22), time(1)), MADE, time(1))
    body = assert_all_see(plan_in("Europe/Berlin", versions=[night]))
    gaps = ["20270328T023000", "20280326T023000"]
    assert starting(body, "RECURRENCE-ID") == [f"RECURRENCE-ID;TZID=Europe/Berlin:{gap}" for gap in gaps]
    assert [one["DTSTART"].dt for one in overrides(body)] == [
        datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
        datetime(2028, 3, 26, 1, 30, tzinfo=UTC),
    ]


def test_weekdays_are_those_of_the_wall_clock_also_after_midnight():
    slots = (Slot("morning", time(7), 0, 600, frozenset({0, 2})), Slot("evening", time(0, 30), 600, 1440))
    weekly = Version(date(2026, 1, 5), (slots[0], replace(slots[1], weekdays=frozenset({4, 6}))), MADE)
    body = assert_all_see(plan_in("Europe/Berlin", versions=[weekly]))
    rules = {str(one["UID"]): one["RRULE"].to_ical() for one in masters(body)}
    assert rules == {
        "p1-morning-series@turntwice": b"FREQ=WEEKLY;BYDAY=MO,WE",
        "p1-evening-series@turntwice": b"FREQ=WEEKLY;BYDAY=MO,SA",
    }
    assert {one["DTSTART"].dt.date() for one in masters(body)} == {date(2026, 6, 3), date(2026, 6, 6)}


def test_the_file_begins_today_and_not_before():
    assert by_icalendar(written(plan_in("UTC")), NOW - timedelta(days=30), NOW) == [datetime(2026, 6, 2, 7, tzinfo=UTC)]


def test_a_plan_that_begins_later_begins_later_here():
    later = replace(DAILY, takes_effect=date(2026, 7, 1))
    body = assert_all_see(plan_in("Europe/Berlin", versions=[later]))
    assert {one["DTSTART"].dt.date() for one in masters(body)} == {date(2026, 7, 1)}


# Days that are not like the others


def test_a_rest_day_and_a_short_pause_are_left_out():
    plan = plan_in("Europe/Berlin", rest_days=frozenset({date(2026, 6, 10)}), pauses=(Pause(*[date(2026, 7, 1)] * 2),))
    body = assert_all_see(plan)
    assert starting(body, "EXDATE") == [
        f"EXDATE;TZID=Europe/Berlin:{day}T{clock}00" for clock in ("0700", "2200") for day in ("20260610", "20260701")
    ]


def test_a_long_pause_ends_one_series_and_begins_another():
    body = assert_all_see(plan_in("Europe/Berlin", pauses=(Pause(date(2026, 7, 1), date(2026, 12, 31)),)))
    assert starting(body, "EXDATE") == []
    assert {line.rpartition(";")[2] for line in starting(body, "RRULE:FREQ=DAILY;")} == {
        "UNTIL=20260630T050000Z",
        "UNTIL=20260630T200000Z",
    }
    assert len(masters(body)) == 4


def test_a_pause_until_further_notice_ends_the_series():
    body = assert_all_see(plan_in("Europe/Berlin", pauses=(Pause(date(2026, 7, 1)),)))
    assert len(starting(body, "RRULE:FREQ=DAILY;UNTIL")) == len(masters(body)) == 2


def test_one_last_session_is_one_plain_event():
    body = assert_all_see(plan_in("Europe/Berlin", pauses=(Pause(date(2026, 6, 3)),)))
    assert starting(body, "RRULE:FREQ=DAILY", "BEGIN:VTIMEZONE") == []
    assert len(masters(body)) == 2


def test_where_nothing_is_planned_there_is_no_file():
    with pytest.raises(FeedError, match="nothing is planned from 2026-06-02 on"):
        written(plan_in("Europe/Berlin", pauses=(Pause(date(2026, 5, 1)),)))


# Journeys, moves and changes of plan


def test_a_journey_is_told_as_overrides_in_universal_time():
    away = (datetime(2026, 7, 3, 16, tzinfo=UTC), "America/New_York")
    back = (datetime(2026, 7, 10, 16, tzinfo=UTC), "Europe/Berlin")
    body = assert_all_see(plan_in("Europe/Berlin", away, back))
    assert {str(one["UID"]) for one in masters(body)} == {str(one["UID"]) for one in overrides(body)}
    assert len(masters(body)) == 2
    assert 13 <= len(overrides(body)) <= 15
    assert all(re.fullmatch(r"DTSTART:\d{8}T\d{6}Z", line) for line in starting(body, "DTSTART:20260"))
    assert starting(body, "TZID") == ["TZID:Europe/Berlin"]


def test_a_journey_within_the_same_time_changes_nothing():
    away = (datetime(2026, 7, 3, 16, tzinfo=UTC), "Europe/Paris")
    back = (datetime(2026, 7, 10, 16, tzinfo=UTC), "Europe/Berlin")
    assert assert_all_see(plan_in("Europe/Berlin", away, back)) == written(plan_in("Europe/Berlin"))


def test_a_move_ends_the_series_and_begins_one_in_the_new_zone():
    body = assert_all_see(plan_in("Europe/Berlin", (datetime(2026, 7, 3, 16, tzinfo=UTC), "America/New_York")))
    assert starting(body, "TZID") == ["TZID:Europe/Berlin", "TZID:America/New_York"]
    assert len(masters(body)) == 4
    assert overrides(body) == []
    assert len(starting(body, "RRULE:FREQ=DAILY;UNTIL")) == 2


def test_whoever_is_away_today_comes_back():
    away = (datetime(2026, 5, 30, 16, tzinfo=UTC), "Asia/Tokyo")
    back = (datetime(2026, 6, 10, 16, tzinfo=UTC), "Europe/Berlin")
    body = assert_all_see(plan_in("Europe/Berlin", away, back))
    assert starting(body, "TZID") == ["TZID:Asia/Tokyo", "TZID:Europe/Berlin"]
    assert overrides(body) == []


def test_a_stay_of_months_is_a_series_of_its_own():
    away = (datetime(2026, 7, 3, 16, tzinfo=UTC), "America/New_York")
    back = (datetime(2027, 1, 10, 16, tzinfo=UTC), "Europe/Berlin")
    body = assert_all_see(plan_in("Europe/Berlin", away, back))
    assert len(masters(body)) == 6
    assert overrides(body) == []


def test_a_later_version_of_the_plan_takes_over_where_it_differs():
    later = Version(date(2026, 8, 1), two_slots(time(7), time(21, 30)), NOW)
    body = assert_all_see(plan_in("Europe/Berlin", versions=[DAILY, later]))
    assert [str(one["UID"]) for one in masters(body)] == [
        "p1-morning-series@turntwice",
        "p1-evening-series-until-20260731@turntwice",
        "p1-evening-series@turntwice",
    ]
    assert overrides(body) == []


def test_another_dose_begins_another_series():
    later = replace(DAILY, takes_effect=date(2026, 8, 1), dose=Dose(3))
    body = assert_all_see(plan_in("Europe/Berlin", versions=[DAILY, later]))
    assert ["4 times" in str(one["DESCRIPTION"]) for one in masters(body)] == [True, False, True, False]


def test_another_dose_for_a_while_stands_in_the_days_that_it_is_for():
    doses = {date(2026, 1, 5): Dose(), date(2026, 8, 1): Dose(3), date(2026, 8, 4): Dose()}
    versions = [replace(DAILY, takes_effect=day, dose=dose) for day, dose in doses.items()]
    body = assert_all_see(plan_in("Europe/Berlin", versions=versions))
    assert ["4 times" in str(one["DESCRIPTION"]) for one in masters(body)] == [True, True]
    assert ["3 times" in str(one["DESCRIPTION"]) for one in overrides(body)] == [True] * 6


def test_other_weekdays_for_a_while_are_no_overrides_of_days_that_never_were():
    mondays = tuple(replace(slot, weekdays=frozenset({0})) for slot in DAILY.slots)
    fridays = tuple(replace(slot, weekdays=frozenset({4})) for slot in DAILY.slots)
    dates = (date(2026, 1, 5), date(2026, 7, 1), date(2026, 8, 1))
    slots = (mondays, fridays, mondays)
    versions = [replace(DAILY, takes_effect=day, slots=chosen) for day, chosen in zip(dates, slots, strict=True)]
    body = assert_all_see(plan_in("Europe/Berlin", versions=versions))
    assert overrides(body) == []


def test_a_slot_that_is_dropped_ends():
    later = replace(DAILY, takes_effect=date(2026, 8, 1), slots=(Slot("morning", time(7)),))
    body = assert_all_see(plan_in("Europe/Berlin", versions=[DAILY, later]))
    assert [("UNTIL" in one["RRULE"]) for one in masters(body)] == [False, True]


def test_what_a_plan_says_of_another_century_takes_no_time_to_read():
    body = assert_all_see(plan_in("Europe/Berlin", rest_days=frozenset({date.max}), pauses=(Pause(date.max),)))
    assert body == written(plan_in("Europe/Berlin"))


@st.composite
def plans(draw):
    clocks = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30, 59])).map(lambda pair: time(*pair))
    days = st.dates(date(2026, 5, 20), date(2026, 9, 30))
    starts = [date(2026, 5, 1), *sorted(draw(st.sets(days, max_size=2)))]
    versions = [version(day, draw(clocks), draw(st.integers(1, 1200)), draw(st.integers(0, 5))) for day in starts]
    names = st.sampled_from(["Europe/Berlin", "Europe/Paris", "America/New_York", "Pacific/Chatham", "Asia/Tokyo"])
    since = sorted(draw(st.sets(st.datetimes(datetime(2026, 5, 20), datetime(2026, 9, 30)), max_size=4)))
    changes = [(moment.replace(tzinfo=UTC, microsecond=0, second=0), draw(names)) for moment in since]
    pauses = tuple(
        Pause(day, day + timedelta(days=draw(st.integers(0, 80)))) for day in draw(st.sets(days, max_size=2))
    )
    more = {"pauses": pauses, "rest_days": frozenset(draw(st.sets(days, max_size=3)))}
    return plan_in(draw(names), *dict(changes).items(), versions=versions, **more)


def version(day, morning, gap, free):
    """A plan of two times that are some minutes apart, with a day start four hours before the first."""
    first = datetime.combine(day, morning)
    day_start = (first - timedelta(hours=4)).time()
    evening = (first + timedelta(minutes=min(gap, 1190))).time()
    slots = two_slots(morning, evening, day_start)
    weekdays = frozenset(range(7)) - {free} if free < 2 else frozenset(range(7))
    return Version(day, (slots[0], replace(slots[1], weekdays=weekdays)), MADE, day_start)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans())
def test_any_plan_is_read_as_it_is_meant(plan):
    assert_all_see(plan, days=200)


# What an event carries


@pytest.mark.parametrize(
    "line",
    [
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        "UID:p1-morning-series@turntwice",
        "DTSTART;TZID=Europe/Berlin:20260602T070000",
        "DTEND;TZID=Europe/Berlin:20260602T070500",
        "SUMMARY:Morning stretch",
    ],
)
def test_the_file_holds_this_line_once(line):
    assert unfolded(written(plan_in("Europe/Berlin"))).count(line) == 1


TRIP = plan_in(
    "Europe/Berlin",
    (datetime(2026, 7, 3, 16, tzinfo=UTC), "America/New_York"),
    (datetime(2026, 7, 10, 16, tzinfo=UTC), "Europe/Berlin"),
)


def test_every_event_has_one_alarm_its_stamps_and_the_words_of_the_feed():
    events = masters(written(TRIP)) + overrides(written(TRIP))
    assert len(events) > 10
    for one in events:
        assert one["DTSTAMP"].dt == one["LAST-MODIFIED"].dt == MADE
        assert one["SEQUENCE"] == 0
        assert len(one.walk("VALARM")) == 1
        slot = str(one["UID"]).split("-")[1]
        entry = event.Entry("feed", slot, TODAY, NOW, event.State.DUE, 0, MADE, Dose())
        shown = icalendar.Event.from_ical(feed.event_bytes(LOOK, entry))
        assert all(one[name] == shown[name] for name in ("SUMMARY", "DESCRIPTION", "TRANSP"))


@pytest.mark.parametrize("name", ["METHOD", "URL", "RDATE", "COMMENT", "DURATION", "ORGANIZER", "X-WR-TIMEZONE"])
def test_what_misleads_or_tells_a_key_is_left_out(name):
    assert starting(written(TRIP), name) == []
    assert b"http" not in written(TRIP)


def test_no_identity_is_one_of_a_subscribed_feed():
    days = [TODAY + timedelta(days=n) for n in range(400)]
    of_feed = {event.uid("p1", day, slot) for day in days for slot in ("morning", "evening")}
    assert not of_feed & {str(one["UID"]) for one in masters(written(TRIP))}


def test_a_file_of_a_later_day_replaces_what_has_no_end():
    moved = plan_in("Europe/Berlin", (datetime(2026, 7, 3, 16, tzinfo=UTC), "America/New_York"))
    first, later = written(plan_in("Europe/Berlin")), written(moved, NOW + timedelta(days=7))
    open_ended = {str(one["UID"]) for one in masters(first) if "UNTIL" not in one["RRULE"]}
    assert open_ended == {str(one["UID"]) for one in masters(later) if "UNTIL" not in one["RRULE"]}
    assert len({str(one["UID"]) for one in masters(later)}) == 4


def test_the_file_is_the_same_all_day():
    assert written(TRIP, NOW + timedelta(hours=8)) == written(TRIP)


@pytest.mark.parametrize("name", ["America/Argentina/ComodRivadavia", "America/North_Dakota/New_Salem"])
def test_every_zone_is_defined_and_no_line_is_too_long(name):
    slots = tuple(replace(slot, weekdays=frozenset(range(6))) for slot in DAILY.slots)
    body = assert_all_see(
        plan_in(
            name,
            (datetime(2026, 7, 3, 16, tzinfo=UTC), "Africa/Cairo"),
            versions=[replace(DAILY, slots=slots)],
            rest_days=frozenset({date(2026, 6, 10)}),
        )
    )
    assert max(map(len, body.split(b"\r\n"))) <= 75
    assert set(re.findall(rb"\r\n[A-Z-]+;TZID=([^:]+):", body)) == set(re.findall(rb"\r\nTZID:(.+)\r\n", body))


def test_an_event_that_does_not_say_when_is_refused():
    with pytest.raises(FeedError, match="side by side"):
        oneoff.render("p1", TRIP, NOW, lambda _: b"BEGIN:VEVENT\r\nEND:VEVENT\r\n")
