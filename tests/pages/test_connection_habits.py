"""The page of a connection: a habit or a word that is named there counts with what came before, and what was no stretch
can be taken back.
"""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from standardwebhooks import Webhook

from integration.connecting import connections
from integration.core.model import Connection
from integration.errors import StoreUnavailable
from integration.inbox import healing, mapping
from integration.store import connections as stored
from tests.integration.conftest import at
from tests.integration.senders import scored, workouts

Post = Callable[[Connection, Any], str]


@pytest.fixture
def habitica(link: Callable[..., Connection]) -> Connection:
    return link("habitica")


@pytest.fixture
def health(link: Callable[..., Connection]) -> Connection:
    return link("health_auto_export")


def save(client: FlaskClient, somebody: Any, connection: Connection, **form: str) -> str:
    """What the page says once the form was sent."""
    address = f"{somebody.page}/connections/{connection.id}"
    return text(client.post(address, data=form, follow_redirects=True).text)


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def shown(client: FlaskClient, somebody: Any, connection: Connection) -> str:
    return client.get(f"{somebody.page}/connections/{connection.id}").text


def settings(somebody: Any, connection: Connection) -> Any:
    with somebody.parts.store.reading() as db:
        found = stored.by_id(db, connection.id)
    assert found
    return dict(found.settings)


def test_a_habit_that_is_named_here_counts_with_what_waited_for_it(
    client: FlaskClient, somebody: Any, habitica: Connection, post: Post
) -> None:
    for minute in range(2):
        assert post(habitica, scored("Rücken", at(20, minute))) == "quarantined"
    said = save(client, somebody, habitica, evening="Rücken", morning="", label="Habitica")
    assert "Saved. 2 earlier messages counted with it." in said
    assert {(fact.slot, fact.date.day) for fact in somebody.facts()} == {("evening", 2)}
    assert "Waits for you" not in client.get(somebody.page).text


def test_a_word_that_is_typed_here_counts_with_what_waited_for_it(
    client: FlaskClient, somebody: Any, health: Connection, post: Post
) -> None:
    post(health, workouts(("Yoga", "21:40")))
    said = save(client, somebody, health, words="Yoga", morning="", evening="")
    assert "Saved. 1 earlier message counted with it." in said
    assert len(somebody.facts()) == 1
    assert "counted with it" not in save(client, somebody, health, words="Yoga, back")


def test_a_word_that_is_typed_later_holds_against_what_was_no_stretch(
    client: FlaskClient, somebody: Any, health: Connection, post: Post
) -> None:
    post(health, workouts(("Yoga", "21:40")))
    client.post(f"{somebody.page}/habits", data={"connection": health.id, "habit": "Yoga", "choice": "no"})
    assert "Saved. 1 earlier message counted with it." in save(client, somebody, health, words="Yoga")
    assert post(health, workouts(("Yoga", "21:50"))) == "accepted"
    assert "Not a stretch" not in text(shown(client, somebody, health))


def test_what_is_no_stretch_is_listed_by_the_names_that_people_know_and_can_be_taken_back(
    client: FlaskClient, somebody: Any, habitica: Connection, post: Post
) -> None:
    assert "Not a stretch" not in text(shown(client, somebody, habitica))
    post(habitica, scored("<b>Yoga</b>", at(20)))
    for name in ("task-1", "Running"):
        mapping.ignore(somebody.parts, somebody.person, habitica.id, name)
    html = shown(client, somebody, habitica)
    assert "Not a stretch: <b>Yoga</b>, Running." in unescape(html)
    assert "<b>Yoga" not in html
    assert re.findall(r'<button name="habit" value="([^"]*)"', html) == ["task-1", "Running"]
    address = f"{somebody.page}/connections/{habitica.id}/away"
    said = text(client.post(address, data={"habit": "task-1"}, follow_redirects=True).text)
    assert "Saved." in said
    assert "Not a stretch: Running." in said
    assert settings(somebody, habitica) == {"ignore": "Running"}
    assert "Is it your stretch?" in client.get(somebody.page).text


def test_what_is_taken_back_and_counts_by_its_name_is_told(
    client: FlaskClient, somebody: Any, habitica: Connection, post: Post
) -> None:
    mapping.ignore(somebody.parts, somebody.person, habitica.id, "task-1")
    assert post(habitica, scored("Evening stretch", at(20))) == "ignored"
    address = f"{somebody.page}/connections/{habitica.id}/away"
    said = text(client.post(address, data={"habit": "task-1"}, follow_redirects=True).text)
    assert "Saved. 1 earlier message counted with it." in said


@pytest.mark.parametrize("name", ["", "x" * 201, "a\x00b"])
def test_a_name_that_cannot_be_one_takes_nothing_back(
    client: FlaskClient, somebody: Any, habitica: Connection, name: str
) -> None:
    mapping.ignore(somebody.parts, somebody.person, habitica.id, "task-1")
    answer = client.post(f"{somebody.page}/connections/{habitica.id}/away", data={"habit": name})
    assert answer.status_code == 422
    assert "A habit's name has 1 to 200 characters" in text(answer.text)
    assert settings(somebody, habitica) == {"ignore": "task-1"}


def test_it_says_that_it_saved_though_what_waited_could_not_be_read_again(
    client: FlaskClient, somebody: Any, habitica: Connection, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(habitica, scored("Rücken", at(20)))

    def failing(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(healing, "tried", failing)
    said = save(client, somebody, habitica, evening="Rücken")
    assert "Saved. Some earlier messages could not be read again just now" in said
    assert settings(somebody, habitica) == {"evening": "Rücken"}


def test_a_secret_that_is_shown_on_the_way_does_not_hide_what_counted(
    client: FlaskClient, somebody: Any, link: Callable[..., Connection]
) -> None:
    signed, parts = link("standard"), somebody.parts
    body = json.dumps({"type": "session.completed", "data": {"habit": "Rücken", "date": "2026-06-01"}})
    [secret], now = connections.opened_secrets(parts.keys, signed, parts.clock()), parts.clock()
    headers = {
        "webhook-id": "message-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("message-1", now, body),
    }
    hook = parts.links.hook(signed.service, signed.key).removeprefix(parts.links.public_url)
    answer = client.post(hook, data=body, headers=headers, content_type="application/json")
    assert (answer.status_code, answer.json["outcome"]) == (200, "quarantined")  # type: ignore[index]
    said = save(client, somebody, signed, evening="Rücken", url="https://example.org/hooks/stretch")
    assert "Saved. 1 earlier message counted with it. Copy this now" in said


@pytest.mark.parametrize("counted", ["", "many", "-1", "0", "9" * 5000])
def test_a_link_that_somebody_made_up_claims_nothing(
    client: FlaskClient, somebody: Any, habitica: Connection, counted: str
) -> None:
    address = f"{somebody.page}/connections/{habitica.id}"
    for said in ("saved", "other"):
        answer = client.get(address, query_string={"said": said, "counted": counted})
        assert answer.status_code == 200
        assert "counted with it" not in answer.text
