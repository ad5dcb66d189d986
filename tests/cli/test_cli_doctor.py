"""turntwice doctor on messages, deliveries and secrets: what is wrong is status 1, what waits for others a note."""

import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from integration.core import placing
from integration.dispatching.breaker import Health
from integration.inbox.admission import UNMAPPED
from integration.keys import Keys
from integration.outgoing import Refusal, Sent
from integration.parts import Parts
from integration.store import outlets, survey
from integration.store.tables import connections
from tests.cli.conftest import Run
from tests.cli.test_cli_dispatches import FINAL, GONE, TOKEN, Clock
from tests.dispatching.conftest import DOWN, Post

Ask = Callable[..., Any]
OLD, NEW = "an operator's secret of 2024 that is long enough", "an operator's secret of 2025 that is as long"
Told = tuple[int, list[str], list[str]]


@pytest.fixture(autouse=True)
def reachable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNTWICE_PUBLIC_URL", "https://stretch.example.org")
    monkeypatch.setenv("TURNTWICE_SECRET_KEY", OLD)


@pytest.fixture
def doctor(turntwice: Run) -> Callable[[], Told]:
    """Exit status, what is wrong, what is noted."""

    def ask() -> Told:
        result = turntwice("doctor")
        assert result.stderr == ""
        found = result.stdout.splitlines()
        assert (found[-1] == "Nothing is wrong.") == (result.exit_code == 0), found
        wrong, notes = (
            [line.removeprefix(start) for line in found if line.startswith(start)] for start in ("wrong: ", "note: ")
        )
        assert all(line.startswith(("ok: ", "wrong: ", "note: ", "Nothing is wrong.")) for line in found), found
        return result.exit_code, wrong, notes

    return ask


@pytest.fixture
def connection(asked: Ask, person: str) -> str:
    made = asked("connection", "add", person, "beeminder", "--set", f"token={TOKEN}", "--set", "label=Bees")
    return str(made["connection"])


@pytest.fixture
def post(opened: Parts, still: Any, person: str) -> Post:
    return Post(opened.store, Clock(still), opened.keys, person)


def test_where_all_is_well_it_says_so_step_by_step(turntwice: Run, post: Post, connection: str) -> None:
    post.queue(connection)
    post.send(Sent(words="kept"))
    result = turntwice("doctor")
    assert [line for line in result.stdout.splitlines() if not line.startswith("ok: data in ")] == [
        "ok: the database has this program's version",
        "ok: the database is whole",
        "ok: every stored secret can be opened",
        "ok: what is due is sent",
        "ok: the address handed out is https://stretch.example.org",
        "Nothing is wrong.",
    ]


def test_a_service_that_does_not_answer_is_noted_with_what_to_type(
    doctor: Callable[[], Told], post: Post, connection: str
) -> None:
    post.queue(connection)
    for _ in range(3):
        post.skip()
        post.send(DOWN)
    assert doctor() == (
        0,
        [],
        [
            (
                "Bees has not answered since 2026-06-02T20:30+00:00; it is tried about once a minute, and"
                f" 'turntwice connection check {connection}' asks it now"
            )
        ],
    )


def test_one_that_was_switched_off_and_what_was_given_up_are_noted_with_what_to_type(
    doctor: Callable[[], Told], post: Post, connection: str
) -> None:
    post.queue(connection)
    post.send(GONE)
    status, wrong, notes = doctor()
    assert (status, wrong) == (0, [])
    assert notes == [
        (
            f"Bees was switched off at 2026-06-02T20:30+00:00: {GONE}; once it is well,"
            f" 'turntwice dispatches enable {connection}'"
        ),
        (
            "1 message was given up; 'turntwice dispatches list --state dead' says why, 'turntwice dispatches retry ID'"
            " sends one again"
        ),
    ]


def test_five_troubled_connections_are_named_and_further_ones_mentioned(
    doctor: Callable[[], Told], asked: Ask, person: str, post: Post
) -> None:
    made = [asked("connection", "add", person, "beeminder", "--set", f"token={TOKEN}") for _ in range(6)]
    with post.store.writing() as db:
        for number, one in enumerate(made):
            now = post.clock()
            stands = Health(failures=9, failing_since=now - timedelta(hours=number), probe_at=now)
            outlets.save(db, one["connection"], stands, None)
    _, _, notes = doctor()
    assert len(notes) == 6
    assert [made.index(one) for note in notes for one in made if one["connection"] in note] == [5, 4, 3, 2, 1]
    assert notes[-1].startswith("further connections are in trouble")


def test_a_single_failure_is_no_matter_for_the_doctor(doctor: Callable[[], Told], post: Post, connection: str) -> None:
    post.queue(connection)
    post.send(Refusal("http_500", "Bees is in trouble (status 500)"))
    assert doctor() == (0, [], [])


def test_messages_given_up_are_counted(doctor: Callable[[], Told], post: Post, connection: str) -> None:
    post.fill(connection, 3)
    for _ in range(2):
        post.send(FINAL)
    _, _, [note] = doctor()
    assert note.startswith("2 messages were given up; ")


@pytest.mark.parametrize(("minutes", "wrong"), [(0, False), (9, False), (11, True)])
def test_an_outbox_that_nobody_works_is_wrong(
    doctor: Callable[[], Told], post: Post, connection: str, still: Any, minutes: int, wrong: bool
) -> None:
    post.queue(connection)
    still.shift(timedelta(minutes=minutes))
    status, found, _ = doctor()
    command = "turntwice serve" if post.store.is_sqlite else "turntwice worker"
    told = f"messages to 1 connection are due for more than 10 minutes, and nobody sends them; start '{command}'"
    assert (status, found) == ((1, [told]) if wrong else (0, []))


def test_deliveries_that_wait_for_their_person_are_noted(
    doctor: Callable[[], Told], asked: Ask, turntwice: Run, person: str, opened: Parts
) -> None:
    from integration.app import create_app

    made = asked("connection", "add", person, "simple")
    client = create_app(opened).test_client()
    path = made["hook"].removeprefix("https://stretch.example.org")
    assert client.post(path, json={"id": "1", "date": "2020-01-01"}).json["outcome"] == "quarantined"
    assert client.post(path, json={"id": "2", "slot": "morning"}).json["outcome"] == "accepted"
    assert client.post(path, data=b"{not json", content_type="application/json").status_code == 400
    status, wrong, [note] = doctor()
    assert (status, wrong) == (0, [])
    assert note == (
        f"1 delivery waits for a word of their person ({person}): it stands on their page, and"
        " 'turntwice deliveries list PERSON --outcome quarantined' shows it"
    )
    held = asked("deliveries", "list", person, "--outcome", "quarantined")
    assert [one["reason"] for one in held] == ["json", "no_time"], "nobody can settle what cannot be read"
    assert client.post(path, json={"id": "3", "slot": "noon"}).json["outcome"] == "quarantined"
    _, _, [note] = doctor()
    assert note == (
        f"2 deliveries wait for a word of their person ({person}): they stand on their page, and"
        " 'turntwice deliveries list PERSON --outcome quarantined' shows them"
    )
    asked("connection", "revoke", made["connection"])
    assert doctor() == (0, [], [])


def test_whatever_finds_no_session_can_be_settled_by_its_person() -> None:
    reasons = set(re.findall(r'Unplaced\(\s*"(\w+)"', inspect.getsource(placing)))
    assert reasons | {placing.TOO_EARLY} == set(survey.UNPLACED)
    assert UNMAPPED.reason in survey.SETTLED


def test_a_secret_that_opens_nothing_stored_is_wrong_and_the_cure_is_named(
    doctor: Callable[[], Told], connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K4."""
    monkeypatch.setenv("TURNTWICE_SECRET_KEY", NEW)
    status, [wrong], notes = doctor()
    assert (status, notes) == (1, [])
    assert wrong == (
        f"the stored secrets of 1 connection cannot be opened ({connection}): what they are told waits, and nothing is"
        " lost; add the secret that they were stored under to TURNTWICE_SECRET_KEY, behind the new one"
    )
    monkeypatch.setenv("TURNTWICE_SECRET_KEY", f"{NEW},{OLD}")
    status, wrong_now, [note] = doctor()
    assert (status, wrong_now) == (0, [])
    assert note == (
        "1 stored secret stands under an older secret of TURNTWICE_SECRET_KEY; 'turntwice db rotate-secrets' puts all"
        " under the newest"
    )


def test_the_secret_of_an_ended_connection_is_looked_at_too(
    doctor: Callable[[], Told], asked: Ask, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = asked("connection", "add", person, "standard")
    asked("connection", "revoke", made["connection"])
    monkeypatch.setenv("TURNTWICE_SECRET_KEY", f"{NEW},{OLD}")
    _, _, notes = doctor()
    assert len(notes) == 1


def test_damaged_ciphertext_is_wrong_too(doctor: Callable[[], Told], opened: Parts, connection: str) -> None:
    with opened.store.writing() as db:
        db.execute(update(connections).values(tokens=Keys((OLD,)).seal("{}", "connections/another/tokens")))
    status, [wrong], _ = doctor()
    assert status == 1
    assert connection in wrong


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_secret_made_by_one_of_many_machines_is_noted(turntwice: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TURNTWICE_SECRET_KEY")
    turntwice("person", "list")
    assert "note: this machine made the secret of its keys itself" in turntwice("doctor").stdout


def test_no_secret_and_nothing_that_acts_on_a_terminal_is_printed(
    turntwice: Run, asked: Ask, person: str, opened: Parts, post: Post
) -> None:
    made = asked("connection", "add", person, "beeminder", "--set", f"token={TOKEN}")["connection"]
    with opened.store.writing() as db:
        db.execute(update(connections).values(label="\x1b[2J\nwrong: all"))
    post.queue(made)
    post.send(GONE)
    output = turntwice("doctor").output
    assert "\x1b" not in output
    assert not any(line.startswith("wrong: ") for line in output.splitlines())
    assert not any(secret in output for secret in (TOKEN, OLD))
