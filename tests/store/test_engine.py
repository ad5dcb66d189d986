"""One way to read and one to write: the pragmas of DESIGN section 9 on every connection, and nothing half stored."""

import sqlite3
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from select import select as select_ready
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.exc import ProgrammingError

from integration.errors import ConfigError, StoreUnavailable
from integration.store import engine, quick
from integration.store.engine import Store
from integration.store.readers import KEPT
from integration.store.tables import EPOCH, Instant, facts, people

ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
EXPECTED = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15000, "secure_delete": 1}
ROW = {"id": "one", "key": "random", "plan": "{}", "changes": 0, "created_at": EPOCH}


def pragmas(connection: Any) -> dict[str, Any]:
    return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in EXPECTED}


def count(store: Store) -> int:
    with store.reading() as db:
        return int(db.execute(select(func.count()).select_from(people)).scalar_one())


@pytest.fixture
def seen(store: Store) -> list[dict[str, Any]]:
    """The pragmas of each connection, read back whenever one is taken into use."""
    found = list[dict[str, Any]]()
    event.listen(store.engine, "checkout", lambda connection, *_: found.append(pragmas(connection)))
    return found


@ON_SQLITE
def test_every_connection_in_use_has_the_pragmas_also_one_opened_later(store: Store, seen: list[Any]) -> None:
    with ExitStack() as open_at_once:
        open_at_once.enter_context(store.reading())
        for _ in range(engine.POOL + 2):
            open_at_once.enter_context(store.engine.connect())
        open_at_once.enter_context(store.writing())
    store.close()
    with store.reading(), store.writing():
        pass
    assert seen == [EXPECTED] * (engine.POOL + 6)


@ON_SQLITE
def test_a_thread_keeps_its_reading_connection_until_it_meets_an_error(store: Store, seen: list[Any]) -> None:
    with store.reading() as first, store.reading() as again:
        assert first is again
    with pytest.raises(StoreUnavailable), store.reading() as db:
        db.execute(text("SELECT * FROM nothing"))
    with store.reading() as fresh:
        assert fresh is not first
    assert len(seen) == 2


@ON_SQLITE
def test_more_threads_than_connections_are_kept_for_are_lent_one(store: Store) -> None:
    many = KEPT + 8
    together = Barrier(many)

    def count_once(_: int) -> int:
        together.wait(20)
        return count(store)

    with ThreadPoolExecutor(many) as threads:
        assert list(threads.map(count_once, range(many))) == [0] * many
    assert len(store._readers._kept) <= KEPT


@ON_SQLITE
def test_a_connection_of_another_thread_has_the_pragmas(store: Store, seen: list[Any]) -> None:
    ready = Barrier(4)

    def use(_: int) -> None:
        with store.reading():
            ready.wait()
        with store.writing():
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
    assert len(seen) > 4
    assert seen == [EXPECTED] * len(seen)


@ON_SQLITE
def test_every_write_begins_immediate(store: Store, statements: list[str]) -> None:
    for _ in range(2):
        with store.writing() as db:
            db.execute(select(people))
    assert [told for told in statements if "SELECT" not in told] == ["BEGIN IMMEDIATE"] * 2
    assert statements[0] == "BEGIN IMMEDIATE"


@ON_SQLITE
def test_a_read_begins_no_transaction(store: Store) -> None:
    with store.reading() as db:
        db.execute(select(people)).all()
        assert not db.connection.dbapi_connection.in_transaction


def test_what_a_block_wrote_is_stored_when_it_ends(store: Store) -> None:
    with store.writing() as db:
        db.execute(insert(people).values(ROW))
    assert count(store) == 1


def fail_after(store: Store, *statements: Any) -> None:
    with store.writing() as db:
        for statement in statements:
            db.execute(statement)
        raise ZeroDivisionError


def test_a_block_that_fails_stores_nothing_and_the_next_one_can_write(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_after(store, insert(people).values(ROW))
    assert count(store) == 0
    with store.writing() as db:
        db.execute(insert(people).values(ROW))
    assert count(store) == 1


def test_a_row_that_points_to_nothing_is_refused_and_nothing_is_stored(store: Store) -> None:
    fact = {"person": "nobody", "source": "s", "event": "e", "kind": "done", "slot": "morning", "content": ""}
    values = fact | {"date": EPOCH.date(), "said_at": EPOCH, "received_at": EPOCH}
    with pytest.raises(StoreUnavailable):
        fail_after(store, insert(people).values(ROW), insert(facts).values(values))
    assert count(store) == 0


@ON_POSTGRESQL
def test_a_mistake_in_a_query_is_not_taken_for_a_store_that_is_away(store: Store) -> None:
    with pytest.raises(ProgrammingError), store.reading() as db:
        db.execute(text("SELECT nothing FROM people"))


def test_many_writers_at_once_lose_nothing_and_none_is_turned_away(store: Store) -> None:
    """Reads, then writes, in one transaction, from two stores as two processes have them."""
    with store.writing() as db:
        db.execute(insert(people).values(ROW))
    second = Store(store.engine.url.render_as_string(hide_password=False))

    def raise_it(number: int) -> None:
        with (store, second)[number % 2].writing() as db:
            held = db.execute(select(people.c.changes).with_for_update()).scalar_one()
            db.execute(people.update().values(changes=held + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(raise_it, range(80)))
    second.close()
    with store.reading() as db:
        assert db.execute(select(people.c.changes)).scalar_one() == 80


@pytest.mark.parametrize("instant", [EPOCH, datetime(2026, 6, 2, 5, 5, 7, 123456, UTC), EPOCH - timedelta(days=40000)])
def test_an_instant_comes_back_to_the_microsecond_on_both_engines(store: Store, instant: datetime) -> None:
    with store.writing() as db:
        db.execute(insert(people).values(ROW | {"created_at": instant}))
    with store.reading() as db:
        assert db.execute(select(people.c.created_at)).scalar_one() == instant
        assert db.execute(select(people.c.id).where(people.c.created_at <= instant)).scalar_one() == "one"
    assert Instant().process_bind_param(None, store.engine.dialect) is None


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.PRAGMAS, "busy_timeout", "20")


@pytest.fixture
def locked(impatient: None, store: Store) -> Iterator[None]:
    """Another process holds the write lock."""
    with closing(sqlite3.connect(store.engine.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@ON_SQLITE
def test_a_lock_held_for_longer_than_the_timeout_is_told_and_reading_goes_on(store: Store, locked: None) -> None:
    with pytest.raises(StoreUnavailable, match="locked"), store.writing():
        pytest.fail("the lock is another's")
    assert count(store) == 0


@ON_SQLITE
def test_after_the_lock_is_gone_writing_works_without_a_restart(impatient: None, store: Store) -> None:
    with closing(sqlite3.connect(store.engine.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable), store.writing():
            pytest.fail("the lock is another's")
    with store.writing() as db:
        db.execute(insert(people).values(ROW))
    assert count(store) == 1


@ON_SQLITE
def test_a_database_that_may_only_be_read_is_told_when_it_is_written_to(store: Store) -> None:
    event.listen(store.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA query_only = ON"))
    assert count(store) == 0
    with pytest.raises(StoreUnavailable, match="readonly"), store.writing() as db:
        db.execute(insert(people).values(ROW))


@ON_POSTGRESQL
def test_a_standby_that_only_reads_is_a_database_that_is_away(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="read-only"), store.writing() as db:
        db.exec_driver_sql("SET TRANSACTION READ ONLY; INSERT INTO checkpoints VALUES ('a', '2026-06-02', '')")


def gone(dialect: str, folder: Path) -> str:
    if dialect == "sqlite":
        return f"sqlite:///{folder / 'no such folder' / 'turntwice.sqlite3'}"
    return f"postgresql+psycopg://postgres@/turntwice?host={folder}"


def test_a_database_that_is_gone_is_told_in_one_line_without_the_statement(dialect: str, tmp_path: Path) -> None:
    store = Store(gone(dialect, tmp_path))
    for use in (store.reading, store.writing):
        with pytest.raises(StoreUnavailable) as told, use() as db:
            db.execute(select(people))
        assert str(told.value).startswith("the database cannot be used now: ")
        assert "\n" not in str(told.value)
        assert "SELECT" not in str(told.value)
    store.close()


@ON_SQLITE
@pytest.mark.parametrize("damage", [b"not a database at all, only words " * 40, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_database_is_told_in_one_line(dialect: str, tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "turntwice.sqlite3"
    file.write_bytes(damage)
    store = Store(f"sqlite:///{file}")
    with pytest.raises(StoreUnavailable) as told, store.reading() as db:
        db.execute(select(people))
    assert "\n" not in str(told.value)
    assert file.read_bytes() == damage
    store.close()


@ON_POSTGRESQL
def test_connections_that_the_server_ended_are_replaced_without_an_error(store: Store) -> None:
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    with ExitStack() as open_at_once:
        for _ in range(3):
            open_at_once.enter_context(store.reading())
    with store.reading() as db:
        # Waits until they are gone: a connection that ends at the very moment is another matter.
        db.execute(text(f"SELECT pg_terminate_backend(pid, 20000) {others}")).all()
    with ExitStack() as open_at_once:
        for _ in range(3):
            db = open_at_once.enter_context(store.writing())
            assert db.execute(select(func.count()).select_from(people)).scalar_one() == 0


@ON_POSTGRESQL
def test_a_connection_is_asked_whether_it_lives_only_where_something_came_over_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, really = list[Any](), store.engine.dialect.do_ping
    monkeypatch.setattr(store.engine.dialect, "do_ping", lambda connection: asked.append(1) or really(connection))
    with store.reading() as listening:
        listening.execute(text("LISTEN talk"))
        with store.writing() as db:
            db.execute(text("NOTIFY talk"))
        assert asked == []
        assert select_ready([listening.connection.dbapi_connection], [], [], 20)[0]
    for _ in range(3):
        with store.reading() as one, store.reading() as another:
            assert [db.execute(text("SELECT 1")).scalar_one() for db in (one, another)] == [1, 1]
        assert asked == [1]


@ON_POSTGRESQL
def test_a_connection_that_ends_in_the_middle_is_told(store: Store) -> None:
    end_it = text("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(StoreUnavailable):
        fail_after(store, insert(people).values(ROW), end_it, select(people))
    assert count(store) == 0


@ON_POSTGRESQL
@pytest.mark.parametrize("last", ["statement", "hot statement", "commit"])
def test_a_process_that_hangs_in_a_transaction_holds_up_nobody_for_long(
    store: Store, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    monkeypatch.setattr(engine, "IDLE_SECONDS", 0.2)
    hanging = Store(store.engine.url.render_as_string(hide_password=False))
    with store.writing() as db:
        db.execute(insert(people).values(ROW))
    more = select(people.c.changes)
    with pytest.raises(StoreUnavailable, match="cannot be used now"), hanging.writing() as db:  # noqa: PT012  it hangs
        db.execute(people.update().values(changes=1))
        with store.writing() as other:
            other.execute(people.update().values(changes=2))
        if last != "commit":
            db.execute(more) if last == "statement" else quick.rows(db, more, {})
    with hanging.writing() as db:
        assert db.execute(more).scalar_one() == 2
    hanging.close()


def test_those_who_wait_have_more_patience_than_a_process_that_hangs() -> None:
    assert engine.IDLE_SECONDS < engine.BUSY_SECONDS


def test_an_error_of_the_engine_quotes_no_value_of_a_query(store: Store) -> None:
    """The random part of a key is a value like any other: a traceback must not carry it into a log."""
    with pytest.raises(Exception) as told, store.reading() as db:
        db.execute(text("SELECT :key FROM nowhere"), {"key": "the-random-part-of-a-key"})
    chain: BaseException | None = told.value
    while chain:
        assert "the-random-part-of-a-key" not in str(chain)
        chain = chain.__cause__ or chain.__context__


def test_postgresql_without_its_driver_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"turntwice\[postgres\]") as told:
        Store("postgresql+psycopg://me:hunter2@host/name")
    assert "\n" not in str(told.value)
    assert "hunter2" not in str(told.value)
