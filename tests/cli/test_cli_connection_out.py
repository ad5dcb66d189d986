"""turntwice connection: services that we tell, asked through the real door over loopback, and never shown a secret."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from integration.parts import Parts
from tests.cli.conftest import Run
from webhooks import signatures, signing

Ask = Callable[..., Any]
TOKEN = "beaver-token-canary"
URL = "https://example.org/hooks/stretch"
FIELDS = {"connection", "service", "hook", "secret"}


class Beaver(BaseHTTPRequestHandler):
    """Two habits, for those who show the token."""

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        habits = [{"id": "h1", "name": "Stretch"}, {"id": "h2", "name": "Abendstretch"}]
        body = json.dumps(habits if known else {"detail": "no"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Says nothing."""


@pytest.fixture
def beaver() -> Iterator[str]:
    """The address of a Beaver Habits on loopback."""
    with HTTPServer(("127.0.0.1", 0), Beaver) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def connected(asked: Ask, person: str, beaver: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A connection to it, which the operator allows."""
    monkeypatch.setenv("TURNTWICE_ALLOW_PRIVATE", "127.0.0.0/8")
    made = asked("connection", "add", person, "beaverhabits", "--set", f"url={beaver}", "--set", f"token={TOKEN}")
    return str(made["connection"])


def test_a_service_that_only_hears_has_no_address_and_shows_no_secret(asked: Ask, person: str) -> None:
    made = asked("connection", "add", person, "beeminder", "--set", f"token={TOKEN}", "--set", "morning=stretch")
    assert set(made) == FIELDS
    assert (made["service"], made["hook"], made["secret"]) == ("beeminder", None, None)
    (listed,) = asked("connection", "list", person)
    assert (listed["way"], listed["hook"]) == ("is told", None)


def test_a_signed_webhook_goes_both_ways_with_one_secret(asked: Ask, person: str) -> None:
    made = asked("connection", "add", person, "standard", "--set", f"url={URL}")
    assert set(made) == FIELDS
    assert made["secret"].startswith("whsec_")
    assert "/hooks/standard/hook_" in made["hook"]
    assert asked("connection", "list", person)[0]["way"] == "both"


def test_a_private_key_is_answered_with_its_public_half(asked: Ask, turntwice: Run, person: str) -> None:
    key = signing.new_private_key()
    made = asked("connection", "add", person, "standard", "--set", f"url={URL}", "--set", f"secret={key}")
    assert (made["hook"], made["secret"], made["public"]) == (None, None, signing.public_half(key))
    printed = turntwice("connection", "rotate", made["connection"]).stdout
    assert [line.partition(": ")[0] for line in printed.splitlines()] == ["connection", "service", "public"]


def test_a_connection_is_tested_and_its_habits_are_listed(asked: Ask, turntwice: Run, connected: str) -> None:
    assert asked("connection", "check", connected) == {
        "connection": connected,
        "message": "Connected. Habits there: 2.",
    }
    assert turntwice("connection", "check", connected).stdout == "Connected. Habits there: 2.\n"
    assert asked("connection", "habits", connected) == [
        {"habit": "h1", "name": "Stretch"},
        {"habit": "h2", "name": "Abendstretch"},
    ]
    assert "Abendstretch" in turntwice("connection", "habits", connected).stdout


def test_a_wrong_token_is_said_in_one_line_and_can_be_mended(asked: Ask, turntwice: Run, connected: str) -> None:
    asked("connection", "change", connected, "--set", "token=another-canary")
    result = turntwice("connection", "check", connected)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "turntwice: Beaver Habits refused our key; give it a new one\n"
    asked("connection", "change", connected, "--set", f"token={TOKEN}")
    assert turntwice("connection", "check", connected).exit_code == 0


def test_without_the_operators_leave_no_private_address_is_called(
    asked: Ask, turntwice: Run, connected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TURNTWICE_ALLOW_PRIVATE")
    result = turntwice("connection", "check", connected)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "TURNTWICE_ALLOW_PRIVATE" in result.stderr


def test_mapping_and_label_are_changed_and_taken_away(asked: Ask, connected: str, person: str, opened: Parts) -> None:
    made = asked("connection", "change", connected, "--set", "morning=h1", "--set", "evening=h2", "--set", "label=Mine")
    assert set(made) == {*FIELDS, "counted"}
    assert (made["hook"], made["secret"]) == (None, None)
    asked("connection", "change", connected, "--set", "evening=")
    assert asked("connection", "list", person)[0]["label"] == "Mine"
    from integration.store import connections

    with opened.store.reading() as db:
        held = connections.by_id(db, connected)
    assert held is not None
    assert "evening" not in held.settings
    assert held.settings["morning"] == "h1"


def test_a_rotated_secret_is_shown_once_and_the_old_one_still_opens(
    asked: Ask, turntwice: Run, person: str, post: Callable[..., Any]
) -> None:
    made = asked("connection", "add", person, "standard")
    fresh = asked("connection", "rotate", made["connection"])
    assert set(fresh) == FIELDS
    assert fresh["hook"] == made["hook"]
    assert signatures.check_secret(fresh["secret"]) != made["secret"]
    again = turntwice("connection", "list", person).stdout
    assert fresh["secret"] not in again
    assert made["secret"] not in again


def test_what_can_be_connected_is_listed_with_what_it_can_carry(asked: Ask, turntwice: Run) -> None:
    found = {each["service"]: each for each in asked("connection", "services")}
    assert (found["habitica"]["way"], found["simple"]["way"], found["pixela"]["way"]) == ("both", "tells us", "is told")
    assert {setting["name"] for setting in found["habitica"]["settings"]} == {"user", "token", "url"}
    assert "It takes no past day." in found["habitica"]["abilities"]
    (secret,) = [each for each in found["standard"]["settings"] if each["name"] == "secret"]
    assert secret["secret"] is True
    printed = turntwice("connection", "services").stdout
    assert "beeminder: Beeminder, is told" in printed
    assert "  It can be undone." in printed


BAD = {
    "nothing to change": (2, "--set", ("change", "x")),
    "no such connection": (1, "no live connection", ("change", "x", "--set", "label=y")),
    "no such connection to rotate": (1, "no live connection", ("rotate", "x")),
    "no such connection to check": (1, "no live connection", ("check", "x")),
    "no such connection to choose from": (1, "no live connection", ("habits", "x")),
}


@pytest.mark.parametrize(("status", "told", "arguments"), BAD.values(), ids=BAD)
def test_what_cannot_be_done_is_one_line(turntwice: Run, status: int, told: str, arguments: tuple[str, ...]) -> None:
    result = turntwice("connection", *arguments)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (status, "", 1)
    assert told in result.stderr


def test_what_is_missing_or_wrong_is_named_without_its_value(asked: Ask, turntwice: Run, person: str) -> None:
    for settings, told in ((("url=https://b.example",), "token (API token)"), (("token=x y",), "token: ")):
        options = [option for setting in settings for option in ("--set", setting)]
        result = turntwice("connection", "add", person, "beaverhabits", *options)
        assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
        assert told in result.stderr
        assert "x y" not in result.stderr
    assert asked("connection", "list", person) == []


def test_no_command_prints_or_keeps_a_token(asked: Ask, turntwice: Run, connected: str, person: str, home: Any) -> None:
    change = ("change", connected, "--set", "label=y")
    for arguments in (("list", person), ("habits", connected), ("check", connected), change):
        result = turntwice("connection", *arguments)
        assert result.exit_code == 0, result.stderr
        assert TOKEN not in result.stdout + result.stderr
    for file in home.rglob("*"):
        if file.is_file() and file.suffix != ".key":
            assert TOKEN.encode() not in file.read_bytes()
