"""turntwice dispatches: what services were told, sent again, switched on; and the worker, refused on SQLite."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from integration.clock import system
from integration.dispatching.judging import Dropped
from integration.outgoing import Refusal, Sent
from integration.parts import Parts
from integration.store import outlets
from integration.store.dispatches import Kind, State
from tests.cli.conftest import PLAN, Run
from tests.dispatching.conftest import TODAY, Post

Ask = Callable[..., Any]
TOKEN = "canary-of-beeminder"
FIELDS = ["dispatch", "connection", "kind", "date", "slot", "state", "attempts", "due_at", "reason", "message"]
MORE = ["key", "created_at", "finished_at", "attempted_at", "told"]
FINAL = Refusal("finished", "that task is done for good; choose another", permanent=True)
GONE = Refusal("gone", "Beeminder wants nothing more from us; connect it again to go on", gone=True)


class Clock:
    """The clock of the commands, moved by a test."""

    def __init__(self, still: Any) -> None:
        self._still = still

    def __call__(self) -> datetime:
        return system()

    @property
    def now(self) -> datetime:
        return system()

    @now.setter
    def now(self, moment: datetime) -> None:
        self._still.move_to(moment, tick=False)


@pytest.fixture
def connection(asked: Ask, person: str) -> str:
    return str(asked("connection", "add", person, "beeminder", "--set", f"token={TOKEN}")["connection"])


@pytest.fixture
def post(opened: Parts, still: Any, person: str) -> Post:
    return Post(opened.store, Clock(still), opened.keys, person)


@pytest.fixture
def told(post: Post, connection: str) -> list[int]:
    """One message that was sent, one that was given up, and one that waits; their ids."""
    for back, result in enumerate((Sent(words="kept"), FINAL)):
        post.queue(connection, day=TODAY - timedelta(days=back))
        post.send(result)
    post.queue(connection, day=TODAY, slot="evening")
    return [held.id for held in post.all()]


def test_the_newest_come_first_with_what_became_of_them(
    asked: Ask, person: str, connection: str, told: list[int]
) -> None:
    rows = asked("dispatches", "list", person)
    assert [list(row) for row in rows] == [FIELDS] * 3
    assert [row["dispatch"] for row in rows] == told[::-1]
    assert [row["state"] for row in rows] == ["waiting", "dead", "sent"]
    assert [(row["reason"], row["message"]) for row in rows] == [("", ""), ("finished", str(FINAL)), ("", "kept")]
    assert {row["connection"] for row in rows} == {connection}
    assert [(row["date"], row["slot"], row["kind"]) for row in rows[1:]] == [
        ("2026-06-01", "morning", "done"),
        ("2026-06-02", "morning", "done"),
    ]
    assert {row["due_at"] for row in rows} == {"2026-06-02T20:30:00+00:00"}
    assert asked("dispatches", "list") == rows


def test_the_list_can_be_narrowed_by_state_person_and_number(asked: Ask, person: str, told: list[int]) -> None:
    rows = asked("dispatches", "list", person)
    assert asked("dispatches", "list", "--limit", "1") == rows[:1]
    assert asked("dispatches", "list", "--state", "dead") == rows[1:2]
    assert asked("dispatches", "list", person, "--state", "dead", "--state", "sent") == rows[1:]
    stranger = asked("person", "add", *PLAN)["person"]
    assert asked("dispatches", "list", stranger) == []


def test_the_list_is_a_table_for_people(turntwice: Run, told: list[int]) -> None:
    head, *rows = turntwice("dispatches", "list").stdout.splitlines()
    assert head.split() == FIELDS
    assert len(rows) == 3


def test_one_is_shown_with_what_it_says_and_no_secret(asked: Ask, turntwice: Run, told: list[int]) -> None:
    shown = asked("dispatches", "show", str(told[0]))
    assert list(shown) == [*FIELDS, *MORE]
    assert (shown["attempts"], shown["finished_at"]) == (1, "2026-06-02T20:30:00+00:00")
    assert json.loads(shown["told"])["done"] == 1
    assert shown["key"].startswith("tt_")
    printed = turntwice("dispatches", "show", told[0]).stdout
    assert [line.split()[0] for line in printed.splitlines()] == ["field", *FIELDS, *MORE]
    assert TOKEN not in json.dumps(shown) + printed


def test_what_was_not_sent_is_sent_again_under_its_key(asked: Ask, turntwice: Run, post: Post, told: list[int]) -> None:
    before = post.row(told[1])
    assert asked("dispatches", "retry", str(told[1])) == {"queued": [told[1]], "refused": {}}
    after = post.row(told[1])
    assert (after.state, after.attempts, after.key) == (State.WAITING, 0, before.key)
    assert turntwice("dispatches", "retry", told[0], told[1]).stdout == "2 messages will be sent again\n"


def test_an_id_given_twice_is_sent_once(asked: Ask, told: list[int]) -> None:
    assert asked("dispatches", "retry", str(told[1]), str(told[1]))["queued"] == [told[1]]


def test_what_cannot_be_sent_again_is_named_with_the_reason(
    asked: Ask, turntwice: Run, post: Post, connection: str, told: list[int]
) -> None:
    post.queue(connection, Kind.UNDONE)
    overtaken = "a later message about that session takes its place"
    result = turntwice("dispatches", "retry", told[0], told[1])
    assert result.stdout == f"1 message will be sent again; not {told[0]}: {overtaken}\n"
    assert asked("dispatches", "retry", str(told[0]), str(told[1]))["refused"] == {str(told[0]): overtaken}


def test_where_nothing_can_be_sent_again_it_says_so_and_fails(
    turntwice: Run, asked: Ask, connection: str, told: list[int]
) -> None:
    asked("connection", "revoke", connection)
    result = turntwice("dispatches", "retry", told[1])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"turntwice: 0 messages will be sent again; not {told[1]}: its connection was ended\n"
    result = turntwice("dispatches", "retry", told[1], "--json")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert json.loads(result.stdout)["queued"] == []


@pytest.mark.parametrize(
    ("span", "count"),
    [
        ((), 1),
        (("--since", "2026-06-02"), 1),
        (("--since", "2026-06-02T20:30"), 1),
        (("--since", "2026-06-03"), 0),
        (("--until", "2026-06-02T20:29"), 0),
        (("--since", "2026-06-01", "--until", "2026-06-03"), 1),
    ],
)
def test_all_that_was_given_up_of_a_connection_is_sent_again(
    asked: Ask, connection: str, told: list[int], span: tuple[str, ...], count: int
) -> None:
    assert len(asked("dispatches", "retry", "--connection", connection, *span)["queued"]) == count


@pytest.mark.parametrize("command", ["show", "retry"])
@pytest.mark.parametrize("number", ["999", "0", "9223372036854775808", "1" * 40])
def test_a_message_that_is_not_there_is_one_line(turntwice: Run, command: str, number: str) -> None:
    result = turntwice("dispatches", command, number)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"turntwice: no message has the id {number}; 'turntwice dispatches list'")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("wanted", ["nobody", "", "\x00", "x' OR 1=1"])
def test_a_connection_or_a_person_that_is_not_there_is_one_line(turntwice: Run, wanted: str) -> None:
    for arguments in (("retry", "--connection", wanted), ("enable", wanted), ("list", wanted)):
        result = turntwice("dispatches", *arguments)
        assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1), arguments
        assert " id " in result.stderr
        assert re.search(r"'turntwice (connection list PERSON|person list)' shows", result.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("show", "one"),
        ("retry",),
        ("retry", "one"),
        ("retry", "1", "--connection", "C"),
        ("retry", "1", "--since", "2026-06-01"),
        ("retry", "1", "--until", "2026-06-01"),
        ("retry", "--since", "2026-06-01"),
        ("retry", "--connection", "C", "--since", "yesterday"),
        ("list", "--state", "good"),
        ("list", "--limit", "0"),
        ("enable",),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(turntwice: Run, arguments: tuple[str, ...]) -> None:
    result = turntwice("dispatches", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_a_connection_that_was_switched_off_is_switched_on(
    asked: Ask, turntwice: Run, post: Post, connection: str
) -> None:
    post.queue(connection)
    post.send(GONE)
    again = f"'turntwice dispatches retry --connection {connection}' sends again what was given up: 1"
    assert turntwice("dispatches", "enable", connection).stdout == f"switched on: {connection}; {again}\n"
    assert post.outlet(connection).health.disabled_at is None
    assert asked("dispatches", "enable", connection) == {
        "connection": connection,
        "switched_on": False,
        "given_up": 1,
    }
    assert asked("dispatches", "retry", "--connection", connection)["queued"]
    assert turntwice("dispatches", "enable", connection).stdout == f"it was on already: {connection}\n"


def test_switching_on_what_is_on_takes_no_message_from_the_worker_that_sends_it(
    asked: Ask, post: Post, connection: str
) -> None:
    post.queue(connection)
    leased = post.one()
    before = post.outlet(connection)
    asked("dispatches", "enable", connection)
    assert post.outlet(connection) == before
    assert before.sending == leased.dispatch.id


def test_a_connection_that_only_tells_us_cannot_be_switched_on(asked: Ask, turntwice: Run, person: str) -> None:
    only = asked("connection", "add", person, "simple")["connection"]
    result = turntwice("dispatches", "enable", only)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
    assert "is told anything" in result.stderr


def test_what_a_service_answered_does_not_act_on_the_terminal(turntwice: Run, post: Post, connection: str) -> None:
    post.queue(connection)
    post.send(Dropped("odd", "not sent: \x1b[2J\rgone"))
    for arguments in (("list",), ("show", post.all()[0].id)):
        printed = turntwice("dispatches", *arguments).stdout
        assert "\\x1b[2J\\rgone" in printed
        assert not {"\x1b", "\r"} & set(printed)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_worker_of_its_own_is_refused_on_sqlite_in_one_line(turntwice: Run) -> None:
    result = turntwice("worker")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "turntwice: on SQLite 'turntwice serve' works the outbox itself; a worker of its own needs PostgreSQL\n"
    )


def test_no_command_shows_what_a_service_knows_us_by(
    turntwice: Run, post: Post, connection: str, told: list[int]
) -> None:
    with post.store.reading() as db:
        assert outlets.of(db, post.person)
    for arguments in (("list",), ("show", told[0]), ("retry", told[1]), ("enable", connection)):
        for more in ((), ("--json",)):
            result = turntwice("dispatches", *arguments, *more)
            assert result.exit_code == 0, result.stderr
            assert TOKEN not in result.stdout + result.stderr
