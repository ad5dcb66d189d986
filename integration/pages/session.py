"""The page of one session, reached from the calendar: what to do, and how it went. Only its buttons change anything."""

from dataclasses import dataclass

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from calendar_export import event, routine
from calendar_export.routine import Dose
from integration import record
from integration.core import days, naming, placing
from integration.core.merge import merge
from integration.core.model import Person, State
from integration.core.placing import Placed, Unplaced
from integration.errors import NotFound, Refused
from integration.links import SessionKey
from integration.pages import words
from integration.pages.answers import page
from integration.parts import Parts
from integration.store import facts, feeds

NOT_YET = "Not yet: this one is planned for {day} at {at:%H:%M}."
UNKNOWN_ACTION = "Please use one of the buttons on this page."
SAFETY = (routine.NO_PUSHING, *routine.WHEN_TO_STOP, routine.ASK_FIRST, routine.HYPERMOBILITY)


@dataclass(frozen=True, slots=True)
class Opened:
    """The session that a live key names. `closed` says why nothing can be said of it now; empty when it can."""

    person: Person
    named: SessionKey
    state: State
    closed: str


@dataclass(frozen=True, slots=True)
class SessionPage:
    """`/session/<key>`."""

    parts: Parts

    def show(self, key: str) -> ResponseReturnValue:
        """The page. Changes nothing, as scanners and previews open every link. Raises NotFound."""
        return self._render(key, self._open(key))

    def answer(self, key: str) -> ResponseReturnValue:
        """Takes a button's word and goes back to the page, which says what is true now. Raises NotFound."""
        opened, action = self._open(key), request.form.get("action", "")
        if action not in words.ACTIONS:
            return self._render(key, opened, 422, UNKNOWN_ACTION)
        placed = Placed(opened.named.slot, opened.named.date)
        try:
            record.tell(self.parts.store, opened.person, placed, words.ACTIONS[action], self.parts.clock())
        except Refused as error:
            return self._render(key, opened, 422, words.sentence(str(error)))
        said = "hurt" if action == "hurt" else None
        return redirect(url_for("pages.session", key=key, said=said), 303)

    def _open(self, key: str) -> Opened:
        named, now = self.parts.links.read_session(key), self.parts.clock()
        with self.parts.store.reading() as db:
            person = feeds.reader(db, named.feed)
            if person is None:
                raise NotFound("no such key")
            told = merge(facts.of_session(db, person.id, named.date, named.slot)).state
        slot = person.plan.slot_on(named.slot, named.date)
        planned = days.state(person.plan.session(slot, named.date), told, now) if slot else told
        return Opened(person, named, planned or State.NOT_DUE, self._closed(person, named))

    def _closed(self, person: Person, named: SessionKey) -> str:
        plan, now = person.plan, self.parts.clock()
        slot, today = plan.slot_on(named.slot, named.date), plan.today(now)
        if slot and named.date > today:
            return NOT_YET.format(day=naming.day_name(named.date, today), at=slot.at)
        checked = placing.check_session(plan, Placed(named.slot, named.date), now)
        return checked.message if isinstance(checked, Unplaced) else ""

    def _render(self, key: str, opened: Opened, status: int = 200, notice: str = "") -> ResponseReturnValue:
        plan, named = opened.person.plan, opened.named
        version = plan.version_on(named.date)
        dose = version.dose if version else Dose()
        return page(
            "session.html",
            status,
            key=key,
            name=f"{naming.day_name(named.date, plan.today(self.parts.clock()))}, {named.slot}",
            slot=named.slot,
            state=opened.state,
            closed=opened.closed,
            notice=notice,
            told_hurt=opened.state is State.HURT or request.args.get("said") == "hurt",
            cue=f"{routine.cue(named.slot)}. {routine.WHERE}",
            steps=routine.steps(dose),
            minutes=words.minutes(dose),
            safety=SAFETY,
            routine=routine,
            words=words,
            hurt=event.NOTES[event.State.HURT],
        )
