"""The page of one connection: how it stands, a test, its mapping and label, a fresh secret, its end.

A connection is found by its id only together with the key of its person. What calls out does so one at a time: a
service that does not answer holds up nobody else's page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from integration.connecting import connections, hooking
from integration.connecting.connections import Made
from integration.connecting.kinds import Kind, slots_of
from integration.core.model import Connection, Person
from integration.errors import ConfigError, NotFound, Refused, TurntwiceError
from integration.inbox import healing, mapping
from integration.outgoing import Habit, Refusal
from integration.pages import connectedview, linkforms, words
from integration.pages.answers import page
from integration.pages.mine import Mine
from integration.store import connections as stored

T = TypeVar("T")


class Busy(TurntwiceError):
    """Another service is being asked just now."""

    reason = "busy"


EXPECTED = (Busy, ConfigError, Refusal, Refused)
"""What a form may be answered with; a connection that is gone meanwhile is not found, as ever."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a form is answered with: `told` went well, `error` did not. `hook` is an address that is new. `wrong` says
    what is wrong with the form itself, `typed` is what it held, `offered` are habits to choose from.
    """

    status: int = 200
    told: str = ""
    error: str = ""
    made: Made | None = None
    hook: str = field(default="", repr=False)
    typed: Mapping[str, str] | None = field(default=None, repr=False)
    offered: Sequence[Habit] = ()
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """`/me/<key>/connections/<connection>...`."""

    mine: Mine
    asking: Lock = field(default_factory=Lock)

    def show(self, key: str, connection: str) -> ResponseReturnValue:
        """The page. Changes nothing and calls nobody. Raises NotFound."""
        told = connectedview.told(request.args.get("said", ""), request.args.get("counted", 0, type=int))
        return self._render(key, *self._own(key, connection), Answer(told=told))

    def check(self, key: str, connection: str) -> ResponseReturnValue:
        """Tests the connection. Raises NotFound."""
        person, found = self._own(key, connection)
        try:
            answer = Answer(told=self._asked(connections.check, found))
        except EXPECTED as error:
            answer = Answer(error=str(error))
        return self._render(key, person, found, answer)

    def register(self, key: str, connection: str) -> ResponseReturnValue:
        """Lets the service tell us by itself. Raises NotFound."""
        person, found = self._own(key, connection)
        hook = self.mine.parts.links.hook(found.service, found.key or "")
        try:
            if not found.key:
                raise Refused("it has no address to report to")
            answer = Answer(told=self._asked(connections.register, found, hook))
            hooking.note(self.mine.parts, found.id, self.mine.parts.clock())
        except EXPECTED as error:
            answer = Answer(error=str(error))
        return self._render(key, person, found, answer)

    def habits(self, key: str, connection: str) -> ResponseReturnValue:
        """The form again as it was typed, with the habits there to choose from. Raises NotFound."""
        person, found = self._own(key, connection)
        typed = self._typed(person, found)
        try:
            offered = self._asked(connections.habits, found)
            answer = Answer(typed=typed, offered=offered, error="" if offered else "There are no habits there yet")
        except EXPECTED as error:
            answer = Answer(error=str(error), typed=typed)
        return self._render(key, person, found, answer)

    def change(self, key: str, connection: str) -> ResponseReturnValue:
        """Changes what the form says otherwise; earlier messages then count with it. Raises NotFound."""
        person, found = self._own(key, connection)
        typed, parts = self._typed(person, found), self.mine.parts
        changes = _changes(self._kind(found), found, typed)
        known, now = parts.services, parts.clock()
        try:
            made = connections.alter(parts.store, parts.keys, parts.providers, found.id, changes, now, known)
        except EXPECTED as error:
            return self._render(key, person, found, Answer(422, typed=typed, wrong=str(error)))
        after = made.connection
        hook = parts.links.hook(after.service, after.key) if after.key and not found.key else ""
        counted = healing.changed(parts, found.id, changes)
        said, number = "unread" if counted is None else "saved", len(counted or ())
        if made.secret or hook:
            return self._render(key, person, after, Answer(told=connectedview.told(said, number), made=made, hook=hook))
        return _back(key, connection, said, number)

    def take_back(self, key: str, connection: str) -> ResponseReturnValue:
        """Takes up a habit again that was no stretch. Raises NotFound."""
        person, found = self._own(key, connection)
        try:
            counted = mapping.take_back(self.mine.parts, person, found.id, request.form.get("habit", ""))
        except Refused as error:
            return self._render(key, person, found, Answer(422, error=str(error)))
        return _back(key, connection, "saved", len(counted))

    def rotate(self, key: str, connection: str) -> ResponseReturnValue:
        """A fresh secret, shown on the page that this returns. Raises NotFound."""
        person, found = self._own(key, connection)
        parts = self.mine.parts
        known, now = parts.services, parts.clock()
        try:
            made = connections.rotate(parts.store, parts.keys, parts.providers, found.id, now, known)
        except EXPECTED as error:
            return self._render(key, person, found, Answer(422, error=str(error)))
        return self._render(key, person, made.connection, Answer(made=made))

    def _own(self, key: str, connection: str) -> tuple[Person, Connection]:
        person = self.mine.person(key)
        with self.mine.parts.store.reading() as db:
            found = stored.by_id(db, connection)
        if found is None or found.person != person.id or found.revoked_at is not None:
            raise NotFound("no such connection")
        return person, found

    def _asked(self, ask: Callable[..., T], found: Connection, *more: str) -> T:
        """What a function of integration/connecting/trying.py gets out of a connection's service."""
        parts = self.mine.parts
        if not self.asking.acquire(blocking=False):
            raise Busy("another service is being asked just now; please try again in a moment")
        try:
            return ask(parts.call, parts.store, parts.keys, parts.services, found.id, *more)
        finally:
            self.asking.release()

    def _kind(self, found: Connection) -> Kind:
        parts = self.mine.parts
        return Kind(found.service, parts.providers.get(found.service), parts.services.get(found.service))

    def _typed(self, person: Person, found: Connection) -> dict[str, str]:
        return linkforms.settings(self._kind(found), slots_of(person.plan), request.form)

    def _render(self, key: str, person: Person, found: Connection, answer: Answer) -> ResponseReturnValue:
        parts, kind = self.mine.parts, self._kind(found)
        one = connectedview.view(parts, person, found, kind, answer.typed, answer.offered, answer.wrong)
        error = words.sentence(answer.error) if answer.error else ""
        return page("connection.html", answer.status, key=key, one=one, answer=answer, error=error)


def add_to(blueprint: Blueprint, mine: Mine) -> None:
    """Adds the addresses of `ConnectionPage`."""
    shown, place = ConnectionPage(mine), "/me/<key>/connections/<connection>"
    blueprint.add_url_rule(place, "connection", shown.show)
    blueprint.add_url_rule(place, "change_connection", shown.change, methods=["POST"])
    blueprint.add_url_rule(f"{place}/check", "check_connection", shown.check, methods=["POST"])
    blueprint.add_url_rule(f"{place}/register", "register_connection", shown.register, methods=["POST"])
    blueprint.add_url_rule(f"{place}/habits", "habits", shown.habits, methods=["POST"])
    blueprint.add_url_rule(f"{place}/away", "take_back", shown.take_back, methods=["POST"])
    blueprint.add_url_rule(f"{place}/rotate", "rotate_connection", shown.rotate, methods=["POST"])


def _back(key: str, connection: str, said: str, counted: int) -> ResponseReturnValue:
    """To the page, which says what was done."""
    address = url_for("pages.connection", key=key, connection=connection, said=said, counted=counted or None)
    return redirect(address, 303)


def _changes(kind: Kind, found: Connection, typed: Mapping[str, str]) -> dict[str, str]:
    """What the form says otherwise than it is stored; a secret that was left empty stays."""
    held = {"label": found.label, "when": "each", **found.settings}
    return {
        name: value for name, value in typed.items() if (value if name in kind.hidden else value != held.get(name, ""))
    }
