"""The stretch as data: numbers in range, cautions present, nothing promised."""

import pytest

from calendar_export import routine
from calendar_export.errors import PlanError
from calendar_export.routine import Dose, check_dose, steps

ALL_WORDS = " ".join(
    (
        *steps(Dose(4, 20)),
        routine.TITLE,
        routine.BREATHING,
        *routine.CUES.values(),
        routine.OTHER_CUE,
        routine.WHERE,
        routine.WHAT_FOR,
        *routine.ALSO_NAMED,
        routine.HYPERMOBILITY,
        routine.NO_PUSHING,
        *routine.WHEN_TO_STOP,
        routine.ASK_FIRST,
    )
).lower()


@pytest.mark.parametrize("dose", [Dose(), Dose(3, 0), Dose(5, 30), Dose(4, 1)])
def test_a_dose_in_the_published_range_is_kept(dose):
    assert check_dose(dose) is dose


@pytest.mark.parametrize(
    "dose, cure",
    [
        (Dose(2), "choose 3, 4 or 5"),
        (Dose(6), "choose 3, 4 or 5"),
        (Dose(-4), "choose 3, 4 or 5"),
        (Dose(4, 31), "choose 0 to 30"),
        (Dose(4, -1), "choose 0 to 30"),
    ],
)
def test_a_dose_out_of_range_is_refused_with_the_cure(dose, cure):
    with pytest.raises(PlanError, match=cure):
        check_dose(dose)


def test_the_default_dose_is_four_a_side_without_a_hold():
    assert Dose() == Dose(repetitions=4, hold_seconds=0)


def test_the_steps_carry_the_persons_own_numbers():
    done = steps(Dose(5, 20))
    assert "5 times on each side" in done[-1]
    assert "20 seconds" in done[3]
    assert len(done) == 7


def test_without_a_hold_no_step_speaks_of_seconds():
    done = steps(Dose(3, 0))
    assert len(done) == 6
    assert not any("second" in step for step in done)


def test_the_steps_go_from_lying_down_to_one_side_to_the_middle_to_the_other_side():
    words = ["on your back", "belly", "one side", "middle", "other side", "each side"]
    assert [word in step for word, step in zip(words, steps(Dose()), strict=True)] == [True] * 6


def test_each_end_of_the_day_has_its_own_cue_and_any_other_slot_has_one_too():
    assert routine.cue("morning") == "Before you get up"
    assert routine.cue("evening") == "When you lie down"
    assert routine.cue("noon") == routine.OTHER_CUE


@pytest.mark.parametrize("sign", ["low back", "sacrum", "numb", "leg feels weak"])
def test_a_warning_sign_means_stop(sign):
    assert sign in routine.STOP
    assert routine.STOP.startswith("Stop")


@pytest.mark.parametrize("sign", ["bladder", "bowel", "between the legs", "both legs"])
def test_an_alarming_sign_means_urgent_help(sign):
    assert sign in routine.URGENT
    assert "urgent help" in routine.URGENT


def test_whom_to_ask_first_is_named_for_pain_for_beginners_and_for_mobile_joints():
    for words in (routine.ASK_FIRST, routine.HYPERMOBILITY):
        assert "physical therapist or doctor" in words
    assert "new to you" in routine.ASK_FIRST


@pytest.mark.parametrize("word", ["cure", "heal", "relief", "guarantee", "bend forward", "forward", "touch your toes"])
def test_nothing_is_promised_and_no_forward_bending_is_coached(word):
    assert word not in ALL_WORDS


def test_every_source_is_a_plain_name():
    assert len(routine.SOURCES) == len(set(routine.SOURCES)) == 5
    assert not any("://" in source for source in routine.SOURCES)
