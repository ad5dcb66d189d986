"""The page that says where to click: its addresses, its clients, and what they will show of this person's feeds."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from calendar_export.clients import CLIENTS
from integration import people
from integration.app import create_app
from integration.keys import KeyKind
from integration.links import Links
from integration.pages.answers import POLICY
from integration.parts import Parts
from integration.publishing import feeds
from integration.store import feeds as stored


@pytest.fixture
def dialect() -> str:
    """What it asks of the store is tried on both engines by the store's own tests."""
    return "sqlite"


def text(html: str) -> str:
    """What is read: tags away, entities and spaces plain."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def section(html: str, name: str) -> str:
    found = re.search(rf'<section[^>]*aria-labelledby="{name}">(.*?)</section>', html, re.DOTALL)
    assert found, name
    return found[1]


@pytest.fixture
def html(client: FlaskClient, somebody: Any) -> str:
    response = client.get(f"{somebody.page}/subscribe")
    assert response.status_code == 200
    return response.text


def test_the_address_comes_to_be_copied_first_then_opened_then_scanned(html: str, somebody: Any) -> None:
    links, card = somebody.parts.links, section(html, "address")
    places = [card.index(f'value="{links.feed(somebody.feed.key)}"'), card.index("data-copy="), card.index("webcal://")]
    assert [*places, card.index('class="qr"')] == sorted([*places, card.index('class="qr"')])
    assert f'href="{links.webcal(somebody.feed.key)}"' in card


def test_every_client_has_its_clicks_its_reminders_and_how_fresh_it_is(html: str) -> None:
    told = text(section(html, "clicks"))
    for one in CLIENTS:
        for sentence in (one.name, *one.steps, one.ringing, *one.alerts, one.refresh, one.certainty.value):
            assert sentence in told


def test_outlook_is_advised_to_take_a_rich_feed(client: FlaskClient, html: str, somebody: Any) -> None:
    parts = somebody.parts
    assert section(html, "clicks").count("the option “Formatted text”") == 2
    assert "None of yours has it yet" in html
    feeds.add(parts.store, somebody.person.id, "Outlook", {"rich": "on"}, parts.clock())
    assert "None of yours has it yet" not in client.get(f"{somebody.page}/subscribe").text


def test_it_says_what_each_calendar_will_show_of_each_feed(client: FlaskClient, html: str, somebody: Any) -> None:
    parts, shown = somebody.parts, text(section(html, "shown"))
    assert "It is well formed, with" in shown
    assert "tick may come late" in shown
    assert all(one.name in shown for one in CLIENTS)
    assert "Problem:" not in html
    feeds.add(parts.store, somebody.person.id, "For <me>", {"alarms": "off"}, parts.clock())
    more = client.get(f"{somebody.page}/subscribe").text
    assert "For &lt;me&gt;" in section(more, "shown")
    assert "stays silent" in text(section(more, "shown"))


def test_an_address_that_only_this_machine_reaches_is_said_beside_it(somebody: Any) -> None:
    parts = somebody.parts
    home = Parts(parts.store, parts.keys, Links("http://127.0.0.1:8000", parts.keys), parts.clock, parts.providers)
    page = create_app(home).test_client().get(f"{somebody.page}/subscribe").text
    assert "cannot fetch it" in section(page, "address")
    assert "Problem: Its servers cannot reach this address" in text(section(page, "shown"))


def test_somebody_without_a_feed_is_sent_to_make_one(client: FlaskClient, somebody: Any) -> None:
    with somebody.parts.store.writing() as db:
        stored.revoke(db, somebody.feed.id, somebody.parts.clock())
    page = client.get(f"{somebody.page}/subscribe").text
    assert "no calendar feed now" in page
    assert f'href="{somebody.page}"' in page


def test_it_is_as_private_as_my_page_and_sets_no_cookie(client: FlaskClient, somebody: Any) -> None:
    headers = client.get(f"{somebody.page}/subscribe").headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in headers


def test_it_has_one_heading_a_label_for_each_field_and_nothing_inside_but_markup(html: str) -> None:
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert len(re.findall(r"<h1[ >]", html)) == 1
    for name in re.findall(r'<input id="([^"]+)"', html):
        assert f'<label for="{name}">' in html
    assert {*re.findall(r'aria-labelledby="([^"]+)"', html)} <= {*ids}
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert all(path.startswith("/static/") for path in re.findall(r'(?:src|<link[^>]* href)="([^"]*)"', html))


def test_only_the_key_of_my_page_opens_it_and_all_else_is_answered_alike(client: FlaskClient, somebody: Any) -> None:
    key, nobody = somebody.parts.keys.key, client.get("/me/nobody")
    wrong = [key(kind, somebody.person.key) for kind in KeyKind if kind is not KeyKind.ME]
    wrong += [
        key(KeyKind.FEED, somebody.feed.key),
        key(KeyKind.ME, "unknown"),
        f"{somebody.page[4:]}A",
        "%00",
        "a" * 999,
    ]
    for one in wrong:
        answer = client.get(f"/me/{one}/subscribe")
        assert (answer.status_code, answer.data) == (404, nobody.data)
        assert sorted(answer.headers.items()) == sorted(nobody.headers.items())
    people.remove(somebody.parts.store, somebody.person.id)
    assert client.get(f"{somebody.page}/subscribe").status_code == 404


def test_looking_at_it_changes_nothing_and_posting_is_no_way_in(
    client: FlaskClient, html: str, somebody: Any, census: Callable[[], dict[str, int]]
) -> None:
    before = census()
    client.get(f"{somebody.page}/subscribe")
    assert census() == before
    assert client.post(f"{somebody.page}/subscribe").status_code == 405
    with somebody.parts.store.reading() as db:
        assert [feed.fetched_by for feed in stored.of(db, somebody.person.id)] == [None]
