"""What the forms of my page share: whose it is, the page with what a form was answered, and the way back to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from calendar_export import routine
from integration.connecting.connections import Made
from integration.core.model import Person
from integration.errors import NotFound
from integration.keys import KeyKind
from integration.pages import cards, forms, planforms, toldview, words
from integration.pages.answers import page
from integration.pages.compareview import asks
from integration.pages.fields import Refusal
from integration.pages.offers import offers
from integration.pages.overview import overview
from integration.parts import Parts
from integration.store import people

FETCHING = "Your calendars show it the next time they fetch."
SAID = {
    "added": ("calendar", "Your new calendar is below, with an address of its own."),
    "changed": ("calendar", f"Saved. {FETCHING}"),
    "rotated": ("calendar", "The old address has stopped. Subscribe again with the new one below."),
    "ended": ("calendar", "That calendar has ended. Its address tells calendars so for 14 days."),
    "times": ("plan", f"The new times hold from tomorrow on. {FETCHING}"),
    "zone": ("plan", f"Your sessions follow the clock there now. {FETCHING}"),
    "journey": ("plan", f"Your journey is planned. {FETCHING}"),
    "pause": ("plan", f"Your pause is noted. {FETCHING}"),
    "resume": ("plan", f"Welcome back. {FETCHING}"),
}
"""What a form that was taken is answered with: the section in which it stands, and the words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a form of the page is answered with, on the page as it stands now.

    `typed` and `refused` belong to a form that adds a connection, `refusal` to any other.
    """

    status: int = 200
    notice: str = ""
    made: Made | None = None
    typed: Mapping[str, str] | None = None
    refused: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Mine:
    """My page as its forms see it."""

    parts: Parts

    def person(self, key: str) -> Person:
        """Whose page has that key. Raises NotFound."""
        random = self.parts.keys.read(KeyKind.ME, key)
        with self.parts.store.reading() as db:
            person = people.by_key(db, random)
        if person is None:
            raise NotFound("no such key")
        return person

    def render(self, key: str, person: Person, answer: Answer) -> ResponseReturnValue:
        """The page with an answer."""
        parts, now = self.parts, self.parts.clock()
        mine, made = overview(parts, person, now), answer.made
        section, told = SAID.get(request.args.get("said", ""), ("", ""))
        return page(
            "me.html",
            answer.status,
            key=key,
            mine=mine,
            answer=answer,
            hook=parts.links.hook(made.connection.service, made.connection.key or "") if made else "",
            offers=offers(parts.providers, mine.slots, answer.typed, answer.refused),
            cards=cards.cards(parts.links, key, mine.feeds, now, answer.refusal),
            another=cards.another(key, answer.refusal),
            told=toldview.section(parts, person, now),
            asks=asks(parts, person, now),
            plan=planforms.view(person.plan, key, now, answer.refusal),
            said={section: told},
            zones=forms.zones(),
            told_hurt=request.args.get("said") == "hurt",
            routine=routine,
            words=words,
        )

    def refuse(self, key: str, person: Person, form: str, error: Exception) -> ResponseReturnValue:
        """The page again, with what was typed and the reason at the form of that id."""
        refusal = Refusal(form, str(error), request.form)
        return self.render(key, person, Answer(422, refusal=refusal))

    def back(self, key: str, said: str, anchor: str) -> ResponseReturnValue:
        """To the page, which says what was done; see `SAID`."""
        return redirect(url_for("pages.me", key=key, said=said, _anchor=anchor), 303)
