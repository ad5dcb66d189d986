"""turntwice deliveries: what came in, what became of it, and a second judgement that changes nothing true."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Run

Ask = Callable[..., Any]
FIELDS = ["delivery", "connection", "received_at", "outcome", "reason", "message"]


@pytest.fixture
def connection(asked: Ask, person: str, post: Callable[..., Any]) -> str:
    """A connection that sent the same twice, and once what nobody can read."""
    made = asked("connection", "add", person, "simple", "--set", "bearer=" + "b" * 24)
    bearer = {"Authorization": "Bearer " + "b" * 24}
    for _ in range(2):
        post(made["hook"], json={"id": "1", "slot": "morning", "note": "grün"}, headers=bearer)
    post(made["hook"], data=b"\xff{", content_type="application/json", headers=bearer)
    return str(made["connection"])


def test_the_newest_come_first_with_their_outcomes(asked: Ask, person: str, connection: str) -> None:
    rows = asked("deliveries", "list", person)
    assert [list(row) for row in rows] == [FIELDS] * 3
    assert [row["outcome"] for row in rows] == ["quarantined", "duplicate", "accepted"]
    assert [row["reason"] for row in rows] == ["json", "same_event", ""]
    assert {row["connection"] for row in rows} == {connection}
    assert {row["received_at"] for row in rows} == {"2026-06-02T20:30:00+00:00"}


def test_the_list_is_a_table_for_people(turntwice: Run, person: str, connection: str) -> None:
    head, *rows = turntwice("deliveries", "list", person).stdout.splitlines()
    assert head.split() == FIELDS
    assert len(rows) == 3


def test_one_is_shown_with_its_body_and_nothing_that_proves_it(
    asked: Ask, turntwice: Run, person: str, connection: str
) -> None:
    unreadable, _, accepted = asked("deliveries", "list", person)
    shown = asked("deliveries", "show", str(accepted["delivery"]))
    assert set(shown) == {*FIELDS, "headers", "body"}
    assert '"slot": "morning"' in shown["body"]
    assert "b" * 24 not in str(shown)
    assert "authorization" not in str(shown).lower()
    for printed in (asked("deliveries", "show", str(unreadable["delivery"]))["body"],):
        assert printed.endswith("{")
    assert turntwice("deliveries", "show", str(accepted["delivery"])).stdout.startswith("field")


def test_a_replay_says_what_is_true_and_changes_nothing(asked: Ask, person: str, connection: str) -> None:
    before, stands = asked("deliveries", "list", person), asked("status", person)
    for row in before:
        replayed = asked("deliveries", "replay", str(row["delivery"]))
        assert set(replayed) == {"delivery", "outcome", "message"}
        assert replayed["outcome"] == {"json": "quarantined"}.get(row["reason"], "duplicate")
    assert asked("deliveries", "list", person) == before
    assert asked("status", person) == stands


@pytest.mark.parametrize("command", ["show", "replay"])
@pytest.mark.parametrize("number", ["999", "0", "9223372036854775808", "1" * 40])
def test_a_delivery_that_is_not_there_is_one_line(turntwice: Run, command: str, number: str) -> None:
    result = turntwice("deliveries", command, number)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"turntwice: no delivery has the id {number}\n"


@pytest.mark.parametrize("arguments", [("show", "one"), ("replay",), ("list",), ("show", "1", "2")])
def test_wrong_usage_is_one_line_and_status_2(turntwice: Run, arguments: tuple[str, ...]) -> None:
    result = turntwice("deliveries", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_an_unknown_person_is_one_line(turntwice: Run) -> None:
    result = turntwice("deliveries", "list", "nobody")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
