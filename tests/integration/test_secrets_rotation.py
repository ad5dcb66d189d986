"""Rotating our own secret: everything is put under the newest, online, resumable, once (webhook-reliability K3)."""

import gzip
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from integration import rotation
from integration.app import create_app
from integration.connecting import connections, tokens
from integration.connecting.held import opened_secrets
from integration.keys import Keys
from integration.parts import Parts
from integration.rotation import Rotated
from integration.store import connections as stored
from integration.store.tables import connections as table
from integration.store.tables import documents
from tests.integration.conftest import Somebody
from tests.integration.secretive import (
    CANARIES,
    NEW,
    OLD,
    connect_everything,
    sealed,
    under,
)


@pytest.fixture
def rotating(parts: Parts, somebody: Somebody) -> tuple[Parts, Parts]:
    """Everything connected twice, and the document built, under an old secret. Parts with the new one before it, and
    with the new one alone.
    """
    before = under(parts, OLD)
    for _ in range(2):
        connect_everything(somebody, before)
    create_app(before).test_client().get(somebody.path(before.links.feed(somebody.feed.key)))
    return under(parts, NEW, OLD), under(parts, NEW)


def opens(parts: Parts) -> dict[str, tuple[tuple[str, ...], Mapping[str, str]]]:
    """Every secret of every connection. Raises ConfigError for one that cannot be opened."""
    with parts.store.reading() as db:
        ids = db.execute(select(table.c.id).order_by(table.c.id)).scalars().all()
        rows = [(stored.by_id(db, one), stored.tokens(db, one)) for one in ids]
    return {
        found.id: (opened_secrets(parts.keys, found, parts.clock()), tokens.opened(parts.keys, found.id, shown))
        for found, shown in rows
        if found is not None
    }


def rotate(both: Parts, newest: Parts) -> Rotated:
    return rotation.rotate(both.store, both.keys, newest.keys)


def test_k3_after_the_rotation_the_newest_secret_alone_opens_everything(rotating: tuple[Parts, Parts]) -> None:
    both, newest = rotating
    before, count = opens(both), sum(len(row[1:]) - row[1:].count(None) for row in sealed(both)) - 1
    assert rotate(both, newest) == Rotated(secrets=count, documents=1)
    assert opens(newest) == before
    with newest.store.reading() as db:
        document = db.execute(select(documents)).one()
    place = f"documents/{document.feed}"
    assert gzip.decompress(newest.keys.open_bytes(document.gzipped, place)).startswith(b"BEGIN:VCALENDAR")


def test_k3_a_second_run_changes_nothing(rotating: tuple[Parts, Parts], statements: list[str]) -> None:
    both, newest = rotating
    first = rotate(both, newest)
    before = sealed(both)
    statements.clear()
    assert rotate(both, newest) == Rotated(kept=first.secrets)
    assert sealed(both) == before
    assert not any(told.startswith(("UPDATE", "BEGIN", "INSERT")) for told in statements)


def test_k3_cut_off_after_any_batch_it_is_finished_by_the_next_run(
    rotating: tuple[Parts, Parts], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, newest = rotating
    before = opens(both)
    monkeypatch.setattr(rotation, "BATCH", 1)
    done, cuts = Rotated(), 0
    for _ in range(30):
        steps = rotation.batches(both.store, both.keys, newest.keys)
        for step in steps:
            done += replace(step, kept=0)
            if step.secrets:
                cuts += 1
                break
        steps.close()
        assert opens(both) == before, "half way, both secrets open all that there is"
    assert cuts == 2 * len(CANARIES) == 20
    assert rotate(both, newest).secrets == 0
    assert opens(newest) == before


def test_k3_a_batch_that_fails_is_not_stored_and_the_one_before_it_is(
    rotating: tuple[Parts, Parts], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, newest = rotating
    before = opens(both)
    monkeypatch.setattr(rotation, "BATCH", 4)
    put, calls = rotation.sealed.put_text, list[int]()

    def cut(*arguments: Any) -> int:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return put(*arguments)

    monkeypatch.setattr(rotation.sealed, "put_text", cut)
    with pytest.raises(KeyboardInterrupt):
        rotate(both, newest)
    monkeypatch.undo()
    left = rotation.survey(both.store, both.keys, newest.keys)
    assert 0 < left.kept < left.secrets
    assert opens(both) == before
    assert rotate(both, newest).secrets == left.secrets
    assert opens(newest) == before


def test_k3_what_somebody_changes_meanwhile_stays_as_they_left_it(
    rotating: tuple[Parts, Parts], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, newest = rotating
    with both.store.reading() as db:
        changed = db.execute(select(table.c.id).where(table.c.service == "beeminder")).scalars().first()
    judged = rotation._judged

    def meanwhile(*arguments: Any) -> Any:
        found = judged(*arguments)
        change = {"token": "canary-that-is-newer"}
        connections.alter(both.store, both.keys, both.providers, changed, change, both.clock())
        return found

    monkeypatch.setattr(rotation, "_judged", meanwhile)
    rotate(both, newest)
    monkeypatch.undo()
    assert opens(newest)[changed][1] == {"token": "canary-that-is-newer"}


def test_k3_what_none_of_our_secrets_opens_is_named_and_left_as_it_is(rotating: tuple[Parts, Parts]) -> None:
    both, newest = rotating
    before = sealed(both)
    found = rotate(newest, newest)
    assert (found.secrets, found.documents, found.kept) == (0, 0, 0)
    assert len(found.unopened) == 2 * len(CANARIES)
    assert sealed(both) == before


def test_k3_while_it_runs_people_and_services_go_on(
    rotating: tuple[Parts, Parts], somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process has the new list by then."""
    both, newest = rotating
    monkeypatch.setattr(rotation, "BATCH", 1)
    client, connection = create_app(both).test_client(), CANARIES["simple"]
    with both.store.reading() as db:
        key = db.execute(select(table.c.key).where(table.c.service == "simple")).scalars().first()
    hook, feed = (
        somebody.path(address) for address in (both.links.hook("simple", key), both.links.feed(somebody.feed.key))
    )
    bearer = {"Authorization": f"Bearer {connection['bearer']}"}
    for number, _ in enumerate(rotation.batches(both.store, both.keys, newest.keys)):
        assert client.post(hook, json={"id": str(number), "slot": "morning"}, headers=bearer).status_code == 200
        assert client.get(feed).status_code == 200
    assert number >= 2 * len(CANARIES) - 1


def test_k3_ten_thousand_secrets_are_put_under_the_new_one(parts: Parts, somebody: Somebody) -> None:
    """0.95 s on SQLite when this was written; the bar is 5 s."""
    old, count = Keys((OLD,)), 5000
    made = [
        {
            "id": f"c{number:05}",
            "person": somebody.id,
            "service": "beeminder",
            "label": "Bees",
            "settings": "{}",
            "created_at": parts.clock(),
            "secrets": old.seal("s" * 40, f"connections/c{number:05}/secrets"),
            "tokens": tokens.seal(old, f"c{number:05}", {"token": "t" * 40}),
        }
        for number in range(count)
    ]
    with parts.store.writing() as db:
        db.execute(table.insert(), made)
    assert rotation.rotate(parts.store, Keys((NEW, OLD)), Keys((NEW,))).secrets == 2 * count
    assert rotation.survey(parts.store, Keys((NEW,)), Keys((NEW,))) == Rotated(kept=2 * count)
