"""An entry that cannot be read beside others that can: it is not lost without a word, and what counts still counts.

Source: issue 4, "verified but not understood is quarantined and answered 200; never lost".
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.core.placing import Placed
from integration.inbox import waiting
from integration.inbox.replay import replay
from integration.store import deliveries
from integration.store.deliveries import Entry
from tests.integration.conftest import TODAY, Somebody
from tests.integration.senders import post, workouts

ISO = f"{TODAY}T21:05:00+02:00"
"""A time that is none of Health Auto Export's."""


def workout(name: Any, start: Any = ISO, **more: Any) -> dict[str, Any]:
    return {"id": f"id-{name}", "name": name, "start": start, "duration": 300, **more}


def export(*told: Any, good: str = "Running") -> dict[str, Any]:
    body = workouts((good, "07:05"))
    body["data"]["workouts"] += told
    return body


def heard(somebody: Somebody) -> list[tuple[str, str | None]]:
    return [(entry.outcome, entry.reason) for entry in entries(somebody)]


def entries(somebody: Somebody) -> list[Entry]:
    with somebody.parts.store.reading() as db:
        return deliveries.latest(db, somebody.id, 10)


@pytest.mark.parametrize(
    "wrong, told",
    [
        (workout("Flexibility"), ("quarantined", "no_time")),
        (workout("Flexibility", id=7), ("quarantined", "no_time")),
        (workout("Flexibility", start={"at": ISO}), ("quarantined", "no_time")),
        (workout("Dehnen"), ("quarantined", "no_time")),
        (workout("Yoga"), ("ignored", "related_activity")),
        (workout(None), ("ignored", "related_activity")),
        ("nothing", ("ignored", "related_activity")),
        (workout("Ride"), ("ignored", "another_activity")),
    ],
)
def test_what_cannot_be_read_beside_a_run_waits_where_it_may_have_been_the_stretch(
    client: FlaskClient, somebody: Somebody, wrong: Any, told: tuple[str, str]
) -> None:
    connection = somebody.connect("health_auto_export", words="dehnen")
    assert post(client, somebody, connection, export(wrong)) == told[0]
    assert heard(somebody) == [told]


def test_beside_a_stretch_that_counts_it_waits_too(client: FlaskClient, somebody: Somebody) -> None:
    connection = somebody.connect("health_auto_export")
    assert post(client, somebody, connection, export(workout("Flexibility"), good="Cooldown")) == "accepted"
    assert heard(somebody) == [("accepted", "no_time")]
    assert [fact.slot for fact in somebody.facts()] == ["morning"]


def test_beside_an_activity_that_counts_by_the_persons_own_word_that_one_counts(
    client: FlaskClient, somebody: Somebody
) -> None:
    connection = somebody.connect("health_auto_export", words="dehnen")
    assert post(client, somebody, connection, export(workout("Ride"), good="Dehnen")) == "accepted"
    assert heard(somebody) == [("accepted", None)]


def test_alone_it_is_refused_by_its_place(client: FlaskClient, somebody: Somebody) -> None:
    connection = somebody.connect("health_auto_export")
    body = {"data": {"workouts": [workout("Flexibility")]}}
    assert post(client, somebody, connection, body) == "instant"
    assert heard(somebody) == [("quarantined", "instant")]


@pytest.mark.parametrize("name", ["Flexibility", None])
def test_the_person_says_once_what_it_was(client: FlaskClient, somebody: Somebody, clock: Any, name: Any) -> None:
    connection = somebody.connect("health_auto_export")
    wrong = workout(name, activeEnergyBurned={"qty": 9.4})
    post(client, somebody, connection, export(wrong))
    waiting.settle(somebody.parts, somebody.person, entries(somebody)[0].id, Placed("evening", TODAY))
    assert [fact.slot for fact in somebody.facts()] == ["evening"]
    clock.move(minutes=9)
    assert post(client, somebody, connection, export(wrong)) == "duplicate"
    assert replay(somebody.parts, entries(somebody)[1].id).outcome == "duplicate"
    assert len(somebody.facts()) == 1


def test_what_was_no_stretch_is_not_asked_again(client: FlaskClient, somebody: Somebody, clock: Any) -> None:
    connection = somebody.connect("health_auto_export")
    post(client, somebody, connection, export(workout(None)))
    waiting.settle(somebody.parts, somebody.person, entries(somebody)[0].id, None)
    clock.move(minutes=9)
    post(client, somebody, connection, export(workout(None)))
    assert not entries(somebody)[0].waits


def test_what_counted_stays_when_its_service_tells_it_unreadably(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    connection = somebody.connect("health_auto_export")
    good = workout("Flexibility", f"{TODAY} 07:05:00 +0200", id="one")
    assert post(client, somebody, connection, export(good)) == "accepted"
    clock.move(minutes=9)
    for wrong in (good | {"start": ISO}, good | {"name": None}):
        post(client, somebody, connection, export(wrong))
    assert [fact.kind for fact in somebody.facts()] == ["done"]


def test_health_connect_tells_of_it_too(client: FlaskClient, somebody: Somebody) -> None:
    connection = somebody.connect("hc_webhook")
    run = {"type": "56", "start_time": f"{TODAY}T05:05:00Z", "end_time": f"{TODAY}T05:10:00Z"}
    for wrong, told in (("71", "quarantined"), ("83", "ignored"), (None, "ignored"), ("56", "ignored")):
        body = {"app_version": "1", "exercise": [run, {"type": wrong, "start_time": f"{TODAY}T05:05:00Z"}]}
        assert post(client, somebody, connection, body) == told
    reasons = ["another_activity", "related_activity", "related_activity", "no_time"]
    assert [reason for _, reason in heard(somebody)] == reasons


def test_what_is_left_out_is_named(client: FlaskClient, somebody: Somebody) -> None:
    """So that a person whose phone speaks another language learns which word to choose."""
    connection = somebody.connect("health_auto_export", label="My phone")
    post(client, somebody, connection, workouts(("Beweglichkeit", "07:05")))
    message = "My phone said “Beweglichkeit” was done at 07:05. That is another kind of exercise."
    assert entries(somebody)[0].message == message


def test_of_several_that_which_waits_is_named(client: FlaskClient, somebody: Somebody) -> None:
    connection = somebody.connect("health_auto_export", label="My phone")
    post(client, somebody, connection, workouts(("Ride", "07:05"), ("Yoga", "21:40")))
    assert entries(somebody)[0].message.startswith("My phone said “Yoga” was done at 21:40. That may")
