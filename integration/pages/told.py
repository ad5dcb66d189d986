"""The buttons under "Told to your services": send a message again, switch a connection on."""

from dataclasses import dataclass

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from integration.core.model import Person
from integration.dispatching import operating
from integration.errors import NotFound
from integration.pages import words
from integration.pages.mine import Answer, Mine
from integration.parts import Parts
from integration.store import connections
from integration.store.dispatches import Dispatch, State

LONGEST_ID = 20
MEANWHILE = "It was sent meanwhile."


@dataclass(frozen=True, slots=True)
class ToldForms:
    """`/me/<key>/told/...` and the switch of a connection."""

    mine: Mine

    def again(self, key: str, dispatch: str) -> ResponseReturnValue:
        """Sends a message again that was not sent. Raises NotFound."""
        person, parts = self.mine.person(key), self.mine.parts
        held = _own(parts, person, dispatch)
        refused = MEANWHILE if held.state is State.SENT else ""
        if held.state in (State.DEAD, State.DROPPED):
            refused = " ".join(why for _, why in operating.retry(parts.store, [held.id], parts.clock()).refused)
        if refused:
            return self.mine.render(key, person, Answer(422, words.sentence(refused)))
        return _back(key, "sent_again")

    def enable(self, key: str, connection: str) -> ResponseReturnValue:
        """Switches a connection on; one that is on stays as it is. Raises NotFound."""
        person, parts = self.mine.person(key), self.mine.parts
        with parts.store.reading() as db:
            found = connections.by_id(db, connection)
        if found is None or found.person != person.id or found.revoked_at is not None:
            raise NotFound("no such connection")
        operating.enable(parts.store, connection)
        return _back(key, "switched_on")


def add_to(blueprint: Blueprint, mine: Mine) -> None:
    """Adds the addresses of `ToldForms`."""
    forms = ToldForms(mine)
    switch = "/me/<key>/connections/<connection>/enable"
    blueprint.add_url_rule("/me/<key>/told/<dispatch>/again", "send_again", forms.again, methods=["POST"])
    blueprint.add_url_rule(switch, "enable_connection", forms.enable, methods=["POST"])


def _own(parts: Parts, person: Person, dispatch: str) -> Dispatch:
    """The message of that id, if it is this person's. Raises NotFound."""
    if not (dispatch.isascii() and dispatch.isdigit() and len(dispatch) < LONGEST_ID):
        raise NotFound("no such message")
    held = operating.find(parts.store, int(dispatch))
    with parts.store.reading() as db:
        whose = connections.by_id(db, held.connection)
    if whose is None or whose.person != person.id:
        raise NotFound("no such message")
    return held


def _back(key: str, said: str) -> ResponseReturnValue:
    """To the section, which says what was done."""
    return redirect(url_for("pages.me", key=key, said=said, _anchor="told"), 303)
