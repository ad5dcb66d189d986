"""Which habits are the stretch: each is asked about once, and what came before the answer then counts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unicodedata import normalize

import pytest
from flask.testing import FlaskClient

from integration.connecting import connections
from integration.core.model import Connection
from integration.errors import NotFound, Refused
from integration.inbox import mapping
from integration.inbox.mapping import LOOKED, OFFERED, Offer
from integration.record import ACCEPTED, IGNORED, QUARANTINED
from integration.store import connections as stored
from integration.store import deliveries
from integration.store.deliveries import RELATED
from tests.integration.conftest import TODAY, Somebody, at
from tests.integration.senders import post, scored, workouts

YESTERDAY = TODAY - timedelta(days=1)
Everything = Callable[[], dict[str, list[Any]]]


@pytest.fixture
def habitica(somebody: Somebody) -> Connection:
    return somebody.connect("habitica")


@pytest.fixture
def health(somebody: Somebody) -> Connection:
    return somebody.connect("health_auto_export", label="My phone")


def offered(somebody: Somebody) -> list[Offer]:
    return mapping.offers(somebody.parts, somebody.person)


def settings(somebody: Somebody, connection: Connection) -> Any:
    with somebody.parts.store.reading() as db:
        found = stored.by_id(db, connection.id)
    assert found
    return dict(found.settings)


def named(name: str) -> dict[str, Any]:
    """An export of one workout with that name, in whatever letters."""
    told = workouts(("Other", "07:05"))
    told["data"]["workouts"][0]["name"] = name
    return told


def outcomes(somebody: Somebody) -> list[tuple[str, str | None]]:
    with somebody.parts.store.reading() as db:
        return [(entry.outcome, entry.reason) for entry in deliveries.latest(db, somebody.id, 100)][::-1]


def sessions(somebody: Somebody) -> set[tuple[str, int]]:
    return {(fact.slot, fact.date.day) for fact in somebody.facts()}


def test_an_unknown_habit_is_asked_about_once_by_the_name_that_people_know(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    for minute in range(3):
        assert post(client, somebody, habitica, scored("Evening yoga", at(20, minute))) == QUARANTINED
    [offer] = offered(somebody)
    assert (offer.connection, offer.label) == (habitica.id, "Habitica")
    assert (offer.habit, offer.title) == ("task-1", "Evening yoga")
    assert offer.slots == ("morning", "evening")
    assert (offer.activity, offer.whole, offer.pressing) == (False, True, True)


def test_what_says_itself_that_it_is_a_stretch_is_not_asked_about(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    assert post(client, somebody, habitica, scored("Evening stretch", at(20))) == ACCEPTED
    assert offered(somebody) == []


def test_a_stretch_that_was_not_chosen_is_asked_about_as_long_as_others_are_chosen(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    mapping.choose(somebody.parts, somebody.person, habitica.id, "task-9", ["evening"])
    assert post(client, somebody, habitica, scored("Morning stretch", at(6))) == IGNORED
    assert [offer.title for offer in offered(somebody)] == ["Morning stretch"]
    with somebody.parts.store.writing() as db:
        stored.alter(db, habitica.id, {})
    assert offered(somebody) == [], "it counts by its name again"


def test_a_habit_that_is_mapped_counts_with_all_that_came_before(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    for day in (YESTERDAY, TODAY):
        post(client, somebody, habitica, scored("Evening yoga", at(20, day=day)))
    post(client, somebody, habitica, scored("Drink water", at(7), task="task-2"))
    counted = mapping.choose(somebody.parts, somebody.person, habitica.id, "task-1", ["evening"])
    assert len(counted) == 2
    assert settings(somebody, habitica) == {"evening": "task-1"}
    assert sessions(somebody) == {("evening", 1), ("evening", 2)}
    assert outcomes(somebody) == [(ACCEPTED, None)] * 2 + [(QUARANTINED, "unmapped_habit")]
    assert post(client, somebody, habitica, scored("Evening yoga", at(20, 1))) == ACCEPTED


def test_where_the_time_decides_each_counts_for_its_own_session(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    for hour in (6, 20):
        post(client, somebody, habitica, scored("Yoga", at(hour)))
    assert len(mapping.choose(somebody.parts, somebody.person, habitica.id, "task-1", ["morning", "evening"])) == 2
    assert settings(somebody, habitica) == {"morning": "task-1", "evening": "task-1"}
    assert sessions(somebody) == {("morning", 2), ("evening", 2)}
    assert offered(somebody) == []


def test_while_a_slot_has_no_habit_the_others_are_still_offered_for_it(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    post(client, somebody, habitica, scored("Abends", at(20), task="task-1"))
    post(client, somebody, habitica, scored("Morgens", at(6), task="task-2"))
    mapping.choose(somebody.parts, somebody.person, habitica.id, "task-1", ["evening"])
    post(client, somebody, habitica, scored("Mittags", at(11), task="task-3"))
    assert [(offer.title, offer.slots, offer.whole, offer.pressing) for offer in offered(somebody)] == [
        ("Mittags", ("morning",), False, False),
        ("Morgens", ("morning",), False, False),
    ]
    assert len(mapping.choose(somebody.parts, somebody.person, habitica.id, "task-3", ["morning"])) == 1
    assert sessions(somebody) == {("evening", 2), ("morning", 2)}
    assert offered(somebody) == []


def test_a_habit_that_is_no_stretch_is_never_asked_about_again(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    post(client, somebody, habitica, scored("Drink water", at(20)))
    assert mapping.ignore(somebody.parts, somebody.person, habitica.id, "task-1") == ()
    assert settings(somebody, habitica) == {"ignore": "task-1"}
    assert outcomes(somebody) == [(IGNORED, "ignored_habit")]
    post(client, somebody, habitica, scored("Drink water", at(20, 5)))
    assert offered(somebody) == []


def test_a_habit_that_was_put_away_can_be_taken_up_with_what_came_before(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    post(client, somebody, habitica, scored("Yoga", at(20)))
    mapping.ignore(somebody.parts, somebody.person, habitica.id, "task-1")
    assert len(mapping.choose(somebody.parts, somebody.person, habitica.id, "task-1", ["evening"])) == 1
    assert settings(somebody, habitica) == {"evening": "task-1"}


def test_an_activity_that_may_hold_a_stretch_is_asked_about_and_then_counts(
    client: FlaskClient, somebody: Somebody, health: Connection
) -> None:
    assert post(client, somebody, health, workouts(("Yoga", "21:40"), ("Outdoor Run", "18:00"))) == IGNORED
    [offer] = offered(somebody)
    assert (offer.label, offer.habit, offer.activity, offer.slots) == ("My phone", "Yoga", True, ())
    assert len(mapping.count_too(somebody.parts, somebody.person, health.id, "Yoga")) == 1
    assert settings(somebody, health) == {"words": "Yoga"}
    assert sessions(somebody) == {("evening", 2)}
    assert outcomes(somebody) == [(ACCEPTED, None)]
    assert offered(somebody) == []
    assert post(client, somebody, health, workouts(("Yoga", "07:00"))) == ACCEPTED


def test_an_activity_that_is_no_stretch_is_never_asked_about_again(
    client: FlaskClient, somebody: Somebody, health: Connection
) -> None:
    post(client, somebody, health, workouts(("Yoga", "21:40")))
    post(client, somebody, health, workouts(("Yoga", "07:00"), ("Pilates", "08:00")))
    mapping.ignore(somebody.parts, somebody.person, health.id, "Yoga")
    assert [offer.habit for offer in offered(somebody)] == ["Pilates"]
    assert outcomes(somebody) == [(IGNORED, "ignored_habit"), (IGNORED, RELATED)]
    with somebody.parts.store.reading() as db:
        told = deliveries.latest(db, somebody.id, 100)[-1].message
    assert told == "My phone said “Yoga” was done at 21:40. You said that this is no stretch."


def test_at_most_a_few_are_asked_about_and_the_newest_first(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    for number in range(OFFERED + 2):
        post(client, somebody, habitica, scored(f"Habit {number}", at(6, number), task=f"task-{number}"))
        somebody.parts.clock.move(seconds=1)
    assert [offer.title for offer in offered(somebody)] == [f"Habit {n}" for n in range(OFFERED + 1, 1, -1)]


def test_only_the_last_deliveries_are_looked_through(
    client: FlaskClient, somebody: Somebody, habitica: Connection, statements: list[str]
) -> None:
    for minute in range(LOOKED + 1):
        post(client, somebody, habitica, scored("Old" if not minute else "New", at(6, minute), task=f"t{minute > 0}"))
        somebody.parts.clock.move(seconds=1)
    statements.clear()
    assert [offer.title for offer in offered(somebody)] == ["New"]
    assert len(statements) == 3, "the person, the connections, and one query for each connection"


@pytest.mark.parametrize("name", ["🧘‍♀️ Yoga", "کشش\u200cصبح", "Rücken\xadübung"])
def test_a_name_that_holds_joiners_or_soft_hyphens_is_offered_and_then_counts(
    client: FlaskClient, somebody: Somebody, habitica: Connection, health: Connection, name: str
) -> None:
    assert post(client, somebody, habitica, scored("Title", at(20), task=name)) == QUARANTINED
    [offer] = offered(somebody)
    assert offer.habit == name
    assert len(mapping.choose(somebody.parts, somebody.person, habitica.id, name, ["evening"])) == 1
    assert settings(somebody, habitica) == {"evening": name}
    mapping.count_too(somebody.parts, somebody.person, health.id, name)
    assert post(client, somebody, health, named(name)) == ACCEPTED


def test_a_name_that_was_typed_in_decomposed_unicode_is_the_one_that_is_told(
    client: FlaskClient, somebody: Somebody, habitica: Connection, health: Connection
) -> None:
    name, apart = "Rückenübung", normalize("NFD", "Rückenübung")
    post(client, somebody, habitica, scored("Title", at(20), task=name))
    with somebody.parts.store.writing() as db:
        stored.alter(db, habitica.id, {"evening": apart})
    assert offered(somebody) == [], "it was answered, by an earlier version"
    assert post(client, somebody, habitica, scored("Title", at(20, 1), task=name)) == ACCEPTED
    mapping.ignore(somebody.parts, somebody.person, habitica.id, apart)
    assert settings(somebody, habitica)["ignore"] == name
    assert len(mapping.choose(somebody.parts, somebody.person, habitica.id, apart, ["evening"])) == 1
    assert settings(somebody, habitica) == {"evening": name}
    mapping.count_too(somebody.parts, somebody.person, health.id, apart)
    assert post(client, somebody, health, named(name)) == ACCEPTED


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb", "a\x00b", "a\u202eb", "\u200b"])
def test_a_name_that_cannot_be_kept_is_refused_and_never_offered(
    client: FlaskClient, somebody: Somebody, habitica: Connection, everything: Everything, name: str
) -> None:
    if name.strip():
        post(client, somebody, habitica, scored("Title", at(6), task=name))
    before = everything()
    assert [offer.habit for offer in offered(somebody) if offer.habit == name] == []
    with pytest.raises(Refused, match="a habit's name has 1 to 200 characters"):
        mapping.ignore(somebody.parts, somebody.person, habitica.id, name)
    assert everything() == before


@pytest.mark.parametrize("slots", [[], [""], ["noon"], ["evening", "noon"]])
def test_a_slot_that_is_not_in_the_plan_is_refused(
    somebody: Somebody, habitica: Connection, everything: Everything, slots: list[str]
) -> None:
    before = everything()
    with pytest.raises(Refused, match="choose one of morning, evening"):
        mapping.choose(somebody.parts, somebody.person, habitica.id, "task-1", slots)
    assert everything() == before


def test_a_word_of_one_letter_is_refused(somebody: Somebody, health: Connection, everything: Everything) -> None:
    before = everything()
    for name in ("a", ", a ,", ","):
        with pytest.raises(Refused, match="one letter stands in nearly every name"):
            mapping.count_too(somebody.parts, somebody.person, health.id, name)
    assert everything() == before


def test_one_tick_for_all_sessions_is_one_habit_for_all_of_them(somebody: Somebody, habitica: Connection) -> None:
    with somebody.parts.store.writing() as db:
        stored.alter(db, habitica.id, {"when": "both"})
    mapping.choose(somebody.parts, somebody.person, habitica.id, "task-1", ["evening"])
    assert settings(somebody, habitica) == {"when": "both", "morning": "task-1", "evening": "task-1"}


def test_connections_of_others_and_ended_ones_are_not_there(
    somebody: Somebody, habitica: Connection, arrive: Any, everything: Everything
) -> None:
    stranger, before = arrive(), everything()
    for wanted in (habitica.id, "", "nobody", "\x00"):
        with pytest.raises(NotFound):
            mapping.choose(stranger.parts, stranger.person, wanted, "task-1", ["evening"])
    assert everything() == before | {"people": everything()["people"]}
    connections.revoke(somebody.parts.store, habitica.id, somebody.parts.clock())
    with pytest.raises(NotFound):
        mapping.count_too(somebody.parts, somebody.person, habitica.id, "Yoga")


def test_a_connection_that_has_ended_asks_nothing(
    client: FlaskClient, somebody: Somebody, habitica: Connection
) -> None:
    post(client, somebody, habitica, scored("Yoga", at(20)))
    connections.revoke(somebody.parts.store, habitica.id, somebody.parts.clock())
    assert offered(somebody) == []


def test_answering_twice_changes_nothing(
    client: FlaskClient, somebody: Somebody, habitica: Connection, health: Connection, everything: Everything
) -> None:
    post(client, somebody, habitica, scored("Yoga", at(20)))
    post(client, somebody, health, workouts(("Yoga", "21:40"), ("Pilates", "20:00")))
    parts, person = somebody.parts, somebody.person

    def answer() -> None:
        mapping.choose(parts, person, habitica.id, "task-1", ["evening"])
        mapping.count_too(parts, person, health.id, "Yoga")
        mapping.ignore(parts, person, health.id, "Pilates")

    answer()
    before = everything()
    answer()
    assert everything() == before


def test_a_poison_delivery_does_not_keep_others_from_counting(
    client: FlaskClient, somebody: Somebody, habitica: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in range(3):
        post(client, somebody, habitica, scored("Yoga", at(20, minute)))
    provider = somebody.parts.providers["habitica"]
    read = provider.reports

    def stumbling(incoming: Any) -> Any:
        [report] = read(incoming)
        if report.performed and report.performed.at == at(20, 1):
            raise ZeroDivisionError
        return [report]

    monkeypatch.setattr(provider, "reports", stumbling)
    assert [offer.title for offer in offered(somebody)] == ["Yoga"]
    assert len(mapping.choose(somebody.parts, somebody.person, habitica.id, "task-1", ["evening"])) == 2
