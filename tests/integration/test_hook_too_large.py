"""A body that is too large: the sender is told what to do, and the person sees that there was one.

Source: webhook-reliability R11 and R15; fitness-platforms 3.2.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from integration.connecting import connections
from integration.core.model import Connection
from integration.inbox.receiving import NOT_KEPT
from integration.inbox.replay import replay, replay_all
from integration.store.deliveries import ANY
from integration.store.tables import deliveries
from tests.integration.conftest import Somebody
from webhooks.providers.health_auto_export import LARGEST

BEARER = "a-bearer-of-the-phone-1234567"
MESSAGE = "send less at a time: leave out routes and metadata, or choose a shorter period"


def send(client: FlaskClient, somebody: Somebody, made: Connection, size: int, **headers: str) -> Any:
    path = somebody.path(somebody.parts.links.hook(made.service, made.key or ""))
    kept = {"content-type": "application/json", "webhook-id": "canary-of-a-header"}
    return client.post(path, data=b'"' + b"x" * (size - 2) + b'"', headers={**kept, **headers})


def stored(somebody: Somebody) -> list[Any]:
    """The traces of what was too large."""
    traces = select(deliveries).where(deliveries.c.reason == "too_large")
    with somebody.parts.store.reading() as db:
        return list(db.execute(traces.order_by(deliveries.c.id)))


def page(client: FlaskClient, somebody: Somebody) -> str:
    return client.get(somebody.path(somebody.parts.links.page(somebody.key))).text


def test_the_person_sees_that_something_was_too_large_and_what_to_do(client: FlaskClient, somebody: Somebody) -> None:
    phone = somebody.connect("health_auto_export", label="My phone")
    answer = send(client, somebody, phone, LARGEST + 1)
    assert (answer.status_code, answer.json["error"]) == (413, "too_large")
    assert answer.json["message"] == f"the body is over 512 KiB; {MESSAGE}"
    [row] = stored(somebody)
    assert (row.outcome, row.reason, row.message) == ("quarantined", "too_large", answer.json["message"])
    assert (bytes(row.body), json.loads(row.headers)) == (NOT_KEPT, {})
    told = page(client, somebody)
    assert "The body is over 512 KiB; send less at a time" in told
    assert "Where do these belong?" not in told


def test_what_the_largest_holds_is_taken(client: FlaskClient, somebody: Somebody) -> None:
    phone = somebody.connect("health_auto_export")
    assert send(client, somebody, phone, LARGEST).json["error"] == "field"


def test_a_phone_that_tries_again_and_again_leaves_one_trace_an_hour(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    """What it sent otherwise meanwhile hides none."""
    phone, other = (somebody.connect("health_auto_export", label=label) for label in ("Phone", "Other"))
    assert send(client, somebody, phone, 100).status_code == 422
    for _ in range(12):
        assert send(client, somebody, phone, LARGEST + 1).status_code == 413
        clock.move(minutes=5, seconds=5)
    assert [row.connection for row in stored(somebody)] == [phone.id]
    send(client, somebody, phone, LARGEST + 1)
    send(client, somebody, other, LARGEST + 1)
    assert [row.connection for row in stored(somebody)] == [phone.id, phone.id, other.id]


@pytest.mark.parametrize(
    "service, settings, headers, traces",
    [
        ("simple", {}, {}, 1),
        ("habitica", {}, {}, 1),
        ("simple", {"bearer": BEARER}, {"authorization": f"Bearer {BEARER}"}, 1),
        ("simple", {"bearer": BEARER}, {}, 0),
        ("simple", {"bearer": BEARER}, {"authorization": "Bearer another"}, 0),
        ("intervals_icu", {"secret": BEARER}, {"authorization": BEARER}, 1),
        ("intervals_icu", {"secret": BEARER}, {}, 0),
        ("standard", {}, {"webhook-timestamp": "1780432200", "webhook-signature": "v1,AAAA"}, 0),
        ("todoist", {"client_secret": BEARER}, {"x-todoist-hmac-sha256": "AAAA"}, 0),
    ],
)
def test_only_who_proves_it_without_the_body_leaves_a_trace(
    client: FlaskClient,
    somebody: Somebody,
    service: str,
    settings: dict[str, str],
    headers: dict[str, str],
    traces: int,
) -> None:
    """The body was not read, so no signature over it can be checked; who has merely seen the address may not write."""
    made = somebody.connect(service, **settings)
    assert send(client, somebody, made, LARGEST + 1, **headers).status_code == 413
    assert len(stored(somebody)) == traces


def test_a_stranger_leaves_nothing_and_learns_nothing(
    client: FlaskClient, somebody: Somebody, everything: Callable[[], dict[str, list[Any]]]
) -> None:
    made = somebody.connect("simple")
    ended = somebody.connect("simple")
    connections.revoke(somebody.parts.store, ended.id, somebody.parts.clock())
    before, body = everything(), b"x" * (LARGEST + 1)
    good = somebody.path(somebody.parts.links.hook("simple", made.key or ""))
    revoked = somebody.path(somebody.parts.links.hook("simple", ended.key or ""))
    paths = (revoked, f"{good}x", good.replace("/simple/", "/habitica/"), "/hooks/simple/guess", "/hooks/todoist")
    answers = [client.post(path, data=body) for path in paths]
    assert everything() == before
    answers.append(client.post(good, data=body))
    assert len({(answer.status_code, answer.data, str(answer.headers)) for answer in answers}) == 1


def test_the_trace_never_counts_as_done_however_it_is_judged(client: FlaskClient, somebody: Somebody) -> None:
    """To a simple hook an empty body says "done, now"."""
    made = somebody.connect("simple")
    send(client, somebody, made, LARGEST + 1)
    [row] = stored(somebody)
    assert replay(somebody.parts, row.id).outcome == "quarantined"
    assert replay_all(somebody.parts, ANY).counted == ()
    assert somebody.facts() == []
