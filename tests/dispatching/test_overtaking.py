"""What takes whose place: a session has one waiting message at most, and a service hears no more than it needs."""

from datetime import timedelta

import pytest

from integration.dispatching.queueing import Message, Snapshot, decode, queue
from integration.outgoing import Sent
from integration.store.dispatches import Kind, State
from tests.dispatching.conftest import DOWN, TODAY, Post, states

DONE, UNDONE, EVENT, FETCH = Kind


# What is done to a session, step by step, and which messages then wait. A word in capitals: it was sent meanwhile;
# with a question mark: it was tried, and may have arrived.
CASES = [
    ("done", "done"),
    ("done undone", ""),
    ("done undone done", "done"),
    ("done done", "done"),
    ("DONE", ""),
    ("DONE undone", "undone"),
    ("DONE undone done", ""),
    ("DONE UNDONE done", "done"),
    ("DONE UNDONE done undone", ""),
    ("done? undone", "undone"),
    ("done? undone done", "done"),
    ("undone", "undone"),
    ("undone done", ""),
    ("undone? done", "done"),
    ("DONE undone? done", "done"),
]


@pytest.mark.parametrize(("steps", "left"), CASES)
def test_what_is_said_later_takes_the_place_of_what_waits(post: Post, steps: str, left: str) -> None:
    connection = post.connect()
    for step in steps.split():
        post.queue(connection, Kind(step.lower().removesuffix("?")))
        if step.isupper():
            assert post.send(Sent()).state is State.SENT
        if step.endswith("?"):
            post.send(DOWN)
    waiting = [held for held in post.all() if held.state is State.WAITING]
    assert " ".join(held.kind for held in waiting) == left
    dropped = [held for held in post.all() if held.state is State.DROPPED]
    assert all(held.message.startswith("not sent: ") and held.finished_at for held in dropped)
    post.clock.move(hours=1)
    assert [leased.dispatch.kind for leased in post.claim()] == ([left] if left else [])


@pytest.mark.parametrize(
    ("numbers", "left"),
    [((1, 0, 1), []), ((1, 0, 2), [2]), ((2, 1, 2), []), ((2, 0, 1), [1]), ((2, 1, 0), [0])],
)
def test_a_number_that_the_service_does_not_have_yet_is_sent(
    post: Post, numbers: tuple[int, ...], left: list[int]
) -> None:
    """Two sessions counted in one remote habit; the first number was sent, those after it were not."""
    connection = post.connect()
    for number in numbers:
        post.queue(connection, DONE if number else UNDONE, done=number, due=2)
        if len(post.all()) == 1:
            post.send(Sent())
    waiting = [held for held in post.all() if held.state is State.WAITING]
    assert [decode(held.told).done for held in waiting] == left


def test_sessions_slots_and_connections_do_not_take_each_others_place(post: Post) -> None:
    first, second = post.connect(), post.connect()
    post.queue(first)
    post.queue(first, slot="evening")
    post.queue(first, day=TODAY - timedelta(days=1))
    post.queue(second)
    assert states(post) == ["waiting"] * 4


def test_a_message_on_its_way_cannot_be_taken_back_so_the_undo_follows_it(post: Post) -> None:
    connection = post.connect()
    post.queue(connection)
    leased = post.one()
    assert post.queue(connection, UNDONE) is not None
    assert [following.dispatch.kind for following in post.finish(leased, Sent(), most=1)] == [UNDONE]
    assert post.row(leased.dispatch.id).state is State.SENT


def test_a_message_on_its_way_that_fails_gives_way_to_what_was_said_meanwhile(post: Post) -> None:
    connection = post.connect()
    post.queue(connection)
    leased = post.one()
    post.queue(connection, UNDONE)
    post.finish(leased, DOWN)
    assert states(post) == ["dropped", "waiting"]
    post.queue(connection, DONE)
    assert states(post)[2:] == ["waiting"], "the first one may have arrived, but nobody knows"


def test_of_news_of_the_streak_only_the_newest_waits_and_sessions_are_no_news(post: Post) -> None:
    connection = post.connect()
    post.queue(connection, EVENT, slot="", extra={"type": "streak.changed", "active": 4})
    post.queue(connection)
    post.queue(connection, EVENT, slot="", day=TODAY - timedelta(days=1), extra={"type": "streak.changed", "active": 5})
    assert [(held.kind, held.state) for held in post.all()] == [
        (EVENT, State.DROPPED),
        (DONE, State.WAITING),
        (EVENT, State.WAITING),
    ]


def test_two_notices_of_different_things_are_both_fetched(post: Post) -> None:
    connection = post.connect()
    said = Snapshot(at=post.clock(), said_at=post.clock())
    for remote in ("workout-1", "workout-2", "workout-1"):
        with post.store.writing() as db:
            queue(db, Message(connection, FETCH, TODAY, "", said, remote), post.clock())
    assert [held.remote for held in post.all() if held.state is State.WAITING] == ["workout-2", "workout-1"]
