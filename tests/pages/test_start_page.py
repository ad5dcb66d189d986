"""The first page: three sentences, one form, and every way to fill it badly."""

import re
from collections.abc import Callable
from datetime import time
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from calendar_export import routine
from integration.core.model import Person
from integration.keys import KeyKind
from integration.pages import forms
from integration.parts import Parts
from integration.store import people

GOOD = {"zone": "Europe/Berlin", "morning": "06:45", "evening": "22:15"}
Census = Callable[[], dict[str, int]]


def errors(response: TestResponse) -> dict[str, str]:
    found = re.findall(r'<p class="error" id="(\w+)-error">(.*?)</p>', response.text)
    return {name: unescape(text) for name, text in found}


def value(response: TestResponse, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', response.text)
    assert found, name
    return unescape(found[1])


def made(response: TestResponse, parts: Parts) -> Person:
    assert response.status_code == 303
    key = response.headers["Location"].removeprefix("/me/")
    with parts.store.reading() as db:
        person = people.by_key(db, parts.keys.read(KeyKind.ME, key))
    assert person is not None
    return person


def test_it_says_what_it_is_in_three_sentences(client: FlaskClient) -> None:
    lead = re.search(r'<p class="lead">(.*?)</p>', client.get("/").text, re.DOTALL)
    assert lead is not None
    assert len(re.findall(r"\.(?=\s|$)", lead[1])) == 3


def test_the_form_comes_with_times_every_zone_and_the_safety_lines_before_its_button(client: FlaskClient) -> None:
    response = client.get("/")
    assert (value(response, "morning"), value(response, "evening")) == ("07:00", "22:00")
    assert [f'<option value="{zone}">' in response.text for zone in ("Europe/Berlin", "America/New_York")] == [True] * 2
    before, _, _ = unescape(response.text).partition("Make my plan</button>")
    for line in (*routine.WHEN_TO_STOP, routine.ASK_FIRST, routine.HYPERMOBILITY, routine.NO_PUSHING):
        assert line in before


def test_what_it_is_for_and_for_whom_else_it_is_named_is_read_before_the_form(client: FlaskClient) -> None:
    before, _, _ = unescape(client.get("/").text).partition("<form")
    for line in (routine.WHAT_FOR, *routine.ALSO_NAMED, *routine.steps(routine.Dose())):
        assert line in before
    asked, promised = before.index("physical therapist or doctor"), before.index("we promise no cure")
    assert max(map(before.index, routine.ALSO_NAMED)) < asked < promised


def test_whom_to_ask_is_the_first_of_the_safety_lines(client: FlaskClient) -> None:
    _, _, care = unescape(client.get("/").text).partition('id="care"')
    found = re.findall(r"<li>(.*?)</li>", care)
    assert found[:2] == [routine.ASK_FIRST, routine.HYPERMOBILITY]


def test_it_leads_to_what_can_be_connected(client: FlaskClient) -> None:
    lead = re.search(r'<p class="lead">.*?<a href="([^"]+)"', client.get("/").text, re.DOTALL)
    assert lead is not None
    assert client.get(lead[1]).status_code == 200


def test_a_good_form_makes_a_plan_and_leads_to_my_page(client: FlaskClient, parts: Parts) -> None:
    response = client.post("/", data=GOOD)
    plan = made(response, parts).plan
    version = plan.versions[0]
    assert [(slot.name, slot.at) for slot in version.slots] == [("morning", time(6, 45)), ("evening", time(22, 15))]
    assert (plan.zones[0].zone, version.day_start, version.dose) == ("Europe/Berlin", time(4), routine.Dose())
    assert client.get(response.headers["Location"]).status_code == 200


def test_what_is_folded_away_counts_too(client: FlaskClient, parts: Parts) -> None:
    more = {"day_start": "03:17", "repetitions": "5", "hold_seconds": "20"}
    version = made(client.post("/", data=GOOD | more), parts).plan.versions[0]
    assert (version.day_start, version.dose) == (time(3, 17), routine.Dose(5, 20))


@pytest.mark.parametrize("typed", ["europe/berlin", " Europe/Berlin ", "EUROPE/BERLIN"])
def test_a_zone_is_known_however_it_is_typed(client: FlaskClient, parts: Parts, typed: str) -> None:
    assert made(client.post("/", data=GOOD | {"zone": typed}), parts).plan.zones[0].zone == "Europe/Berlin"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Calcutta", "America/Argentina/Buenos_Aires", "Asia/Kolkata"])
def test_a_zone_as_any_browser_may_name_it_is_taken(client: FlaskClient, parts: Parts, zone: str) -> None:
    assert made(client.post("/", data=GOOD | {"zone": zone}), parts).plan.zones[0].zone == zone


@pytest.mark.parametrize(
    ("name", "typed", "told"),
    [
        ("zone", "", "choose your time zone"),
        ("zone", "Europe/Berln", "did you mean Europe/Berlin?"),
        ("zone", "new yrok", "did you mean America/New_York?"),
        ("zone", "Berlin", "did you mean Europe/Berlin?"),
        ("zone", "../../etc/passwd", "choose one from the list"),
        ("morning", "25:00", "from 00:00 to 23:59"),
        ("morning", "", "from 00:00 to 23:59"),
        ("morning", "07:00:30", "from 00:00 to 23:59"),
        ("morning", "٠٧:٠٠", "from 00:00 to 23:59"),
        ("evening", "22:60", "from 00:00 to 23:59"),
        ("evening", "bedtime", "from 00:00 to 23:59"),
        ("evening", "06:00", "does not come after"),
        ("evening", "06:45", "does not come after"),
        ("day_start", "24:00", "from 00:00 to 23:59"),
        ("repetitions", "6", "from 3 to 5"),
        ("repetitions", "four", "from 3 to 5"),
        ("hold_seconds", "31", "from 0 to 30"),
        ("hold_seconds", "-1", "from 0 to 30"),
    ],
)
def test_bad_input_is_told_in_one_sentence_at_its_field(
    client: FlaskClient, census: Census, name: str, typed: str, told: str
) -> None:
    response = client.post("/", data=GOOD | {name: typed})
    assert response.status_code == 422
    assert list(errors(response)) == [name]
    assert told.casefold() in errors(response)[name].casefold()
    assert errors(response)[name].endswith((".", "?"))
    assert value(response, name) == typed
    assert value(response, "zone") == (typed if name == "zone" else "Europe/Berlin")
    assert census()["people"] == 0


def test_a_day_start_between_the_two_times_is_told_with_its_cure(client: FlaskClient) -> None:
    response = client.post("/", data=GOOD | {"day_start": "12:00"})
    assert response.status_code == 422
    assert "set the day start to an hour at which you sleep" in errors(response)["evening"]
    assert "<details open>" in response.text


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"zone": "Europe/Berlin"},
        dict.fromkeys(forms.ASKED | forms.MORE, ""),
        dict.fromkeys(forms.ASKED | forms.MORE, "\x00"),
        dict.fromkeys(forms.ASKED | forms.MORE, "x" * 2000),
        dict.fromkeys(forms.ASKED | forms.MORE, "<script>alert(1)</script>"),
        dict.fromkeys(forms.ASKED | forms.MORE, "\ud7ff\uffff\U0010ffff"),
    ],
)
def test_rubbish_is_asked_again_and_never_breaks_the_page(
    client: FlaskClient, census: Census, form: dict[str, str]
) -> None:
    response = client.post("/", data=form)
    assert response.status_code == 422
    assert "<script>alert" not in response.text
    assert census()["people"] == 0


def test_a_form_of_100_kb_is_too_large(client: FlaskClient, census: Census) -> None:
    response = client.post("/", data=GOOD | {"zone": "x" * 100_000})
    assert response.status_code == 413
    assert "too much" in response.text
    assert census()["people"] == 0


def test_a_body_that_is_no_form_is_asked_again(client: FlaskClient) -> None:
    assert client.post("/", data=b"\xff\xfe{}", content_type="application/json").status_code == 422
    assert client.post("/", data=b"zone=%ff%fe", content_type="application/x-www-form-urlencoded").status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://stretch.example.org"},
    ],
)
def test_a_form_on_another_site_cannot_make_a_plan(
    client: FlaskClient, census: Census, headers: dict[str, str]
) -> None:
    assert client.post("/", data=GOOD, headers=headers).status_code == 403
    assert census()["people"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "https://localhost"},
        {"Origin": "https://stretch.example.org"},
    ],
)
def test_our_own_form_and_a_script_can_make_a_plan(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/", data=GOOD, headers=headers).status_code == 303


def test_looking_at_the_page_makes_nobody(client: FlaskClient, census: Census) -> None:
    before = census()
    assert client.get("/").status_code == client.head("/").status_code == 200
    assert census() == before
