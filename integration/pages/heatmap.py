"""The last weeks at a glance: one row a week, Monday first, each day with the state of its sessions in words too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from integration.core.model import Day, State
from integration.core.standing import Standing
from integration.pages import words

WEEKS = 5
FROZEN = "bridged, the streak goes on"


@dataclass(frozen=True, slots=True)
class Cell:
    """One date. `states` is empty outside the plan and in the days to come; `told` says all of it in words."""

    date: date
    states: tuple[tuple[str, State], ...] = ()
    frozen: bool = False
    today: bool = False

    @property
    def told(self) -> str:
        parts = [f"{slot} {words.SHORT[state]}" for slot, state in self.states]
        return f"{words.short_day(self.date)}: {words.listed([*parts, FROZEN] if self.frozen else parts)}"


def weeks(stands: Standing) -> list[list[Cell]]:
    """The weeks that hold the last days of a standing, at most five, oldest first; none where there is no day yet."""
    if not stands.recent:
        return []
    today = stands.recent[-1].date
    first = max(stands.recent[0].date, _monday(today) - timedelta(weeks=WEEKS - 1))
    known = {day.date: day for day in stands.recent}
    return [_week(monday, known, stands.frozen, today) for monday in _mondays(first, today)]


def _mondays(first: date, last: date) -> Iterator[date]:
    monday = _monday(first)
    while monday <= last:
        yield monday
        monday += timedelta(weeks=1)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _week(monday: date, known: Mapping[date, Day], frozen: Sequence[date], today: date) -> list[Cell]:
    dates = [monday + timedelta(days=offset) for offset in range(7)]
    return [Cell(day, known[day].states if day in known else (), day in frozen, day == today) for day in dates]
