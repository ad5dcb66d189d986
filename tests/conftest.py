"""What most tests stand on: a migrated store of their own, a clock that they move, the app over both."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from integration.app import create_app
from integration.keys import Keys
from integration.links import Links
from integration.parts import Parts
from integration.store import schema
from integration.store.engine import Store
from webhooks.registry import providers

PUBLIC_URL = "https://stretch.example.org"


class FakeClock:
    """Stands still until a test moves it. Starts late on a Tuesday evening in Berlin."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 2, 20, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **how_far: float) -> None:
        self.now += timedelta(**how_far)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'turntwice.sqlite3'}")
    schema.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def parts(store: Store, clock: FakeClock) -> Parts:
    keys = Keys(("a secret of the operator, for tests only",))
    return Parts(store, keys, Links(PUBLIC_URL, keys), clock, providers())


@pytest.fixture
def app(parts: Parts) -> Flask:
    made = create_app(parts)
    made.testing = True
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
