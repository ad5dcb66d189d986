"""Writers that wait for one another share a commit, and nothing else."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from integration.errors import StoreUnavailable
from integration.store import turns
from integration.store.engine import Database, Store
from integration.store.turns import Turns
from integration.store.wakeups import notify


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


def test_a_commit_that_is_interrupted_is_no_success_of_those_who_shared_it(
    notes: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    shared = Queue(notes, [lambda: write(notes, "second")])
    monkeypatch.setattr(turns, "_ended", interrupted)
    with pytest.raises(StoreUnavailable, match="broke the transaction"):
        shared.behind(notes._turns)
    shared.threads[0].join(20)
    monkeypatch.undo()
    assert isinstance(shared.failed[0], KeyboardInterrupt)
    assert seen_from_outside(notes) == set()
    write(notes, "next")
    assert seen_from_outside(notes) == {"next"}


# What comes right after a turn, on the same connection


def fail(store: Store, work: Callable[[Database], object]) -> None:
    """A turn that does this and then fails."""

    def turn(db: Database) -> None:
        work(db)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store.writing() as db:
        turn(db)


@pytest.fixture
def after_the_next(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Does something once the next turn has been passed on, and before whoever had it goes on."""

    def does(something: Callable[[], None]) -> None:
        leave = Turns._leave

        def leaving(self: Turns, batch: Any) -> None:
            monkeypatch.setattr(Turns, "_leave", leave)
            leave(self, batch)
            something()

        monkeypatch.setattr(Turns, "_leave", leaving)

    return does


def test_what_is_on_disk_is_no_failure_though_the_next_turn_fails(notes: Store, after_the_next: Any) -> None:
    after_the_next(lambda: fail(notes, lambda _: None))
    write(notes, "kept")
    assert seen_from_outside(notes) == {"kept"}


def test_somebody_is_woken_for_a_turn_only_once_it_is_on_disk(notes: Store, after_the_next: Any) -> None:
    seen, second = list[set[str]](), ExitStack()
    notes.rung = lambda: seen.append(seen_from_outside(notes))

    def begin() -> None:
        db = second.enter_context(notes.writing())
        notify(db)
        db.exec_driver_sql("INSERT INTO notes VALUES ('second')")

    after_the_next(begin)
    write(notes, "first")
    assert seen == []
    second.close()
    assert seen == [{"first", "second"}]


def test_nobody_is_woken_for_what_was_taken_back(notes: Store) -> None:
    seen = list[int]()
    notes.rung = lambda: seen.append(1)
    fail(notes, notify)
    write(notes, "next")
    assert seen == []


def test_a_turn_that_fails_leaves_the_connection_to_the_next(notes: Store) -> None:
    opened = list[int]()
    event.listen(notes.engine, "connect", lambda *_: opened.append(1))
    fail(notes, lambda db: db.exec_driver_sql("INSERT INTO notes VALUES ('gone')"))
    write(notes, "kept")
    assert (seen_from_outside(notes), opened) == ({"kept"}, [])


def test_who_waits_too_long_for_a_turn_is_told_so(notes: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "BUSY_SECONDS", 0.05)
    waiting = Queue(notes, [lambda: write(notes, "late")])
    with notes.writing() as db:
        db.exec_driver_sql("INSERT INTO notes VALUES ('first')")
        waiting.threads[0].start()
        waiting.threads[0].join(20)
    assert isinstance(waiting.failed[0], StoreUnavailable)
    write(notes, "next")
    assert seen_from_outside(notes) == {"first", "next"}
