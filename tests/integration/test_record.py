"""The one way in: each event counts once, whatever comes twice, late, out of order or at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import chain, pairwise
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from integration import record, status
from integration.core.merge import merge
from integration.core.model import FactKind, State
from integration.core.placing import Placed
from integration.errors import Refused
from integration.inbox.admission import Inbound
from integration.parts import Parts
from integration.record import ACCEPTED, DUPLICATE, IGNORED, QUARANTINED
from integration.store import deliveries
from integration.store import people as stored_people
from integration.store.engine import Store
from integration.store.tables import deliveries as deliveries_table
from tests.integration.conftest import TODAY, Somebody, at, days, said
from webhooks.report import Incoming, Kind, Report

YESTERDAY = TODAY - days(1)
HABITICA_STRETCH = ("task-1", "Evening stretch")
Census = Callable[[], dict[str, int]]


def state(somebody: Somebody, slot: str = "morning", day: date = TODAY) -> State | None:
    return merge(fact for fact in somebody.facts() if (fact.slot, fact.date) == (slot, day)).state


def kept(somebody: Somebody) -> list[Any]:
    with somebody.parts.store.reading() as db:
        return deliveries.latest(db, somebody.id, 1000)


def test_a_report_turns_its_session_done_and_says_so(somebody: Somebody) -> None:
    result = somebody.hear(somebody.connect(), said())
    assert (result.outcome, result.reason) == (ACCEPTED, None)
    assert dict(result.sessions) == {(TODAY, "morning"): State.DONE}
    assert result.message == "Signed webhook said it was done. The morning of Tuesday 2 June is done."
    assert state(somebody) is State.DONE
    assert somebody.sequence() == 1


def test_the_same_delivery_again_is_a_duplicate_and_changes_nothing(somebody: Somebody, clock: Any) -> None:
    connection, changes = somebody.connect(), somebody.person.changes
    somebody.hear(connection, said())
    before = (somebody.facts(), somebody.revisions(), somebody.person.changes)
    for _ in range(3):
        clock.move(hours=1)
        again = somebody.hear(connection, said())
        assert (again.outcome, again.reason) == (DUPLICATE, "same_event")
        assert dict(again.sessions) == {(TODAY, "morning"): State.DONE}
    assert (somebody.facts(), somebody.revisions(), somebody.person.changes) == before
    assert len(before[0]) == 1
    assert before[2] == changes + 1
    assert [found.outcome for found in kept(somebody)] == [DUPLICATE] * 3 + [ACCEPTED]


def test_done_undone_and_done_again_are_three_revisions_whose_times_rise(somebody: Somebody) -> None:
    """The clock stands still: LAST-MODIFIED rises all the same, by a second at least."""
    connection, stamps = somebody.connect(), []
    for number, kind in enumerate((Kind.DONE, Kind.UNDONE, Kind.DONE), 1):
        result = somebody.hear(connection, said(kind, f"event-{number}", at(8, number)))
        assert result.outcome == ACCEPTED
        assert state(somebody) is (State.DONE if kind is Kind.DONE else None)
        assert somebody.sequence() == number
        stamps.append(somebody.revisions()[TODAY, "morning"][1])
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(stamps))


def test_an_undo_that_comes_before_the_done_it_takes_back_still_takes_it_back(somebody: Somebody) -> None:
    connection = somebody.connect()
    somebody.hear(connection, said(Kind.UNDONE, "undo", at(9)))
    assert somebody.sequence() == 0
    assert somebody.hear(connection, said(Kind.DONE, "done", at(8))).outcome == ACCEPTED
    assert state(somebody) is None


def test_a_changed_content_moves_the_session_and_opens_the_old_one(somebody: Somebody) -> None:
    connection = somebody.connect()
    somebody.hear(connection, said(at=at(8)))
    moved = somebody.hear(connection, said(at=at(9), slot="evening"))
    assert moved.outcome == ACCEPTED
    assert (state(somebody, "morning"), state(somebody, "evening")) == (None, State.DONE)
    assert (somebody.sequence("morning"), somebody.sequence("evening")) == (2, 1)
    assert [fact.slot for fact in somebody.facts()] == ["evening"]


def test_an_older_content_that_comes_late_moves_nothing_back(somebody: Somebody) -> None:
    connection = somebody.connect()
    somebody.hear(connection, said(at=at(9), slot="evening"))
    before = somebody.revisions()
    somebody.hear(connection, said(at=at(8), slot="morning"))
    assert (state(somebody, "morning"), state(somebody, "evening")) == (None, State.DONE)
    assert somebody.revisions() == before
    assert somebody.hear(connection, said(at=at(8), slot="morning")).outcome == DUPLICATE


def test_two_connections_are_two_pieces_of_evidence_for_one_session(somebody: Somebody) -> None:
    one, other = somebody.connect(), somebody.connect("simple")
    somebody.hear(one, said())
    assert somebody.hear(other, said()).outcome == ACCEPTED
    assert merge(somebody.facts()).evidence == {one.id, other.id}
    assert somebody.sequence() == 1, "the calendar shows nothing new"
    somebody.hear(one, said(Kind.UNDONE, "undo"))
    assert state(somebody) is State.DONE
    assert merge(somebody.facts()).evidence == {other.id}
    assert somebody.sequence() == 1
    somebody.hear(other, said(Kind.UNDONE, "undo"))
    assert state(somebody) is None
    assert somebody.sequence() == 2


def test_the_persons_own_undo_voids_what_services_said_before_it(somebody: Somebody, clock: Any) -> None:
    store, person, morning = somebody.parts.store, somebody.person, Placed("morning", TODAY)
    connections = [somebody.connect(), somebody.connect("simple")]
    for connection in connections:
        somebody.hear(connection, said())
    clock.move(minutes=1)
    assert record.tell(store, person, morning, FactKind.UNDONE, clock()) is None
    assert somebody.hear(connections[0], said()).outcome == DUPLICATE
    assert state(somebody) is None
    clock.move(minutes=1)
    somebody.hear(connections[0], said(event="event-2"))
    assert state(somebody) is State.DONE
    assert somebody.sequence() == 3


def test_a_thousand_copies_at_once_are_one_fact_and_all_are_answered(somebody: Somebody, app: Flask) -> None:
    connection = somebody.connect("simple")
    hook = somebody.path(somebody.parts.links.hook("simple", connection.key))
    ready = Barrier(100)

    def post_ten(_: int) -> list[tuple[int, str]]:
        client, body = app.test_client(), {"id": "one", "slot": "morning", "date": str(TODAY)}
        ready.wait()
        answers = [client.post(hook, json=body) for _ in range(10)]
        return [(answer.status_code, answer.json["outcome"]) for answer in answers]

    with ThreadPoolExecutor(100) as pool:
        answers = sorted(chain.from_iterable(pool.map(post_ten, range(100))))
    assert answers == [(200, ACCEPTED)] + [(200, DUPLICATE)] * 999
    assert len(somebody.facts()) == 1
    assert somebody.sequence() == 1
    assert somebody.person.changes == 1


def test_different_events_at_once_are_all_kept(somebody: Somebody, app: Flask) -> None:
    connection = somebody.connect("simple")
    hook = somebody.path(somebody.parts.links.hook("simple", connection.key))
    ready = Barrier(20)

    def post(number: int) -> str:
        ready.wait()
        body = {"id": f"event-{number}", "slot": ("morning", "evening")[number % 2], "date": str(TODAY)}
        return app.test_client().post(hook, json=body).json["outcome"]

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(post, range(20))) == [ACCEPTED] * 20
    assert {fact.event for fact in somebody.facts()} == {f"event-{number}" for number in range(20)}
    assert (somebody.sequence("morning"), somebody.sequence("evening")) == (1, 1)


UNPLACED = {
    "before_the_plan": said(day=date(2026, 5, 31)),
    "in_the_future": said(day=date(2026, 6, 4)),
    "in_the_future, performed": said(slot=None, day=None, performed=at(23, day=date(2026, 6, 3))),
    "in_the_future, said": said(at=at(23, day=date(2026, 6, 3))),
    "outside_the_plan": said(slot="noon"),
}


@pytest.mark.parametrize("case", UNPLACED)
def test_a_report_without_a_session_is_quarantined_with_its_reason(
    somebody: Somebody, census: Census, case: str
) -> None:
    connection = somebody.connect()
    before = census()
    result = somebody.hear(connection, UNPLACED[case])
    assert (result.outcome, result.reason) == (QUARANTINED, case.partition(",")[0])
    assert dict(result.sessions) == {}
    assert result.message.endswith(".")
    assert census() == before | {"deliveries": 1}
    assert [(found.outcome, found.reason) for found in kept(somebody)] == [(QUARANTINED, result.reason)]


def test_more_than_400_days_back_is_too_old_and_400_is_not(arrive: Any) -> None:
    somebody = arrive(start=TODAY - days(500))
    connection = somebody.connect()
    assert somebody.hear(connection, said(day=TODAY - days(400))).outcome == ACCEPTED
    assert somebody.hear(connection, said(event="2", day=TODAY - days(401))).reason == "too_old"


def test_a_delivery_that_says_nothing_of_a_session_is_kept_as_ignored(somebody: Somebody) -> None:
    parts, connection = somebody.parts, somebody.connect()
    inbound = Inbound(connection, somebody.person, True, False, ())
    result = record.record(parts.store, inbound, Incoming({}, b"{}", parts.clock()), [])
    assert (result.outcome, result.reason) == (IGNORED, "no_completion")
    assert [found.outcome for found in kept(somebody)] == [IGNORED]


@pytest.mark.parametrize(
    ("habit", "outcome", "reason"),
    [
        (("task-1", "Spinal twist before bed"), ACCEPTED, None),
        (("task-1", "STRETCH"), ACCEPTED, None),
        ((), ACCEPTED, None),
        (("task-2", "Drink water"), QUARANTINED, "unmapped_habit"),
    ],
)
def test_without_a_mapping_habitica_counts_only_by_the_habits_name(
    somebody: Somebody, habit: tuple[str, ...], outcome: str, reason: str | None
) -> None:
    result = somebody.hear(somebody.connect("habitica"), said(slot=None, day=None, performed=at(20), habit=habit))
    assert (result.outcome, result.reason) == (outcome, reason)
    assert len(somebody.facts()) == (outcome == ACCEPTED)


@pytest.mark.parametrize(
    ("habit", "outcome", "slot"),
    [
        (("task-1", "Anything at all"), ACCEPTED, "morning"),
        (("TASK-1",), ACCEPTED, "morning"),
        (("task-9", "evening stretch"), ACCEPTED, "evening"),
        (("task-3", "Another stretch"), IGNORED, None),
    ],
)
def test_with_a_mapping_only_the_habits_chosen_count_each_for_its_slot(
    somebody: Somebody, habit: tuple[str, ...], outcome: str, slot: str | None
) -> None:
    connection = somebody.connect("habitica", morning="task-1", evening="Evening stretch")
    result = somebody.hear(connection, said(slot=None, day=None, performed=at(20), habit=habit))
    assert result.outcome == outcome
    assert [fact.slot for fact in somebody.facts()] == ([slot] if slot else [])
    assert slot or result.reason == "another_habit"


def bare(kind: Kind, event_id: str, said_at: Any = None, performed: Any = None) -> Report:
    return said(kind, event_id, said_at, slot=None, day=None, performed=performed)


def test_an_undo_without_a_time_takes_back_what_its_connection_said_last_that_day(somebody: Somebody) -> None:
    """It comes at half past ten at night: the clock alone would take back an evening that nobody did."""
    one, other = somebody.connect("habitica"), somebody.connect("simple")
    somebody.hear(one, bare(Kind.DONE, "1", performed=at(6)))
    somebody.hear(other, said(event="2", slot="evening"))
    assert somebody.hear(one, bare(Kind.UNDONE, "3")).outcome == ACCEPTED
    assert (state(somebody, "morning"), state(somebody, "evening")) == (None, State.DONE)
    assert (somebody.sequence("morning"), somebody.sequence("evening")) == (2, 1)


def test_two_undos_without_a_time_take_back_the_last_and_then_the_one_before(somebody: Somebody, clock: Any) -> None:
    connection = somebody.connect("habitica")
    somebody.hear(connection, bare(Kind.DONE, "1", at(6), at(6)))
    somebody.hear(connection, bare(Kind.DONE, "2", at(20), at(20)))
    somebody.hear(connection, bare(Kind.UNDONE, "3"))
    assert (state(somebody, "morning"), state(somebody, "evening")) == (State.DONE, None)
    clock.move(seconds=1)
    somebody.hear(connection, bare(Kind.UNDONE, "4"))
    assert (state(somebody, "morning"), state(somebody, "evening")) == (None, None)


def test_an_undo_without_a_time_leaves_yesterday_alone(somebody: Somebody) -> None:
    connection = somebody.connect("habitica")
    somebody.hear(connection, bare(Kind.DONE, "1", performed=at(20, day=YESTERDAY)))
    somebody.hear(connection, bare(Kind.UNDONE, "2"))
    assert state(somebody, "evening", YESTERDAY) is State.DONE


def test_a_person_who_says_it_twice_is_heard_once(somebody: Somebody, census: Census, clock: Any) -> None:
    store, person = somebody.parts.store, somebody.person
    record.tell(store, person, Placed("evening", TODAY), FactKind.DONE, clock())
    before = census()
    clock.move(minutes=1)
    assert record.tell(store, person, Placed("evening", TODAY), FactKind.DONE, clock()) is State.DONE
    assert census() == before
    assert somebody.sequence("evening") == 1


@pytest.mark.parametrize(
    ("slot", "day", "told"),
    [
        ("evening", date(2026, 6, 3), "has not come yet"),
        ("noon", TODAY, "no session called 'noon'"),
        ("morning", date(2026, 5, 31), "The plan began on Monday 1 June."),
    ],
)
def test_a_person_cannot_speak_of_a_session_that_is_not_there(
    somebody: Somebody, census: Census, clock: Any, slot: str, day: date, told: str
) -> None:
    before = census()
    with pytest.raises(Refused, match=told):
        record.tell(somebody.parts.store, somebody.person, Placed(slot, day), FactKind.DONE, clock())
    assert census() == before


def test_of_the_headers_only_what_a_replay_needs_is_kept(somebody: Somebody) -> None:
    parts, connection = somebody.parts, somebody.connect("simple", bearer="b" * 24)
    headers = {
        "authorization": "Bearer " + "b" * 24,
        "cookie": "c",
        "webhook-signature": "v1,s",
        "x-forwarded-for": "10.0.0.1",
        "content-type": "application/json",
        "webhook-id": "m",
        "webhook-timestamp": "1",
    }
    inbound = Inbound(connection, somebody.person, True, False, ())
    record.record(parts.store, inbound, Incoming(headers, b"{}", parts.clock()), [said()])
    with parts.store.writing() as db:
        record.refuse(db, connection.id, Incoming(headers, b"{", parts.clock()), "json", "not JSON")
    assert [set(found.headers) for found in kept(somebody)] == [{"content-type", "webhook-id", "webhook-timestamp"}] * 2


def test_every_fact_of_a_service_names_its_delivery(somebody: Somebody) -> None:
    somebody.hear(somebody.connect(), said())
    with somebody.parts.store.reading() as db:
        assert db.execute(select(deliveries_table.c.id)).scalar_one() == kept(somebody)[0].id


class Killed(Exception):
    pass


def test_a_record_that_fails_at_any_statement_stores_nothing_and_the_next_try_all(
    somebody: Somebody, store: Store, everything: Callable[[], Any], before_each_statement: Callable[..., None]
) -> None:
    connection, left = somebody.connect(), 0
    somebody.hear(connection, said(event="0", slot="evening", day=YESTERDAY))
    before, person = everything(), somebody.person
    inbound = Inbound(connection, person, True, False, ())

    def kill(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    before_each_statement(kill)
    for last in range(1, 40):
        left = last
        try:
            report = said(event="0", at=at(22), slot="morning")
            record.record(store, inbound, Incoming({}, b"{}", somebody.parts.clock()), [report])
        except Killed:
            assert everything() == before, f"killed at statement {last}"
        else:
            break
    left = 0
    assert last > 5
    assert somebody.sequence("morning") == 1
    assert somebody.sequence("evening", YESTERDAY) == 2


@pytest.mark.parametrize("back", [0, 1, 89, 90, 91, 200, 300, 399])
def test_after_a_late_fact_the_status_is_that_from_scratch(
    arrive: Any, parts: Parts, back: int, census: Census
) -> None:
    somebody = arrive(start=TODAY - days(420))
    connection, store, now = somebody.connect(), parts.store, parts.clock()
    for number in range(0, 420, 3):
        somebody.hear(connection, said(event=f"{number}", day=TODAY - days(min(number, 400))))
    status.read(store, somebody.person, now)
    assert census()["checkpoints"] == 1
    somebody.hear(connection, said(event="late", slot="evening", day=TODAY - days(back)))
    held = status.read(store, somebody.person, now)
    with store.writing() as db:
        db.exec_driver_sql("DELETE FROM checkpoints")
    assert status.read(store, somebody.person, now) == held


def test_a_connections_word_about_one_person_never_touches_another(arrive: Any, census: Census) -> None:
    one, other = arrive(), arrive()
    one.hear(one.connect(), said())
    assert (one.sequence(), other.sequence()) == (1, 0)
    assert (one.person.changes, other.person.changes) == (1, 0)
    assert other.facts() == []
    with one.parts.store.reading() as db:
        assert len(stored_people.everybody(db)) == 2
