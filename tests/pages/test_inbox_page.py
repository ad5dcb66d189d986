"""What was heard: every delivery in words, what waits with its buttons, and habits that are asked about."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from integration.connecting import connections
from integration.pages.heard import LISTED, WAITING
from integration.store import connections as stored
from integration.store import deliveries
from integration.store.tables import metadata

TODAY, YESTERDAY = date(2026, 6, 2), date(2026, 6, 1)
NO_TIME = {"id": "1", "date": str(YESTERDAY)}
Everything = Callable[[], list[str]]


@pytest.fixture
def everything(somebody: Any) -> Everything:
    """All that was said and heard, and the settings, to be compared as a whole."""

    def read() -> list[str]:
        with somebody.parts.store.reading() as db:
            names = ("deliveries", "facts", "revisions", "connections")
            return [repr(row) for name in names for row in db.execute(select(metadata.tables[name]))]

    return read


def scored(text: str, at: datetime, task: str = "task-1") -> dict[str, Any]:
    told = {"id": task, "type": "daily", "text": text, "history": [{"date": int(at.timestamp() * 1000)}]}
    return {"type": "scored", "webhookType": "taskActivity", "direction": "up", "task": told}


def yoga(at: str = "21:40") -> dict[str, Any]:
    return {"data": {"workouts": [{"id": at, "name": "Yoga", "start": f"{YESTERDAY} {at}:00 +0200", "duration": 300}]}}


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def inside(html: str) -> str:
    found = re.search(r'<section aria-labelledby="heard">(.*?)</section>', html, re.DOTALL)
    return found[1] if found else ""


def shown(client: FlaskClient, somebody: Any) -> str:
    return text(inside(client.get(somebody.page).text))


def ids(somebody: Any) -> list[int]:
    """Oldest first."""
    with somebody.parts.store.reading() as db:
        return [entry.id for entry in deliveries.latest(db, somebody.person.id, 100)][::-1]


def pressed(client: FlaskClient, somebody: Any, path: str, **form: str) -> TestResponse:
    """Posts as a button would, and follows to the page."""
    response = client.post(f"{somebody.page}/{path}", data=form)
    assert response.status_code == 303, text(response.text)
    location = response.headers["Location"]
    assert location.startswith(somebody.page + "?said=")
    assert location.endswith("#heard")
    return client.get(location)


def buttons(html: str) -> list[str]:
    return [text(found).strip() for found in re.findall(r"<button.*?</button>", inside(html), re.DOTALL)]


def test_without_a_service_there_is_no_such_section(client: FlaskClient, somebody: Any) -> None:
    assert inside(client.get(somebody.page).text) == ""


def test_with_a_service_that_has_said_nothing_it_says_so(client: FlaskClient, somebody: Any, link: Any) -> None:
    link("simple")
    assert "Nothing yet. What your services say will stand here" in shown(client, somebody)


def test_each_is_told_in_words_with_its_time_and_what_became_of_it(
    client: FlaskClient, somebody: Any, link: Any, post: Any, clock: Any
) -> None:
    habitica = link("habitica", label="My Habitica")
    for _ in range(2):
        post(habitica, scored("Stretch", clock() - timedelta(minutes=16)))
    post(habitica, {"type": "questActivity"})
    told = shown(client, somebody)
    assert (
        "My Habitica Tue 2 June, 22:30 Counted. My Habitica said “Stretch” was done at 22:14."
        " The evening of Tuesday 2 June is done." in told
    )
    assert "Heard before. The evening of Tuesday 2 June is done." in told
    assert "Heard before. Heard before." not in told
    assert "Left out. Nothing in it is a completion." in told


def test_the_newest_ten_are_listed_newest_first(
    client: FlaskClient, somebody: Any, link: Any, post: Any, clock: Any
) -> None:
    simple = link("simple")
    for number in range(LISTED + 3):
        post(simple, {"id": str(number), "slot": "morning"})
        clock.move(minutes=1)
    times = re.findall(r"\d\d:\d\d(?= (?:Counted|Heard))", shown(client, somebody))
    assert times == [f"22:{minute}" for minute in range(30 + LISTED + 2, 32, -1)]


def test_what_waits_comes_first_with_the_sessions_of_its_own_day(
    client: FlaskClient, somebody: Any, link: Any, post: Any, clock: Any
) -> None:
    simple = link("simple")
    post(simple, NO_TIME)
    clock.move(minutes=1)
    post(simple, {"id": "2", "slot": "noon"})
    clock.move(minutes=1)
    post(simple, {"id": "3", "slot": "morning"})
    page = client.get(somebody.page).text
    told = text(inside(page))
    assert told.index("Where do these belong?") < told.index("Waits for you.") < told.index("The last messages")
    assert "Waits for you. Simple webhook said it was done on Monday 1 June. It did not say at what time" in told
    assert buttons(page)[:5] == [
        "This morning is what Simple webhook said on Tue 2 June, 22:31",
        "This evening is what Simple webhook said on Tue 2 June, 22:31",
        "Not a stretch : what Simple webhook said on Tue 2 June, 22:31",
        "Count it there : what Simple webhook said on Tue 2 June, 22:31",
        "Read it again : what Simple webhook said on Tue 2 June, 22:31",
    ]
    assert buttons(page)[5] == "The morning of Monday 1 June is what Simple webhook said on Tue 2 June, 22:30"
    assert told.count("Read it again") == 3


def test_a_button_puts_it_where_it_belongs_and_the_page_says_what_that_did(
    client: FlaskClient, somebody: Any, link: Any, post: Any
) -> None:
    post(link("simple"), NO_TIME)
    [number] = ids(somebody)
    page = pressed(client, somebody, f"heard/{number}/settle", slot="evening", date=str(YESTERDAY)).text
    assert 'role="status"' in inside(page)
    told = text(inside(page))
    assert "Thank you, noted. Simple webhook said it was done. The evening of Monday 1 June is done." in told
    assert "Where do these belong?" not in told
    assert "1 June: morning passed, evening done" in page


def test_what_is_left_out_or_waits_is_named_once(client: FlaskClient, somebody: Any, link: Any, post: Any) -> None:
    phone, told = link("health_auto_export", label="my phone"), yoga()
    [workout] = told["data"]["workouts"]
    post(phone, {"data": {"workouts": [workout | {"name": "Beweglichkeit"}]}})
    post(phone, {"data": {"workouts": [workout, workout | {"id": "2", "name": "Pilates"}]}})
    page = shown(client, somebody)
    assert "My phone said “Beweglichkeit” was done at 21:40 on Monday 1 June. That is another kind of exercise." in page
    assert [
        page.count(f"said “{name}” was done at 21:40 on Monday 1 June.")
        for name in ("Yoga", "Pilates", "Beweglichkeit")
    ] == [1] * 3


def test_no_stretch_is_put_away_and_can_be_taken_back(client: FlaskClient, somebody: Any, link: Any, post: Any) -> None:
    post(link("simple"), NO_TIME)
    [number] = ids(somebody)
    page = pressed(client, somebody, f"heard/{number}/settle", choice="no", date=str(YESTERDAY)).text
    told = text(inside(page))
    assert "Thank you, noted: that was no stretch." in told
    assert "Where do these belong?" not in told
    assert "Left out. You said that it was no stretch. It was one after all" in told
    assert "Not a stretch" not in told
    again = pressed(client, somebody, f"heard/{number}/settle", slot="evening", date=str(YESTERDAY)).text
    assert "The evening of Monday 1 June is done." in text(inside(again))


@pytest.mark.parametrize("by_hand", [True, False])
def test_no_stretch_is_not_said_of_what_counts_by_now(
    client: FlaskClient, somebody: Any, link: Any, post: Any, everything: Everything, by_hand: bool
) -> None:
    """A second tab shows the buttons that another has used."""
    simple = link("simple")
    for _ in range(2):
        post(simple, NO_TIME)
    first, copy = ids(somebody)
    pressed(client, somebody, f"heard/{first}/settle", slot="evening", date=str(YESTERDAY))
    before = everything()
    page = pressed(client, somebody, f"heard/{first if by_hand else copy}/settle", choice="no").text
    told = text(inside(page))
    assert "It counts already. To change that, go to its day above." in told
    assert "The evening of Monday 1 June is done." in told
    assert "that was no stretch" not in told
    assert everything() == before


def test_of_a_part_that_does_not_count_no_stretch_is_said(
    client: FlaskClient, somebody: Any, link: Any, post: Any
) -> None:
    stretch = {"id": "1", "name": "Flexibility", "start": f"{YESTERDAY} 07:05:00 +0200", "duration": 300}
    post(link("health_auto_export"), {"data": {"workouts": [stretch, *yoga()["data"]["workouts"]]}})
    [number] = ids(somebody)
    with somebody.parts.store.writing() as db:
        [entry] = deliveries.latest(db, somebody.person.id, 1)
        deliveries.judge(db, number, "accepted", "related_activity", entry.message)
    page = pressed(client, somebody, f"heard/{number}/settle", choice="no").text
    assert "Thank you, noted: that was no stretch." in text(inside(page))


def test_pressing_twice_does_no_harm(
    client: FlaskClient, somebody: Any, link: Any, post: Any, everything: Everything
) -> None:
    post(link("simple"), NO_TIME)
    post(link("habitica"), scored("Yoga", somebody.parts.clock()))
    number, other = ids(somebody)
    with somebody.parts.store.reading() as db:
        habitica = stored.of(db, somebody.person.id)[1]

    def press() -> None:
        pressed(client, somebody, f"heard/{number}/settle", slot="evening", date=str(YESTERDAY))
        pressed(client, somebody, "habits", connection=habitica.id, habit="task-1", slot="evening")
        pressed(client, somebody, f"heard/{other}/again")

    press()
    before = everything()
    press()
    assert everything() == before


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({}, "Please use one of the buttons"),
        ({"date": "2026-06-01"}, "Please use one of the buttons"),
        ({"slot": "evening"}, "Please give a day such as 2026-06-02."),
        ({"slot": "evening", "date": "yesterday"}, "Please give a day such as"),
        ({"slot": "evening", "date": "2026-06-03"}, "has not come yet"),
        ({"slot": "evening", "date": "9999-12-31"}, "has not come yet"),
        ({"slot": "evening", "date": "0001-01-01"}, "The plan began on"),
        ({"slot": "noon", "date": "2026-06-01"}, "The plan has no session called 'noon'"),
        ({"slot": "\x00", "date": "2026-06-01"}, "The plan has no session called"),
        ({"slot": "<script>alert(1)", "date": "2026-06-01"}, "The plan has no session called"),
    ],
)
def test_a_session_that_cannot_be_is_refused_with_a_sentence(
    client: FlaskClient,
    somebody: Any,
    link: Any,
    post: Any,
    everything: Everything,
    form: dict[str, str],
    told: str,
) -> None:
    post(link("simple"), NO_TIME)
    before = everything()
    response = client.post(f"{somebody.page}/heard/{ids(somebody)[0]}/settle", data=form)
    assert response.status_code == 422
    alert = re.search(r'<p class="notice" role="alert">(.*?)</p>', response.text)
    assert alert is not None
    assert told in unescape(alert[1])
    assert "<script>alert" not in response.text
    assert everything() == before


def test_what_nobody_can_read_is_told_and_can_be_judged_again(
    client: FlaskClient, somebody: Any, link: Any, post: Any
) -> None:
    post(link("simple"), b"{not json")
    [number] = ids(somebody)
    told = shown(client, somebody)
    assert "Set aside. The body is not JSON" in told
    assert "Where do these belong?" not in told
    page = pressed(client, somebody, f"heard/{number}/again")
    assert "Read again. The body is not JSON" in text(inside(page.text))


def test_an_unknown_habit_is_asked_about_and_one_click_counts_what_came_before(
    client: FlaskClient, somebody: Any, link: Any, post: Any, clock: Any
) -> None:
    habitica = link("habitica")
    for minute in range(3):
        post(habitica, scored("Evening yoga", clock() + timedelta(minutes=minute)))
    page = client.get(somebody.page).text
    told = text(inside(page))
    assert told.count("Habitica told us of “Evening yoga”. Is it your stretch?") == 1
    assert buttons(page)[:4] == [
        "Morning is “Evening yoga” of Habitica",
        "Evening is “Evening yoga” of Habitica",
        "The time decides for “Evening yoga” of Habitica",
        "Not a stretch : “Evening yoga” of Habitica",
    ]
    assert "Set aside" not in told
    answer = pressed(client, somebody, "habits", connection=habitica.id, habit="task-1", slot="evening")
    told = text(inside(answer.text))
    assert "Saved. From now on it counts by itself. 3 earlier messages counted with it." in told
    assert told.count("Habitica said “Evening yoga” was done at 22:30.") >= 1
    assert "told us of" not in told


@pytest.mark.parametrize(
    ("form", "settings", "said"),
    [
        ({"choice": "time"}, {"morning": "task-1", "evening": "task-1"}, "1 earlier message counted with it."),
        ({"choice": "no"}, {"ignore": "task-1"}, "You will not be asked about it again."),
        ({"slot": "morning"}, {"morning": "task-1"}, "1 earlier message counted with it."),
    ],
)
def test_every_answer_about_a_habit_is_kept(
    client: FlaskClient,
    somebody: Any,
    link: Any,
    post: Any,
    clock: Any,
    form: dict[str, str],
    settings: dict[str, str],
    said: str,
) -> None:
    habitica = link("habitica")
    post(habitica, scored("Yoga", clock()))
    page = pressed(client, somebody, "habits", connection=habitica.id, habit="task-1", **form)
    assert said in text(inside(page.text))
    with somebody.parts.store.reading() as db:
        [found] = stored.of(db, somebody.person.id)
    assert found.settings == settings


def test_an_activity_that_may_hold_a_stretch_is_asked_about(
    client: FlaskClient, somebody: Any, link: Any, post: Any
) -> None:
    health = link("health_auto_export", label="My phone")
    post(health, yoga())
    page = client.get(somebody.page).text
    assert "My phone told us of “Yoga”. Does it count too?" in text(inside(page))
    assert buttons(page)[:2] == ["Count it too : “Yoga” of My phone", "Not a stretch : “Yoga” of My phone"]
    answer = pressed(client, somebody, "habits", connection=health.id, habit="Yoga", choice="count")
    told = text(inside(answer.text))
    assert "1 earlier message counted with it. My phone said “Yoga” was done at 21:40." in told


def test_one_of_an_unknown_habit_can_count_by_itself(
    client: FlaskClient, somebody: Any, link: Any, post: Any, clock: Any
) -> None:
    post(link("habitica"), scored("Yoga", clock()))
    told = shown(client, somebody)
    assert "Count this one : what Habitica said on Tue 2 June, 22:30" in told
    pressed(client, somebody, f"heard/{ids(somebody)[0]}/settle", slot="evening", date=str(TODAY))
    assert "Habitica told us of “Yoga”" not in shown(client, somebody)


def test_other_habits_are_folded_away_once_one_is_chosen(
    client: FlaskClient, somebody: Any, link: Any, post: Any, clock: Any
) -> None:
    habitica = link("habitica", evening="task-9")
    post(habitica, scored("Drink water", clock(), task="task-2"))
    told = shown(client, somebody)
    assert told.index("Other habits that we were told of") < told.index("Habitica told us of “Drink water”")
    assert "Evening is “Drink water”" not in told


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"habit": "task-1"},
        {"habit": "task-1", "slot": ""},
        {"habit": "task-1", "slot": "noon"},
        {"habit": "task-1", "choice": "explode"},
        {"habit": "", "slot": "evening"},
        {"habit": "x" * 201, "slot": "evening"},
        {"habit": "a\nb", "choice": "no"},
        {"habit": "a\x00b", "choice": "count"},
    ],
)
def test_an_answer_that_no_button_gives_is_refused(
    client: FlaskClient, somebody: Any, link: Any, everything: Everything, form: dict[str, str]
) -> None:
    habitica = link("habitica")
    before = everything()
    response = client.post(f"{somebody.page}/habits", data={"connection": habitica.id} | form)
    assert response.status_code == 422
    assert 'class="notice" role="alert"' in response.text
    assert everything() == before


def test_what_is_somebody_elses_is_not_there(
    client: FlaskClient, somebody: Any, newcomer: Any, link: Any, post: Any, everything: Everything
) -> None:
    theirs = newcomer()
    connection = link("simple", theirs)
    post(connection, NO_TIME)
    number, before = str(ids(theirs)[0]), everything()
    for wanted in (number, "0", "-1", "x", "9" * 19, "9" * 40, "%00", "１"):
        for path, form in (("settle", {"slot": "evening", "date": str(YESTERDAY)}), ("again", {})):
            assert client.post(f"{somebody.page}/heard/{wanted}/{path}", data=form).status_code == 404, wanted
    for wanted in (connection.id, "", "nobody", "\x00"):
        form = {"connection": wanted, "habit": "task-1", "slot": "evening"}
        assert client.post(f"{somebody.page}/habits", data=form).status_code == 404, wanted
    assert client.post("/me/nobody/habits").status_code == 404
    assert everything() == before
    link("simple")
    told = text(inside(client.get(f"{somebody.page}?said=settled&about={number}").text))
    assert "Thank you, noted." in told
    assert "It did not say" not in told


def test_looking_changes_nothing_whatever_the_address_says(
    client: FlaskClient, somebody: Any, link: Any, post: Any, everything: Everything
) -> None:
    post(link("simple"), NO_TIME)
    [number] = ids(somebody)
    before = everything()
    for query in (
        "said=settled&about=1",
        "said=chosen&counted=2&about=" + ".".join("9" * 30),
        "said=chosen&counted=-1",
        "said=chosen&counted=x&about=x.-1..%00.１",
        "said=chosen&counted=99999999999999999999&about=99999999999999999999",
        "said=nothing",
    ):
        assert client.get(f"{somebody.page}?{query}").status_code == 200, query
    for path in (f"heard/{number}/settle", f"heard/{number}/again", "habits"):
        assert client.get(f"{somebody.page}/{path}").status_code == 405
        if not path.endswith("again"):
            assert client.post(f"{somebody.page}/{path}", data={"slot": "x" * 100_000}).status_code == 413
    assert everything() == before


def test_of_many_that_wait_the_newest_are_shown(
    client: FlaskClient, somebody: Any, link: Any, post: Any, clock: Any
) -> None:
    simple = link("simple")
    for number in range(WAITING + 2):
        post(simple, NO_TIME | {"id": str(number)})
        clock.move(minutes=1)
    told = shown(client, somebody)
    first = told[told.index("Where do these") : told.index("The last messages")]
    assert re.findall(r"22:\d\d(?= Waits)", first) == [f"22:{minute}" for minute in range(36, 31, -1)]


def test_names_are_text_and_never_markup(client: FlaskClient, somebody: Any, link: Any, post: Any, clock: Any) -> None:
    name = "<script>alert('x')</script>\"><b>"
    post(link("habitica", label=name), scored(name, clock(), task=name))
    html = inside(client.get(somebody.page).text)
    assert "<script>" not in html
    assert '"><b>' not in html
    assert "&lt;script&gt;alert" in html


def test_what_an_ended_service_said_is_still_listed(client: FlaskClient, somebody: Any, link: Any, post: Any) -> None:
    simple = link("simple")
    post(simple, {"slot": "morning"})
    post(simple, NO_TIME)
    connections.revoke(somebody.parts.store, simple.id, somebody.parts.clock())
    told = shown(client, somebody)
    assert "Simple webhook Tue 2 June, 22:30 Counted." in told
    assert "Where do these belong?" not in told


def test_every_field_here_has_a_label_and_every_id_is_used_once(
    client: FlaskClient, somebody: Any, link: Any, post: Any, clock: Any
) -> None:
    post(link("simple"), NO_TIME)
    post(link("simple"), NO_TIME)
    post(link("habitica"), scored("Yoga", clock()))
    page = client.get(somebody.page).text
    found = re.findall(r'\sid="([^"]+)"', page)
    assert len(found) == len(set(found))
    for name in re.findall(r'<(?:input|select)[^>]*\sid="([^"]+)"', inside(page)):
        assert f'<label for="{name}">' in page


def test_no_body_is_read_for_what_needs_none(
    client: FlaskClient, somebody: Any, link: Any, post: Any, statements: list[str], clock: Any
) -> None:
    simple = link("simple")
    for number in range(LISTED):
        post(simple, {"id": str(number), "slot": "morning"})
    statements.clear()
    client.get(somebody.page)
    with_bodies = [asked for asked in statements if "deliveries.body" in asked]
    assert len(with_bodies) == 1, "the habits that are asked about"
    assert "deliveries.reason IN" in with_bodies[0]
