"""Connecting what is told, and the page of one connection: test it, choose habits, change it, make a new secret."""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from integration.connecting import connections, tokens
from integration.connecting.kinds import kinds
from integration.outgoing import Refusal, Reply, Request
from integration.pages import linkforms
from integration.parts import Parts
from integration.service import services
from integration.store import connections as stored
from integration.store.tables import metadata
from tests.conftest import PUBLIC_URL
from webhooks import signing
from webhooks.signatures import check_secret

TOKEN = "beaver-token-canary"
BEAVER = {"service": "beaverhabits", "url": "https://beaver.example.org", "token": TOKEN}
HABITS = b'[{"id": "h1", "name": "Stretch"}, {"id": "h2", "name": "<b>Abendstretch</b>"}]'
URL = "https://example.org/hooks/stretch"


class Door:
    """Answers every call alike, and remembers them."""

    def __init__(self) -> None:
        self.answer: Reply | Refusal = Reply(200, {}, HABITS)
        self.asked: list[Request] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        self.meanwhile()
        if isinstance(self.answer, Refusal):
            raise self.answer
        return self.answer


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def parts(parts: Parts, door: Door) -> Parts:
    return replace(parts, call=door)


def text(html: str) -> str:
    """What is read: tags away, entities and spaces plain."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def connect(client: FlaskClient, somebody: Any, **form: str) -> str:
    """The page after connecting."""
    response = client.post(f"{somebody.page}/connections", data=form)
    assert response.status_code == 201, text(response.text)
    return response.text


@pytest.fixture
def page(client: FlaskClient, somebody: Any) -> str:
    """The path of the page of a connection that is told."""
    connect(client, somebody, **BEAVER)
    return path_of(somebody)


def path_of(somebody: Any) -> str:
    with somebody.parts.store.reading() as db:
        found = stored.of(db, somebody.person.id)[-1]
    return f"{somebody.page}/connections/{found.id}"


def held(somebody: Any) -> Any:
    with somebody.parts.store.reading() as db:
        return stored.of(db, somebody.person.id)[-1]


def shown(somebody: Any) -> dict[str, str]:
    found = held(somebody)
    with somebody.parts.store.reading() as db:
        return tokens.opened(somebody.parts.keys, found.id, stored.tokens(db, found.id))


def test_every_service_has_a_form_in_one_of_three_groups(client: FlaskClient, somebody: Any) -> None:
    html = client.get(somebody.page).text
    order = [
        html.index(found)
        for found in (
            "<h3>Tell us, and are told by us</h3>",
            'value="habitica"',
            "<h3>Tell us</h3>",
            'value="simple"',
            "<h3>Are told by us</h3>",
            'value="beeminder"',
        )
    ]
    assert order == sorted(order)
    for name, service in services().items():
        assert f'<input type="hidden" name="service" value="{name}">' in html
        for field in service.FIELDS:
            found = re.search(rf'<input id="add-{name}-{field.name}"[^>]*>', html)
            assert found is not None, (name, field.name)
            assert not field.secret or ('autocomplete="off"' in found[0] and 'value=""' in found[0])


def test_before_connecting_it_says_what_the_service_cannot_carry(client: FlaskClient, somebody: Any) -> None:
    shown = text(client.get(somebody.page).text)
    habitica = shown[shown.index("Add Habitica") : shown.index("Add Hevy")]
    assert (
        "It holds one tick a day: choose a habit for each session, or say that one is ticked when both are done."
        " It takes no past day. It can be undone." in habitica
    )
    assert "What it was told cannot be taken back." in shown[shown.index("Add ntfy") :]


def test_what_is_only_told_is_connected_without_an_address_or_a_secret(client: FlaskClient, somebody: Any) -> None:
    html = connect(client, somebody, **BEAVER)
    assert 'id="hook"' not in html
    assert 'id="shown"' not in html
    assert TOKEN not in html
    assert "From now on it is told of each session." in text(html)
    assert (held(somebody).outgoing, held(somebody).settings) == (True, {"url": BEAVER["url"]})
    assert shown(somebody) == {"token": TOKEN}


def test_after_connecting_the_recipe_stands_there_with_the_address_and_secret(
    client: FlaskClient, somebody: Any
) -> None:
    html = connect(client, somebody, service="standard", url=URL)
    hook, secret = (unescape(v) for v in re.findall(r'id="(?:hook|shown)" readonly value="([^"]+)"', html))
    recipe = unescape(html[html.index("What to do there") : html.index("</details>", html.index("What to do there"))])
    assert f"curl -X POST {hook}" in recipe
    assert secret in recipe
    assert check_secret(secret)
    assert 'href="/connect"' in html


def test_the_public_half_of_a_private_key_is_shown(client: FlaskClient, somebody: Any) -> None:
    key = signing.new_private_key()
    html = connect(client, somebody, service="standard", url=URL, secret=key)
    assert f'id="public" readonly value="{signing.public_half(key)}"' in html
    assert key not in html


def test_what_is_missing_is_said_at_the_form_and_no_secret_is_typed_back(client: FlaskClient, somebody: Any) -> None:
    form = {"service": "habitica", "token": TOKEN, "morning": "task-1", "when": "both", "url": "https://h.example"}
    response = client.post(f"{somebody.page}/connections", data=form)
    assert response.status_code == 422
    told = text(response.text)
    assert "API Token: It does not look right" in told or "API Token: it does not look right" in told
    assert response.text.count("<details open>") == 2, "its form, and what all forms are folded into"
    for kept in ("task-1", "https://h.example"):
        assert f'value="{kept}"' in response.text
    assert '<option value="both" selected>' in response.text
    assert TOKEN not in response.text


def test_a_form_cannot_claim_the_account_of_an_app(client: FlaskClient, somebody: Any) -> None:
    response = client.post(f"{somebody.page}/connections", data={"service": "todoist", "account": "2671355"})
    assert response.status_code == 422
    connect(client, somebody, service="todoist", token="t" * 40)
    client.post(path_of(somebody), data={"account": "2671355", "label": "Mine"})
    assert (held(somebody).label, held(somebody).settings) == ("Mine", {})


def test_a_test_says_what_the_service_says(client: FlaskClient, page: str, door: Door) -> None:
    response = client.post(f"{page}/check")
    assert response.status_code == 200
    assert '<p class="keep" role="status">Connected. Habits there: 2.</p>' in response.text
    assert [request.method for request in door.asked] == ["GET"]
    door.answer = Reply(401)
    response = client.post(f"{page}/check")
    assert 'role="alert">Beaver Habits refused our key; give it a new one.</p>' in response.text
    door.answer = Refusal("timeout", "beaver.example.org did not answer in time", after=60)
    assert "Beaver.example.org did not answer in time." in text(client.post(f"{page}/check").text)


def test_looking_calls_nobody_and_changes_nothing(
    client: FlaskClient, page: str, door: Door, census: Callable[[], dict[str, int]]
) -> None:
    before = census()
    for path in (page, f"{page}?said=saved", f"{page}?said=x"):
        assert client.get(path).status_code == client.head(path).status_code == 200
    for path in ("check", "habits", "rotate", "register", "revoke"):
        assert client.get(f"{page}/{path}").status_code == 405
    assert (door.asked, census()) == ([], before)


def test_one_page_at_a_time_waits_for_a_service(client: FlaskClient, page: str, door: Door) -> None:
    inner = list[Any]()
    door.meanwhile = lambda: inner.append(client.post(f"{page}/check")) if len(door.asked) == 1 else None
    assert "Connected." in client.post(f"{page}/check").text
    assert "Another service is being asked just now" in text(inner[0].text)
    assert len(door.asked) == 1
    door.meanwhile = lambda: None
    assert "Connected." in client.post(f"{page}/check").text, "and then the next may"


@pytest.mark.parametrize("odd", [b"\\ud800", b"\\u0000", b"\xed\xa0\x80"])
def test_a_character_that_nothing_can_write_hides_no_habit(
    client: FlaskClient, page: str, door: Door, odd: bytes
) -> None:
    door.answer = Reply(200, {}, HABITS.replace(b"Stretch", b"Str" + odd + b"tch"))
    response = client.post(f"{page}/habits", data=BEAVER)
    assert response.status_code == 200
    assert "Str\ufffdtch" in response.text
    assert "Abendstretch" in response.text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("habitica", "Its id, or its name if it only tells us; or connect it first, and choose from a list."),
        ("vikunja", "Its id, or its name if it only tells us; or connect it first, and choose from a list."),
        ("beaverhabits", "Once it is connected you can choose from a list."),
        ("simple", "Its name or id. Leave both empty if it reports nothing but this stretch."),
    ],
)
def test_a_name_is_asked_for_only_where_a_name_will_do(parts: Parts, name: str, hint: str) -> None:
    """A service that is told finds a habit by its id alone."""
    kind = kinds(parts.providers, services())[name]
    assert [block.hint for block in linkforms.mapping(kind, ["morning"], {})][1] == hint


def test_habits_are_offered_and_what_was_typed_stays(client: FlaskClient, page: str) -> None:
    typed = {"label": "My beaver", "morning": "of old", "evening": "", "when": "each", "url": "https://b.example"}
    html = client.post(f"{page}/habits", data={**typed, "token": "another-canary"}).text
    assert 'value="My beaver"' in html
    morning = html[html.index('<select id="change-morning"') : html.index("</select>")]
    assert re.findall(r'<option value="([^"]*)"( selected)?>', morning) == [
        ("", ""),
        ("of old", " selected"),
        ("h1", ""),
        ("h2", ""),
    ]
    assert "&lt;b&gt;Abendstretch&lt;/b&gt;" in html
    assert "another-canary" not in html


def test_a_chosen_habit_is_kept_and_the_token_stays(client: FlaskClient, somebody: Any, page: str) -> None:
    assert "Choose a habit for a session" in text(client.get(page).text)
    form = {"label": "My beaver", "morning": "h1", "evening": "h2", "when": "each", "url": BEAVER["url"], "token": ""}
    response = client.post(page, data=form)
    assert (response.status_code, response.headers["Location"]) == (303, f"{page}?said=saved")
    assert held(somebody).label == "My beaver"
    assert held(somebody).settings == {"url": BEAVER["url"], "morning": "h1", "evening": "h2"}
    assert shown(somebody) == {"token": TOKEN}
    html = client.get(response.headers["Location"]).text
    assert "Saved." in html
    assert "Choose a habit for a session" not in text(html)


def test_one_habit_for_all_is_named_once(client: FlaskClient, somebody: Any, page: str) -> None:
    client.post(page, data={"morning": "h1", "evening": "", "when": "both"})
    assert held(somebody).settings == {"url": BEAVER["url"], "morning": "h1", "evening": "h1", "when": "both"}
    response = client.post(page, data={"morning": "h1", "evening": "h2", "when": "both"})
    assert response.status_code == 422
    assert "Habits there: the sessions then share one habit" in text(response.text)
    assert 'value="h2"' in response.text


def test_another_server_needs_its_own_token(client: FlaskClient, somebody: Any, page: str) -> None:
    moved = {"url": "https://other.example.org"}
    response = client.post(page, data=moved)
    assert response.status_code == 422
    assert "Address: another address needs its own token (API token); give it too." in text(response.text)
    assert client.post(page, data={**moved, "token": "token-of-the-other"}).status_code == 303
    assert shown(somebody) == {"token": "token-of-the-other"}


def test_saving_what_is_there_already_changes_nothing(client: FlaskClient, somebody: Any, page: str) -> None:
    before = held(somebody)
    form = {"label": before.label, "url": BEAVER["url"], "morning": "", "evening": "", "when": "each", "token": ""}
    assert client.post(page, data=form).status_code == 303
    assert held(somebody) == before


def test_an_inward_connection_can_be_told_later_and_gets_its_secret_shown(client: FlaskClient, somebody: Any) -> None:
    connect(client, somebody, service="standard")
    response = client.post(path_of(somebody), data={"url": URL})
    assert response.status_code == 200
    secret = re.search(r'id="shown" readonly value="([^"]+)"', response.text)
    assert secret is not None
    assert shown(somebody) == {"secret": unescape(secret[1])}
    assert "hook_" not in response.text


def test_what_is_told_can_tell_us_later_and_gets_its_address_shown(client: FlaskClient, somebody: Any) -> None:
    connect(client, somebody, service="todoist", token="t" * 40)
    html = client.post(path_of(somebody), data={"client_secret": "c" * 32}).text
    hook = re.search(r'id="hook" readonly value="([^"]+)"', html)
    assert hook is not None
    assert f"/hooks/todoist/{somebody.parts.keys.key('hook', held(somebody).key)}" in unescape(hook[1])  # type: ignore[arg-type]


def test_a_new_secret_is_shown_once(client: FlaskClient, somebody: Any) -> None:
    connect(client, somebody, service="standard", url=URL)
    path = path_of(somebody)
    response = client.post(f"{path}/rotate")
    secret = re.search(r'id="shown" readonly value="([^"]+)"', response.text)
    assert secret is not None
    assert shown(somebody)["secret"].startswith(unescape(secret[1]))
    assert "hook_" not in response.text
    assert unescape(secret[1]) not in unescape(client.get(path).text)


def test_a_secret_that_is_not_ours_cannot_be_made_anew(client: FlaskClient, page: str) -> None:
    assert "Make a new secret" not in client.get(page).text
    assert client.post(f"{page}/rotate").status_code == 422


WAITING = {
    "todoist": ({"client_secret": "c" * 32}, "Todoist sends nothing until its app was allowed once"),
    "vikunja": ({}, "Vikunja calls no private address"),
    "simple": ({}, "the address was most likely not pasted as a whole"),
}


@pytest.mark.parametrize("service", WAITING)
def test_until_something_comes_it_waits_and_names_the_likely_cause(
    client: FlaskClient, somebody: Any, service: str
) -> None:
    form, cause = WAITING[service]
    connect(client, somebody, service=service, **form)
    shown = text(client.get(path_of(somebody)).text)
    assert "Waiting for the first event." in shown
    assert cause in shown


def test_once_something_came_it_says_when(client: FlaskClient, somebody: Any) -> None:
    html = connect(client, somebody, service="simple")
    found = re.search(r'id="hook" readonly value="([^"]+)"', html)
    assert found is not None
    client.post(unescape(found[1]).removeprefix(PUBLIC_URL), data=b"")
    shown = text(client.get(path_of(somebody)).text)
    assert "Last heard Tue 2 June, 22:30." in shown
    assert "Waiting" not in shown


def test_what_is_only_told_waits_for_nothing(client: FlaskClient, page: str) -> None:
    shown = text(client.get(page).text)
    assert "Waiting" not in shown
    assert "Told nothing yet." in shown


@pytest.mark.parametrize("what", ["", "/check", "/habits", "/rotate", "/register", "/away"])
def test_nobody_sees_or_touches_what_is_not_theirs(
    client: FlaskClient, somebody: Any, newcomer: Callable[[], Any], door: Door, what: str
) -> None:
    other = newcomer()
    connect(client, other, **BEAVER)
    theirs = path_of(other).rpartition("/")[2]
    for wanted in (theirs, "unknown", "%00"):
        assert client.post(f"{somebody.page}/connections/{wanted}{what}", data={"label": "x"}).status_code == 404
        assert client.get(f"{somebody.page}/connections/{wanted}").status_code == 404
    connections.revoke(other.parts.store, theirs, other.parts.clock())
    assert client.post(f"{path_of_id(other, theirs)}{what}").status_code == 404
    assert door.asked == []


def path_of_id(somebody: Any, connection: str) -> str:
    return f"{somebody.page}/connections/{connection}"


def test_no_secret_stands_on_any_page_in_any_log_or_in_the_database(
    client: FlaskClient, somebody: Any, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    canaries = {
        "beaverhabits": {"url": "https://b.example", "token": TOKEN},
        "beeminder": {"token": "canary-of-beeminder"},
        "pixela": {"username": "ada", "token": "canary-of-pixela"},
        "ntfy": {"topic": "canary_of_ntfy"},
        "home_assistant": {"url": "https://h.example", "webhook": "canary-of-home-assistant"},
        "vikunja": {"url": "https://v.example", "token": "tk_" + "c" * 40},
    }
    secrets = [value for form in canaries.values() for name, value in form.items() if name not in ("url", "username")]
    pages = list[str]()
    with caplog.at_level(logging.DEBUG):
        for service, form in canaries.items():
            pages.append(connect(client, somebody, service=service, **form))
            path = path_of(somebody)
            for answer in (Reply(200, {}, HABITS), Reply(500), Reply(200, {}, b"<html>")):
                door.answer = answer
                pages += [client.post(f"{path}/{what}", data=form).text for what in ("check", "habits")]
            pages.append(client.post(path, data={**form, "label": "x" * 500}).text)
            pages.append(client.post(path, data={**form, "label": "Mine"}).text)
            pages.append(client.get(path).text)
        pages.append(client.get(somebody.page).text)
    with somebody.parts.store.reading() as db:
        rows = [repr(row) for table in metadata.sorted_tables for row in db.execute(select(table))]
    everything = "\n".join([*pages, *rows, caplog.text])
    for secret in secrets:
        assert secret not in everything


def test_the_page_keeps_to_the_manners_of_all_pages(client: FlaskClient, somebody: Any, page: str) -> None:
    for response in (client.get(page), client.post(f"{page}/habits"), client.post(page, data={"when": "x"})):
        html = response.text
        assert response.headers["Cache-Control"] == "private, no-store"
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
        assert len(re.findall(r"<h1[ >]", html)) == 1
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert len(ids) == len(set(ids))
        for field in re.findall(r"<(?:input|select)[^>]*>", html):
            found = re.search(r'\sid="([^"]+)"', field)
            assert found is not None
            assert f'<label for="{found[1]}">' in html
        for names in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', html):
            assert set(names.split()) <= set(ids)


HABITICA = {
    "service": "habitica",
    "user": "11111111-2222-3333-4444-555555555555",
    "token": "99999999-8888-7777-6666-555555555555",
}


def test_a_service_is_set_up_to_tell_us_by_itself(client: FlaskClient, somebody: Any, door: Door) -> None:
    connect(client, somebody, **HABITICA)
    path, answers = path_of(somebody), [b'{"data": []}', b'{"data": {"id": "9b2e", "url": "x"}}']
    assert "Set it up for me" in client.get(path).text
    door.answer = Reply(200, {}, answers[0])
    door.meanwhile = lambda: setattr(door, "answer", Reply(200, {}, answers[len(door.asked) - 1]))
    assert "Habitica tells us from now on." in text(client.post(f"{path}/register").text)
    made = json.loads(door.asked[-1].body or b"")
    assert made["url"] == somebody.parts.links.hook("habitica", held(somebody).key)


def test_what_has_no_address_cannot_be_set_up(client: FlaskClient, page: str, door: Door) -> None:
    assert "Set it up for me" not in client.get(page).text
    assert "It has no address to report to." in text(client.post(f"{page}/register").text)
    assert door.asked == []
