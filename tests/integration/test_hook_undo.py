"""What is taken back at Habitica and Vikunja: the last tick of that very task, wherever it counts, and of no other."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration import record
from integration.core.merge import Merged
from integration.core.model import Connection, FactKind, State
from integration.core.placing import Placed
from integration.status import merged_sessions
from integration.store import facts
from tests.integration.conftest import TODAY, Somebody, at, days
from tests.integration.senders import post, scored

MORNING, EVENING = (TODAY, "morning"), (TODAY, "evening")


def done(somebody: Somebody) -> set[tuple[Any, str]]:
    with somebody.parts.store.reading() as db:
        merged: dict[Any, Merged] = merged_sessions(facts.since(db, somebody.id, TODAY - days(9)))
    return {session for session, found in merged.items() if found.state is State.DONE}


class Habitica:
    def __init__(self, client: FlaskClient, somebody: Somebody) -> None:
        self._client, self._somebody = client, somebody
        self.connection: Connection = somebody.connect("habitica")

    def say(self, task: str, last: datetime, direction: str = "up", name: str = "Stretch", kind: str = "daily") -> str:
        told = scored(name, last, direction, task)
        told["task"]["type"] = kind
        if kind == "todo" and direction == "up":
            told["task"]["dateCompleted"] = last.isoformat()
        return post(self._client, self._somebody, self.connection, told)


@pytest.fixture
def habitica(client: FlaskClient, somebody: Somebody) -> Habitica:
    return Habitica(client, somebody)


def test_taking_back_one_task_leaves_the_session_of_another(habitica: Habitica, somebody: Somebody) -> None:
    habitica.say("am", at(5, 5))
    habitica.say("pm", at(20, 5))
    assert done(somebody) == {MORNING, EVENING}
    assert habitica.say("am", at(5, 5, TODAY - days(1)), "down") == "accepted"
    assert done(somebody) == {EVENING}


@pytest.mark.parametrize("kind", ["daily", "todo"])
def test_taking_back_a_task_that_never_counted_takes_nothing_back(
    habitica: Habitica, somebody: Somebody, kind: str
) -> None:
    habitica.say("am", at(5, 5))
    assert habitica.say("neck", at(20, 5), "down", "Neck stretch", kind) == "ignored"
    assert done(somebody) == {MORNING}


def test_a_task_is_taken_back_where_it_counts_also_on_the_next_day(
    habitica: Habitica, somebody: Somebody, clock: Any
) -> None:
    habitica.say("todo", at(5, 5), kind="todo")
    assert done(somebody) == {MORNING}
    clock.move(hours=20)
    assert habitica.say("todo", at(5, 5), "down", kind="todo") == "accepted"
    assert done(somebody) == set()


def test_what_its_history_still_has_is_not_what_was_taken_back(
    habitica: Habitica, somebody: Somebody, clock: Any
) -> None:
    """Today's tick never reached us: Habitica sends each word once."""
    clock.move(days=-1)
    yesterday = at(5, 5, TODAY - days(1))
    habitica.say("am", yesterday)
    clock.move(days=1)
    assert habitica.say("am", yesterday, "down") == "ignored"
    assert done(somebody) == {(TODAY - days(1), "morning")}


def test_a_tick_taken_back_and_made_again_counts(habitica: Habitica, somebody: Somebody, clock: Any) -> None:
    habitica.say("am", at(5, 5))
    clock.move(minutes=1)
    habitica.say("am", at(5, 5, TODAY - days(1)), "down")
    clock.move(minutes=1)
    habitica.say("am", clock())
    assert done(somebody) == {EVENING}


@pytest.mark.parametrize("behind", [0, 30])
@pytest.mark.parametrize("kind", ["daily", "todo"])
def test_a_tick_made_again_at_once_counts_though_its_time_is_before_the_withdrawal_came(
    habitica: Habitica, somebody: Somebody, clock: Any, kind: str, behind: int
) -> None:
    """Each word is two seconds on its way, and Habitica's clock may be slow."""

    def say(second: int, direction: str = "up") -> None:
        clicked = at(5, 1) + timedelta(seconds=second)
        clock.now = clicked + timedelta(seconds=2 + behind)
        habitica.say("am", clicked if direction == "up" else at(5, 5, TODAY - days(1)), direction, kind=kind)

    say(0)
    say(5, "down")
    assert done(somebody) == set()
    say(6)
    assert done(somebody) == {MORNING}
    assert {fact.performed_at for fact in somebody.facts()} == {at(5, 1), None, at(5, 1) + timedelta(seconds=6)}


def test_a_copy_of_a_tick_that_was_taken_back_is_no_new_word(
    habitica: Habitica, somebody: Somebody, clock: Any
) -> None:
    habitica.say("am", at(5, 5))
    clock.move(seconds=5)
    habitica.say("am", at(5, 5, TODAY - days(1)), "down")
    clock.move(seconds=5)
    assert habitica.say("am", at(5, 5)) == "duplicate"
    assert done(somebody) == set()


@pytest.mark.parametrize("kind", ["daily", "todo"])
def test_the_same_streak_two_days_later_is_another_tick_where_no_time_is_told(
    client: FlaskClient, somebody: Somebody, clock: Any, kind: str
) -> None:
    connection = somebody.connect("habitica")
    tick = {"type": "scored", "direction": "up", "task": {"id": "am", "type": kind, "text": "Stretch", "streak": 1}}
    clock.now = at(5, 5, TODAY)
    assert [post(client, somebody, connection, tick) for _ in range(2)] == ["accepted", "duplicate"]
    clock.now = at(5, 5, TODAY + days(2))
    assert post(client, somebody, connection, tick) == "accepted"
    assert done(somebody) == {MORNING, (TODAY + days(2), "morning")}


def test_a_word_of_habitica_that_comes_after_the_persons_undo_is_a_later_word(
    habitica: Habitica, somebody: Somebody, clock: Any
) -> None:
    """Its clock is not ours: the arrival, seconds after the click, orders both (spec: streaks section 8, rule 4)."""
    habitica.say("am", at(5, 5))
    clock.move(seconds=5)
    record.tell(somebody.parts.store, somebody.person, Placed("morning", TODAY), FactKind.UNDONE, clock())
    assert (done(somebody), habitica.say("am", at(5, 5))) == (set(), "duplicate")
    clock.move(seconds=1)
    habitica.say("am", at(5, 5) + timedelta(seconds=1))
    assert done(somebody) == {MORNING}


# --- vikunja ----------------------------------------------------------------------------------------------------------


class Vikunja:
    """A task that was made at 05:00 UTC; each word comes a second after its time."""

    def __init__(self, client: FlaskClient, somebody: Somebody, clock: Any) -> None:
        self._client, self._somebody, self._clock = client, somebody, clock
        self.connection: Connection = somebody.connect("vikunja")

    def say(self, when: datetime, done: bool) -> str:
        self._clock.now = when + timedelta(seconds=1)
        task = {
            "id": 12,
            "title": "Stretch am",
            "created": at(5).isoformat(),
            "updated": when.isoformat(),
            "done": done,
        }
        task["done_at"] = when.isoformat() if done else "0001-01-01T00:00:00Z"
        told = {"event_name": "task.updated", "time": when.isoformat(), "data": {"task": task}}
        return post(self._client, self._somebody, self.connection, told)


@pytest.fixture
def vikunja(client: FlaskClient, somebody: Somebody, clock: Any) -> Vikunja:
    return Vikunja(client, somebody, clock)


def test_a_new_task_is_taken_back_as_soon_as_it_is_opened_again(vikunja: Vikunja, somebody: Somebody) -> None:
    assert [vikunja.say(at(5, 3), done=True), done(somebody)] == ["accepted", {MORNING}]
    assert [vikunja.say(at(5, 4), done=False), done(somebody)] == ["accepted", set()]
    assert [vikunja.say(at(5, 5), done=True), done(somebody)] == ["accepted", {MORNING}]


def test_edits_of_a_new_task_take_nothing_back_and_leave_one_trace_each(
    vikunja: Vikunja, somebody: Somebody, census: Callable[[], dict[str, int]]
) -> None:
    """Vikunja sends each up to three times."""
    edits = [at(5, 0) + timedelta(seconds=5), at(5, 1)]
    assert [vikunja.say(edit, done=False) for edit in edits for _ in range(3)] == ["ignored"] * 6
    assert census()["remembered"] == len(edits)
    vikunja.say(at(5, 3), done=True)
    assert done(somebody) == {MORNING}
    assert [vikunja.say(edit, done=False) for edit in edits] == ["ignored"] * 2
    assert done(somebody) == {MORNING}
