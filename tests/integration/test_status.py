"""Where a person stands: the published form, and the same numbers from a checkpoint as from scratch."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, insert

from integration import record, status
from integration.core.model import PERSON, FactKind, State
from integration.core.placing import Placed
from integration.core.standing import Standing, standing
from integration.parts import Parts
from integration.store import checkpoints, facts
from integration.store.tables import checkpoints as checkpoints_table
from integration.store.tables import facts as facts_table
from tests.integration.conftest import TODAY, Somebody, days, said
from webhooks.report import Kind

Census = Callable[[], dict[str, int]]
NEUTRAL_NAMES = {"skipped", "hurt", "paused"}


def from_scratch(somebody: Somebody) -> Standing:
    """The law over every fact, without the store's help."""
    told = {key: found.state for key, found in status.merged_sessions(somebody.facts()).items() if found.state}
    return standing(somebody.person.plan, None, lambda _: told, somebody.parts.clock())


def live_through(somebody: Somebody, chance: random.Random) -> None:
    """A fact or none for every session since the plan began: done, skipped, hurt, or taken back."""
    plan, now, rows = somebody.person.plan, somebody.parts.clock(), list[dict[str, Any]]()
    for session in plan.sessions(plan.start, plan.today(now)):
        kind = chance.choices([*FactKind, None], [60, 5, 5, 2, 28])[0]
        if kind:
            at = {"said_at": session.starts, "received_at": session.starts, "performed_at": session.starts}
            name = f"{session.date}{session.slot}"
            where = {"person": somebody.id, "slot": session.slot, "date": session.date, "echo": False}
            rows.append({"source": PERSON, "event": name, "kind": kind.value, "content": name, **where, **at})
    with somebody.parts.store.writing() as db:
        db.execute(insert(facts_table), rows)


def test_the_published_form_has_the_names_of_the_contract(somebody: Somebody) -> None:
    connection = somebody.connect()
    somebody.hear(connection, said())
    somebody.hear(connection, said(event="2", slot="evening", day=TODAY - days(1)))
    stands = status.read(somebody.parts.store, somebody.person, somebody.parts.clock())
    assert status.as_json(stands) == {
        "score": pytest.approx(0.5 * (1 - 0.5 ** (1 / 13)), abs=1e-6),
        "active": 2,
        "perfect": 0,
        "slots": {"morning": 1, "evening": 1},
        "best_active": 2,
        "adherence": {"7": [2, 3], "28": [2, 3], "90": [2, 3]},
        "neutral": dict.fromkeys(("7", "28", "90"), dict.fromkeys(NEUTRAL_NAMES, 0)),
        "frozen": [],
        "today": {"date": "2026-06-02", "morning": "done", "evening": "pending"},
    }


def test_a_newcomer_has_zeros_and_no_missing_name(arrive: Any, parts: Parts) -> None:
    stands = status.as_json(status.read(parts.store, arrive(start=None).person, parts.clock()))
    assert (stands["score"], stands["active"], stands["perfect"], stands["best_active"]) == (0, 0, 0, 0)
    assert stands["slots"] == {"morning": 0, "evening": 0}
    assert stands["adherence"] == {"7": [0, 0], "28": [0, 0], "90": [0, 0]}
    assert set(stands["today"]) == {"date", "morning", "evening"}


def test_the_score_lies_between_0_and_1_and_has_no_long_tail(arrive: Any, parts: Parts) -> None:
    somebody = arrive(start=TODAY - days(1000))
    live_through(somebody, random.Random(1))
    score = status.as_json(status.read(parts.store, somebody.person, parts.clock()))["score"]
    assert 0 < score < 1
    assert len(repr(score)) <= len("0.123456")


@pytest.mark.parametrize("seed", range(2))
def test_ten_years_from_a_checkpoint_are_ten_years_from_scratch(
    arrive: Any, parts: Parts, clock: Any, seed: int, census: Census
) -> None:
    somebody = arrive(start=TODAY - timedelta(days=3653), zone=("Europe/Berlin", "Pacific/Apia")[seed])
    live_through(somebody, random.Random(seed))
    for _ in range(3):
        expected = from_scratch(somebody)
        assert status.read(parts.store, somebody.person, clock()) == expected
        assert status.read(parts.store, somebody.person, clock()) == expected, "from the checkpoint just kept"
        clock.move(days=17)
    assert census()["checkpoints"] >= 2


def test_with_a_checkpoint_only_the_facts_after_it_are_read(
    arrive: Any, parts: Parts, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody = arrive(start=TODAY - timedelta(days=3653))
    live_through(somebody, random.Random(7))
    status.read(parts.store, somebody.person, clock())
    asked, since = list[date](), facts.since
    monkeypatch.setattr(facts, "since", lambda db, person, first: asked.append(first) or since(db, person, first))
    status.read(parts.store, somebody.person, clock())
    assert [(TODAY - first).days < 125 for first in asked] == [True]


def test_a_checkpoint_may_be_lost_at_any_time(arrive: Any, parts: Parts, clock: Any) -> None:
    somebody = arrive(start=TODAY - days(400))
    live_through(somebody, random.Random(3))
    before = status.read(parts.store, somebody.person, clock())
    with parts.store.writing() as db:
        db.execute(delete(checkpoints_table))
    assert status.read(parts.store, somebody.person, clock()) == before


def test_a_checkpoint_counted_before_a_fact_came_in_is_not_kept(arrive: Any, parts: Parts, clock: Any) -> None:
    """Somebody reads the status while a late fact is stored: what was read first must not outlive it."""
    somebody = arrive(start=TODAY - days(400))
    stale = somebody.person
    somebody.hear(somebody.connect(), said(day=TODAY - days(300)))
    status.read(parts.store, stale, clock())
    with parts.store.reading() as db:
        assert checkpoints.newest(db, somebody.id) is None
    assert status.read(parts.store, somebody.person, clock()) == from_scratch(somebody)


def test_looking_writes_nothing_but_a_checkpoint_and_that_once(
    client: FlaskClient, arrive: Any, parts: Parts, everything: Callable[[], Any]
) -> None:
    somebody = arrive(start=TODAY - days(400))
    somebody.hear(somebody.connect(), said())
    page = somebody.path(parts.links.page(somebody.key))
    before = everything()
    for _ in range(3):
        assert client.get(page).status_code == 200
    after = everything()
    assert len(after.pop("checkpoints")) == 1
    assert before.pop("checkpoints") == []
    assert after == before


def test_looking_at_a_short_history_writes_nothing_at_all(
    client: FlaskClient, somebody: Somebody, statements: list[str]
) -> None:
    page = somebody.path(somebody.parts.links.page(somebody.key))
    statements.clear()
    assert client.get(page).status_code == 200
    assert [told for told in statements if not told.lstrip().startswith("SELECT")] == []


def test_the_words_of_the_person_and_of_services_make_the_states_of_today(somebody: Somebody, clock: Any) -> None:
    store = somebody.parts.store
    record.tell(store, somebody.person, Placed("morning", TODAY), FactKind.SKIPPED, clock(), "ill")
    today = status.read(store, somebody.person, clock()).today
    assert today is not None
    assert dict(today.states) == {"morning": State.SKIPPED, "evening": State.PENDING}
    connection = somebody.connect()
    somebody.hear(connection, said(event="1", slot="evening"))
    somebody.hear(connection, replace(said(event="2", slot="evening"), kind=Kind.UNDONE, said_at=clock()))
    today = status.read(store, somebody.person, clock()).today
    assert today is not None
    assert dict(today.states)["evening"] is State.PENDING
