"""The calendars on my page: cards, the forms that make, change, rotate and end them, and the file to import once."""

import re
from collections.abc import Callable
from dataclasses import fields
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from calendar_export.options import LANGUAGES, RANGES, Detail, Options
from integration import planning
from integration.core.model import Feed
from integration.keys import KeyKind
from integration.pages import cards, words
from integration.publishing import export, feeds
from integration.store import feeds as stored
from integration.store.tables import metadata

TODAY = date(2026, 6, 2)
GOOGLE = {"User-Agent": "Google-Calendar-Importer"}
POSTS = ("feeds", "feeds/{feed}", "feeds/{feed}/rotate", "feeds/{feed}/revoke")
OPTIONS = {
    "detail": "full",
    "alarms": "on",
    "lead_minutes": "10",
    "back": "7",
    "ahead": "30",
    "rich": "on",
    "language": "de",
}
Everything = Callable[[], dict[str, list[str]]]


@pytest.fixture
def dialect() -> str:
    """What it asks of the store is tried on both engines by the store's own tests."""
    return "sqlite"


@pytest.fixture
def everything(somebody: Any) -> Everything:
    """Every row of what a person has, to be compared as a whole."""

    def read() -> dict[str, list[str]]:
        with somebody.parts.store.reading() as db:
            names = ("people", "feeds", "facts", "revisions")
            return {name: sorted(map(repr, db.execute(select(metadata.tables[name])))) for name in names}

    return read


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def section(html: str) -> str:
    found = re.search(r'<section aria-labelledby="calendar">.*?</section>', html, re.DOTALL)
    assert found
    return found[0]


def form(html: str, name: str) -> str:
    found = re.search(rf'<form[^>]* id="{name}".*?</form>', html, re.DOTALL)
    assert found, name
    return found[0]


def of(somebody: Any) -> list[Feed]:
    with somebody.parts.store.reading() as db:
        return stored.of(db, somebody.person.id)


def another(somebody: Any, label: str = "Partner", **wishes: str) -> Feed:
    return feeds.add(somebody.parts.store, somebody.person.id, label, wishes, somebody.parts.clock())


def fetch(client: FlaskClient, somebody: Any, feed: Feed, **headers: str) -> TestResponse:
    path = somebody.parts.links.feed(feed.key).removeprefix(somebody.parts.links.public_url)
    return client.get(path, headers=headers)


def unfolded(response: TestResponse) -> str:
    return response.text.replace("\r\n ", "")


def uids(response: TestResponse) -> list[str]:
    return re.findall(r"(?m)^BEGIN:VEVENT\r\nUID:(.+)\r$", unfolded(response))


def links(response: TestResponse, somebody: Any) -> list[str]:
    found = re.findall(r"(?m)^URL[^:]*:(\S+)\r?$", unfolded(response))
    return [link.removeprefix(somebody.parts.links.public_url) for link in found]


def post(client: FlaskClient, somebody: Any, path: str, **typed: str) -> TestResponse:
    return client.post(f"{somebody.page}/{path}", data=typed)


def done(response: TestResponse, somebody: Any, said: str) -> None:
    assert (response.status_code, response.headers["Location"].partition("#")[0]) == (
        303,
        f"{somebody.page}?said={said}",
    )


def test_a_card_has_the_label_the_address_webcal_and_the_options_in_words(client: FlaskClient, somebody: Any) -> None:
    html = section(client.get(somebody.page).text)
    address = unescape(html)
    places = [
        address.index(part)
        for part in (
            "My calendar: the address",
            somebody.parts.links.feed(somebody.feed.key),
            "data-copy",
            somebody.parts.links.webcal(somebody.feed.key),
            "Not fetched by a calendar yet.",
            'class="qr"',
            f"options-{somebody.feed.id}",
        )
    ]
    assert places == sorted(places)
    told = "Everything: steps, when to stop, links; rings as a session begins; 14 days back, 60 ahead; English."
    assert told in text(html)
    assert f'href="{somebody.page}/subscribe"' in html


def test_all_options_have_words() -> None:
    changed = Options(Detail.DISCREET, False, 10, 1, 7, True, "fr")
    told = "Discreet: a neutral title, no steps, no links; no alarms; 1 day back, 7 ahead; Français."
    assert cards.in_words(changed) == told
    rings = cards.in_words(Options(lead_minutes=1, rich=True))
    assert "rings 1 minute before; 14 days back, 60 ahead; formatted text; English." in rings


def test_every_option_has_a_field_with_a_label_a_line_of_help_and_its_range(client: FlaskClient, somebody: Any) -> None:
    name = f"options-{somebody.feed.id}"
    html = form(client.get(somebody.page).text, name)
    for option in fields(Options):
        label, hint = cards.TEXTS[option.name]
        assert f'<label for="{name}-{option.name}">{label}</label>' in html
        assert f'<p class="hint" id="{name}-{option.name}-hint">{hint}' in unescape(html)
        shown = re.search(rf'<(?:input|select)[^>]* name="{option.name}"[^>]*>', html)
        assert shown
        if option.name in RANGES:
            allowed = RANGES[option.name]
            assert f'min="{allowed[0]}" max="{allowed[-1]}"' in shown[0]
            assert hint in unescape(html)
    assert [f'value="{language}"' in html for language in LANGUAGES] == [True] * len(LANGUAGES)
    assert "Outlook: take it." in html


def test_who_fetched_last_is_told_and_browsers_are_not_counted(client: FlaskClient, somebody: Any, clock: Any) -> None:
    fetch(client, somebody, somebody.feed, **GOOGLE)
    clock.move(hours=3, minutes=10)
    browser = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    fetch(client, somebody, somebody.feed, **{"User-Agent": browser})
    assert "Last fetched by Google Calendar 3 hours ago." in text(client.get(somebody.page).text)


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        (timedelta(seconds=-90), "just now"),
        (timedelta(), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=400), "400 days ago"),
    ],
)
def test_how_long_ago_is_put_in_words(clock: Any, passed: timedelta, told: str) -> None:
    assert words.ago(clock.now - passed, clock.now) == told


def test_outlook_is_told_to_take_formatted_text(client: FlaskClient, somebody: Any) -> None:
    fetch(client, somebody, somebody.feed, **GOOGLE)
    assert cards.FOR_OUTLOOK not in text(client.get(somebody.page).text)
    other = another(somebody, "Work")
    somebody.parts.clock.move(minutes=2)
    fetch(client, somebody, other, **{"User-Agent": "Microsoft Office/16.0 (Microsoft Outlook 16.0)"})
    assert text(client.get(somebody.page).text).count(cards.FOR_OUTLOOK) == 1
    feeds.change(somebody.parts.store, other.id, None, {"rich": "on"}, somebody.parts.clock())
    assert cards.FOR_OUTLOOK not in text(client.get(somebody.page).text)


def test_another_calendar_has_a_card_an_address_and_options_of_its_own(client: FlaskClient, somebody: Any) -> None:
    somebody.parts.clock.move(seconds=1)
    done(post(client, somebody, "feeds", label=" Work ", **OPTIONS), somebody, "added")
    old, new = of(somebody)
    assert (old.id, old.options) == (somebody.feed.id, Options())
    assert (new.label, new.options) == ("Work", Options(Detail.FULL, True, 10, 7, 30, True, "de"))
    page = client.get(somebody.page).text
    assert page.count('class="card feed"') == page.count('class="qr"') == 2
    assert "Work: the address to subscribe to" in page
    document = fetch(client, somebody, new).text
    assert "TRIGGER:-PT10M" in document
    assert "X-ALT-DESC" in document


def test_a_calendar_may_bear_a_name_with_joined_emoji(client: FlaskClient, somebody: Any) -> None:
    name = "\U0001f469\u200d\u2695\ufe0f Praxis"
    done(post(client, somebody, "feeds", label=name), somebody, "added")
    assert name in {feed.label for feed in of(somebody)}


def test_a_calendar_without_options_has_the_usual_ones(client: FlaskClient, somebody: Any) -> None:
    done(post(client, somebody, "feeds", label="Work"), somebody, "added")
    assert [feed.options for feed in of(somebody)] == [Options(), Options()]


def test_changing_one_option_of_one_calendar_leaves_the_others_documents_alone(
    client: FlaskClient, somebody: Any
) -> None:
    other = another(somebody)
    before = {feed.id: fetch(client, somebody, feed).headers["ETag"] for feed in (somebody.feed, other)}
    somebody.parts.clock.move(minutes=1)
    done(post(client, somebody, f"feeds/{other.id}", lead_minutes="5"), somebody, "changed")
    assert fetch(client, somebody, somebody.feed, **{"If-None-Match": before[somebody.feed.id]}).status_code == 304
    changed = fetch(client, somebody, other, **{"If-None-Match": before[other.id]})
    assert changed.status_code == 200
    assert "TRIGGER:-PT5M" in changed.text


def test_a_form_that_changes_nothing_gives_no_calendar_anything_new(client: FlaskClient, somebody: Any) -> None:
    etag = fetch(client, somebody, somebody.feed).headers["ETag"]
    same = OPTIONS | {"lead_minutes": "0", "back": "14", "ahead": "60", "rich": "off", "language": "en"}
    done(post(client, somebody, f"feeds/{somebody.feed.id}", **same), somebody, "changed")
    assert fetch(client, somebody, somebody.feed, **{"If-None-Match": etag}).status_code == 304


def test_another_name_is_for_the_person_and_calendars_do_not_see_it(client: FlaskClient, somebody: Any) -> None:
    etag = fetch(client, somebody, somebody.feed).headers["ETag"]
    done(post(client, somebody, f"feeds/{somebody.feed.id}", label="Phone"), somebody, "changed")
    assert of(somebody)[0].label == "Phone"
    assert "Phone: the address to subscribe to" in client.get(somebody.page).text
    assert fetch(client, somebody, somebody.feed, **{"If-None-Match": etag}).status_code == 304


def test_a_discreet_calendar_holds_no_link_and_says_so(client: FlaskClient, somebody: Any) -> None:
    assert links(fetch(client, somebody, somebody.feed), somebody)
    done(post(client, somebody, f"feeds/{somebody.feed.id}", detail="discreet"), somebody, "changed")
    document = fetch(client, somebody, somebody.feed)
    assert uids(document)
    assert "http" not in unfolded(document)
    assert "DESCRIPTION:On your back" not in document.text
    assert cards.SHARED[Detail.DISCREET] in text(client.get(somebody.page).text)


def test_a_new_address_keeps_the_uids_and_ends_the_old_links(client: FlaskClient, somebody: Any, clock: Any) -> None:
    old, page = somebody.feed, somebody.page
    before = fetch(client, somebody, old)
    old_links = links(before, somebody)
    today = next(link for link in old_links if "~20260602~evening" in link)
    assert client.get(today).status_code == 200
    clock.move(minutes=1)
    response = post(client, somebody, f"feeds/{old.id}/rotate")
    done(response, somebody, "rotated")
    (fresh,) = of(somebody)
    assert response.headers["Location"].endswith(f"#{fresh.id}")
    assert (fresh.label, fresh.options) == (old.label, old.options)
    assert fresh.key != old.key
    after = fetch(client, somebody, fresh)
    assert uids(after) == uids(before)
    assert not set(links(after, somebody)) & set(old_links)
    assert client.get(today).status_code == client.post(today, data={"action": "done"}).status_code == 404
    assert "This calendar has ended" in fetch(client, somebody, old).text
    assert old.key not in client.get(page).text
    clock.move(days=14)
    assert fetch(client, somebody, old).status_code == 410
    assert fetch(client, somebody, fresh).status_code == 200


def test_an_ended_calendar_tells_so_and_ends_its_links_alone(client: FlaskClient, somebody: Any) -> None:
    other = another(somebody)
    ended, kept = (links(fetch(client, somebody, feed), somebody)[-1] for feed in (other, somebody.feed))
    for _ in range(2):
        done(post(client, somebody, f"feeds/{other.id}/revoke"), somebody, "ended")
    assert [feed.id for feed in of(somebody)] == [somebody.feed.id]
    assert "This calendar has ended" in fetch(client, somebody, other).text
    assert client.get(ended).status_code == 404
    assert client.get(kept).status_code == 200
    assert fetch(client, somebody, somebody.feed).status_code == 200


def test_the_last_calendar_can_be_ended_and_another_made(client: FlaskClient, somebody: Any) -> None:
    done(post(client, somebody, f"feeds/{somebody.feed.id}/revoke"), somebody, "ended")
    assert "You have no calendar now." in text(client.get(somebody.page).text)
    done(post(client, somebody, "feeds", label="Again"), somebody, "added")
    assert [feed.label for feed in of(somebody)] == ["Again"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("added", "Your new calendar is below"),
        ("changed", "Saved."),
        ("rotated", "The old address has stopped."),
        ("ended", "That calendar has ended."),
    ],
)
def test_what_was_done_is_said_where_it_was_done(client: FlaskClient, somebody: Any, said: str, told: str) -> None:
    assert told in text(section(client.get(f"{somebody.page}?said={said}").text))
    assert told not in text(section(client.get(somebody.page).text))


def test_nobody_reaches_what_is_not_theirs_unknown_or_ended(
    client: FlaskClient, somebody: Any, newcomer: Callable[[], Any], everything: Everything
) -> None:
    other, ended = newcomer(), another(somebody, "Ended")
    feeds.revoke(somebody.parts.store, ended.id, somebody.parts.clock())
    before = everything()
    strange = (other.feed.id, "unknown", "%00", f"{somebody.feed.id}%00", "x" * 3000, "ü", "-", somebody.feed.key)
    answers = [
        post(client, somebody, path.format(feed=feed), label="Mine", detail="discreet")
        for path in POSTS[1:]
        for feed in (*strange, *([ended.id] if not path.endswith("revoke") else []))
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1
    assert 'class="notice" role="alert">You have no such calendar' in answers[0].text
    assert everything() == before


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"lead_minutes": "121"}, "Minutes before: a number from 0 to 120."),
        ({"lead_minutes": "-1"}, "Minutes before: a number from 0 to 120."),
        ({"lead_minutes": ""}, "Minutes before: a number from 0 to 120."),
        ({"back": "366"}, "Days back: a number from 0 to 365."),
        ({"back": "٣"}, "Days back: a number from 0 to 365."),
        ({"back": "1\x00"}, "Days back: a number from 0 to 365."),
        ({"ahead": "6"}, "Days ahead: a number from 7 to 365."),
        ({"ahead": "9" * 5000}, "Days ahead: a number from 7 to 365."),
        ({"alarms": "yes"}, "Alarms: on or off."),
        ({"rich": "1"}, "Formatted text: on or off."),
        ({"detail": "secret"}, "What it says: one of full, discreet."),
        ({"language": "it"}, "Language: one of en, de, es, fr."),
        ({"language": "../en"}, "Language: one of en, de, es, fr."),
        ({"colour": "red"}, "No option is called 'colour'; there are detail, alarms"),
        ({"a\x00b": "x"}, "No option is called"),
        ({"<script>": "x"}, "No option is called '<script>'"),
        ({"x" * 3000: "x"}, "No option is called"),
    ],
)
@pytest.mark.parametrize("path", ["feeds", "feeds/{feed}"])
def test_options_that_cannot_be_are_told_at_the_form_and_change_nothing(
    client: FlaskClient, somebody: Any, everything: Everything, path: str, typed: dict[str, str], told: str
) -> None:
    before = everything()
    response = post(client, somebody, path.format(feed=somebody.feed.id), **{"label": "Work"} | OPTIONS | typed)
    assert response.status_code == 422
    shown = form(response.text, "another" if path == "feeds" else f"options-{somebody.feed.id}")
    (error,) = re.findall(r'<p class="error" role="alert"[^>]*>(.*?)</p>', response.text)
    assert told in unescape(error)
    assert error in shown
    assert "<script>" not in response.text
    assert response.text.count("<details open>") == 1
    assert everything() == before


@pytest.mark.parametrize("label", ["", " ", "x" * 61, "a\x00b", "a\nb", "\u202e", "x" * 5000])
@pytest.mark.parametrize("path", ["feeds", "feeds/{feed}"])
def test_a_name_that_cannot_be_is_told_at_the_form_and_changes_nothing(
    client: FlaskClient, somebody: Any, everything: Everything, path: str, label: str
) -> None:
    before = everything()
    response = post(client, somebody, path.format(feed=somebody.feed.id), label=label)
    assert response.status_code == 422
    shown = form(response.text, "another" if path == "feeds" else f"rename-{somebody.feed.id}")
    assert "What you call it: give 1 to 60 characters on one line." in shown
    assert 'aria-invalid="true"' in shown
    assert everything() == before


def test_a_refused_form_keeps_what_was_typed(client: FlaskClient, somebody: Any) -> None:
    typed = OPTIONS | {"lead_minutes": "500", "detail": "discreet"}
    page = post(client, somebody, f"feeds/{somebody.feed.id}", **typed).text
    shown = form(page, f"options-{somebody.feed.id}")
    for name, value in (("lead_minutes", "500"), ("back", "7"), ("ahead", "30")):
        assert re.search(rf'name="{name}"[^>]* value="{value}"', shown)
    for value in ("discreet", "on", "de"):
        assert f'<option value="{value}" selected>' in shown
    assert f'<a href="#options-{somebody.feed.id}">' in page


def test_a_form_that_names_nothing_or_too_much_is_refused(
    client: FlaskClient, somebody: Any, everything: Everything
) -> None:
    before = everything()
    for path in ("feeds", f"feeds/{somebody.feed.id}"):
        assert post(client, somebody, path).status_code == 422
        assert client.post(f"{somebody.page}/{path}", data=b"\xff", content_type="text/plain").status_code == 422
        assert post(client, somebody, path, label="x" * 100_000).status_code == 413
    assert everything() == before


def test_nobody_has_more_calendars_than_anybody_reads(
    client: FlaskClient, somebody: Any, everything: Everything
) -> None:
    for number in range(feeds.MOST - 1):
        another(somebody, f"Number {number}")
    before = everything()
    response = post(client, somebody, "feeds", label="One more")
    assert response.status_code == 422
    assert "A person has at most 30 feeds; revoke one that nobody reads." in form(response.text, "another")
    assert everything() == before


def test_a_label_is_text_and_never_markup(client: FlaskClient, somebody: Any) -> None:
    label = "<script>alert('x')</script>\"><b>"
    post(client, somebody, f"feeds/{somebody.feed.id}", label=label)
    html = client.get(somebody.page).text
    assert "&lt;script&gt;alert" in html
    assert "<script>alert" not in html
    assert '"><b>' not in html


def test_with_many_calendars_every_field_has_a_label_and_every_id_is_used_once(
    client: FlaskClient, somebody: Any
) -> None:
    for number in range(3):
        another(somebody, f"Number {number}")
    html = post(client, somebody, f"feeds/{somebody.feed.id}", back="x").text
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    shown = [field for field in re.findall(r"<(?:input|select)[^>]*>", html) if 'type="hidden"' not in field]
    assert len(shown) > 40
    for field in shown:
        found = re.search(r'\sid="([^"]+)"', field)
        assert found
        assert f'<label for="{found[1]}">' in html
    for names in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', html):
        assert set(names.split()) <= set(ids)


def test_looking_changes_nothing(client: FlaskClient, somebody: Any, everything: Everything) -> None:
    before = everything()
    for path in POSTS:
        address = f"{somebody.page}/{path.format(feed=somebody.feed.id)}"
        assert client.get(address).status_code == client.head(address).status_code == 405
    for path in ("?said=rotated", "?said=%00", "?said=ended&label=x", "/export.ics"):
        assert client.get(f"{somebody.page}{path}").status_code == 200
    assert everything() == before


@pytest.mark.parametrize("path", [*POSTS, "export.ics"])
def test_no_other_kind_of_key_opens_a_form(
    client: FlaskClient, somebody: Any, everything: Everything, path: str
) -> None:
    before, keys = everything(), somebody.parts.keys
    for key in (
        keys.key(KeyKind.FEED, somebody.feed.key),
        keys.key(KeyKind.BADGE, somebody.person.key),
        somebody.session().removeprefix("/session/"),
        f"me_{somebody.person.key}",
        f"{somebody.page.removeprefix('/me/')}A",
        keys.key(KeyKind.ME, "somebody-else"),
        "%00",
    ):
        method = "GET" if path == "export.ics" else "POST"
        address = f"/me/{key}/{path.format(feed=somebody.feed.id)}"
        assert client.open(address, method=method, data={"label": "Mine"}).status_code == 404
    assert everything() == before


def test_the_file_to_import_is_sent_as_a_file_and_holds_no_key(client: FlaskClient, somebody: Any) -> None:
    assert f'href="{somebody.page}/export.ics"' in client.get(somebody.page).text
    response = client.get(f"{somebody.page}/export.ics")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="turntwice.ics"'
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in response.headers
    parts = somebody.parts
    assert response.data == export.one_off(parts.store, somebody.person.id, parts.clock())
    assert "http" not in unfolded(response)


def test_while_nothing_is_planned_there_is_no_file(client: FlaskClient, somebody: Any) -> None:
    planning.pause(somebody.parts.store, somebody.person.id, TODAY, None, somebody.parts.clock())
    response = client.get(f"{somebody.page}/export.ics")
    assert response.status_code == 422
    assert "end the pause, then export again" in text(response.text)
    assert response.headers["Content-Type"].startswith("text/html")
