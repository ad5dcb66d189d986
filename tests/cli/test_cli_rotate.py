"""turntwice db rotate-secrets: everything stored under a new secret, in words. The rest: test_secrets_bar.py."""

from collections.abc import Callable
from typing import Any

import pytest

from integration.parts import Parts
from tests.cli.conftest import Run

Ask = Callable[..., Any]
OLD, NEW = "an operator's secret of 2024 that is long enough", "an operator's secret of 2025 that is as long"
TOKEN = "canary-of-beeminder"


@pytest.fixture
def stored(asked: Ask, person: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two connections made under an old secret; then a new one was put before it. The id of the first."""
    monkeypatch.setenv("TURNTWICE_SECRET_KEY", OLD)
    made = asked("connection", "add", person, "standard", "--set", "url=https://example.org/hook")
    asked("connection", "add", person, "beeminder", "--set", f"token={TOKEN}")
    monkeypatch.setenv("TURNTWICE_SECRET_KEY", f"{NEW},{OLD}")
    return str(made["connection"])


def test_all_is_put_under_the_newest_once(asked: Ask, stored: str) -> None:
    assert asked("db", "rotate-secrets") == {"secrets": 3, "documents": 0, "kept": 0, "unopened": []}
    assert asked("db", "rotate-secrets") == {"secrets": 0, "documents": 0, "kept": 3, "unopened": []}


def test_it_says_what_it_did_and_what_the_old_secret_is_still_good_for(turntwice: Run, stored: str) -> None:
    result = turntwice("db", "rotate-secrets")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Put 3 secrets and 0 calendars under the newest secret. 0 were already. Keep the")
    assert "TURNTWICE_SECRET_KEY" in result.stdout
    assert not any(secret in result.output for secret in (OLD, NEW, TOKEN))


def test_what_cannot_be_opened_is_named_and_the_rest_is_done(
    asked: Ask, turntwice: Run, stored: str, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURNTWICE_SECRET_KEY", NEW)
    asked("connection", "add", person, "beeminder", "--set", f"token={TOKEN}")
    result = turntwice("db", "rotate-secrets")
    assert result.exit_code == 1
    assert result.stdout.startswith("Put 0 secrets and 0 calendars under the newest secret. 1 were already.")
    assert len(result.stderr.splitlines()) == 1
    assert "the secrets of 2 connections cannot be opened and stay as they are" in result.stderr
    assert stored in result.stderr
    assert "TURNTWICE_SECRET_KEY" in result.stderr


def test_with_one_secret_there_is_nothing_to_do(asked: Ask, opened: Parts) -> None:
    assert asked("db", "rotate-secrets") == {"secrets": 0, "documents": 0, "kept": 0, "unopened": []}
