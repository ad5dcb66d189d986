"""turntwice person: people come, are listed, shown, and go; nothing is half done."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from integration.app import create_app
from integration.parts import Parts
from tests.cli.conftest import PLAN, Run

Ask = Callable[..., Any]


def test_a_new_person_gets_an_id_and_two_addresses_that_work(asked: Ask, opened: Parts) -> None:
    made = asked("person", "add", *PLAN)
    assert set(made) == {"person", "page", "feed"}
    client = create_app(opened).test_client()
    for name in ("page", "feed"):
        assert made[name].startswith("http://127.0.0.1:8000/")
        assert client.get(made[name].removeprefix("http://127.0.0.1:8000")).status_code == 200


def test_without_json_the_same_is_printed_line_by_line(turntwice: Run) -> None:
    result = turntwice("person", "add", *PLAN)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.partition(": ")[0] for line in result.stdout.splitlines()] == ["person", "page", "feed"]


def test_addresses_begin_with_the_public_url(asked: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNTWICE_PUBLIC_URL", "https://stretch.example.org/a/")
    made = asked("person", "add", *PLAN)
    assert made["page"].startswith("https://stretch.example.org/a/me/me_")
    assert made["feed"].startswith("https://stretch.example.org/a/calendar/feed_")
    assert made["feed"].endswith(".ics")


def test_people_are_listed_oldest_first_with_their_plan(asked: Ask, still: Any) -> None:
    assert asked("person", "list") == []
    first = asked("person", "add", *PLAN, "--start", "2026-01-05")["person"]
    still.shift(1)
    second = asked("person", "add", "--zone", "Asia/Tokyo", "--morning", "6:30", "--evening", "23:15")["person"]
    assert asked("person", "list") == [
        {"person": first, "zone": "Europe/Berlin", "morning": "07:00", "evening": "22:00", "start": "2026-01-05"},
        {"person": second, "zone": "Asia/Tokyo", "morning": "06:30", "evening": "23:15", "start": "2026-06-03"},
    ]


def test_the_list_is_a_table_for_people_and_empty_for_nobody(turntwice: Run) -> None:
    assert turntwice("person", "list").stdout == ""
    turntwice("person", "add", *PLAN)
    head, row = turntwice("person", "list").stdout.splitlines()
    assert head.split() == ["person", "zone", "morning", "evening", "start"]
    assert "Europe/Berlin" in row


def test_a_person_is_shown_with_the_same_addresses_as_at_first(asked: Ask) -> None:
    made = asked("person", "add", *PLAN)
    shown = asked("person", "show", made["person"])
    assert (shown["person"], shown["page"], shown["zone"]) == (made["person"], made["page"], "Europe/Berlin")
    assert [feed["feed"] for feed in shown["feeds"]] == [made["feed"]]


def test_without_json_each_calendar_of_a_person_has_a_line(asked: Ask, turntwice: Run, still: Any) -> None:
    made = asked("person", "add", *PLAN)
    still.shift(1)
    asked("feed", "add", made["person"], "--label", "Kitchen")
    first, second = asked("person", "show", made["person"])["feeds"]
    shown = turntwice("person", "show", made["person"]).stdout.splitlines()
    names = ["person", "zone", "morning", "evening", "start", "page"]
    assert [line.partition(": ")[0] for line in shown[:-3]] == names
    assert shown[-3:] == ["feeds:", f"  {first['label']}: {made['feed']}", f"  Kitchen: {second['feed']}"]


def test_a_person_without_a_calendar_is_shown_with_none(asked: Ask, turntwice: Run) -> None:
    made = asked("person", "add", *PLAN)
    for feed in asked("feed", "list", made["person"]):
        turntwice("feed", "revoke", feed["feed"])
    assert turntwice("person", "show", made["person"]).stdout.splitlines()[-1] == "feeds: none"


def test_more_can_be_said_of_the_plan(asked: Ask, opened: Parts) -> None:
    more = ("--day-start", "12:00", "--repetitions", "5", "--hold", "30")
    made = asked("person", "add", "--zone", "UTC", "--morning", "18:00", "--evening", "9:00", *more)
    feed = create_app(opened).test_client().get(made["feed"].removeprefix("http://127.0.0.1:8000"))
    assert "5" in feed.text
    assert "30 s" in feed.text or "30 seconds" in feed.text


def test_a_deleted_person_is_gone_with_the_addresses(asked: Ask, turntwice: Run, opened: Parts) -> None:
    made, other = asked("person", "add", *PLAN), asked("person", "add", *PLAN)
    assert asked("person", "delete", made["person"]) == {"deleted": made["person"]}
    assert [row["person"] for row in asked("person", "list")] == [other["person"]]
    client = create_app(opened).test_client()
    assert client.get(made["page"].removeprefix("http://127.0.0.1:8000")).status_code == 404
    again = turntwice("person", "delete", made["person"])
    assert again.exit_code == 1
    assert "turntwice person list" in again.stderr


BAD = {
    "a zone that is not one": (1, "Europe/Berlim", {"--zone": "Europe/Berlim"}),
    "a zone that is a path": (1, "time zone", {"--zone": "../../etc/passwd"}),
    "an empty zone": (1, "time zone", {"--zone": ""}),
    "no time": (2, "'seven' is no time", {"--morning": "seven"}),
    "25 o'clock": (2, "00:00 to 23:59", {"--evening": "25:00"}),
    "60 minutes": (2, "00:00 to 23:59", {"--evening": "22:60"}),
    "a time without minutes": (2, "like 07:00", {"--morning": "7"}),
    "other digits": (2, "like 07:00", {"--morning": "٠٧:٠٠"}),
    "a time with seconds": (2, "like 07:00", {"--morning": "07:00:00"}),
    "a negative time": (2, "like 07:00", {"--morning": "-7:00"}),
    "evening first": (1, "does not come after", {"--morning": "22:00", "--evening": "07:00"}),
    "both at once": (1, "does not come after", {"--evening": "07:00"}),
    "no date": (2, "like 2026-01-05", {"--start": "yesterday"}),
    "the 31st of June": (2, "is no date", {"--start": "2026-06-31"}),
    "a week's date": (2, "is no date", {"--start": "2026-W01-1"}),
    "a bare date": (2, "is no date", {"--start": "20260101"}),
    "tomorrow": (1, "2026-06-02", {"--start": "2026-06-03"}),
    "long ago": (1, "2000-01-01", {"--start": "1999-12-31"}),
    "the year 10000": (2, "is no date", {"--start": "10000-01-01"}),
    "a day that starts at noon": (1, "day start", {"--day-start": "12:00"}),
    "six turns": (1, "5", {"--repetitions": "6"}),
    "turns in words": (2, "--repetitions", {"--repetitions": "four"}),
    "a long hold": (1, "30", {"--hold": "31"}),
    "a negative hold": (1, "30", {"--hold": "-1"}),
}


@pytest.mark.parametrize(("status", "told", "changes"), BAD.values(), ids=BAD)
def test_a_wrong_plan_is_one_line_and_nobody_is_made(
    turntwice: Run, asked: Ask, status: int, told: str, changes: dict[str, str]
) -> None:
    given = {**dict(zip(PLAN[::2], PLAN[1::2], strict=True)), **changes}
    result = turntwice("person", "add", *(word for pair in given.items() for word in pair), "--json")
    assert (result.exit_code, result.stdout) == (status, "")
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert told in result.stderr
    assert asked("person", "list") == []


@pytest.mark.parametrize("left_out", ["--zone", "--morning", "--evening"])
def test_what_a_plan_needs_is_asked_for(turntwice: Run, left_out: str) -> None:
    given = {name: told for name, told in zip(PLAN[::2], PLAN[1::2], strict=True) if name != left_out}
    result = turntwice("person", "add", *(word for pair in given.items() for word in pair))
    assert result.exit_code == 2
    assert left_out in result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_json_is_one_line_of_it(turntwice: Run) -> None:
    printed = turntwice("person", "add", *PLAN, "--json").stdout
    assert printed.count("\n") == 1
    assert isinstance(json.loads(printed), dict)
