"""The plan on my page: how it stands, and the forms that change times, zone, journeys and pauses."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from calendar_export.plan import Pause, Plan
from calendar_export.routine import Dose
from integration import people, record
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.keys import KeyKind
from integration.store.tables import metadata

TODAY, TOMORROW = date(2026, 6, 2), date(2026, 6, 3)
TIMES = {
    "morning": "06:15",
    "evening": "21:45",
    "day_start": "03:00",
    "repetitions": "5",
    "hold_seconds": "20",
}
JOURNEY = {"zone": "America/New_York", "first": "2026-06-10", "last": "2026-06-12"}
PAUSE = {"first": "2026-06-02", "last": "2026-06-05"}
GOOD: dict[str, dict[str, str]] = {
    "times": TIMES,
    "zone": {"zone": "Asia/Kathmandu"},
    "journey": JOURNEY,
    "pause": PAUSE,
    "resume": {},
}
Everything = Callable[[], list[str]]


@pytest.fixture
def dialect() -> str:
    """What it asks of the store is tried on both engines by the store's own tests."""
    return "sqlite"


@pytest.fixture
def everything(somebody: Any) -> Everything:
    """Every person with their plan, and every revision, to be compared as a whole."""

    def read() -> list[str]:
        with somebody.parts.store.reading() as db:
            names = ("people", "revisions", "facts")
            return [repr(row) for name in names for row in db.execute(select(metadata.tables[name]))]

    return read


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def section(client: FlaskClient, somebody: Any) -> str:
    found = re.search(r'<section aria-labelledby="plan">.*?</section>', client.get(somebody.page).text, re.DOTALL)
    assert found
    return text(found[0])


def form(html: str, what: str) -> str:
    found = re.search(rf'<form[^>]* id="plan-{what}".*?</form>', html, re.DOTALL)
    assert found, what
    return found[0]


def post(client: FlaskClient, somebody: Any, what: str, **typed: str) -> TestResponse:
    return client.post(f"{somebody.page}/plan/{what}", data=typed)


def change(client: FlaskClient, somebody: Any, what: str, **typed: str) -> Plan:
    response = post(client, somebody, what, **typed)
    assert response.status_code == 303, text(response.text)
    assert response.headers["Location"] == f"{somebody.page}?said={what}#plan"
    return plan_of(somebody)


def plan_of(somebody: Any) -> Plan:
    return people.find(somebody.parts.store, somebody.person.id).plan


def starts(client: FlaskClient, somebody: Any) -> list[str]:
    """When the events of the calendar begin."""
    path = somebody.parts.links.feed(somebody.feed.key).removeprefix(somebody.parts.links.public_url)
    return re.findall(r"(?m)^DTSTART:(\S+)\r$", client.get(path).text)


def test_it_says_how_the_plan_stands(client: FlaskClient, somebody: Any) -> None:
    shown = section(client, somebody)
    assert "Morning 07:00, evening 22:00; 4 turns to each side; your day starts at 04:00." in shown
    assert "Time zone: Europe/Berlin." in shown
    assert "Resume" not in shown


def test_each_form_says_what_it_does_and_has_what_holds_now(client: FlaskClient, somebody: Any) -> None:
    page = client.get(somebody.page).text
    assert "From tomorrow on. Today stays as it is" in form(page, "times")
    for name, value in (("morning", "07:00"), ("evening", "22:00"), ("day_start", "04:00"), ("repetitions", "4")):
        assert re.search(rf'name="{name}"[^>]* value="{value}"', form(page, "times"))
    assert 'value="Europe/Berlin" list="zones"' in form(page, "zone")
    assert 'name="first" type="date" value="2026-06-02"' in form(page, "pause")
    assert "Leave it empty to pause until you resume." in form(page, "pause")
    assert "from the first day to the last, then the clock at home again" in form(page, "journey")
    assert page.count('<option value="Asia/Kathmandu">') == page.count('<datalist id="zones">') == 1


def test_other_times_hold_from_tomorrow_on(client: FlaskClient, somebody: Any) -> None:
    before = starts(client, somebody)
    plan = change(client, somebody, "times", **TIMES)
    version = plan.version_on(TOMORROW)
    assert version is not None
    assert [(slot.name, slot.at) for slot in version.slots] == [("morning", time(6, 15)), ("evening", time(21, 45))]
    assert (version.day_start, version.dose) == (time(3), Dose(5, 20))
    assert plan.version_on(TODAY) == somebody.person.plan.versions[0]
    after = starts(client, somebody)
    assert [start for start in before if start < "20260603"] == [start for start in after if start < "20260603"]
    assert "20260603T041500Z" in after
    shown = section(client, somebody)
    assert "Morning 07:00, evening 22:00;" in shown
    told = "From Wednesday 3 June: morning 06:15, evening 21:45; 5 turns to each side, 20 seconds there;"
    assert told in shown
    assert 'value="06:15"' in form(client.get(somebody.page).text, "times")


def test_another_zone_holds_from_this_moment_on(client: FlaskClient, somebody: Any) -> None:
    plan = change(client, somebody, "zone", zone="asia/kathmandu")
    assert [change.zone for change in plan.zones] == ["Europe/Berlin", "Asia/Kathmandu"]
    assert plan.zones[-1].since == somebody.parts.clock()
    assert "Time zone: Asia/Kathmandu." in section(client, somebody)
    assert "20260604T011500Z" in starts(client, somebody)


def test_saying_the_same_zone_again_changes_nothing(client: FlaskClient, somebody: Any, everything: Everything) -> None:
    before = everything()
    change(client, somebody, "zone", zone="Europe/Berlin")
    assert everything() == before


def test_a_journey_follows_the_clock_there_and_then_at_home(client: FlaskClient, somebody: Any) -> None:
    change(client, somebody, "journey", **JOURNEY)
    shown = section(client, somebody)
    assert "Time zone: Europe/Berlin." in shown
    assert "From Wed 10 June, 04:00 there: America/New_York." in shown
    assert "From Sat 13 June, 04:00 there: Europe/Berlin." in shown
    morning = [start for start in starts(client, somebody) if start[:8] in ("20260611", "20260614")]
    assert "20260611T110000Z" in morning
    assert "20260614T050000Z" in morning


def test_a_journey_that_was_planned_is_dropped_by_staying(client: FlaskClient, somebody: Any) -> None:
    change(client, somebody, "journey", **JOURNEY)
    plan = change(client, somebody, "zone", zone="Europe/Berlin")
    assert {change.zone for change in plan.zones} == {"Europe/Berlin"}
    assert "America/New_York" not in section(client, somebody)


def test_a_pause_makes_nothing_due_and_is_shown_until_it_is_over(
    client: FlaskClient, somebody: Any, clock: Any
) -> None:
    plan = change(client, somebody, "pause", **PAUSE)
    assert plan.pauses == (Pause(TODAY, date(2026, 6, 5)),)
    assert "Paused since Tuesday 2 June, until Friday 5 June." in section(client, somebody)
    assert "Paused." in text(client.get(somebody.page).text)
    assert not [start for start in starts(client, somebody) if "20260602T05" < start < "20260606T04"]
    clock.move(days=4)
    assert "Paused since" not in section(client, somebody)
    assert "Resume" not in section(client, somebody)


def test_a_pause_without_a_last_day_lasts_until_resumed(client: FlaskClient, somebody: Any, clock: Any) -> None:
    change(client, somebody, "pause", first="2026-06-01", last="")
    clock.move(days=60)
    assert "Paused since Monday 1 June, until you resume." in section(client, somebody)
    plan = change(client, somebody, "resume")
    assert plan.pauses == (Pause(date(2026, 6, 1), date(2026, 7, 31)),)
    assert "Resume" not in section(client, somebody)


def test_a_pause_to_come_is_shown_and_dropped_by_resuming(client: FlaskClient, somebody: Any) -> None:
    change(client, somebody, "pause", first="2026-06-20", last="2026-06-22")
    assert "A pause is planned from Saturday 20 June, until Monday 22 June." in section(client, somebody)
    assert change(client, somebody, "resume").pauses == ()


def test_a_pause_asked_for_twice_is_one(client: FlaskClient, somebody: Any, everything: Everything) -> None:
    change(client, somebody, "pause", **PAUSE)
    before = everything()
    change(client, somebody, "pause", **PAUSE)
    change(client, somebody, "pause", first="2026-06-03", last="2026-06-03")
    assert everything() == before
    change(client, somebody, "pause", first="2026-06-02", last="")
    assert everything() != before


def test_what_was_told_stays_whatever_the_plan_becomes(client: FlaskClient, somebody: Any) -> None:
    parts = somebody.parts
    record.tell(parts.store, somebody.person, Placed("evening", TODAY), FactKind.DONE, parts.clock())
    for what, typed in GOOD.items():
        parts.clock.move(seconds=1)
        change(client, somebody, what, **typed)
    assert "Evening 22:00 ✓ Done." in text(client.get(somebody.page).text)


@pytest.mark.parametrize("what", GOOD)
def test_what_was_done_is_said_in_the_section(client: FlaskClient, somebody: Any, what: str) -> None:
    page = client.post(f"{somebody.page}/plan/{what}", data=GOOD[what], follow_redirects=True).text
    found = re.search(r'<section aria-labelledby="plan">.*?<p class="keep" role="status">', page, re.DOTALL)
    assert found
    assert "</section>" not in found[0]


@pytest.mark.parametrize(
    ("what", "typed", "told"),
    [
        ("times", {"morning": "25:00"}, "Before you get up: give a time from 00:00 to 23:59, such as 07:00."),
        ("times", {"morning": "07:00\x00"}, "Before you get up: give up to 64 plain characters."),
        ("times", {"morning": "x" * 5000}, "Before you get up: give up to 64 plain characters."),
        ("times", {"evening": ""}, "When you lie down: give a time"),
        ("times", {"evening": "05:00"}, "The evening time 05:00 does not come after the morning time 06:15"),
        ("times", {"day_start": "12:00"}, "set the day start to an hour at which you sleep."),
        ("times", {"day_start": "٠٣:٠٠"}, "Your day starts at: give a time"),
        ("times", {"repetitions": "6"}, "Turns to each side: give a whole number from 3 to 5."),
        ("times", {"hold_seconds": "-1"}, "Seconds to stay there: give a whole number from 0 to 30."),
        ("zone", {"zone": ""}, "Time zone: choose your time zone, such as Europe/Berlin."),
        ("zone", {"zone": "Europe/Berln"}, "did you mean Europe/Berlin?"),
        ("zone", {"zone": "Europe/Berlin\x00"}, "Time zone: give up to 64 plain characters."),
        ("zone", {"zone": "../../etc/passwd"}, "choose one from the list"),
        ("zone", {"zone": "Factory"}, "zone"),
        ("zone", {"zone": "<script>alert(1)</script>"}, "we know no time zone"),
        ("journey", {"zone": "Nowhere"}, "Time zone: we know no time zone 'Nowhere'"),
        ("journey", {"first": "2026-06-02"}, "A journey begins tomorrow or later"),
        ("journey", {"last": "2026-06-09"}, "ends on or after that day, and within a year."),
        ("journey", {"last": ""}, "Last day there: give a date such as 2026-06-02."),
        ("journey", {"last": "9999-12-31"}, "Last day there: give a day within the next 400 days."),
        ("journey", {"first": "9999-12-31", "last": "9999-12-31"}, "First day there: give a day within"),
        ("journey", {"first": "0001-01-01"}, "A journey begins tomorrow or later"),
        ("journey", {"first": "2026-02-30"}, "First day there: give a date such as"),
        ("journey", {"first": "20260610"}, "First day there: give a date such as"),
        ("journey", {"first": "2026-06-10\x00"}, "First day there: give a date such as"),
        ("pause", {"first": ""}, "First day: give a date such as 2026-06-02."),
        ("pause", {"first": "2026-05-25"}, "A pause may begin up to 7 days back and a year ahead."),
        ("pause", {"last": "2026-06-01"}, "A pause ends on or after the day on which it begins."),
        ("pause", {"last": "tomorrow"}, "Last day: give a date such as"),
        ("pause", {"last": "x" * 5000}, "Last day: give a date such as"),
        ("pause", {"first": "2027-12-31", "last": ""}, "First day: give a day within the next 400 days."),
    ],
)
def test_what_cannot_be_is_told_at_the_form_in_one_sentence_and_changes_nothing(
    client: FlaskClient, somebody: Any, everything: Everything, what: str, typed: dict[str, str], told: str
) -> None:
    before = everything()
    response = post(client, somebody, what, **GOOD[what] | typed)
    assert response.status_code == 422
    (error,) = re.findall(r'<p class="error" role="alert"[^>]*>(.*?)</p>', response.text)
    assert told in unescape(error)
    assert unescape(error).endswith((".", "?"))
    assert error in form(response.text, what)
    assert response.text.count("<details open>") == 1
    assert "<script>alert" not in response.text
    assert everything() == before


def test_a_refused_form_keeps_what_was_typed_and_marks_the_field(client: FlaskClient, somebody: Any) -> None:
    shown = form(post(client, somebody, "times", **TIMES | {"repetitions": "9"}).text, "times")
    for name, value in (TIMES | {"repetitions": "9"}).items():
        assert re.search(rf'name="{name}"[^>]* value="{value}"', shown)
    (marked,) = re.findall(r'<input[^>]* aria-invalid="true"[^>]*>', shown)
    assert 'name="repetitions"' in marked
    assert 'aria-describedby="plan-times-error"' in marked
    journey = form(post(client, somebody, "journey", **JOURNEY | {"zone": "Atlantis"}).text, "journey")
    assert [f'value="{value}"' in journey for value in ("Atlantis", "2026-06-10", "2026-06-12")] == [True] * 3


@pytest.mark.parametrize("what", ["times", "zone", "journey", "pause"])
def test_forms_that_are_empty_or_huge_are_refused(
    client: FlaskClient, somebody: Any, everything: Everything, what: str
) -> None:
    before = everything()
    assert post(client, somebody, what).status_code == 422
    assert client.post(f"{somebody.page}/plan/{what}", data=b"\xff", content_type="text/plain").status_code == 422
    assert post(client, somebody, what, zone="x" * 100_000).status_code == 413
    assert everything() == before


@pytest.mark.parametrize("what", ["", "nothing", "%00", "Times", "x" * 3000, "times/"])
def test_an_unknown_form_is_nothing(client: FlaskClient, somebody: Any, everything: Everything, what: str) -> None:
    before = everything()
    assert post(client, somebody, what, **TIMES).status_code == 404
    assert everything() == before


@pytest.mark.parametrize("what", GOOD)
def test_looking_and_other_keys_change_nothing(
    client: FlaskClient, somebody: Any, everything: Everything, what: str
) -> None:
    before, keys = everything(), somebody.parts.keys
    assert client.get(f"{somebody.page}/plan/{what}").status_code == 405
    assert client.get(f"{somebody.page}?said={what}").status_code == 200
    for key in (
        keys.key(KeyKind.FEED, somebody.feed.key),
        somebody.session().removeprefix("/session/"),
        f"{somebody.page.removeprefix('/me/')}A",
        keys.key(KeyKind.ME, "somebody-else"),
        "%00",
    ):
        assert client.post(f"/me/{key}/plan/{what}", data=GOOD[what]).status_code == 404
    assert everything() == before


def test_before_the_day_starts_today_is_still_yesterday(client: FlaskClient, somebody: Any, clock: Any) -> None:
    clock.now = datetime(2026, 6, 3, 1, 30, tzinfo=UTC)  # 03:30 in Berlin
    plan = change(client, somebody, "times", **TIMES)
    assert plan.versions[-1].takes_effect == TOMORROW
    clock.move(hours=1)
    assert plan.today(clock.now) == TOMORROW
    assert change(client, somebody, "times", **TIMES).versions[-1].takes_effect == TOMORROW + timedelta(days=1)
