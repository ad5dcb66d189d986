"""Plan and facts to days: what is pending, missed, done or not due, and what changes of the plan do (spec: streaks)."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_export.plan import Pause, Version, ZoneChange, two_slots
from calendar_export.zones import to_instant, to_wall
from integration.core.days import backfilled, days, late, state
from integration.core.merge import merge
from integration.core.model import State
from integration.core.placing import Placed, place, wall_of
from integration.core.standing import Standing, next_checkpoint, standing
from integration.core.streaks import Run
from tests.core.strategies import BERLIN, MADE, SLOTS, START, VERSION, after, berlin, done, plan_in, since, utc
from webhooks.report import Kind, Moment, Report

MONDAY = date(2026, 6, 1)
MINUTE = timedelta(minutes=1)
DONE, MISSED, PENDING, PAUSED, NOT_DUE = State.DONE, State.MISSED, State.PENDING, State.PAUSED, State.NOT_DUE


def states(plan, now, told=None, first=None):
    """Every session of the plan up to today, by (date, slot)."""
    made = days(plan, told or {}, first or plan.start, plan.today(now), now)
    return {(day.date, slot): state for day in made for slot, state in day.states}


def done_on(length, slots=SLOTS):
    return {(after(n), slot): DONE for n in range(length) for slot in slots}


def stands(plan, told, now) -> Standing:
    return standing(plan, None, since(told), now)


# Pending, missed, over


@pytest.mark.parametrize(
    "now, morning, evening",
    [
        (berlin(MONDAY, 4), PENDING, PENDING),
        (berlin(MONDAY, 14) - MINUTE, PENDING, PENDING),
        (berlin(MONDAY, 14), MISSED, PENDING),
        (berlin(MONDAY + timedelta(days=1), 4) - MINUTE, MISSED, PENDING),
        (berlin(MONDAY + timedelta(days=1), 4), MISSED, MISSED),
    ],
)
def test_a_session_is_missed_when_its_window_closes_and_not_before(now, morning, evening):
    found = states(BERLIN, now, first=MONDAY)
    assert (found[MONDAY, "morning"], found[MONDAY, "evening"]) == (morning, evening)


@pytest.mark.parametrize("grace", [1, 90, 600])
def test_a_session_waits_through_its_grace(grace):
    morning, evening = VERSION.slots
    plan = plan_in("Europe/Berlin", versions=[replace(VERSION, slots=(replace(morning, grace=grace), evening))])
    closes = berlin(MONDAY, 14) + timedelta(minutes=grace)
    assert states(plan, closes - MINUTE, first=MONDAY)[MONDAY, "morning"] is PENDING
    assert states(plan, closes, first=MONDAY)[MONDAY, "morning"] is MISSED


def test_an_evening_with_grace_waits_into_the_next_day_and_keeps_its_own_open():
    morning, evening = VERSION.slots
    plan = plan_in("Europe/Berlin", versions=[replace(VERSION, slots=(morning, replace(evening, grace=120)))])
    now = berlin(MONDAY + timedelta(days=1), 5)
    yesterday, today = days(plan, {}, MONDAY, plan.today(now), now)
    assert (yesterday.over, yesterday.open, today.over) == (True, True, False)
    assert dict(yesterday.states) == {"morning": MISSED, "evening": PENDING}


def test_a_day_is_over_when_the_next_one_begins_on_the_persons_clock():
    for minute, over in ((-1, False), (0, True)):
        now = berlin(MONDAY + timedelta(days=1), 4) + minute * MINUTE
        first, *more = days(BERLIN, {}, MONDAY, BERLIN.today(now), now)
        assert (first.over, [day.over for day in more]) == (over, [False] * over)


def test_nothing_is_final_a_late_fact_changes_history():
    told, now = done_on(10), berlin(after(9), 23)
    del told[after(4), "morning"]
    assert stands(BERLIN, told, now).tally.slots["morning"] == Run(5, 5)
    assert stands(BERLIN, done_on(10), now).tally.slots["morning"] == Run(10, 10)


def test_days_begin_with_the_plan():
    now = berlin(after(1), 12)
    assert [day.date for day in days(BERLIN, {}, date(2025, 1, 1), BERLIN.today(now), now)] == [START, after(1)]
    assert list(days(BERLIN, {}, START, after(-1), now)) == []


def test_before_the_plan_begins_a_person_stands_at_nought():
    before = stands(BERLIN, {}, berlin(START, 3))
    assert (before.today, before.tally.active.now, before.tally.score) == (None, 0, 0.0)
    assert before.adherence == {7: (0, 0), 28: (0, 0), 90: (0, 0)}


# Neutral sessions


def test_a_completion_in_a_pause_counts_and_is_all_that_is_due():
    plan = replace(BERLIN, pauses=(Pause(after(2), after(4)),))
    told = {(after(3), "evening"): DONE}
    made = list(days(plan, told, START, after(5), berlin(after(6), 4)))
    assert [dict(day.states)["morning"] for day in made] == [MISSED, MISSED, PAUSED, PAUSED, PAUSED, MISSED]
    assert (made[3].due, made[3].done, made[3].perfect) == (1, 1, True)
    assert [day.due for day in made] == [2, 2, 0, 1, 0, 2]


def test_a_completion_on_a_rest_day_counts_too():
    plan = replace(BERLIN, rest_days=frozenset({after(1)}))
    found = states(plan, berlin(after(2), 3), {(after(1), "morning"): DONE})
    assert (found[after(1), "morning"], found[after(1), "evening"]) == (DONE, NOT_DUE)


def test_a_weekday_slot_rests_at_the_weekend_and_keeps_its_streak():
    weekdays = tuple(replace(slot, weekdays=frozenset(range(5))) for slot in VERSION.slots)
    plan = plan_in("Europe/Berlin", versions=[replace(VERSION, slots=weekdays)])
    told = {key: DONE for key in done_on(14) if key[0].weekday() < 5}
    found = stands(plan, told, berlin(after(13), 23))
    assert (found.tally.active.now, found.tally.perfect.now, found.tally.slots["morning"].now) == (10, 10, 10)
    assert found.adherence[7] == (10, 10)


def test_a_pause_that_starts_in_the_past_takes_back_what_it_missed():
    told, now = done_on(5), berlin(after(8), 12)
    ill = replace(BERLIN, pauses=(Pause(after(5)),))
    assert stands(BERLIN, told, now).tally.active.now == 0
    found = stands(ill, told, now)
    assert (found.tally.active.now, found.tally.perfect.now) == (5, 5)
    assert found.neutral(7) == {"skipped": 0, "hurt": 0, "paused": 8}


def test_what_was_told_of_a_session_stands_over_what_was_planned():
    session = next(BERLIN.sessions(MONDAY, MONDAY))
    for word in (State.DONE, State.SKIPPED, State.HURT):
        assert state(session, word, utc(2030, 1, 1, 0)) is word


# Late and backfilled


def test_late_is_said_of_when_it_was_done_and_backfilled_of_when_it_was_heard():
    session = next(BERLIN.sessions(MONDAY, MONDAY))
    inside, outside = session.closes - MINUTE, session.closes
    cases = {(inside, inside): (False, False), (inside, outside): (False, True), (outside, outside): (True, True)}
    for (performed, heard), expected in cases.items():
        merged = merge([done("habitica", "a", heard, received_at=heard, performed_at=performed)])
        assert (late(session, merged), backfilled(session, merged)) == expected
    assert (late(session, merge([])), backfilled(session, merge([]))) == (False, False)


# Section 7: travel

TRIPS = {
    "Los Angeles to Tokyo": plan_in("America/Los_Angeles", (utc(2026, 6, 2, 6), "Asia/Tokyo")),
    "Tokyo to Los Angeles": plan_in("Asia/Tokyo", (utc(2026, 6, 8, 18), "America/Los_Angeles")),
    "New York to Berlin": plan_in("America/New_York", (utc(2026, 6, 8, 6), "Europe/Berlin")),
    "Berlin to New York": plan_in("Europe/Berlin", (utc(2026, 6, 8, 16, 30), "America/New_York")),
}


@pytest.mark.parametrize("trip", TRIPS)
def test_a_trip_leaves_due_what_was_half_lived_and_nothing_twice(trip):
    made = list(days(TRIPS[trip], {}, MONDAY, date(2026, 6, 14), utc(2026, 6, 20, 12)))
    assert [day.date for day in made] == [MONDAY + timedelta(days=n) for n in range(14)]
    lost = {(day.date.day, slot) for day in made for slot, found in day.states if found is not MISSED}
    assert lost == ({(2, "morning")} if trip == "Los Angeles to Tokyo" else set())
    assert all(tuple(slot for slot, _ in day.states) == SLOTS for day in made)


def test_a_morning_lost_over_the_date_line_is_neutral_and_breaks_nothing():
    plan = TRIPS["Los Angeles to Tokyo"]
    told = {(day, slot): DONE for day, slot in states(plan, utc(2026, 6, 10, 12)) if (day.day, slot) != (2, "morning")}
    made = list(days(plan, told, MONDAY, date(2026, 6, 3), utc(2026, 6, 10, 12)))
    assert dict(made[1].states) == {"morning": NOT_DUE, "evening": DONE}
    assert all(day.perfect for day in made)


def test_a_second_monday_evening_is_an_extra_of_the_same_session():
    plan, now = TRIPS["Tokyo to Los Angeles"], utc(2026, 6, 9, 20)
    in_tokyo, in_los_angeles = Moment(utc(2026, 6, 8, 7)), Moment(utc(2026, 6, 9, 4))
    assert [wall_of(plan, moment).hour for moment in (in_tokyo, in_los_angeles)] == [16, 21]
    for moment in (in_tokyo, in_los_angeles):
        report = Report(Kind.DONE, "e", performed=moment)
        assert place(plan, report, None, now, realtime=True) == Placed("evening", date(2026, 6, 8))


@pytest.mark.parametrize("trip", TRIPS)
def test_a_day_waits_while_the_traveller_still_lives_it(trip):
    plan = TRIPS[trip]
    for hour in range(24 * 14):
        now = utc(2026, 6, 1, 0) + timedelta(hours=hour)
        waiting = {day for (day, _), found in states(plan, now, first=MONDAY).items() if found is PENDING}
        assert waiting <= {plan.today(now), plan.today(now) - timedelta(days=1)}
        assert all(day.over is (day.date < plan.today(now)) for day in days(plan, {}, MONDAY, plan.today(now), now))


ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"]
INSTANTS = st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 10), timezones=st.just(UTC))


@st.composite
def journeys(draw):
    """Zone changes in order, and reports made at instants on the way."""
    changes = sorted(draw(st.lists(INSTANTS, min_size=1, max_size=3, unique=True)))
    names = draw(st.lists(st.sampled_from(ZONES), min_size=len(changes) + 1, max_size=len(changes) + 1))
    return plan_in(names[0], *zip(changes, names[1:], strict=True)), draw(st.lists(INSTANTS, min_size=1, max_size=12))


def told_by(plan, instants):
    """What reports made at those instants say, each placed when it came, in the zones known by then."""
    told = {}
    for instant in instants:
        known = replace(plan, zones=tuple(z for z in plan.zones if z.since <= instant))
        placed = place(known, Report(Kind.DONE, "e", performed=Moment(instant)), None, instant, realtime=True)
        assert isinstance(placed, Placed)
        told[placed.date, placed.slot] = DONE
    return told


@settings(max_examples=120, deadline=None)
@given(journeys(), st.sampled_from(ZONES), INSTANTS)
def test_a_zone_change_takes_no_done_away_and_mints_no_session(journey, zone, landed):
    plan, instants = journey
    told, span, now = told_by(plan, instants), (date(2026, 3, 15), date(2026, 4, 15)), utc(2026, 4, 20, 12)
    moved = replace(plan, zones=(*(z for z in plan.zones if z.since < landed), ZoneChange(landed, zone)))
    made = [list(days(some, told, *span, now)) for some in (plan, moved)]
    before, after_it = ({(day.date, slot): found for day in some for slot, found in day.states} for some in made)
    assert all(tuple(slot for slot, _ in day.states) == SLOTS for some in made for day in some)
    assert set(told) <= {key for key, found in before.items() if found is DONE}
    assert {key for key, found in before.items() if found is DONE} == {k for k, f in after_it.items() if f is DONE}
    assert set(before) == set(after_it)
    assert {found for key, found in after_it.items() if key not in told} <= {MISSED, NOT_DUE}


@settings(max_examples=120, deadline=None)
@given(journeys())
def test_a_session_that_is_lived_through_in_one_place_is_due(journey):
    plan, _ = journey
    for session in plan.sessions(date(2026, 3, 15), date(2026, 4, 14)):
        opens, closes = plan.window(plan.slot_on(session.slot, session.date), session.date)
        for zone, until in zip(plan.zones, (*(z.since for z in plan.zones[1:]), utc(2030, 1, 1, 0)), strict=True):
            if zone.since <= to_instant(opens, zone.zone) and to_instant(closes, zone.zone) <= until:
                assert session.not_due is None


# Section 10: the plan changes


def changed(*slots, from_day=5):
    """The plan with other slots from a day on."""
    return replace(BERLIN, versions=(VERSION, Version(after(from_day), slots, MADE)))


def test_moving_a_time_keeps_every_streak():
    plan = changed(*two_slots(time(9, 30), time(23, 15)))
    tally = stands(plan, done_on(10), berlin(after(9), 23, 30)).tally
    assert (tally.active.now, tally.perfect.now) == (10, 10)
    assert {name: run.now for name, run in tally.slots.items()} == {"morning": 10, "evening": 10}


def test_a_dropped_evening_keeps_its_number_and_the_perfect_days_go_on():
    plan = changed(VERSION.slots[0])
    told = done_on(5) | done_on(10, ["morning"])
    tally = stands(plan, told, berlin(after(9), 23)).tally
    assert (tally.active.now, tally.perfect.now, tally.slots["evening"]) == (10, 10, Run(5, 5))
    assert all(day.due == 1 for day in days(plan, told, after(5), after(9), berlin(after(9), 23)))


def test_an_added_slot_starts_at_nought_and_judges_no_earlier_day():
    alone = replace(VERSION, slots=VERSION.slots[:1])
    plan = replace(BERLIN, versions=(alone, Version(after(5), VERSION.slots, MADE)))
    told = done_on(7, ["morning"])
    tally = stands(plan, told, berlin(after(6), 12)).tally
    assert (tally.slots["morning"], tally.slots["evening"], tally.perfect) == (Run(7, 7), Run(0, 0), Run(0, 5))
    old, now = replace(BERLIN, versions=(alone,)), berlin(after(6), 12)
    assert list(days(plan, told, START, after(4), now)) == list(days(old, told, START, after(4), now))


def test_a_slot_that_starts_tomorrow_is_named_today_and_stands_at_nought():
    alone = replace(VERSION, slots=VERSION.slots[:1])
    plan = replace(BERLIN, versions=(alone, Version(after(5), VERSION.slots, MADE)))
    found = stands(plan, done_on(5, ["morning"]), berlin(after(4), 12))
    assert found.tally.slots == {"morning": Run(5, 5), "evening": Run(0, 0)}
    assert [slot for slot, _ in found.today.states] == ["morning"]


def test_a_night_workers_day_moves_with_its_start():
    version = Version(START, two_slots(time(15), time(8), time(11, 30)), MADE, time(11, 30))
    plan = plan_in("Europe/Berlin", versions=[version])
    now = berlin(MONDAY, 11)
    assert plan.today(now) == MONDAY - timedelta(days=1)
    found = states(plan, now, first=MONDAY - timedelta(days=1))
    assert set(found.values()) == {MISSED, PENDING}
    assert to_wall(now, "Europe/Berlin").date() == MONDAY


def test_a_later_plan_change_leaves_a_checkpoint_true():
    plan, told = changed(VERSION.slots[0], from_day=150), done_on(150)
    now = berlin(after(160), 12)
    held = next_checkpoint(BERLIN, None, since(told), berlin(after(149), 12))
    assert held is not None
    assert standing(plan, held, since(told), now) == stands(plan, told, now)
