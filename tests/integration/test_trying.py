"""Testing a connection and choosing habits: what the service is handed, and what its failures look like."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from integration.connecting import asking, connections, trying
from integration.errors import ConfigError, NotFound, Refused
from integration.keys import Keys
from integration.outgoing import Abilities, Field, Habit, Refusal, Reply, Request
from tests.integration.conftest import Somebody

TOKEN = "hunter2-the-token"


class Bell:
    """A service's file, as an object, that does as a test says."""

    TITLE = "Bell"
    FIELDS = (Field("user", "User", required=False), Field("token", "Token", secret=True))
    ABILITIES = Abilities(dated=True, undo=True, confirms=True, holds="tick")

    def __init__(self) -> None:
        self.handed: Mapping[str, str] = {}
        self.says: Any = "Connected as Ada."

    def complete(self, *_told: Any) -> Any:
        raise AssertionError("nothing is told")

    def check(self, call: Any, settings: Mapping[str, str]) -> str:
        self.handed = settings
        if isinstance(self.says, Exception):
            raise self.says
        call(Request("GET", "https://bell.example"))
        return str(self.says)

    def habits(self, *_handed: Any) -> Sequence[Habit]:
        return [Habit(str(number), f"Habit {number}") for number in range(1000)]


class Mute(Bell):
    check = None  # type: ignore[assignment]
    habits = None  # type: ignore[assignment]


def yes(_request: Request) -> Reply:
    return Reply(200)


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def told(somebody: Somebody, bell: Bell) -> str:
    """A connection to the bell."""
    parts = somebody.parts
    settings = {"user": "ada", "token": TOKEN, "morning": "habit-1", "when": "both", "label": "Mine"}
    known: Any = {"bell": bell}
    made = connections.add(parts.store, parts.keys, {}, somebody.id, "bell", settings, parts.clock(), known)
    return made.connection.id


def test_a_service_is_handed_its_own_fields_and_the_habits_and_nothing_else(
    somebody: Somebody, bell: Any, told: str
) -> None:
    parts = somebody.parts
    assert connections.check(yes, parts.store, parts.keys, {"bell": bell}, told) == "Connected as Ada."
    assert bell.handed == {"user": "ada", "token": TOKEN, "morning": "habit-1", "evening": "habit-1"}


def test_habits_to_choose_from_are_given_in_the_services_order_and_not_without_end(
    somebody: Somebody, bell: Any, told: str
) -> None:
    parts = somebody.parts
    found = connections.habits(yes, parts.store, parts.keys, {"bell": bell}, told)
    assert found[:2] == [Habit("0", "Habit 0"), Habit("1", "Habit 1")]
    assert len(found) == trying.MOST


def test_what_the_service_refuses_is_said_as_it_is(somebody: Somebody, bell: Any, told: str) -> None:
    bell.says, parts = Refusal("credentials", "Bell refused our key; give it a new one"), somebody.parts
    with pytest.raises(Refusal, match="Bell refused our key"):
        connections.check(yes, parts.store, parts.keys, {"bell": bell}, told)


def test_a_mistake_in_a_service_tells_nothing_of_its_secrets(
    somebody: Somebody, bell: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    bell.says, parts = KeyError(f"nothing for {TOKEN}"), somebody.parts
    with caplog.at_level(logging.DEBUG), pytest.raises(Refusal, match="we made a mistake in asking Bell") as refused:
        connections.check(yes, parts.store, parts.keys, {"bell": bell}, told)
    assert "KeyError" in caplog.text
    assert TOKEN not in caplog.text + str(refused.value)
    assert refused.value.__context__ is None


def test_nobody_waits_for_one_call_after_another(
    somebody: Somebody, bell: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE", -1.0)
    parts = somebody.parts
    with pytest.raises(Refusal, match="took too long"):
        connections.check(yes, parts.store, parts.keys, {"bell": bell}, told)


def test_what_cannot_be_asked_says_so(somebody: Somebody, told: str) -> None:
    parts, known = somebody.parts, {"bell": Mute()}
    with pytest.raises(Refused, match="Bell cannot be tested; the next session will show"):
        connections.check(yes, parts.store, parts.keys, known, told)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="Bell has no habits to choose from"):
        connections.habits(yes, parts.store, parts.keys, known, told)  # type: ignore[arg-type]
    inward = somebody.connect("simple")
    with pytest.raises(Refused, match="only tells us"):
        connections.check(yes, parts.store, parts.keys, {}, inward.id)


@pytest.mark.parametrize("wanted", ["nothing", "", "a\0b"])
def test_what_is_not_there_is_not_found(somebody: Somebody, wanted: str) -> None:
    parts = somebody.parts
    with pytest.raises(NotFound, match=r"no live connection has the id .*; 'turntwice connection list PERSON'"):
        connections.check(yes, parts.store, parts.keys, {}, wanted)


def test_with_another_key_of_ours_nothing_is_asked(somebody: Somebody, bell: Any, told: str) -> None:
    other = Keys(("another secret of another operator, for tests",))
    with pytest.raises(ConfigError):
        connections.check(yes, somebody.parts.store, other, {"bell": bell}, told)
    assert bell.handed == {}
