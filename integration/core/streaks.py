"""Sessions to three streaks, score and adherence. Spec: streaks sections 3, 4, 5 and 9.

A forward fold over days with a state of a few numbers, so that it can be kept as a checkpoint and taken up again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from integration.core.model import NEUTRAL, Day, State

KEPT = 0.5 ** (1 / 13)
"""The share of the score that a day keeps: a half-life of 13 days (Loop's frequency 1)."""
FREEZE_EVERY = 7
"""Empty days at least this far apart are bridged by the active-day streak."""


@dataclass(frozen=True, slots=True)
class Run:
    """A streak and the longest it has been."""

    now: int = 0
    best: int = 0

    def add(self) -> "Run":
        return Run(self.now + 1, max(self.best, self.now + 1))

    def end(self) -> "Run":
        return Run(0, self.best)


@dataclass(frozen=True, slots=True)
class Tally:
    """The fold's state after a day.

    `since_empty` counts the done days after `last_empty`: a second empty day within a week cuts the active-day streak
    back to them. `retired` are slots that the plan does not have at present. `began` and `began_again` are the first
    done day of that streak and of that part of it.
    """

    score: float = 0.0
    slot_scores: dict[str, float] = field(default_factory=dict)
    slots: dict[str, Run] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()
    perfect: Run = Run()
    active: Run = Run()
    since_empty: int = 0
    last_empty: date | None = None
    began: date | None = None
    began_again: date | None = None


def fold(tally: Tally, days: Iterable[Day]) -> Tally:
    """The tally after further days, in order, each one date later than the one before."""
    for day in days:
        tally = _after(_with_slots_of(tally, day), day)
    return tally


def final(day: Day) -> bool:
    """Whether time alone can no longer change the day: it may be folded into a checkpoint."""
    return day.over and not day.open


def frozen(tally: Tally, days: Iterable[Day]) -> list[date]:
    """The empty days among `days` that the active-day streak of the tally bridges."""
    return [day.date for day in days if day.empty and tally.began is not None and day.date > tally.began]


def adherence(days: Sequence[Day], span: int) -> tuple[int, int]:
    """Sessions done and due over the last `span` days of `days`; one still open is not due yet."""
    last = days[-span:]
    waiting = sum(state is State.PENDING for day in last for _, state in day.states)
    return sum(day.done for day in last), sum(day.due for day in last) - waiting


def _with_slots_of(tally: Tally, day: Day) -> Tally:
    """A slot that the plan dropped keeps its run; one that comes back begins anew (spec: streaks section 10)."""
    present = {name for name, _ in day.states}
    retired = frozenset(tally.slots.keys() - present)
    if retired == tally.retired:
        return tally
    back = {name: tally.slots[name].end() for name in tally.retired & present}
    return replace(tally, slots=tally.slots | back, retired=retired)


def _after(tally: Tally, day: Day) -> Tally:
    if not day.due:
        return tally
    tally = replace(
        _scored(tally, day),
        slots={**tally.slots, **{name: _slot_run(tally.slots.get(name, Run()), state) for name, state in day.states}},
        perfect=_perfect_run(tally.perfect, day),
    )
    if day.empty:
        return _after_empty(tally, day.date)
    return _after_active(tally, day.date) if day.done else tally


def _scored(tally: Tally, day: Day) -> Tally:
    """Folds the day into the scores: once it is over, or before if it is perfect."""
    if not (day.perfect or final(day)):
        return tally
    counted = {name: float(state is State.DONE) for name, state in day.states if state not in NEUTRAL}
    slot_scores = {name: _step(tally.slot_scores.get(name, 0.0), share) for name, share in counted.items()}
    return replace(
        tally,
        score=_step(tally.score, day.done / day.due),
        slot_scores={**tally.slot_scores, **slot_scores},
    )


def _step(score: float, share: float) -> float:
    return score * KEPT + share * (1 - KEPT)


def _slot_run(run: Run, state: State) -> Run:
    if state is State.DONE:
        return run.add()
    return run.end() if state is State.MISSED else run


def _perfect_run(run: Run, day: Day) -> Run:
    if any(state is State.MISSED for _, state in day.states):
        return run.end()
    return run.add() if day.perfect else run


def _after_active(tally: Tally, day: date) -> Tally:
    return replace(
        tally,
        active=tally.active.add(),
        since_empty=tally.since_empty + 1,
        began=tally.began or day,
        began_again=tally.began_again or day,
    )


def _after_empty(tally: Tally, day: date) -> Tally:
    near = tally.last_empty is not None and (day - tally.last_empty).days < FREEZE_EVERY
    if near:
        tally = replace(tally, active=Run(tally.since_empty, tally.active.best), began=tally.began_again)
    return replace(tally, since_empty=0, last_empty=day, began_again=None)
