"""The outbox as rows: what is queued, what takes whose place, who may send, and what a lost worker leaves behind."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text

from integration.dispatching.judging import KILLS, Dropped, PutBack
from integration.dispatching.queueing import Message, Snapshot, queue
from integration.errors import StoreUnavailable
from integration.outbox import LEASE, give_back
from integration.outgoing import Refusal, Sent
from integration.store import dispatches
from integration.store.dispatches import Kind, State
from integration.store.engine import Store
from tests.dispatching.conftest import DOWN, TODAY, Post, states

DONE, UNDONE, EVENT, FETCH = Kind
REFUSED = Refusal("http_422", "Bell did not understand us", tries=3)


def test_a_message_is_there_when_its_transaction_is_and_never_without_it(post: Post) -> None:
    connection = post.connect()
    said = Snapshot(at=post.clock(), said_at=post.clock())

    def fail() -> None:
        with post.store.writing() as db:
            assert queue(db, Message(connection, DONE, TODAY, "morning", said), post.clock())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (states(post), post.idle_for()) == ([], None)
    post.queue(connection)
    assert (states(post), post.idle_for()) == (["waiting"], timedelta())


def test_a_key_is_its_messages_own_and_holds_no_full_stop(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 50)
    keys = {held.key for held in post.all()}
    assert len(keys) == 50
    assert not any("." in key or len(key) > 64 for key in keys)


def test_what_is_sent_is_out_of_the_queue_with_what_the_service_said(post: Post) -> None:
    connection = post.connect()
    post.queue(connection)
    sent = post.send(Sent(remote="remote-7", words="kept"))
    assert (sent.state, sent.attempts, sent.remote, sent.message) == (State.SENT, 1, "remote-7", "kept")
    assert sent.finished_at == sent.attempted_at == post.clock()
    assert (post.idle_for(), post.claim()) == (None, [])
    assert post.outlet(connection).health.succeeded_at == post.clock()


def test_a_message_refused_for_good_is_kept_with_the_reason(post: Post) -> None:
    post.queue(post.connect())
    dead = post.send(Refusal("finished", "that task is done for good at Bell", permanent=True))
    assert (dead.state, dead.attempts, dead.reason) == (State.DEAD, 1, "finished")
    assert dead.message == "that task is done for good at Bell"


def test_a_message_that_is_not_understood_is_tried_three_times_and_the_next_one_meanwhile(post: Post) -> None:
    connection = post.connect()
    first, second = post.fill(connection, 2)
    assert post.send(REFUSED).id == first
    assert post.send(Sent()).id == second
    assert post.skip() == timedelta(seconds=5)
    assert post.send(REFUSED).state is State.WAITING
    assert post.skip() == timedelta(minutes=5)
    assert post.send(REFUSED).state is State.DEAD


def test_messages_to_one_service_go_one_at_a_time_in_order(post: Post) -> None:
    connection, went = post.connect(), list[int]()
    ids = post.fill(connection, 5)
    leased = post.one()
    for _ in ids:
        assert post.claim(9, worker="worker-b") == []
        went.append(leased.dispatch.id)
        leased = next(iter(post.finish(leased, Sent(), most=1)), leased)
    assert went == ids


def test_a_pause_between_two_messages_is_kept_also_by_what_is_queued_meanwhile(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 2)
    post.send(Sent(), pace=timedelta(seconds=30))
    assert post.idle_for() == timedelta(seconds=30)
    post.queue(connection, slot="evening")
    assert post.idle_for() == timedelta(seconds=30)
    post.skip()
    assert post.send(Sent()).state is State.SENT


def test_nothing_is_queued_for_a_connection_that_is_told_nothing(post: Post) -> None:
    assert post.queue("nobody") is None


def test_workers_that_claim_at_once_get_every_message_once(post: Post) -> None:
    for _ in range(30):
        post.queue(post.connect())
    together = Barrier(6)

    def work(number: int) -> list[int]:
        together.wait(20)
        found = list[int]()
        while claimed := post.claim(2, worker=f"worker-{number}"):
            found += [leased.dispatch.id for leased in claimed]
        return found

    with ThreadPoolExecutor(6) as pool:
        got = [dispatch for found in pool.map(work, range(6)) for dispatch in found]
    while claimed := post.claim(9):  # PostgreSQL passes over what another holds locked for a moment
        got += [leased.dispatch.id for leased in claimed]
    assert sorted(got) == [held.id for held in post.all()]


def test_a_lost_workers_message_counts_as_tried_and_goes_out_after_its_lease(post: Post) -> None:
    connection = post.connect()
    first, second = post.fill(connection, 2)
    assert post.one().dispatch.id == first
    assert post.skip() == LEASE
    [following] = post.claim(worker="worker-b")
    assert following.dispatch.id == second, "what may be to blame goes last"
    lost = post.row(first)
    assert (lost.attempts, lost.kills, lost.state) == (1, 1, State.WAITING)


def test_a_message_that_kills_its_worker_is_given_up_after_five_and_the_others_go_out(post: Post) -> None:
    """R13."""
    connection, sent = post.connect(), 0
    poison, *others = post.fill(connection, 10)
    for _ in range(60):
        if post.idle_for() is None:
            break
        post.skip()
        for leased in post.claim():
            if leased.dispatch.id != poison:
                post.finish(leased, Sent())
                sent += 1
    dead = post.row(poison)
    assert (dead.state, dead.kills, dead.reason) == (State.DEAD, KILLS, "killed")
    assert sent == len(others)


def test_a_worker_that_comes_back_after_its_lease_changes_nothing_but_what_arrived(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 3)
    late, later = post.one(), post.clock()
    post.skip()
    [held] = post.claim(worker="worker-b")
    outlet = post.outlet(connection)
    post.finish(late, Sent(words="kept"), started=later)
    assert post.row(late.dispatch.id).state is State.SENT
    assert post.outlet(connection) == outlet, "the queue is another worker's now"
    assert post.claim(worker="worker-c") == []
    post.finish(held, Sent())


def test_what_never_set_out_before_its_lease_was_over_is_not_taken_for_tried(post: Post) -> None:
    connection = post.connect()
    post.queue(connection)
    late = post.one()
    post.queue(connection, UNDONE)
    post.skip()
    [held] = post.claim(worker="worker-b")
    assert held.dispatch.kind is UNDONE
    outlet = post.outlet(connection)
    post.finish(late, PutBack("lease_over", ""))
    assert (post.row(late.dispatch.id).attempted_at, post.outlet(connection)) == (None, outlet)


def test_a_lease_that_is_given_back_when_we_stop_is_no_failed_attempt(post: Post) -> None:
    """S16."""
    connection = post.connect()
    post.queue(connection)
    leased = post.one()
    give_back(post.store, leased, post.worker.worker, post.clock(), post.clock())
    [again] = post.claim(worker="worker-b")
    assert (again.dispatch.id, again.dispatch.attempts, again.dispatch.kills) == (leased.dispatch.id, 0, 0)
    assert post.outlet(connection).health.failures == 0


def test_a_message_that_was_cut_off_as_we_stopped_may_have_arrived_so_an_undo_follows(post: Post) -> None:
    connection = post.connect()
    post.queue(connection)
    give_back(post.store, post.one(), post.worker.worker, post.clock(), post.clock())
    assert post.queue(connection, UNDONE) is not None
    assert states(post) == ["dropped", "waiting"]


def test_a_clock_that_jumps_past_the_lease_makes_no_worker_send_twice(post: Post) -> None:
    post.queue(post.connect())
    leased = post.one()
    post.clock.move(days=1)
    assert post.claim(flying=(leased.dispatch.id,)) == []
    assert post.row(leased.dispatch.id).kills == 0
    assert post.finish(leased, Sent(), most=1) == []
    assert states(post) == ["sent"]


def test_what_is_dropped_or_put_back_says_nothing_of_the_service(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 2)
    dropped = post.send(Dropped("no_undo", "not sent: cannot be undone there"))
    assert (dropped.state, dropped.attempts, dropped.message) == (State.DROPPED, 0, "not sent: cannot be undone there")
    back = post.send(PutBack("unsealed", "waiting: its secrets cannot be opened now", after=300))
    assert (back.state, back.attempts, back.attempted_at) == (State.WAITING, 0, None)
    assert post.idle_for() == timedelta(minutes=5)
    health = post.outlet(connection).health
    assert (health.failures, health.succeeded_at) == (0, None)


def test_probes_are_left_out_where_there_is_no_room_for_them(post: Post) -> None:
    ill, well = post.connect(), post.connect()
    post.fill(ill, 5)
    for _ in range(3):
        post.skip()
        post.send(DOWN)
    assert post.outlet(ill).health.down
    post.clock.move(minutes=5)
    post.queue(well)
    assert [leased.to.connection for leased in post.claim(9, probes=0)] == [well]
    [probe] = post.claim(9)
    assert (probe.to.connection, probe.probe) == (ill, True)


def test_what_is_queued_for_a_service_that_is_down_waits_for_the_next_probe(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 3)
    for _ in range(3):
        post.skip()
        post.send(DOWN)
    idle = post.idle_for()
    assert timedelta(seconds=40) < (idle or timedelta()) < timedelta(minutes=1)
    post.queue(connection, slot="evening")
    assert post.idle_for() == idle


def test_after_a_long_silence_the_first_message_to_a_service_that_was_down_goes_at_once(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 3)
    for _ in range(3):
        post.skip()
        post.send(DOWN)
    with post.store.writing() as db:
        dispatches.end(db, connection, State.DEAD, post.clock(), "given_up", "")
    post.skip()
    assert (post.claim(), post.idle_for()) == ([], None)
    post.queue(connection, slot="evening")
    assert post.idle_for() == timedelta()


def test_a_person_who_goes_takes_all_that_waits_along_also_what_is_on_its_way(post: Post, store: Store) -> None:
    connection = post.connect()
    post.fill(connection, 3)
    leased = post.one()
    with store.writing() as db:
        db.execute(text("DELETE FROM people"))
    assert post.finish(leased, Sent(), most=1) == []
    assert (states(post), post.idle_for()) == ([], None)


def test_one_message_costs_one_transaction_and_few_statements(post: Post, statements: list[str]) -> None:
    connection = post.connect()
    post.fill(connection, 20)
    leased = post.one()
    [leased] = post.finish(leased, Sent(), most=1)
    statements.clear()
    [leased] = post.finish(leased, Sent(), most=1)
    assert len([told for told in statements if "BEGIN" not in told]) <= 7


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_a_worker_asks_for_is_found_by_an_index_however_much_was_sent(post: Post, statements: list[str]) -> None:
    connection = post.connect()
    post.fill(connection, 3)
    statements.clear()
    post.finish(post.one(), Sent(), most=1)
    post.queue(connection, UNDONE)
    asked = [told for told in statements if told.lstrip().startswith(("SELECT", "UPDATE"))]
    for told in asked:
        with post.store.reading() as db:
            values = dict.fromkeys(re.findall(r":(\w+)", told))
            plan = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", values)
            details = [row[3] for row in plan]
        # That index has only what is on its way.
        walks = [detail for detail in details if detail.startswith("SCAN") and "ix_outlets_leased" not in detail]
        assert not walks, (told, details)
        if "min(dispatches.due_at)" in told or "dispatches.due_at <= :now" in told or "SET next_at=(SELECT" in told:
            assert [detail for detail in details if "ix_dispatches_waiting" in detail], (told, details)


def test_a_database_that_is_away_loses_no_answer(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.queue(post.connect())
    leased = post.one()

    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(dispatches, "note", away)
        with pytest.raises(StoreUnavailable):
            post.finish(leased, Sent())
    assert states(post) == ["waiting"]
    post.finish(leased, Sent())
    assert states(post) == ["sent"]
