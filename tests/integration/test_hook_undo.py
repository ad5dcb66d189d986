"""What is taken back at Habitica: the last tick of that very task, wherever it counts, and of no other."""

from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.core.merge import Merged
from integration.core.model import Connection, State
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
