"""turntwice connection change: a habit or a word that is named counts with what waited for it, and it says so."""

from collections.abc import Callable
from typing import Any

import pytest

from integration.errors import StoreUnavailable
from integration.inbox import healing
from tests.cli.conftest import NOW, Run

Ask = Callable[..., Any]


@pytest.fixture
def waiting(asked: Ask, person: str, post: Callable[..., Any]) -> str:
    """A connection of which two messages wait for a habit to be named."""
    made = asked("connection", "add", person, "habitica")
    for seconds in (60, 120):
        done = {
            "id": "t9",
            "type": "daily",
            "text": "Rücken",
            "history": [{"date": (int(NOW.timestamp()) - seconds) * 1000}],
        }
        body = {"type": "scored", "webhookType": "taskActivity", "direction": "up", "task": done}
        assert post(made["hook"], json=body).json["outcome"] == "quarantined"
    return str(made["connection"])


def test_what_waited_for_the_habit_counts_and_is_told(asked: Ask, turntwice: Run, person: str, waiting: str) -> None:
    result = turntwice("connection", "change", waiting, "--set", "evening=Rücken")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "Saved. 2 earlier messages counted with it."
    assert asked("status", person)["today"]["evening"] == "done"
    assert "Saved" not in turntwice("connection", "change", waiting, "--set", "label=Mine").stdout


def test_a_script_gets_the_ids_of_what_counted(asked: Ask, waiting: str) -> None:
    ids = {row["delivery"] for row in asked("deliveries", "list", asked("person", "list")[0]["person"])}
    assert set(asked("connection", "change", waiting, "--set", "evening=t9")["counted"]) == ids
    assert asked("connection", "change", waiting, "--set", "morning=t8")["counted"] == []


def test_a_failure_hides_neither_what_was_saved_nor_what_to_type(
    asked: Ask, turntwice: Run, person: str, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(healing, "tried", failing)
        result = turntwice("connection", "change", waiting, "--set", "evening=Rücken")
    assert result.exit_code == 0
    assert f"connection: {waiting}" in result.stdout
    assert f"'turntwice deliveries replay --connection {waiting}' does it" in result.stderr
    turntwice("deliveries", "replay", "--connection", waiting)
    assert asked("status", person)["today"]["evening"] == "done"
