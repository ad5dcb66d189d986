"""turntwice deliveries: what came in, what became of it, and a second judgement that changes nothing true."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from tests.cli.conftest import PLAN, Run

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
    assert result.stderr == (
        f"turntwice: no delivery has the id {number}; 'turntwice deliveries list PERSON' shows the newest\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "one"),
        ("replay",),
        ("list",),
        ("show", "1", "2"),
        ("replay", "1", "--connection", "C"),
        ("replay", "1", "--since", "2026-06-01"),
        ("replay", "--since", "yesterday"),
        ("replay", "--until", "2026-13-01"),
        ("replay", "--until", "9999-12-31T23:59-23:00"),
        ("list", "P", "--outcome", "good"),
        ("list", "P", "--limit", "0"),
        ("list", "P", "--limit", "many"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(turntwice: Run, arguments: tuple[str, ...]) -> None:
    result = turntwice("deliveries", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_an_unknown_person_is_one_line(turntwice: Run) -> None:
    result = turntwice("deliveries", "list", "nobody")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)


def test_the_list_can_be_narrowed_by_outcome_connection_and_number(
    asked: Ask, person: str, connection: str, post: Callable[..., Any]
) -> None:
    other = asked("connection", "add", person, "habitica")
    post(other["hook"], json={"type": "questActivity"})
    rows = asked("deliveries", "list", person)
    assert [row["outcome"] for row in rows] == ["ignored", "quarantined", "duplicate", "accepted"]
    assert asked("deliveries", "list", person, "--limit", "2") == rows[:2]
    assert asked("deliveries", "list", person, "--outcome", "accepted") == rows[3:]
    assert asked("deliveries", "list", person, "--connection", connection) == rows[1:]
    assert asked("deliveries", "list", person, "--connection", connection, "--outcome", "ignored") == []
    asked_both = ("--connection", other["connection"], "--outcome", "ignored", "--limit", "1")
    assert asked("deliveries", "list", person, *asked_both) == rows[:1]


@pytest.mark.parametrize("wanted", ["nobody", "", "\x00", "x' OR 1=1"])
def test_a_connection_that_is_not_there_is_one_line(turntwice: Run, person: str, wanted: str) -> None:
    for arguments in (("list", person), ("replay",)):
        result = turntwice("deliveries", *arguments, "--connection", wanted)
        assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
        assert "no connection has the id" in result.stderr
        assert "'turntwice connection list PERSON' shows all" in result.stderr


def test_a_connection_of_somebody_else_is_not_there(asked: Ask, turntwice: Run, connection: str) -> None:
    stranger = asked("person", "add", *PLAN)["person"]
    assert turntwice("deliveries", "list", stranger, "--connection", connection).exit_code == 1


def test_a_connection_is_replayed_with_a_summary_and_nothing_changes(
    asked: Ask, turntwice: Run, person: str, connection: str
) -> None:
    before, stands = asked("deliveries", "list", person), asked("status", person)
    assert asked("deliveries", "replay", "--connection", connection) == {
        "replayed": 3,
        "accepted": 0,
        "duplicate": 2,
        "ignored": 0,
        "quarantined": 1,
        "counted": [],
        "failed": [],
    }
    told = "replayed 3: 0 newly counted, 2 known already, 0 left out, 1 set aside\n"
    assert turntwice("deliveries", "replay", "--connection", connection).stdout == told
    assert asked("deliveries", "list", person) == before
    assert asked("status", person) == stands


@pytest.mark.parametrize(
    ("span", "count"),
    [
        (("--since", "2026-06-02"), 3),
        (("--since", "2026-06-02T22:30+02:00"), 3),
        (("--since", "2026-06-02T20:30:01"), 0),
        (("--until", "2026-06-02T20:30"), 0),
        (("--until", "2026-06-03"), 3),
        (("--since", "2026-06-01", "--until", "2026-06-03"), 3),
        (("--since", "2026-06-03", "--until", "2026-06-01"), 0),
    ],
)
def test_a_span_of_time_is_replayed(asked: Ask, connection: str, span: tuple[str, ...], count: int) -> None:
    assert asked("deliveries", "replay", *span)["replayed"] == count


def test_what_cannot_be_judged_is_passed_over_and_named(
    asked: Ask, turntwice: Run, person: str, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple = import_module("webhooks.providers.simple")
    read = simple.reports
    monkeypatch.setattr(simple, "reports", lambda incoming: [][1] if b"gr" in incoming.body else read(incoming))
    numbers = sorted(row["delivery"] for row in asked("deliveries", "list", person))
    assert asked("deliveries", "replay", "--since", "2026-06-01")["failed"] == numbers[:2]
    result = turntwice("deliveries", "replay", "--connection", connection)
    assert result.stdout.endswith(f"passed over 2 that cannot be judged: {numbers[0]}, {numbers[1]}\n")
    assert result.exit_code == 0


def test_what_a_sender_wrote_does_not_act_on_the_terminal(
    asked: Ask, turntwice: Run, person: str, post: Callable[..., Any]
) -> None:
    made = asked("connection", "add", person, "habitica")
    post(made["hook"], data=b"\x1b[2J\r\n\xc3\xbc", content_type="application/json")
    [row] = asked("deliveries", "list", person)
    printed = turntwice("deliveries", "show", str(row["delivery"])).stdout
    assert "\\x1b[2J\\r\nü" in printed
    assert not {"\x1b", "\r"} & set(printed)
