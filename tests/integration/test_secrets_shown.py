"""Nothing secret is shown: in no answer, log or value that is printed (K5), in nothing kept of a delivery (K6)."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from integration import rotation
from integration.connecting.connections import Made
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.inbox.receiving import inbound_of
from integration.outbox import Claim, claim
from integration.parts import Parts
from integration.record import record, tell
from integration.redaction import Redacting
from integration.store import connections as stored
from integration.store.tables import metadata
from tests.integration.conftest import TODAY, Somebody, days
from tests.integration.secretive import (
    CANARIES,
    canaries,
    connect_everything,
    raw,
    worked,
)
from webhooks.report import Incoming


@pytest.fixture
def everyone(somebody: Somebody) -> list[Made]:
    return connect_everything(somebody)


# K5: nothing secret in any stream


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What goes to standard error as `serve` and `worker` set it up."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(Redacting())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def rules(app: Flask) -> list[tuple[str, str, str]]:
    """Every endpoint, with a path that leads to it and a method that it takes."""
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            values = {name: {"filename": "pages.css"}.get(name, "canary-in-the-path") for name in rule.arguments}
            adapter = app.url_map.bind("localhost")
            path = adapter.build(rule.endpoint, values, method=max(rule.methods or {"GET"}))
            found += [(rule.endpoint, path, method) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}]
    return found


class Mistake(Exception):
    """What a library's error looks like: its text quotes what it was given."""


def test_k5_a_500_forced_in_every_handler_shows_no_secret_in_the_answer_or_in_the_log(
    app: Flask, parts: Parts, stream: io.StringIO, everyone: list[Made]
) -> None:
    app.testing = False
    secrets = [
        *canaries(everyone),
        "canary-in-the-path",
        "canary-in-the-body",
        "canary-in-a-header",
        "canary-in-a-query",
    ]

    def forced(**_: Any) -> Any:
        held = secrets  # a secret in a local variable, in the text and in the cause
        try:
            int(held[0])
        except ValueError as error:
            raise Mistake(*held) from error

    wanted, client = rules(app), app.test_client()
    for endpoint in app.view_functions:
        app.view_functions[endpoint] = forced
    for endpoint, path, method in wanted:
        answer = client.open(
            f"{path}?x=canary-in-a-query",
            method=method,
            data={"x": "canary-in-the-body"},
            headers={"Authorization": "Bearer canary-in-a-header", "Cookie": "x=canary-in-a-header"},
        )
        assert answer.status_code == 500, (endpoint, method)
        shown = answer.text + str(answer.headers)
        assert [secret for secret in secrets if secret in shown] == [], endpoint
    logged = stream.getvalue()
    assert len(wanted) >= 30
    assert logged.count("Mistake") >= len(wanted), "the place and the kind are told"
    assert "in forced" in logged
    assert [secret for secret in secrets if secret in logged] == []


def test_k5_with_the_database_failing_beneath_every_handler_no_secret_is_shown(
    app: Flask, parts: Parts, somebody: Somebody, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.testing = False
    page, feed = somebody.path(parts.links.page(somebody.key)), somebody.path(parts.links.feed(somebody.feed.key))
    hook = somebody.path(parts.links.hook("simple", somebody.connect("simple").key or ""))
    asks = [("GET", page), ("GET", feed), ("POST", hook), ("POST", f"{page}/connections"), ("POST", f"{page}/session")]

    quoted = (page, feed, hook, "canary-of-the-driver")

    def forced() -> Any:
        raise Mistake(*quoted)

    monkeypatch.setattr(parts.store, "reading", forced)
    monkeypatch.setattr(parts.store, "writing", forced)
    signed = [
        address.rpartition(".")[2] if address != feed else address.split(".")[-2] for address in (page, feed, hook)
    ]
    for method, path in asks:
        answer = app.test_client().open(path, method=method, json={} if "hooks" in path else None)
        assert answer.status_code in (500, 503), path
        assert [word for word in (*signed, "canary-of-the-driver") if word in answer.text] == []
    assert [word for word in (*signed, "canary-of-the-driver") if word in stream.getvalue()] == []
    assert "Mistake" in stream.getvalue()


def test_k5_no_value_that_holds_a_secret_shows_it_when_it_is_printed(
    parts: Parts, everyone: list[Made], somebody: Somebody
) -> None:
    shown = [repr(request) for request in worked(parts)]
    assert len(shown) > 5
    tell(parts.store, somebody.person, Placed("evening", TODAY - days(1)), FactKind.DONE, parts.clock())
    with parts.store.reading() as db:
        shown += [repr(stored.of(db, somebody.id)), repr(everyone), repr(parts)]
    shown.append(repr(rotation.sealed.Held("c", {"tokens": "gAAAAA"})))
    leased = claim(parts.store, Claim("worker", most=50), parts.clock())
    assert leased
    shown += map(repr, leased)
    text = "\n".join(shown)
    assert "gAAAAA" not in text
    assert [secret for secret in [*canaries(everyone), "for tests only"] if secret in text] == []


# K6: what people are shown of a delivery

HIDDEN = {
    "Authorization": "Bearer canary-of-simple-" + "b" * 20,
    "Cookie": "session=canary-cookie",
    "Set-Cookie": "session=canary-set-cookie",
    "X-Api-Key": "canary-api-key",
    "Proxy-Authorization": "Basic canary-proxy",
    "X-Forwarded-For": "203.0.113.9",
    "Webhook-Signature": "v1,canary-signature",
    "X-Anything": "canary-anything",
}


@pytest.mark.parametrize("body", [{"slot": "morning", "id": "1"}, {"slot": "no such slot", "id": "2"}, b"\xff{"])
def test_k6_of_a_delivery_only_what_judging_again_needs_is_kept_and_shown(
    client: FlaskClient, parts: Parts, somebody: Somebody, body: Any
) -> None:
    made = somebody.connect("simple", bearer=CANARIES["simple"]["bearer"])
    hook = somebody.path(parts.links.hook("simple", made.key or ""))
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    kept = {"Content-Type": "application/json", "webhook-id": "shown-id"}
    assert client.post(f"{hook}?token=canary-query", data=sent, headers=HIDDEN | kept).status_code < 500
    with parts.store.reading() as db:
        [row] = db.execute(select(metadata.tables["deliveries"])).all()
    assert json.loads(row.headers) == {"content-type": "application/json", "webhook-id": "shown-id"}
    page = client.get(somebody.path(parts.links.page(somebody.key))).text
    dump = raw(parts).decode(errors="replace")
    for value in [*HIDDEN.values(), "canary-query"]:
        assert value.rpartition("=")[2].rpartition(" ")[2] not in dump + page, value


def test_k6_headers_are_kept_by_an_allow_list_also_where_a_delivery_is_built_bare(
    parts: Parts, somebody: Somebody
) -> None:
    made = somebody.connect("simple")
    inbound = inbound_of(parts.providers["simple"], made, somebody.person)
    incoming = Incoming({name.lower(): value for name, value in HIDDEN.items()}, b"{}", parts.clock())
    record(parts.store, inbound, incoming, [])
    with parts.store.reading() as db:
        [headers] = db.execute(select(metadata.tables["deliveries"].c.headers)).scalars()
    assert headers == "{}"
