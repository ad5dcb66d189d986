"""Our clock is put back, or ran ahead for a while: what comes last is the last word all the same."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration import record
from integration.core.merge import merge
from integration.core.model import FactKind, State
from integration.core.placing import Placed
from integration.inbox.replay import replay
from integration.inbox.waiting import settle
from integration.record import ACCEPTED, DUPLICATE
from integration.store import deliveries
from tests.integration.conftest import TODAY, Somebody, at, days, said
from tests.integration.senders import post, workouts
from webhooks.report import Kind, Likeness, Moment, Report

EVENING = Placed("evening", TODAY)


def state(somebody: Somebody, slot: str = "evening") -> State | None:
    return merge(fact for fact in somebody.facts() if fact.slot == slot).state


def kept(somebody: Somebody) -> list[int]:
    """Ids of the deliveries in the order in which they came."""
    with somebody.parts.store.reading() as db:
        return sorted(entry.id for entry in deliveries.latest(db, somebody.id, 1000))


def word(kind: Kind, event: str, when: datetime | None = None) -> Report:
    return said(kind, event, when, slot="evening")


@pytest.mark.parametrize("ids", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("back", [1, 3_600, 86_400 * 300])
def test_words_without_a_time_hold_in_the_order_in_which_they_came(
    client: FlaskClient, arrive: Any, clock: Any, back: int, ids: bool
) -> None:
    somebody = arrive(start=TODAY - days(300))
    simple, day = somebody.connect("simple"), str(TODAY - days(300))
    for number, kind in enumerate(("done", "undo", "done", "undo")):
        named = {"id": str(number)} if ids else {}
        assert post(client, somebody, simple, {"type": kind, "slot": "evening", "date": day, **named}) == ACCEPTED
        assert state(somebody) is (State.DONE if kind == "done" else None)
        clock.move(seconds=-back if number == 1 else 0.5)


def test_after_a_time_in_which_the_clock_ran_ahead_an_undo_and_a_done_count(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    simple = somebody.connect("simple")
    clock.move(days=30)
    post(client, somebody, simple, {"id": "1", "slot": "evening", "date": str(TODAY)})
    clock.move(days=-30)
    for number, kind in enumerate(("undo", "done", "undo"), 2):
        clock.move(minutes=1)
        post(client, somebody, simple, {"id": str(number), "type": kind, "slot": "evening", "date": str(TODAY)})
        assert state(somebody) is (State.DONE if kind == "done" else None)


def test_what_comes_back_to_us_is_a_copy_whatever_the_clock_says(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    simple = somebody.connect("simple")
    post(client, somebody, simple, {"id": "1", "slot": "evening", "date": str(TODAY)})
    clock.move(hours=-1)
    post(client, somebody, simple, {"id": "2", "type": "undo", "slot": "evening", "date": str(TODAY)})
    before = somebody.facts()
    assert post(client, somebody, simple, {"id": "1", "slot": "evening", "date": str(TODAY)}) == DUPLICATE
    for delivery in kept(somebody):
        replay(somebody.parts, delivery)
    assert (somebody.facts(), state(somebody)) == (before, None)


def test_a_changed_content_moves_its_session_also_after_the_clock_went_back(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    simple = somebody.connect("simple")
    for number, slot in enumerate(("morning", "evening", "morning")):
        post(client, somebody, simple, {"id": "1", "slot": slot, "date": str(TODAY), "note": str(number)})
        assert [fact.slot for fact in somebody.facts()] == [slot]
        clock.move(hours=-1)


def test_a_word_that_brings_its_own_time_keeps_it(somebody: Somebody, clock: Any) -> None:
    connection = somebody.connect()
    somebody.hear(connection, word(Kind.DONE, "1", at(20)))
    clock.move(minutes=-10)
    somebody.hear(connection, word(Kind.UNDONE, "2", at(19)))
    assert state(somebody) is State.DONE
    assert {fact.said_at for fact in somebody.facts()} == {at(19), at(20)}


def test_a_time_that_our_clock_has_not_reached_again_still_comes_after_what_was_heard(
    somebody: Somebody, clock: Any
) -> None:
    connection, told = somebody.connect(), clock()
    somebody.hear(connection, word(Kind.DONE, "1", told))
    clock.move(hours=-1)
    somebody.hear(connection, word(Kind.UNDONE, "2", told + timedelta(minutes=5)))
    assert state(somebody) is None


def test_what_waited_and_is_judged_later_stays_as_old_as_it_is(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    """Only what comes now comes after all that was heard."""
    simple = somebody.connect("simple")
    post(client, somebody, simple, {"id": "1", "type": "undo", "slot": "noon", "date": str(TODAY)})
    clock.move(minutes=1)
    somebody.hear(simple, word(Kind.DONE, "2"))
    clock.move(minutes=1)
    [waiting, _] = kept(somebody)
    settle(somebody.parts, somebody.person, waiting, EVENING)
    assert state(somebody) is State.DONE


def test_each_press_of_the_person_holds_after_the_clock_went_back(somebody: Somebody, clock: Any) -> None:
    store, wanted = somebody.parts.store, {FactKind.DONE: State.DONE, FactKind.SKIPPED: State.SKIPPED}
    somebody.hear(somebody.connect("simple"), word(Kind.DONE, "1"))
    for kind in (FactKind.UNDONE, FactKind.DONE, FactKind.UNDONE, FactKind.SKIPPED, FactKind.UNDONE, FactKind.DONE):
        clock.move(hours=-1)
        assert record.tell(store, somebody.person, EVENING, kind, clock()) is wanted.get(kind)
        assert state(somebody) is wanted.get(kind)


def test_what_is_done_after_the_persons_own_undo_counts_though_the_clock_went_back(
    somebody: Somebody, clock: Any
) -> None:
    simple, store = somebody.connect("simple"), somebody.parts.store
    somebody.hear(simple, word(Kind.DONE, "1"))
    clock.move(minutes=1)
    record.tell(store, somebody.person, EVENING, FactKind.UNDONE, clock())
    clock.move(hours=-1)
    somebody.hear(simple, word(Kind.DONE, "2"))
    assert state(somebody) is State.DONE


@pytest.mark.parametrize("timed", [True, False], ids=["timed", "untimed"])
def test_a_task_is_unticked_and_ticked_again_after_the_clock_went_back(
    somebody: Somebody, clock: Any, timed: bool
) -> None:
    vikunja, told = somebody.connect("vikunja"), clock()
    for number, kind in enumerate((Kind.DONE, Kind.UNDONE, Kind.DONE, Kind.UNDONE)):
        when = told + timedelta(minutes=number)
        performed = Moment(when) if kind is Kind.DONE else None
        report = Report(kind, f"t@{number}", when if timed else None, performed, habit=("Stretch",), thing="t")
        assert somebody.hear(vikunja, report).outcome == ACCEPTED
        assert state(somebody) is (State.DONE if kind is Kind.DONE else None)
        clock.move(minutes=-30)


def test_an_activity_that_was_something_else_after_all_counts_no_longer_though_the_clock_went_back(
    somebody: Somebody, clock: Any
) -> None:
    watch, done = somebody.connect("health_auto_export"), Moment(clock())
    somebody.hear(watch, Report(Kind.DONE, "1", None, done, habit=("Stretching",), likeness=Likeness.STRETCH))
    assert state(somebody) is State.DONE
    clock.move(hours=-1)
    somebody.hear(watch, Report(Kind.DONE, "1", None, done, habit=("Ride",), likeness=Likeness.OTHER))
    assert state(somebody) is None


def test_what_the_person_placed_can_be_taken_back_though_the_clock_went_back(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    watch = somebody.connect("health_auto_export")
    post(client, somebody, watch, workouts(("Yoga", "22:05")))
    settle(somebody.parts, somebody.person, *kept(somebody), EVENING)
    assert state(somebody) is State.DONE
    clock.move(hours=-1)
    [event] = [fact.event for fact in somebody.facts()]
    assert somebody.hear(watch, Report(Kind.UNDONE, event, thing=event)).outcome == ACCEPTED
    assert state(somebody) is None
