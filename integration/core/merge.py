"""Facts of one session to its state: a fold over a set, so order and repetition cannot matter.

Spec: streaks section 8. Rules: same event, newest content, and where the person put it it stays; per source and thing
the latest word wins and at equal times the undo; done while one source still says so; an undo by the person voids
everything before it; an echo is no evidence. Rule 2 is amended: the spec has it per source, so that the deletion of one
of two activities took back the other. An undo that names no thing still takes back all that its source said before.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from integration.core.model import PERSON, Fact, FactKind, State

# At equal times: undo beats everything, and done beats a skip.
_RANK = {FactKind.SKIPPED: 0, FactKind.HURT: 1, FactKind.DONE: 2, FactKind.UNDONE: 3}


@dataclass(frozen=True, slots=True)
class Merged:
    """What the facts say together: `state` is None when they leave the session open.

    `evidence` names the sources that say done; `done_at` is the earliest time that any of them gives, `told_at` the
    first arrival of such a word (both UTC). `said`: it was ever said to be more than open, even if that was taken back.
    """

    state: State | None = None
    evidence: frozenset[str] = frozenset()
    done_at: datetime | None = None
    told_at: datetime | None = None
    said: bool = False


def merge(facts: Iterable[Fact]) -> Merged:
    """The state that a session's facts give it, whatever their order or number."""
    heard = [fact for fact in newest_contents(facts) if not fact.echo]
    if not heard:
        return Merged()
    standing, said = standing_words(heard), any(fact.kind is not FactKind.UNDONE for fact in heard)
    done = [fact for fact in standing if fact.kind is FactKind.DONE]
    if done:
        first = min(fact.performed_at or fact.said_at for fact in done)
        told = min(fact.received_at for fact in done)
        return Merged(State.DONE, frozenset(fact.source for fact in done), first, told, said)
    kinds = {fact.kind for fact in standing}
    if FactKind.HURT in kinds:
        return Merged(State.HURT, said=said)
    return Merged(State.SKIPPED if FactKind.SKIPPED in kinds else None, said=said)


def newest_contents(facts: Iterable[Fact]) -> list[Fact]:
    """One fact per (source, event): the newest content of each."""
    contents: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        contents.setdefault((fact.source, fact.event), []).append(fact)
    return [newest(held) for held in contents.values()]


def newest(contents: Sequence[Fact]) -> Fact:
    """What holds of the contents of one event: the newest. Where the person chose one, only an undo displaces it."""
    if len(contents) == 1:
        return contents[0]
    if any(fact.chosen for fact in contents):
        contents = [fact for fact in contents if fact.chosen or fact.kind is FactKind.UNDONE]
    return max(contents, key=age)


def age(fact: Fact) -> tuple[datetime, datetime, int, str]:
    """Orders two contents of one event: when they were said, then arrival, then a fixed rank that leaves no tie."""
    return fact.worded_at or fact.said_at, fact.received_at, _RANK[fact.kind], repr(fact) + fact.content


def weight(fact: Fact) -> tuple[datetime, int, datetime, str]:
    """Orders the words of one source: at equal times by rank, and then by what leaves no tie."""
    return fact.said_at, _RANK[fact.kind], fact.received_at, fact.event


def told_at(fact: Fact) -> datetime:
    """When a word was said: of an activity `said_at` is when it was done, which its clock may put later."""
    return fact.said_at if fact.kind is FactKind.UNDONE else min(fact.said_at, fact.worded_at or fact.said_at)


def standing_words(facts: Sequence[Fact]) -> list[Fact]:
    """The last words of each source, one for each thing that it speaks of, of those that no later undo by the person
    voids. An undo is the last word also where it, or the word before it, is of no thing.
    """
    wall = max((f.said_at for f in facts if f.source == PERSON and f.kind is FactKind.UNDONE), default=None)
    words: dict[str, list[Fact]] = {}
    for fact in facts:
        if wall is None or fact.said_at > wall:
            words.setdefault(fact.source, []).append(fact)
    return [word for said in words.values() for word in _last_words(said)]


def _last_words(said: list[Fact]) -> Iterator[Fact]:
    if len(said) == 1:
        yield said[0]
        return
    later: set[str | None] = set()
    undone: set[str | None] = set()
    for word in sorted(said, key=weight, reverse=True):
        if not (word.thing in later or None in undone or (word.thing is None and undone)):
            yield word
        later.add(word.thing)
        if word.kind is FactKind.UNDONE:
            undone.add(word.thing)
