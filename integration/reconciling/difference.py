"""What a service's own history and our sessions differ in, and what is known of both sides: values alone."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from integration.core.merge import Merged
from integration.core.model import Connection, Person, State
from integration.dispatching.telling import Session
from integration.outgoing import Abilities


@dataclass(frozen=True, slots=True)
class Push:
    """What became of our messages about one session at one connection.

    `stands`: of how many sessions our word holds there, as far as we know; `accepted`: the service said yes to that.
    `waiting`: a message is on its way, or was only just now. `failures`: how many were given up. `newest` is the id of
    the last, `tried` are the ids of those that may have made something there, `made` the service's own ids of it, and
    `spans` the times between which they were sent.
    """

    stands: int = 0
    accepted: bool = False
    waiting: bool = False
    failures: int = 0
    newest: int = 0
    tried: tuple[int, ...] = ()
    made: frozenset[str] = frozenset()
    spans: tuple[tuple[datetime, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One of our sessions. `spoken` is when the person, or this very connection, last said anything of it (UTC)."""

    merged: Merged = field(default_factory=Merged)
    spoken: datetime | None = None
    push: Push = field(default_factory=Push)

    @property
    def done(self) -> bool:
        return self.merged.state is State.DONE

    @property
    def settled(self) -> bool:
        """It is open here because somebody said so, or done there because we said so."""
        return self.spoken is not None or self.push.stands > 0


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose history was asked for, of which logical dates, first and last included."""

    connection: Connection
    person: Person
    abilities: Abilities
    first: date
    last: date
    today: date


@dataclass(frozen=True, slots=True)
class Known:
    """What we heard from the connection before: its events, and when what they told of was done (UTC)."""

    events: frozenset[str] = frozenset()
    moments: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Unheard:
    """They say that it was done, and we never heard. `sure`: it is plain which session it was. `tried`: messages of
    ours about the same habit and day, which are accounted for.
    """

    session: Session
    habit: str
    event: str
    at: datetime | None = None
    sure: bool = True
    tried: tuple[int, ...] = ()


class Why(StrEnum):
    """Why they lack it, as far as we know."""

    NEVER = "never sent"
    GONE = "was sent, and is no longer there"
    GIVEN_UP = "could not be sent twice"


@dataclass(frozen=True, slots=True)
class Unsent:
    """`sessions` were done here, and they lack them. The message that tells of them is about the first of `slots`, all
    that share `habit`: `done` of them are. `newest`: the last message about each of `slots` when we looked, 0 for none.
    """

    sessions: tuple[Session, ...]
    slots: tuple[str, ...]
    habit: str | None
    done: int
    newest: tuple[int, ...]
    why: Why = Why.NEVER

    @property
    def date(self) -> date:
        return self.sessions[0][0]


@dataclass(frozen=True, slots=True)
class Difference:
    """`kept`: still done there, though taken back here; `agreed`: how many sessions both say are done."""

    unheard: tuple[Unheard, ...] = ()
    unsent: tuple[Unsent, ...] = ()
    kept: tuple[Session, ...] = ()
    agreed: int = 0

    @property
    def lacking(self) -> tuple[Unsent, ...]:
        """What would be sent by itself."""
        return tuple(one for one in self.unsent if one.why is Why.NEVER)

    @property
    def gone(self) -> tuple[Unsent, ...]:
        """What is only shown: the person may have deleted it there, or it cannot be sent."""
        return tuple(one for one in self.unsent if one.why is not Why.NEVER)

    @property
    def size(self) -> int:
        """Sessions that would change, here or there."""
        return len(self.unheard) + sum(len(one.sessions) for one in self.lacking)

    @property
    def sure(self) -> bool:
        return all(one.sure for one in self.unheard)
