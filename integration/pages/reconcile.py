"""The page that compares a connection with its service's own history, and what my page asks where much differs.

Looking calls out, so it takes a button; the page itself shows what came of the last look.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Lock

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from integration import compared, hooking, reconcile, status
from integration.compared import Found, Kept, Outcome, What
from integration.core.model import Connection, Person
from integration.errors import NotFound, Refused
from integration.looking import compares
from integration.pages import words
from integration.pages.answers import page
from integration.pages.connected import EXPECTED, Busy
from integration.pages.mine import Mine
from integration.parts import Parts
from integration.reconcile import Way
from integration.service import Service
from integration.store import connections as stored

GROUPS = (
    ((What.UNHEARD, What.UNSURE), "Done there, and we never heard of it", Way.HEAR, "Take them over"),
    ((What.LACKING,), "Done here, and not there", Way.SEND, "Send ours"),
    ((What.GONE,), "Done here, and not there any more, or it could not be sent", Way.AGAIN, "Send those again"),
    ((What.KEPT,), "Taken back here, and still done there", None, ""),
)
WAYS = {"look": reconcile.BOTH, **{str(way): (way,) for way in Way}}
HOOK = "hook"


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions that differ alike, each in words, and the button that sets them right; `action` is empty without one."""

    title: str
    sessions: tuple[str, ...]
    action: str
    button: str


@dataclass(frozen=True, slots=True)
class Streak:
    """How many in a row, by our count and by theirs."""

    slot: str
    ours: int
    theirs: int


@dataclass(frozen=True, slots=True)
class View:
    """A connection as the page shows it. `told` is what came of the last look, `when` that was."""

    id: str
    label: str
    title: str
    when: str
    told: str
    groups: tuple[Group, ...]
    streaks: tuple[Streak, ...]
    hooks: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """What my page asks of a connection; see me_asks.html."""

    id: str
    label: str
    told: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class ComparePage:
    """`/me/<key>/connections/<connection>/compare`."""

    mine: Mine
    asking: Lock = field(default_factory=Lock)

    def show(self, key: str, connection: str) -> ResponseReturnValue:
        """What came of the last look. Changes nothing and calls nobody. Raises NotFound."""
        return self._render(key, *self._own(key, connection))

    def act(self, key: str, connection: str) -> ResponseReturnValue:
        """Looks, and does what the button says. Raises NotFound."""
        person, found, service = self._own(key, connection)
        action = request.form.get("action", "")
        try:
            told = self._done(found, action)
        except EXPECTED as error:
            return self._render(key, person, found, service, error=words.sentence(str(error)))
        if told:
            return self._render(key, person, found, service, told=told)
        return redirect(url_for("pages.compare", key=key, connection=connection), 303)

    def _done(self, found: Connection, action: str) -> str:
        """What a button is answered with; empty where the page itself says it."""
        parts = self.mine.parts
        if action != HOOK and action not in WAYS:
            raise Refused("please use one of the buttons on this page")
        if not self.asking.acquire(blocking=False):
            raise Busy("another service is being asked just now; please try again in a moment")
        try:
            if action == HOOK:
                return hooking.ensure(parts, found.id, parts.clock())
            reconcile.set_right(parts, found.id, parts.clock(), ways=WAYS[action], confirmed=action != "look")
        finally:
            self.asking.release()
        return ""

    def _own(self, key: str, connection: str) -> tuple[Person, Connection, Service]:
        person, parts = self.mine.person(key), self.mine.parts
        with parts.store.reading() as db:
            # PostgreSQL takes no NUL, not even to look for.
            found = stored.by_id(db, connection) if connection.isalnum() else None
        service = parts.services.get(found.service) if found else None
        if found is None or found.person != person.id or found.revoked_at is not None:
            raise NotFound("no such connection")
        if service is None or not (found.outgoing and compares(service)):
            raise NotFound("nothing to compare it with")
        return person, found, service

    def _render(
        self, key: str, person: Person, found: Connection, service: Service, told: str = "", error: str = ""
    ) -> ResponseReturnValue:
        one = _view(self.mine.parts, person, found, service, self.mine.parts.clock())
        return page("me_reconcile.html", key=key, one=one, told=told, error=error)


def add_to(blueprint: Blueprint, mine: Mine) -> None:
    """Adds the addresses of `ComparePage`."""
    shown, place = ComparePage(mine), "/me/<key>/connections/<connection>/compare"
    blueprint.add_url_rule(place, "compare", shown.show)
    blueprint.add_url_rule(place, "act_on_compare", shown.act, methods=["POST"])


def asks(parts: Parts, person: Person, now: datetime) -> list[Ask]:
    """What my page asks of a person's connections, where more differs than is set right by itself.

    Raises StoreUnavailable.
    """
    with parts.store.reading() as db:
        labels = {one.id: one.label for one in stored.of(db, person.id) if one.outgoing}
    today = person.plan.today(now)
    kept = [one for one in compared.of(parts.store, person) if one.outcome is Outcome.ASKS and one.connection in labels]
    return [Ask(one.connection, labels[one.connection], one.message, _groups(one.found, today)) for one in kept]


def _view(parts: Parts, person: Person, found: Connection, service: Service, now: datetime) -> View:
    kept = compared.last(parts.store, found.id)
    return View(
        id=found.id,
        label=found.label,
        title=service.TITLE,
        when=words.moment(kept.at, person.plan) if kept else "",
        told=words.sentence(kept.message) if kept else "",
        groups=_groups(kept.found, person.plan.today(now)) if kept else (),
        streaks=_streaks(parts, person, kept, now) if kept and kept.found.theirs else (),
        hooks=found.key is not None and hooking.can(service),
    )


def _groups(found: Found, today: date) -> tuple[Group, ...]:
    groups = []
    for whats, title, way, button in GROUPS:
        rows = found.of(*whats)
        named = tuple(f"{words.day_name(row.date, today)}, {row.slot}" for row in rows)
        if named:
            groups.append(Group(title, named, str(way or ""), button))
    return tuple(groups)


def _streaks(parts: Parts, person: Person, kept: Kept, now: datetime) -> tuple[Streak, ...]:
    ours = status.read(parts.store, person, now).tally.slots
    return tuple(Streak(slot, ours[slot].now, count) for slot, count in kept.found.theirs.items() if slot in ours)
