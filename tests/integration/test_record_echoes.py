"""An echo that is told twice in other words stays an echo; what is said anew is the service's own word."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from integration.core.merge import merge
from integration.inbox import entering
from integration.record import ACCEPTED
from tests.integration.conftest import Somebody, at
from webhooks.report import Kind, Moment, Report

Hear = Callable[..., bool]
TICK = at(5, 30) + timedelta(seconds=59)


@pytest.fixture
def hear(somebody: Somebody, monkeypatch: pytest.MonkeyPatch) -> Hear:
    """Hears of a task whose first tick is the echo of what we told; gives whether its service is evidence then."""
    connection, ours = somebody.connect("todoist", client_secret="client-secret-of-the-app-12345"), iter([True])
    monkeypatch.setattr(entering.echoes, "is_one", lambda *_: next(ours, False))

    def heard(kind: Kind, said_at: datetime, title: str = "Stretch", event: str | None = None, **more: Any) -> bool:
        name = event or f"t@{said_at:%H:%M}@{kind}"
        moment = Moment(said_at) if kind is Kind.DONE else None
        report = Report(kind, name, said_at, moment, habit=("t", title), thing=more.get("thing", "t"))
        assert somebody.hear(connection, report).outcome == ACCEPTED
        return bool(merge(somebody.facts()).evidence)

    return heard


def test_one_tick_told_in_two_ways_over_the_end_of_a_minute_is_one_echo(hear: Hear) -> None:
    assert not hear(Kind.DONE, TICK)
    assert not hear(Kind.DONE, TICK + timedelta(seconds=2))


def test_an_echo_whose_task_was_renamed_is_one_still(hear: Hear) -> None:
    assert not hear(Kind.DONE, TICK)
    assert not hear(Kind.DONE, TICK, "Stretch in the morning")


def test_what_is_ticked_again_after_it_was_taken_back_is_the_services_own_word(hear: Hear) -> None:
    hear(Kind.DONE, TICK)
    hear(Kind.UNDONE, TICK + timedelta(seconds=10))
    assert hear(Kind.DONE, TICK + timedelta(seconds=20))


def test_what_is_told_more_than_a_minute_later_is_the_services_own_word(hear: Hear) -> None:
    hear(Kind.DONE, TICK)
    assert hear(Kind.DONE, TICK + timedelta(seconds=61))


def test_another_task_of_the_same_minute_is_no_echo(hear: Hear) -> None:
    hear(Kind.DONE, TICK)
    assert hear(Kind.DONE, TICK + timedelta(seconds=2), event="u@1", thing="u")
