"""A year of words in any order, with copies, comes to the same end (webhook-reliability R6; spec: streaks section 8).

A watch tells of workouts that are moved and deleted, a list of tasks that are ticked, unticked and ticked again, and a
hook says done and undone of a session. A word with a thing is about that thing alone, also where it comes too early.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from random import Random

import pytest

from integration.core.merge import merge, newest_contents
from integration.core.model import Connection, Fact, FactKind, State
from integration.parts import Parts
from integration.status import merged_sessions
from tests.integration.conftest import BERLIN, TODAY, Somebody, days, newcomer
from webhooks.report import Kind, Likeness, Moment, Report

Session = tuple[date, str]
YEAR = timedelta(days=360)
FIRST = datetime.combine(TODAY, time(12), UTC) - YEAR
CLOCK = {"morning": time(5, 10), "evening": time(20)}


@dataclass(frozen=True)
class Word:
    """What one source said at an instant (UTC), of a session and perhaps of a thing."""

    source: str
    kind: Kind
    at: datetime
    session: Session
    thing: str | None = None

    @property
    def event(self) -> str:
        """A workout is one event, whatever is said of it; each tick is another."""
        if self.thing and self.source == "watch":
            return self.thing
        return f"{self.thing or 'hook'}@{self.at:%Y-%m-%dT%H:%M}"

    @property
    def performed(self) -> datetime | None:
        day, slot = self.session
        return datetime.combine(day, CLOCK[slot], UTC) if self.kind is Kind.DONE else None

    def fact(self) -> Fact:
        day, slot = self.session
        said = self.performed if self.source == "watch" and self.performed else self.at
        kept = Fact(self.source, self.event, FactKind(self.kind), slot, day, said, self.at, self.performed)
        return replace(kept, thing=self.thing, worded_at=self.at)

    def report(self) -> Report:
        told = Report(self.kind, self.event, said_at=self.at, thing=self.thing, habit=("Stretch",))
        if self.thing is None:
            return replace(told, date=self.session[0], slot=self.session[1])
        performed = Moment(self.performed) if self.performed else None
        return replace(told, performed=performed, likeness=Likeness.STRETCH if self.source == "watch" else None)


class Year:
    """So many words in the order in which they were said, and which sessions are done at their end."""

    def __init__(self, count: int, luck: Random) -> None:
        self._luck, self._at = luck, FIRST
        self._standing: dict[tuple[str, str], Session] = {}
        self._unticked: dict[str, Session] = {}
        self.words = list[Word]()
        for _ in range(count):
            self._at += YEAR / (count + 1)
            say = luck.choice((self._watch, self._list, self._hook))
            self.words.append(say())

    @property
    def done(self) -> set[Session]:
        return set(self._standing.values())

    def _watch(self) -> Word:
        held, way = self._held("watch"), self._luck.random()
        if held and way < 0.2:
            return self._withdrawn("watch", held)
        return self._said("watch", held if held and way < 0.45 else f"workout-{len(self.words)}", self._session())

    def _list(self) -> Word:
        held, way = self._held("list"), self._luck.random()
        if held and way < 0.35:
            return self._withdrawn("list", held)
        if self._unticked and way < 0.5:
            return self._said("list", *self._unticked.popitem())
        return self._said("list", f"task-{len(self.words)}", self._session())

    def _hook(self) -> Word:
        held, way = self._held("hook"), self._luck.random()
        if held and way < 0.35:
            session = self._standing.pop(("hook", held))
            return Word("hook", Kind.UNDONE, self._at, session)
        session = self._session()
        self._standing["hook", repr(session)] = session
        return Word("hook", Kind.DONE, self._at, session)

    def _said(self, source: str, thing: str, session: Session) -> Word:
        self._standing[source, thing] = session
        return Word(source, Kind.DONE, self._at, session, thing)

    def _withdrawn(self, source: str, thing: str) -> Word:
        session = self._standing.pop((source, thing))
        if source == "list":
            self._unticked[thing] = session
        return Word(source, Kind.UNDONE, self._at, session, thing)

    def _held(self, source: str) -> str | None:
        """One of the last that the source said and that still stands."""
        held = [name for whose, name in self._standing if whose == source][-5:]
        return self._luck.choice(held) if held else None

    def _session(self) -> Session:
        """One of the days before, so that sources meet in a session and nothing is said before it was done."""
        return self._at.date() - days(self._luck.randint(1, 3)), self._luck.choice(tuple(CLOCK))


def with_copies(words: Sequence[Word], luck: Random) -> list[Word]:
    told = [*words, *luck.choices(words, k=len(words) // 4)]
    luck.shuffle(told)
    return told


def done_by(facts: Iterable[Fact]) -> set[Session]:
    """The sessions that these facts say are done, when the newest content of each event stands where it was placed."""
    of = defaultdict[Session, list[Fact]](list)
    for fact in newest_contents(facts):
        of[fact.date, fact.slot].append(fact)
    return {session for session, told in of.items() if merge(told).state is State.DONE}


def test_200_shuffles_of_a_year_of_1000_words_merge_to_one_end() -> None:
    luck = Random(2026)
    year = Year(1_000, luck)
    told = {word: word.fact() for word in year.words}
    assert len(year.done) > 200
    assert done_by(told.values()) == year.done
    for _ in range(200):
        assert done_by(told[word] for word in with_copies(year.words, luck)) == year.done


def deliver(somebody: Somebody, words: Iterable[Word]) -> set[Session]:
    connect: dict[str, Callable[[], Connection]] = {
        "watch": partial(somebody.connect, "intervals_icu", secret="s" * 24),
        "list": partial(somebody.connect, "todoist", client_secret="s" * 24),
        "hook": partial(somebody.connect, "standard"),
    }
    by = {source: make() for source, make in connect.items()}
    for word in words:
        somebody.hear(by[word.source], word.report())
    found = merged_sessions(somebody.facts())
    return {session for session, merged in found.items() if merged.state is State.DONE}


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_shuffled_deliveries_of_a_year_leave_one_end_in_the_store(parts: Parts) -> None:
    luck = Random(2027)
    year = Year(120, luck)
    since = replace(BERLIN, start=FIRST.date() - days(5))
    assert len(year.done) > 40
    assert deliver(newcomer(parts, since), year.words) == year.done
    for _ in range(3):
        assert deliver(newcomer(parts, since), with_copies(year.words, luck)) == year.done
