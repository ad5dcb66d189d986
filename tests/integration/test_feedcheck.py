"""The feed check: a person's feeds, one of ours by its address, or a file; never the network."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from calendar_export.verdict import EVERYBODY, Severity
from integration.cli.feedcheck import check
from integration.errors import NotFound, Refused, StoreUnavailable
from integration.links import Links
from integration.parts import Parts
from integration.publishing import export, feedcheck, feeds
from integration.publishing.publish import Publisher
from integration.store import feeds as stored

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """On SQLite nothing may open a connection; PostgreSQL is one."""
    if "postgresql" not in request.node.name:
        monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a check opened a connection"))


def texts(found: feedcheck.Checked, who: str = EVERYBODY) -> str:
    return " ".join(finding.text for finding in found.findings if finding.who == who)


def test_a_new_persons_feed_has_no_problem(parts: Parts, somebody: Any) -> None:
    (checked,) = feedcheck.check(parts, somebody.id)
    assert checked.name == somebody.feed.label
    assert not checked.problems
    assert {finding.severity for finding in dict(checked.groups)[EVERYBODY]} == {Severity.OK}
    assert "It is well formed" in texts(checked)


def test_a_rich_feed_without_alarms_is_told_so(parts: Parts, somebody: Any, clock: Any) -> None:
    clock.move(seconds=1)
    feeds.add(parts.store, somebody.id, "Outlook", {"rich": "on", "alarms": "off"}, parts.clock())
    plain, rich = feedcheck.check(parts, somebody.id)
    assert (plain.name, rich.name) == (somebody.feed.label, "Outlook")
    assert not rich.problems
    assert "no HTML for it" in texts(plain, "Outlook classic")
    assert "HTML twin" in texts(rich, "Outlook classic")
    assert "stays silent" in texts(rich, "Thunderbird")


@pytest.mark.parametrize("form", ["https", "webcal", "path", "elsewhere", "fragment"])
def test_our_own_address_in_any_form_is_read_from_the_store(parts: Parts, somebody: Any, form: str) -> None:
    address = parts.links.feed(somebody.feed.key)
    target = {
        "https": address,
        "webcal": parts.links.webcal(somebody.feed.key),
        "path": address.removeprefix(parts.links.public_url),
        "elsewhere": address.replace(parts.links.public_url, "http://127.0.0.1:8000"),
        "fragment": f"{address}#2",
    }[form]
    (checked,) = feedcheck.check(parts, target)
    assert "It is well formed" in texts(checked)
    assert not checked.problems


def test_an_address_below_a_path_is_ours_too(parts: Parts, somebody: Any) -> None:
    below = Parts(parts.store, parts.keys, Links("https://example.org/stretch", parts.keys), parts.clock, {})
    (checked,) = feedcheck.check(below, below.links.feed(somebody.feed.key))
    assert not checked.problems


def test_the_address_that_is_handed_out_is_judged_and_not_the_one_typed(parts: Parts, somebody: Any) -> None:
    home = Parts(parts.store, parts.keys, Links("http://127.0.0.1:8000", parts.keys), parts.clock, {})
    (checked,) = feedcheck.check(home, somebody.id)
    assert "cannot fetch it" in texts(checked)
    assert "will show nothing" in texts(checked, "Google Calendar")


@pytest.mark.parametrize(
    "target",
    [
        "https://calendar.example.com/basic.ics",
        "ftp://x/y",
        "https://[broken/x.ics",
        "/calendar/",
        "https://x/calendar/",
    ],
)
def test_feeds_of_others_are_refused_without_being_fetched(parts: Parts, target: str) -> None:
    with pytest.raises(Refused, match="only feeds of this Turntwice"):
        feedcheck.check(parts, target)


def test_a_forged_address_and_an_unknown_person_are_not_found_and_no_key_is_repeated(parts: Parts) -> None:
    for target in ("https://stretch.example.org/calendar/feed_abc.def.ics", "/calendar/feed_abc.def.ics", "nobody"):
        with pytest.raises(NotFound) as caught:
            feedcheck.check(parts, target)
        assert "feed_abc" not in str(caught.value)


def test_a_revoked_feed_is_a_notice_and_then_gone(parts: Parts, somebody: Any, clock: Any) -> None:
    address = parts.links.feed(somebody.feed.key)
    with parts.store.writing() as db:
        stored.revoke(db, somebody.feed.id, parts.clock())
    with pytest.raises(Refused, match="no calendar feed"):
        feedcheck.check(parts, somebody.id)
    assert not feedcheck.check(parts, address)[0].problems
    clock.move(days=15)
    (gone,) = feedcheck.check(parts, address)
    assert "gone for good" in texts(gone)


def test_a_feed_that_cannot_be_built_is_a_problem_and_no_failure(
    parts: Parts, somebody: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("the feed cannot be built just now")

    monkeypatch.setattr(Publisher, "find", fail)
    (checked,) = feedcheck.check(parts, somebody.id)
    assert "answers 503" in checked.problems[0].text


def test_a_check_is_nobodys_fetch(parts: Parts, somebody: Any) -> None:
    feedcheck.check(parts, somebody.id)
    with parts.store.reading() as db:
        assert [feed.fetched_by for feed in stored.of(db, somebody.id)] == [None]


def test_the_file_to_import_once_has_no_problem(parts: Parts, somebody: Any, tmp_path: Path) -> None:
    file = tmp_path / "Stretches.ICS"
    file.write_bytes(export.one_off(parts.store, somebody.id, parts.clock()))
    (checked,) = feedcheck.check(parts, str(file))
    assert checked.name == "Stretches.ICS"
    assert not checked.problems, checked.problems


def test_a_file_that_cannot_be_read_or_is_too_large_is_refused(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.ics").mkdir()
    for name in ("missing.ics", "folder.ics", "nul\0.ics"):
        with pytest.raises(Refused, match="cannot read"):
            feedcheck.check(parts, str(tmp_path / name))
    monkeypatch.setattr(feedcheck, "LARGEST_FILE", 9)
    (tmp_path / "large.ics").write_bytes(b"0123456789")
    with pytest.raises(Refused, match="larger"):
        feedcheck.check(parts, str(tmp_path / "large.ics"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command over a data folder of its own."""
    monkeypatch.setenv("TURNTWICE_DATA", str(tmp_path / "data"))
    return lambda *words: CliRunner().invoke(check, [*words])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.ics"
    file.write_bytes(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    return file


def test_the_command_prints_problems_first_and_says_by_its_status_that_there_are_some(run: Run, broken: Path) -> None:
    result = run(str(broken))
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0] == "broken.ics"
    kinds = [line.startswith("  problem, all calendars: ") for line in lines[1:]]
    assert kinds == sorted(kinds, reverse=True)
    assert sum(kinds) == 3
    assert "  Google Calendar" in lines
    assert any(line.startswith("    note: Events without SEQUENCE: 1.") for line in lines)


def test_the_command_prints_json(run: Run, broken: Path) -> None:
    result = run(str(broken), "--json")
    assert result.exit_code == 1
    (row,) = json.loads(result.output)
    assert (row["feed"], row["problems"]) == ("broken.ics", 3)
    assert {tuple(found) for found in row["findings"]} == {("severity", "who", "text")}


def test_a_feed_without_a_problem_ends_with_status_zero(run: Run, broken: Path) -> None:
    text = broken.read_text().replace("UID:a", "UID:a\nDTSTAMP:20260601T050000Z\nDTSTART:20260602T050000Z")
    broken.write_text(text.replace("VERSION", "PRODID:x\nVERSION"))
    assert run(str(broken)).exit_code == 0
