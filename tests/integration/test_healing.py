"""Another mapping or another word of a connection: what waits for it counts, and nothing that counts already moves."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.connecting import connections
from integration.core.model import Connection
from integration.core.placing import Placed
from integration.errors import StoreUnavailable
from integration.inbox import healing, mapping, waiting
from integration.record import ACCEPTED, IGNORED, QUARANTINED
from integration.store import connections as stored
from integration.store import deliveries
from integration.store.deliveries import NOT_A_STRETCH, RELATED
from tests.integration.conftest import TODAY, Somebody, at
from tests.integration.senders import post, scored, workouts

Everything = Callable[[], dict[str, list[Any]]]
WAITS = (QUARANTINED, "unmapped_habit")


@pytest.fixture
def habitica(somebody: Somebody) -> Connection:
    return somebody.connect("habitica")


@pytest.fixture
def health(somebody: Somebody) -> Connection:
    return somebody.connect("health_auto_export")


def alter(somebody: Somebody, connection: Connection, **changes: str) -> int | None:
    """How many earlier deliveries count after that change; None where it could not be finished."""
    parts = somebody.parts
    connections.alter(parts.store, parts.keys, parts.providers, connection.id, changes, parts.clock())
    counted = healing.changed(parts, connection.id, changes)
    return None if counted is None else len(counted)


def settings(somebody: Somebody, connection: Connection) -> dict[str, str]:
    with somebody.parts.store.reading() as db:
        found = stored.by_id(db, connection.id)
    assert found
    return dict(found.settings)


def outcomes(somebody: Somebody) -> list[tuple[str, str | None]]:
    with somebody.parts.store.reading() as db:
        return [(entry.outcome, entry.reason) for entry in deliveries.latest(db, somebody.id, 100)][::-1]


def first(somebody: Somebody) -> int:
    with somebody.parts.store.reading() as db:
        return deliveries.latest(db, somebody.id, 100)[-1].id


def sessions(somebody: Somebody) -> set[tuple[str, int]]:
    return {(fact.slot, fact.date.day) for fact in somebody.facts()}


@pytest.mark.parametrize("name", ["Rücken", "RÜCKEN", "task-1"])
def test_a_habit_that_is_named_counts_with_all_that_waited_for_it(
    client: FlaskClient, somebody: Somebody, habitica: Connection, name: str
) -> None:
    for minute in range(2):
        assert post(client, somebody, habitica, scored("Rücken", at(20, minute))) == QUARANTINED
    post(client, somebody, habitica, scored("Drink water", at(20), task="task-2"))
    assert alter(somebody, habitica, evening=name) == 2
    assert sessions(somebody) == {("evening", 2)}
    assert outcomes(somebody) == [(ACCEPTED, None)] * 2 + [WAITS]
    assert alter(somebody, habitica, morning="task-2") == 1


def test_a_word_that_is_typed_counts_with_the_activities_that_waited_for_it(
    client: FlaskClient, somebody: Somebody, health: Connection
) -> None:
    for activity in ("Yoga", "Pilates"):
        assert post(client, somebody, health, workouts((activity, "21:40"))) == IGNORED
    assert alter(somebody, health, words="mobility, yo") == 1
    assert sessions(somebody) == {("evening", 2)}
    assert outcomes(somebody) == [(ACCEPTED, None), (IGNORED, RELATED)]


@pytest.mark.parametrize("mapped", [{}, {"evening": "Another"}])
def test_a_word_counts_a_habit_by_its_name_too_at_the_time_when_it_was_done(
    client: FlaskClient, somebody: Somebody, clock: Any, mapped: dict[str, str]
) -> None:
    habitica = somebody.connect("habitica", **mapped)
    post(client, somebody, habitica, scored("Rücken am Abend", clock(), task="a"))
    assert alter(somebody, habitica, words="rücken") == 1
    assert post(client, somebody, habitica, scored("Der Rücken", clock(), task="b")) == ACCEPTED
    assert sessions(somebody) == {("evening", TODAY.day)}
    assert mapping.offers(somebody.parts, somebody.person) == []


def test_where_one_habit_stands_for_all_sessions_the_time_of_each_decides(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    alter(somebody, habitica, evening="task-9")
    for hour in (5, 20):
        post(client, somebody, habitica, scored("Yoga", at(hour)))
    assert alter(somebody, habitica, evening="Yoga", when="both") == 2
    assert sessions(somebody) == {("morning", 2), ("evening", 2)}


def test_a_habit_that_told_a_day_and_no_time_counts_once_it_has_a_session(
    client: FlaskClient, somebody: Somebody
) -> None:
    simple = somebody.connect("simple")
    assert post(client, somebody, simple, {"habit": "Rücken", "date": "2026-06-01"}) == QUARANTINED
    assert outcomes(somebody) == [(QUARANTINED, "no_time")]
    assert alter(somebody, simple, evening="Rücken") == 1
    assert sessions(somebody) == {("evening", 1)}


def test_a_word_for_what_was_no_stretch_holds_for_what_came_and_for_what_comes(
    client: FlaskClient, somebody: Somebody, health: Connection
) -> None:
    post(client, somebody, health, workouts(("Yoga", "21:40")))
    for name in ("Yoga", "Pilates"):
        mapping.ignore(somebody.parts, somebody.person, health.id, name)
    assert alter(somebody, health, words="YOGA") == 1
    assert settings(somebody, health) == {"words": "YOGA", "ignore": "Pilates"}
    assert post(client, somebody, health, workouts(("Yoga", "21:50"))) == ACCEPTED
    mapping.ignore(somebody.parts, somebody.person, health.id, "Yoga")
    alter(somebody, health, words="YOGA, mobility")
    assert settings(somebody, health)["ignore"] == "Pilates\nYoga", "that word is not the later one"


def test_a_habit_that_was_no_stretch_by_its_id_can_be_named_by_its_title(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    post(client, somebody, habitica, scored("Rücken", at(20)))
    for name in ("task-1", "task-2"):
        mapping.ignore(somebody.parts, somebody.person, habitica.id, name)
    assert alter(somebody, habitica, evening="Rücken") == 1
    assert settings(somebody, habitica) == {"evening": "Rücken", "ignore": "task-2"}


def test_who_says_both_at_once_is_taken_at_their_word(somebody: Somebody, health: Connection) -> None:
    alter(somebody, health, words="yo", ignore="Yoga")
    alter(somebody, health, words="yo, Yoga", ignore="Yoga\nPilates")
    assert settings(somebody, health) == {"words": "yo, Yoga", "ignore": "Yoga\nPilates"}


@pytest.mark.parametrize("back", [{"ignore": "task-2"}, {"ignore": ""}])
def test_what_is_taken_back_is_asked_about_again_or_counts_by_its_name(
    client: FlaskClient, somebody: Somebody, habitica: Connection, back: dict[str, str]
) -> None:
    post(client, somebody, habitica, scored("Yoga", at(20)))
    post(client, somebody, habitica, scored("Evening stretch", at(20), task="task-3"))
    for name in ("task-1", "task-2", "task-3"):
        mapping.ignore(somebody.parts, somebody.person, habitica.id, name)
    post(client, somebody, habitica, scored("Evening stretch", at(20, 1), task="task-3"))
    assert outcomes(somebody)[1:] == [(ACCEPTED, None), (IGNORED, "ignored_habit")]
    assert alter(somebody, habitica, **back) == 1
    assert outcomes(somebody) == [WAITS, (ACCEPTED, None), (ACCEPTED, None)]
    assert [offer.title for offer in mapping.offers(somebody.parts, somebody.person)] == ["Yoga"]


def test_one_can_be_taken_back_by_its_name(client: FlaskClient, somebody: Somebody, habitica: Connection) -> None:
    post(client, somebody, habitica, scored("Yoga", at(20)))
    for name in ("task-1", "task-2"):
        mapping.ignore(somebody.parts, somebody.person, habitica.id, name)
    with somebody.parts.store.reading() as db:
        [connection] = stored.of(db, somebody.id)
    assert healing.away(somebody.parts, somebody.person, connection) == {"task-1": "Yoga", "task-2": "task-2"}
    assert mapping.take_back(somebody.parts, somebody.person, habitica.id, "task-1") == ()
    assert settings(somebody, habitica) == {"ignore": "task-2"}
    assert outcomes(somebody) == [WAITS]


def test_what_the_person_placed_or_put_away_stays(
    client: FlaskClient, somebody: Somebody, habitica: Connection, everything: Everything
) -> None:
    for minute, choice in enumerate((Placed("morning", TODAY), None)):
        post(client, somebody, habitica, scored("Rücken", at(20, minute)))
        with somebody.parts.store.reading() as db:
            newest = deliveries.latest(db, somebody.id, 1)[0].id
        waiting.settle(somebody.parts, somebody.person, newest, choice)
    before = {name: rows for name, rows in everything().items() if name != "connections"}
    assert alter(somebody, habitica, evening="Rücken") == 0
    assert {name: rows for name, rows in everything().items() if name != "connections"} == before
    assert outcomes(somebody) == [(ACCEPTED, None), (IGNORED, NOT_A_STRETCH)]


def test_what_counts_stays_when_the_habits_change_places(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    alter(somebody, habitica, morning="am", evening="pm")
    post(client, somebody, habitica, scored("am", at(20)))
    assert sessions(somebody) == {("morning", 2)}
    assert alter(somebody, habitica, morning="pm", evening="am") == 0
    assert sessions(somebody) == {("morning", 2)}


def test_another_name_for_the_connection_judges_nothing_again(
    client: FlaskClient, somebody: Somebody, habitica: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(client, somebody, habitica, scored("Rücken", at(20)))
    with somebody.parts.store.writing() as db:
        stored.alter(db, habitica.id, {"evening": "Rücken"})
    assert alter(somebody, habitica, label="Mine") == 0
    assert outcomes(somebody) == [WAITS]
    assert healing.changed(somebody.parts, "nobody", {"evening": "Rücken"}) == ()


@pytest.mark.parametrize("error", [StoreUnavailable("the disk is full"), ZeroDivisionError("Rücken")])
def test_settings_are_saved_though_what_waited_could_not_be_judged(
    client: FlaskClient,
    somebody: Somebody,
    habitica: Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    post(client, somebody, habitica, scored("Rücken", at(20)))

    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr(healing, "tried", failing)
    assert alter(somebody, habitica, evening="Rücken") is None
    assert settings(somebody, habitica) == {"evening": "Rücken"}
    assert type(error).__name__ in caplog.text
    assert "Rücken" not in caplog.text
