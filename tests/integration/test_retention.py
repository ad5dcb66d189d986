"""Deliveries go after ninety days, whatever became of them; what they said stays."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.inbox import retention
from integration.inbox.retention import KEEP_DAYS, prune
from integration.store import deliveries
from integration.store.deliveries import Entry
from integration.store.engine import Store
from tests.integration.conftest import TODAY, Somebody
from tests.integration.senders import post
from webhooks.report import Kind, Report


def kept(somebody: Somebody) -> list[Entry]:
    with somebody.parts.store.reading() as db:
        return deliveries.latest(db, somebody.id, 1000)[::-1]


def fill(client: FlaskClient, somebody: Somebody, count: int, hours: int = 24) -> None:
    """By turns one that counts and one that waits."""
    connection = somebody.connect("simple")
    for number in range(count):
        body = {"id": str(number), "slot": "morning" if number % 2 else "noon", "date": str(TODAY)}
        post(client, somebody, connection, body)
        somebody.parts.clock.move(hours=hours)


def test_after_ninety_days_those_that_count_and_those_that_wait_go_and_facts_stay(
    client: FlaskClient, somebody: Somebody, store: Store, clock: Any
) -> None:
    fill(client, somebody, 6)
    facts, first = somebody.facts(), kept(somebody)[0].received_at
    clock.now = first
    clock.move(days=KEEP_DAYS)
    assert prune(store, clock()) == 0, "ninety days to the second"
    clock.move(seconds=1)
    assert prune(store, clock()) == 1
    clock.move(days=2)
    assert prune(store, clock()) == 2
    assert len(kept(somebody)) == 3
    clock.move(days=100)
    assert prune(store, clock()) == 3
    assert prune(store, clock()) == 0
    assert somebody.facts() == facts
    assert len(facts) == 3


def test_how_long_is_the_operators_choice(client: FlaskClient, somebody: Somebody, store: Store, clock: Any) -> None:
    fill(client, somebody, 4)
    clock.move(hours=1)
    assert prune(store, clock(), keep_days=3) == 2
    assert len(kept(somebody)) == 2


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_they_go_in_batches_of_one_transaction_each(
    client: FlaskClient,
    somebody: Somebody,
    store: Store,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    fill(client, somebody, 7, hours=1)
    clock.move(days=100)
    removed, original = list[int](), deliveries.remove
    monkeypatch.setattr(retention, "BATCH", size)
    monkeypatch.setattr(deliveries, "remove", lambda db, gone: removed.append(len(gone)) or original(db, gone))
    assert prune(store, clock()) == 7 == sum(removed)
    assert max(removed) <= size
    assert kept(somebody) == []


def test_a_copy_of_what_has_gone_is_still_known(
    client: FlaskClient, somebody: Somebody, store: Store, clock: Any
) -> None:
    connection = somebody.connect("simple")
    body = {"id": "1", "slot": "morning", "date": str(TODAY)}
    post(client, somebody, connection, body)
    clock.move(days=100)
    prune(store, clock())
    assert post(client, somebody, connection, body) == "duplicate"


def test_what_is_remembered_for_deliveries_to_come_goes_as_they_would(
    client: FlaskClient, somebody: Somebody, store: Store, clock: Any, census: Any
) -> None:
    connection = somebody.connect("vikunja")
    somebody.hear(connection, Report(Kind.UNDONE, "1@a", clock(), thing="1"))
    clock.move(days=KEEP_DAYS)
    prune(store, clock())
    assert census()["remembered"] == 1
    clock.move(seconds=1)
    prune(store, clock())
    assert census()["remembered"] == 0
