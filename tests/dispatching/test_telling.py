"""In step: what the other services of a person hear when a session changes, and what they do not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from integration import record
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.dispatching import telling
from integration.dispatching.queueing import decode
from integration.outgoing import Refusal
from integration.store.dispatches import Kind
from integration.store.dispatches import State as Sending
from tests.dispatching.conftest import TODAY, Post
from tests.dispatching.streets import Street, opened
from webhooks.report import Kind as Said


@pytest.fixture
def street(post: Post, monkeypatch: pytest.MonkeyPatch) -> Street:
    return opened(post, monkeypatch)


def test_every_other_service_hears_of_a_session_once(street: Street) -> None:
    others = [street.post.connect("sessions") for _ in range(3)]
    for _ in range(3):
        street.press()
    assert sorted(held.connection for held in street.post.all()) == sorted(others)
    assert street.queued() == [(Kind.DONE, "morning", 1)] * 3


def test_it_never_goes_back_to_who_said_it_nor_to_who_says_it_too(street: Street) -> None:
    speaker, other = street.post.connect("sessions"), street.post.connect("sessions")
    street.hear(speaker)
    assert (street.queued(speaker), len(street.queued(other))) == ([], 1)
    street.hear(other)
    assert street.queued(speaker) == []


def test_what_was_taken_back_is_taken_back_everywhere_else(street: Street) -> None:
    speaker, other = street.post.connect("sessions"), street.post.connect("sessions")
    street.hear(speaker)
    street.send()
    street.post.clock.move(minutes=1)
    street.hear(speaker, Said.UNDONE)
    assert (street.queued(speaker), street.queued(other)) == ([], [(Kind.UNDONE, "morning", 0)])


def test_what_the_person_takes_back_is_taken_back_at_who_said_it_too(street: Street) -> None:
    speaker, other = street.post.connect("sessions"), street.post.connect("sessions")
    street.hear(speaker)
    street.send()
    street.post.clock.move(minutes=1)
    street.press(FactKind.UNDONE)
    assert street.queued(speaker) == street.queued(other) == [(Kind.UNDONE, "morning", 0)]


def test_a_skip_and_a_second_tick_are_told_to_nobody(street: Street) -> None:
    street.post.connect("sessions")
    street.press(FactKind.SKIPPED)
    assert street.queued() == []


def test_of_a_service_with_habits_only_a_mapped_slot_is_told(street: Street) -> None:
    street.post.connect("number", evening="habit-7")
    street.press(slot="morning")
    assert street.queued() == []
    street.press(slot="evening")
    assert street.queued() == [(Kind.DONE, "evening", 1)]


def test_two_sessions_of_one_habit_are_a_number_from_nought_to_two(street: Street) -> None:
    street.post.connect("number", morning="graph", evening="graph")
    seen = []
    for kind, slot in (
        (FactKind.DONE, "evening"),
        (FactKind.DONE, "morning"),
        (FactKind.UNDONE, "evening"),
        (FactKind.UNDONE, "morning"),
    ):
        street.press(kind, slot)
        seen += street.queued()
        street.send()
    assert seen == [
        (Kind.DONE, "morning", 1),
        (Kind.DONE, "morning", 2),
        (Kind.DONE, "morning", 1),
        (Kind.UNDONE, "morning", 0),
    ]


def test_a_later_number_takes_the_place_of_one_that_still_waits(street: Street) -> None:
    street.post.connect("number", morning="graph", evening="graph")
    street.press(slot="morning")
    street.press(slot="evening")
    assert street.queued() == [(Kind.DONE, "morning", 2)]


def test_one_tick_for_two_sessions_stands_when_both_are_done(street: Street) -> None:
    street.post.connect("tick", morning="habit", evening="habit")
    street.press(slot="morning")
    assert street.queued() == []
    street.press(slot="evening")
    assert street.queued() == [(Kind.DONE, "morning", 2)]
    street.send()
    street.press(FactKind.UNDONE, "morning")
    assert street.queued() == [(Kind.UNDONE, "morning", 1)]


def test_one_tick_for_two_sessions_stands_with_the_first_where_that_was_chosen(street: Street) -> None:
    street.post.connect("tick", morning="habit", evening="habit", when="any")
    street.press(slot="evening")
    assert street.queued() == [(Kind.DONE, "morning", 1)]
    [sent] = street.send()
    assert decode(sent.told).due == 1, "a service ticks nothing while fewer are done than are due"
    street.press(slot="morning")
    assert street.queued() == []


@pytest.mark.parametrize(
    ("service", "when", "numbers"),
    [
        ("tick", "both", {"morning": 2}),
        ("tick", "any", {"morning": 2}),
        ("number", "", {"morning": 2}),
        ("sessions", "", {"morning": 1, "evening": 1}),
    ],
)
def test_both_sessions_that_change_at_once_are_told_and_taken_back(
    street: Street, service: str, when: str, numbers: dict[str, int]
) -> None:
    told, speaker = street.post.connect(service, morning="habit", evening="habit", when=when), street.post.connect("?")
    for kind in Said:
        street.hear_all(speaker, [(kind, "morning"), (kind, "evening")])
        expected = [(Kind(kind), slot, number if kind is Said.DONE else 0) for slot, number in numbers.items()]
        assert sorted(street.queued(told)) == sorted(expected)
        street.send()
        street.post.clock.move(minutes=1)
    assert {held.state for held in street.post.all()} == {Sending.SENT}, "one message, and none that took its place"


def test_a_number_that_stays_the_same_is_not_told_again(street: Street) -> None:
    """One session takes the place of the other in one message of the sender."""
    street.post.connect("number", morning="graph", evening="graph")
    speaker = street.post.connect("?")
    street.hear_all(speaker, [(Said.DONE, "morning")])
    street.send()
    street.post.clock.move(minutes=1)
    street.hear_all(speaker, [(Said.UNDONE, "morning"), (Said.DONE, "evening")])
    assert street.queued() == []


@pytest.mark.parametrize("said", [1, 2])
def test_what_a_service_said_itself_and_is_taken_back_here_is_taken_back_there(street: Street, said: int) -> None:
    """It was never told of it by us, so that no message of ours says what it holds."""
    slots = ("morning", "evening")[:said]
    street.hear_all(
        street.post.connect("number", morning="graph", evening="graph"), [(Said.DONE, one) for one in slots]
    )
    street.post.clock.move(minutes=1)
    for slot in slots:
        street.press(FactKind.UNDONE, slot)
    assert street.queued() == [(Kind.UNDONE, "morning", 0)]


def test_what_a_service_said_itself_taken_back_and_pressed_again_in_time_needs_no_message(street: Street) -> None:
    street.hear(street.post.connect("number", morning="graph", evening="graph"))
    street.post.clock.move(minutes=1)
    for kind in (FactKind.UNDONE, FactKind.DONE):
        street.press(kind)
    assert street.queued() == []


def test_what_was_done_before_it_was_connected_is_told_when_it_is_said_again(street: Street) -> None:
    """Nobody knows what it holds, so that nothing cancels out."""
    street.press()
    street.post.connect("sessions")
    for kind in (FactKind.UNDONE, FactKind.DONE):
        street.press(kind)
    assert street.queued() == [(Kind.DONE, "morning", 1)]


def test_sessions_that_share_a_habit_are_told_of_under_the_first_of_the_day_whenever_it_came_into_the_plan(
    street: Street,
) -> None:
    [version] = street.person.plan.versions
    before = replace(version, takes_effect=version.takes_effect - timedelta(days=1), slots=version.slots[1:])
    person = replace(street.person, plan=replace(street.person.plan, versions=(before, version)))
    assert telling.sharing({"morning": "one", "evening": "one"}, person, "evening") == ("morning", "evening")


def test_an_undo_is_told_however_often_another_session_of_the_habit_changed_while_the_service_rested(
    street: Street,
) -> None:
    street.post.connect("number", morning="graph", evening="graph")
    street.press(slot="morning")
    street.send()
    for _ in range(6):
        street.press(slot="evening")
        street.press(FactKind.UNDONE, "evening")
    street.press(FactKind.UNDONE, "morning")
    assert street.queued() == [(Kind.UNDONE, "morning", 0)]


def test_news_of_the_streak_goes_not_back_to_who_told_us(street: Street) -> None:
    speaker, other = street.post.connect("listener"), street.post.connect("listener")
    street.hear(speaker)
    assert [(held.connection, held.kind) for held in street.post.all()] == [(other, Kind.DONE), (other, Kind.EVENT)]


def test_news_of_the_streak_bears_the_word_for_its_session(street: Street) -> None:
    street.post.connect("listener", morning="Stretch (am)")
    street.press()
    assert {decode(held.told).habit for held in street.post.all()} == {"Stretch (am)"}


def test_who_wants_events_hears_of_a_changed_streak_and_only_then(street: Street) -> None:
    connection = street.post.connect("listener")
    for kind in (FactKind.DONE, FactKind.DONE, FactKind.UNDONE):
        street.press(kind)
        street.send()
    told = [decode(held.told).extra for held in street.post.all() if held.kind is Kind.EVENT]
    assert [(extra["type"], extra["active"], extra["slots"]) for extra in told] == [
        ("streak.changed", 1, {"morning": 1, "evening": 0}),
        ("streak.changed", 0, {"morning": 0, "evening": 0}),
    ]
    assert {held.connection for held in street.post.all()} == {connection}


def done_long_ago(street: Street) -> None:
    """It is no part of the streak."""
    old = Placed("morning", TODAY - timedelta(days=20))
    record.tell(street.post.store, street.person, old, FactKind.DONE, street.post.clock())


def test_the_first_news_of_the_streak_tells_where_it_stands_though_it_did_not_move(street: Street) -> None:
    street.post.connect("listener")
    street.press()
    street.send()
    later = street.post.connect("listener")
    done_long_ago(street)
    [news] = [held for held in street.send() if held.kind is Kind.EVENT]
    assert (news.connection, decode(news.told).extra["active"]) == (later, 1)


def test_news_of_the_streak_that_was_given_up_does_not_count_as_told(street: Street) -> None:
    street.post.connect("listener")
    street.press()
    for _ in range(2):
        street.post.send(Refusal("http_400", "it does not like that", permanent=True))
    done_long_ago(street)
    assert [held.kind for held in street.send()] == [Kind.DONE, Kind.EVENT]


def test_nothing_is_asked_about_services_where_nobody_wants_to_be_told(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(telling, "tell", broken)
    street.press()
    assert street.queued() == []
