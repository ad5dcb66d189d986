"""The page that compares a connection with its service's history, and the cards that it gives to my page."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from integration import people, record
from integration.core.model import Connection, FactKind, State
from integration.core.placing import Placed
from integration.outgoing import Abilities, Refusal, Remote, Reply, Sent, Settings, Streaks, Told
from integration.pages import compareview
from integration.parts import Parts
from integration.people import find
from integration.reconciling.looking import LONGEST
from integration.reconciling.reconcile import set_right
from integration.status import merged_sessions
from integration.store import connections, facts, outlets
from tests.pages.conftest import BERLIN, TODAY, Somebody

YESTERDAY = TODAY - timedelta(days=1)


class Mirror:
    """A service's file, as an object: what it keeps, the streaks it counts, and its webhook."""

    TITLE = "Mirror"
    FIELDS = ()
    ABILITIES = Abilities(dated=True, undo=True, confirms=True, holds="tick")

    def __init__(self) -> None:
        self.kept: list[Remote] = []
        self.asked = 0
        self.trouble: Refusal | None = None
        self.row = 41

    def complete(self, _call: Any, _settings: Settings, _told: Told) -> Sent:
        return Sent()

    def history(self, _call: Any, _settings: Settings, _first: date, _last: date) -> Sequence[Remote]:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return self.kept

    def streaks(self, _call: Any, _settings: Settings) -> Streaks:
        return Streaks({"e": self.row}, "A <day> there begins at noon.")

    def webhook(self, _call: Any, _settings: Settings, _address: str) -> Sent:
        return Sent()


@pytest.fixture
def mirror() -> Mirror:
    return Mirror()


@pytest.fixture
def parts(parts: Parts, mirror: Mirror) -> Parts:
    services: Any = {"mirror": mirror}
    return replace(parts, services=services, call=lambda _request: Reply(500))


@pytest.fixture
def connection(somebody: Somebody) -> str:
    return connect(somebody, "mirror1")


@pytest.fixture
def regular(parts: Parts) -> Somebody:
    """Somebody whose plan began long ago."""
    wish = replace(BERLIN, start=TODAY - timedelta(days=LONGEST))
    return Somebody(*people.add(parts.store, wish, parts.clock()), parts)


def connect(somebody: Somebody, name: str, service: str = "mirror", heard: bool = True) -> str:
    settings, now = {"morning": "m", "evening": "e"}, somebody.parts.clock()
    with somebody.parts.store.writing() as db:
        whose = somebody.person.id
        connections.add(
            db, Connection(name, whose, service, "My <Mirror>", f"k3y{name}" if heard else None, settings, None, now)
        )
        outlets.add(db, name, None)
    return name


def place(somebody: Somebody, connection: str) -> str:
    return f"{somebody.page}/connections/{connection}/compare"


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def press(client: FlaskClient, somebody: Somebody, connection: str, action: str) -> str:
    """What a button leads to, read."""
    response = client.post(place(somebody, connection), data={"action": action}, follow_redirects=True)
    assert response.status_code == 200
    return text(response.text)


def fill(mirror: Mirror) -> None:
    """More than is set right by itself."""
    mirror.kept = [Remote(habit, day) for habit in ("m", "e") for day in (YESTERDAY, TODAY)]


def done(somebody: Somebody, slot: str, day: date) -> None:
    parts = somebody.parts
    record.tell(parts.store, find(parts.store, somebody.person.id), Placed(slot, day), FactKind.DONE, parts.clock())


def states(somebody: Somebody) -> list[State | None]:
    with somebody.parts.store.reading() as db:
        return [found.state for found in merged_sessions(facts.since(db, somebody.person.id, date.min)).values()]


def test_the_page_itself_asks_nobody_and_changes_nothing(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror, census: Any
) -> None:
    fill(mirror)
    before = census()
    shown = text(client.get(place(somebody, connection)).text)
    assert "Not compared yet. We do it once a day." in shown
    assert (mirror.asked, census()) == (0, before)


def test_more_than_three_are_shown_before_anything_is_done(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror
) -> None:
    fill(mirror)
    shown = press(client, somebody, connection, "look")
    assert "My <Mirror> has 4 sessions that we never heard of." in shown
    assert "Monday 1 June, morning" in shown
    assert "Take them over" in shown
    assert states(somebody) == []
    assert "Counted 4 sessions" in press(client, somebody, connection, "hear")
    assert states(somebody) == [State.DONE] * 4


def test_what_came_to_it_since_it_was_shown_is_shown_first(
    client: FlaskClient, regular: Somebody, mirror: Mirror
) -> None:
    connection = connect(regular, "often")
    fill(mirror)
    press(client, regular, connection, "look")
    mirror.kept += [Remote(habit, TODAY - timedelta(days=3)) for habit in ("m", "e")]
    shown = press(client, regular, connection, "hear")
    assert "More differs than was shown, so nothing was done yet. My <Mirror> has 6 sessions" in shown
    assert "Saturday 30 May, evening" in shown
    assert states(regular) == []
    assert "Counted 6 sessions" in press(client, regular, connection, "hear")
    assert states(regular) == [State.DONE] * 6


def test_what_is_there_no_more_since_it_was_shown_holds_up_nothing(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror
) -> None:
    fill(mirror)
    press(client, somebody, connection, "look")
    mirror.kept = [one for one in mirror.kept if one.date == TODAY]
    assert "Counted 2 sessions" in press(client, somebody, connection, "hear")


def test_what_the_button_does_not_touch_holds_it_up_as_little(
    client: FlaskClient, regular: Somebody, mirror: Mirror
) -> None:
    connection = connect(regular, "often")
    fill(mirror)
    press(client, regular, connection, "look")
    done(regular, "morning", TODAY - timedelta(days=2))
    shown = press(client, regular, connection, "hear")
    assert "Counted 4 sessions that My <Mirror> had. My <Mirror> lacks 1 session that you did." in shown


def test_a_button_that_was_shown_nowhere_does_nothing(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror
) -> None:
    fill(mirror)
    assert "My <Mirror> has 4 sessions that we never heard of." in press(client, somebody, connection, "hear")
    assert states(somebody) == []


@pytest.mark.parametrize("later", [0, 1])
@pytest.mark.parametrize("back", [20, LONGEST])
def test_what_was_shown_of_an_earlier_day_counts_when_its_button_is_pressed(
    client: FlaskClient, regular: Somebody, mirror: Mirror, clock: Any, back: int, later: int
) -> None:
    """The operator had looked further back than the page does by itself."""
    connection, first = connect(regular, "often"), TODAY - timedelta(days=back)
    mirror.kept = [Remote("m", first + timedelta(days=day)) for day in range(1, 6)]
    set_right(regular.parts, connection, clock(), first)
    clock.move(days=later)
    assert "Counted 5 sessions that My <Mirror> had." in press(client, regular, connection, "hear")
    assert states(regular) == [State.DONE] * 5


def test_a_button_looks_no_further_back_than_what_it_was_shown_beside(
    client: FlaskClient, regular: Somebody, mirror: Mirror, clock: Any
) -> None:
    """Of a new connection, the days before it are compared only when somebody asks."""
    connection = connect(regular, "often")
    fill(mirror)
    mirror.kept.append(Remote("m", TODAY - timedelta(days=5)))
    set_right(regular.parts, connection, clock(), YESTERDAY)
    assert "Counted 4 sessions" in press(client, regular, connection, "hear")
    assert states(regular) == [State.DONE] * 4


def test_a_little_is_set_right_at_once(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror
) -> None:
    mirror.kept = [Remote("m", TODAY)]
    assert "Counted 1 session that My <Mirror> had." in press(client, somebody, connection, "look")
    assert "My <Mirror> and we are in step." in press(client, somebody, connection, "look")


def test_ours_are_sent_by_a_button_of_their_own(
    client: FlaskClient, somebody: Somebody, parts: Parts, mirror: Mirror
) -> None:
    for slot, day in (("morning", TODAY), ("evening", TODAY), ("morning", YESTERDAY), ("evening", YESTERDAY)):
        done(somebody, slot, day)
    connection = connect(somebody, "later")
    assert "lacks 4 sessions that you did" in press(client, somebody, connection, "look")
    shown = press(client, somebody, connection, "send")
    assert "4 sessions are on the way to My <Mirror>." in shown


def test_streaks_that_differ_stand_side_by_side_with_the_reason(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror
) -> None:
    shown = press(client, somebody, connection, "look")
    assert "Session Here Mirror Evening 0 41" in shown
    assert "Why they disagree: A <day> there begins at noon. Here a skip or a pause ends nothing." in shown
    mirror.row = 0
    shown = press(client, somebody, connection, "look")
    assert "Session Here Mirror Evening 0 0" in shown
    assert "Why they disagree" not in shown


def test_its_webhook_is_set_up_when_asked(client: FlaskClient, somebody: Somebody, connection: str) -> None:
    assert "Let Mirror tell us" in text(client.get(place(somebody, connection)).text)
    assert "Mirror tells us from now on." in press(client, somebody, connection, "hook")


def test_without_an_address_of_its_own_no_webhook_is_offered(client: FlaskClient, somebody: Somebody) -> None:
    connection = connect(somebody, "deaf", heard=False)
    assert "Let Mirror tell us" not in text(client.get(place(somebody, connection)).text)
    assert "has no address to report to" in press(client, somebody, connection, "hook")


@pytest.mark.parametrize("action", ["", "nonsense"])
def test_what_no_button_says_does_nothing(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror, action: str
) -> None:
    assert "Please use one of the buttons on this page." in press(client, somebody, connection, action)
    assert mirror.asked == 0


def test_what_the_service_says_is_shown(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror
) -> None:
    mirror.trouble = Refusal("credentials", "Mirror refused our key; give it a new one")
    assert "Mirror refused our key; give it a new one." in press(client, somebody, connection, "look")


def test_one_service_is_asked_at_a_time(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror
) -> None:
    seen = list[str]()

    class Twice(list[Remote]):
        def __iter__(self) -> Any:
            seen.append(press(somebody_elses(client), somebody, connection, "look"))
            return iter(())

    mirror.kept = Twice()
    press(client, somebody, connection, "look")
    assert "another service is being asked just now" in seen[0].lower()


def somebody_elses(client: FlaskClient) -> FlaskClient:
    return client.application.test_client()


def test_only_a_connection_of_ones_own_that_can_be_compared_has_the_page(
    client: FlaskClient, somebody: Somebody, newcomer: Any, parts: Parts
) -> None:
    theirs = connect(newcomer(), "theirs")
    ended, plain = connect(somebody, "ended"), connect(somebody, "plain", service="standard")
    with parts.store.writing() as db:
        connections.revoke(db, ended, parts.clock())
    for connection in (theirs, ended, plain, "nobody", "%00"):
        for ask in (client.get, client.post):
            assert ask(place(somebody, connection)).status_code == 404


def test_my_page_is_given_what_is_to_be_asked_and_only_that(
    app: Flask, client: FlaskClient, somebody: Somebody, connection: str, parts: Parts, mirror: Mirror
) -> None:
    assert compareview.asks(parts, somebody.person, parts.clock()) == []
    fill(mirror)
    set_right(parts, connection, parts.clock())
    asks = compareview.asks(parts, somebody.person, parts.clock())
    assert [(one.label, [group.button for group in one.groups]) for one in asks] == [
        ("My <Mirror>", ["Take them over"])
    ]
    with app.test_request_context():
        card = render_template_string('{% from "me_asks.html" import cards %}{{ cards("me_key", asks) }}', asks=asks)
    assert "My &lt;Mirror&gt; and we differ" in card
    assert re.search(r'<form method="post" action="/me/me_key/connections/mirror1/compare"', card)
    press(client, somebody, connection, "hear")
    assert compareview.asks(parts, somebody.person, parts.clock()) == []


def test_the_page_has_one_heading_and_every_form_a_button(
    client: FlaskClient, somebody: Somebody, connection: str, mirror: Mirror
) -> None:
    fill(mirror)
    press(client, somebody, connection, "look")
    html = client.get(place(somebody, connection)).text
    assert len(re.findall(r"<h1[ >]", html)) == 1
    assert "<Mirror>" not in html
    for form in re.findall(r"<form.*?</form>", html, re.DOTALL):
        assert re.match(r'<form method="post" action="/[^/"]', form)
        assert "<button" in form
