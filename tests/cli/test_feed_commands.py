"""turntwice feed list, add, change, rotate and revoke: what they print, do and refuse."""

import json
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import select

from calendar_export.options import Options
from integration import people
from integration.cli import common, main
from integration.core.model import Feed, Person
from integration.parts import Parts
from integration.people import Wish
from integration.publishing import feeds
from integration.store import feeds as stored
from integration.store.tables import metadata

FIELDS = ["feed", "label", "address", "options", "fetched_by", "fetched_at"]
USUAL = {
    "detail": "full",
    "alarms": True,
    "lead_minutes": 0,
    "back": 14,
    "ahead": 60,
    "rich": False,
    "language": "en",
}
Everything = Callable[[], list[str]]


@pytest.fixture
def dialect() -> str:
    """What it asks of the store is tried on both engines by the store's own tests."""
    return "sqlite"


@pytest.fixture
def made(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Person, Feed]:
    """Somebody with one calendar, in the store that every command opens."""
    monkeypatch.setenv("TURNTWICE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(common, "assemble", lambda _: parts)
    return people.add(parts.store, Wish("Europe/Berlin", time(7), time(22)), parts.clock())


@pytest.fixture
def everything(parts: Parts) -> Everything:
    """Every row of the feeds, to be compared as a whole."""

    def read() -> list[str]:
        with parts.store.reading() as db:
            return sorted(map(repr, db.execute(select(metadata.tables["feeds"]))))

    return read


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["feed", *words])


def asked(*words: str) -> Any:
    done = run(*words, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


def path(row: dict[str, Any], parts: Parts) -> str:
    return str(row["address"]).removeprefix(parts.links.public_url)


def test_list_tells_each_live_calendar_with_its_options(made: tuple[Person, Feed], parts: Parts) -> None:
    person, feed = made
    (row,) = asked("list", person.id)
    assert list(row) == FIELDS
    assert row == {
        "feed": feed.id,
        "label": "My calendar",
        "address": parts.links.feed(feed.key),
        "options": USUAL,
        "fetched_by": None,
        "fetched_at": None,
    }


def test_list_says_who_fetched_last_and_when(made: tuple[Person, Feed], parts: Parts, client: FlaskClient) -> None:
    person, _ = made
    (row,) = asked("list", person.id)
    client.get(path(row, parts), headers={"User-Agent": "Thunderbird/128.0"})
    (row,) = asked("list", person.id)
    assert row["fetched_by"] == "Thunderbird"
    assert row["fetched_at"] == parts.clock().isoformat(timespec="seconds")


def test_add_makes_a_calendar_that_can_be_fetched(made: tuple[Person, Feed], parts: Parts, client: FlaskClient) -> None:
    person, feed = made
    row = asked("add", person.id, "--label", "Familie", "--set", "detail=discreet", "--set", "language = de")
    assert list(row) == FIELDS
    assert (row["label"], row["options"]) == ("Familie", USUAL | {"detail": "discreet", "language": "de"})
    assert client.get(path(row, parts)).status_code == 200
    assert [one["feed"] for one in asked("list", person.id)] == sorted([feed.id, row["feed"]])


def test_a_calendar_without_a_label_is_called_another(made: tuple[Person, Feed]) -> None:
    assert asked("add", made[0].id)["label"] == "Another calendar"


def test_change_alters_what_is_named_and_keeps_the_rest(made: tuple[Person, Feed], parts: Parts) -> None:
    _, feed = made
    asked("change", feed.id, "--set", "back=7")
    row = asked("change", feed.id, "--label", "Phone", "--set", "lead_minutes=10", "--set", "alarms=on")
    assert (row["label"], row["options"]) == ("Phone", USUAL | {"back": 7, "lead_minutes": 10})
    with parts.store.reading() as db:
        held = stored.by_id(db, feed.id)
    assert held is not None
    assert (held.key, held.options) == (feed.key, Options(back=7, lead_minutes=10))


def test_rotate_ends_the_old_address_and_prints_the_new(
    made: tuple[Person, Feed], parts: Parts, client: FlaskClient
) -> None:
    person, feed = made
    (before,) = asked("list", person.id)
    row = asked("rotate", feed.id)
    assert (row["label"], row["options"]) == (before["label"], before["options"])
    assert row["address"] != before["address"]
    assert client.get(path(row, parts)).status_code == 200
    assert "This calendar has ended" in client.get(path(before, parts)).text
    assert [one["feed"] for one in asked("list", person.id)] == [row["feed"]]


def test_revoke_ends_a_calendar(made: tuple[Person, Feed], parts: Parts, client: FlaskClient) -> None:
    person, feed = made
    (before,) = asked("list", person.id)
    assert asked("revoke", feed.id) == {"revoked": feed.id}
    assert asked("list", person.id) == []
    assert "This calendar has ended" in client.get(path(before, parts)).text
    again = run("revoke", feed.id)
    assert again.exit_code == 1
    assert "'turntwice feed list PERSON'" in again.stderr


def test_without_json_the_options_stand_as_set_takes_them(made: tuple[Person, Feed]) -> None:
    person, feed = made
    told = run("list", person.id).stdout
    assert "detail=full alarms=on lead_minutes=0 back=14 ahead=60 rich=off language=en" in told
    assert f"feed: {feed.id}\n" in run("change", feed.id, "--label", "Phone").stdout
    assert run("revoke", feed.id).stdout == f"revoked: {feed.id}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["add", "nobody"], "'turntwice person list' shows all"),
        (["list", "nobody"], "'turntwice person list' shows all"),
        (["change", "FEED", "--set", "lead_minutes=121"], "lead_minutes: a number from 0 to 120"),
        (["change", "FEED", "--set", "back=-1"], "back: a number from 0 to 365"),
        (["change", "FEED", "--set", "ahead=6"], "ahead: a number from 7 to 365"),
        (["change", "FEED", "--set", "alarms=yes"], "alarms: on or off"),
        (["change", "FEED", "--set", "language=it"], "language: one of en, de, es, fr"),
        (["change", "FEED", "--set", "detail="], "detail: one of full, discreet"),
        (["change", "FEED", "--set", "colour=red"], "no option is called 'colour'"),
        (["change", "FEED", "--label", "x" * 61], "1 to 60 characters on one line"),
        (["add", "PERSON", "--label", " "], "1 to 60 characters on one line"),
        (["add", "PERSON", "--label", "\u200d"], "1 to 60 characters on one line"),
        (["add", "PERSON", "--label", "a\x00b"], "1 to 60 characters on one line"),
        (["change", "nothing", "--label", "x"], "no live feed has the id 'nothing'"),
        (["rotate", "a\x00b"], "no live feed has the id"),
        (["rotate", "x" * 5000], "no live feed has the id"),
        (["revoke", ""], "no live feed has the id"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(
    made: tuple[Person, Feed], everything: Everything, words: list[str], told: str
) -> None:
    before = everything()
    person, feed = made
    done = run(*({"FEED": feed.id, "PERSON": person.id}.get(word, word) for word in words))
    assert (done.exit_code, done.stdout) == (1, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 250
    assert everything() == before


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["add"],
        ["change"],
        ["change", "FEED"],
        ["change", "FEED", "--set", "alarms"],
        ["change", "FEED", "--label"],
        ["rotate"],
        ["revoke", "FEED", "twice"],
        ["list", "PERSON", "--yaml"],
        ["explode"],
    ],
)
def test_wrong_usage_is_status_2(made: tuple[Person, Feed], everything: Everything, words: list[str]) -> None:
    before = everything()
    person, feed = made
    assert run(*({"FEED": feed.id, "PERSON": person.id}.get(word, word) for word in words)).exit_code == 2
    assert everything() == before


def test_nobody_has_more_calendars_than_anybody_reads(made: tuple[Person, Feed]) -> None:
    person, _ = made
    for _ in range(feeds.MOST - 1):
        assert run("add", person.id).exit_code == 0
    done = run("add", person.id)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "at most 30 feeds; revoke one" in done.stderr
