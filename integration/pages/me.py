"""My page, what its buttons say of a session, and what is connected. Whoever has its address may use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from integration import record
from integration.connecting import connections
from integration.connecting.kinds import kind_of, kinds, slots_of
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.errors import NotFound, Refused
from integration.pages import words
from integration.pages.linkforms import settings
from integration.pages.mine import Answer, Mine
from integration.store import connections as stored

NO_BUTTON = "Please use one of the buttons on this page."
ANOTHER_DAY = "another-day"
"""Where on the page another day than today and yesterday stands."""


@dataclass(frozen=True, slots=True)
class MyPage:
    """`/me/<key>`, and its forms for sessions and connections."""

    mine: Mine

    def show(self, key: str) -> ResponseReturnValue:
        """The page. Raises NotFound."""
        return self.mine.render(key, self.mine.person(key), Answer())

    def tell(self, key: str) -> ResponseReturnValue:
        """Takes a button's word for one session and goes back to the page. Raises NotFound."""
        person = self.mine.person(key)
        try:
            placed, kind = _told(request.form)
            record.tell(self.mine.parts.store, person, placed, kind, self.mine.parts.clock())
        except Refused as error:
            return self.mine.render(key, person, Answer(422, words.sentence(str(error))))
        said = "hurt" if kind is FactKind.HURT else None
        day = placed.date if "day" in request.args else None
        # Not down to the card where it hurt: what to do then stands at the top.
        anchor = ANOTHER_DAY if day and not said else None
        return redirect(url_for("pages.me", key=key, said=said, day=day, _anchor=anchor), 303)

    def connect(self, key: str) -> ResponseReturnValue:
        """Adds a connection. Its address and secret stand on the page that this returns, and nowhere else again.

        Raises NotFound.
        """
        person, typed, parts = self.mine.person(key), request.form, self.mine.parts
        service, known = typed.get("service", ""), parts.services
        try:
            kind = kind_of(parts.providers, known, service)
            wanted = {name: value for name, value in settings(kind, slots_of(person.plan), typed).items() if value}
            made = connections.add(
                parts.store, parts.keys, parts.providers, person.id, service, wanted, parts.clock(), known
            )
        except Refused as error:
            notice = "" if service in kinds(parts.providers, known) else words.sentence(str(error))
            return self.mine.render(key, person, Answer(422, notice, typed=typed, refused=str(error)))
        return self.mine.render(key, person, Answer(201, made=made))

    def revoke(self, key: str, connection: str) -> ResponseReturnValue:
        """Ends a connection of this person; one that has ended already stays so. Raises NotFound."""
        person = self.mine.person(key)
        with self.mine.parts.store.reading() as db:
            found = stored.by_id(db, connection)
        if found is None or found.person != person.id:
            raise NotFound("no such connection")
        if found.revoked_at is None:
            connections.revoke(self.mine.parts.store, connection, self.mine.parts.clock())
        return redirect(url_for("pages.me", key=key, _anchor="services"), 303)


def _told(typed: Mapping[str, str]) -> tuple[Placed, FactKind]:
    """The session and the word that a button names. Raises Refused for what none of our buttons sends."""
    kind = words.ACTIONS.get(typed.get("action", ""))
    try:
        day = date.fromisoformat(typed.get("date", ""))
    except ValueError:
        raise Refused(NO_BUTTON) from None
    if kind is None:
        raise Refused(NO_BUTTON)
    return Placed(typed.get("slot", ""), day), kind
