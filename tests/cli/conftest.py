"""The command line in this process, over a fresh data folder and either engine, at a moment that stands still."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner, Result

from integration.app import create_app
from integration.cli import main
from integration.config import Config
from integration.parts import Parts, assemble
from integration.store.engine import Store
from tests.conftest import emptied

NOW = datetime(2026, 6, 2, 20, 30, tzinfo=UTC)
PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00")

Run = Callable[..., Result]


@pytest.fixture
def home(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A data folder that does not exist yet, and an environment that names it and nothing else of ours."""
    for name in [name for name in os.environ if name.startswith("TURNTWICE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TURNTWICE_DATA", str(tmp_path / "data"))
    if dialect == "sqlite":
        yield tmp_path / "data"
        return
    url = request.getfixturevalue("migrated_database")
    monkeypatch.setenv("TURNTWICE_DATABASE_URL", url.replace("+psycopg", ""))
    yield tmp_path / "data"
    store = Store(url)
    emptied(store)
    store.close()


@pytest.fixture
def still() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def turntwice(home: Path, still: Any) -> Run:
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def asked(turntwice: Run) -> Callable[..., Any]:
    """What a command prints with --json."""

    def ask(*arguments: str) -> Any:
        result = turntwice(*arguments, "--json")
        assert (result.exit_code, result.stderr) == (0, ""), result.stderr
        return json.loads(result.stdout)

    return ask


@pytest.fixture
def person(asked: Callable[..., Any]) -> str:
    """Somebody whose plan began on the Monday before."""
    return str(asked("person", "add", *PLAN, "--start", "2026-06-01")["person"])


@pytest.fixture
def opened(home: Path, still: Any) -> Iterator[Parts]:
    """The parts as the commands assemble them, over the same database."""
    parts = assemble(Config.from_env(os.environ))
    yield parts
    parts.store.close()


@pytest.fixture
def post(opened: Parts) -> Callable[..., Any]:
    """Posts to an address that a command gave away."""
    client = create_app(opened).test_client()

    def send(address: str, **request: Any) -> Any:
        return client.post(address.removeprefix(opened.links.public_url), **request)

    return send
