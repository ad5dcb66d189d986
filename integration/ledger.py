"""The facts of the sessions that one transaction touches: read once, added to in memory, saved together."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from integration.core.merge import Merged, age, merge
from integration.core.model import PERSON, Fact, FactKind, Person, State
from integration.core.standing import SPANS
from integration.dispatching import telling
from integration.dispatching.telling import Change
from integration.store import checkpoints, facts, people
from integration.store.engine import Database

Session = tuple[date, str]
SECOND = timedelta(seconds=1)


class Ledger:
    """What the sessions of one person said before, and say with what is entered now.

    An event whose content is held already is a copy; a changed content replaces the older one wherever it had been
    placed (spec: streaks section 8, rule 1).
    """

    def __init__(self, db: Database, person: Person, now: datetime) -> None:
        self.db, self._person, self.now = db, person, now
        self._facts: dict[Session, list[Fact]] = {}
        self._before: dict[Session, Merged] = {}
        self._merged: dict[Session, Merged] = {}
        self._events: dict[tuple[str, str], list[Fact]] = {}
        self._cause: str | None = None
        self._entered: list[tuple[Fact, int, bool]] = []

    def held(self, fact: Fact) -> Fact | None:
        """The stored fact that this one is a copy of."""
        return next((held for held in self._event(fact) if held.content == fact.content), None)

    def known(self, source: str, event: str, content: str) -> Fact | None:
        """The stored fact of an event with that content, wherever it was placed."""
        held = facts.of_event(self.db, self._person.id, source, event)
        return next((fact for fact in held if fact.content == content), None)

    def enter(self, fact: Fact, cause: str | None = None) -> None:
        """Adds a fact; where it is the newest content of its event, the older ones give way. `cause` is the id under
        which somebody first told of it, to be passed on.
        """
        self._cause = cause or self._cause
        contents = self._event(fact)
        outdated = any(age(other) > age(fact) for other in contents)
        if not outdated:
            self._forget(contents)
            self._session((fact.date, fact.slot)).append(fact)
            self._merged.clear()
        self._entered.append((fact, len(contents), outdated))
        contents.append(fact)

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

    def last_of(self, source: str, thing: str) -> Session | None:
        """The session that a source's task or activity was last said to be done for, unless that was taken back."""
        said = facts.of_thing(self.db, self._person.id, source, thing)
        said += [fact for fact, *_ in self._entered if fact.source == source and fact.event.partition("@")[0] == thing]
        last = max(said, key=age, default=None)
        return (last.date, last.slot) if last and last.kind is FactKind.DONE else None

    def save(self, delivery: int | None) -> None:
        """Stores what was entered, raises the revision of every session that now shows another state, and drops what
        was counted from the old one.
        """
        for fact, version, outdated in self._entered:
            if version and not outdated:
                facts.supersede(self.db, self._person.id, fact.source, fact.event)
            facts.add(self.db, self._person.id, fact, version, outdated, delivery)
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
            sources = frozenset(fact.source for fact, *_ in self._entered)
            changes = [Change(key, self._before[key], self.merged(key), sources, self._cause) for key in changed]
            telling.tell(self.db, self._person, changes, self.merged, self.now)

    def _drop_checkpoints(self, first: date) -> None:
        # They all lie before the longest span, so a change within it, which is nearly every change, costs no query.
        if (self._person.plan.today(self.now) - first).days >= max(SPANS):
            checkpoints.drop_from(self.db, self._person.id, first)

    def _session(self, key: Session) -> list[Fact]:
        if key not in self._facts:
            self._hold(key, facts.of_session(self.db, self._person.id, *key))
        return self._facts[key]

    def _event(self, fact: Fact) -> list[Fact]:
        event, session = (fact.source, fact.event), (fact.date, fact.slot)
        if event not in self._events:
            self._events[event], standing = facts.around(self.db, self._person.id, fact)
            if session not in self._facts:
                self._hold(session, standing)
        return self._events[event]

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
