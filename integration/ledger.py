"""The facts of the sessions that one transaction touches: read once, added to in memory, saved together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from integration.core.merge import Merged, age, merge, newest, newest_contents, standing_words, told_at, weight
from integration.core.model import PERSON, Fact, FactKind, Person, State
from integration.core.standing import SPANS
from integration.dispatching import telling
from integration.dispatching.telling import Change
from integration.store import around, checkpoints, facts, people
from integration.store.around import Around
from integration.store.engine import Database

Session = tuple[date, str]
SECOND = timedelta(seconds=1)
ONE_TICK = timedelta(minutes=1)
"""Within so long a source may tell of one tick in two ways (habit-services: Todoist, `item:updated`)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A kept delivery that is read anew, and the contents that are read of it now."""

    delivery: int
    contents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entered:
    fact: Fact
    version: int
    outdated: bool


class Ledger:
    """What the sessions of one person said before, and say with what is entered now.

    An event whose content is held already is a copy; a changed one replaces the older wherever it had been placed
    (spec: streaks section 8, rule 1). What is read of a delivery anew replaces all that was read of it before.
    """

    def __init__(self, db: Database, person: Person, now: datetime, reading: Reading | None = None) -> None:
        self.db, self._person, self.now, self._reading = db, person, now, reading
        self.today = person.plan.today(now)
        self._facts: dict[Session, list[Fact]] = {}
        self._before, self._merged = dict[Session, Merged](), dict[Session, Merged]()
        self._events: dict[tuple[str, str], Around] = {}
        self._cause: str | None = None
        self._entered: list[_Entered] = []
        self._misread: list[Fact] = []
        self._stored: dict[str, Fact] | None = None

    def held(self, fact: Fact) -> Fact | None:
        """The stored fact that this one is a copy of, the last where it was said more than once."""
        return next((held for held in reversed(self.around(fact).contents) if held.content == fact.content), None)

    def known(self, source: str, event: str, content: str) -> Fact | None:
        """The stored fact of an event with that content, wherever it was placed."""
        held = facts.of_event(self.db, self._person.id, source, event)
        return next((fact for fact in held if fact.content == content), None)

    def around(self, fact: Fact) -> Around:
        """What is known of a fact's event, with what was entered."""
        event, session = (fact.source, fact.event), (fact.date, fact.slot)
        if event not in self._events:
            self._events[event] = found = around.of(self.db, self._person.id, fact)
            if session not in self._facts:
                self._hold(session, found.standing)
        return self._events[event]

    def standing(self, source: str, event: str, among: Sequence[str]) -> Fact | None:
        """What holds of an event, wherever it was placed; it is one `among` all that are asked for of that source."""
        if known := self._events.get((source, event)):
            return newest(known.contents) if known.contents else None
        if self._stored is None:
            self._stored = {fact.event: fact for fact in facts.of_events(self.db, self._person.id, source, among)}
        return self._stored.get(event)

    def stands(self, held: Fact) -> bool:
        """Whether a source still says what it said with that fact."""
        words = standing_words(self._session((held.date, held.slot)))
        return any((word.source, word.kind, word.thing) == (held.source, held.kind, held.thing) for word in words)

    def was_echo(self, fact: Fact) -> bool:
        """Whether a fact says once more what came back to us as an echo: of the same event, or of the same tick."""
        told = list(self.around(fact).contents)
        if fact.thing:
            words = standing_words(self._session((fact.date, fact.slot)))
            mine = [word for word in words if (word.source, word.thing) == (fact.source, fact.thing)]
            told += [word for word in mine if abs(word.said_at - fact.said_at) <= ONE_TICK]
        return any(held.echo and held.kind is fact.kind for held in told)

    def enter(self, fact: Fact, cause: str | None = None) -> None:
        """Adds a fact; where it is the newest content of its event, the older ones give way. `cause` is the id under
        which somebody first told of it, to be passed on.
        """
        self._cause = cause or self._cause
        known = self.around(fact)
        misread = [held for held in known.contents if self._is_misread(held)]
        right = [held for held in known.contents if held not in misread]
        holds = newest([*right, fact])
        self._misread += misread[:1]
        self._entered.append(_Entered(fact, known.versions, holds is not fact))
        if misread and holds is not fact:
            # It had given way to what was misread.
            self._entered.append(_Entered(holds, known.versions + 1, False))
        if misread or holds is fact:
            self._forget(known.contents)
            self._session((holds.date, holds.slot)).append(holds)
            self._merged.clear()
        contents, versions = [*right, fact], self._entered[-1].version + 1
        self._events[fact.source, fact.event] = replace(known, contents=contents, versions=versions)

    def merged(self, session: Session) -> Merged:
        """What the facts of a session say together, with those entered."""
        if session not in self._merged:
            self._merged[session] = merge(self._session(session))
        return self._merged[session]

    def states(self, sessions: Iterable[Session]) -> dict[Session, State | None]:
        """The state that facts give each session; None where they leave it open."""
        return {session: self.merged(session).state for session in dict.fromkeys(sessions)}

    def last_word(self, session: Session) -> FactKind | None:
        """What the person said last of a session on our own pages."""
        said = [fact for fact in self._session(session) if fact.source == PERSON]
        return max(said, key=age).kind if said else None

    def last_done(self, source: str, day: date) -> Session | None:
        """The session of a date that a source said last to be done, and has not taken back."""
        of_day = [f for f in facts.since(self.db, self._person.id, day) if f.date == day and f.source == source]
        done = [f for f in of_day if f.kind is FactKind.DONE and source in self.merged((f.date, f.slot)).evidence]
        return max(((f.said_at, (f.date, f.slot)) for f in done), default=(None, None))[1]

    def of_thing(self, source: str, thing: str, upto: datetime) -> list[Fact]:
        """What a source said of a task or activity until then (UTC), oldest first."""
        said = facts.of_thing(self.db, self._person.id, source, thing)
        said += [one.fact for one in self._entered if one.fact.source == source and facts.is_of(thing, one.fact.event)]
        return sorted((fact for fact in newest_contents(said) if told_at(fact) <= upto), key=weight)

    def last_of(self, source: str, thing: str, upto: datetime) -> Fact | None:
        """The fact by which it was last said to be done until then (UTC), unless that was taken back."""
        said = self.of_thing(source, thing, upto)
        return said[-1] if said and said[-1].kind is FactKind.DONE else None

    def save(self, delivery: int | None) -> None:
        """Stores what was entered, raises the revision of every session that now shows another state, and drops what
        was counted from the old one.
        """
        for told in self._misread:
            facts.misread(self.db, self._person.id, told, self._reading.contents if self._reading else ())
        for one in self._entered:
            if one.version and not one.outdated:
                facts.supersede(self.db, self._person.id, one.fact.source, one.fact.event)
            facts.add(self.db, self._person.id, one.fact, one.version, one.outdated, delivery)
        changed = [key for key in self._facts if _shown(self.merged(key)) != _shown(self._before[key])]
        # Later than the stamp of a session that was never revised, which is when the person came.
        now = max(self.now, self._person.created_at + SECOND)
        for day, slot in changed:
            facts.bump(self.db, self._person.id, day, slot, now)
        if changed:
            people.touch(self.db, self._person.id)
            self._drop_checkpoints(min(day for day, _ in changed))
            self._tell(changed)

    def _tell(self, changed: Sequence[Session]) -> None:
        if self._person.tells:
            sources = frozenset(one.fact.source for one in self._entered)
            changes = [Change(key, self._before[key], self.merged(key), sources, self._cause) for key in changed]
            telling.tell(self.db, self._person, changes, self.merged, self.now)

    def _drop_checkpoints(self, first: date) -> None:
        # They all lie before the longest span, so a change within it, which is nearly every change, costs no query.
        if (self.today - first).days >= max(SPANS):
            checkpoints.drop_from(self.db, self._person.id, first)

    def _session(self, key: Session) -> list[Fact]:
        if key not in self._facts:
            self._hold(key, facts.of_session(self.db, self._person.id, *key))
        return self._facts[key]

    def _is_misread(self, held: Fact) -> bool:
        now = self._reading
        return now is not None and held.delivery == now.delivery and not (held.chosen or held.content in now.contents)

    def _hold(self, key: Session, found: list[Fact]) -> None:
        self._facts[key], self._before[key] = found, merge(found)
        self._merged[key] = self._before[key]

    def _forget(self, contents: Sequence[Fact]) -> None:
        for old in contents:
            held = self._session((old.date, old.slot))
            held[:] = [fact for fact in held if (fact.source, fact.event) != (old.source, old.event)]


def _shown(merged: Merged) -> tuple[State | None, bool]:
    """What a calendar shows of a session: its state, and that it is there although it was not due."""
    return merged.state, merged.said
