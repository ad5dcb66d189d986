"""turntwice status: the numbers of the law, under the names of the contract."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.cli.conftest import PLAN, Run

Ask = Callable[..., Any]
KEPT = 0.5 ** (1 / 13)
CONTRACT = {"score", "active", "perfect", "slots", "best_active", "adherence", "today"}


def test_the_fields_are_those_of_the_contract(asked: Ask, person: str) -> None:
    told = asked("status", person)
    assert set(told) >= CONTRACT
    assert set(told["adherence"]) == {"7", "28", "90"}
    assert told["today"] == {"date": "2026-06-02", "morning": "pending", "evening": "pending"} | told["today"]
    assert (told["active"], told["perfect"], told["best_active"], told["score"]) == (0, 0, 0, 0)
    assert told["adherence"]["7"] == [0, 3], "two yesterday, this morning's; the evening is not over"


def test_after_what_was_done_the_numbers_agree_with_the_law(
    asked: Ask, person: str, post: Callable[..., Any], still: Any
) -> None:
    """Both sessions yesterday, the morning today: example 9 of the law, shorter."""
    hook = asked("connection", "add", person, "simple")["hook"]
    for number, (day, slot) in enumerate((("01", "morning"), ("01", "evening"), ("02", "morning"))):
        answer = post(hook, json={"id": str(number), "date": f"2026-06-{day}", "slot": slot})
        assert answer.json["outcome"] == "accepted"
    told = asked("status", person)
    assert told["score"] == pytest.approx(1 - KEPT, abs=1e-6)
    assert (told["active"], told["perfect"], told["best_active"]) == (2, 1, 2)
    assert told["slots"] == {"morning": 2, "evening": 1}
    assert told["adherence"] == {"7": [3, 3], "28": [3, 3], "90": [3, 3]}
    assert (told["today"]["morning"], told["today"]["evening"]) == ("done", "pending")
    still.shift(timedelta(hours=7))
    later = asked("status", person)
    assert later["score"] == pytest.approx((1 - KEPT) * KEPT + 0.5 * (1 - KEPT), abs=1e-6)
    assert (later["active"], later["perfect"], later["slots"]) == (2, 0, {"morning": 2, "evening": 0})


def test_without_json_it_is_a_few_lines_for_people(turntwice: Run, person: str) -> None:
    result = turntwice("status", person)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0].startswith("Today: morning ")
    assert "Score: 0.0%" in result.stdout
    assert "Last 7 days: 0 of 3 sessions" in result.stdout


def test_somebody_who_came_this_moment_has_a_status_too(asked: Ask) -> None:
    told = asked("status", asked("person", "add", *PLAN)["person"])
    assert told["adherence"]["90"] == [0, 0]


@pytest.mark.parametrize("person", ["nobody", "", "x" * 3000])
def test_an_unknown_person_is_one_line(turntwice: Run, person: str) -> None:
    result = turntwice("status", person)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "turntwice person list" in result.stderr


def test_an_argument_that_is_no_text_is_one_line(turntwice: Run) -> None:
    """Bytes that are not UTF-8 reach Python as half of a surrogate pair, which no database takes."""
    result = turntwice("status", "\udcff")
    assert result.exit_code in (1, 2)
    assert (result.stdout, len(result.stderr.splitlines())) == ("", 1)
