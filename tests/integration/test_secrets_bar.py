"""The bar for secrets, K1 to K8 of webhook-reliability: what no other file proves.

K1 also: test_keys (a stolen database), test_config (a secret that cannot be used). K2 also: test_keys, test_sending.
K3: test_secrets_rotation. K4 also: test_sending, test_connections_out, test_cli_doctor. K5 and K6: test_secrets_shown,
test_redaction, test_hooks_blueprint. K7 also: the lint in test_architecture, and test_signatures, test_hmacs,
test_receiver_bar.
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from integration.app import create_app
from integration.connecting import tokens
from integration.connecting.connections import Made
from integration.connecting.held import opened_secrets
from integration.dispatching import operating, sending
from integration.dispatching.sending import Sender
from integration.errors import ConfigError
from integration.outbox import Claim, claim
from integration.outgoing import Reply, Request
from integration.parts import Parts
from integration.publishing import export
from integration.store import connections as stored
from integration.store import upkeep
from integration.store.dispatches import State
from integration.store.tables import connections as table
from integration.store.tables import documents
from tests.integration.conftest import Somebody
from tests.integration.secretive import (
    CANARIES,
    WRONG,
    canaries,
    connect_everything,
    raw,
    sealed,
    under,
    worked,
)

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def everyone(somebody: Somebody) -> list[Made]:
    return connect_everything(somebody)


# K1: encrypted at rest; the key is nowhere near


def test_k1_no_secret_of_any_service_stands_in_any_byte_of_the_database(
    client: FlaskClient, parts: Parts, somebody: Somebody, everyone: list[Made]
) -> None:
    simple = next(one for one in everyone if one.connection.service == "simple")
    hook = somebody.path(parts.links.hook("simple", simple.connection.key or ""))
    bearer = {"Authorization": f"Bearer {CANARIES['simple']['bearer']}"}
    assert client.post(hook, json={"slot": "morning", "note": "a note of mine"}, headers=bearer).status_code == 200
    client.get(somebody.path(parts.links.feed(somebody.feed.key)))
    worked(parts)
    dump = raw(parts)
    assert b"a note of mine" in dump, "the dump is of the right database"
    assert len(canaries(everyone)) >= 12
    for secret in [*canaries(everyone), "for tests only"]:
        assert secret.encode() not in dump, secret


def test_k1_every_column_that_holds_a_secret_holds_ciphertext(parts: Parts, everyone: list[Made]) -> None:
    with parts.store.reading() as db:
        rows = db.execute(select(table.c.secrets, table.c.tokens)).all()
    texts = [text for row in rows for text in row if text is not None]
    assert len(texts) >= len(everyone)
    assert all(text.startswith("gAAAAA") for text in texts)
    assert len(set(texts)) == len(texts)


# K2: a ciphertext belongs to its row and column


def test_k2_ciphertexts_that_changed_places_are_refused_and_nothing_is_called(
    parts: Parts, everyone: list[Made]
) -> None:
    by_name = {one.connection.service: one.connection.id for one in everyone}
    with parts.store.writing() as db:
        held = {row.id: row for row in db.execute(select(table))}
        for into, source in (("beeminder", "pixela"), ("pixela", "beeminder")):
            db.execute(update(table).where(table.c.id == by_name[into]).values(tokens=held[by_name[source]].tokens))
        both = by_name["vikunja"]
        swapped = {"tokens": held[both].secrets, "secrets": held[both].tokens}
        db.execute(update(table).where(table.c.id == both).values(swapped))
    called, waiting = worked(parts), operating.listing(parts.store, states=[State.WAITING])
    assert {one.connection: one.reason for one in waiting if one.reason == "unsealed"} == dict.fromkeys(
        [by_name["beeminder"], by_name["pixela"]], "unsealed"
    )
    told = " ".join(f"{request.url} {dict(request.headers)}" for request in called)
    assert "beeminder" not in told
    assert "pixe" not in told
    with parts.store.reading() as db:
        found, shown = stored.by_id(db, both), stored.tokens(db, both)
    assert found is not None
    with pytest.raises(ConfigError):
        opened_secrets(parts.keys, found)
    with pytest.raises(ConfigError):
        tokens.opened(parts.keys, both, shown)


def test_k2_documents_that_changed_places_are_never_served(
    app: Flask, parts: Parts, arrive: Callable[..., Somebody]
) -> None:
    one, other = arrive(), arrive()
    app.testing, paths = False, [each.path(parts.links.feed(each.feed.key)) for each in (one, other)]
    for path in paths:
        assert app.test_client().get(path).status_code == 200
    with parts.store.writing() as db:
        held = {row.feed: row.gzipped for row in db.execute(select(documents))}
        for into, source in ((one, other), (other, one)):
            db.execute(update(documents).where(documents.c.feed == into.feed.id).values(gzipped=held[source.feed.id]))
    fresh = create_app(parts).test_client()
    for path, theirs in zip(paths, (other, one), strict=True):
        answer = fresh.get(path)
        assert answer.status_code >= 500
        assert theirs.id.encode() not in answer.data


# K4: a wrong or lost key


@pytest.fixture
def called() -> list[Request]:
    return []


def test_k4_with_a_wrong_key_feed_page_and_receiver_work_sending_pauses_and_nothing_is_overwritten(
    parts: Parts, somebody: Somebody, everyone: list[Made], called: list[Request], caplog: pytest.LogCaptureFixture
) -> None:
    """Addresses are those that the present key signs: one that it did not sign opens nothing, see test_keys."""
    before, wrong = sealed(parts), under(parts, WRONG)
    client = create_app(wrong).test_client()
    hooks = {
        one.connection.service: wrong.links.hook(one.connection.service, one.connection.key or "") for one in everyone
    }
    assert client.get(somebody.path(wrong.links.page(somebody.key))).status_code == 200
    assert client.get(somebody.path(wrong.links.feed(somebody.feed.key))).status_code == 200
    said = json.loads((SAMPLES / "habitica" / "daily_up.json").read_text())["body"]
    taken = client.post(somebody.path(hooks["habitica"]), json=said)
    assert taken.status_code == 200, "it has no secret that would have to be opened"
    kept = client.post(somebody.path(hooks["simple"]), json={"slot": "morning"})
    assert (kept.status_code, bool(kept.headers["Retry-After"])) == (503, True), "its sender comes again"
    worked(wrong, called)
    assert called == []
    waiting = [one for one in operating.listing(parts.store) if one.state is State.WAITING]
    paused = {one.connection for one in waiting if one.reason == "unsealed"}
    assert len(paused) >= 6
    assert paused == {one.connection for one in waiting}, "what follows in a queue waits behind the first"
    assert {one.attempts for one in waiting} == {0}
    assert "sending to it pauses" in caplog.text, "the alarm"
    assert [row for row in sealed(parts) if not isinstance(row[1], bytes)] == [
        row for row in before if not isinstance(row[1], bytes)
    ]


def test_k4_once_the_key_is_back_all_that_waited_goes_out(
    parts: Parts, somebody: Somebody, everyone: list[Made], called: list[Request], clock: Any
) -> None:
    worked(under(parts, WRONG), called)
    waiting = {one.key for one in operating.listing(parts.store, states=[State.WAITING])}
    clock.move(minutes=6)
    door = Sender(parts.keys, parts.services, lambda request: called.append(request) or Reply(200, {}, b"{}"))
    for leased in claim(parts.store, Claim("worker", most=50), clock()):
        assert leased.dispatch.key in waiting
        door.send(leased, clock())
    assert len({request.url for request in called}) >= 3


def test_k4_with_a_wrong_key_no_form_or_command_changes_what_is_sealed(
    parts: Parts, somebody: Somebody, everyone: list[Made]
) -> None:
    before, wrong = sealed(parts), under(parts, WRONG)
    client, page = create_app(wrong).test_client(), somebody.path(wrong.links.page(somebody.key))
    for one in everyone:
        place = f"{page}/connections/{one.connection.id}"
        for what in ("", "/rotate", "/check", "/habits"):
            answer = client.post(f"{place}{what}", data={"label": "x", "token": "another-canary"})
            assert answer.status_code in (200, 422), what
        assert client.get(place).status_code == 200
    assert sealed(parts) == before


# K7: compared in constant time, as bytes


@pytest.mark.parametrize("service", ["simple", "standard", "todoist", "vikunja"])
@pytest.mark.parametrize("junk", ["\xfc" * 24, "Bearer \xfc\xff", "v1,\xe9", "sha256=\xff", "\x80"])
def test_k7_a_proof_that_is_not_ascii_is_refused_and_nothing_worse(
    client: FlaskClient, parts: Parts, somebody: Somebody, service: str, junk: str
) -> None:
    made = somebody.connect(service, **CANARIES[service])
    names = ("Authorization", "Webhook-Signature", "Webhook-Id", "Webhook-Timestamp", "X-Todoist-Hmac-SHA256")
    headers = [(name, junk) for name in (*names, "X-Vikunja-Signature", "X-Webhook-Token", "Svix-Signature")]
    hook = somebody.path(parts.links.hook(service, made.key or ""))
    answer = client.post(hook, data=b'{"secret": "\xc3\xbc"}', headers=headers, content_type="application/json")
    assert answer.status_code in (400, 401)
    assert somebody.facts() == []


# K8: shown once


def test_k8_a_secret_is_shown_when_it_is_made_and_never_again(
    client: FlaskClient, parts: Parts, somebody: Somebody
) -> None:
    page = somebody.path(parts.links.page(somebody.key))
    shown = client.post(f"{page}/connections", data={"service": "standard", "url": "https://example.org/h"}).text
    with parts.store.reading() as db:
        [made] = stored.of(db, somebody.id)
    [secret] = opened_secrets(parts.keys, made, parts.clock())
    assert secret in shown
    place = f"{page}/connections/{made.id}"
    later = [client.get(path).text for path in (page, place, f"{page}?said=saved", f"{place}?said=saved")]
    later += [client.post(f"{place}/{what}").text for what in ("check", "habits", "register")]
    later += [client.post(place, data={"label": "x"}).text, client.get(place).text]
    assert not any(secret.removeprefix("whsec_") in text for text in later)
    rotated = client.post(f"{place}/rotate").text
    assert secret not in rotated
    with parts.store.reading() as db:
        fresh = opened_secrets(parts.keys, stored.of(db, somebody.id)[0], parts.clock())[0]
    assert fresh in rotated
    assert fresh not in client.get(place).text + client.get(page).text


@ON_SQLITE
def test_k8_a_backup_holds_ciphertext_only_and_opens_with_the_key(
    client: FlaskClient, parts: Parts, somebody: Somebody, everyone: list[Made], tmp_path: Path
) -> None:
    client.get(somebody.path(parts.links.feed(somebody.feed.key)))
    copy = tmp_path / "copy.sqlite3"
    upkeep.backup(parts.store, copy)
    dump = copy.read_bytes()
    assert [secret for secret in [*canaries(everyone), "for tests only"] if secret.encode() in dump] == []
    with closing(sqlite3.connect(copy)) as db:
        rows = db.execute("SELECT id, tokens FROM connections WHERE tokens IS NOT NULL").fetchall()
    assert all(tokens.opened(parts.keys, connection, text) for connection, text in rows)
    assert len(rows) >= 9


def test_k8_an_exported_calendar_holds_no_key_and_no_secret(
    parts: Parts, somebody: Somebody, everyone: list[Made]
) -> None:
    exported = export.one_off(parts.store, somebody.id, parts.clock()).replace(b"\r\n ", b"").decode()
    assert "BEGIN:VEVENT" in exported
    addresses = ["/me/", "/session/", "/hooks/", "/calendar/", somebody.key, somebody.feed.key]
    assert [word for word in [*canaries(everyone), *addresses] if word in exported] == []


def test_the_clock_moves_far_enough_for_a_paused_message(clock: Any) -> None:
    assert timedelta(seconds=sending.LOOK_AGAIN) < timedelta(minutes=6)
