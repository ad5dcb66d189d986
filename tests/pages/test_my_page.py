"""My page: what it shows, what its forms do, and what they refuse."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from calendar_export import routine
from integration import record
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.parts import Parts
from integration.store import connections as stored
from webhooks.signatures import sign

TODAY = date(2026, 6, 2)
Census = Callable[[], dict[str, int]]


def text(html: str) -> str:
    """What is read: tags away, entities and spaces plain."""
    bare = re.sub(r"<[^>]+>", " ", html)
    return re.sub(r"\s+", " ", unescape(bare))


def section(html: str, name: str) -> str:
    found = re.search(rf'<section[^>]*aria-labelledby="{name}">(.*?)</section>', html, re.DOTALL)
    assert found, name
    return text(found[1])


def press(client: FlaskClient, somebody: Any, action: str, slot: str = "evening", day: date = TODAY) -> None:
    data = {"date": day.isoformat(), "slot": slot, "action": action}
    response = client.post(f"{somebody.page}/session", data=data)
    assert (response.status_code, response.headers["Location"].partition("?")[0]) == (303, somebody.page)


def connect(client: FlaskClient, somebody: Any, **form: str) -> str:
    response = client.post(f"{somebody.page}/connections", data=form)
    assert response.status_code == 201, text(response.text)
    return response.text


def connection_ids(somebody: Any) -> list[str]:
    with somebody.parts.store.reading() as db:
        return [connection.id for connection in stored.of(db, somebody.person.id)]


def test_it_shows_today_with_both_sessions_in_words(client: FlaskClient, somebody: Any) -> None:
    today = section(client.get(somebody.page).text, "today")
    assert "Today Tuesday 2 June, Europe/Berlin" in today
    assert "Morning 07:00 Passed. If you did it, say so: it still counts." in today
    assert "Evening 22:00 Open. Whenever you are ready." in today
    assert "Monday 1 June" in today


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("done", "✓ Done."),
        ("skip", "Skipped. It counts neither"),
        ("hurt", "Stopped because it hurt. It counts neither"),
    ],
)
def test_a_button_says_how_it_went_and_undo_takes_it_back(
    client: FlaskClient, somebody: Any, clock: Any, action: str, told: str
) -> None:
    press(client, somebody, action)
    assert told in section(client.get(somebody.page).text, "today")
    clock.move(seconds=1)
    press(client, somebody, "undo")
    today = section(client.get(somebody.page).text, "today")
    assert told not in today
    assert "Evening 22:00 Open." in today


def test_yesterday_can_be_told_today(client: FlaskClient, somebody: Any) -> None:
    press(client, somebody, "done", "morning", TODAY - timedelta(days=1))
    assert section(client.get(somebody.page).text, "today").count("✓ Done.") == 1


def test_that_it_hurt_is_answered_with_when_to_stop_and_whom_to_ask(client: FlaskClient, somebody: Any) -> None:
    data = {"date": TODAY.isoformat(), "slot": "evening", "action": "hurt"}
    response = client.post(f"{somebody.page}/session", data=data, follow_redirects=True)
    answer = section(response.text, "hurt")
    for line in (*routine.WHEN_TO_STOP, routine.ASK_FIRST):
        assert line in answer


def test_it_counts_the_streaks_the_score_and_the_rates(client: FlaskClient, somebody: Any) -> None:
    for day in (TODAY - timedelta(days=1), TODAY):
        press(client, somebody, "done", "evening", day)
    press(client, somebody, "skip", "morning", TODAY)
    shown = section(client.get(somebody.page).text, "count")
    assert "active days in a row 2 best 2" in shown
    assert "full days in a row 1 best 1" in shown
    assert "mornings in a row 0 best 0" in shown
    assert "evenings in a row 2 best 2" in shown
    assert "8 % is your score" in shown
    assert "7 days 2 of 3 (67 %) 1 skipped" in shown


def test_before_anything_is_due_there_is_no_rate(client: FlaskClient, parts: Parts) -> None:
    response = client.post("/", data={"zone": "Europe/Berlin", "morning": "07:00", "evening": "22:00"})
    parts.clock.now -= timedelta(hours=16)
    shown = section(client.get(response.headers["Location"]).text, "count")
    assert "nothing due yet" in shown
    assert "score" not in shown


def test_there_is_a_score_once_a_day_went_into_it(client: FlaskClient, parts: Parts, clock: Any) -> None:
    """A first session that is done must not be called 0 %."""
    clock.move(hours=-16)
    made = client.post("/", data={"zone": "Europe/Berlin", "morning": "07:00", "evening": "22:00"})
    page = made.headers["Location"]
    data = {"date": TODAY.isoformat(), "slot": "morning", "action": "done"}
    assert client.post(f"{page.partition('?')[0]}/session", data=data).status_code == 303
    assert "score" not in section(client.get(page).text, "count")
    clock.move(hours=24)
    assert "3 % is your score" in section(client.get(page).text, "count")


def test_a_day_that_passed_with_nothing_done_is_scored(client: FlaskClient, somebody: Any) -> None:
    assert "0 % is your score" in section(client.get(somebody.page).text, "count")


def test_every_day_of_the_map_is_told_in_words(client: FlaskClient, somebody: Any) -> None:
    press(client, somebody, "done")
    page = client.get(somebody.page).text
    assert "1 June: morning passed, evening passed" in page
    assert "2 June: morning passed, evening done" in page
    assert page.count('class="date"') == 7


def test_a_bridged_day_is_shown_as_such(client: FlaskClient, somebody: Any, clock: Any) -> None:
    press(client, somebody, "done", day=TODAY)
    clock.move(days=2)
    press(client, somebody, "done", day=TODAY + timedelta(days=2))
    page = client.get(somebody.page).text
    assert "3 June: morning passed, evening passed, bridged, the streak goes on" in page
    assert "active days in a row 2" in text(page)


def test_nothing_on_it_reproaches_or_promises(client: FlaskClient, somebody: Any, clock: Any) -> None:
    clock.move(days=30)
    shown = text(client.get(somebody.page).text).lower()
    assert not re.search(r"missed|failed|lost|broke|shame|cure|heal(s|ed|ing)?\b|relie", shown)


def test_the_map_shows_no_more_than_five_weeks_of_a_long_plan(client: FlaskClient, somebody: Any, clock: Any) -> None:
    clock.move(days=400)
    response = client.get(somebody.page)
    assert response.status_code == 200
    assert response.text.count('class="date"') == 35


def test_the_calendar_has_its_address_first_then_webcal_then_a_code(client: FlaskClient, somebody: Any) -> None:
    page, links = client.get(somebody.page).text, somebody.parts.links
    feed, webcal = (unescape(address) for address in (links.feed(somebody.feed.key), links.webcal(somebody.feed.key)))
    places = [page.index(part) for part in (f'value="{feed}"', "data-copy", f'href="{webcal}"', "<svg", "Google Cal")]
    assert places[0] < places[1] < places[2] < places[4]
    assert 'class="qr"' in page
    for client_name in ("Google Calendar", "Apple Calendar", "Outlook", "Thunderbird"):
        assert client_name in page


def test_it_says_that_its_address_is_the_key(client: FlaskClient, somebody: Any) -> None:
    shown = text(client.get(somebody.page).text)
    assert "This page’s address is your key." in shown
    assert "Next: put your sessions into your calendar" in shown
    press(client, somebody, "done")
    assert "Next:" not in text(client.get(somebody.page).text)


def test_there_is_a_form_for_every_provider(client: FlaskClient, somebody: Any) -> None:
    page = client.get(somebody.page).text
    for name, provider in somebody.parts.providers.items():
        assert f'<input type="hidden" name="service" value="{name}">' in page
        assert f"Add {provider.TITLE}" in page
        assert not provider.SECRETS.setting or f'name="{provider.SECRETS.setting}"' in page


def test_address_and_secret_of_a_new_connection_are_shown_once(client: FlaskClient, somebody: Any) -> None:
    page = connect(client, somebody, service="standard", label="My watch")
    hook = re.search(r'id="hook" readonly value="([^"]+)"', page)
    shown = re.search(r'id="shown" readonly value="([^"]+)"', page)
    assert hook is not None
    assert shown is not None
    assert "we show them this once and never again" in page
    again = client.get(somebody.page).text
    assert "My watch" in again
    assert unescape(hook[1]) not in unescape(again)
    assert unescape(shown[1]) not in unescape(again)


def test_a_connection_made_here_ticks_a_session_off_and_the_page_tells_it(
    client: FlaskClient, somebody: Any, clock: Any
) -> None:
    page = connect(client, somebody, service="standard", label="My watch")
    hook, secret = (unescape(v) for v in re.findall(r'id="(?:hook|shown)" readonly value="([^"]+)"', page))
    assert "Nothing heard yet." in section(client.get(somebody.page).text, "services")
    body = b'{"type": "session.completed", "data": {"slot": "evening", "date": "2026-06-02"}}'
    headers = {
        "webhook-id": "one",
        "webhook-timestamp": str(int(clock.now.timestamp())),
        "webhook-signature": sign(secret, "one", clock.now, body),
    }
    path = hook.removeprefix(somebody.parts.links.public_url)
    response = client.post(path, data=body, headers=headers, content_type="application/json")
    assert response.status_code == 200, response.text
    shown = client.get(somebody.page).text
    assert "Evening 22:00 ✓ Done." in section(shown, "today")
    services = section(shown, "services")
    assert (
        "Last heard Tue 2 June, 22:30 Counted. My watch said it was done. The evening of Tuesday 2 June is done."
        in services
    )


@pytest.mark.parametrize(
    ("bodies", "told"),
    [
        ([b'{"slot": "noon"}'], "Waits for you. Simple webhook said it was done. The plan has no"),
        ([b"{not json"], "Set aside. The body is not JSON in UTF-8."),
        ([b'{"slot": "evening"}'], "Counted. Simple webhook said it was done."),
        ([b'{"id": "1", "slot": "evening"}'] * 2, "Heard before. The evening of Tuesday 2 June is done."),
        ([b'{"slot": "evening"}', b'{"slot": "evening", "type": "undone"}'], "Noted. Simple webhook said it was taken"),
    ],
    ids=["no session", "not JSON", "done", "a copy", "an undo"],
)
def test_what_became_of_the_last_message_is_said_as_in_what_was_heard(
    client: FlaskClient, somebody: Any, clock: Any, bodies: list[bytes], told: str
) -> None:
    page = connect(client, somebody, service="simple")
    hook = unescape(re.findall(r'id="hook" readonly value="([^"]+)"', page)[0])
    for body in bodies:
        clock.move(minutes=1)
        client.post(hook.removeprefix(somebody.parts.links.public_url), data=body, content_type="application/json")
    last, shown = f"Tue 2 June, 22:{30 + len(bodies)} {told}", client.get(somebody.page).text
    assert f"Last heard {last}" in section(shown, "services")
    assert f"Simple webhook {last.partition('.')[0]}." in section(shown, "heard")


def test_reading_a_message_again_is_folded_away(client: FlaskClient, somebody: Any) -> None:
    page = connect(client, somebody, service="simple")
    hook = unescape(re.findall(r'id="hook" readonly value="([^"]+)"', page)[0])
    client.post(hook.removeprefix(somebody.parts.links.public_url), json={"slot": "evening"})
    heard = re.search(r'aria-labelledby="heard">(.*?)</section>', client.get(somebody.page).text, re.DOTALL)
    assert heard
    assert "Read it again" in heard[1]
    assert "Read it again" not in re.sub(r"<details>.*?</details>", "", heard[1], flags=re.DOTALL)


def test_a_mapping_and_a_bearer_of_ones_own_are_kept(client: FlaskClient, somebody: Any) -> None:
    chosen = "a-bearer-of-my-own-0123456789"
    page = connect(client, somebody, service="simple", morning="Wake up", evening=" ", bearer=chosen)
    assert f'value="{chosen}"' in page
    with somebody.parts.store.reading() as db:
        (connection,) = stored.of(db, somebody.person.id)
    assert (connection.label, connection.settings) == ("Simple webhook", {"morning": "Wake up"})


def test_a_service_without_a_secret_shows_only_its_address(client: FlaskClient, somebody: Any) -> None:
    page = connect(client, somebody, service="habitica")
    assert 'id="hook"' in page
    assert 'id="shown"' not in page


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"service": ""},
        {"service": "nobody"},
        {"service": "../simple"},
        {"service": "simple", "bearer": "short"},
        {"service": "standard", "secret": "whsec_%%%"},
        {"service": "simple", "label": "x" * 201},
        {"service": "simple", "label": "a\x00b"},
        {"service": "simple", "morning": "a\nb"},
        {"service": "<script>alert(1)</script>"},
    ],
)
def test_a_connection_that_cannot_be_is_refused_with_a_sentence(
    client: FlaskClient, somebody: Any, census: Census, form: dict[str, str]
) -> None:
    before = census()
    response = client.post(f"{somebody.page}/connections", data=form)
    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert "<script>alert" not in response.text
    assert census() == before


def test_a_refused_form_stays_open_and_keeps_what_was_typed_but_the_secret(client: FlaskClient, somebody: Any) -> None:
    form = {"service": "simple", "label": "Tap", "morning": "Up", "bearer": "too-short-a-bearer"}
    page = client.post(f"{somebody.page}/connections", data=form).text
    assert page.count("<details open>") == 2, "its form, and what all forms are folded into"
    assert 'value="Tap"' in page
    assert 'value="Up"' in page
    assert "too-short-a-bearer" not in page
    assert "bearer needs 24 to 255" in page


def test_revoking_ends_a_connection_and_doing_it_twice_does_no_harm(client: FlaskClient, somebody: Any) -> None:
    page = connect(client, somebody, service="simple")
    hook = unescape(re.findall(r'id="hook" readonly value="([^"]+)"', page)[0])
    path = hook.removeprefix(somebody.parts.links.public_url)
    (connection,) = connection_ids(somebody)
    for _ in range(2):
        assert client.post(f"{somebody.page}/connections/{connection}/revoke").status_code == 303
    assert connection_ids(somebody) == []
    assert client.post(path, data=b"").status_code == 404
    assert "Revoke" not in section(client.get(somebody.page).text, "services")


def test_nobody_can_revoke_what_is_not_theirs(client: FlaskClient, somebody: Any, newcomer: Callable[[], Any]) -> None:
    other = newcomer()
    connect(client, other, service="simple")
    (connection,) = connection_ids(other)
    for wanted in (connection, "unknown", "%00"):
        assert client.post(f"{somebody.page}/connections/{wanted}/revoke").status_code == 404
    assert connection_ids(other) == [connection]


def test_a_label_is_text_and_never_markup(client: FlaskClient, somebody: Any) -> None:
    label = "<script>alert('x')</script>\"><b>"
    page = connect(client, somebody, service="simple", label=label)
    for html in (page, client.get(somebody.page).text):
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html
        assert '"><b>' not in html


@pytest.mark.parametrize(
    "change",
    [
        {"slot": "noon"},
        {"slot": ""},
        {"slot": "\x00"},
        {"slot": "x" * 5000},
        {"action": "explode"},
        {"action": ""},
        {"date": ""},
        {"date": "tomorrow"},
        {"date": "2026-02-30"},
        {"date": "2026-06-03"},
        {"date": "9999-12-31"},
        {"date": "0001-01-01"},
        {"date": "2026-05-31"},
        {"date": "2026-06-02\x00"},
    ],
)
def test_a_word_that_no_button_says_is_refused_and_stored_nowhere(
    client: FlaskClient, somebody: Any, census: Census, change: dict[str, str]
) -> None:
    before = census()
    data = {"date": TODAY.isoformat(), "slot": "evening", "action": "done"} | change
    response = client.post(f"{somebody.page}/session", data=data)
    assert response.status_code == 422
    assert 'class="notice" role="alert"' in response.text
    assert census() == before


@pytest.mark.parametrize("path", ["session", "connections"])
def test_forms_that_are_empty_or_huge_are_refused(
    client: FlaskClient, somebody: Any, census: Census, path: str
) -> None:
    before = census()
    assert client.post(f"{somebody.page}/{path}").status_code == 422
    assert client.post(f"{somebody.page}/{path}", data={"label": "x" * 100_000}).status_code == 413
    assert client.get(f"{somebody.page}/{path}").status_code == 405
    assert census() == before


def test_looking_at_it_stores_nothing_a_person_said(client: FlaskClient, somebody: Any, census: Census) -> None:
    record.tell(somebody.parts.store, somebody.person, Placed("evening", TODAY), FactKind.DONE, somebody.parts.clock())
    before = census()
    for path in (somebody.page, f"{somebody.page}?said=hurt", f"{somebody.page}?action=done"):
        assert client.get(path).status_code == client.head(path).status_code == 200
    assert census() == before
