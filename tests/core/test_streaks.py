"""Three streaks, score and adherence of given days (spec: streaks sections 3, 4, 5 and 9)."""

from datetime import date, timedelta
from math import isclose

import pytest

from integration.core.model import Day, State
from integration.core.streaks import KEPT, Run, Tally, adherence, final, fold, frozen
from tests.core.strategies import after, day_of, history

PERFECT, HALF, EMPTY = "DD", "DM", "MM"


def tally_of(morning, evening=None, over=True, begin=None):
    return fold(begin or Tally(), history(morning, evening or morning, over))


def runs(tally):
    return tally.active.now, tally.perfect.now, tally.slots["morning"].now, tally.slots["evening"].now


# Section 9: the score


@pytest.mark.parametrize(
    "before, day, then",
    [
        (0.0, PERFECT, "0.051922"),
        (0.5, PERFECT, "0.525961"),
        (0.75, PERFECT, "0.762981"),
        (0.5, EMPTY, "0.474039"),
        (1.0, HALF, "0.974039"),
        (1.0, EMPTY, "0.948078"),
    ],
)
def test_a_day_moves_the_score_by_loops_own_step(before, day, then):
    assert f"{fold(Tally(score=before), [day_of(day)]).score:.6f}" == then


def test_what_a_day_keeps_is_a_half_life_of_thirteen_days():
    assert f"{KEPT:.6f}" == "0.948078"
    assert isclose(KEPT**13, 0.5)


@pytest.mark.parametrize("share, days", [(0.5, 13), (0.75, 26), (0.9, 43.2), (0.95, 56.2)])
def test_perfect_days_reach_a_share_of_the_score_when_the_law_says(share, days):
    reached = [tally_of("D" * n).score for n in range(1, 60)]
    first = next(n for n, score in enumerate(reached, 1) if score >= share - 1e-12)
    assert first - 1 < days <= first


@pytest.mark.parametrize("missed, left", [(1, "0.9481"), (7, "0.6885"), (13, "0.5000")])
def test_missed_days_leave_of_a_full_score_what_the_law_says(missed, left):
    assert f"{tally_of('M' * missed, begin=Tally(score=1.0)).score:.4f}" == left


@pytest.mark.parametrize("states, share", [("DD", 1), ("DM", 0.5), ("MD", 0.5), ("MM", 0), ("DN", 1), ("NM", 0)])
def test_a_day_counts_by_the_share_of_its_due_slots(states, share):
    assert fold(Tally(score=0.4), [day_of(states)]).score == 0.4 * KEPT + share * (1 - KEPT)


@pytest.mark.parametrize("neutral", [State.SKIPPED, State.HURT, State.PAUSED, State.NOT_DUE])
def test_a_neutral_day_holds_everything(neutral):
    before = tally_of("DDMD")
    quiet = Day(after(9), (("morning", neutral), ("evening", neutral)))
    assert fold(before, [quiet]) == before


@pytest.mark.parametrize("states", ["DP", "PD", "PP", "MP", "DM", "MD", "MM", "NM", "PN"])
def test_a_today_that_is_not_perfect_is_not_folded_into_the_score_before_it_is_over(states):
    before = tally_of("DDDD")
    today = fold(before, [day_of(states, 4, over=False)])
    assert (today.score, today.slot_scores) == (before.score, before.slot_scores)


@pytest.mark.parametrize("states", ["DD", "DN", "ND"])
def test_a_perfect_today_counts_at_once_and_only_once(states):
    before = tally_of("DDDD")
    early, at_its_end = (fold(before, [day_of(states, 4, over)]) for over in (False, True))
    assert early == at_its_end
    assert early.score > before.score


def test_done_tonight_after_a_missed_morning_does_not_lower_the_number_shown():
    before = tally_of("D" * 60)
    assert fold(before, [day_of("MD", 60, over=False)]).score == before.score
    assert fold(before, [day_of("MD", 60)]).score > fold(before, [day_of("MM", 60)]).score


def test_a_slot_has_a_score_of_its_own():
    tally = tally_of("DDDD", "MMMM")
    assert tally.slot_scores == {"morning": tally_of("DDDD").score, "evening": 0.0}


def test_a_slot_that_is_neutral_holds_its_score():
    assert tally_of("DDDD", "DDNN").slot_scores["evening"] == tally_of("DD").score


# Section 3: streaks


@pytest.mark.parametrize(
    "morning, evening, expected",
    [
        ("DDD", "DDD", (3, 3, 3, 3)),
        ("DDD", "DMD", (3, 1, 3, 1)),
        ("NNN", "NNN", (0, 0, None, None)),
        ("DND", "DND", (2, 2, 2, 2)),
        ("DDD", "NNN", (3, 3, 3, 0)),
        ("DNM", "DND", (2, 0, 0, 2)),
        ("DDP", "DDP", (2, 2, 2, 2)),
        ("DDD", "DDP", (3, 2, 3, 2)),
        ("DDM", "DDP", (2, 0, 0, 2)),
        ("DDN", "DDP", (2, 2, 2, 2)),
        ("DDP", "DDD", (3, 2, 2, 3)),
    ],
)
def test_neutral_bridges_pending_waits_and_missed_ends(morning, evening, expected):
    tally = tally_of(morning, evening, over="P" not in morning + evening)
    slots = (tally.slots.get(name, Run()).now for name in ("morning", "evening"))
    assert (tally.active.now, tally.perfect.now, *slots) == tuple(number or 0 for number in expected)


def test_a_streak_neither_starts_nor_ends_on_a_skip():
    assert runs(tally_of("NNNDNNN")) == (1, 1, 1, 1)


def test_a_run_remembers_its_best():
    tally = tally_of("DDDMDD")
    assert (tally.perfect, tally.slots["morning"], tally.active) == (Run(2, 3), Run(2, 3), Run(5, 5))


def test_a_slot_that_is_not_in_the_day_keeps_its_streak():
    alone = Day(after(3), (("morning", State.MISSED),))
    tally = fold(tally_of("DDD"), [alone])
    assert (tally.slots["morning"], tally.slots["evening"]) == (Run(0, 3), Run(3, 3))


# Section 4: the freeze


@pytest.mark.parametrize(
    "word, active, best, bridged",
    [
        ("MMDDMDD", 4, 4, [4]),
        ("DMDDMDD", 4, 4, [4]),
        ("D" * 3 + "M" + "D" * 6 + "M" + "D", 10, 10, [3, 10]),
        ("D" * 3 + "M" + "D" * 5 + "M" + "D", 6, 8, [9]),
        ("D" * 3 + "M" + "N" * 6 + "M" + "D", 4, 4, [3, 10]),
        ("D" * 3 + "M" + "N" * 5 + "M" + "D", 1, 3, []),
        ("DDDM", 3, 3, [3]),
        ("DDDMM", 0, 3, []),
        ("DDDMMD", 1, 3, []),
        ("MMMM", 0, 0, []),
        ("MDDD", 3, 3, []),
        (("D" * 6 + "M") * 4, 24, 24, [6, 13, 20, 27]),
        (("D" * 6 + "M") * 4 + "M", 0, 24, []),
    ],
)
def test_empty_days_at_least_a_week_apart_are_bridged(word, active, best, bridged):
    days = history(word, word)
    tally = fold(Tally(), days)
    assert tally.active == Run(active, best)
    assert frozen(tally, days) == [after(offset) for offset in bridged]


def test_a_completion_more_never_costs_what_the_forward_rule_would_cost():
    without, more = tally_of("MMDDMDD"), tally_of("DMDDMDD")
    assert without.active.now == more.active.now == 4


def test_a_partial_day_is_active_and_needs_no_freeze():
    days = history("DMDMDM", "MDMDMD")
    tally = fold(Tally(), days)
    assert (tally.active.now, tally.perfect.now, frozen(tally, days)) == (6, 0, [])


def test_the_freeze_helps_the_active_day_streak_alone():
    tally = tally_of("DDDM")
    assert runs(tally) == (3, 0, 0, 0)
    assert tally.score < tally_of("DDD").score


def test_a_day_that_can_still_be_saved_is_not_empty():
    assert not day_of("MP", over=False).empty
    assert day_of("MM", over=False).empty
    assert day_of("NM").empty
    assert not day_of("NN").empty


# Days that are final, adherence


@pytest.mark.parametrize(
    "states, over, expected", [("DD", True, 1), ("DD", False, 0), ("DP", True, 0), ("MM", True, 1)]
)
def test_a_day_is_final_when_it_is_over_and_no_window_is_open(states, over, expected):
    assert final(day_of(states, over=over)) is bool(expected)


def test_adherence_counts_what_was_done_of_what_was_due():
    days = history("DDMNDD", "DMMNDP", over=False)
    assert adherence(days, 7) == (6, 9)
    assert adherence(days, 2) == (3, 3)
    assert adherence(days, 1) == (1, 1)
    assert adherence(days, 3) == (3, 3)
    assert adherence([], 7) == (0, 0)


def test_an_open_session_is_not_due_yet_and_a_done_one_is_both():
    assert adherence([day_of("PP", over=False)], 7) == (0, 0)
    assert adherence([day_of("DP", over=False)], 7) == (1, 1)
    assert adherence([day_of("MP", over=False)], 7) == (0, 1)


def test_dates_may_lie_in_any_year():
    days = [Day(date(2027, 12, 28) + timedelta(days=n), (("morning", State.DONE),)) for n in range(8)]
    assert fold(Tally(), days).active.now == 8
