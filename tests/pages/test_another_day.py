"""Another day on my page: any session of the last 400 days can be set right, and only a button changes anything."""

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from calendar_export import routine
from calendar_export.routine import Dose
from integration import planning, record
from integration.core.model import FactKind
from integration.core.placing import Placed

FIRST = date(2026, 6, 1)
Census = Callable[[], dict[str, int]]


def text(html: str) -> str:
    bare = re.sub(r"<[^>]+>", " ", html)
    return re.sub(r"\s+", " ", unescape(bare))


def folded(html: str) -> str:
    found = re.search(r'<details class="before" id="another-day".*?</details>', html, re.DOTALL)
    assert found
    return found[0]


def shown(client: FlaskClient, somebody: Any, query: str) -> str:
    response = client.get(f"{somebody.page}{query}")
    assert response.status_code == 200
    return folded(response.text)


def streaks(client: FlaskClient, somebody: Any) -> str:
    found = re.search(r'<dl class="streaks">(.*?)</dl>', client.get(somebody.page).text, re.DOTALL)
    assert found
    return text(found[1])


def press(client: FlaskClient, html: str, action: str, about: str) -> Any:
    """Presses the button that is read as `about`, as a browser would."""
    for form in re.findall(r"<form method=\"post\".*?</form>", html, re.DOTALL):
        if re.search(rf'value="{action}"[^>]*>[^<]*<span class="sr"> {about}</span>', form):
            address = re.match(r'<form method="post" action="([^"]+)"', form)
            hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
            assert address
            return client.post(unescape(address[1]), data=hidden | {"action": action})
    raise AssertionError(f"no button {action} {about}")


@pytest.fixture
def later(somebody: Any, clock: Any) -> Any:
    """The same person ten days on, on 12 June."""
    clock.move(days=10)
    return somebody


def test_a_session_older_than_yesterday_can_be_told_and_taken_back(client: FlaskClient, later: Any, clock: Any) -> None:
    for action, state in (("done", "✓ Done."), ("undo", "Passed."), ("skip", "Skipped."), ("undo", "Passed.")):
        response = press(client, shown(client, later, "?day=2026-06-04"), action, "the morning of Thursday 4 June")
        assert (response.status_code, response.headers["Location"]) == (303, f"{later.page}?day=2026-06-04#another-day")
        assert f"Thursday 4 June Morning 07:00 {state}" in text(shown(client, later, "?day=2026-06-04"))
        clock.move(seconds=1)


def test_what_a_wrong_mapping_counted_is_taken_back_and_the_streaks_follow(
    client: FlaskClient, later: Any, clock: Any
) -> None:
    for day in (FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=2)):
        record.tell(later.parts.store, later.person, Placed("evening", day), FactKind.DONE, clock())
    assert "evenings in a row 0 best 3" in streaks(client, later)
    clock.move(seconds=1)
    press(client, shown(client, later, "?day=2026-06-02"), "undo", "the evening of Tuesday 2 June")
    assert "evenings in a row 0 best 1" in streaks(client, later)


def test_a_day_whose_numbers_were_folded_away_is_counted_anew(client: FlaskClient, somebody: Any, clock: Any) -> None:
    clock.move(days=300)
    assert "active days in a row 0 best 0" in streaks(client, somebody)
    for day in ("2026-06-01", "2026-06-02"):
        html = shown(client, somebody, f"?day={day}")
        press(client, html, "done", r"the evening of \w+ \d June 2026")
    assert "active days in a row 0 best 2" in streaks(client, somebody)


def test_that_it_hurt_is_answered_at_the_top_and_the_day_stays(client: FlaskClient, later: Any) -> None:
    response = press(client, shown(client, later, "?day=2026-06-04"), "hurt", "the evening of Thursday 4 June")
    assert response.headers["Location"] == f"{later.page}?said=hurt&day=2026-06-04"
    page = client.get(response.headers["Location"]).text
    assert routine.ASK_FIRST in text(page.partition('aria-labelledby="today"')[0])
    assert "Evening 22:00 Stopped because it hurt." in text(folded(page))


def test_the_buttons_of_today_lead_back_to_the_page_alone(client: FlaskClient, later: Any) -> None:
    response = press(client, client.get(later.page).text, "done", "the evening of Friday 12 June")
    assert response.headers["Location"] == later.page


def test_it_is_folded_until_a_day_is_asked_for(client: FlaskClient, later: Any) -> None:
    quiet = shown(client, later, "")
    assert quiet.startswith('<details class="before" id="another-day">')
    assert 'name="day" type="date" value="2026-06-10" min="2026-06-01" max="2026-06-12" required' in quiet
    assert "the morning of" not in quiet
    assert shown(client, later, "?day=2026-06-04").startswith('<details class="before" id="another-day" open>')


def test_its_form_asks_this_page_by_get(client: FlaskClient, later: Any) -> None:
    assert f'<form method="get" action="{later.page}#another-day"' in shown(client, later, "")


def test_it_is_not_offered_while_today_and_yesterday_are_all_there_is(client: FlaskClient, somebody: Any) -> None:
    assert "another-day" not in client.get(somebody.page).text
    assert "Monday 1 June" in text(shown(client, somebody, "?day=2026-06-01"))


@pytest.mark.parametrize("day", ["2026-06-01", "2026-06-11", "2026-06-12"])
def test_the_first_day_yesterday_and_today_can_be_asked_for_too(client: FlaskClient, later: Any, day: str) -> None:
    html = shown(client, later, f"?day={day}")
    assert html.count('class="actions"') == 2
    assert 'class="error"' not in html


def test_a_day_of_last_year_is_named_with_its_year(client: FlaskClient, somebody: Any, clock: Any) -> None:
    clock.move(days=300)
    assert "Monday 1 June 2026 Morning" in text(shown(client, somebody, "?day=2026-06-01"))


def test_it_goes_back_400_days_and_no_further(client: FlaskClient, somebody: Any, clock: Any) -> None:
    clock.move(days=400)
    assert 'min="2026-06-02"' in shown(client, somebody, "")
    assert "Tuesday 2 June 2026 Morning" in text(shown(client, somebody, "?day=2026-06-02"))
    html = shown(client, somebody, "?day=2026-06-01")
    assert "Completions are taken up to 400 days back." in html
    assert "the morning of" not in html


def test_it_shows_the_times_and_the_pause_of_that_day(client: FlaskClient, later: Any, clock: Any) -> None:
    planning.pause(later.parts.store, later.person.id, date(2026, 6, 7), date(2026, 6, 8), clock())
    planning.change_times(later.parts.store, later.person.id, time(6, 30), time(21), time(4), Dose(), clock())
    clock.move(days=5)
    assert "Morning 07:00 Paused." in text(shown(client, later, "?day=2026-06-08"))
    assert "Morning 06:30 Passed." in text(shown(client, later, "?day=2026-06-13"))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?day=2026-06-13", "Saturday 13 June has not come yet."),
        ("?day=9999-12-31", "Friday 31 December 9999 has not come yet."),
        ("?day=2026-05-31", "The plan began on Monday 1 June."),
        ("?day=0001-01-01", "The plan began on Monday 1 June."),
        ("?day=", "Please give one day, such as 2026-06-10."),
        ("?day=yesterday", "Please give one day, such as 2026-06-10."),
        ("?day=2026-02-30", "Please give one day, such as 2026-06-10."),
        ("?day=2026-06-04%00", "Please give one day, such as 2026-06-10."),
        ("?day=%ff%fe", "Please give one day, such as 2026-06-10."),
        ("?day=%F0%9D%9F%90026-06-04", "Please give one day, such as 2026-06-10."),
        ("?day=<script>alert(1)</script>", "Please give one day, such as 2026-06-10."),
        (f"?day={'9' * 5000}", "Please give one day, such as 2026-06-10."),
        ("?day=2026-06-04&day=2026-06-05", "Please give one day, such as 2026-06-10."),
        ("?day=2026-06-04&day=", "Please give one day, such as 2026-06-10."),
    ],
)
def test_a_day_that_cannot_be_shown_is_answered_with_one_sentence(
    client: FlaskClient, later: Any, query: str, told: str
) -> None:
    html = shown(client, later, query)
    assert f'role="alert" id="day-error">{told}</p>' in html
    assert 'aria-invalid="true" aria-describedby="day-error"' in html
    assert "<script>" not in html
    assert "the morning of" not in html


def test_looking_at_a_day_changes_nothing(client: FlaskClient, later: Any, census: Census) -> None:
    client.get(later.page)
    before = census()
    for query in ("?day=2026-06-04", "?day=2026-06-04&action=done&slot=evening", "?day=2026-06-13", "?day="):
        assert client.get(f"{later.page}{query}").status_code == client.head(f"{later.page}{query}").status_code == 200
    assert census() == before


@pytest.mark.parametrize("query", ["?day=", "?day=nonsense", "?day=2026-06-04&day=x"])
def test_the_way_back_is_the_day_that_was_told_whatever_the_address_says(
    client: FlaskClient, later: Any, query: str
) -> None:
    data = {"date": "2026-06-04", "slot": "evening", "action": "done"}
    response = client.post(f"{later.page}/session{query}", data=data)
    assert response.headers["Location"] == f"{later.page}?day=2026-06-04#another-day"


def test_a_word_that_is_refused_leaves_the_day_in_view(client: FlaskClient, later: Any, census: Census) -> None:
    before = census()
    data = {"date": "2026-06-04", "slot": "noon", "action": "done"}
    response = client.post(f"{later.page}/session?day=2026-06-04", data=data)
    assert response.status_code == 422
    assert "Thursday 4 June Morning 07:00" in text(folded(response.text))
    assert census() == before


def test_before_the_plan_begins_there_is_no_day_to_ask_for(client: FlaskClient, somebody: Any, clock: Any) -> None:
    clock.move(days=-3)
    for query in ("", "?day=2026-05-30", "?day=2026-06-01", "?day=x"):
        response = client.get(f"{somebody.page}{query}")
        assert response.status_code == 200
        assert "Your plan begins on 1 June." in text(response.text)
