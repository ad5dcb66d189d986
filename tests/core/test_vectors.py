"""The worked examples of the law (spec: streaks section 11), through plan and facts, as a person would make them."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from calendar_export.plan import Pause, Version
from integration.core.days import days
from integration.core.model import PERSON, FactKind, State
from integration.core.standing import standing
from integration.core.streaks import Tally, fold, frozen
from integration.status import merged_sessions
from tests.core.strategies import BERLIN, MADE, SLOTS, START, VERSION, after, berlin, fact, since

FILE = json.loads((Path(__file__).parents[1] / "vectors" / "streaks.json").read_text())
HOURS = {"morning": 8, "evening": 21}


def told_of(vector):
    """What facts say: a service every D, the person every N."""
    found = []
    for slot in SLOTS:
        for offset, letter in enumerate(vector[slot]):
            day = after(offset)
            when, place = berlin(day, HOURS[slot]), {"slot": slot, "day": day}
            if letter == "D":
                found.append(fact("habitica", f"{slot}{day}", FactKind.DONE, when, performed_at=when, **place))
            if letter == "N":
                found.append(fact(PERSON, f"{slot}{day}", FactKind.SKIPPED, when, **place))
    return {key: merged.state for key, merged in merged_sessions(found).items()}


def nows(vector):
    """The instants at which the example holds.

    With a window open: an instant in it, the last day being today. With all said: the last day's evening too. Else the
    first instant after the last day, for an evening is missed no sooner; the day that has begun changes no number.
    """
    day, last = after(len(vector["morning"]) - 1), vector["morning"][-1] + vector["evening"][-1]
    if "P" in last:
        return [berlin(day, 8 if last[0] == "P" else 14), berlin(day, 9 if last[0] == "P" else 23)]
    over = berlin(day + timedelta(days=1), 4)
    return [over] if "M" in last else [over, berlin(day, 22)]


CASES = [
    pytest.param(vector, now, id=f"{vector['name']}, {now:%d %H:%M}")
    for vector in FILE["vectors"]
    for now in nows(vector)
]


def agrees(vector, tally):
    assert f"{tally.score:.6f}" == f"{vector['score']:.6f}"
    assert (tally.active.now, tally.perfect.now) == (vector["active"], vector["perfect"])
    assert {name: run.now for name, run in tally.slots.items()} == vector["slots"]
    if "best_active" in vector:
        assert tally.active.best == vector["best_active"]
    assert tally.active.best >= tally.active.now


def test_the_examples_are_all_there_and_begin_with_the_plan():
    assert (len(FILE["vectors"]), FILE["start"]) == (13, START.isoformat())


@pytest.mark.parametrize("vector, now", CASES)
def test_the_days_of_an_example_are_its_letters(vector, now):
    made = list(days(BERLIN, told_of(vector), START, BERLIN.today(now), now))
    letters = {State.DONE: "D", State.MISSED: "M", State.PENDING: "P", State.SKIPPED: "N"}
    for slot in SLOTS:
        word = "".join(letters[dict(day.states)[slot]] for day in made)
        assert word in (vector[slot], vector[slot] + "P")


@pytest.mark.parametrize("vector, now", CASES)
def test_an_example_gives_its_numbers_when_its_days_are_folded(vector, now):
    made = list(days(BERLIN, told_of(vector), START, BERLIN.today(now), now))
    tally = fold(Tally(), made)
    agrees(vector, tally)
    assert [day.isoformat() for day in frozen(tally, made)] == vector["frozen"]


@pytest.mark.parametrize("vector, now", CASES)
def test_an_example_gives_its_numbers_as_a_persons_standing(vector, now):
    stands = standing(BERLIN, None, since(told_of(vector)), now)
    agrees(vector, stands.tally)
    assert [day.isoformat() for day in stands.frozen] == vector["frozen"]


def named(name):
    return next(vector for vector in FILE["vectors"] if vector["name"] == name)


def without_skips(vector):
    return {key: state for key, state in told_of(vector).items() if state is State.DONE}


@pytest.mark.parametrize("name", ["skips neither reward nor punish", "a pause costs nothing"])
def test_pauses_and_rest_days_count_as_skips_do(name):
    vector = named(name)
    neutral = [after(offset) for offset, letter in enumerate(vector["morning"]) if letter == "N"]
    now = berlin(after(len(vector["morning"]) - 1), 22)
    paused = replace(BERLIN, pauses=tuple(Pause(day, day) for day in neutral))
    rested = replace(BERLIN, rest_days=frozenset(neutral))
    for plan in (paused, rested):
        agrees(vector, standing(plan, None, since(without_skips(vector)), now).tally)


def test_a_slot_that_the_plan_drops_counts_as_the_example_says():
    vector = named("the evening slot retired on day six")
    plan = replace(BERLIN, versions=(VERSION, Version(after(5), VERSION.slots[:1], MADE)))
    agrees(vector, standing(plan, None, since(without_skips(vector)), berlin(after(9), 22)).tally)
