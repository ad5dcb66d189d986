"""Deliveries go after ninety days, whatever became of them; what they said stays."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.core.merge import Merged, merge
from integration.core.placing import OLDEST
from integration.inbox import retention
from integration.inbox.retention import KEEP_DAYS, prune
from integration.inbox.waiting import settle
from integration.store import deliveries
from integration.store.deliveries import NOT_A_STRETCH, Entry
from integration.store.engine import Store
from tests.integration.conftest import TODAY, Somebody, days
from tests.integration.senders import post, workouts
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


def test_a_withdrawal_is_forgotten_once_nothing_that_it_is_meant_for_would_count(
    client: FlaskClient, somebody: Somebody, store: Store, clock: Any, census: Any
) -> None:
    connection = somebody.connect("vikunja")
    somebody.hear(connection, Report(Kind.UNDONE, "1@a", clock(), thing="1"))
    clock.move(days=OLDEST.days)
    prune(store, clock())
    assert census()["remembered"] == 1
    clock.move(days=4)
    prune(store, clock())
    assert census()["remembered"] == 0


@pytest.mark.parametrize("order", list(permutations(("done", "undo", "prune"))), ids=" ".join)
def test_an_undo_that_is_told_late_takes_back_its_word_in_any_order(
    arrive: Any, store: Store, clock: Any, order: tuple[str, ...]
) -> None:
    somebody = arrive(start=TODAY - days(200))
    connection, ticked = somebody.connect("vikunja"), clock() - days(100)
    words = {
        "done": Report(Kind.DONE, "1@a", ticked, None, "morning", ticked.date(), thing="1"),
        "undo": Report(Kind.UNDONE, "1@b", ticked + timedelta(minutes=5), thing="1"),
    }
    for step in order:
        if step in words:
            somebody.hear(connection, words[step])
        else:
            prune(store, clock())
    assert merge(somebody.facts()) == Merged(said=True)


def test_what_is_no_stretch_stays_so_however_late_it_is_told_again(
    client: FlaskClient, somebody: Somebody, store: Store, clock: Any
) -> None:
    connection = somebody.connect("health_auto_export")
    walk = workouts(("Yoga", "07:05"))
    post(client, somebody, connection, walk)
    settle(somebody.parts, somebody.person, kept(somebody)[-1].id, None)
    for later in (1, KEEP_DAYS, 500):
        clock.move(days=later)
        prune(store, clock())
        post(client, somebody, connection, walk)
        assert (kept(somebody)[-1].reason, somebody.facts()) == (NOT_A_STRETCH, [])


def test_deliveries_of_a_time_when_the_clock_ran_ahead_keep_none_of_the_later_ones(
    client: FlaskClient, somebody: Somebody, store: Store, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    clock.move(days=200)
    fill(client, somebody, 4, hours=0)
    clock.move(days=-200)
    fill(client, somebody, 8, hours=0)
    clock.move(days=100)
    assert prune(store, clock()) == 8
    assert len(kept(somebody)) == 4
