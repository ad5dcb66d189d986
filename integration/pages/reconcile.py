"""The page that compares a connection with its service's own history, and what my page asks where much differs.

Looking calls out, so it takes a button; the page itself shows what came of the last look.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from integration.connecting import hooking
from integration.core.model import Connection, Person
from integration.errors import NotFound, Refused
from integration.pages import words
from integration.pages.answers import page
from integration.pages.compareview import view
from integration.pages.connected import EXPECTED, Busy
from integration.pages.mine import Mine
from integration.reconciling import compared, reconcile
from integration.reconciling.compared import Found
from integration.reconciling.looking import LONGEST, compares
from integration.reconciling.reconcile import Way
from integration.service import Service
from integration.store import connections as stored

WAYS = {str(way): (way,) for way in Way}
LOOK, HOOK = "look", "hook"


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
            told = self._done(person, found, action)
        except EXPECTED as error:
            return self._render(key, person, found, service, error=words.sentence(str(error)))
        if told:
            return self._render(key, person, found, service, told=told)
        return redirect(url_for("pages.compare", key=key, connection=connection), 303)

    def _done(self, person: Person, found: Connection, action: str) -> str:
        """What a button is answered with; empty where the page itself says it."""
        parts = self.mine.parts
        if action not in {LOOK, HOOK, *WAYS}:
            raise Refused("please use one of the buttons on this page")
        if not self.asking.acquire(blocking=False):
            raise Busy("another service is being asked just now; please try again in a moment")
        try:
            if action == HOOK:
                return hooking.ensure(parts, found.id, parts.clock())
            self._set_right(person, found, action)
        finally:
            self.asking.release()
        return ""

    def _set_right(self, person: Person, found: Connection, action: str) -> None:
        """A button that says what to do means what was shown beside it, and no more: those days and those sessions."""
        parts, now = self.mine.parts, self.mine.parts.clock()
        if action == LOOK:
            reconcile.set_right(parts, found.id, now)
            return
        kept = compared.last(parts.store, found.id)
        shown = kept.found if kept else Found()
        first = shown.first and max(shown.first, person.plan.today(now) - timedelta(days=LONGEST))
        reconcile.set_right(parts, found.id, now, first, WAYS[action], shown=shown)

    def _own(self, key: str, connection: str) -> tuple[Person, Connection, Service]:
        person, parts = self.mine.person(key), self.mine.parts
        with parts.store.reading() as db:
            found = stored.by_id(db, connection)
        service = parts.services.get(found.service) if found else None
        if found is None or found.person != person.id or found.revoked_at is not None:
            raise NotFound("no such connection")
        if service is None or not (found.outgoing and compares(service)):
            raise NotFound("nothing to compare it with")
        return person, found, service

    def _render(
        self, key: str, person: Person, found: Connection, service: Service, told: str = "", error: str = ""
    ) -> ResponseReturnValue:
        one = view(self.mine.parts, person, found, service, self.mine.parts.clock())
        return page("me_reconcile.html", key=key, one=one, told=told, error=error)


def add_to(blueprint: Blueprint, mine: Mine) -> None:
    """Adds the addresses of `ComparePage`."""
    shown, place = ComparePage(mine), "/me/<key>/connections/<connection>/compare"
    blueprint.add_url_rule(place, "compare", shown.show)
    blueprint.add_url_rule(place, "act_on_compare", shown.act, methods=["POST"])
