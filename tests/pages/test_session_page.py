"""The page of one session: what it says, what its buttons do, and that looking at it changes nothing."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from calendar_export import routine
from calendar_export.routine import Dose
from integration import people
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.people import Wish
from integration.record import tell
from integration.store import feeds

TODAY = date(2026, 6, 2)
Census = Callable[[], dict[str, int]]


@pytest.fixture
def dialect() -> str:
    """What it asks of the store is tried on both engines by the store's own tests."""
    return "sqlite"


def text(html: str) -> str:
    bare = re.sub(r"<[^>]+>", " ", html)
    return re.sub(r"\s+", " ", unescape(bare))


def buttons(html: str) -> list[str]:
    return re.findall(r'<button name="action" value="(\w+)"', html)


def press(client: FlaskClient, path: str, action: str) -> str:
    response = client.post(path, data={"action": action})
    assert (response.status_code, response.headers["Location"].partition("?")[0]) == (303, path)
    return client.get(response.headers["Location"]).text


def test_it_names_the_session_and_says_what_to_do(client: FlaskClient, somebody: Any) -> None:
    page = client.get(somebody.session()).text
    assert "<h1>Tuesday 2 June, evening</h1>" in page
    assert "Open." in text(page)
    steps = re.search(r'<ol class="steps">(.*?)</ol>', page, re.DOTALL)
    assert steps is not None
    assert [text(step).strip() for step in re.findall(r"<li>(.*?)</li>", steps[1])] == list(routine.steps(Dose()))
    for line in (routine.cue("evening"), routine.BREATHING, *routine.WHEN_TO_STOP, routine.ASK_FIRST):
        assert line in text(page)
    assert buttons(page) == ["done", "skip", "hurt"]


def test_the_steps_have_the_persons_own_numbers(client: FlaskClient, somebody: Any) -> None:
    plan = somebody.person.plan.versions[0].slots
    wish = Wish("Europe/Berlin", plan[0].at, plan[1].at, TODAY, dose=Dose(5, 25))
    person, feed = people.add(somebody.parts.store, wish, somebody.parts.clock())
    page = client.get(type(somebody)(person, feed, somebody.parts).session()).text
    assert "Stay there for 25 seconds" in page
    assert "5 times on each side" in page


@pytest.mark.parametrize(
    ("action", "told", "offered"),
    [
        ("done", "✓ Done. It counts.", ["undo", "hurt"]),
        ("skip", "Skipped. It counts neither for nor against you.", ["done", "undo"]),
        ("hurt", "Stopped because it hurt. It counts neither for nor against you.", ["undo"]),
    ],
)
def test_a_button_is_taken_at_its_word_and_can_be_undone(
    client: FlaskClient, somebody: Any, clock: Any, action: str, told: str, offered: list[str]
) -> None:
    page = press(client, somebody.session(), action)
    assert told in text(page)
    assert buttons(page) == offered
    clock.move(seconds=1)
    page = press(client, somebody.session(), "undo")
    assert "Open." in text(page)
    assert buttons(page) == ["done", "skip", "hurt"]


def test_done_can_be_said_again_after_undo(client: FlaskClient, somebody: Any, clock: Any) -> None:
    for action in ("done", "undo", "done"):
        clock.move(seconds=1)
        page = press(client, somebody.session(), action)
    assert "✓ Done." in text(page)


def test_saying_it_twice_is_saying_it_once(client: FlaskClient, somebody: Any, census: Census) -> None:
    press(client, somebody.session(), "done")
    before = census()
    press(client, somebody.session(), "done")
    assert census() == before


def test_that_it_hurt_is_answered_with_when_to_stop_and_whom_to_ask(client: FlaskClient, somebody: Any) -> None:
    page = press(client, somebody.session(), "hurt")
    answer = re.search(r'<section class="reply".*?</section>', page, re.DOTALL)
    assert answer is not None
    for line in (*routine.WHEN_TO_STOP, routine.ASK_FIRST):
        assert line in text(answer[0])
    assert 'class="reply"' in client.get(somebody.session()).text
    assert 'class="reply"' not in client.get(somebody.session("morning")).text


def test_what_a_session_page_says_reaches_my_page(client: FlaskClient, somebody: Any) -> None:
    press(client, somebody.session("morning"), "done")
    assert "Morning 07:00 ✓ Done." in text(client.get(somebody.page).text)


def test_a_session_that_has_passed_can_still_be_told(client: FlaskClient, somebody: Any) -> None:
    path = somebody.session("morning", TODAY - timedelta(days=1))
    page = client.get(path).text
    assert "Monday 1 June, morning" in page
    assert "Passed. If you did it, say so: it still counts." in text(page)
    assert "✓ Done." in text(press(client, path, "done"))


def test_a_session_of_a_coming_day_waits(client: FlaskClient, somebody: Any, census: Census) -> None:
    path, before = somebody.session(day=TODAY + timedelta(days=1)), census()
    page = client.get(path).text
    assert "Not yet: this one is planned for Wednesday 3 June at 22:00." in text(page)
    assert "<button" not in page
    assert client.post(path, data={"action": "done"}).status_code == 422
    assert census() == before


def test_before_the_day_starts_it_is_still_yesterday(client: FlaskClient, somebody: Any, clock: Any) -> None:
    clock.move(hours=5)  # 03:30 in Berlin
    assert "Open." in text(client.get(somebody.session()).text)
    assert "Not yet" in text(client.get(somebody.session("morning", TODAY + timedelta(days=1))).text)


@pytest.mark.parametrize(
    ("day", "slot"),
    [(date(2026, 5, 31), "morning"), (TODAY, "noon"), (date(2026, 6, 20), "noon"), (date(2000, 1, 1), "evening")],
)
def test_a_session_outside_the_plan_has_no_buttons(
    client: FlaskClient, somebody: Any, census: Census, day: date, slot: str
) -> None:
    path, before = somebody.session(slot, day), census()
    page = client.get(path)
    assert page.status_code == 200
    assert "<button" not in page.text
    assert client.post(path, data={"action": "done"}).status_code == 422
    assert census() == before


def test_a_session_too_long_ago_says_so(client: FlaskClient, somebody: Any, clock: Any) -> None:
    clock.move(days=401)
    page = client.get(somebody.session()).text
    assert "Completions are taken up to 400 days back." in page
    assert "Tuesday 2 June 2026, evening" in page
    assert "<button" not in page


@pytest.mark.parametrize("action", ["", "explode", "DONE", "\x00", "x" * 5000, "<script>"])
def test_an_unknown_action_is_refused(client: FlaskClient, somebody: Any, census: Census, action: str) -> None:
    before = census()
    response = client.post(somebody.session(), data={"action": action})
    assert response.status_code == 422
    assert 'class="notice" role="alert"' in response.text
    assert census() == before


def test_forms_that_are_empty_or_huge_are_refused(client: FlaskClient, somebody: Any, census: Census) -> None:
    before = census()
    assert client.post(somebody.session()).status_code == 422
    assert client.post(somebody.session(), data={"action": "x" * 100_000}).status_code == 413
    assert client.post(somebody.session(), data=b"\xff", content_type="text/plain").status_code == 422
    assert census() == before


def test_looking_at_it_changes_nothing(client: FlaskClient, somebody: Any, census: Census) -> None:
    before = census()
    for slot, day in (("evening", TODAY), ("morning", TODAY), ("evening", TODAY + timedelta(days=1))):
        for query in ("", "?action=done", "?said=hurt"):
            path = somebody.session(slot, day) + query
            assert client.get(path).status_code == client.head(path).status_code == 200
    assert census() == before


def test_only_get_and_post_are_answered(client: FlaskClient, somebody: Any) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert client.open(somebody.session(), method=method).status_code == 405


def test_the_link_dies_with_its_feed(client: FlaskClient, somebody: Any, census: Census) -> None:
    with somebody.parts.store.writing() as db:
        feeds.revoke(db, somebody.feed.id, somebody.parts.clock())
    before = census()
    assert client.get(somebody.session()).status_code == 404
    assert client.post(somebody.session(), data={"action": "done"}).status_code == 404
    assert census() == before


def test_what_was_told_before_a_change_of_state_elsewhere_shows_at_once(client: FlaskClient, somebody: Any) -> None:
    assert "Open." in text(client.get(somebody.session()).text)
    tell(somebody.parts.store, somebody.person, Placed("evening", TODAY), FactKind.DONE, somebody.parts.clock())
    assert "✓ Done." in text(client.get(somebody.session()).text)
