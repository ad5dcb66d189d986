"""The worker with its threads: wakes at once, keeps slow services apart, stops cleanly. Events, never sleeps."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from time import process_time
from typing import Any

import pytest

from integration import outbox
from integration.dispatching import worker
from integration.dispatching.worker import PROBES, THREADS
from integration.errors import StoreUnavailable
from integration.outgoing import Refusal, Reply, Request, Sent, Told
from integration.store.dispatches import Kind, State
from integration.store.engine import Store
from tests.dispatching.conftest import DOWN, PATIENCE_SECONDS, TODAY, Bell, Ringing, Works


def test_what_is_queued_goes_out_when_the_worker_is_woken(
    works: Works, ringing: Ringing, never_by_itself: None
) -> None:
    running, connection = works.start(), works.post.connect()
    for number in range(1, 6):
        works.post.queue(connection, day=TODAY - timedelta(days=number))
        running.wake()
        ringing.until(number)
    works.settled()


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_what_another_process_queues_wakes_the_worker_when_it_is_committed(
    works: Works, ringing: Ringing, never_by_itself: None
) -> None:
    works.start()
    connection = works.post.connect()
    for number in range(1, 6):
        works.post.queue(connection, day=TODAY - timedelta(days=number))
        ringing.until(number)
    works.settled()


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_worker_whose_listening_connection_is_cut_listens_again(
    works: Works, ringing: Ringing, monkeypatch: pytest.MonkeyPatch, never_by_itself: None
) -> None:
    monkeypatch.setattr("integration.store.wakeups.AGAIN_SECONDS", 0.01)
    works.start()
    connection = works.post.connect()
    works.post.queue(connection)
    ringing.until(1)
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    with works.post.store.reading() as db:
        db.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {others} AND query LIKE 'LISTEN%%'").all()
    works.post.queue(connection, slot="evening")
    ringing.until(2)


def test_what_waited_before_the_start_goes_out(works: Works, ringing: Ringing) -> None:
    works.post.fill(works.post.connect(), 20)
    works.start()
    ringing.until(20)
    works.settled()
    assert len(set(ringing.keys)) == 20


def test_messages_to_one_service_go_in_order_also_with_sixteen_threads(works: Works, ringing: Ringing) -> None:
    connections = [works.post.connect() for _ in range(20)]
    ids = [works.post.fill(connection, 10) for connection in connections]
    works.start()
    ringing.until(200)
    works.settled()
    keys = {held.key: held.id for held in works.post.all()}
    went = [keys[key] for key in ringing.keys]
    for own in ids:
        assert [dispatch for dispatch in went if dispatch in own] == own
    assert len(went) == 200


def test_a_black_hole_holds_up_no_other_service(works: Works, ringing: Ringing) -> None:
    """S10: one that does not answer, and ninety-nine that do."""
    hole, released = Bell(), Event()
    hole.answer = lambda _call, _told: Sent(already=released.wait(PATIENCE_SECONDS))
    works.services["hole"] = hole
    works.post.fill(works.post.connect("hole"), 5)
    for _ in range(99):
        works.post.fill(works.post.connect(), 3)
    works.start()
    try:
        ringing.until(297)
        assert len(hole.told) == 1
    finally:
        released.set()
    works.settled()


def test_many_black_holes_hold_up_no_other_service(works: Works, ringing: Ringing) -> None:
    """Of services known to be down only so many are probed at once; the other threads stay free."""
    hole, released = Bell(), Event()
    hole.answer = lambda _call, _told: Sent(already=released.wait(PATIENCE_SECONDS))
    works.services["hole"] = hole
    holes = [works.post.connect("hole") for _ in range(THREADS + 4)]
    for connection in holes:
        works.post.fill(connection, 3)
        for _ in range(3):
            works.post.skip()
            works.post.send(DOWN)
    works.post.clock.move(minutes=1)
    running, good = works.start(), works.post.connect()
    try:
        for number in range(1, 11):
            works.post.queue(good, day=TODAY - timedelta(days=number))
            running.wake()
            ringing.until(number)
        assert len(hole.told) <= PROBES
    finally:
        released.set()
    works.settled()


def test_a_message_that_fails_is_tried_again_when_it_is_due(works: Works, ringing: Ringing) -> None:
    failed = Event()

    def fail_first(call: Any, told: Told) -> Sent:
        if told.attempt == 1:
            failed.set()
            raise Refusal("http_422", "Bell did not understand us", tries=3)
        return ringing.note(call, told)

    ringing.answer = fail_first
    running = works.start()
    works.post.queue(works.post.connect())
    running.wake()
    assert failed.wait(PATIENCE_SECONDS)
    for _ in range(PATIENCE_SECONDS * 100):
        if works.post.all()[0].attempts == 1:
            break
        Event().wait(0.01)
    works.post.clock.move(seconds=6)
    running.wake()
    ringing.until(1)
    works.settled()
    assert works.post.all()[0].attempts == 2


def test_a_call_goes_through_the_door(works: Works, ringing: Ringing) -> None:
    asked = list[str]()

    def answer(call: Any, told: Told) -> Sent:
        call(Request("GET", "https://bell.example/"))
        return ringing.note(call, told)

    ringing.answer = answer
    works.post.queue(works.post.connect())
    works.start(door=lambda request: asked.append(request.url) or Reply(200))
    ringing.until(1)
    works.settled()
    assert asked == ["https://bell.example/"]


def test_an_answer_is_kept_in_mind_while_the_database_is_away(
    works: Works, ringing: Ringing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "AFTER_TROUBLE", 0.01)
    real, failures = outbox.finish, iter(range(5))

    def finish(*told: Any) -> Any:
        if next(failures, None) is not None:
            raise StoreUnavailable("the database is away")
        return real(*told)

    monkeypatch.setattr(outbox, "finish", finish)
    works.post.fill(works.post.connect(), 3)
    works.start()
    ringing.until(3)
    works.settled()
    assert len(ringing.keys) == 3


def test_a_worker_that_cannot_read_the_outbox_goes_on_when_it_can(
    works: Works, ringing: Ringing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "AFTER_TROUBLE", 0.01)
    real, failures = outbox.claim, iter((StoreUnavailable("away"), StoreUnavailable("away")))

    def claim(*told: Any) -> Any:
        if error := next(failures, None):
            raise error
        return real(*told)

    monkeypatch.setattr(outbox, "claim", claim)
    works.post.fill(works.post.connect(), 3)
    works.start()
    ringing.until(3)
    works.settled()


@pytest.mark.parametrize("number", range(10))
def test_a_stop_under_load_finishes_what_is_on_its_way_and_leaves_the_rest_untouched(
    works: Works, ringing: Ringing, number: int
) -> None:
    """S16, on both engines: twenty times in all."""
    connections = [works.post.connect() for _ in range(8)]
    for connection in connections:
        works.post.fill(connection, 12)
    running = works.start()
    ringing.until(number * 5 + 1)
    running.stop()
    told = list(ringing.keys)
    rows = works.post.all()
    assert sorted(told) == sorted(held.key for held in rows if held.state is State.SENT)
    left = [held for held in rows if held.state is State.WAITING]
    assert {(held.attempts, held.kills, held.reason) for held in left} <= {(0, 0, None)}
    assert all(works.post.outlet(connection).lease_by is None for connection in connections)
    works.start()
    ringing.until(96)
    works.settled()
    assert sorted(ringing.keys) == sorted({held.key for held in rows}), "none is sent twice"


def test_an_attempt_that_outlasts_our_stop_is_given_back_and_did_not_fail(works: Works, ringing: Ringing) -> None:
    begun, released = Event(), Event()

    def hang(call: Any, told: Told) -> Sent:
        begun.set()
        released.wait(PATIENCE_SECONDS)
        return ringing.note(call, told)

    ringing.answer = hang
    connection = works.post.connect()
    works.post.queue(connection)
    running = works.start()
    assert begun.wait(PATIENCE_SECONDS)
    running.stop(patience=0.05)
    [waiting] = works.post.all()
    assert (waiting.state, waiting.attempts, waiting.kills) == (State.WAITING, 0, 0)
    assert works.post.outlet(connection).health.failures == 0
    assert works.post.idle_for() == timedelta()
    released.set()
    works.settled()


def test_a_message_that_takes_several_calls_is_put_back_between_two_of_them_as_we_stop(
    works: Works, ringing: Ringing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.dispatching.sending.GRACE", -1.0)
    begun, stopping = Event(), Event()

    def several(call: Any, told: Told) -> Sent:
        begun.set()
        stopping.wait(PATIENCE_SECONDS)
        call(Request("GET", "https://bell.example/"))
        return ringing.note(call, told)

    ringing.answer = several
    works.post.queue(works.post.connect())
    running = works.start()
    assert begun.wait(PATIENCE_SECONDS)
    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(running.stop)
        assert running._stopping.wait(PATIENCE_SECONDS)
        stopping.set()
        stopped.result()
    [waiting] = works.post.all()
    assert (waiting.state, waiting.attempts, ringing.keys) == (State.WAITING, 0, [])


def test_a_worker_that_was_halted_past_its_lease_sends_nothing_that_was_taken_back_meanwhile(
    works: Works, ringing: Ringing, never_by_itself: None
) -> None:
    halted, released, asked = Event(), Event(), list[str]()

    def slowly(call: Any, told: Told) -> Sent:
        halted.set()
        released.wait(PATIENCE_SECONDS)
        call(Request("GET", f"https://bell.example/{told.key}"))
        return ringing.note(call, told)

    ringing.answer = slowly
    connection = works.post.connect()
    works.post.queue(connection)
    works.start(door=lambda request: asked.append(request.url) or Reply(200))
    assert halted.wait(PATIENCE_SECONDS)
    works.post.clock.move(seconds=outbox.LEASE.total_seconds())
    works.post.queue(connection, Kind.UNDONE)
    released.set()
    ringing.until(1)
    works.settled("sent", "dropped")
    done, undone = works.post.all()
    assert (done.state, undone.state) == (State.DROPPED, State.SENT)
    assert asked == [f"https://bell.example/{undone.key}"]
    assert done.attempted_at is None, "it never set out"


def test_leases_of_a_dead_process_are_taken_over_at_the_start_where_no_other_can_live(
    works: Works, ringing: Ringing
) -> None:
    first, second = works.post.fill(works.post.connect(), 2)
    assert works.post.one().dispatch.id == first
    if not works.post.store.is_sqlite:
        works.post.clock.move(seconds=outbox.LEASE.total_seconds())
    running = works.start()
    ringing.until(1)
    works.post.clock.move(seconds=10)
    running.wake()
    ringing.until(2)
    works.settled()
    assert [works.post.row(held).kills for held in (first, second)] == [1, 0]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_two_workers_share_the_work_and_send_nothing_twice(works: Works, ringing: Ringing) -> None:
    for _ in range(40):
        works.post.fill(works.post.connect(), 5)
    url = works.post.store.engine.url.render_as_string(hide_password=False)
    other = Store(url)
    works.start()
    works.start(other)
    ringing.until(200)
    works.settled()
    assert len(ringing.keys) == len(set(ringing.keys)) == 200
    for running in works.running:
        running.stop()
    other.close()


def test_an_idle_worker_does_nothing(works: Works, ringing: Ringing, statements: list[str]) -> None:
    running = works.start()
    works.post.queue(works.post.connect())
    running.wake()
    ringing.until(1)
    works.settled()
    Event().wait(0.3)  # whatever it still does by itself
    statements.clear()
    before = process_time()
    Event().wait(1.5)
    assert statements == []
    assert process_time() - before < 1.5 * 0.2, "it spins"


def test_threads_are_started_when_they_are_needed_and_not_before(works: Works, ringing: Ringing) -> None:
    running = works.start()

    def senders() -> int:
        return sum(thread.name == "turntwice-sender" for thread in threading.enumerate())

    assert senders() == 0
    connection = works.post.connect()
    for number in range(1, 6):
        works.post.queue(connection, day=TODAY - timedelta(days=number))
        running.wake()
        ringing.until(number)
        works.settled()
    assert 1 <= senders() <= 2
    works.post.queue(connection, Kind.UNDONE, day=TODAY - timedelta(days=1))
    running.wake()
    ringing.until(6)
    works.settled()
