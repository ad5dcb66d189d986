"""Which session a report belongs to, or why none (spec: streaks sections 2, 6 and 7)."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_export.plan import Slot, Version, two_slots
from integration.core.placing import (
    Placed,
    Unplaced,
    check_session,
    mapped_slots,
    place,
    sounds_like_a_stretch,
    wall_of,
)
from tests.core.strategies import BERLIN, MADE, START, VERSION, after, berlin, plan_in, utc
from webhooks.payload import instant
from webhooks.report import Kind, Moment, Report

NOW = berlin(date(2026, 6, 2), 15)
TODAY = date(2026, 6, 2)


def report(kind=Kind.DONE, **told):
    return Report(kind, "event", **told)


def at(text):
    """A time as a sender writes it."""
    return instant(text)


def placed(plan=BERLIN, mapped=None, now=NOW, realtime=False, **told):
    """(slot, date) or the reason why none."""
    found = place(plan, report(**told), mapped, now, realtime)
    return found.reason if isinstance(found, Unplaced) else (found.slot, found.date)


# Section 2: the table


@pytest.mark.parametrize(
    "wall, slot, day",
    [
        ("2026-06-02T00:40:00", "evening", 1),
        ("2026-06-02T03:59:00", "evening", 1),
        ("2026-06-02T03:59:59.999999", "evening", 1),
        ("2026-06-02T04:00:00", "morning", 2),
        ("2026-06-02T13:59:00", "morning", 2),
        ("2026-06-02T14:00:00", "evening", 2),
    ],
)
def test_the_wall_time_of_doing_it_gives_day_and_slot(wall, slot, day):
    own = at(f"{wall}+02:00")
    assert placed(performed=own) == (slot, date(2026, 6, day))
    assert placed(performed=Moment(own.at)) == (slot, date(2026, 6, day))


def test_a_second_completion_in_one_window_is_an_extra_and_fills_no_other_slot():
    assert placed(performed=at("2026-06-02T07:00:00+02:00")) == placed(performed=at("2026-06-02T11:00:00+02:00"))


def test_a_night_worker_has_the_windows_of_their_own_day():
    version = Version(START, two_slots(time(15), time(8), time(11, 30)), MADE, time(11, 30))
    plan = plan_in("Europe/Berlin", versions=[version])
    assert placed(plan, performed=at("2026-06-02T11:29:00+02:00")) == ("evening", date(2026, 6, 1))
    assert placed(plan, performed=at("2026-06-02T11:30:00+02:00")) == ("morning", date(2026, 6, 2))


# Section 6: clock changes


@pytest.mark.parametrize(
    "zone, wall, day, slot",
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 4, 30), date(2026, 3, 29), "morning"),
        ("Europe/Berlin", datetime(2026, 10, 25, 3, 30), date(2026, 10, 24), "evening"),
        ("America/New_York", datetime(2026, 3, 8, 4, 30), date(2026, 3, 8), "morning"),
        ("America/New_York", datetime(2026, 11, 1, 3, 30), date(2026, 10, 31), "evening"),
    ],
)
def test_on_the_day_the_clocks_change_the_wall_clock_decides(zone, wall, day, slot):
    local = wall.replace(tzinfo=ZoneInfo(zone))
    moment = Moment(local.astimezone(UTC))
    plan, now = plan_in(zone), moment.at + timedelta(hours=1)
    assert placed(plan, now=now, performed=moment) == (slot, day)
    assert placed(plan, now=now, performed=replace(moment, offset=local.utcoffset())) == (slot, day)


def test_both_half_past_twos_of_an_autumn_night_are_one_evening():
    for hour in (0, 1):
        moment = Moment(utc(2026, 10, 25, hour, 30))
        assert wall_of(BERLIN, moment) == datetime(2026, 10, 25, 2, 30)
        assert placed(now=moment.at, performed=moment) == ("evening", date(2026, 10, 24))


# Section 7: whose clock


def test_z_is_no_offset_of_its_own_and_plus_nought_is():
    assert placed(performed=at("2026-06-02T03:00:00Z")) == ("morning", date(2026, 6, 2))
    assert placed(performed=at("2026-06-02T03:00:00+00:00")) == ("evening", date(2026, 6, 1))


def test_the_offset_of_the_sender_beats_the_zone_timeline():
    tokyo = at("2026-06-02T07:00:00+09:00")
    assert wall_of(BERLIN, tokyo) == datetime(2026, 6, 2, 7)
    assert placed(performed=tokyo) == ("morning", date(2026, 6, 2))
    assert placed(performed=Moment(tokyo.at)) == ("evening", date(2026, 6, 1))


def test_without_an_offset_the_zone_that_held_at_the_instant_is_read():
    plan = plan_in("America/New_York", (utc(2026, 6, 1, 12), "Europe/Berlin"))
    assert wall_of(plan, Moment(utc(2026, 6, 1, 11, 59))) == datetime(2026, 6, 1, 7, 59)
    assert wall_of(plan, Moment(utc(2026, 6, 1, 12))) == datetime(2026, 6, 1, 14)


@given(st.datetimes(datetime(2026, 1, 6), datetime(2026, 6, 2)), st.integers(-14 * 60, 14 * 60))
def test_a_wall_time_with_its_offset_is_placed_alike_wherever_the_person_is(wall, minutes):
    offset = timedelta(minutes=minutes)
    moment = Moment(wall.replace(tzinfo=UTC) - offset, offset)
    plans = [plan_in(zone) for zone in ("Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago")]
    assert len({placed(plan, performed=moment) for plan in plans}) == 1


# First rule that applies


def test_an_explicit_slot_and_date_beat_the_time():
    told = {"slot": "evening", "date": date(2026, 5, 30), "performed": at("2026-06-02T07:00:00+02:00")}
    assert placed(**told) == placed(mapped="morning", realtime=True, **told) == ("evening", date(2026, 5, 30))


def test_a_mapped_habit_with_a_date_is_that_session():
    assert placed(mapped="evening", date=date(2026, 5, 30)) == ("evening", date(2026, 5, 30))


def test_a_slot_that_the_sender_names_beats_the_mapping():
    assert placed(mapped="evening", slot="morning", date=TODAY) == ("morning", TODAY)


def test_a_mapped_habit_with_a_time_is_its_slot_on_the_logical_date_of_that_time():
    assert placed(mapped="evening", performed=at("2026-06-02T00:40:00+02:00")) == ("evening", date(2026, 6, 1))
    assert placed(mapped="evening", performed=at("2026-06-02T14:00:00+02:00")) == ("evening", date(2026, 6, 2))
    assert placed(mapped="morning", performed=at("2026-06-02T23:00:00+02:00")) == ("morning", date(2026, 6, 2))


@pytest.mark.parametrize("time", ["04:00:00", "07:30:00", "13:59:59"])
def test_an_evening_habit_ticked_before_the_evening_may_be_of_the_day_before(time):
    """Who ticks it at breakfast means yesterday, who stretches early means today: that is for the person to say."""
    told = at(f"2026-06-02T{time}+02:00")
    assert placed(mapped="evening", performed=told) == "too_early"
    assert placed(slot="evening", performed=told) == ("evening", date(2026, 6, 2)), "the sender names it itself"
    assert placed(mapped="evening", date=date(2026, 6, 2), performed=told) == ("evening", date(2026, 6, 2))
    assert placed(mapped="evening", kind=Kind.UNDONE, performed=told) == ("evening", date(2026, 6, 2))


def test_a_date_without_a_slot_takes_the_slot_of_the_time():
    found = placed(date=date(2026, 6, 1), performed=at("2026-06-02T00:40:00+02:00"))
    assert found == ("evening", date(2026, 6, 1))
    assert placed(date=date(2026, 6, 1), performed=at("2026-06-02T07:00:00+02:00")) == ("morning", date(2026, 6, 1))


# No time given


def test_the_arrival_stands_in_for_the_time_where_the_source_reports_at_once():
    assert placed(realtime=True) == ("evening", TODAY)
    assert placed(realtime=True, now=berlin(TODAY, 3, 59)) == ("evening", date(2026, 6, 1))
    assert placed(realtime=True, mapped="morning") == ("morning", TODAY)


@pytest.mark.parametrize("told", [{}, {"slot": "morning"}, {"date": TODAY}, {"said_at": NOW}])
def test_without_a_time_nothing_is_guessed(told):
    assert placed(**told) == "no_time"


def test_a_mapped_habit_without_time_or_date_is_not_guessed_either():
    assert placed(mapped="morning") == "no_time"


def test_a_time_that_the_sender_gives_beats_the_arrival():
    assert placed(realtime=True, performed=at("2026-06-01T07:00:00+02:00")) == ("morning", date(2026, 6, 1))


# How far back and ahead


@pytest.mark.parametrize("back, found", [(400, ("morning", after(0))), (401, "too_old")])
def test_completions_are_taken_up_to_400_days_back(back, found):
    earlier = replace(VERSION, takes_effect=after(-30))
    plan, now = plan_in("Europe/Berlin", versions=[earlier]), berlin(after(back), 15)
    assert placed(plan, now=now, slot="morning", date=START) == found
    assert placed(plan, now=now, performed=Moment(berlin(START, 7))) == found


def test_a_completion_may_lie_a_day_ahead_for_clocks_that_run_fast_and_no_further():
    ahead = NOW + timedelta(hours=24)
    assert placed(performed=Moment(ahead)) == ("evening", date(2026, 6, 3))
    assert placed(performed=Moment(ahead + timedelta(microseconds=1))) == "in_the_future"
    assert placed(slot="evening", date=date(2026, 6, 3)) == ("evening", date(2026, 6, 3))
    assert placed(slot="evening", date=date(2026, 6, 4)) == "in_the_future"


def test_a_report_that_was_said_more_than_a_day_ahead_would_outlast_every_undo_and_is_refused():
    told = {"slot": "morning", "date": TODAY}
    assert placed(said_at=NOW + timedelta(hours=24), **told) == ("morning", TODAY)
    assert placed(said_at=NOW + timedelta(hours=24, microseconds=1), **told) == "in_the_future"


def test_before_the_plan_there_is_no_session():
    assert placed(slot="morning", date=after(-1)) == "before_the_plan"
    assert placed(performed=Moment(berlin(START, 3, 59))) in ("before_the_plan", "outside_the_plan")
    assert placed(performed=Moment(berlin(START, 4))) == ("morning", START)


# What the plan does not have


def test_a_slot_that_the_plan_has_not_is_refused_by_name():
    found = check_session(BERLIN, Placed("noon", TODAY), NOW)
    assert isinstance(found, Unplaced)
    assert (found.reason, "'noon'" in found.message) == ("outside_the_plan", True)


def test_a_slot_is_taken_on_the_dates_on_which_the_plan_has_it():
    plan = replace(BERLIN, versions=(VERSION, Version(TODAY, VERSION.slots[:1], MADE)))
    assert placed(plan, slot="evening", date=date(2026, 6, 1)) == ("evening", date(2026, 6, 1))
    assert placed(plan, slot="evening", date=TODAY) == "outside_the_plan"


def test_a_time_between_the_windows_belongs_to_no_session_unless_the_slot_is_told():
    slots = (Slot("morning", time(7), 0, 360), Slot("evening", time(22), 720, 1440))
    plan = plan_in("Europe/Berlin", versions=[replace(VERSION, slots=slots)])
    noon = at("2026-06-02T12:00:00+02:00")
    assert placed(plan, performed=noon) == "outside_the_plan"
    assert placed(plan, performed=noon, mapped="morning") == ("morning", TODAY)


def test_a_reason_comes_with_a_sentence_for_the_person():
    for told in ({}, {"slot": "noon", "date": TODAY}, {"slot": "morning", "date": date(2020, 1, 1)}):
        found = place(BERLIN, report(**told), None, NOW, realtime=False)
        assert isinstance(found, Unplaced)
        assert found.message.endswith(".")


# Habits


def test_a_mapping_names_a_habit_by_id_alias_or_title_in_any_case():
    told = report(habit=("a1b2", "stretch-am", "Morning twist"))
    for name in ("a1b2", "Stretch-AM", "MORNING TWIST"):
        assert mapped_slots({"morning": name, "evening": "other"}, told) == ("morning",)
    assert mapped_slots({"morning": "a1b2", "evening": "a1b2"}, told) == ("morning", "evening")
    assert mapped_slots({"morning": "twist"}, told) == ()


@pytest.mark.parametrize(
    "habit, ours", [(("x1", "Spinal Rotation"), True), (("Turntwice",), True), (("Drink water",), False), ((), True)]
)
def test_an_unmapped_habit_is_ours_if_its_name_says_so(habit, ours):
    assert sounds_like_a_stretch(report(habit=habit)) is ours
