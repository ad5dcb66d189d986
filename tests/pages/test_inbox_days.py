"""What was told of another day, or of a session that had not begun: which buttons it has, and what they do."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.connecting import connections
from integration.core.model import Connection
from integration.inbox import healing
from tests.pages.test_inbox_page import buttons, ids, pressed, scored, shown

Link, Post = Callable[..., Connection], Callable[[Connection, Any], str]
BREAKFAST = datetime(2026, 6, 2, 5, 30, tzinfo=UTC)


def offered(client: FlaskClient, somebody: Any) -> list[str]:
    """The buttons of what waits, up to the one that puts it away."""
    found = [one.partition(" is ")[0] for one in buttons(client.get(somebody.page).text)]
    return found[: next(place for place, one in enumerate(found) if one.startswith("Not a stretch"))]


@pytest.mark.parametrize("session", ["2026-06-01 evening", "2026-06-02 evening"])
def test_an_evening_habit_ticked_at_breakfast_asks_which_evening_it_was(
    client: FlaskClient, somebody: Any, link: Link, post: Post, clock: Any, session: str
) -> None:
    clock.now = BREAKFAST
    assert post(link("habitica", evening="pm"), scored("pm", clock())) == "quarantined"
    told = "That was before the evening of Tuesday 2 June began, so it may be an earlier one."
    assert told in shown(client, somebody)
    assert offered(client, somebody) == ["The evening of Monday 1 June", "This evening"]
    page = pressed(client, somebody, f"heard/{ids(somebody)[0]}/settle", session=session).text
    assert [(fact.date.isoformat(), fact.slot) for fact in somebody.facts()] == [tuple(session.split(" "))]
    assert "Thank you, noted." in page


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"performed_at": "2026-05-20T07:05:00+02:00"}, "said it was done at 07:05 on Wednesday 20 May."),
        ({"date": "2026-05-20", "slot": "evening"}, "said it was done on Wednesday 20 May."),
        ({"date": "2026-06-09", "slot": "evening"}, "said it was done on Tuesday 9 June."),
    ],
)
def test_of_a_day_that_cannot_be_had_no_session_of_today_is_offered(
    client: FlaskClient, somebody: Any, link: Link, post: Post, body: dict[str, str], told: str
) -> None:
    assert post(link("simple"), {"id": "1", **body}) == "quarantined"
    assert told in shown(client, somebody)
    assert offered(client, somebody) == []


def test_a_session_that_is_named_counts_whatever_habit_is_named_beside_it(
    somebody: Any, link: Link, post: Post
) -> None:
    """Spec: streaks section 2, rule 1 comes before the mapping."""
    simple = link("simple", morning="Stretch (am)")
    assert post(simple, {"slot": "evening", "date": "2026-06-02", "habit": "Evening stretch"}) == "accepted"
    assert post(simple, {"slot": "evening", "habit": "Evening stretch"}) == "ignored"


def test_what_waits_is_told_once_though_the_connection_has_another_name_by_now(
    client: FlaskClient, somebody: Any, link: Link, post: Post
) -> None:
    parts, simple = somebody.parts, link("simple")
    post(simple, {"id": "1", "date": "2026-06-01"})
    connections.alter(parts.store, parts.keys, parts.providers, simple.id, {"label": "Phone"}, parts.clock())
    assert shown(client, somebody).count("said it was done") == 1


def test_what_is_judged_again_another_day_is_told_once_as_on_the_day_when_it_came(
    client: FlaskClient, somebody: Any, link: Link, post: Post, clock: Any
) -> None:
    clock.now, parts = BREAKFAST, somebody.parts
    habitica = link("habitica")
    assert post(habitica, scored("Rücken", BREAKFAST)) == "quarantined"
    clock.move(days=1)
    connections.alter(parts.store, parts.keys, parts.providers, habitica.id, {"evening": "Rücken"}, clock())
    assert healing.changed(parts, habitica.id, {"evening": "Rücken"}) == ()
    told = shown(client, somebody)
    assert "Habitica said “Rücken” was done at 07:30. That was before the evening of Tuesday 2 June began" in told
    assert told.count("said “Rücken”") == 1


def test_noted_is_not_said_where_nothing_was_changed(
    client: FlaskClient, somebody: Any, link: Link, post: Post
) -> None:
    post(link("simple"), {"id": "1", "slot": "morning"})
    before = somebody.facts()
    page = pressed(client, somebody, f"heard/{ids(somebody)[0]}/settle", session="2026-06-02 evening").text
    assert "It counts already." in page
    assert "Thank you" not in page
    assert somebody.facts() == before
