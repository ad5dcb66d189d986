"""What came of comparing a connection with its service's history, in words, and as it is kept until the next time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import msgspec

from integration.core.model import Person
from integration.outgoing import Streaks
from integration.reconciling.difference import Difference
from integration.store import lookings
from integration.store.engine import Store

OUR_WAY = "Here a skip or a pause ends nothing."


class Outcome(StrEnum):
    """`ASKS`: more differs than is set right by itself, so the person is asked."""

    AGREED = "agreed"
    HEALED = "healed"
    ASKS = "asks"
    FAILED = "failed"


class What(StrEnum):
    """What is so of one session: they have it and we lack it (`UNSURE`: maybe another of that day), or the reverse."""

    UNHEARD = "unheard"
    UNSURE = "unsure"
    LACKING = "lacking"
    GONE = "gone"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Row:
    """One session that differs."""

    date: date
    slot: str
    what: What


@dataclass(frozen=True, slots=True)
class Streak:
    """How many in a row of one slot, by our count and by theirs."""

    slot: str
    ours: int
    theirs: int


@dataclass(frozen=True, slots=True)
class Found:
    """All that differs, by session; and, of a service that counts them itself, the streaks of both sides. `reason`: why
    those may disagree, said to the person; empty where they agree. `first` is the first day that was looked at.
    """

    rows: tuple[Row, ...] = ()
    streaks: tuple[Streak, ...] = ()
    reason: str = ""
    first: date | None = None

    def of(self, *whats: What) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.what in whats)


@dataclass(frozen=True, slots=True)
class Kept:
    """The last look at a connection: when (UTC), its outcome and a sentence, and what differed then."""

    connection: str
    at: datetime
    outcome: Outcome
    message: str
    found: Found


def found(left: Difference, ours: Mapping[str, int], theirs: Streaks) -> Found:
    """What is left to be shown: what still differs, and the streaks by slot of both sides."""
    streaks = tuple(Streak(slot, ours[slot], count) for slot, count in theirs.counts.items())
    disagree = any(streak.ours != streak.theirs for streak in streaks)
    return Found(rows(left), streaks, f"{theirs.reason} {OUR_WAY}".strip() if disagree else "")


def rows(difference: Difference) -> tuple[Row, ...]:
    """A difference session by session, in the order of the days."""
    return tuple(sorted(_rows(difference), key=lambda row: row.date))


def unseen(difference: Difference, left: Difference, shown: Found) -> bool:
    """Whether more is to be acted upon, all but what is `left`, than was shown."""
    return not {*rows(difference)} - {*rows(left)} <= {*shown.rows}


def sentences(label: str, difference: Difference) -> Iterator[str]:
    """What differs, said to the person."""
    unheard, lacking = len(difference.unheard), sum(len(one.sessions) for one in difference.lacking)
    gone, kept = sum(len(one.sessions) for one in difference.gone), len(difference.kept)
    if unheard:
        yield f"{label} has {sessions(unheard)} that we never heard of."
    if lacking:
        yield f"{label} lacks {sessions(lacking)} that you did."
    if gone:
        yield f"{sessions(gone).capitalize()} of yours {_be(gone)} not there any more, or could not be sent."
    if kept:
        yield f"{sessions(kept).capitalize()} {_be(kept)} still done there, though not here any more."
    if not (unheard or lacking or gone or kept):
        yield f"{label} and we are in step."


def deeds(label: str, heard: int, queued: int) -> Iterator[str]:
    """What was done, said to the person."""
    if heard:
        yield f"Counted {sessions(heard)} that {label} had."
    if queued:
        yield f"{sessions(queued).capitalize()} {_be(queued)} on the way to {label}."


def sessions(count: int) -> str:
    """`1 session`, `2 sessions`."""
    return f"{count} session{'' if count == 1 else 's'}"


def keep(store: Store, connection: str, now: datetime, outcome: Outcome, message: str, what: Found) -> None:
    """Keeps what came of looking at `now` (UTC), in place of the last time. Raises StoreUnavailable."""
    with store.writing() as db:
        lookings.save(db, connection, now, outcome, message, msgspec.json.encode(what).decode())


def add(store: Store, connection: str, sentence: str) -> None:
    """Adds a sentence to what came of the last look. Raises StoreUnavailable."""
    with store.writing() as db:
        one = lookings.get(db, connection)
        if one.at is not None:
            lookings.save(db, connection, one.at, one.outcome, f"{one.message} {sentence}", one.found)


def last(store: Store, connection: str) -> Kept | None:
    """What came of the last look; None where there was none. Raises StoreUnavailable."""
    with store.reading() as db:
        return _kept(lookings.get(db, connection))


def of(store: Store, person: Person) -> Sequence[Kept]:
    """The last looks at a person's live connections. Raises StoreUnavailable."""
    with store.reading() as db:
        found = [_kept(one) for one in lookings.of(db, person.id)]
    return [kept for kept in found if kept]


def _rows(difference: Difference) -> Iterator[Row]:
    for one in difference.unheard:
        yield Row(*one.session, What.UNHEARD if one.sure else What.UNSURE)
    for what, several in ((What.LACKING, difference.lacking), (What.GONE, difference.gone)):
        yield from (Row(*session, what) for each in several for session in each.sessions)
    yield from (Row(*session, What.KEPT) for session in difference.kept)


def _kept(one: lookings.Looking) -> Kept | None:
    if one.at is None or not one.outcome:
        return None
    what = msgspec.json.decode(one.found, type=Found) if one.found else Found()
    return Kept(one.connection, one.at, Outcome(one.outcome), one.message, what)


def _be(count: int) -> str:
    return "is" if count == 1 else "are"
