"""How a service is doing: webhook-reliability S11 with a clock that the tests move, in values and through the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.dispatching import breaker, operating
from integration.dispatching.breaker import Health
from integration.errors import NotFound
from integration.outgoing import Refusal, Sent
from integration.store.dispatches import State
from tests.dispatching.conftest import DOWN, Post

NOW = datetime(2026, 6, 2, 20, 30, tzinfo=UTC)
REFUSED = Refusal("http_422", "Bell did not understand us", tries=3)


def failing(times: int, every: timedelta, refusal: Refusal = DOWN, health: Health | None = None) -> Health:
    """After so many straight failures, the last of them at NOW."""
    health = health or Health()
    for back in reversed(range(times)):
        at = NOW - back * every
        health = breaker.failed(health, refusal, at, at, 0)
    return health


@pytest.mark.parametrize(
    ("times", "every", "told"),
    [
        (1, timedelta(minutes=1), 0),
        (4, timedelta(minutes=10), 0),
        (5, timedelta(seconds=10), 0),
        (5, timedelta(seconds=38), 50),
        (9, timedelta(hours=1), 50),
        (10, timedelta(seconds=1), 0),
        (10, timedelta(seconds=20), 50),
        (10, timedelta(seconds=34), 100),
        (600, timedelta(seconds=1), 100),
    ],
)
def test_the_owner_is_told_at_half_and_at_all_of_ten_failures_over_five_minutes(times, every, told):
    assert failing(times, every).noticed == told


def test_what_is_told_names_the_service_the_time_and_what_we_do():
    assert breaker.sentence(Health(), "Bell", "Monday") is None
    assert "Bell has trouble since Monday" in (breaker.sentence(Health(noticed=50), "Bell", "Monday") or "")
    assert "nothing since Monday" in (breaker.sentence(Health(noticed=100), "Bell", "Monday") or "")
    off = breaker.disabled(Health(noticed=100), "it took nothing for five days; connect it again to go on", NOW)
    assert "switched off: it took nothing" in (breaker.sentence(off, "Bell", "Monday") or "")


def test_five_days_without_a_success_switch_it_off_and_a_minute_less_does_not():
    assert failing(121, timedelta(hours=1)).disabled_at == NOW
    assert failing(120, timedelta(hours=1)).disabled_at is None


def test_two_failures_with_a_week_between_switch_nothing_off():
    assert failing(2, timedelta(days=7)).disabled_at is None


def test_every_other_call_failing_for_a_month_never_switches_it_off_nor_tells_anybody():
    health = Health()
    for number in range(24 * 30):
        at = NOW + timedelta(hours=number)
        health = breaker.succeeded(health, at) if number % 2 else breaker.failed(health, DOWN, at, at, 0)
        assert (health.disabled_at, health.noticed) == (None, 0)


def test_one_success_clears_all_but_what_switched_it_off():
    health = breaker.succeeded(failing(30, timedelta(minutes=1)), NOW)
    assert health == Health(succeeded_at=NOW)


def test_one_that_wants_nothing_more_is_switched_off_at_once():
    health = failing(1, timedelta(), Refusal("gone", "Bell wants nothing more from us", gone=True))
    assert (health.disabled_at, health.disabled_why) == (NOW, "Bell wants nothing more from us")


def test_one_that_only_waits_for_its_time_never_fails():
    assert failing(500, timedelta(hours=1), Refusal("new_day", "Bell sleeps", after=60, waiting=True)) == Health()


def test_one_that_refuses_every_message_is_not_down_but_switched_off_in_the_end():
    assert not failing(50, timedelta(minutes=1), REFUSED).down
    assert failing(121, timedelta(hours=1), REFUSED).disabled_at == NOW


def test_after_three_straight_outages_only_probes_go():
    assert [failing(times, timedelta(minutes=1)).down for times in (2, 3)] == [False, True]


def outage(post: Post, connection: str, lasts: timedelta) -> int:
    """The service is down for so long, and everything due is tried; how many calls it got."""
    calls, until = 0, post.clock() + lasts
    while (idle := post.idle_for()) is not None and post.clock() + idle < until:
        post.clock.now += idle
        post.send(DOWN, spread=(-1, 0, 1)[calls % 3])
        calls += 1
    return calls


def test_a_service_that_is_down_gets_a_call_a_minute_however_much_waits(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 40)
    calls = outage(post, connection, timedelta(hours=1))
    assert 60 <= calls <= 75
    assert post.outlet(connection).health.noticed == 100


def test_what_waits_goes_out_within_a_minute_of_the_first_answer_and_in_order(post: Post) -> None:
    connection = post.connect()
    ids = post.fill(connection, 20)
    outage(post, connection, timedelta(hours=9))
    back, went = post.clock(), list[int]()
    while post.idle_for() is not None:
        post.skip()
        leased = post.one()
        went.append(leased.dispatch.id)
        post.finish(leased, Sent())
    assert post.clock() - back < timedelta(minutes=1)
    assert went[1:] == sorted(went[1:])
    assert sorted(went) == ids


def test_what_only_probed_is_no_attempt_of_the_message(post: Post) -> None:
    connection = post.connect()
    [only] = post.fill(connection, 1)
    outage(post, connection, timedelta(hours=2))
    # Tried at 0, 5 s, 5 m, 35 m; next at 2 h 35 m.
    assert post.row(only).attempts == 4
    assert post.outlet(connection).health.failures > 100


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)  # six thousand probes
def test_a_message_is_given_up_after_ten_tries_and_three_days_of_probes(post: Post) -> None:
    connection = post.connect()
    [only] = post.fill(connection, 1)
    started = post.clock()
    outage(post, connection, timedelta(days=6))
    row = post.row(only)
    assert (row.state, row.attempts, row.reason) == (State.DEAD, 10, "http_503")
    assert row.finished_at is not None
    assert timedelta(hours=60) < row.finished_at - started < timedelta(hours=92)


def test_one_message_that_always_fails_holds_up_no_other(post: Post) -> None:
    connection = post.connect()
    poison, *others = post.fill(connection, 30)
    delivered, deadline = 0, post.clock() + timedelta(minutes=3)
    while delivered < len(others):
        post.skip()
        leased = post.one()
        failed = leased.dispatch.id == poison
        post.finish(leased, DOWN if failed else Sent())
        delivered += not failed
    assert post.clock() < deadline
    assert post.row(poison).state is State.WAITING


def test_a_message_that_always_fails_beside_ones_that_succeed_is_given_up(post: Post) -> None:
    connection = post.connect()
    [poison] = post.fill(connection, 1)
    for back in range(1, 40):
        post.queue(connection, day=post.row(poison).date - timedelta(days=back))
        for _ in range(4):
            if (idle := post.idle_for()) is None or idle > timedelta(minutes=5):
                break
            post.skip()
            leased = post.one()
            post.finish(leased, DOWN if leased.dispatch.id == poison else Sent())
    assert post.row(poison).state is State.DEAD
    assert post.outlet(connection).health.disabled_at is None


def test_what_a_service_asks_to_wait_is_waited_before_it_is_probed(post: Post) -> None:
    connection = post.connect()
    post.fill(connection, 3)
    post.send(Refusal("rate_limited", "Bell asks us to wait", after=7200))
    assert post.idle_for() == timedelta(hours=2)
    post.queue(connection, slot="evening")
    assert post.idle_for() == timedelta(hours=2)


def test_one_that_was_switched_off_keeps_its_messages_as_given_up_and_takes_them_when_switched_on(post: Post) -> None:
    connection = post.connect()
    ids = post.fill(connection, 3)
    post.send(Refusal("gone", "Bell wants nothing more from us", gone=True))
    assert {post.row(held).state for held in ids} == {State.DEAD}
    assert post.queue(connection, slot="evening") is not None
    assert post.all()[-1].state is State.DEAD
    assert post.idle_for() is None
    everything = [held.id for held in post.all()]
    assert operating.retry(post.store, everything, post.clock()).queued == ()
    operating.enable(post.store, connection)
    assert operating.retry(post.store, everything, post.clock()).queued == tuple(everything)
    assert [post.send(Sent()).state for _ in everything] == [State.SENT] * 4


def test_only_what_is_told_something_can_be_switched_on(post: Post) -> None:
    with pytest.raises(NotFound):
        operating.enable(post.store, "nothing")


def test_the_operator_hears_of_it_once_and_reads_no_secret(post: Post, caplog: Any) -> None:
    connection = post.connect()
    post.fill(connection, 1)
    outage(post, connection, timedelta(minutes=30))
    assert len([record for record in caplog.records if "has failed" in record.message]) == 2
    assert "hunter2" not in caplog.text
