"""In step: an undo takes back what was told, also where another habit was chosen since."""

from dataclasses import replace

import pytest

from integration.core.model import FactKind
from integration.dispatching import queueing, telling
from integration.dispatching.queueing import decode
from integration.outgoing import Refusal
from integration.store import connections
from integration.store.dispatches import Kind
from integration.store.dispatches import State as Sending
from tests.dispatching.conftest import Post
from tests.dispatching.streets import Street, opened


@pytest.fixture
def street(post: Post, monkeypatch: pytest.MonkeyPatch) -> Street:
    return opened(post, monkeypatch)


def change(street: Street, connection: str, **mapping: str) -> None:
    """The person chooses other habits."""
    with street.post.store.writing() as db:
        held = connections.by_id(db, connection)
        assert held
        connections.change(db, replace(held, settings=mapping))


def to(street: Street) -> list[tuple[Kind, str, str | None, int]]:
    """What waits: kind, slot, habit, number."""
    waiting = [(held, decode(held.told)) for held in street.post.all() if held.state == Sending.WAITING]
    return [(held.kind, held.slot, said.habit, said.done) for held, said in waiting]


@pytest.mark.parametrize("service", ["number", "tick"])
@pytest.mark.parametrize("mapping", [{"morning": "new"}, {"evening": "old"}, {}])
@pytest.mark.parametrize("failed", [False, True])
def test_an_undo_goes_to_the_habit_that_was_told_and_to_no_other(
    street: Street, service: str, mapping: dict[str, str], failed: bool
) -> None:
    connection = street.post.connect(service, morning="old")
    street.press()
    if failed:
        street.post.send(Refusal("http_503", "in trouble"))
    else:
        street.send()
    change(street, connection, **mapping)
    street.press(FactKind.UNDONE)
    assert to(street) == [(Kind.UNDONE, "morning", "old", 0)]


@pytest.mark.parametrize("service", ["number", "tick"])
def test_a_habit_that_stands_for_another_session_by_now_is_left_to_that(street: Street, service: str) -> None:
    connection = street.post.connect(service, morning="one", evening="two")
    street.press()
    street.send()
    change(street, connection, morning="two", evening="one")
    street.press(slot="evening")
    street.send()
    street.press(FactKind.UNDONE)
    assert to(street) == ([(Kind.DONE, "morning", "one", 1)] if service == "number" else [])


def test_what_was_never_tried_is_not_sent_after_its_undo_though_its_habit_is_not_chosen_any_more(
    street: Street,
) -> None:
    connection = street.post.connect("number", morning="old")
    street.press()
    change(street, connection)
    street.press(FactKind.UNDONE)
    assert to(street) == []


def test_what_was_taken_back_at_the_old_habit_and_is_done_again_goes_to_the_new_one(street: Street) -> None:
    connection = street.post.connect("number", morning="old")
    street.press()
    street.send()
    change(street, connection, morning="new")
    for kind, expected in (
        (FactKind.UNDONE, (Kind.UNDONE, "morning", "old", 0)),
        (FactKind.DONE, (Kind.DONE, "morning", "new", 1)),
        (FactKind.UNDONE, (Kind.UNDONE, "morning", "new", 0)),
    ):
        street.press(kind)
        assert to(street) == [expected]
        street.send()


def test_what_is_done_again_before_its_undo_went_out_is_told_to_the_new_habit(street: Street) -> None:
    connection = street.post.connect("number", morning="old")
    street.press()
    street.send()
    change(street, connection, morning="new")
    street.press(FactKind.UNDONE)
    street.press(FactKind.DONE)
    assert to(street) == [(Kind.DONE, "morning", "new", 1)]


@pytest.mark.parametrize("slot", ["morning", "evening"])
def test_a_number_is_lowered_at_the_habit_that_holds_it(street: Street, slot: str) -> None:
    connection = street.post.connect("number", morning="old", evening="old")
    street.press(slot="morning")
    street.press(slot="evening")
    street.send()
    change(street, connection, morning="new", evening="new")
    street.press(FactKind.UNDONE, slot)
    assert to(street) == [(Kind.DONE, "morning", "old", 1)]
    [held] = [held for held in street.post.all() if held.state == Sending.WAITING]
    assert decode(held.told).lowered


def test_what_was_taken_back_at_the_old_habit_is_not_taken_back_there_again(street: Street) -> None:
    connection = street.post.connect("number", morning="old")
    street.press()
    street.send()
    change(street, connection, morning="new")
    street.press(FactKind.UNDONE)
    street.send()
    street.post.clock.move(hours=3)
    street.hear(connection)
    street.post.clock.move(minutes=1)
    street.press(FactKind.UNDONE)
    assert to(street) == [(Kind.UNDONE, "morning", "new", 0)]


def test_an_undo_goes_to_the_habit_that_took_it_in_the_end(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of then was gone, so that the person chose another while the message waited."""
    monkeypatch.setattr(queueing, "services", telling.services)
    connection = street.post.connect("number", morning="old")
    street.press()
    street.post.send(Refusal("not_found", "gone", tries=3))
    change(street, connection, morning="new")
    street.post.skip()
    street.send()
    street.press(FactKind.UNDONE)
    assert to(street) == [(Kind.UNDONE, "morning", "new", 0)]
