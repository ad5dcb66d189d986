"""My page: today, the streaks, the calendar's address, the services that report. Whoever has its address may use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from calendar_export import routine
from integration import connections, record
from integration.connections import Made
from integration.core.model import FactKind, Person
from integration.core.placing import Placed
from integration.errors import NotFound, Refused
from integration.keys import KeyKind
from integration.pages import words
from integration.pages.answers import page
from integration.pages.offers import offers, settings
from integration.pages.overview import overview, slot_names
from integration.parts import Parts
from integration.store import connections as stored
from integration.store import people

NO_BUTTON = "Please use one of the buttons on this page."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a form of the page is answered with, above the page as it stands now."""

    status: int = 200
    notice: str = ""
    made: Made | None = None
    typed: Mapping[str, str] | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class MyPage:
    """`/me/<key>` and the forms on it."""

    parts: Parts

    def show(self, key: str) -> ResponseReturnValue:
        """The page. Raises NotFound."""
        return self._render(key, self._person(key), Answer())

    def tell(self, key: str) -> ResponseReturnValue:
        """Takes a button's word for one session and goes back to the page. Raises NotFound."""
        person = self._person(key)
        try:
            placed, kind = _told(request.form)
            record.tell(self.parts.store, person, placed, kind, self.parts.clock())
        except Refused as error:
            return self._render(key, person, Answer(422, words.sentence(str(error))))
        return redirect(url_for("pages.me", key=key, said="hurt" if kind is FactKind.HURT else None), 303)

    def connect(self, key: str) -> ResponseReturnValue:
        """Adds a connection. Its address and secret stand on the page that this returns, and nowhere else again.

        Raises NotFound.
        """
        person, typed, parts = self._person(key), request.form, self.parts
        service = typed.get("service", "")
        wanted = settings(parts.providers.get(service), slot_names(person), typed)
        try:
            made = connections.add(parts.store, parts.keys, parts.providers, person.id, service, wanted, parts.clock())
        except Refused as error:
            told = words.sentence(str(error))
            notice = "" if service in parts.providers else told
            return self._render(key, person, Answer(422, notice, typed=typed, refused=told))
        return self._render(key, person, Answer(201, made=made))

    def revoke(self, key: str, connection: str) -> ResponseReturnValue:
        """Ends a connection of this person; one that has ended already stays so. Raises NotFound."""
        person = self._person(key)
        with self.parts.store.reading() as db:
            # PostgreSQL takes no NUL, not even to look for.
            found = stored.by_id(db, connection) if connection.isalnum() else None
        if found is None or found.person != person.id:
            raise NotFound("no such connection")
        if found.revoked_at is None:
            connections.revoke(self.parts.store, connection, self.parts.clock())
        return redirect(url_for("pages.me", key=key, _anchor="services"), 303)

    def _person(self, key: str) -> Person:
        random = self.parts.keys.read(KeyKind.ME, key)
        with self.parts.store.reading() as db:
            person = people.by_key(db, random)
        if person is None:
            raise NotFound("no such key")
        return person

    def _render(self, key: str, person: Person, answer: Answer) -> ResponseReturnValue:
        mine = overview(self.parts, person, self.parts.clock())
        made = answer.made
        return page(
            "me.html",
            answer.status,
            key=key,
            mine=mine,
            answer=answer,
            hook=self.parts.links.hook(made.connection.service, made.connection.key or "") if made else "",
            offers=offers(self.parts.providers, mine.slots, answer.typed, answer.refused),
            told_hurt=request.args.get("said") == "hurt",
            routine=routine,
            words=words,
        )


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
