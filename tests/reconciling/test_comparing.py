"""What two histories differ in: whose a completion is, which session it means, what lacks on either side."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from integration.core.merge import Merged
from integration.core.model import Connection, Person, State
from integration.outgoing import Remote
from integration.people import plan_for
from integration.reconciling.comparing import compare
from integration.reconciling.difference import Asked, Difference, Known, Push, Side, Why
from tests.reconciling.conftest import ABILITIES, BERLIN, DAY, TODAY, berlin

NOW = datetime(2026, 6, 2, 20, 30, tzinfo=UTC)
YESTERDAY = TODAY - DAY
EACH = {"morning": "m", "evening": "e"}
SHARED = {"morning": "h", "evening": "h"}
PERSON = Person("p", "k", plan_for(BERLIN, NOW), 0, NOW)
DONE = Side(Merged(State.DONE, frozenset({"person"}), NOW, NOW))
THEIRS = Side(Merged(State.DONE, frozenset({"c"}), NOW, NOW))
NOTHING = Known()
BACK = Side(spoken=berlin(TODAY, 12))
TOLD = Push(stands=1, accepted=True, newest=7, tried=(7,))


def ask(settings: dict[str, str], **abilities: Any) -> Asked:
    connection = Connection("c", "p", "mirror", "Mirror", None, settings, None, NOW, outgoing=True)
    return Asked(connection, PERSON, replace(ABILITIES, **abilities), TODAY - 7 * DAY, TODAY, TODAY)


def differ(
    asked: Asked,
    *history: Remote,
    known: Known = NOTHING,
    day: date = TODAY,
    **sides: Side,
) -> Difference:
    """The difference, given the sides of one day's sessions; all others are open."""
    dates = [TODAY - back * DAY for back in range(7, -1, -1)]
    ours = {(each, slot): Side() for each in dates for slot in ("morning", "evening")}
    return compare(asked, history, ours | {(day, slot): side for slot, side in sides.items()}, known)


def unheard(found: Difference) -> list[tuple[date, str, bool]]:
    return [(*one.session, one.sure) for one in found.unheard]


def lacking(found: Difference) -> list[tuple[str, ...]]:
    return [tuple(slot for _, slot in one.sessions) for one in found.lacking]


def test_what_both_say_is_no_difference() -> None:
    found = differ(ask(EACH), Remote("m", TODAY), morning=DONE)
    assert found == Difference(agreed=1)


def test_what_they_have_and_we_never_heard_is_the_session_of_its_habit() -> None:
    found = differ(ask(EACH), Remote("e", YESTERDAY), Remote("m", TODAY))
    assert unheard(found) == [(YESTERDAY, "evening", True), (TODAY, "morning", True)]


def test_its_time_says_which_day_it_was_not_the_services_own_day() -> None:
    night = berlin(TODAY, 1, 30)
    found = differ(ask(EACH), Remote("e", TODAY, night))
    assert unheard(found) == [(YESTERDAY, "evening", True)]
    assert found.unheard[0].at == night


def test_a_habit_of_one_slot_means_that_slot_at_any_hour() -> None:
    assert unheard(differ(ask(EACH), Remote("m", TODAY, berlin(TODAY, 21)))) == [(TODAY, "morning", True)]


def test_of_two_slots_on_one_habit_the_time_decides() -> None:
    found = differ(ask(SHARED, holds="sessions"), Remote("h", TODAY, berlin(TODAY, 7)), Remote("h", YESTERDAY, NOW))
    assert unheard(found) == [(TODAY, "morning", True), (TODAY, "evening", True)]


@pytest.mark.parametrize(
    ("count", "done", "heard"),
    [
        (1, (), [("morning", False)]),
        (2, (), [("morning", True), ("evening", True)]),
        (1, ("evening",), []),
        (2, ("evening",), [("morning", True)]),
        (2, ("morning",), [("evening", True)]),
        (5, ("morning",), [("evening", True)]),
        (2, ("morning", "evening"), []),
    ],
)
def test_without_a_time_the_count_decides_and_what_it_leaves_open_is_unsure(
    count: int, done: tuple[str, ...], heard: list[tuple[str, bool]]
) -> None:
    sides = dict.fromkeys(done, DONE)
    found = differ(ask(SHARED, holds="number"), Remote("h", TODAY, count=count), **sides)
    assert unheard(found) == [(TODAY, *each) for each in heard]
    assert found.sure is all(sure for _, sure in heard)


def test_a_number_that_tells_when_it_was_last_raised_places_that_one_by_its_time() -> None:
    found = differ(ask(SHARED), Remote("h", TODAY, berlin(TODAY, 22), count=2))
    assert sorted(unheard(found)) == [(TODAY, "evening", True), (TODAY, "morning", True)]


def test_of_a_number_with_one_time_the_rest_may_be_any_other_session() -> None:
    asked = ask({**SHARED, "noon": "h"})
    ours = {(TODAY, slot): Side() for slot in ("morning", "noon", "evening")}
    found = compare(asked, [Remote("h", TODAY, berlin(TODAY, 22), count=2)], ours, NOTHING)
    assert unheard(found) == [(TODAY, "evening", True), (TODAY, "morning", False)]


def test_one_tick_for_both_says_that_both_are_done_or_one_where_that_was_chosen() -> None:
    assert [one[1:] for one in unheard(differ(ask(SHARED), Remote("h", TODAY)))] == [
        ("morning", True),
        ("evening", True),
    ]
    first = ask({**SHARED, "when": "any"})
    assert [one[1:] for one in unheard(differ(first, Remote("h", TODAY)))] == [("morning", False)]
    assert unheard(differ(first, Remote("h", TODAY), evening=DONE)) == []


def test_what_was_done_here_and_they_lack_is_to_be_sent() -> None:
    found = differ(ask(EACH), day=YESTERDAY, morning=DONE, evening=DONE)
    assert lacking(found) == [("morning",), ("evening",)]
    assert [(one.habit, one.done, one.slots, one.newest) for one in found.lacking] == [
        ("m", 1, ("morning",), (0,)),
        ("e", 1, ("evening",), (0,)),
    ]


def test_only_todays_is_to_be_sent_where_no_past_day_is_taken() -> None:
    assert lacking(differ(ask(EACH, dated=False), day=YESTERDAY, morning=DONE)) == []
    assert lacking(differ(ask(EACH, dated=False), morning=DONE)) == [("morning",)]


def test_a_slot_without_a_habit_is_no_business_of_theirs() -> None:
    assert differ(ask({"evening": "e"}), Remote("elsewhere", TODAY), morning=DONE) == Difference()


def test_where_no_habit_is_named_there_all_sessions_are_told_and_the_time_says_which() -> None:
    asked = ask({}, holds="sessions", habits=False)
    found = differ(asked, Remote("Abendstretch", TODAY, berlin(TODAY, 22), event="77"), morning=DONE)
    assert unheard(found) == [(TODAY, "evening", True)]
    assert lacking(found) == [("morning",)]


def test_it_never_goes_back_to_who_says_it() -> None:
    assert lacking(differ(ask(EACH), morning=THEIRS)) == []
    assert lacking(differ(ask(SHARED, holds="number"), Remote("h", TODAY), morning=THEIRS, evening=DONE)) == [
        ("evening",)
    ]


def test_a_number_that_is_too_low_is_told_as_a_whole() -> None:
    found = differ(ask(SHARED, holds="number"), Remote("h", TODAY), morning=DONE, evening=DONE)
    assert [(one.done, one.slots) for one in found.lacking] == [(2, ("morning", "evening"))]
    assert found.size == 1


@pytest.mark.parametrize(
    ("when", "done", "told"),
    [("both", 1, []), ("both", 2, [("morning", "evening")]), ("any", 1, [("morning",)])],
)
def test_one_tick_is_lacking_where_it_should_stand(when: str, done: int, told: list[tuple[str, ...]]) -> None:
    sides = dict.fromkeys(("morning", "evening")[:done], DONE)
    assert lacking(differ(ask({**SHARED, "when": when}), **sides)) == told
    assert lacking(differ(ask({**SHARED, "when": when}), Remote("h", TODAY), **sides)) == []


def test_of_sessions_without_a_time_the_one_that_they_took_from_us_is_there() -> None:
    sides = {"morning": DONE, "evening": replace(DONE, push=TOLD)}
    assert lacking(differ(ask(SHARED, holds="sessions"), Remote("h", TODAY), **sides)) == [("morning",)]


@pytest.mark.parametrize(
    ("push", "why"),
    [
        (Push(), Why.NEVER),
        (Push(stands=1, failures=1), Why.NEVER),
        (TOLD, Why.GONE),
        (Push(failures=2), Why.GIVEN_UP),
        (replace(TOLD, waiting=True), None),
        (Push(waiting=True), None),
    ],
)
def test_what_went_out_already_is_only_shown_and_what_is_on_its_way_is_left_alone(push: Push, why: Why | None) -> None:
    found = differ(ask(EACH), morning=replace(DONE, push=push))
    assert [one.why for one in found.unsent] == ([why] if why else [])
    assert found.size == (why is Why.NEVER)


def test_a_number_is_only_shown_as_gone_where_that_much_was_told() -> None:
    one = replace(DONE, push=TOLD)
    found = differ(ask(SHARED, holds="number"), morning=one, evening=DONE)
    assert [each.why for each in found.unsent] == [Why.NEVER]
    found = differ(ask(SHARED, holds="number"), morning=replace(one, push=replace(TOLD, stands=2)), evening=DONE)
    assert [each.why for each in found.unsent] == [Why.GONE]


@pytest.mark.parametrize(("when", "why"), [("any", Why.GONE), ("both", Why.NEVER)])
def test_a_tick_that_was_told_for_the_first_session_is_not_lacking_because_another_was_done_since(
    when: str, why: Why
) -> None:
    found = differ(ask({**SHARED, "when": when}), morning=replace(DONE, push=TOLD), evening=DONE)
    assert [each.why for each in found.unsent] == [why]


def test_what_was_taken_back_here_is_not_heard_again() -> None:
    found = differ(ask(EACH), Remote("m", TODAY), morning=BACK)
    assert (found.unheard, found.kept) == ((), ((TODAY, "morning"),))
    assert differ(ask(EACH), Remote("m", TODAY, berlin(TODAY, 11)), morning=BACK).unheard == ()


def test_what_was_done_after_it_was_taken_back_is_heard() -> None:
    assert unheard(differ(ask(EACH), Remote("m", TODAY, berlin(TODAY, 13)), morning=BACK)) == [(TODAY, "morning", True)]


def test_what_was_taken_back_counts_for_what_has_no_time_too() -> None:
    assert unheard(differ(ask(SHARED, holds="number"), Remote("h", TODAY), morning=BACK)) == []
    assert unheard(differ(ask(SHARED, holds="number"), Remote("h", TODAY, count=2), morning=BACK)) == [
        (TODAY, "evening", True)
    ]


def test_what_we_told_and_they_have_is_no_word_of_theirs() -> None:
    """It was taken back by another service since, and they were not told yet."""
    found = differ(ask(EACH), Remote("m", TODAY), morning=Side(push=TOLD))
    assert (found.unheard, found.kept) == ((), ((TODAY, "morning"),))
    number = ask(SHARED, holds="number")
    assert unheard(differ(number, Remote("h", TODAY, count=2), morning=Side(push=replace(TOLD, stands=2)))) == []


def test_what_we_told_one_session_of_a_number_hides_no_other() -> None:
    """The evening was told, as a number that bears the first slot's name."""
    found = differ(ask(SHARED, holds="number"), Remote("h", TODAY, count=2), morning=Side(push=TOLD), evening=DONE)
    assert unheard(found) == [(TODAY, "morning", True)]


def test_what_we_made_is_known_by_its_id_there() -> None:
    made = replace(TOLD, made=frozenset({"77"}))
    sides = {"morning": replace(DONE, push=made)}
    found = differ(ask(SHARED, holds="sessions"), Remote("h", TODAY, berlin(TODAY, 22), event="77"), **sides)
    assert found == Difference(agreed=1)


def test_what_was_done_while_our_message_was_on_its_way_is_ours_whatever_the_hour() -> None:
    late = berlin(TODAY, 19)
    sent = replace(TOLD, spans=((late, late + timedelta(seconds=2)),))
    history = Remote("h", TODAY, late + timedelta(minutes=4))
    assert differ(ask(SHARED), history, morning=replace(DONE, push=sent)).unheard == ()
    assert unheard(differ(ask(SHARED), history, morning=DONE)) == [(TODAY, "evening", True)]


def test_nothing_is_heard_of_a_habit_of_which_a_message_is_on_its_way() -> None:
    sides = {"morning": replace(DONE, push=Push(waiting=True))}
    assert differ(ask(SHARED, holds="number"), Remote("h", TODAY, count=2), **sides).unheard == ()


def test_what_was_heard_is_not_heard_again_because_the_habit_now_means_another_session() -> None:
    at = berlin(TODAY, 7)
    known = Known(moments=(at + timedelta(seconds=20),))
    assert differ(ask(EACH), Remote("e", TODAY, at), known=known).unheard == ()
    moved = ask({"evening": "m"}, holds="sessions")
    assert differ(moved, Remote("m", TODAY, event="77"), known=Known(frozenset({"77"}))).unheard == ()


def test_what_was_heard_by_its_number_is_not_heard_again_for_another_session() -> None:
    known = Known(frozenset({f"h@{TODAY}@noon"}))
    assert unheard(differ(ask(SHARED, holds="number"), Remote("h", TODAY), known=known)) == []


@pytest.mark.parametrize(
    ("remote", "holds", "event"),
    [
        (Remote("m", TODAY), "tick", f"m@{TODAY}@morning"),
        (Remote("m", TODAY, NOW), "tick", f"m@{TODAY}@morning"),
        (Remote("m", TODAY, NOW, event="4711"), "tick", f"m@{TODAY}@morning"),
        (Remote("m", TODAY, NOW, event="m@2026"), "tick", "m@2026"),
        (Remote("m", TODAY, NOW, event="workout-1"), "sessions", "workout-1"),
    ],
)
def test_an_event_bears_the_services_name_where_its_webhook_gives_that_too(
    remote: Remote, holds: str, event: str
) -> None:
    [found] = differ(ask(EACH, holds=holds), remote).unheard
    assert found.event == event


def test_days_that_were_not_asked_for_are_left_out() -> None:
    assert differ(ask(EACH), Remote("m", TODAY + DAY), Remote("m", TODAY - 8 * DAY)) == Difference()


def test_a_plan_of_one_slot_has_no_other_to_lack() -> None:
    found = compare(ask(SHARED), [Remote("h", TODAY)], {(TODAY, "morning"): Side()}, Known())
    assert unheard(found) == [(TODAY, "morning", True)]


@pytest.mark.parametrize("holds", ["number", "sessions"])
def test_a_number_beyond_all_sense_is_as_many_as_there_are_sessions(holds: Any) -> None:
    asked = ask(SHARED, holds=holds)
    found = differ(asked, Remote("h", TODAY, count=10**9), Remote("h", YESTERDAY, berlin(YESTERDAY, 7), count=10**9))
    both = [(day, slot, True) for day in (YESTERDAY, TODAY) for slot in ("morning", "evening")]
    assert sorted(unheard(found)) == sorted(both)
    assert unheard(differ(asked, Remote("h", TODAY, count=10**9), morning=BACK)) == [(TODAY, "evening", True)]
