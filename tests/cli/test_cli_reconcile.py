"""turntwice reconcile, through the real door to a Beaver Habits on loopback."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from integration import cli, record
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.outgoing import Streaks
from integration.parts import Parts
from integration.people import find
from integration.services import beaverhabits
from tests.cli.conftest import NOW, PLAN, Run
from tests.services.beaver_server import TOKEN, Beaver, beaver

Ask = Callable[..., Any]
DAYS = ["2026-05-29", "2026-05-30", "2026-05-31", "2026-06-01"]


@pytest.fixture
def server() -> Iterator[Beaver]:
    with beaver(0, "m", "e") as running:
        yield running


@pytest.fixture
def connected(asked: Ask, opened: Parts, server: Beaver, monkeypatch: pytest.MonkeyPatch) -> str:
    """A connection to it, which the operator allows, of somebody who did one evening before."""
    monkeypatch.setitem(cli.COMMANDS, "reconcile", "Compare a connection with its service's own history.")
    monkeypatch.setenv("TURNTWICE_ALLOW_PRIVATE", "127.0.0.0/8")
    person = asked("person", "add", *PLAN, "--start", DAYS[0])["person"]
    evening = Placed("evening", date(2026, 5, 31))
    record.tell(opened.store, find(opened.store, person), evening, FactKind.DONE, NOW)
    settings = (f"url={server.url}", f"token={TOKEN}", "morning=m", "evening=e")
    options = [part for setting in settings for part in ("--set", setting)]
    return str(asked("connection", "add", person, "beaverhabits", *options)["connection"])


def tick(server: Beaver, *days: str) -> None:
    for day in days:
        server.tick("m", day, done=True)


def test_it_says_what_differs_and_sets_a_little_right_at_once(turntwice: Run, connected: str, server: Beaver) -> None:
    tick(server, DAYS[-1])
    result = turntwice("reconcile", connected)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "date slot what",
        "2026-05-31 evening done here, lacking there",
        "2026-06-01 morning done there, never heard here",
        "Counted 1 session that Beaver Habits had. 1 session is on the way to Beaver Habits.",
    ]
    assert turntwice("reconcile", connected).stdout == "Beaver Habits and we are in step.\n"


def test_of_more_it_tells_what_to_type_and_does_that_when_told(
    turntwice: Run, asked: Ask, connected: str, server: Beaver
) -> None:
    tick(server, *DAYS)
    told = turntwice("reconcile", connected).stdout.splitlines()
    assert len(told) == 8
    assert told[-1] == "Nothing was done; --apply sets it right."
    assert asked("dispatches", "list") == []
    done = asked("reconcile", connected, "--apply")
    assert (done["outcome"], done["heard"]) == ("healed", [f"{day} morning" for day in DAYS])
    assert done["queued"] == ["2026-05-31 evening"]
    assert [one["date"] for one in asked("dispatches", "list")] == ["2026-05-31"]


def test_as_json_it_is_a_contract(asked: Ask, connected: str) -> None:
    assert asked("reconcile", connected, "--since", "2026-06-01") == {
        "connection": connected,
        "since": "2026-06-01",
        "until": "2026-06-02",
        "outcome": "agreed",
        "message": "Beaver Habits and we are in step.",
        "agreed": 0,
        "difference": [],
        "heard": [],
        "queued": [],
        "ours": {},
        "theirs": {},
        "reason": "",
    }


def test_streaks_that_disagree_stand_side_by_side_with_the_reason(
    turntwice: Run, asked: Ask, connected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Streaks({"m": 41, "e": 1}, "A day there begins at noon.")
    monkeypatch.setattr(beaverhabits, "streaks", lambda _call, _settings: counted, raising=False)
    why = "A day there begins at noon. Here a skip or a pause ends nothing."
    found = asked("reconcile", connected, "--since", "2026-06-01")
    assert (found["ours"], found["theirs"], found["reason"]) == (
        {"morning": 0, "evening": 0},
        {"morning": 41, "evening": 1},
        why,
    )
    shown = turntwice("reconcile", connected, "--since", "2026-06-01").stdout.splitlines()
    assert [" ".join(line.split()) for line in shown] == [
        "Beaver Habits and we are in step.",
        "In a row, here and at Beaver Habits:",
        "slot here there",
        "morning 0 41",
        "evening 0 1",
        f"Why they disagree: {why}",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nobody",), "no live connection has the id 'nobody'"),
        (("--since", "2025-01-01"), "histories are compared up to 85 days back"),
        (("--since", "2026-06-03"), "give days from"),
    ],
)
def test_what_cannot_be_is_one_line(turntwice: Run, connected: str, arguments: tuple[str, ...], told: str) -> None:
    whole = arguments if arguments[0] == "nobody" else (connected, *arguments)
    result = turntwice("reconcile", *whole)
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_key_that_is_refused_is_said_with_the_cure(turntwice: Run, connected: str) -> None:
    turntwice("connection", "change", connected, "--set", "token=another-token")
    result = turntwice("reconcile", connected)
    assert result.exit_code == 1
    assert "refused our key; give it a new one" in result.stderr
