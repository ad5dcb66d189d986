"""Replays: a kept delivery is judged again; what is already true stays, what was not understood is healed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from integration import status
from integration.connecting import connections
from integration.core.merge import merge
from integration.core.model import Connection, State
from integration.core.placing import Placed
from integration.errors import NotFound
from integration.inbox.receiving import inbound_of
from integration.inbox.replay import replay
from integration.inbox.waiting import settle
from integration.parts import Parts
from integration.record import ACCEPTED, DUPLICATE, IGNORED, QUARANTINED, Replay, record
from integration.store.tables import connections as connections_table
from integration.store.tables import deliveries
from tests.integration.conftest import TODAY, Somebody, at, days, said
from tests.integration.senders import post, scored, workouts
from webhooks.providers import health_auto_export, simple
from webhooks.report import Incoming, Moment

Everything = Callable[[], dict[str, list[Any]]]


def ids(parts: Parts) -> list[int]:
    with parts.store.reading() as db:
        return list(db.execute(select(deliveries.c.id).order_by(deliveries.c.id)).scalars())


def outcomes(parts: Parts) -> list[tuple[str, str | None]]:
    with parts.store.reading() as db:
        return [(row.outcome, row.reason) for row in db.execute(select(deliveries).order_by(deliveries.c.id))]


def map_evening(parts: Parts, connection: Connection, habit: str) -> None:
    """What the person will be able to do on their page: name the habit afterwards."""
    settings = json.dumps({"evening": habit})
    with parts.store.writing() as db:
        db.execute(update(connections_table).where(connections_table.c.id == connection.id).values(settings=settings))


def test_a_day_replayed_twice_changes_nothing_at_all(
    client: FlaskClient, somebody: Somebody, clock: Any, everything: Everything
) -> None:
    simple, habitica = somebody.connect("simple"), somebody.connect("habitica")
    post(client, somebody, simple, {"id": "1", "slot": "morning"})
    post(client, somebody, simple, {"id": "1", "slot": "morning"})
    post(client, somebody, simple, {"id": "2", "slot": "morning", "type": "undone"})
    post(client, somebody, habitica, scored("Evening stretch", clock()))
    post(client, somebody, habitica, scored("Drink water", clock()))
    post(client, somebody, habitica, {"type": "somethingElse"})
    post(client, somebody, simple, b"{not json")
    before = everything()
    assert {ACCEPTED, DUPLICATE, IGNORED, QUARANTINED} == {outcome for outcome, _ in outcomes(somebody.parts)}
    clock.move(days=3)
    for _ in range(2):
        for delivery in ids(somebody.parts):
            replay(somebody.parts, delivery)
    assert everything() == before


def test_a_delivery_that_was_not_understood_counts_once_it_is(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    connection, arrival = somebody.connect("habitica"), clock()
    assert post(client, somebody, connection, scored("Rücken", clock())) == QUARANTINED
    map_evening(somebody.parts, connection, "Rücken")
    clock.move(days=2)
    result = replay(somebody.parts, ids(somebody.parts)[0])
    assert result.outcome == ACCEPTED
    assert [(fact.slot, fact.date, fact.received_at) for fact in somebody.facts()] == [("evening", TODAY, arrival)]
    assert somebody.sequence("evening") == 1
    assert outcomes(somebody.parts) == [(ACCEPTED, None)], "the delivery bears its new outcome, and there is no other"
    assert replay(somebody.parts, ids(somebody.parts)[0]).outcome == DUPLICATE
    assert outcomes(somebody.parts) == [(ACCEPTED, None)]


def test_a_delivery_replayed_long_after_changes_the_history_that_is_told(
    client: FlaskClient, arrive: Any, clock: Any
) -> None:
    """What was counted up to then is counted anew, also when the delivery was young at its own time."""
    somebody = arrive(start=TODAY - days(10))
    parts, connection = somebody.parts, somebody.connect("habitica")
    assert post(client, somebody, connection, scored("Rücken", clock())) == QUARANTINED
    map_evening(parts, connection, "Rücken")
    clock.move(days=200)
    before = status.read(parts.store, somebody.person, clock())
    assert replay(parts, ids(parts)[0]).outcome == ACCEPTED
    after = status.read(parts.store, somebody.person, clock())
    with parts.store.writing() as db:
        db.exec_driver_sql("DELETE FROM checkpoints")
    assert after == status.read(parts.store, somebody.person, clock())
    assert after.tally.active.best == before.tally.active.best + 1 == 1


def test_an_unreadable_delivery_stays_quarantined_with_its_reason(
    client: FlaskClient, somebody: Somebody, everything: Everything
) -> None:
    connection = somebody.connect("simple")
    assert post(client, somebody, connection, b"{not json") == "json"
    before = everything()
    result = replay(somebody.parts, ids(somebody.parts)[0])
    assert (result.outcome, result.reason) == (QUARANTINED, "json")
    assert everything() == before


def test_a_delivery_of_a_connection_that_has_ended_can_still_be_judged(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    connection = somebody.connect("habitica")
    post(client, somebody, connection, scored("Rücken", clock()))
    map_evening(somebody.parts, connection, "Rücken")
    connections.revoke(somebody.parts.store, connection.id, clock())
    assert replay(somebody.parts, ids(somebody.parts)[0]).outcome == ACCEPTED


@pytest.mark.parametrize("number", [0, -1, 10**6, 2**63 - 1, 2**63, 10**30])
def test_a_delivery_that_is_not_there_is_told(parts: Parts, number: int) -> None:
    with pytest.raises(NotFound, match=f"no delivery has the id {number}"):
        replay(parts, number)


def test_a_delivery_of_a_service_that_is_gone_is_told(client: FlaskClient, somebody: Somebody) -> None:
    connection = somebody.connect("simple")
    post(client, somebody, connection, {"slot": "morning"})
    parts = Parts(somebody.parts.store, somebody.parts.keys, somebody.parts.links, somebody.parts.clock, {})
    with pytest.raises(NotFound, match="no service is called 'simple' any more"):
        replay(parts, ids(parts)[0])


def workout(when: str) -> dict[str, Any]:
    [told] = workouts(("Flexibility", when))["data"]["workouts"]
    return {"data": {"workouts": [told | {"id": "one"}]}}


def where(somebody: Somebody) -> list[str]:
    return [fact.slot for fact in somebody.facts() if fact.date == TODAY]


def test_what_a_mended_adapter_reads_takes_the_place_of_what_was_misread_be_it_earlier(
    client: FlaskClient, somebody: Somebody, clock: Any, monkeypatch: pytest.MonkeyPatch, everything: Everything
) -> None:
    connection, right = somebody.connect("health_auto_export"), health_auto_export._moment
    with monkeypatch.context() as broken:
        broken.setattr(health_auto_export, "_moment", lambda *told: hours_later(right(*told), 12))
        post(client, somebody, connection, workout("07:05"))
    assert where(somebody) == ["evening"]
    clock.move(hours=5)
    assert replay(somebody.parts, ids(somebody.parts)[0]).outcome == ACCEPTED
    assert where(somebody) == ["morning"]
    assert (somebody.sequence("morning"), somebody.sequence("evening")) == (1, 2)
    before = everything()
    assert replay(somebody.parts, ids(somebody.parts)[0]).outcome == DUPLICATE
    assert everything() == before


@pytest.mark.parametrize("wrong", ["morning", "evening"])
def test_a_mended_adapter_heals_what_has_no_time(
    client: FlaskClient, somebody: Somebody, clock: Any, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    connection, report = somebody.connect("simple"), simple.report
    right = {"morning": "evening", "evening": "morning"}[wrong]
    with monkeypatch.context() as broken:
        broken.setattr(simple, "report", lambda *told: replace(report(*told), slot=wrong))
        post(client, somebody, connection, {"id": "1", "slot": right})
    assert where(somebody) == [wrong]
    replay(somebody.parts, ids(somebody.parts)[0])
    assert where(somebody) == [right]


def test_what_a_later_delivery_said_stays_when_an_earlier_one_is_read_anew(
    client: FlaskClient, somebody: Somebody, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, right = somebody.connect("health_auto_export"), health_auto_export._moment
    with monkeypatch.context() as broken:
        broken.setattr(health_auto_export, "_moment", lambda *told: hours_later(right(*told), 12))
        post(client, somebody, connection, workout("08:05"))
    clock.move(minutes=1)
    post(client, somebody, connection, workout("07:05"))
    replay(somebody.parts, ids(somebody.parts)[0])
    assert [fact.performed_at for fact in somebody.facts()] == [at(5, 5)]


def test_what_gave_way_to_a_misreading_comes_back_once_that_is_mended(
    somebody: Somebody, clock: Any, parts: Parts
) -> None:
    """The misread one seemed to be the newest, and is the oldest."""
    connection = somebody.connect()
    somebody.hear(connection, said(at=at(8), slot="evening"))
    somebody.hear(connection, said(at=at(9), slot="morning"))
    assert where(somebody) == ["morning"]
    inbound = inbound_of(parts.providers["standard"], connection, somebody.person)
    mended, again = said(at=at(7), slot="morning", habit=("mended",)), Replay(ids(parts)[1], clock())
    assert record(parts.store, inbound, Incoming({}, b"{}", clock()), [mended], again=again).outcome == ACCEPTED
    assert where(somebody) == ["evening"]
    somebody.hear(connection, said(at=at(8, 30), slot="morning"))
    assert where(somebody) == ["morning"], "what was misread is never in the way again"


def test_what_a_mended_adapter_takes_for_something_else_counts_no_longer(
    client: FlaskClient, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = somebody.connect("health_auto_export")
    with monkeypatch.context() as broken:
        broken.setattr(health_auto_export, "shortened", lambda _name: "Flexibility")
        post(client, somebody, connection, workouts(("Running", "07:05")))
    assert merge(somebody.facts()).state is State.DONE
    replay(somebody.parts, ids(somebody.parts)[0])
    assert merge(somebody.facts()).state is None


def test_a_mended_adapter_moves_nothing_that_the_person_put_somewhere(
    client: FlaskClient, somebody: Somebody, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, right = somebody.connect("health_auto_export"), health_auto_export._moment
    with monkeypatch.context() as broken:
        broken.setattr(health_auto_export, "_moment", lambda *told: hours_later(right(*told), 5))
        post(client, somebody, connection, workouts(("Yoga", "07:05")))
        settle(somebody.parts, somebody.person, ids(somebody.parts)[0], Placed("evening", TODAY))
    clock.move(hours=1)
    assert replay(somebody.parts, ids(somebody.parts)[0]).outcome == DUPLICATE
    assert where(somebody) == ["evening"]


def hours_later(moment: Moment, hours: int) -> Moment:
    return replace(moment, at=moment.at + timedelta(hours=hours))
