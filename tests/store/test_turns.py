"""Writers that wait for one another share a commit, and nothing else."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from integration.errors import StoreUnavailable
from integration.store.engine import Store


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'notes.sqlite3'}")
    with store.writing() as db:
        db.exec_driver_sql("CREATE TABLE notes (text TEXT UNIQUE)")
    yield store
    store.close()


def write(store: Store, text: str) -> None:
    with store.writing() as db:
        db.exec_driver_sql("INSERT INTO notes VALUES (?)", (text,))


def seen_from_outside(store: Store) -> set[str]:
    with sqlite3.connect(str(store.engine.url.database)) as other:
        return {row[0] for row in other.execute("SELECT text FROM notes")}


def commits_of(store: Store) -> list[int]:
    counted: list[int] = []
    event.listen(store.engine, "commit", lambda _connection: counted.append(1))
    return counted


class Queue:
    """Threads that all stand behind one open turn, so that they wait for each other for certain."""

    def __init__(self, store: Store, works: list[Any]) -> None:
        self.store, self.failed = store, [None for _ in works]
        self.threads = [Thread(target=self._run, args=(place, work)) for place, work in enumerate(works)]

    def _run(self, place: int, work: Any) -> None:
        try:
            work()
        except BaseException as error:
            self.failed[place] = error

    def behind(self, turns: Any) -> None:
        with self.store.writing() as db:
            db.exec_driver_sql("INSERT INTO notes VALUES ('first')")
            for thread in self.threads:
                thread.start()
            deadline = Event()
            while len(turns._turn._queue) < len(self.threads):
                assert not deadline.wait(0.001)
        for thread in self.threads:
            thread.join(20)


def test_those_who_wait_share_one_commit_and_all_is_on_disk(notes: Store) -> None:
    counted = commits_of(notes)
    queue = Queue(notes, [lambda text=f"n{n}": write(notes, text) for n in range(20)])
    queue.behind(notes._turns)
    assert queue.failed == [None] * 20
    assert seen_from_outside(notes) == {"first", *(f"n{n}" for n in range(20))}
    assert len(counted) < 5


def test_one_that_fails_takes_only_its_own_work_back(notes: Store) -> None:
    def failing() -> None:
        with notes.writing() as db:
            db.exec_driver_sql("INSERT INTO notes VALUES ('half')")
            raise LookupError

    queue = Queue(notes, [lambda: write(notes, "a"), failing, lambda: write(notes, "b"), lambda: write(notes, "first")])
    queue.behind(notes._turns)
    assert seen_from_outside(notes) == {"first", "a", "b"}
    assert [type(error) for error in queue.failed] == [type(None), LookupError, type(None), StoreUnavailable]


def test_a_commit_that_fails_is_told_to_all_who_shared_it(notes: Store) -> None:
    def refuse(_connection: Any) -> None:
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    queue = Queue(notes, [lambda: write(notes, "a"), lambda: write(notes, "b")])
    event.listen(notes.engine, "commit", refuse)
    with pytest.raises(StoreUnavailable, match="disk I/O error"):
        queue.behind(notes._turns)
    for thread in queue.threads:
        thread.join(20)
    event.remove(notes.engine, "commit", refuse)
    assert {type(error) for error in queue.failed} == {StoreUnavailable}
    assert seen_from_outside(notes) == set()
    write(notes, "afterwards")
    assert seen_from_outside(notes) == {"afterwards"}


def test_a_turn_alone_is_visible_to_others_when_it_ends_and_not_before(notes: Store) -> None:
    with notes.writing() as db:
        db.exec_driver_sql("INSERT INTO notes VALUES ('mine')")
        assert seen_from_outside(notes) == set()
    assert seen_from_outside(notes) == {"mine"}


def test_a_failure_alone_leaves_nothing_and_the_next_turn_works(notes: Store) -> None:
    with pytest.raises(StoreUnavailable), notes.writing() as db:
        db.exec_driver_sql("INSERT INTO notes VALUES ('half'), ('half')")
    write(notes, "whole")
    assert seen_from_outside(notes) == {"whole"}


def test_fifty_writers_at_once_lose_nothing(notes: Store) -> None:
    together = Barrier(50)

    def work(text: str) -> None:
        together.wait(20)
        write(notes, text)

    threads = [Thread(target=work, args=(f"n{n}",)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen_from_outside(notes) == {f"n{n}" for n in range(50)}
