"""turntwice connection: an address and a secret, handed out once; the service can report with them at once."""

from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.cli.conftest import NOW, Run

Ask = Callable[..., Any]
FIELDS = {"connection", "service", "hook", "secret"}


@pytest.mark.parametrize(("service", "has_secret"), [("standard", True), ("simple", False), ("habitica", False)])
def test_a_connection_has_the_fields_of_the_contract(asked: Ask, person: str, service: str, has_secret: bool) -> None:
    made = asked("connection", "add", person, service)
    assert set(made) == FIELDS
    assert made["service"] == service
    assert made["hook"].startswith(f"http://127.0.0.1:8000/hooks/{service}/hook_")
    assert isinstance(made["secret"], str) == has_secret


def test_without_json_the_same_is_printed_and_no_empty_line_for_no_secret(turntwice: Run, person: str) -> None:
    result = turntwice("connection", "add", person, "habitica")
    assert [line.partition(": ")[0] for line in result.stdout.splitlines()] == ["connection", "service", "hook"]


def test_a_service_can_report_with_what_was_printed(asked: Ask, person: str, post: Callable[..., Any]) -> None:
    made, body = asked("connection", "add", person, "standard"), '{"type": "session.completed"}'
    signature = Webhook(made["secret"]).sign("message-1", NOW, body)
    headers = {
        "webhook-id": "message-1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
    }
    answer = post(made["hook"], data=body, headers=headers, content_type="application/json")
    assert (answer.status_code, answer.json["outcome"]) == (200, "accepted")


def test_settings_may_be_given_several_times(asked: Ask, person: str, post: Callable[..., Any]) -> None:
    settings = ("--set", "bearer=" + "b" * 24, "--set", "label=my phone = best", "--set", "morning=task-1")
    made = asked("connection", "add", person, "simple", *settings)
    assert made["secret"] == "b" * 24
    assert asked("connection", "list", person)[0]["label"] == "my phone = best"
    assert post(made["hook"], json={}).status_code == 401
    assert post(made["hook"], json={}, headers={"Authorization": "Bearer " + "b" * 24}).status_code == 200


def test_connections_are_listed_without_their_secrets(asked: Ask, person: str) -> None:
    assert asked("connection", "list", person) == []
    made = asked("connection", "add", person, "standard")
    listed = asked("connection", "list", person)
    assert listed == [
        {
            "connection": made["connection"],
            "service": "standard",
            "label": "Signed webhook",
            "way": "tells us",
            "hook": made["hook"],
        }
    ]
    assert made["secret"] not in str(listed)


def test_a_revoked_connection_is_gone(asked: Ask, turntwice: Run, person: str, post: Callable[..., Any]) -> None:
    made = asked("connection", "add", person, "simple")
    assert asked("connection", "revoke", made["connection"]) == {"revoked": made["connection"]}
    assert asked("connection", "list", person) == []
    assert post(made["hook"]).status_code == 404
    again = turntwice("connection", "revoke", made["connection"])
    assert (again.exit_code, len(again.stderr.splitlines())) == (1, 1)


BAD = {
    "an unknown service": (1, "there are beaverhabits, beeminder, cloudevents", ("fitbit",)),
    "an unknown setting": (1, "there are bearer, evening, label, morning", ("simple", "--set", "token=x")),
    "a setting without a value": (1, "label", ("simple", "--set", "label=")),
    "no pair": (2, "NAME=VALUE", ("simple", "--set", "label")),
    "a weak secret": (1, "24 to 64 bytes", ("standard", "--set", "secret=whsec_c2hvcnQ=")),
    "a short bearer": (1, "bearer", ("simple", "--set", "bearer=short")),
    "no service": (2, "SERVICE", ()),
}


@pytest.mark.parametrize(("status", "told", "arguments"), BAD.values(), ids=BAD)
def test_what_cannot_be_connected_is_one_line_and_nothing_is_made(
    turntwice: Run, asked: Ask, person: str, status: int, told: str, arguments: tuple[str, ...]
) -> None:
    result = turntwice("connection", "add", person, *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert told in result.stderr
    assert "short" not in result.stderr
    assert asked("connection", "list", person) == []


@pytest.mark.parametrize("arguments", [("add", "nobody", "simple"), ("list", "nobody"), ("revoke", "nothing")])
def test_somebody_unknown_is_one_line_that_says_so(turntwice: Run, arguments: tuple[str, ...]) -> None:
    result = turntwice("connection", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert arguments[1] in result.stderr
