"""Tasks and activities: what is told of them anew, moves them, deletes them, or comes in another order than it was."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from integration import record
from integration.core.merge import merge
from integration.core.model import Connection, FactKind, State
from integration.core.placing import Placed
from integration.inbox import mapping, waiting
from integration.inbox.fetched import recorder
from integration.inbox.replay import replay
from integration.record import ACCEPTED, DUPLICATE, IGNORED
from integration.services.hevy import Exercise, Workout, _report
from integration.store.tables import deliveries
from tests.integration.conftest import TODAY, Somebody, at, days, said
from tests.integration.senders import post, workouts
from webhooks.report import Kind, Likeness, Moment, Report

SECRET = "a-secret-of-intervals-icu-1234"
MORNING, EVENING, AM, PM = at(5, 10), at(18, 10), (TODAY, "morning"), (TODAY, "evening")
YESTERDAY = TODAY - days(1)


@pytest.fixture
def icu(somebody: Somebody) -> Connection:
    return somebody.connect("intervals_icu", secret=SECRET)


def uploaded(name: str, told: datetime, start: datetime = MORNING, kind: str = "PhysicalTherapy") -> dict[str, Any]:
    """An activity as intervals.icu tells it, started at that instant in Berlin."""
    local = (start + timedelta(hours=2)).replace(tzinfo=None)
    activity = {"id": name, "type": kind, "start_date": f"{start:%Y-%m-%dT%H:%M:%SZ}", "moving_time": 300}
    return event("ACTIVITY_ANALYZED", told, activity | {"start_date_local": local.isoformat()})


def deleted(name: str, told: datetime) -> dict[str, Any]:
    return event("ACTIVITY_DELETED", told, {"id": name})


def event(kind: str, told: datetime, activity: dict[str, Any]) -> dict[str, Any]:
    one = {"type": kind, "timestamp": f"{told:%Y-%m-%dT%H:%M:%SZ}", "activity": activity}
    return {"secret": SECRET, "events": [one]}


def states(somebody: Somebody) -> dict[tuple[date, str], State | None]:
    """What the facts say of this morning and evening."""
    told = somebody.facts()
    return {key: merge(fact for fact in told if (fact.date, fact.slot) == key).state for key in (AM, PM)}


def only(*done: tuple[date, str]) -> dict[tuple[date, str], State | None]:
    return {key: State.DONE if key in done else None for key in (AM, PM)}


def ids(somebody: Somebody) -> list[int]:
    with somebody.parts.store.reading() as db:
        return list(db.execute(select(deliveries.c.id).order_by(deliveries.c.id)).scalars())


def outcomes(somebody: Somebody) -> list[tuple[str, str | None]]:
    with somebody.parts.store.reading() as db:
        return [(row.outcome, row.reason) for row in db.execute(select(deliveries).order_by(deliveries.c.id))]


def ticked(kind: Kind, when: datetime, task: str = "t", habit: tuple[str, ...] = ("Stretch",)) -> Report:
    """A task of Todoist or Vikunja: what takes it back names no session."""
    moment = Moment(when) if kind is Kind.DONE else None
    return Report(kind, f"{task}@{when:%H:%M}@{kind}", when, moment, habit=habit, thing=task)


# An activity that is told anew


@pytest.mark.parametrize(("first", "then"), [("20:00", "07:05"), ("07:05", "20:00")])
def test_a_workout_whose_time_was_corrected_moves_there_be_it_earlier_or_later(
    client: FlaskClient, somebody: Somebody, clock: Any, first: str, then: str
) -> None:
    health = somebody.connect("health_auto_export")
    for when in (first, then):
        [told] = workouts(("Flexibility", when))["data"]["workouts"]
        assert post(client, somebody, health, {"data": {"workouts": [told | {"id": "one"}]}}) == ACCEPTED
        clock.move(minutes=10)
    assert states(somebody) == only(AM if then == "07:05" else PM)


def test_of_two_tellings_of_an_activity_the_senders_time_decides(
    client: FlaskClient, somebody: Somebody, icu: Connection, clock: Any
) -> None:
    post(client, somebody, icu, uploaded("i1", at(19, 5), MORNING))
    clock.move(minutes=1)
    post(client, somebody, icu, uploaded("i1", at(19), EVENING))
    assert states(somebody) == only(AM)


def hevy(somebody: Somebody, connection: Connection, updated: datetime, start: datetime, exercise: str) -> None:
    workout = Workout("w1", start, "Legs", updated_at=updated, exercises=[Exercise(exercise, "T1")])
    recorder(somebody.parts)(connection.id, "w1", [_report(workout)])


def test_a_workout_of_hevy_moves_and_counts_no_longer_once_the_stretch_was_taken_out(
    somebody: Somebody, clock: Any
) -> None:
    connection = somebody.connect("hevy", token="a-token-that-is-long-enough-123456")
    hevy(somebody, connection, at(18, 30), EVENING, "Spinal stretch")
    assert states(somebody) == only(PM)
    hevy(somebody, connection, at(19, 30), MORNING, "Spinal stretch")
    assert states(somebody) == only(AM)
    hevy(somebody, connection, at(19, 40), MORNING, "Squat")
    assert states(somebody) == only()
    hevy(somebody, connection, at(19, 50), MORNING, "Spinal twist stretch")
    assert states(somebody) == only(AM)


@pytest.mark.parametrize(("kind", "reason"), [("Ride", None), ("Yoga", "related_activity")])
def test_an_activity_that_was_something_else_after_all_counts_no_longer(
    client: FlaskClient, somebody: Somebody, icu: Connection, kind: str, reason: str | None
) -> None:
    post(client, somebody, icu, uploaded("i1", at(8)))
    post(client, somebody, icu, uploaded("i2", at(8), MORNING + timedelta(minutes=20)))
    assert post(client, somebody, icu, uploaded("i1", at(8, 1), kind=kind)) == ACCEPTED
    assert states(somebody) == only(AM), "the other one stands"
    assert post(client, somebody, icu, uploaded("i2", at(8, 1), kind=kind)) == ACCEPTED
    assert states(somebody) == only()
    assert outcomes(somebody)[2:] == [(ACCEPTED, reason)] * 2
    for delivery in ids(somebody):
        replay(somebody.parts, delivery)
    assert states(somebody) == only()
    assert post(client, somebody, icu, uploaded("i2", at(8, 1), kind=kind)) == IGNORED, "a copy says nothing new"


def test_what_was_changed_to_something_else_can_still_be_counted_by_the_person(
    client: FlaskClient, somebody: Somebody, icu: Connection, clock: Any
) -> None:
    post(client, somebody, icu, uploaded("i1", at(8)))
    clock.move(minutes=1)
    post(client, somebody, icu, uploaded("i1", at(8, 1), kind="Yoga"))
    clock.move(minutes=1)
    result = waiting.settle(somebody.parts, somebody.person, ids(somebody)[1], Placed("evening", TODAY))
    assert (result.outcome, states(somebody)) == (ACCEPTED, only(PM))


def test_a_workout_that_was_something_else_takes_no_other_with_it(client: FlaskClient, somebody: Somebody) -> None:
    health = somebody.connect("health_auto_export")
    told = workouts(("Flexibility", "07:05"), ("Flexibility", "07:30"))["data"]["workouts"]
    post(client, somebody, health, {"data": {"workouts": told}})
    assert post(client, somebody, health, {"data": {"workouts": [told[1] | {"name": "Running"}]}}) == ACCEPTED
    assert states(somebody) == only(AM)


def test_a_change_to_something_else_that_is_older_than_what_counts_takes_nothing_back(
    client: FlaskClient, somebody: Somebody, icu: Connection
) -> None:
    post(client, somebody, icu, uploaded("i1", at(8, 1)))
    post(client, somebody, icu, uploaded("i1", at(8), kind="Ride"))
    assert states(somebody) == only(AM)


def test_an_activity_that_is_told_again_undoes_no_undo_of_the_person(
    client: FlaskClient, somebody: Somebody, icu: Connection, clock: Any
) -> None:
    post(client, somebody, icu, uploaded("i1", at(20)))
    clock.move(minutes=1)
    record.tell(somebody.parts.store, somebody.person, Placed("morning", TODAY), FactKind.UNDONE, clock())
    clock.move(minutes=1)
    assert post(client, somebody, icu, uploaded("i1", clock())) == ACCEPTED
    assert states(somebody) == only()


def test_a_minute_counts_and_less_is_a_watch_started_by_mistake(somebody: Somebody) -> None:
    connection = somebody.connect("open_wearables", secret="whsec_" + "A" * 44)
    told = Report(Kind.DONE, "1", performed=Moment(MORNING), likeness=Likeness.STRETCH, duration_seconds=59)
    short = somebody.hear(connection, told)
    assert (short.outcome, short.reason) == (IGNORED, "too_short")
    assert somebody.hear(connection, replace(told, event_id="2", duration_seconds=60)).outcome == ACCEPTED


# Withdrawals


def test_who_deletes_one_of_two_activities_keeps_the_other(
    client: FlaskClient, somebody: Somebody, icu: Connection
) -> None:
    for name in "ab":
        post(client, somebody, icu, uploaded(name, at(8)))
    post(client, somebody, icu, deleted("a", at(9)))
    assert states(somebody) == only(AM)
    post(client, somebody, icu, deleted("b", at(9)))
    assert states(somebody) == only()


def test_of_two_tasks_of_one_session_the_one_that_is_still_ticked_keeps_it_done(somebody: Somebody) -> None:
    todoist = somebody.connect("todoist", client_secret="client-secret-of-the-app-12345")
    for task, kind, minute in (("A", Kind.DONE, 31), ("B", Kind.DONE, 33), ("A", Kind.UNDONE, 35)):
        somebody.hear(todoist, ticked(kind, at(5, minute), task))
    assert states(somebody) == only(AM)
    assert somebody.hear(todoist, ticked(Kind.UNDONE, at(5, 40), "B")).outcome == ACCEPTED
    assert states(somebody) == only()


@pytest.mark.parametrize("service", ["todoist", "vikunja"])
def test_a_withdrawal_that_comes_first_takes_back_what_comes_after_it(somebody: Somebody, service: str) -> None:
    secrets = {"todoist": {"client_secret": "client-secret-of-the-app-12345"}}.get(service, {})
    connection = somebody.connect(service, **secrets)
    first = somebody.hear(connection, ticked(Kind.UNDONE, at(5, 40)))
    assert (first.outcome, first.reason) == (IGNORED, "nothing_to_take_back")
    result = somebody.hear(connection, ticked(Kind.DONE, at(5, 31)))
    assert (result.outcome, result.message.endswith("is open.")) == (ACCEPTED, True)
    assert states(somebody) == only()
    assert somebody.hear(connection, ticked(Kind.DONE, at(5, 50))).sessions == {AM: State.DONE}, "that was later"


def test_the_deletion_of_an_activity_may_come_before_it(
    client: FlaskClient, somebody: Somebody, icu: Connection
) -> None:
    assert post(client, somebody, icu, deleted("i1", at(9))) == IGNORED
    assert post(client, somebody, icu, uploaded("i1", at(8))) == ACCEPTED
    assert states(somebody) == only()
    assert post(client, somebody, icu, uploaded("i1", at(9, 1))) == ACCEPTED
    assert states(somebody) == only(AM), "it was restored"


def test_what_was_deleted_while_it_waited_does_not_count_by_itself_later(
    client: FlaskClient, somebody: Somebody, icu: Connection
) -> None:
    for name in "ab":
        post(client, somebody, icu, uploaded(name, at(8), kind="Yoga"))
        post(client, somebody, icu, deleted(name, at(9)))
    result = waiting.settle(somebody.parts, somebody.person, ids(somebody)[2], Placed("evening", TODAY))
    assert (result.outcome, states(somebody)) == (ACCEPTED, only(PM)), "the person says so all the same"
    mapping.count_too(somebody.parts, somebody.person, icu.id, "Yoga")
    assert states(somebody) == only(PM)


def test_a_late_withdrawal_takes_back_the_last_word_before_it_and_none_after_it(somebody: Somebody) -> None:
    connection = somebody.connect("vikunja")
    told = [ticked(Kind.DONE, at(5, 10)), ticked(Kind.DONE, at(18, 10)), ticked(Kind.UNDONE, at(6))]
    for report in told:
        somebody.hear(connection, report)
    assert states(somebody) == only(PM)


def test_a_withdrawal_moves_to_a_later_word_that_it_was_meant_for(somebody: Somebody) -> None:
    connection = somebody.connect("vikunja")
    for report in (ticked(Kind.DONE, at(5, 10)), ticked(Kind.UNDONE, at(19))):
        somebody.hear(connection, report)
    assert states(somebody) == only()
    somebody.hear(connection, ticked(Kind.DONE, at(18, 10)))
    assert states(somebody) == only(AM)


def test_two_withdrawals_that_were_lost_take_back_one_word(somebody: Somebody) -> None:
    """Both were meant for the last word before them, so that an earlier one that comes late stands."""
    connection = somebody.connect("vikunja")
    for kind, hour in ((Kind.UNDONE, 19), (Kind.UNDONE, 20), (Kind.DONE, 18), (Kind.DONE, 5)):
        somebody.hear(connection, ticked(kind, at(hour, 10)))
    assert states(somebody) == only(AM)


def test_a_second_withdrawal_of_one_thing_finds_nothing_left_to_take_back(somebody: Somebody) -> None:
    connection = somebody.connect("vikunja")
    for report in (ticked(Kind.DONE, at(5, 10)), ticked(Kind.DONE, at(18, 10)), ticked(Kind.UNDONE, at(19))):
        somebody.hear(connection, report)
    again = somebody.hear(connection, ticked(Kind.UNDONE, at(19, 5)))
    assert (again.outcome, again.reason) == (IGNORED, "nothing_to_take_back")
    assert states(somebody) == only(AM)


def test_a_withdrawal_that_tells_what_stands_takes_none_of_that_back_however_late_it_comes(
    somebody: Somebody,
) -> None:
    """Habitica shows the click that is the last once another was taken back."""
    connection = somebody.connect("vikunja")
    somebody.hear(connection, replace(ticked(Kind.UNDONE, at(19)), stands=at(5, 10)))
    for hour in (5, 18):
        somebody.hear(connection, ticked(Kind.DONE, at(hour, 10)))
        assert states(somebody) == only(AM)


def test_a_thing_that_is_gone_when_we_look_and_there_later_counts(somebody: Somebody) -> None:
    """Without a time of its own the withdrawal is as old as its arrival, and what is fetched after that is newer."""
    connection = somebody.connect("hevy", token="a-token-that-is-long-enough-123456")
    recorder(somebody.parts)(connection.id, "w1", [Report(Kind.UNDONE, "w1", thing="w1")])
    hevy(somebody, connection, at(18, 30), EVENING, "Spinal stretch")
    assert states(somebody) == only(PM)


# Clocks that run fast


@pytest.mark.parametrize("service", ["simple", "habitica", "health_auto_export"])
def test_a_senders_fast_clock_makes_no_word_that_an_undo_cannot_reach(
    somebody: Somebody, clock: Any, service: str
) -> None:
    connection, soon = somebody.connect(service), clock() + timedelta(minutes=5)
    likeness = Likeness.STRETCH if service == "health_auto_export" else None
    somebody.hear(connection, Report(Kind.DONE, "1", soon, Moment(soon), likeness=likeness))
    [fact] = somebody.facts()
    assert (fact.said_at, fact.worded_at, fact.performed_at) == (clock(), clock(), soon)
    clock.move(minutes=1)
    told = record.tell(somebody.parts.store, somebody.person, Placed("evening", TODAY), FactKind.UNDONE, clock())
    assert (told, states(somebody)) == (None, only())


def test_an_undo_soon_after_a_word_of_a_fast_clock_takes_it_back(somebody: Somebody, clock: Any) -> None:
    connection = somebody.connect("habitica")
    somebody.hear(connection, said(event="1", at=clock() + timedelta(seconds=20)))
    clock.move(seconds=10)
    somebody.hear(connection, said(Kind.UNDONE, "2"))
    assert states(somebody) == only()


# A sender without ids


@pytest.mark.parametrize(
    ("words", "done"),
    [("du", False), ("dud", True), ("dudu", False), ("ududd", True), ("ddduuu", False), ("dduud", True)],
)
def test_done_and_undone_within_a_minute_are_each_a_word_and_the_last_one_holds(
    client: FlaskClient, somebody: Somebody, clock: Any, words: str, done: bool
) -> None:
    simple = somebody.connect("simple")
    for word in words:
        post(client, somebody, simple, {"type": {"d": "done", "u": "undo"}[word], "slot": "evening"})
        clock.move(seconds=5)
    assert states(somebody) == only(*([PM] if done else []))
    before = states(somebody)
    for delivery in ids(somebody):
        replay(somebody.parts, delivery)
    assert states(somebody) == before


def test_two_taps_on_undo_take_back_one_session(client: FlaskClient, somebody: Somebody, clock: Any) -> None:
    simple = somebody.connect("simple")
    clock.now = datetime(2026, 6, 2, 5, tzinfo=UTC)
    post(client, somebody, simple, b"")
    clock.now = datetime(2026, 6, 2, 20, tzinfo=UTC)
    told = [post(client, somebody, simple, {"type": kind}) for kind in ("done", "done", "undo", "undo")]
    assert told == [ACCEPTED, DUPLICATE, ACCEPTED, DUPLICATE]
    assert states(somebody) == only(AM)


def test_done_again_right_after_the_persons_own_undo_counts(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    simple = somebody.connect("simple")
    post(client, somebody, simple, {"slot": "evening"})
    clock.move(seconds=5)
    record.tell(somebody.parts.store, somebody.person, Placed("evening", TODAY), FactKind.UNDONE, clock())
    clock.move(seconds=5)
    assert post(client, somebody, simple, {"slot": "evening"}) == ACCEPTED
    assert states(somebody) == only(PM)


def test_where_the_sender_names_an_id_or_a_time_its_copy_is_a_copy(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    simple = somebody.connect("simple")
    for own in ({"id": "1"}, {"timestamp": "2026-06-02T22:00:00+02:00"}):
        for kind, outcome in (("done", ACCEPTED), ("undo", ACCEPTED), ("done", DUPLICATE)):
            told = {"type": kind, "slot": "evening", **own}
            told |= {"id": f"{kind}"} if "id" in own else {}
            assert post(client, somebody, simple, told) == outcome
            clock.move(seconds=5)


# The person's own word


def test_the_persons_second_undo_holds_too(somebody: Somebody, clock: Any) -> None:
    simple, store = somebody.connect("simple"), somebody.parts.store
    for event_id in "ab":
        somebody.hear(simple, said(event=event_id, slot="evening"))
        clock.move(minutes=1)
        told = record.tell(store, somebody.person, Placed("evening", TODAY), FactKind.UNDONE, clock())
        assert (told, states(somebody)) == (None, only())
        clock.move(minutes=1)


def test_the_persons_done_and_skip_outlive_what_services_say_and_take_back(somebody: Somebody, clock: Any) -> None:
    simple, store = somebody.connect("simple"), somebody.parts.store
    for slot, kind, state in (("evening", FactKind.DONE, State.DONE), ("morning", FactKind.SKIPPED, State.SKIPPED)):
        placed = Placed(slot, TODAY)
        for told in (said(event=f"{slot} 1", slot=slot), said(Kind.UNDONE, f"{slot} 2", slot=slot)):
            assert record.tell(store, somebody.person, placed, kind, clock()) in (state, State.DONE)
            clock.move(minutes=1)
            somebody.hear(simple, told)
            clock.move(minutes=1)
        assert states(somebody)[TODAY, slot] is state
