"""The words of the law as values: facts, states, days. Spec: streaks sections 1 and 5."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from calendar_export.options import Options
from calendar_export.plan import Plan

PERSON = "person"
"""The source of everything that the person says on our own pages."""


class FactKind(StrEnum):
    """What a fact says of its session. `SKIPPED` and `HURT` come from the person alone."""

    DONE = "done"
    UNDONE = "undone"
    SKIPPED = "skipped"
    HURT = "hurt"


class State(StrEnum):
    """What is true of a session. The last four are neutral: they neither reward nor punish."""

    PENDING = "pending"
    DONE = "done"
    MISSED = "missed"
    SKIPPED = "skipped"
    HURT = "hurt"
    PAUSED = "paused"
    NOT_DUE = "not_due"


NEUTRAL = frozenset({State.SKIPPED, State.HURT, State.PAUSED, State.NOT_DUE})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a plan: no name, no address.

    `key` is the random part of the page's key; `changes` counts what a calendar would show; `created_at` is UTC;
    `tells` counts the live connections that want to be told.
    """

    id: str
    key: str = field(repr=False)
    plan: Plan = field(repr=False)
    changes: int
    created_at: datetime
    tells: int = 0


@dataclass(frozen=True, slots=True)
class Connection:
    """A person's link to a service. `settings` are readable (label, mapping); `sealed` holds its secrets, encrypted.

    `outgoing`: it wants to be told.
    """

    id: str
    person: str
    service: str
    label: str
    key: str | None = field(repr=False)
    settings: Mapping[str, str]
    sealed: str | None = field(repr=False)
    created_at: datetime
    revoked_at: datetime | None = None
    outgoing: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """One calendar subscription, with a key and options of its own.

    `edition` counts the changes of its options, the last at `altered_at`. `fetched_by` names the client that asked
    last, at `fetched_at`; browsers are not counted. Instants are UTC.
    """

    id: str
    person: str
    key: str = field(repr=False)
    label: str
    created_at: datetime
    options: Options = field(default_factory=Options)
    edition: int = 0
    altered_at: datetime | None = None
    revoked_at: datetime | None = None
    fetched_at: datetime | None = None
    fetched_by: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One report, placed on a session. Facts are only ever added.

    `source` is the connection that said it, or `PERSON`; `event` is the source's own id. `said_at` orders the words of
    a source about its session (its own time where it has one, else the arrival), `worded_at` the contents of one event:
    when this one was said, or for one that was `chosen`, which is put there by the person, when they did. None is as
    `said_at`. Neither of a service is later than the arrival, but where our clock went back since the word before it;
    all are instants UTC. `echo` marks what we pushed out and received back: it is no evidence. `reason` belongs to a
    skip; `note` is the sender's free text; `content` is a digest of all that the source said, by which a copy is told
    from a correction. `thing` is the task or activity that it is said of, and `delivery` the one in which it came, once
    it is stored.
    """

    source: str
    event: str
    kind: FactKind
    slot: str
    date: date
    said_at: datetime
    received_at: datetime
    performed_at: datetime | None = None
    echo: bool = False
    reason: str | None = None
    duration_seconds: int | None = None
    note: str | None = field(default=None, repr=False)
    content: str = field(default="", repr=False)
    thing: str | None = None
    worded_at: datetime | None = None
    chosen: bool = False
    delivery: int | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Day:
    """A logical date with the state of each slot in plan order. `over`: the next logical date has begun."""

    date: date
    states: tuple[tuple[str, State], ...]
    over: bool = True

    @property
    def done(self) -> int:
        return sum(state is State.DONE for _, state in self.states)

    @property
    def due(self) -> int:
        """Sessions that count: not neutral."""
        return sum(state not in NEUTRAL for _, state in self.states)

    @property
    def open(self) -> bool:
        return any(state is State.PENDING for _, state in self.states)

    @property
    def perfect(self) -> bool:
        return 0 < self.due == self.done

    @property
    def empty(self) -> bool:
        return self.due > 0 and not self.done and not self.open
