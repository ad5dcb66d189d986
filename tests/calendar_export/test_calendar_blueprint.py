"""GET the feed: what calendars are told, and what a poll that finds nothing new costs."""

import gzip
from datetime import UTC, datetime

import pytest
from flask import Flask

from calendar_export.blueprint import Document, Missing, create

BODY = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
GZIPPED = gzip.compress(BODY, mtime=0)
CHANGED = datetime(2026, 6, 2, 5, 30, 12, 700_000, tzinfo=UTC)
HTTP_CHANGED = "Tue, 02 Jun 2026 05:30:12 GMT"
PLAIN, PACKED = '"abc123"', '"abc123-gzip"'
PATH = "/calendar/feed_k.sig-nature.ics"


class Shelf:
    """One feed under one key; counts what was read and by whom."""

    def __init__(self):
        self.read = []
        self.agents = []

    def find(self, key, agent):
        self.agents.append(agent)
        if key == "feed_ended.sig":
            return Missing.GONE
        if key != "feed_k.sig-nature":
            return Missing.UNKNOWN
        return Document("abc123", CHANGED, self.give("plain", BODY), self.give("gzip", GZIPPED))

    def give(self, name, body):
        def fetch():
            self.read.append(name)
            return body

        return fetch


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def client(shelf):
    app = Flask(__name__)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.secret_key = "so that a cookie could be set"
    app.register_blueprint(create(shelf))
    return app.test_client()


def test_a_first_poll_gets_the_whole_calendar(client, shelf):
    answer = client.get(PATH, headers={"User-Agent": "CalendarAgent/1"})
    assert (answer.status_code, answer.data) == (200, BODY)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["ETag"] == PLAIN
    assert answer.headers["Last-Modified"] == HTTP_CHANGED
    assert answer.headers["Content-Length"] == str(len(BODY))
    assert shelf.agents == ["CalendarAgent/1"]


def test_every_answer_keeps_caches_robots_and_referrers_out(client):
    for headers in ({}, {"If-None-Match": PLAIN}):
        answer = client.get(PATH, headers=headers)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers
        assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize("accept", ["text/calendar", "*/*", "application/json", "text/html;q=0.1", "junk,,;"])
def test_any_accept_header_gets_the_calendar(client, accept):
    assert client.get(PATH, headers={"Accept": accept}).data == BODY


def test_a_head_has_the_headers_and_no_body(client):
    full, head = client.get(PATH), client.head(PATH)
    assert head.data == b""
    assert dict(head.headers) == dict(full.headers)


@pytest.mark.parametrize(
    "tag",
    [
        PLAIN,
        PACKED,
        f"W/{PLAIN}",
        f"W/{PACKED}",
        f'"old", {PLAIN}',
        f'W/"old",W/{PLAIN} ,"older"',
        "*",
        " * ",
    ],
)
def test_a_poll_with_the_tag_reads_no_body(client, shelf, tag):
    answer = client.get(PATH, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data, shelf.read) == (304, b"", [])
    assert "Content-Type" not in answer.headers
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("accepted, ours", [("", PLAIN), ("gzip", PACKED)])
def test_a_304_names_the_copy_that_the_client_holds(client, accepted, ours):
    for known in (PLAIN, PACKED):
        answer = client.get(PATH, headers={"If-None-Match": known, "Accept-Encoding": accepted})
        assert (answer.status_code, answer.headers["ETag"]) == (304, known)
    anything = client.get(PATH, headers={"If-None-Match": "*", "Accept-Encoding": accepted})
    assert anything.headers["ETag"] == ours


@pytest.mark.parametrize(
    "tag",
    ["", '""', '"abc12"', '"abc1234"', '"xabc123"', "abc123", "'abc123'", '"ABC123"', '"*"', "W/", ",", '"abc123'],
)
def test_any_other_tag_gets_the_calendar(client, tag):
    assert client.get(PATH, headers={"If-None-Match": tag}).data == BODY


@pytest.mark.parametrize(
    "date",
    [HTTP_CHANGED, "Tue, 02 Jun 2026 05:30:13 GMT", "Tuesday, 02-Jun-26 05:30:12 GMT", "Tue Jun  2 05:30:12 2026"],
)
def test_a_poll_with_the_date_of_the_last_change_or_later_reads_no_body(client, shelf, date):
    answer = client.get(PATH, headers={"If-Modified-Since": date})
    assert (answer.status_code, shelf.read) == (304, [])


def test_an_earlier_date_gets_the_calendar(client):
    answer = client.get(PATH, headers={"If-Modified-Since": "Tue, 02 Jun 2026 05:30:11 GMT"})
    assert answer.data == BODY


@pytest.mark.parametrize("tag", ['"stale"', ""])
def test_the_tag_is_asked_before_the_date(client, tag):
    answer = client.get(PATH, headers={"If-None-Match": tag, "If-Modified-Since": HTTP_CHANGED})
    assert answer.status_code == 200
    answer = client.get(PATH, headers={"If-None-Match": PLAIN, "If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"})
    assert answer.status_code == 304


@pytest.mark.parametrize(
    "accepted", ["gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=1", "deflate, gzip"]
)
def test_a_client_that_takes_gzip_gets_it_with_a_tag_of_its_own(client, shelf, accepted):
    answer = client.get(PATH, headers={"Accept-Encoding": accepted})
    assert gzip.decompress(answer.data) == BODY
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["ETag"] == PACKED
    assert answer.headers["Content-Length"] == str(len(GZIPPED))
    assert shelf.read == ["gzip"]


@pytest.mark.parametrize(
    "accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br", "*;q=1, gzip;q=0", "x" * 5000]
)
def test_a_client_that_does_not_take_gzip_gets_it_plain(client, shelf, accepted):
    answer = client.get(PATH, headers={"Accept-Encoding": accepted})
    assert (answer.data, shelf.read) == (BODY, ["plain"])
    assert "Content-Encoding" not in answer.headers


JUNK = [
    "x" * 100_000,
    '"' * 100_000,
    " " * 100_000,
    ", " * 50_000,
    'W/"' * 33_000,
    ";q=" * 33_000,
    "gzip;q=" * 100,
    "gzip;q=nan;;=",
    "bytes=0-5",
    "bytes=9999999999999999999999-",
    "Tue, 99 Foo 99999 99:99:99 GMT",
    "Tue, 02 Jun 99999999999999999999 05:30:12 GMT",
    "Mon, 01 Jan 0000 00:00:00 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "99999999999999999999 Jun a 12.5 +0200",
    "0",
    "\xff\xfe",
    "=?utf-8?q?=",
]
HEADERS = ["If-None-Match", "If-Modified-Since", "Range", "If-Range", "If-Match", "Accept-Encoding", "Accept"]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: repr(junk[:12]))
@pytest.mark.parametrize("name", HEADERS)
def test_a_header_of_junk_gets_the_whole_calendar(client, name, junk):
    answer = client.get(PATH, headers={name: junk})
    whole = gzip.decompress(answer.data) if "Content-Encoding" in answer.headers else answer.data
    assert (answer.status_code, whole) == (200, BODY)


@pytest.mark.parametrize(
    "name, value", [("If-Modified-Since", HTTP_CHANGED + " " * 100), ("Accept-Encoding", "gzip;q=1" + ", x" * 1000)]
)
def test_a_header_longer_than_any_client_sends_is_not_parsed(client, name, value):
    assert client.get(PATH, headers={name: value}).data == BODY


@pytest.mark.parametrize("path", ["/calendar/feed_other.sig.ics", "/calendar/.ics.ics", "/calendar/%00%ff.ics"])
def test_an_unknown_key_is_told_nothing(client, shelf, path):
    answer = client.get(path, headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.data) == (404, b"No calendar here.\n")
    assert "ETag" not in answer.headers
    assert shelf.read == []


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_other_methods_are_refused_and_change_nothing(client, shelf, method):
    answer = getattr(client, method)(PATH)
    assert answer.status_code == 405
    assert {"GET", "HEAD"} <= set(answer.headers["Allow"].split(", "))
    assert (shelf.read, shelf.agents) == ([], [])


def test_trouble_in_the_store_is_left_to_the_app(client, shelf):
    shelf.agents = None
    with pytest.raises(AttributeError):
        client.get(PATH)


def test_an_ended_feed_is_gone_and_an_unknown_one_not_found(client):
    assert client.get("/calendar/feed_ended.sig.ics").status_code == 410
    assert client.get("/calendar/feed_other.sig.ics").status_code == 404
