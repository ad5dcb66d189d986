"""S10: many people at one endpoint. Only so many messages are on their way there, and nobody else waits for it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier, Event
from typing import Any

import pytest

from integration.connecting import connections
from integration.dispatching import breaker, operating
from integration.dispatching.breaker import Health
from integration.dispatching.endpoints import endpoint
from integration.outbox import LEASE, Leased
from integration.outgoing import Sent
from integration.store import dispatches, outlets, survey
from integration.store.engine import Store
from integration.store.outlets import TOGETHER
from tests.dispatching.conftest import DOWN, PATIENCE_SECONDS, TODAY, Bell, Post, Ringing, Works
from webhooks.registry import providers
from webhooks.signatures import new_secret

CROWD = 40
HOLE = "https://hole.example/"


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({}, "bell"),
        ({"url": ""}, "bell"),
        ({"url": "https://Example.ORG/hooks/stretch?key=hidden"}, "example.org:443"),
        ({"url": "https://example.org:443"}, "example.org:443"),
        ({"url": "https://example.org./x"}, "example.org:443"),
        ({"url": "http://example.org/"}, "example.org:80"),
        ({"url": "https://example.org:8443/"}, "example.org:8443"),
        ({"url": "https://me:hunter2@example.org/"}, "example.org:443"),
        ({"url": "http://[2001:DB8::1]:8123/"}, "2001:db8::1:8123"),
        ({"url": "https://example.org:many/"}, "bell"),
        ({"url": "http://[half"}, "bell"),
        ({"url": "example.org"}, "bell"),
    ],
)
def test_an_endpoint_is_a_server_or_a_service_that_has_but_one(settings: dict[str, str], place: str) -> None:
    assert endpoint("bell", settings) == place


def test_a_connection_is_told_at_the_endpoint_that_its_settings_name_also_once_they_change(post: Post) -> None:
    known, now = providers(), post.clock()
    told = {"url": "https://one.example.org/in", "secret": new_secret()}
    made = connections.add(post.store, post.keys, known, post.person, "standard", told, now).connection.id
    assert post.outlet(made).endpoint == "one.example.org:443"
    moved = {"url": "https://two.example.org:8443/in", "secret": new_secret()}
    connections.alter(post.store, post.keys, known, made, moved, now)
    assert post.outlet(made).endpoint == "two.example.org:8443"


def changeable(post: Post) -> str:
    """A connection at the crowd's endpoint that can be changed, with two messages that wait."""
    told = {"url": HOLE, "secret": new_secret()}
    made = connections.add(post.store, post.keys, providers(), post.person, "standard", told, post.clock())
    post.fill(made.connection.id, 2)
    return made.connection.id


def change(post: Post, connection: str) -> None:
    post.clock.move(seconds=1)
    connections.alter(post.store, post.keys, providers(), connection, {"secret": new_secret()}, post.clock())


def changed_in_flight(post: Post, changes: int) -> tuple[str, Leased]:
    """The connection, and its message that set out before it was changed so often."""
    made = changeable(post)
    flying = post.one()
    for _ in range(changes):
        change(post, made)
    return made, flying


@pytest.mark.parametrize("changes", [1, 2])
def test_what_flies_is_not_sent_a_second_time_however_often_its_connection_is_changed_meanwhile(
    post: Post, changes: int
) -> None:
    made, flying = changed_in_flight(post, changes)
    post.queue(made, slot="evening")
    assert post.claim(16, worker="worker-b") == []
    assert post.claim(16) == []
    assert post.skip() == LEASE - timedelta(seconds=changes)
    assert [leased.dispatch.id for leased in post.claim(16)] == [flying.dispatch.id]
    assert post.row(flying.dispatch.id).kills == 0


@pytest.mark.parametrize("changes", [1, 2])
def test_what_flew_while_its_connection_was_changed_leaves_its_place_when_it_is_answered(
    post: Post, changes: int
) -> None:
    made, flying = changed_in_flight(post, changes)
    [again] = post.finish(flying, DOWN, most=1)
    assert again.dispatch.id == flying.dispatch.id
    assert post.outlet(made).health.failures == 0, "it was sent as the connection was before"
    assert post.claim(16) == []


def test_an_answer_that_comes_after_the_lease_frees_nobody_elses_place(post: Post) -> None:
    made = changeable(post)
    flying = post.one()
    change(post, made)
    post.skip()
    [again] = post.claim(worker="worker-b")
    change(post, made)
    post.finish(flying, DOWN)
    assert post.claim(16) == []
    assert post.finish(again, DOWN, most=1)


def test_what_flies_keeps_its_place_while_its_connection_is_changed(post: Post) -> None:
    made = changeable(post)
    post.clock.move(seconds=1)
    crowd(post)
    assert len(post.claim(16)) == TOGETHER
    change(post, made)
    assert post.claim(16) == []


def test_nothing_that_is_on_is_switched_on_so_what_flies_stays_its_workers(post: Post) -> None:
    connection = post.connect()
    post.queue(connection)
    post.one()
    before = post.outlet(connection)
    operating.enable(post.store, connection)
    assert post.outlet(connection) == before


def crowd(post: Post, messages: int = 1, **more: Any) -> list[str]:
    """So many connections of one endpoint, each with messages that wait, one connection after another."""
    made = [post.connect(url=HOLE, **more) for _ in range(CROWD)]
    for connection in made:
        post.fill(connection, messages)
        post.clock.move(seconds=1)
    return made


def test_so_many_fly_to_one_endpoint_and_those_behind_them_to_others_go_at_once(post: Post) -> None:
    many = crowd(post)
    good = post.connect()
    post.queue(good)
    flying = post.claim(16)
    assert [leased.to.connection for leased in flying] == many[:TOGETHER]
    assert [leased.to.connection for leased in post.claim(16)] == [good]
    assert post.claim(16) == []
    assert post.idle_for() == LEASE, "what waits for a place is nothing to look for"


def test_whoever_frees_a_place_takes_the_next_and_the_longest_waiting_goes_first(post: Post) -> None:
    many, went = crowd(post), list[str]()
    flying = post.claim(16)
    while flying:
        leased = flying.pop(0)
        went.append(leased.to.connection)
        flying += post.finish(leased, Sent(), most=1)
        assert len(flying) <= TOGETHER
    assert went == many


def test_a_crowd_that_hangs_is_tried_in_turn_and_nobody_twice_before_all_were(post: Post) -> None:
    many, tries = crowd(post, messages=5), Counter[str]()
    while len(tries) < CROWD:
        started, flying = post.clock(), post.claim(16)
        post.clock.move(seconds=15)
        for leased in flying:
            tries[leased.to.connection] += 1
            post.finish(leased, DOWN, started=started)
    assert list(tries.items()) == [(connection, 1) for connection in many]


def test_workers_that_claim_at_once_exceed_it_never(post: Post) -> None:
    crowd(post)
    together = Barrier(8)

    def work(number: int) -> int:
        together.wait(20)
        return sum(len(post.claim(2, worker=f"worker-{number}")) for _ in range(5))

    with ThreadPoolExecutor(8) as pool:
        claimed = sum(pool.map(work, range(8)))
    assert claimed <= TOGETHER
    assert claimed + len(post.claim(16)) == TOGETHER


def test_the_places_of_a_lost_worker_are_taken_over_and_no_more_are_taken(post: Post) -> None:
    crowd(post, messages=2)
    lost = post.claim(16, worker="worker-lost")
    assert post.claim(16) == []
    assert post.skip() == LEASE
    taken = post.claim(16)
    assert {leased.to.connection for leased in taken} == {leased.to.connection for leased in lost}
    assert post.claim(16) == []
    went = 0
    while taken:
        taken += post.finish(taken.pop(0), Sent(), most=1)
        went += 1
    assert went == CROWD * 2 - TOGETHER, "what was cut off rests for a little"
    assert [post.row(leased.dispatch.id).kills for leased in lost] == [1] * TOGETHER


def test_who_waits_for_a_place_is_no_sign_that_nobody_sends(post: Post) -> None:
    crowd(post)
    post.claim(16)

    def overdue() -> int:
        with post.store.reading() as db:
            return survey.overdue(db, post.clock() - timedelta(seconds=10))

    post.clock.move(seconds=30)
    assert overdue() == 0
    post.clock.move(minutes=5)
    assert overdue() == CROWD


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_whoever_frees_a_place_and_takes_none_there_rings(post: Post) -> None:
    rung = list[int]()
    crowd(post)
    first, second, third, _ = post.claim(16)
    post.store.rung = lambda: rung.append(1)
    assert len(post.finish(first, Sent(), most=1)) == 1
    assert rung == [], "the place is taken again"
    post.finish(second, Sent())
    assert rung == [1]
    post.finish(third, Sent())
    assert rung == [1], "there was a place free before"


@pytest.mark.parametrize("failures", [0, 1, 5])
@pytest.mark.parametrize("probe", [None, -5, 5, 50])
@pytest.mark.parametrize("rests", [None, -7, 7, 70])
def test_a_queue_that_is_given_back_is_looked_at_again_when_the_breaker_says(
    post: Post, failures: int, probe: int | None, rests: int | None
) -> None:
    def after(seconds: int | None) -> datetime | None:
        return None if seconds is None else post.clock() + timedelta(seconds=seconds)  # type: ignore[no-any-return]

    def looks(health: Health) -> datetime | None:
        with post.store.writing() as db:
            outlets.settle(db, connection, health)
        return post.outlet(connection).next_at

    connection, health = post.connect(), Health(failures, probe_at=after(probe), not_before=after(rests))
    assert looks(health) is None
    first, second = post.fill(connection, 2)
    for due in (-20, 0, 6, 60, 600):
        with post.store.writing() as db:
            dispatches.change(db, first, due_at=after(1000))
            dispatches.change(db, second, due_at=after(due))
        assert looks(health) == breaker.next_look(health, after(due)), due


class Hole(Bell):
    """Answers nobody before it is released; counts who waits at once."""

    def __init__(self) -> None:
        super().__init__()
        self.released, self.called = Event(), Event()
        self.answer = self.hang

    def hang(self, _call: Any, _told: Any) -> Sent:
        if len(self.told) >= TOGETHER:
            self.called.set()
        assert self.released.wait(PATIENCE_SECONDS)
        return Sent()


@pytest.fixture
def hole(works: Works) -> Any:
    made = Hole()
    works.services["hole"] = made
    yield made
    made.released.set()


def test_a_good_service_is_told_while_a_crowd_hangs_at_another_and_then_all_of_them_are(
    works: Works, ringing: Ringing, hole: Hole, never_by_itself: None
) -> None:
    crowd(works.post, service="hole")
    good = works.post.connect()
    works.post.queue(good)
    running = works.start()
    ringing.until(1)
    assert hole.called.wait(PATIENCE_SECONDS)
    for number in range(1, 6):
        works.post.queue(good, day=TODAY - timedelta(days=number))
        running.wake()
        ringing.until(number + 1)
    assert len(hole.told) == TOGETHER
    hole.released.set()
    works.settled()
    assert len(hole.told) == CROWD


def test_a_worker_whose_crowd_hangs_does_nothing_meanwhile(
    works: Works, ringing: Ringing, hole: Hole, statements: list[str]
) -> None:
    crowd(works.post, service="hole")
    works.start()
    assert hole.called.wait(PATIENCE_SECONDS)
    Event().wait(0.3)  # whatever it still does by itself
    statements.clear()
    Event().wait(1.0)
    assert statements == []
    assert len(hole.told) == TOGETHER
    hole.released.set()
    works.settled()


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_what_one_process_frees_as_it_stops_another_takes_at_once(
    works: Works, ringing: Ringing, hole: Hole, never_by_itself: None
) -> None:
    crowd(works.post, service="hole")
    works.start()
    assert hole.called.wait(PATIENCE_SECONDS)
    other = Store(works.post.store.engine.url.render_as_string(hide_password=False))
    second = works.start(other)
    second.wake()
    works.running[0].stop(patience=0.05)
    for _ in range(PATIENCE_SECONDS * 100):
        if len(hole.told) == 2 * TOGETHER:
            break
        Event().wait(0.01)
    assert len(hole.told) == 2 * TOGETHER
    hole.released.set()
    works.settled()
    second.stop()
    other.close()
