"""The app as a whole: what it answers when the store is away or a mistake is in it, and that no key reaches a log."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text

from integration import record, status
from integration.app import create_app
from integration.keys import KeyKind
from integration.parts import Parts
from integration.publishing.publish import Publisher
from integration.store import engine, quick
from integration.store.engine import Store
from tests.integration.conftest import TODAY, Somebody

ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
Ask = Callable[[FlaskClient], Any]
PLAN = {"zone": "Europe/Berlin", "morning": "07:00", "evening": "22:00"}


@pytest.fixture
def asks(somebody: Somebody, session_path: str) -> dict[str, Ask]:
    """A request to every door that needs the store."""
    links = somebody.parts.links
    page, feed = somebody.path(links.page(somebody.key)), somebody.path(links.feed(somebody.feed.key))
    connection = somebody.connect("simple", bearer="b" * 24)
    hook = somebody.path(links.hook("simple", connection.key or ""))
    bearer, told = {"Authorization": "Bearer " + "b" * 24}, {"date": str(TODAY), "slot": "evening", "action": "done"}
    return {
        "feed": lambda client: client.get(feed),
        "hook": lambda client: client.post(hook, headers=bearer, json={"slot": "morning"}),
        "hook, unreadable": lambda client: client.post(hook, headers=bearer, data="{", content_type="application/json"),
        "page": lambda client: client.get(page),
        "page, a button": lambda client: client.post(f"{page}/session", data=told),
        "page, a service": lambda client: client.post(f"{page}/connections", data={"service": "habitica"}),
        "session": lambda client: client.get(session_path),
        "session, a button": lambda client: client.post(session_path, data={"action": "done"}),
        "a plan": lambda client: client.post("/", data=PLAN),
        "readiness": lambda client: client.get("/readyz"),
    }


WRITES = {"hook", "hook, unreadable", "page, a button", "page, a service", "a plan"}
NAMES = [*sorted(WRITES), "feed", "page", "session", "session, a button", "readiness"]


def unavailable(answer: Any) -> bool:
    return bool(answer.status_code == 503 and answer.headers["Retry-After"].isdigit())


@pytest.fixture
def away(parts: Parts, dialect: str, tmp_path: Path) -> Iterator[FlaskClient]:
    """The same app when its database is gone."""
    gone = tmp_path / "gone"
    url = f"sqlite:///{gone}/t.sqlite3" if dialect == "sqlite" else f"postgresql+psycopg://postgres@/t?host={gone}"
    store = Store(url)
    yield create_app(replace(parts, store=store)).test_client()
    store.close()


@pytest.mark.parametrize("name", NAMES)
def test_without_its_database_every_door_asks_to_come_back(
    away: FlaskClient, asks: dict[str, Ask], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = asks[name](away)
    assert unavailable(answer)
    assert "Traceback" not in answer.text + caplog.text
    assert "SELECT" not in answer.text + caplog.text
    if name != "readiness":
        assert "cannot be used now" in caplog.text, "the operator is told"


def test_what_needs_no_database_is_served_without_one(away: FlaskClient) -> None:
    assert [away.get(path).status_code for path in ("/", "/healthz", "/robots.txt")] == [200, 200, 200]
    assert away.get("/me/forged").status_code == 404
    assert away.get("/calendar/forged.ics").status_code == 404
    assert away.post("/hooks/simple/forged").status_code == 404


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is waited for 20 ms, by connections opened from now on."""
    monkeypatch.setitem(engine.PRAGMAS, "busy_timeout", "20")


@ON_SQLITE
@pytest.mark.parametrize("name", sorted({*WRITES, "session, a button"}))
def test_while_another_process_holds_the_lock_a_write_asks_to_come_back_and_then_works(
    impatient: None, client: FlaskClient, asks: dict[str, Ask], parts: Parts, name: str, everything: Callable[[], Any]
) -> None:
    before = everything()
    with closing(sqlite3.connect(parts.store.engine.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert unavailable(asks[name](client))
    assert everything() == before
    assert asks[name](client).status_code < 500
    assert everything() != before


@ON_SQLITE
def test_while_another_process_holds_the_lock_looking_still_works(
    impatient: None, client: FlaskClient, asks: dict[str, Ask], parts: Parts
) -> None:
    with closing(sqlite3.connect(parts.store.engine.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for name in ("feed", "page", "session", "readiness"):
            assert asks[name](client).status_code == 200, name


@ON_SQLITE
@pytest.mark.parametrize("name", sorted({*WRITES, "session, a button"}))
def test_on_a_database_that_may_only_be_read_a_write_asks_to_come_back(
    client: FlaskClient, asks: dict[str, Ask], parts: Parts, name: str
) -> None:
    event.listen(parts.store.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA query_only = ON"))
    parts.store.close()  # the next connections are new ones
    assert unavailable(asks[name](client))


def test_a_database_that_is_not_migrated_is_not_ready(client: FlaskClient, parts: Parts) -> None:
    assert client.get("/readyz").status_code == 200
    with parts.store.writing() as db:
        held = db.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        db.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = client.get("/readyz")
    with parts.store.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = :held"), {"held": held})
    assert (answer.status_code, answer.text) == (503, "migrate\n")


def test_no_answer_may_be_framed_indexed_sniffed_or_give_its_address_away(
    client: FlaskClient, asks: dict[str, Ask]
) -> None:
    for ask in (*asks.values(), *(lambda client, path=path: client.get(path) for path in ("/healthz", "/nothing"))):
        headers = ask(client).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] in ("no-referrer", "same-origin")
        assert headers["X-Robots-Tag"] == "noindex"
        assert "Set-Cookie" not in headers


@pytest.mark.parametrize("size", [16 * 1024 + 1, 1024 * 1024])
def test_a_form_that_is_too_large_is_refused_and_a_hook_has_its_own_limit(
    client: FlaskClient, asks: dict[str, Ask], somebody: Somebody, size: int
) -> None:
    page = somebody.path(somebody.parts.links.page(somebody.key))
    assert client.post(f"{page}/session", data={"action": "x" * size}).status_code == 413
    assert client.post("/", data={"zone": "x" * size}).status_code == 413


def keys_of(somebody: Somebody, session_path: str) -> list[str]:
    """What must never stand in a log: the random part and the signature of every key."""
    key, parts = somebody.parts.keys.key, somebody.parts
    with parts.store.reading() as db:
        hooks = db.execute(text("SELECT key FROM connections")).scalars().all()
    issued = [key(KeyKind.ME, somebody.key), key(KeyKind.FEED, somebody.feed.key), session_path.rpartition("/")[2]]
    issued += [key(KeyKind.HOOK, random) for random in hooks]
    return [part for one in issued for part in one.partition("_")[2].split(".")] + ["b" * 24]


def leaked(text: str, secrets: list[str]) -> list[str]:
    return [secret for secret in secrets if secret in text]


def test_no_key_and_no_secret_reaches_a_log_at_any_door(
    client: FlaskClient,
    away: FlaskClient,
    asks: dict[str, Ask],
    somebody: Somebody,
    session_path: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    for ask in asks.values():
        ask(client)
        ask(away)
    for part in keys_of(somebody, session_path):
        for path in (f"/me/{part}", f"/calendar/{part}.ics", f"/session/{part}", f"/hooks/simple/{part}"):
            client.get(path)
            client.post(path, data="{", content_type="application/json")
    printed = "".join(capfd.readouterr())
    assert leaked(caplog.text + printed, keys_of(somebody, session_path)) == []


@pytest.mark.parametrize("name", ["feed", "hook", "page", "page, a button", "session, a button"])
def test_a_mistake_of_ours_is_logged_without_the_address_that_it_happened_at(
    app: Flask,
    asks: dict[str, Ask],
    somebody: Somebody,
    session_path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a mistake")

    for place, function in ((Publisher, "find"), (record, "enter"), (record, "tell"), (status, "read")):
        monkeypatch.setattr(place, function, fail)
    app.testing = False
    answer = asks[name](app.test_client())
    assert answer.status_code == 500
    assert "ZeroDivisionError" in caplog.text, "the operator is told what and where"
    assert leaked(caplog.text + answer.text, keys_of(somebody, session_path)) == []
    assert "Traceback" not in answer.text


def test_a_statement_that_fails_is_logged_without_its_values(
    app: Flask,
    asks: dict[str, Ask],
    somebody: Somebody,
    session_path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def rename(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        return statement.replace("FROM ", "FROM no_"), parameters

    event.listen(somebody.parts.store.engine, "before_cursor_execute", rename, retval=True)
    compiled = quick._compiled
    monkeypatch.setattr(quick, "_compiled", lambda *asked: rename(None, None, *compiled(*asked)))
    app.testing = False
    answers = [asks[name](app.test_client()) for name in ("feed", "hook", "page", "session")]
    event.remove(somebody.parts.store.engine, "before_cursor_execute", rename)
    monkeypatch.undo()
    assert {answer.status_code for answer in answers} <= {500, 503}
    said = caplog.text + "".join(answer.text for answer in answers)
    assert leaked(said, keys_of(somebody, session_path)) == []
