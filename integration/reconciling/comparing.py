"""Compares a service's own history with our sessions: what each side has that the other lacks. Pure.

A completion there is one of ours where we made it: by its id, or since it was done while a message of ours was on its
way. Any other belongs to the session of its habit; where two sessions share a habit its time decides, and where it
tells no time, how many there are. Nothing that was taken back here is heard again. Source: DESIGN section 8; spec:
streaks section 8 rules 4 and 5; habit-services 1.1.8.

Length: which completion is whose, and what then lacks, is one rule in two directions.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from calendar_export.plan import Plan
from calendar_export.zones import to_wall
from integration.connecting.kinds import slots_of
from integration.core.habits import folded
from integration.dispatching.telling import ANY, Session, due
from integration.outgoing import Remote
from integration.reconciling.difference import Asked, Difference, Known, Side, Unheard, Unsent, Why

SLACK = timedelta(minutes=5)
"""How far a service's clock may be from ours."""
SAME = timedelta(minutes=1)
"""Two completions of one source within so short a time are one."""
GIVEN_UP = 2
"""After a message about a session was given up so often, it is not sent again by itself."""


def compare(asked: Asked, history: Sequence[Remote], ours: Mapping[Session, Side], known: Known) -> Difference:
    """What the service's history and our sessions of those dates differ in. `ours` holds each session of the plan."""
    made = {remote: session for session, side in ours.items() for remote in side.push.made}
    echoed, theirs = set[Session](), defaultdict[tuple[str, date], list[_Unit]](list)
    for unit in _units(asked, history):
        own = made.get(unit.event or "") or _on_its_way(asked, unit, ours)
        if own:
            echoed.add(own)
        else:
            theirs[_habit(asked, unit.habit), unit.day].append(unit)
    groups = [
        _Group(asked, known, habit, day, sides, tuple(theirs[folded(habit), day]), echoed)
        for habit, day, sides in _shared(asked, ours)
    ]
    return _joined([group.compared() for group in groups])


def logical_date(plan: Plan, remote: Remote) -> date:
    """The day of a completion: by its time where it tells that, else the service's own."""
    return remote.date if remote.at is None else plan.logical_date(to_wall(remote.at, plan.zone_at(remote.at)))


@dataclass(frozen=True, slots=True)
class _Unit:
    """One completion there."""

    habit: str
    day: date
    at: datetime | None
    event: str | None


@dataclass(frozen=True, slots=True)
class _Group:
    """The sessions of one day that share a remote habit, in the order of the day, and what the service has of them."""

    asked: Asked
    known: Known
    habit: str
    day: date
    sides: Mapping[str, Side]
    units: tuple[_Unit, ...]
    echoed: set[Session]

    def compared(self) -> Difference:
        placed, floating = self._placed()
        covered = {*placed, *(slot for slot in self.sides if (self.day, slot) in self.echoed)}
        # Of what tells no time, what they accepted from us is there rather than what they never had.
        missing = [slot for slot in self.done if slot not in covered]
        missing.sort(key=lambda slot: not self.sides[slot].push.accepted)
        covered |= {*missing[:floating]}
        kept = [slot for slot, unit in placed.items() if not self.sides[slot].done and self._taken_back(slot, unit)]
        fresh = [slot for slot in placed if not self.sides[slot].done and slot not in kept]
        heard = [self._unheard(slot, placed[slot]) for slot in fresh if not self._heard(placed[slot])]
        heard += self._counted(floating - len(missing[:floating]), covered)
        return Difference(
            () if any(side.push.waiting for side in self.sides.values()) else tuple(heard),
            tuple(self._unsent(covered)),
            tuple((self.day, slot) for slot in kept),
            len(set(self.done) & covered),
        )

    @property
    def done(self) -> tuple[str, ...]:
        return tuple(slot for slot, side in self.sides.items() if side.done)

    def _placed(self) -> tuple[dict[str, _Unit], int]:
        """The last completion of each session that is plainly meant, and how many may be any of them."""
        found, floating = dict[str, _Unit](), 0
        for unit in sorted(self.units, key=lambda unit: unit.at.timestamp() if unit.at else 0.0):
            if slot := self._slot(unit):
                found[slot] = unit
            else:
                floating += 1
        if floating and not found and self.asked.abilities.holds == "tick":
            floating = 1 if self._any else len(self.sides)
        return found, floating

    def _slot(self, unit: _Unit) -> str | None:
        mine = [slot for slot in self.sides if folded(self._setting(slot)) == folded(unit.habit)]
        slots = mine or [*self.sides]
        if len(slots) == 1:
            return slots[0]
        plan = self.asked.person.plan
        by_time = plan.placed(to_wall(unit.at, plan.zone_at(unit.at)))[1] if unit.at else None
        return by_time if by_time in slots else None

    def _setting(self, slot: str) -> str:
        return self.asked.connection.settings.get(slot, "")

    @property
    def _any(self) -> bool:
        return self.asked.connection.settings.get("when") == ANY

    def _taken_back(self, slot: str, unit: _Unit) -> bool:
        side = self.sides[slot]
        return side.settled and not (unit.at and side.spoken and unit.at > side.spoken and not side.push.stands)

    def _heard(self, unit: _Unit) -> bool:
        near = unit.at is not None and any(abs(unit.at - moment) < SAME for moment in self.known.moments)
        return near or unit.event in self.known.events

    def _unheard(self, slot: str, unit: _Unit, sure: bool = True) -> Unheard:
        tried = tuple(one for side in self.sides.values() for one in side.push.tried)
        return Unheard((self.day, slot), unit.habit, self._event(slot, unit), unit.at, sure, tried)

    def _event(self, slot: str, unit: _Unit) -> str:
        """What its webhook would have called it, where we can know; else by its habit, so that a withdrawal which
        names the habit finds it.
        """
        own = unit.event and (self._single or unit.event.startswith(f"{unit.habit}@"))
        return unit.event if own and unit.event else f"{unit.habit}@{self.day}@{slot}"

    def _counted(self, more: int, covered: set[str]) -> list[Unheard]:
        """Sessions that are done there by their number alone, less those that were taken back here."""
        free = [slot for slot, side in self.sides.items() if not (side.done or slot in covered)]
        back = [slot for slot in free if self.sides[slot].spoken or (self._single and self.sides[slot].push.stands)]
        more -= len(back) + sum(self._elsewhere(event) for event in self.known.events)
        if not self._single:
            more -= max(sum(side.push.stands for side in self.sides.values()) - len(self.done), 0)
        open_, unit = [slot for slot in free if slot not in back], self.units[-1] if self.units else None
        untimed = replace(unit, at=None, event=None) if unit else None
        return [self._unheard(slot, untimed, more >= len(open_)) for slot in open_[: max(more, 0)] if untimed]

    @property
    def _single(self) -> bool:
        """Each session has a completion of its own there."""
        return self.asked.abilities.holds == "sessions"

    def _elsewhere(self, event: str) -> bool:
        """Whether we heard of it by its number already, when the habit was mapped to another session."""
        begin, _, slot = event.rpartition("@")
        return begin == f"{self.habit}@{self.day}" and slot not in self.sides

    def _unsent(self, covered: set[str]) -> Iterator[Unsent]:
        can, mine = self.asked.abilities, [slot for slot in self.done if not self._is_evidence(slot)]
        if not mine or (self.day != self.asked.today and not can.dated):
            return
        if self._single:
            yield from (lack for slot in mine if slot not in covered for lack in self._lack((slot,), (slot,), 1))
            return
        there = len(self.units) + sum((self.day, slot) in self.echoed for slot in self.sides)
        wanted = bool(self.done) if self._any else len(self.done) == len(self.sides)
        if can.holds == "tick" and wanted and not there:
            yield from self._lack(tuple(mine), tuple(self.sides), len(self.done))
        elif can.holds == "number" and there < len(self.done):
            yield from self._lack(tuple(mine[there - len(self.done) :]), tuple(self.sides), len(self.done))

    def _lack(self, lacking: tuple[str, ...], slots: tuple[str, ...], done: int) -> Iterator[Unsent]:
        pushes = [self.sides[slot].push for slot in slots]
        if any(push.waiting for push in pushes):
            return
        why = Why.GIVEN_UP if any(push.failures >= GIVEN_UP for push in pushes) else Why.NEVER
        enough = min(done, due(self.asked.connection.settings, slots))
        why = Why.GONE if any(push.accepted and push.stands >= enough for push in pushes) else why
        sessions, newest = tuple((self.day, slot) for slot in lacking), tuple(push.newest for push in pushes)
        yield Unsent(sessions, slots, self.habit or None, done, newest, why)

    def _is_evidence(self, slot: str) -> bool:
        return self.asked.connection.id in self.sides[slot].merged.evidence


def _units(asked: Asked, history: Sequence[Remote]) -> Iterator[_Unit]:
    # Of a number no more matters: one for each session, and one for each that was heard or taken back before.
    most = 2 * len(slots_of(asked.person.plan))
    for remote in history:
        day = logical_date(asked.person.plan, remote)
        if asked.first <= day <= asked.last:
            once = _Unit(remote.habit, day, remote.at, remote.event)
            yield once
            more = 0 if asked.abilities.holds == "tick" and not remote.at else min(remote.count, most) - 1
            # A number tells only when it was last raised.
            yield from (replace(once, at=None, event=None) for _ in range(more))


def _on_its_way(asked: Asked, unit: _Unit, ours: Mapping[Session, Side]) -> Session | None:
    if unit.at is None:
        return None
    for session, side in ours.items():
        same = _habit(asked, asked.connection.settings.get(session[1], "")) == _habit(asked, unit.habit)
        if same and any(begun - SLACK <= unit.at <= ended + SLACK for begun, ended in side.push.spans):
            return session
    return None


def _habit(asked: Asked, habit: str) -> str:
    """By what completions are put together: where no habit is named there, all are of one."""
    return folded(habit) if asked.abilities.habits else ""


def _shared(asked: Asked, ours: Mapping[Session, Side]) -> Iterator[tuple[str, date, dict[str, Side]]]:
    for offset in range((asked.last - asked.first).days + 1):
        day, groups = asked.first + timedelta(days=offset), defaultdict[str, dict[str, Side]](dict)
        for (of_day, slot), side in ours.items():
            habit = asked.connection.settings.get(slot, "") if asked.abilities.habits else ""
            if of_day == day and (habit or not asked.abilities.habits):
                groups[habit][slot] = side
        yield from ((habit, day, sides) for habit, sides in groups.items())


def _joined(found: Sequence[Difference]) -> Difference:
    return Difference(
        tuple(one for each in found for one in each.unheard),
        tuple(one for each in found for one in each.unsent),
        tuple(one for each in found for one in each.kept),
        sum(each.agreed for each in found),
    )
