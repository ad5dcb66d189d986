"""What people do with messages: look, send again by id and by time (S12), end a connection; what is deleted in time."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event

import msgspec
import pytest

from integration.dispatching import breaker, operating
from integration.dispatching.breaker import Health
from integration.dispatching.queueing import Snapshot
from integration.errors import NotFound
from integration.outbox import LEASE
from integration.outgoing import Refusal, Sent
from integration.store import dispatches, outlets, people
from integration.store.dispatches import Dispatch, Kind, State
from tests.dispatching.conftest import PATIENCE_SECONDS, TODAY, Post, Works, states

FINAL = Refusal("finished", "that task is done for good at Bell", permanent=True)


def tells(post: Post) -> int:
    with post.store.reading() as db:
        row = db.exec_driver_sql("SELECT tells FROM people")
        return int(row.scalar_one())


def test_the_newest_messages_come_first_by_person_and_by_state(post: Post) -> None:
    connection = post.connect()
    first, second, third = post.fill(connection, 3)
    post.send(FINAL)
    listed = operating.listing(post.store, post.person)
    assert [held.id for held in listed] == [third, second, first]
    assert [held.id for held in operating.listing(post.store, post.person, [State.DEAD])] == [first]
    assert [held.id for held in operating.listing(post.store, limit=2)] == [third, second]
    assert operating.listing(post.store, "nobody") == []


@pytest.mark.parametrize("dispatch", [0, -1, 4711, 1 << 63, 10**30])
def test_an_id_that_no_message_has_is_told(post: Post, dispatch: int) -> None:
    with pytest.raises(NotFound, match="dispatches list"):
        operating.find(post.store, dispatch)
    with pytest.raises(NotFound):
        operating.retry(post.store, [dispatch], post.clock())


@pytest.mark.parametrize("result", [FINAL, Sent(words="kept")])
def test_a_message_is_sent_again_under_the_key_that_it_had_also_after_success(
    post: Post, result: Sent | Refusal
) -> None:
    connection = post.connect()
    post.queue(connection)
    before = post.send(result)
    post.clock.move(days=3)
    assert operating.retry(post.store, [before.id], post.clock()).queued == (before.id,)
    again = post.one()
    assert (again.dispatch.key, again.dispatch.told, again.dispatch.attempts) == (before.key, before.told, 0)
    post.finish(again, Sent(words="kept again"))
    assert post.row(before.id).message == "kept again"


def test_what_was_given_up_in_a_span_of_time_is_sent_again_and_nothing_else(post: Post) -> None:
    connection, other = post.connect(), post.connect()
    made = []
    for back in range(4):
        post.queue(connection, day=TODAY - timedelta(days=back))
        post.queue(other, day=TODAY - timedelta(days=back))
        for _ in range(2):
            post.send(Sent() if back == 2 else FINAL)
        made.append(post.clock())
        post.clock.move(hours=1)
    done = operating.retry_between(post.store, connection, made[1], made[3], post.clock())
    assert [post.row(held).created_at for held in done.queued] == [made[1], made[3]]
    every = (State.DEAD, State.SENT)
    again = operating.retry_between(post.store, connection, made[0], made[3], post.clock(), every)
    assert [post.row(held).created_at for held in again.queued] == [made[0], made[2]]
    assert {held.connection for held in post.all() if held.state is State.WAITING} == {connection}


def test_what_a_later_message_overtook_is_not_sent_again(post: Post) -> None:
    connection = post.connect()
    post.queue(connection)
    done = post.send(Sent())
    post.queue(connection, Kind.UNDONE)
    [(refused, why)] = operating.retry(post.store, [done.id], post.clock()).refused
    assert refused == done.id
    assert "later message" in why
    undone = post.send(FINAL)
    assert operating.retry(post.store, [undone.id], post.clock()).queued == (undone.id,)


def test_what_is_being_sent_just_now_is_not_queued_a_second_time(post: Post) -> None:
    post.queue(post.connect())
    leased = post.one()
    [(_, why)] = operating.retry(post.store, [leased.dispatch.id], post.clock()).refused
    assert "being sent" in why


def test_sending_again_does_not_wait_for_the_next_probe_but_for_what_the_service_asked(post: Post) -> None:
    connection = post.connect()
    [only] = post.fill(connection, 1)
    for _ in range(5):
        post.skip()
        post.send(Refusal("http_503", "Bell is in trouble"))
    operating.retry(post.store, [only], post.clock())
    assert post.idle_for() == timedelta()
    post.send(Refusal("rate_limited", "Bell asks us to wait", after=600))
    operating.retry(post.store, [only], post.clock())
    assert post.idle_for() == timedelta(minutes=10)


def test_a_person_knows_how_many_connections_are_told(post: Post) -> None:
    assert tells(post) == 0
    first, second = post.connect(), post.connect()
    assert tells(post) == 2
    with post.store.writing() as db:
        operating.disconnect(db, first, post.clock())
    assert tells(post) == 1
    with post.store.reading() as db:
        assert [told.connection for told in outlets.of(db, post.person)] == [second]
        assert people.by_id(db, post.person) is not None


def test_an_ended_connection_sends_nothing_more_and_its_secrets_are_gone(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 2)
    leased = post.one()
    with post.store.writing() as db:
        operating.disconnect(db, connection, post.clock())
    assert post.finish(leased, FINAL, most=1) == []
    assert [held.reason for held in post.all()] == ["disconnected"] * 2
    assert (post.idle_for(), post.queue(connection)) == (None, None)
    with post.store.reading() as db:
        tokens = db.exec_driver_sql("SELECT tokens FROM connections").scalar_one()
    assert tokens is None


def test_a_secret_is_stored_sealed(post: Post) -> None:
    post.connect()
    with post.store.reading() as db:
        stored = db.exec_driver_sql("SELECT tokens FROM connections").scalar_one()
    assert stored
    assert "hunter2" not in stored


def test_what_was_given_up_is_kept_thirty_days_and_what_was_sent_ninety(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 3)
    post.send(FINAL)
    post.send(Sent())
    kept = [["dead", "sent", "waiting"], ["sent", "waiting"], ["sent", "waiting"], ["waiting"]]
    for days, left in zip((29, 2, 58, 2), kept, strict=True):
        post.clock.move(days=days)
        operating.sweep(post.store, post.clock())
        assert [str(held.state) for held in post.all()] == left


def test_of_more_than_a_thousand_everything_is_deleted_that_was_kept_long_enough_whatever_came_before(
    post: Post, works: Works
) -> None:
    """The first of all are kept longest; what a worker deletes it deletes in parts."""
    connection = post.connect()
    store_over(post, connection, State.SENT, 600)
    store_over(post, connection, State.DEAD, 1300)
    post.queue(connection)
    post.clock.move(days=40)
    parts = 1
    while operating.sweep(post.store, post.clock()):
        assert 1900 - len(post.all()) + 1 == operating.AT_ONCE * parts
        parts += 1
    assert parts == 3
    assert Counter(states(post)) == {"sent": 600, "waiting": 1}
    post.clock.move(days=60)
    works.start()
    works.settled()
    for _ in range(PATIENCE_SECONDS * 100):
        if len(post.all()) == 1:
            break
        Event().wait(0.01)
    assert states(post) == ["sent"]


def store_over(post: Post, connection: str, state: State, count: int) -> None:
    """So many messages that were finished now."""
    said = msgspec.json.encode(Snapshot(post.clock(), post.clock())).decode()
    like = Dispatch(
        id=0,
        connection=connection,
        key="",
        kind=Kind.DONE,
        date=TODAY,
        slot="morning",
        told=said,
        state=state,
        due_at=post.clock(),
        attempts=1,
        kills=0,
        attempted_at=post.clock(),
        created_at=post.clock(),
        finished_at=post.clock(),
        remote=None,
        reason=None,
        message="",
    )
    with post.store.writing() as db:
        for number in range(count):
            dispatches.add(db, replace(like, key=f"{state}-{number}", date=TODAY - timedelta(days=number)))


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_was_kept_long_enough_is_found_by_an_index(post: Post, statements: list[str]) -> None:
    operating.sweep(post.store, post.clock())
    for told in [one for one in statements if one.startswith("SELECT")]:
        with post.store.reading() as db:
            details = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", (0,) * told.count("?"))]
        assert "ix_dispatches_finished" in details[0], (told, details)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_a_session_only_the_last_word_is_sent_again(post: Post, order: tuple[int, ...]) -> None:
    connection = post.connect()
    with post.store.writing() as db:
        outlets.save(db, connection, breaker.disabled(Health(), "it refused our key", post.clock()), None)
    for kind in (Kind.DONE, Kind.UNDONE, Kind.DONE):
        post.queue(connection, kind)
        post.clock.move(minutes=1)
    ids = [held.id for held in post.all() if held.state is State.DEAD]
    assert len(ids) == 3
    operating.enable(post.store, connection)
    done = operating.retry(post.store, [ids[number] for number in order], post.clock())
    assert (done.queued, [refused for refused, _ in done.refused]) == ((ids[2],), ids[:2])
    assert [held.id for held in post.all() if held.state is State.WAITING] == [ids[2]]
    between = operating.retry_between(
        post.store, connection, post.clock() - timedelta(hours=1), post.clock(), post.clock()
    )
    assert between.queued == ()


def test_a_later_word_that_is_sent_again_takes_the_place_of_an_earlier_one_that_waits(post: Post) -> None:
    connection = post.connect()
    with post.store.writing() as db:
        outlets.save(db, connection, breaker.disabled(Health(), "it refused our key", post.clock()), None)
    post.queue(connection, Kind.DONE)
    post.queue(connection, Kind.UNDONE)
    done, undone = (held.id for held in post.all())
    operating.enable(post.store, connection)
    assert operating.retry(post.store, [done], post.clock()).queued == (done,)
    assert operating.retry(post.store, [undone], post.clock()).queued == (undone,)
    assert [(held.id, held.state) for held in post.all()] == [(done, State.DROPPED), (undone, State.WAITING)]
    assert operating.retry(post.store, [undone], post.clock()).queued == (undone,), "also what waits already"
    assert post.row(undone).state is State.WAITING


def test_of_messages_that_are_sent_again_together_only_the_last_goes_and_the_reason_names_no_other_command(
    post: Post,
) -> None:
    connection = post.connect()
    switch_off(post, connection)
    post.queue(connection, Kind.DONE)
    post.queue(connection, Kind.UNDONE)
    operating.enable(post.store, connection)
    done, undone = (held.id for held in post.all())
    again = operating.retry(post.store, [done, undone], post.clock())
    assert again.queued == (undone,)
    assert again.refused == ((done, "a later message about that session takes its place"),)
    post.send(Sent())
    [(_, why)] = operating.retry(post.store, [done], post.clock()).refused
    assert why == "a later message about that session went out after it; send that one again"


def tell_streak(post: Post, connection: str, active: int) -> int:
    """The id of the message."""
    post.queue(connection, Kind.EVENT, slot="", extra={"type": "streak.changed", "active": active})
    return post.all()[-1].id


@pytest.mark.parametrize("result", [Sent(), FINAL, None])
def test_old_news_of_the_streak_is_not_sent_again_after_newer_news(post: Post, result: Sent | Refusal | None) -> None:
    connection, other = post.connect(), post.connect()
    old = tell_streak(post, connection, 2)
    post.send(Sent())
    new = tell_streak(post, connection, 3)
    if result is not None:
        post.send(result)
    elsewhere = tell_streak(post, other, 1)
    again = operating.retry(post.store, [old], post.clock())
    way = "takes its place" if result is None else "went out after it; send that one again"
    assert (again.queued, again.refused) == ((), ((old, f"a later message about the streak {way}"),))
    assert operating.retry(post.store, [new, elsewhere], post.clock()).queued == (new, elsewhere)


def test_of_all_news_of_the_streak_in_a_span_of_time_only_the_newest_is_sent_again(post: Post) -> None:
    connection = post.connect()
    switch_off(post, connection)
    ids = [tell_streak(post, connection, active) for active in range(60)]
    operating.enable(post.store, connection)
    assert operating.retry(post.store, ids[:1], post.clock()).queued == (ids[0],)
    again = operating.retry_between(post.store, connection, post.clock(), post.clock(), post.clock())
    assert (again.queued, len(again.refused)) == ((ids[-1],), 58)
    assert [held.id for held in post.all() if held.state is State.WAITING] == [ids[-1]]


def switch_off(post: Post, connection: str) -> None:
    with post.store.writing() as db:
        outlets.save(db, connection, breaker.disabled(Health(), "it refused our key", post.clock()), None)


def test_what_may_still_fly_from_before_its_connection_was_ended_is_not_sent_a_second_time(post: Post) -> None:
    connection = post.connect()
    [only] = post.fill(connection, 1)
    post.one()
    with post.store.writing() as db:
        operating.disconnect(db, connection, post.clock())
        outlets.add(db, connection, None)
    [(_, why)] = operating.retry(post.store, [only], post.clock()).refused
    assert why == "it may still be on its way; try again in a minute"
    post.clock.move(seconds=LEASE.total_seconds())
    assert operating.retry(post.store, [only], post.clock()).queued == (only,)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_an_answer_that_is_stored_and_a_connection_that_is_ended_never_wait_for_each_other(post: Post) -> None:
    connection = post.connect()
    [only] = post.fill(connection, 1)

    def end() -> None:
        with post.store.writing() as db:
            operating.disconnect(db, connection, post.clock())

    with ThreadPoolExecutor(1) as pool:
        with post.store.writing() as db:
            assert outlets.locked(db, connection)
            ended = pool.submit(end)
            for _ in range(PATIENCE_SECONDS * 100):
                if waits_for_a_lock(post):
                    break
                Event().wait(0.01)
            assert dispatches.change(db, only, attempts=1), "it waits for the outlet, and has locked nothing before"
        ended.result()
    assert states(post) == ["dropped"]


def waits_for_a_lock(post: Post) -> bool:
    with post.store.reading() as db:
        return bool(db.exec_driver_sql("SELECT 1 FROM pg_locks WHERE NOT granted").first())
