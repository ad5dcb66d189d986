"""A feed in trouble: bad requests, a bug in rendering, the store away; no 5xx but 503. Calendar-feed rules 9 and 44."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from calendar_export import feed
from calendar_export.blueprint import Document, Missing
from calendar_export.errors import FeedError
from integration import planning
from integration.errors import StoreUnavailable
from integration.keys import KeyKind
from integration.parts import Parts
from integration.publishing import publish
from integration.publishing.publish import Publisher
from integration.store.engine import Store
from tests.publishing.conftest import ICSX5, TODAY, Subscribed, events, raising

# Headers and methods are judged without the store, so one engine will do.
on_sqlite = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@contextmanager
def store_away(store: Store) -> Iterator[None]:
    """Every connection is gone, and no new one can be made."""

    def refuse(*_told: object) -> NoReturn:
        raise store.engine.dialect.loaded_dbapi.OperationalError("the server is away")

    event.listen(store.engine, "do_connect", refuse)
    store.close()
    try:
        yield
    finally:
        event.remove(store.engine, "do_connect", refuse)


@on_sqlite
@pytest.mark.parametrize(
    "headers",
    [
        {"If-None-Match": '"x",' * 25_000},
        {"If-None-Match": '"' + "x" * 100_000},
        {"If-None-Match": 'junk, W/, "", \''},
        {"If-Modified-Since": "yesterday"},
        {"If-Modified-Since": "Tue, 99 Foo 99999999999999999999 99:99:99 GMT"},
        {"If-Modified-Since": "-1"},
        {"If-Modified-Since": "0" * 100_000},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If-Match": '"x"', "If-Unmodified-Since": "never"},
        {"Range": "bytes=0-10"},
        {"Range": "bytes=9999999-"},
        {"Range": "junk", "If-Range": '"x"'},
        {"Accept-Encoding": "gzip;q=junk, " * 500},
        {"Accept-Encoding": "gzip;q=0"},
        {"User-Agent": "\xe4\xff" * 5_000},
        {"Accept": "nothing/at-all"},
    ],
    ids=lambda headers: "-".join(f"{name}-{value[:12]}" for name, value in headers.items()),
)
def test_any_header_gets_the_whole_calendar(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    answer = client.get(path, headers=headers)
    assert (answer.status_code, answer.data) == (200, client.get(path).data)


@on_sqlite
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "REPORT", "BREW"])
def test_any_other_method_is_405(client: FlaskClient, path: str, method: str) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == 405
    assert {"GET", "HEAD"} <= set(answer.headers["Allow"].replace(",", " ").split())


FORGED: dict[str, Callable[[str, Subscribed], str]] = {
    "another-signature": lambda path, _s: path.replace(".ics", "x.ics"),
    "no-signature": lambda path, _s: path.partition(".")[0] + ".ics",
    "another-kind": lambda _path, s: f"/calendar/{s.parts.keys.key(KeyKind.BADGE, s.feed.key)}.ics",
    "unknown": lambda _path, s: s.parts.links.feed("nobody").removeprefix(s.parts.links.public_url),
    "a-nul": lambda _path, _s: "/calendar/feed_%00.x.ics",
    "not-ascii": lambda _path, _s: "/calendar/feed_%C3%BC%FF.x.ics",
    "long": lambda _path, _s: f"/calendar/feed_{'x' * 100_000}.y.ics",
    "a-folder-up": lambda _path, _s: "/calendar/..%2f..%2fetc%2fpasswd.ics",
}


@on_sqlite
@pytest.mark.parametrize("how", FORGED)
def test_a_key_that_opens_nothing_is_404(client: FlaskClient, path: str, subscribed: Subscribed, how: str) -> None:
    answer = client.get(FORGED[how](path, subscribed))
    assert answer.status_code == 404
    assert subscribed.id not in answer.text


def test_an_unknown_key_is_told_just_what_a_forged_one_is(client: FlaskClient, path: str, parts: Parts) -> None:
    unknown = client.get(parts.links.feed("nobody").removeprefix(parts.links.public_url))
    forged = client.get(path.replace(".ics", "x.ics"))
    assert (unknown.status_code, unknown.data) == (forged.status_code, forged.data)
    assert dict(unknown.headers) == dict(forged.headers)


def test_a_forged_key_costs_no_query(client: FlaskClient, path: str, statements: list[str]) -> None:
    client.get(path.replace(".ics", "x.ics"))
    assert statements == []


@pytest.mark.parametrize("name", ["event_bytes", "document"])
@pytest.mark.parametrize(
    "error", [FeedError("a line of 76 octets"), KeyError("a word of a person")], ids=["check", "bug"]
)
def test_when_rendering_fails_the_last_good_calendar_is_served(
    client: FlaskClient,
    path: str,
    subscribed: Subscribed,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    error: Exception,
) -> None:
    good = client.get(path)
    subscribed.tell()
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(feed, name, raising(error))
        for _ in range(3):
            answer = client.get(path)
            assert (answer.status_code, answer.data) == (200, good.data)
            assert answer.headers["Last-Modified"] == good.headers["Last-Modified"]
        assert client.get(path, headers={"If-None-Match": good.headers["ETag"]}).status_code == 304
    (logged,) = (entry for entry in caplog.records if entry.levelno >= logging.WARNING)
    assert subscribed.feed.id in logged.getMessage()
    assert "a person wrote this" not in caplog.text
    mended = client.get(path)
    assert mended.data.count(b"\r\nSEQUENCE:1\r\n") == 1


def test_a_failure_is_counted_each_time_and_logged_again_only_after_it_was_mended(
    parts: Parts, subscribed: Subscribed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = Publisher(parts.store, parts.keys, parts.links, parts.clock)
    key = parts.keys.key(KeyKind.FEED, subscribed.feed.key)

    def fail(times: int) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(feed, "document", raising(FeedError("a line of 76 octets")))
            for _ in range(times):
                assert isinstance(publisher.find(key, ""), Document)

    publisher.find(key, "")
    for slot in ("morning", "evening"):
        subscribed.tell(slot=slot)
        fail(2)
        publisher.find(key, "")
    assert publisher.failures == {"feed": 4}
    assert len(caplog.records) == 2


def test_a_feed_that_was_never_built_and_cannot_be_is_503(
    client: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(feed, "event_bytes", _broken)
        answer = client.get(path)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get(path).status_code == 200


def test_while_the_store_is_away_no_calendar_is_told_to_go(
    client: FlaskClient, path: str, subscribed: Subscribed, store: Store
) -> None:
    known = {"If-None-Match": client.get(path).headers["ETag"]}
    with store_away(store):
        for headers in ({}, known, {"User-Agent": ICSX5}):
            for method in ("GET", "HEAD"):
                answer = client.open(path, method=method, headers=headers)
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) > 0
                assert "Set-Cookie" not in answer.headers
    assert client.get(path, headers=known).status_code == 304


def test_a_document_that_cannot_be_kept_is_served_all_the_same(
    client: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_told: object) -> NoReturn:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(publish.feeds, "keep", refuse)
        answer = client.get(path)
    assert answer.status_code == 200
    assert answer.data == client.get(path).data


def test_a_pause_for_all_days_leaves_a_notice_and_what_was_done(
    client: FlaskClient, path: str, subscribed: Subscribed, clock: Any
) -> None:
    subscribed.tell()
    planning.pause(subscribed.parts.store, subscribed.id, TODAY - timedelta(days=7), None, clock())
    found = events(feed.check(client.get(path).data))
    assert b"\r\nSUMMARY:Morning stretch \xe2\x9c\x93\r\n" in found[-1]
    assert all(b"DTSTART:202606" not in vevent for vevent in found[:-1])


def test_a_publisher_finds_nothing_under_a_key_of_nobody(parts: Parts) -> None:
    publisher = Publisher(parts.store, parts.keys, parts.links, parts.clock)
    assert publisher.find(parts.keys.key(KeyKind.FEED, "nobody"), "") is Missing.UNKNOWN


_broken = raising(AssertionError("nothing may be rendered now"))
