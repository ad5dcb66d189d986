"""A feed on the running app: what polls cost and get, and its end in two steps. Calendar-feed rules 40 to 47."""

import gzip
import hashlib
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from calendar_export import clients, feed
from integration import planning
from integration.publishing import feeds
from integration.store import feeds as stored_feeds
from tests.publishing.conftest import ICSX5, Subscribed, events, raising, unfolded

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
TOMORROW, JOURNEY = date(2026, 6, 3), date(2026, 6, 4)
PERSONAL = re.compile(r"stretch|morning|evening|pain|breathe|done|session|https?:", re.IGNORECASE)


def starts(vevent: bytes) -> datetime:
    found = re.search(rb"\r\nDTSTART:(\d{8}T\d{6})Z\r\n", vevent)
    assert found
    return datetime.strptime(found[1].decode(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def test_the_default_feed_needs_less_than_900_bytes_an_event(client: FlaskClient, path: str) -> None:
    body = client.get(path).data
    assert len(events(body)) == 148
    assert len(body) / len(events(body)) < 900


def test_head_says_what_get_says_without_the_body(client: FlaskClient, path: str) -> None:
    for headers in ({}, {"Accept-Encoding": "gzip"}):
        got, asked = client.get(path, headers=headers), client.head(path, headers=headers)
        assert (asked.status_code, asked.data) == (200, b"")
        assert dict(asked.headers) == dict(got.headers)
        assert asked.headers["Content-Length"] == str(len(got.data))


def test_the_compressed_body_is_the_plain_one_and_both_tags_revalidate(client: FlaskClient, path: str) -> None:
    plain, packed = client.get(path), client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert plain.headers["ETag"] != packed.headers["ETag"]
    for tag in (plain.headers["ETag"], packed.headers["ETag"]):
        for encoding in ("gzip", "identity"):
            again = client.get(path, headers={"If-None-Match": tag, "Accept-Encoding": encoding})
            assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)


def test_the_tag_is_the_hash_of_the_bytes(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["ETag"].strip('"') == hashlib.sha256(answer.data).hexdigest()[:32]


def test_an_unchanged_poll_costs_one_statement_and_renders_nothing(
    client: FlaskClient, path: str, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get(path, headers={"User-Agent": ICSX5})
    for name in ("event_bytes", "document", "render"):
        monkeypatch.setattr(feed, name, _broken)
    known = {"If-None-Match": first.headers["ETag"], "User-Agent": ICSX5}
    for encoding in ("gzip", "identity"):
        statements.clear()
        assert client.get(path, headers=known | {"Accept-Encoding": encoding}).status_code == 304
        assert len(statements) == 1
    statements.clear()
    assert client.get(path, headers={"User-Agent": BROWSER}).data == first.data
    assert len(statements) == 2  # the poll, and the bytes


def test_a_completion_changes_one_event_and_nothing_else(
    client: FlaskClient, path: str, subscribed: Subscribed, clock: Any
) -> None:
    before = client.get(path)
    clock.move(minutes=1)
    subscribed.tell()
    after = client.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    changed = [(a, b) for a, b in zip(events(before.data), events(after.data), strict=True) if a != b]
    assert len(changed) == 1
    assert b"\r\nSEQUENCE:1\r\n" in changed[0][1]
    assert after.data.replace(changed[0][1], changed[0][0]) == before.data
    assert after.headers["Last-Modified"] == "Tue, 02 Jun 2026 20:31:00 GMT"


def test_a_completion_costs_one_rendered_event(
    client: FlaskClient, path: str, subscribed: Subscribed, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get(path)
    rendered, render = list[str](), feed.event_bytes
    monkeypatch.setattr(feed, "event_bytes", lambda look, entry: rendered.append(entry.uid) or render(look, entry))
    subscribed.tell()
    assert client.get(path).status_code == 200
    assert rendered == [f"{subscribed.id}-20260602-morning@turntwice"]


def test_no_answer_sets_a_cookie_or_offers_a_download(client: FlaskClient, path: str, subscribed: Subscribed) -> None:
    answers = [client.get(path), client.get("/calendar/feed_x.y.ics"), client.post(path)]
    answers.append(client.get(path, headers={"If-None-Match": answers[0].headers["ETag"]}))
    subscribed.revoke()
    answers.append(client.get(path))
    assert [answer.status_code for answer in answers] == [200, 404, 405, 304, 200]
    for answer in answers:
        assert not {"Set-Cookie", "Content-Disposition"} & set(answer.headers.keys())


def test_the_client_that_fetched_last_is_noted_and_a_browser_is_not(
    client: FlaskClient, path: str, subscribed: Subscribed, clock: Any
) -> None:
    client.get(path, headers={"User-Agent": BROWSER})
    assert (subscribed.as_stored().fetched_by, subscribed.as_stored().fetched_at) == (None, None)
    client.get(path, headers={"User-Agent": ICSX5})
    fetched_at = clock()
    clock.move(hours=3)
    client.get(path, headers={"User-Agent": BROWSER})
    assert (subscribed.as_stored().fetched_by, subscribed.as_stored().fetched_at) == (clients.ICSX5, fetched_at)


def test_who_fetched_is_written_at_most_once_a_minute(
    client: FlaskClient, path: str, subscribed: Subscribed, clock: Any, statements: list[str]
) -> None:
    agents = {"User-Agent": ICSX5}
    client.get(path, headers=agents)
    statements.clear()
    for _ in range(5):
        clock.move(seconds=10)
        client.get(path, headers=agents)
    assert not any(statement.startswith("UPDATE") for statement in statements)
    clock.move(seconds=10)
    client.get(path, headers=agents)
    assert subscribed.as_stored().fetched_at == clock()


def test_a_revoked_feed_is_one_notice_without_anything_personal(
    client: FlaskClient, path: str, subscribed: Subscribed
) -> None:
    client.get(path)
    subscribed.tell()
    subscribed.revoke()
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert len(events(feed.check(answer.data))) == 1
    assert feed.ENDED_TITLE in unfolded(answer)
    assert subscribed.id not in answer.text
    assert not PERSONAL.search(unfolded(answer))
    assert "BEGIN:VALARM" not in answer.text


def test_the_notice_is_revalidated_and_compressed_like_any_calendar(
    client: FlaskClient, path: str, subscribed: Subscribed, clock: Any
) -> None:
    old = client.get(path).headers["ETag"]
    subscribed.revoke()
    plain = client.get(path, headers={"If-None-Match": old})
    assert plain.status_code == 200
    clock.move(days=3)
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.data) == plain.data
    for answer in (plain, packed):
        assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_after_fourteen_days_a_revoked_feed_is_gone_for_good(
    client: FlaskClient, path: str, subscribed: Subscribed, clock: Any
) -> None:
    tag = client.get(path).headers["ETag"]
    subscribed.revoke()
    clock.move(days=13, hours=23, minutes=59)
    assert client.get(path).status_code == 200
    clock.move(minutes=1)
    for headers in ({}, {"If-None-Match": tag}, {"If-None-Match": "*"}):
        assert client.get(path, headers=headers).status_code == 410
    clock.move(days=4000)
    assert client.get(path).status_code == 410


def test_the_links_of_a_revoked_feed_die_at_once(client: FlaskClient, path: str, subscribed: Subscribed) -> None:
    assert client.get(subscribed.session()).status_code == 200
    subscribed.revoke()
    assert client.get(subscribed.session()).status_code == 404
    assert client.post(subscribed.session(), data={"action": "done"}).status_code == 404


def test_the_bytes_of_a_revoked_feed_are_no_longer_kept(client: FlaskClient, path: str, subscribed: Subscribed) -> None:
    client.get(path)
    subscribed.revoke()
    with subscribed.parts.store.reading() as db:
        assert stored_feeds.gzipped(db, subscribed.feed.id) is None


def test_a_rotated_feed_lives_on_under_its_new_address_only(
    client: FlaskClient, path: str, subscribed: Subscribed, clock: Any
) -> None:
    uids = re.findall(rb"\r\nUID:.+\r\n", client.get(path).data)
    fresh = replace(subscribed, feed=feeds.rotate(subscribed.parts.store, subscribed.feed.id, clock()))
    answer = client.get(fresh.path)
    assert re.findall(rb"\r\nUID:.+\r\n", answer.data)[1:] == uids[1:]
    assert feed.ENDED_TITLE in unfolded(client.get(path))
    assert client.get(subscribed.session()).status_code == 404
    assert client.get(fresh.session()).status_code == 200


def test_another_feed_of_the_same_person_does_not_notice(
    client: FlaskClient, path: str, subscribed: Subscribed
) -> None:
    other = replace(
        subscribed, feed=feeds.add(subscribed.parts.store, subscribed.id, "Partner", {}, subscribed.parts.clock())
    )
    before = client.get(other.path)
    subscribed.revoke()
    assert client.get(other.path, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304


def test_a_move_to_a_zone_of_the_same_clock_renames_the_zone_and_nothing_else(
    client: FlaskClient, path: str, subscribed: Subscribed, clock: Any
) -> None:
    before = client.get(path).data
    planning.move(subscribed.parts.store, subscribed.id, "Europe/Paris", clock())
    after = client.get(path).data
    assert after == before.replace(b"X-WR-TIMEZONE:Europe/Berlin", b"X-WR-TIMEZONE:Europe/Paris") != before


def test_a_journey_far_to_the_east_moves_nothing_that_is_past(
    client: FlaskClient, path: str, subscribed: Subscribed, clock: Any
) -> None:
    planning.move(subscribed.parts.store, subscribed.id, "Pacific/Honolulu", clock())
    clock.move(hours=18)
    subscribed.tell(slot="morning", day=TOMORROW)
    before = events(client.get(path).data)
    clock.move(hours=15)  # 19:30 on 3 June in Honolulu: in Kiritimati the 4th began long ago
    planning.travel(subscribed.parts.store, subscribed.id, "Pacific/Kiritimati", JOURNEY, JOURNEY, clock())
    after = events(client.get(path).data)
    past = [vevent for vevent in before if starts(vevent) < clock()]
    assert len(past) > 30
    assert [vevent for vevent in after if starts(vevent) < clock()] == past


_broken = raising(AssertionError("nothing may be rendered now"))
