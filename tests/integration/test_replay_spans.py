"""Many replays at once: of a connection, of a time span; in order, in batches, past what cannot be judged."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.core.model import Connection
from integration.errors import StoreUnavailable
from integration.inbox import replay as replays
from integration.inbox.replay import replay, replay_all
from integration.record import ACCEPTED, DUPLICATE, IGNORED, QUARANTINED
from integration.store import connections, deliveries
from integration.store.deliveries import Entry, Which
from tests.integration.conftest import TODAY, Somebody, at
from tests.integration.senders import post, scored, workouts

Everything = Callable[[], dict[str, list[Any]]]
MENU: list[tuple[str, Any]] = [
    ("simple", {"id": "1", "slot": "morning"}),
    ("simple", {"id": "2", "type": "undone", "slot": "morning"}),
    ("simple", {"type": "undone"}),
    ("simple", {"id": "3", "date": str(TODAY - timedelta(days=1))}),
    ("simple", {"id": "1", "slot": "evening"}),
    ("simple", {"type": "something else"}),
    ("simple", b"{not json"),
    ("habitica", scored("Evening stretch", at(20))),
    ("habitica", scored("Evening stretch", at(20), "down")),
    ("habitica", scored("Drink water", at(6), task="task-2")),
    ("health_auto_export", workouts(("Flexibility", "07:00"), ("Yoga", "21:00"))),
    ("health_auto_export", workouts(("Yoga", "21:00"), ("Outdoor Run", "22:00"))),
]


def kept(somebody: Somebody) -> list[Entry]:
    """Oldest first."""
    with somebody.parts.store.reading() as db:
        return deliveries.latest(db, somebody.id, 1000)[::-1]


def judged(somebody: Somebody) -> list[tuple[str, str | None]]:
    return [(entry.outcome, entry.reason) for entry in kept(somebody)]


def alter(somebody: Somebody, connection: Connection, **chosen: str) -> None:
    with somebody.parts.store.writing() as db:
        connections.alter(db, connection.id, chosen)


def fill(client: FlaskClient, somebody: Somebody, connection: Connection, count: int) -> None:
    """One habit that nobody has mapped, a message an hour."""
    for number in range(count):
        post(client, somebody, connection, scored("Rücken", at(6, number)))
        somebody.parts.clock.move(hours=1)


def test_all_of_a_connection_count_once_its_habit_is_mapped_and_others_are_not_touched(
    client: FlaskClient, somebody: Somebody
) -> None:
    one, other = somebody.connect("habitica"), somebody.connect("habitica")
    fill(client, somebody, one, 3)
    fill(client, somebody, other, 2)
    for connection in (one, other):
        alter(somebody, connection, morning="Rücken")
    result = replay_all(somebody.parts, Which(connection=one.id))
    assert (result.outcomes, result.failed) == ({ACCEPTED: 3}, ())
    assert result.counted == tuple(entry.id for entry in kept(somebody)[:3])
    assert judged(somebody) == [(ACCEPTED, None)] * 3 + [(QUARANTINED, "unmapped_habit")] * 2
    assert {fact.source for fact in somebody.facts()} == {one.id}


def test_a_span_holds_its_first_instant_and_not_its_last(client: FlaskClient, somebody: Somebody, clock: Any) -> None:
    habitica, begin = somebody.connect("habitica"), clock()
    fill(client, somebody, habitica, 5)
    alter(somebody, habitica, morning="Rücken")
    result = replay_all(somebody.parts, Which(since=begin + timedelta(hours=1), until=begin + timedelta(hours=3)))
    assert result.counted == tuple(entry.id for entry in kept(somebody)[1:3])
    assert replay_all(somebody.parts, Which(until=begin)).outcomes == {}
    assert replay_all(somebody.parts, Which(since=begin + timedelta(days=9))).outcomes == {}


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_they_are_taken_in_batches_oldest_first_and_each_body_by_itself(
    client: FlaskClient, somebody: Somebody, monkeypatch: pytest.MonkeyPatch, statements: list[str], size: int
) -> None:
    fill(client, somebody, somebody.connect("habitica"), 5)
    order, original = list[int](), replays.find
    monkeypatch.setattr(replays, "BATCH", size)
    monkeypatch.setattr(replays, "find", lambda parts, number: order.append(number) or original(parts, number))
    statements.clear()
    assert replay_all(somebody.parts, Which()).outcomes == {QUARANTINED: 5}
    assert order == [entry.id for entry in kept(somebody)]
    whole = [asked for asked in statements if "deliveries.body" in asked]
    assert all("deliveries.id =" in asked for asked in whole)


@pytest.mark.parametrize("where", ["provider", "record"])
def test_a_poison_delivery_is_passed_over_counted_and_told_without_its_body(
    client: FlaskClient,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: str,
) -> None:
    habitica = somebody.connect("habitica")
    fill(client, somebody, habitica, 3)
    alter(somebody, habitica, morning="Rücken")
    poison = kept(somebody)[1]
    provider, store = somebody.parts.providers["habitica"], replays.record
    read = provider.reports

    def stumbling(incoming: Any) -> Any:
        if incoming.received_at == poison.received_at:
            raise ValueError("Rücken")
        return read(incoming)

    def failing(*given: Any, again: Any) -> Any:
        if again.delivery == poison.id:
            raise ValueError("Rücken")
        return store(*given, again=again)

    if where == "provider":
        monkeypatch.setattr(provider, "reports", stumbling)
    else:
        monkeypatch.setattr(replays, "record", failing)
    with caplog.at_level(logging.ERROR):
        result = replay_all(somebody.parts, Which())
    assert (result.outcomes, result.failed) == ({ACCEPTED: 2}, (poison.id,))
    assert judged(somebody)[1] == (QUARANTINED, "unmapped_habit")
    assert str(poison.id) in caplog.text
    assert "Rücken" not in caplog.text


def test_one_whose_service_is_gone_is_passed_over(client: FlaskClient, somebody: Somebody) -> None:
    fill(client, somebody, somebody.connect("habitica"), 1)
    post(client, somebody, somebody.connect("simple"), {"slot": "morning"})
    left = {"simple": somebody.parts.providers["simple"]}
    result = replay_all(replace(somebody.parts, providers=left), Which())
    assert (result.outcomes, len(result.failed)) == ({DUPLICATE: 1}, 1)


def test_when_the_store_is_away_it_stops_and_can_be_repeated(
    client: FlaskClient, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    habitica = somebody.connect("habitica")
    fill(client, somebody, habitica, 3)
    alter(somebody, habitica, morning="Rücken")
    store, done = replays.record, list[int]()

    def away(*given: Any, again: Any) -> Any:
        if len(done) == 1:
            raise StoreUnavailable("away")
        done.append(again.delivery)
        return store(*given, again=again)

    with monkeypatch.context() as patch:
        patch.setattr(replays, "record", away)
        with pytest.raises(StoreUnavailable):
            replay_all(somebody.parts, Which())
    assert replay_all(somebody.parts, Which()).outcomes == {DUPLICATE: 1, ACCEPTED: 2}


def test_what_counted_for_nothing_bears_the_outcome_that_it_has_now(
    client: FlaskClient, somebody: Somebody, everything: Everything
) -> None:
    """A second copy is one now, and another habit is none that was chosen: neither waits any longer."""
    habitica = somebody.connect("habitica")
    for text, task in (("Rücken", "task-1"), ("Rücken", "task-1"), ("Drink water", "task-2")):
        assert post(client, somebody, habitica, scored(text, at(6), task=task)) == QUARANTINED
    alter(somebody, habitica, morning="Rücken")
    replay_all(somebody.parts, Which())
    assert judged(somebody) == [(ACCEPTED, None), (DUPLICATE, "same_event"), (IGNORED, "another_habit")]
    before = everything()
    replay_all(somebody.parts, Which())
    assert everything() == before


def test_what_counted_once_keeps_its_outcome_though_its_habit_is_mapped_no_more(
    client: FlaskClient, somebody: Somebody, everything: Everything
) -> None:
    habitica = somebody.connect("habitica", morning="Rücken")
    post(client, somebody, habitica, scored("Rücken", at(6)))
    alter(somebody, habitica, morning="Something else")
    before = everything()
    assert replay(somebody.parts, kept(somebody)[0].id).outcome == DUPLICATE
    assert everything() == before


def test_what_was_asked_for_from_the_service_is_not_asked_for_again(
    client: FlaskClient, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple = somebody.connect("simple")
    post(client, somebody, simple, {"type": "something else"})
    monkeypatch.setattr(somebody.parts.providers["simple"], "notices", lambda _: ("word",), raising=False)
    monkeypatch.setattr(replays, "record", None)
    assert replay(somebody.parts, kept(somebody)[0].id).reason == "no_completion"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(st.tuples(st.sampled_from(MENU), st.integers(0, 90)), max_size=8))
def test_replaying_everything_twice_changes_nothing(
    client: FlaskClient, arrive: Any, clock: Any, everything: Everything, wishes: list[Any]
) -> None:
    somebody = arrive()
    linked = {service: somebody.connect(service) for service in ("simple", "habitica", "health_auto_export")}
    for (service, body), minutes in wishes:
        post(client, somebody, linked[service], body)
        clock.move(minutes=minutes)
    before = everything()
    clock.move(days=2)
    for _ in range(2):
        for connection in linked.values():
            assert replay_all(somebody.parts, Which(connection=connection.id)).failed == ()
    assert everything() == before
