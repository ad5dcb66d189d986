"""What must hold of every history: more done never costs, a skip never costs, and how it is counted changes nothing.

TURNTWICE_TEST_EXAMPLES asks for more histories than the normal run has.
"""

import os
from dataclasses import replace
from datetime import timedelta
from math import isclose
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_export.plan import Pause, Version
from integration.core.days import days
from integration.core.model import State
from integration.core.standing import next_checkpoint, standing
from integration.core.streaks import Tally, final, fold, frozen
from tests.core.strategies import (
    BERLIN,
    DUE_KINDS,
    DUE_TODAYS,
    MADE,
    SLOTS,
    VERSION,
    after,
    berlin,
    histories,
    history,
    since,
    with_state,
)

MANY = settings(max_examples=int(os.environ.get("TURNTWICE_TEST_EXAMPLES", "2000")), deadline=None)
SOME = settings(max_examples=200, deadline=None)
FEW = settings(max_examples=100, deadline=None)
ROUNDING = 1e-12
PLACES = st.integers(0, 2**16)


def numbers(tally):
    """Every number that a person is shown and that good news must not lower."""
    shown = {"score": tally.score, "active": tally.active.now, "best active": tally.active.best}
    shown |= {"perfect": tally.perfect.now, "best perfect": tally.perfect.best}
    for slot in SLOTS:
        run = tally.slots.get(slot)
        shown |= {slot: run.now if run else 0, f"best {slot}": run.best if run else 0}
        shown[f"score {slot}"] = tally.slot_scores.get(slot, 0.0)
    return shown


def lowered(days, index, slot, state):
    """The numbers that fall when that session has another state, each with what it was and is."""
    begin, rest = fold(Tally(), days[:index]), days[index:]
    before, then = (numbers(fold(begin, some)) for some in (rest, with_state(rest, 0, slot, state)))
    return {name: (held, then[name]) for name, held in before.items() if then[name] < held - ROUNDING}


def sessions(days, *states):
    """Where a session in one of those states stands: (index of the day, slot)."""
    return [(i, slot) for i, day in enumerate(days) for slot, state in day.states if state in states]


# Good news never costs


@MANY
@given(histories(), PLACES)
def test_a_done_more_never_lowers_anything(days, place):
    open_to_it = sessions(days, State.MISSED, State.PENDING, State.SKIPPED)
    if open_to_it:
        index, slot = open_to_it[place % len(open_to_it)]
        assert not lowered(days, index, slot, State.DONE)


@MANY
@given(histories(), PLACES, st.sampled_from([State.SKIPPED, State.HURT, State.PAUSED, State.NOT_DUE]))
def test_a_miss_that_becomes_a_skip_never_lowers_anything(days, place, neutral):
    missed = sessions(days, State.MISSED)
    if missed:
        index, slot = missed[place % len(missed)]
        assert not lowered(days, index, slot, neutral)


# The fold is the walk


def empty(day):
    states = [state for _, state in day.states]
    return State.MISSED in states and not {State.DONE, State.PENDING} & set(states)


def walk(days):
    """Section 4 to the letter: back from today; the count, and the empty days that it crossed to a counted one."""
    count, bridged, crossed, later = 0, [], [], None
    for day in reversed(days):
        if any(state is State.DONE for _, state in day.states):
            count, bridged, crossed = count + 1, [*crossed, *bridged], []
        elif empty(day):
            if later is not None and later - day.date < timedelta(days=7):
                break
            later = day.date
            crossed.append(day.date)
    return count, sorted(bridged)


def streak_back(units, counts):
    """Section 3, a to c, to the letter: how many units count, back to the first in which something was missed."""
    total = 0
    for states in reversed(units):
        if State.MISSED in states:
            break
        total += counts(states)
    return total


def all_done(states):
    return set(states) - {State.SKIPPED} == {State.DONE}


@MANY
@given(histories())
def test_the_active_streak_and_its_freezes_are_those_of_the_backward_walk(days):
    tally = fold(Tally(), days)
    count, bridged = walk(days)
    assert tally.active.now == count
    assert frozen(tally, days) == bridged


@SOME
@given(histories())
def test_slot_and_perfect_streaks_are_those_of_a_backward_count(days):
    tally = fold(Tally(), days)
    for slot in SLOTS:
        found = tally.slots[slot].now if slot in tally.slots else 0
        assert found == streak_back([[dict(day.states)[slot]] for day in days], all_done)
    assert tally.perfect.now == streak_back([[state for _, state in day.states] for day in days], all_done)


@SOME
@given(histories(shortest=20, longest=60))
def test_the_best_is_the_longest_that_the_walk_ever_found(days):
    ever = [walk(days[: n + 1])[0] for n in range(len(days))]
    assert fold(Tally(), days).active.best == max(ever)


# Score


@SOME
@given(histories(kinds=DUE_KINDS, todays=DUE_TODAYS))
def test_the_score_is_the_mean_of_the_slot_scores_when_both_are_always_due(days):
    tally = fold(Tally(), days)
    mean = sum(tally.slot_scores.values()) / len(SLOTS)
    assert isclose(tally.score, mean, rel_tol=0, abs_tol=ROUNDING)


# Incremental is from scratch


def stored(tally):
    """As a checkpoint keeps it."""
    return msgspec.json.decode(msgspec.json.encode(tally), type=Tally)


@SOME
@given(histories(), st.lists(PLACES, min_size=1, max_size=3))
def test_a_fold_taken_up_at_any_final_day_is_the_fold_from_scratch(days, places):
    tally, begin = Tally(), 0
    for cut in sorted(place % len(days) for place in places):
        if all(final(day) for day in days[begin:cut]):
            tally, begin = stored(fold(tally, days[begin:cut])), cut
    assert fold(tally, days[begin:]) == fold(Tally(), days)


def told_of(days):
    return {(day.date, slot): state for day in days for slot, state in day.states if state is not State.MISSED}


@FEW
@given(histories(shortest=130, longest=200, todays=["DD", "DM", "MM"]), st.integers(100, 199))
def test_a_standing_from_a_checkpoint_is_the_standing_from_scratch(days, taken):
    told, now = since(told_of(days)), berlin(days[-1].date, 15)
    early = berlin(after(min(taken, len(days) - 1)), 15)
    held = next_checkpoint(BERLIN, None, told, early)
    fresh = next_checkpoint(BERLIN, held, told, now) or held
    scratch = standing(BERLIN, None, told, now)
    for checkpoint in filter(None, (held, fresh)):
        assert standing(BERLIN, checkpoint, told, now) == scratch


@pytest.mark.parametrize("age", range(85, 160, 3))
def test_a_checkpoint_ends_a_month_that_no_clock_and_no_span_reaches(age):
    told, now = since({}), berlin(after(age), 15)
    checkpoint = next_checkpoint(BERLIN, None, told, now)
    if checkpoint is None:
        assert age < 31 + 28 + 90
        return
    assert (checkpoint.upto + timedelta(days=1)).day == 1
    assert (after(age) - checkpoint.upto).days > 90
    assert next_checkpoint(BERLIN, checkpoint, told, now) is None
    assert all(final(day) for day in days(BERLIN, {}, BERLIN.start, checkpoint.upto, now))


@pytest.mark.parametrize("age, held", [(0, 1), (88, 89), (89, 90), (90, 90), (150, 90)])
def test_a_standing_keeps_the_days_of_the_longest_span_and_no_more(age, held):
    recent = standing(BERLIN, None, since({}), berlin(after(age), 15)).recent
    assert [day.date for day in recent] == [after(age - n) for n in reversed(range(held))]


def test_a_checkpoint_reads_only_the_facts_after_it():
    told = since(told_of(history("D" * 150, "D" * 150)))
    checkpoint = next_checkpoint(BERLIN, None, told, berlin(after(149), 15))
    asked = []

    def watched(first):
        asked.append(first)
        return told(first)

    standing(BERLIN, checkpoint, watched, berlin(after(149), 15))
    assert asked == [checkpoint.upto + timedelta(days=1)]


def test_a_slot_that_is_to_come_stands_at_nought_with_a_checkpoint_as_without():
    noon = replace(VERSION.slots[0], name="noon")
    later = Version(after(150), (noon, VERSION.slots[1]), MADE)
    plan = replace(BERLIN, versions=(VERSION, later))
    told, now = since({}), berlin(after(149), 15)
    held = next_checkpoint(plan, None, told, now)
    assert standing(plan, held, told, now) == standing(plan, None, told, now)


def test_a_person_who_paused_from_the_first_day_has_their_slots_with_a_checkpoint_as_without():
    plan = replace(BERLIN, pauses=(Pause(BERLIN.start),))
    told, now = since({}), berlin(after(149), 15)
    held = next_checkpoint(plan, None, told, now)
    assert held is not None
    assert standing(plan, held, told, now) == standing(plan, None, told, now)


# Through plan and facts, so that the days are made and not given


@FEW
@given(st.randoms(use_true_random=False), st.integers(20, 60))
def test_a_report_more_never_lowers_a_standing(luck: Random, length):
    told = {(after(n), slot): State.DONE for n in range(length) for slot in SLOTS if luck.random() < 0.7}
    now = berlin(after(length - 1), luck.choice([5, 13, 15, 23]))
    made = list(days(BERLIN, told, BERLIN.start, BERLIN.today(now), now))
    index, slot = luck.randrange(length), luck.choice(SLOTS)
    assert not lowered(made, index, slot, State.DONE)
    then = days(BERLIN, told | {(after(index), slot): State.DONE}, BERLIN.start, BERLIN.today(now), now)
    assert list(then) == with_state(made, index, slot, State.DONE)
