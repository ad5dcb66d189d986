"""Facts of one session to its state: a fold over a set, so order and repetition cannot matter.

Spec: streaks section 8. Rules: same event, newest content; per source the latest word wins and at equal times the undo;
done while one source still says so; an undo by the person voids everything before it; an echo is no evidence.
"""

from collections.abc import Iterable
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
    standing, said = _latest_words(heard), any(fact.kind is not FactKind.UNDONE for fact in heard)
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
    newest: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        key = (fact.source, fact.event)
        if key not in newest or age(fact) > age(newest[key]):
            newest[key] = fact
    return list(newest.values())


def age(fact: Fact) -> tuple[datetime, datetime, int, str]:
    """Orders two contents of one event: the source's time, then arrival, then a fixed rank that leaves no tie."""
    return fact.said_at, fact.received_at, _RANK[fact.kind], repr(fact) + fact.content


def _latest_words(facts: list[Fact]) -> list[Fact]:
    """The last word of each source, of those that no later undo by the person voids."""
    wall = max((f.said_at for f in facts if f.source == PERSON and f.kind is FactKind.UNDONE), default=None)
    latest: dict[str, Fact] = {}
    for fact in facts:
        if wall and fact.said_at <= wall:
            continue
        held = latest.get(fact.source)
        if held is None or _weight(fact) > _weight(held):
            latest[fact.source] = fact
    return list(latest.values())


def _weight(fact: Fact) -> tuple[datetime, int, datetime, str]:
    """Orders the words of one source: at equal times by rank, and then by what leaves no tie."""
    return fact.said_at, _RANK[fact.kind], fact.received_at, fact.event
