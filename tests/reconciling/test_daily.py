"""Once a day: which connections are looked at and when, that one process does each, and what a failure comes to."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest

from integration.connecting import connections, hooking
from integration.core.model import State
from integration.dispatching import operating
from integration.errors import StoreUnavailable
from integration.outgoing import Refusal, Reply, Request
from integration.parts import Parts
from integration.reconciling import compared, daily
from integration.reconciling.compared import Outcome
from integration.reconciling.daily import Daily, due, turn
from integration.store import lookings
from tests.reconciling.conftest import DAY, TODAY, Mirror, World


def names(world: World) -> list[str]:
    return [connection for connection, _ in due(world.parts, world.clock())]


def run(world: World) -> int:
    return daily.daily(world.parts, world.clock())


def hour_of(world: World, connection: str) -> Any:
    return turn(world.person.plan, connection, world.clock())


def test_each_connection_has_an_hour_of_the_day_which_is_always_the_same(world: World) -> None:
    plan, hours = world.person.plan, set()
    for number in range(200):
        seen = {turn(plan, f"connection{number}", world.clock() + timedelta(hours=back)) for back in range(72)}
        assert len(seen) in (3, 4)
        hours |= {(at - timedelta(hours=2)).hour for at in seen}
        assert all(at <= world.clock() + timedelta(hours=72) for at in seen)
    assert hours == set(range(24))


def test_a_new_connection_is_looked_at_when_its_hour_comes_and_then_once_a_day(world: World) -> None:
    connection = world.connect()
    assert names(world) == []
    looks = 0
    for _ in range(24 * 3):
        world.clock.move(hours=1)
        looks += run(world)
    assert looks == 3
    kept = compared.last(world.parts.store, connection)
    assert kept is not None
    assert kept.at == hour_of(world, connection) + (kept.at - hour_of(world, connection)) % timedelta(hours=1)


def test_only_what_is_live_told_and_tells_its_history_is_looked_at(world: World) -> None:
    ended, silent, live = world.connect(), world.connect("silent"), world.connect()
    connections.revoke(world.parts.store, ended, world.clock())
    world.clock.move(hours=25)
    assert names(world) == [live]
    assert silent not in names(world)


def test_what_is_switched_off_is_not_asked(world: World, mirror: Mirror) -> None:
    connection = world.connect()

    def gone(*_told: object) -> None:
        raise Refusal("gone", "it wants nothing", gone=True)

    mirror.complete = gone
    world.press()
    world.work()
    world.clock.move(hours=25)
    assert names(world) == []
    operating.enable(world.parts.store, connection)
    assert names(world) == [connection]


def test_it_heals_by_itself(world: World) -> None:
    connection = world.connect()
    world.mirror.tick("m", TODAY)
    world.clock.move(hours=25)
    assert run(world) == 1
    assert world.merged()[TODAY, "morning"].evidence == {connection}


def test_what_was_done_before_it_was_connected_is_not_touched_by_itself(world: World) -> None:
    world.press(day=TODAY - DAY)
    world.mirror.tick("e", TODAY - DAY)
    connection = world.connect()
    world.clock.move(hours=25)
    run(world)
    assert (world.waiting(), world.state("evening", TODAY - DAY)) == ([], None)
    kept = compared.last(world.parts.store, connection)
    assert kept is not None
    assert kept.outcome is Outcome.AGREED


def test_a_service_that_fails_is_asked_again_the_next_day_and_holds_up_no_other(world: World, mirror: Mirror) -> None:
    world.connect()
    other = world.connect("other")
    mirror.trouble = Refusal("http_503", "Mirror is in trouble (status 503)")
    world.clock.move(hours=25)
    assert run(world) == 2
    failed, fine = compared.of(world.parts.store, world.person)
    assert (failed.outcome, failed.message) == (Outcome.FAILED, "Mirror is in trouble (status 503)")
    assert (fine.connection, fine.outcome) == (other, Outcome.AGREED)
    assert run(world) == 0
    mirror.trouble = None
    world.clock.move(hours=24)
    assert run(world) == 2
    assert compared.of(world.parts.store, world.person)[0].outcome is Outcome.AGREED


def test_a_mistake_of_ours_is_said_and_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.connect()

    def fall(*_told: object) -> None:
        raise ValueError("the-body-of-an-answer")

    monkeypatch.setattr(daily.reconcile, "set_right", fall)
    world.clock.move(hours=25)
    assert run(world) == 1
    [kept] = compared.of(world.parts.store, world.person)
    assert (kept.outcome, kept.message) == (Outcome.FAILED, daily.MISTAKE)
    assert "ValueError" in caplog.text
    assert "the-body" not in caplog.text


def test_a_database_that_is_away_ends_the_round(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.connect()

    def away(*_told: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(daily.reconcile, "set_right", away)
    world.clock.move(hours=25)
    with pytest.raises(StoreUnavailable):
        run(world)


def test_of_many_who_want_a_connection_one_has_it(world: World) -> None:
    connection, now = world.connect(), world.clock()
    ready = Barrier(4)

    def want(_number: int) -> bool:
        ready.wait()
        with world.parts.store.writing() as db:
            return lookings.claim(db, connection, now - timedelta(hours=1), now)

    for _ in range(3):
        with world.parts.store.writing() as db:
            lookings.save(db, connection, now - timedelta(hours=20), "agreed", "", "")
        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(want, range(4))) == [False, False, False, True]


def test_a_claim_keeps_what_was_found_the_last_time(world: World) -> None:
    connection, now = world.connect(), world.clock()
    with world.parts.store.writing() as db:
        lookings.save(db, connection, now, "asks", "Look.", "{}")
        lookings.hook(db, connection, now)
        assert lookings.claim(db, connection, now + DAY, now + DAY)
        assert lookings.get(db, connection) == lookings.Looking(connection, now + DAY, "asks", "Look.", "{}", now)


def test_what_is_kept_goes_with_its_connection(world: World, parts: Parts) -> None:
    from integration import people

    connection = world.connect()
    with parts.store.writing() as db:
        lookings.hook(db, connection, world.clock())
    people.remove(parts.store, world.id)
    with parts.store.reading() as db:
        assert lookings.get(db, connection) == lookings.Looking(connection)


def test_told_to_stop_it_begins_no_further_connection(world: World) -> None:
    for _ in range(3):
        world.connect()
    world.clock.move(hours=25)
    asked = world.mirror.asked
    assert daily.daily(world.parts, world.clock(), lambda: len(asked) > 0) == 1


def test_the_thread_works_at_once_and_stops_when_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.connect()
    world.mirror.tick("m", TODAY)
    world.clock.move(hours=25)
    pruned = Event()
    monkeypatch.setattr(daily.retention, "prune", lambda *_told: pruned.set())
    working = Daily(world.parts)
    working.start()
    assert pruned.wait(20)
    working.stop()
    assert not working._thread.is_alive()
    assert world.state() is State.DONE


def test_the_thread_outlives_what_goes_wrong(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, again = list[int](), Event()

    def fall(*_told: object) -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise StoreUnavailable("away")
        if len(rounds) == 3:
            again.set()
        raise ValueError("a mistake")

    monkeypatch.setattr(daily, "daily", fall)
    working = Daily(world.parts, every=0.01)
    working.start()
    assert again.wait(20)
    working.stop()


def test_stopping_what_never_started_is_no_trouble(world: World) -> None:
    Daily(world.parts).stop()


class Hooked(Mirror):
    """A service with a webhook: made by POST, switched on by PUT."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks: dict[str, bool] = {}

    def webhook(self, call: Callable[[Request], Reply], _settings: object, address: str) -> Any:
        from integration.outgoing import Sent

        if self.hooks.get(address):
            return Sent(already=True)
        call(Request("PUT" if address in self.hooks else "POST", "https://mirror.example/hooks"))
        self.hooks[address] = True
        return Sent()


@pytest.fixture
def hooked(world: World) -> tuple[World, Hooked, str]:
    """Somebody with a connection whose service can be set up from here, and the connection."""
    service = Hooked()
    services: Any = dict(world.parts.services) | {"mirror": service}
    world.parts = replace(world.parts, services=services, call=lambda _request: Reply(200))
    return world, service, world.connect(key="k3yk3yk3y")


def test_a_webhook_is_set_up_when_somebody_asks(hooked: tuple[World, Hooked, str]) -> None:
    world, service, connection = hooked
    assert hooking.ensure(world.parts, connection, world.clock()) == "Mirror tells us from now on."
    [address] = service.hooks
    assert "/hooks/mirror/hook_" in address
    assert hooking.ensure(world.parts, connection, world.clock()) == "Mirror tells us already."


def test_what_it_switched_off_is_switched_on_the_next_day(hooked: tuple[World, Hooked, str]) -> None:
    world, service, connection = hooked
    hooking.ensure(world.parts, connection, world.clock())
    service.hooks = dict.fromkeys(service.hooks, False)
    world.clock.move(hours=25)
    assert run(world) == 1
    assert [*service.hooks.values()] == [True]


def test_a_webhook_that_nobody_asked_for_is_left_alone(hooked: tuple[World, Hooked, str]) -> None:
    world, service, _ = hooked
    world.clock.move(hours=25)
    assert (run(world), service.hooks) == (1, {})


def test_a_webhook_that_was_deleted_there_is_not_made_again_until_somebody_asks(
    hooked: tuple[World, Hooked, str],
) -> None:
    world, service, connection = hooked
    hooking.ensure(world.parts, connection, world.clock())
    service.hooks.clear()
    world.clock.move(hours=25)
    run(world)
    kept = compared.last(world.parts.store, connection)
    assert kept is not None
    assert kept.message.endswith("Our webhook there was deleted; let it tell us again, if you wish.")
    assert (service.hooks, hooking.mend(world.parts, connection)) == ({}, "")
    hooking.ensure(world.parts, connection, world.clock())
    assert len(service.hooks) == 1


def test_a_service_that_is_away_keeps_its_webhook_looked_after(hooked: tuple[World, Hooked, str]) -> None:
    world, service, connection = hooked
    hooking.ensure(world.parts, connection, world.clock())
    service.hooks = dict.fromkeys(service.hooks, False)
    calls = world.parts.call

    def away(_request: Request) -> Reply:
        raise Refusal("timeout", "slow")

    world.parts = replace(world.parts, call=away)
    assert hooking.mend(world.parts, connection) == ""
    world.parts = replace(world.parts, call=calls)
    hooking.mend(world.parts, connection)
    assert [*service.hooks.values()] == [True]
