"""Replays: a kept delivery is judged again; what is already true stays, what was not understood is healed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from integration import status
from integration.connecting import connections
from integration.core.model import Connection
from integration.errors import NotFound
from integration.inbox.replay import replay
from integration.parts import Parts
from integration.record import ACCEPTED, DUPLICATE, IGNORED, QUARANTINED
from integration.store.tables import connections as connections_table
from integration.store.tables import deliveries
from tests.integration.conftest import TODAY, Somebody, days
from tests.integration.senders import post, scored

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
