"""The feed as calendars get it: what two other parsers read in it, and what a poll costs when nothing is new."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from flask import Flask
from flask.testing import FlaskClient
from ical.calendar_stream import IcsCalendarStream
from icalendar import Calendar

from calendar_export import feed
from integration import people
from integration.app import create_app
from integration.keys import Keys
from integration.links import Links
from integration.parts import Parts
from integration.store import feeds
from tests.integration.conftest import TODAY, Somebody, days, said
from webhooks.report import Kind

Get = Callable[..., Any]
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = TODAY - days(TODAY.weekday())


@pytest.fixture
def get(client: FlaskClient, somebody: Somebody) -> Get:
    """Polls the feed of somebody."""
    path = somebody.path(somebody.parts.links.feed(somebody.feed.key))
    return lambda **headers: client.get(path, headers={name.replace("_", "-"): told for name, told in headers.items()})


def events(body: bytes) -> dict[tuple[date, str], Any]:
    """Each event of a document by its day in Berlin and the first word of its title, as icalendar reads it."""
    found = recurring_ical_events.of(Calendar.from_ical(body)).between(date(2000, 1, 1), date(2100, 1, 1))
    keyed = {(e.start.astimezone(BERLIN).date(), str(e["SUMMARY"]).split()[0].lower()): e for e in found}
    assert len(keyed) == len(found)
    return keyed


def summary(body: bytes, uid: str) -> tuple[str, int, int]:
    """Title, SEQUENCE and number of alarms of an event, as `ical` reads it."""
    calendar = IcsCalendarStream.calendar_from_ics(body.decode())
    [found] = [event for event in calendar.events if event.uid == uid]
    return found.summary or "", found.sequence or 0, len(found.alarm)


def test_a_done_session_has_its_tick_and_no_alarm_and_undone_it_has_them_back(
    somebody: Somebody, get: Get, clock: Any
) -> None:
    connection, stamps, seen = somebody.connect(), [], []
    uid = str(events(get().data)[TODAY, "morning"]["UID"])
    for number, kind in enumerate((None, Kind.DONE, Kind.UNDONE, Kind.DONE)):
        clock.move(minutes=1)
        if kind:
            somebody.hear(connection, said(kind, f"event-{number}"))
        body = get().data
        event = events(body)[TODAY, "morning"]
        alarms = len(event.walk("VALARM"))
        assert summary(body, uid) == (event["SUMMARY"], event["SEQUENCE"], alarms)
        assert event["UID"] == uid
        assert event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt
        stamps.append(event["LAST-MODIFIED"].dt)
        seen.append((str(event["SUMMARY"]), event["SEQUENCE"], alarms))
    plain, ticked = "Morning stretch", "Morning stretch ✓"
    assert seen == [(plain, 0, 1), (ticked, 1, 0), (plain, 2, 1), (ticked, 3, 0)]
    assert stamps == sorted(set(stamps))


def test_no_other_event_changes_when_one_session_is_done(somebody: Somebody, get: Get) -> None:
    before = events(get().data)
    somebody.hear(somebody.connect(), said())
    after = events(get().data)
    assert before.keys() == after.keys()
    changed = [key for key in before if before[key].to_ical() != after[key].to_ical()]
    assert changed == [(TODAY, "morning")]


def test_the_window_is_laid_from_monday_with_every_session_once(get: Get) -> None:
    found = sorted({day for day, _ in events(get().data)})
    assert found[0] == date(2026, 6, 1), "nothing before the plan"
    assert found[-1] == MONDAY + timedelta(days=59)
    assert len(found) == 60
    assert len(events(get().data)) == 120


def test_a_poll_that_finds_nothing_new_is_one_statement_and_no_rendering(
    get: Get, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = get().headers["ETag"]
    monkeypatch.setattr(feed, "document", lambda *_: pytest.fail("nothing is rendered"))
    statements.clear()
    assert get(If_None_Match=tag).status_code == 304
    assert [told.partition(" ")[0] for told in statements] == ["SELECT"]


def test_a_stored_document_is_sent_with_two_statements_and_no_rendering(
    get: Get, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = get().data
    monkeypatch.setattr(feed, "document", lambda *_: pytest.fail("nothing is rendered"))
    statements.clear()
    assert get().data == before
    assert [told.partition(" ")[0] for told in statements] == ["SELECT"] * 2


def test_the_tag_is_the_same_until_somebody_does_something(
    somebody: Somebody, get: Get, clock: Any, parts: Parts
) -> None:
    first = get()
    for _ in range(4):
        clock.move(days=1)
        again = get()
        assert (again.headers["ETag"], again.headers["Last-Modified"], again.data) == (
            first.headers["ETag"],
            first.headers["Last-Modified"],
            first.data,
        ), "a missed session is no news"
    path = somebody.path(parts.links.feed(somebody.feed.key))
    assert create_app(parts).test_client().get(path).headers["ETag"] == first.headers["ETag"], "nor is a restart"
    somebody.hear(somebody.connect(), said())
    assert get().headers["ETag"] != first.headers["ETag"]


def test_a_duplicate_and_a_delivery_without_a_session_are_no_news(somebody: Somebody, get: Get, clock: Any) -> None:
    connection = somebody.connect()
    somebody.hear(connection, said())
    tag = get().headers["ETag"]
    clock.move(hours=1)
    somebody.hear(connection, said())
    somebody.hear(connection, said(event="2", slot="noon"))
    somebody.hear(somebody.connect("simple"), said(event="3"))
    assert get(If_None_Match=tag).status_code == 304


def test_the_week_rolls_on_monday_when_the_day_starts_where_the_person_lives(get: Get, clock: Any) -> None:
    tag = get().headers["ETag"]
    clock.now = datetime(2026, 6, 8, 1, 59, 59, tzinfo=UTC)
    assert get(If_None_Match=tag).status_code == 304
    clock.move(seconds=1)
    rolled = get(If_None_Match=tag)
    assert rolled.status_code == 200
    assert max(events(rolled.data))[0] == MONDAY + timedelta(days=66)
    assert get(If_None_Match=rolled.headers["ETag"]).status_code == 304


def test_what_another_person_does_is_no_reason_to_build(
    somebody: Somebody, arrive: Any, get: Get, statements: list[str]
) -> None:
    tag, other = get().headers["ETag"], arrive()
    other.hear(other.connect(), said())
    people.remove(other.parts.store, other.id)
    statements.clear()
    assert get(If_None_Match=tag).status_code == 304
    assert len(statements) == 1


def test_a_done_session_is_in_the_feed_of_the_next_poll(somebody: Somebody, get: Get) -> None:
    tag = get().headers["ETag"]
    somebody.hear(somebody.connect(), said())
    fresh = get(If_None_Match=tag)
    assert fresh.status_code == 200
    assert events(fresh.data)[TODAY, "morning"]["SUMMARY"] == "Morning stretch ✓"


def test_many_first_polls_at_once_are_all_answered_alike(somebody: Somebody, app: Flask) -> None:
    path, ready = somebody.path(somebody.parts.links.feed(somebody.feed.key)), Barrier(8)

    def poll(_: int) -> tuple[int, str]:
        ready.wait()
        answer = app.test_client().get(path)
        return answer.status_code, answer.headers.get("ETag", "")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(poll, range(8)))
    assert {status for status, _ in answers} == {200}
    assert len({tag for _, tag in answers}) == 1


def test_polls_while_sessions_are_reported_end_in_the_newest_document(somebody: Somebody, app: Flask) -> None:
    path, connection = somebody.path(somebody.parts.links.feed(somebody.feed.key)), somebody.connect()
    ready = Barrier(5)

    def poll(_: int) -> set[int]:
        ready.wait()
        return {app.test_client().get(path).status_code for _ in range(10)}

    with ThreadPoolExecutor(4) as pool:
        polling = pool.map(poll, range(4))
        ready.wait()
        for number in range(11):
            somebody.hear(connection, said((Kind.DONE, Kind.UNDONE)[number % 2], f"{number}"))
            somebody.parts.clock.move(seconds=1)
        assert set().union(*polling) == {200}
    last = events(app.test_client().get(path).data)[TODAY, "morning"]
    assert (str(last["SUMMARY"]), last["SEQUENCE"]) == ("Morning stretch ✓", 11)


def test_a_person_deleted_in_the_middle_of_a_poll_ends_in_no_server_error(
    somebody: Somebody, get: Get, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    get()
    body = feeds.gzipped

    def leave(*arguments: Any) -> Any:
        people.remove(parts.store, somebody.id)
        return body(*arguments)

    monkeypatch.setattr(feeds, "gzipped", leave)
    assert get().status_code in (404, 503)
    assert get().status_code == 404


def test_every_event_leads_to_its_own_session(client: FlaskClient, somebody: Somebody, get: Get) -> None:
    found = events(get().data)
    links = [str(event["URL"]) for event in found.values()]
    assert len(set(links)) == len(found)
    for key in ((TODAY, "morning"), (TODAY, "evening"), max(found)):
        page = client.get(somebody.path(str(found[key]["URL"])))
        assert page.status_code == 200
        assert re.search(rf"(?i)<h1[^>]*>[^<]*{key[1]}", page.text), key


def test_after_a_rotation_the_links_in_a_feed_outlive_the_dropped_secret(somebody: Somebody, parts: Parts) -> None:
    """What was stored under the older secret is built anew, so that dropping that secret breaks no calendar."""
    old, new = "an operator's secret of last year, long", "an operator's secret of this year, long"
    for held in ((old,), (new, old), (new,)):
        keys = Keys(held)
        links = Links(parts.links.public_url, keys)
        client = create_app(replace(parts, keys=keys, links=links)).test_client()
        body = client.get(somebody.path(links.feed(somebody.feed.key))).data
        link = str(events(body)[TODAY, "evening"]["URL"])
        assert client.get(somebody.path(link)).status_code == 200, held
