"""What was planned x what was reported: the days of a person, each session with its state.

Spec: streaks sections 1, 4 and 5.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import groupby

from calendar_export.plan import Plan, Session, Why
from integration.core.merge import Merged
from integration.core.model import Day, State

Told = Mapping[tuple[date, str], State]
"""The state that facts alone give to sessions; sessions without facts are absent."""


def days(plan: Plan, told: Told, first: date, last: date, now: datetime) -> Iterator[Day]:
    """The logical dates first to last, both included, as they stand at the instant `now`; none before the plan."""
    today = plan.today(now)
    for day, sessions in groupby(plan.sessions(first, last), key=lambda session: session.date):
        states = tuple((s.slot, state(s, told.get((day, s.slot)), now)) for s in sessions)
        yield Day(day, states, over=day < today)


def state(session: Session, told: State | None, now: datetime) -> State:
    """The state of one session. A completion counts even where nothing was due."""
    if told is not None:
        return told
    if session.not_due is not None:
        return State.PAUSED if session.not_due is Why.PAUSE else State.NOT_DUE
    return State.PENDING if now < session.closes else State.MISSED


def late(session: Session, merged: Merged) -> bool:
    """Whether the session was done after its window and grace had closed."""
    return merged.done_at is not None and merged.done_at >= session.closes


def backfilled(session: Session, merged: Merged) -> bool:
    """Whether the session was first reported after its window and grace had closed."""
    return merged.told_at is not None and merged.told_at >= session.closes
