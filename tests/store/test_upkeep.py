"""Checks and backups: damage is told, a copy taken while somebody writes is whole, and no file is overwritten."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import func, insert, select

from integration.errors import Refused, StoreUnavailable
from integration.store import schema, upkeep
from integration.store.engine import Store
from integration.store.tables import EPOCH, people

ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)


def add(store: Store, number: int) -> None:
    row = {"id": f"p{number}", "key": f"k{number}", "plan": "x" * 2000, "changes": 0, "created_at": EPOCH}
    with store.writing() as db:
        db.execute(insert(people).values(row))


def test_a_whole_database_passes(store: Store) -> None:
    add(store, 1)
    upkeep.check(store)


@ON_SQLITE
def test_a_row_that_points_to_nothing_is_told(store: Store) -> None:
    with closing(sqlite3.connect(store.engine.url.database or "")) as careless, careless:
        careless.execute("INSERT INTO checkpoints (person, upto, tally) VALUES ('nobody', '2026-06-02', '{}')")
    with pytest.raises(upkeep.Damaged, match="1 rows point to nothing"):
        upkeep.check(store)


@ON_SQLITE
def test_a_file_with_torn_pages_is_told_in_one_line(store: Store) -> None:
    for number in range(40):
        add(store, number)
    store.close()
    file = Path(store.engine.url.database or "")
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + bytes(len(whole) - 12288) + whole[-4096:])
    with pytest.raises((upkeep.Damaged, StoreUnavailable)) as told:
        upkeep.check(store)
    assert "\n" not in str(told.value)


@ON_SQLITE
def test_a_backup_taken_while_somebody_writes_is_whole_and_has_what_stood_before(store: Store, tmp_path: Path) -> None:
    for number in range(20):
        add(store, number)
    stop = Event()

    def write() -> int:
        number = 20
        while not stop.is_set():
            add(store, number)
            number += 1
        return number

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        upkeep.backup(store, tmp_path / "copy.sqlite3")
        stop.set()
        assert writing.result() > 20
    copy = Store(f"sqlite:///{tmp_path / 'copy.sqlite3'}")
    upkeep.check(copy)
    assert schema.upgrade(copy) is False
    with copy.reading() as db:
        assert db.execute(select(func.count()).select_from(people)).scalar_one() >= 20
    copy.close()


@ON_SQLITE
def test_a_backup_overwrites_no_file(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "copy.sqlite3"
    file.write_text("dear")
    with pytest.raises(Refused, match="exists"):
        upkeep.backup(store, file)
    assert file.read_text() == "dear"


@ON_SQLITE
def test_a_backup_that_cannot_be_written_is_told_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "no such folder" / "copy", tmp_path / "file" / "copy"):
        with pytest.raises(Refused) as told:
            upkeep.backup(store, place)
        assert "\n" not in str(told.value)
    assert list(tmp_path.rglob("copy*")) == []


@ON_POSTGRESQL
def test_on_postgresql_its_own_tools_are_named(store: Store, tmp_path: Path) -> None:
    upkeep.check(store)
    with pytest.raises(Refused, match="pg_dump"):
        upkeep.backup(store, tmp_path / "copy")
