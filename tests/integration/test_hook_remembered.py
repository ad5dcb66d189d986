"""A connection that a process remembers, and that was changed meanwhile by another: nobody is judged by the old one.

`other` writes to the same database through a store of its own, as a second process or the command line would.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from standardwebhooks import Webhook

from integration.app import create_app
from integration.connecting import connections
from integration.connecting.connections import Made
from integration.store.engine import Store
from integration.store.tables import dispatches
from tests.integration.conftest import TODAY, Somebody
from webhooks.limits import Here, Limits, Rate, What

STRETCH = {"type": "session.completed", "data": {"date": TODAY.isoformat(), "slot": "evening"}}


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    opened = Store(store.engine.url.render_as_string(hide_password=False))
    yield opened
    opened.close()


@pytest.fixture
def signed(somebody: Somebody) -> Made:
    parts = somebody.parts
    return connections.add(parts.store, parts.keys, parts.providers, somebody.id, "standard", {}, parts.clock())


@pytest.fixture
def send_to(somebody: Somebody, signed: Made) -> Callable[..., Any]:
    """Sends one that is signed with that secret, by default the first; each has an id of its own."""

    def send(client: FlaskClient, number: int, secret: str | None = None, body: object = STRETCH) -> Any:
        now, text = somebody.parts.clock(), json.dumps(body)
        proof = Webhook(secret or signed.secret or "").sign(f"n{number}", now, text)
        stamp = {"webhook-id": f"n{number}", "webhook-timestamp": str(int(now.timestamp()))}
        path = somebody.path(somebody.parts.links.hook("standard", signed.connection.key or ""))
        headers = {**stamp, "webhook-signature": proof, "content-type": "application/json"}
        return client.post(path, data=text, headers=headers)

    return send


@pytest.fixture
def send(client: FlaskClient, send_to: Callable[..., Any]) -> Callable[..., Any]:
    return partial(send_to, client)


def test_what_was_ended_meanwhile_is_unknown_at_once(
    client: FlaskClient, send: Callable[..., Any], somebody: Somebody, signed: Made, other: Store
) -> None:
    """Whatever comes: a completion, what cannot be read, what is signed wrongly, what is too large."""
    assert send(1).json["outcome"] == "accepted"
    connections.revoke(other, signed.connection.id, somebody.parts.clock())
    missing = client.post("/hooks/standard/hook_guess").data
    for number, body in enumerate((STRETCH, {"type": 7}, {"type": "another"}), 2):
        answer = send(number, body=body)
        assert (answer.status_code, answer.data) == (404, missing)
    assert len(somebody.facts()) == 1


def test_a_handshake_is_not_answered_for_what_was_ended(client: FlaskClient, somebody: Somebody, other: Store) -> None:
    hevy = somebody.connect("hevy", token="b" * 24)
    path, bearer = somebody.path(somebody.parts.links.hook("hevy", hevy.key or "")), {"authorization": "b" * 24}

    def ping() -> int:
        return client.post(path, data=b"{}", headers={**bearer, "content-type": "application/json"}).status_code

    before = ping()
    connections.revoke(other, hevy.id, somebody.parts.clock())
    assert (before, ping()) == (200, 404)


def test_a_new_secret_counts_at_once_and_the_old_one_for_a_day(
    send: Callable[..., Any], somebody: Somebody, signed: Made, other: Store
) -> None:
    parts = somebody.parts
    assert send(1).status_code == 200
    fresh = connections.rotate(other, parts.keys, parts.providers, signed.connection.id, parts.clock()).secret
    assert [send(2, fresh).status_code, send(3).status_code] == [200, 200]


def test_an_old_secret_counts_no_longer_though_nobody_sent_with_the_new_one(
    send: Callable[..., Any], somebody: Somebody, signed: Made, other: Store, clock: Any
) -> None:
    parts = somebody.parts
    assert send(1).status_code == 200
    connections.rotate(other, parts.keys, parts.providers, signed.connection.id, parts.clock())
    clock.move(hours=24, seconds=1)
    assert send(2).status_code == 401
    assert len(somebody.facts()) == 1


def test_it_is_told_by_the_name_that_holds_now(
    send: Callable[..., Any], somebody: Somebody, signed: Made, other: Store
) -> None:
    parts = somebody.parts
    assert "Signed webhook said" in send(1).json["message"]
    connections.alter(other, parts.keys, parts.providers, signed.connection.id, {"label": "My watch"}, parts.clock())
    assert "My watch said" in send(2).json["message"]


def test_who_asks_to_be_told_meanwhile_is_told(send: Callable[..., Any], somebody: Somebody, other: Store) -> None:
    send(1, body={"type": "another"})
    parts = somebody.parts
    connections.add(other, parts.keys, parts.providers, somebody.id, "ntfy", {"topic": "stretch"}, parts.clock())
    send(2)
    with other.reading() as db:
        assert db.execute(select(dispatches.c.kind)).scalars().all() == ["done"]


def test_who_knocks_at_what_was_ended_keeps_nobody_waiting(
    send: Callable[..., Any], somebody: Somebody, signed: Made, statements: list[str]
) -> None:
    """It is forgotten at the first knock, so that no other takes a turn at writing."""
    parts = somebody.parts
    send(1)
    connections.revoke(parts.store, signed.connection.id, parts.clock())
    assert send(2).status_code == 404
    statements.clear()
    assert send(3).status_code == 404
    assert not [one for one in statements if "BEGIN" in one or "FOR UPDATE" in one]


def test_what_is_judged_anew_is_counted_once_in_the_limit_of_its_hook(
    somebody: Somebody, signed: Made, other: Store, send_to: Callable[..., Any]
) -> None:
    parts = somebody.parts
    client = create_app(replace(parts, limiter=Limits({What.HOOK: Rate(2, 3600)}, Here()))).test_client()
    assert send_to(client, 1).status_code == 200
    connections.rotate(other, parts.keys, parts.providers, signed.connection.id, parts.clock())
    assert [send_to(client, number).status_code for number in (2, 3)] == [200, 429]
