"""Where a person stands at an instant: all numbers, from a checkpoint and later days. Spec: streaks section 9."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from calendar_export.plan import Plan
from integration.core.days import Told, days
from integration.core.model import Day, State
from integration.core.streaks import Run, Tally, adherence, fold, frozen

SPANS = (7, 28, 90)
"""The spans of logical days over which plain adherence is published."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tally after the logical date `upto`, which no clock can change any more."""

    upto: date
    tally: Tally


@dataclass(frozen=True, slots=True)
class Standing:
    """Scores are 0 to 1, streaks in days or sessions, adherence (done, due) a span; `recent` ends with today."""

    tally: Tally
    adherence: dict[int, tuple[int, int]]
    frozen: tuple[date, ...]
    recent: tuple[Day, ...]

    def neutral(self, span: int) -> dict[str, int]:
        """Sessions skipped, stopped because they hurt, and paused in the last `span` days: named beside every rate."""
        states = [state for day in self.recent[-span:] for _, state in day.states]
        return {state.value: states.count(state) for state in (State.SKIPPED, State.HURT, State.PAUSED)}

    @property
    def today(self) -> Day | None:
        return self.recent[-1] if self.recent else None


def standing(plan: Plan, checkpoint: Checkpoint | None, told: Callable[[date], Told], now: datetime) -> Standing:
    """The numbers at `now`. `told(first)` gives what the facts say from that date on.

    The checkpoint lies before the longest span, so that the days counted one by one are folded anyway.
    """
    today = plan.today(now)
    first = checkpoint.upto + timedelta(days=1) if checkpoint else plan.start
    all_days = list(days(plan, told(first), first, today, now))
    begin = checkpoint.tally if checkpoint else Tally()
    begin = replace(begin, slots={s.name: Run() for v in plan.versions for s in v.slots} | begin.slots)
    tally = fold(begin, all_days)
    recent = [day for day in all_days if (today - day.date).days < max(SPANS)]
    return Standing(
        tally=tally,
        adherence={span: adherence(recent, span) for span in SPANS},
        frozen=tuple(frozen(tally, recent)),
        recent=tuple(recent),
    )


def next_checkpoint(
    plan: Plan, held: Checkpoint | None, told: Callable[[date], Told], now: datetime
) -> Checkpoint | None:
    """The checkpoint at the latest month's end that lies before the longest span; None when `held` is that already."""
    upto = (plan.today(now) - timedelta(days=max(SPANS) + 1)).replace(day=1) - timedelta(days=1)
    first = held.upto + timedelta(days=1) if held else plan.start
    if upto < first:
        return None
    tally = fold(held.tally if held else Tally(), days(plan, told(first), first, upto, now))
    return Checkpoint(upto, tally)
