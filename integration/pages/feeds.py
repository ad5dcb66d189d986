"""The forms of my page that make, change, rotate and end calendars, and the file to import once.

A feed is found by its id only together with the key of its person; somebody else's is answered like one that never was.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from calendar_export.errors import FeedError
from integration.core.model import Feed, Person
from integration.errors import Refused
from integration.pages import cards, words
from integration.pages.mine import Answer, Mine
from integration.publishing import export, feeds
from integration.store import feeds as stored

UNKNOWN = "You have no such calendar any more. This is what you have now."
NOTHING = "nothing was chosen; use one of the forms on this page"
FILE = "turntwice.ics"


@dataclass(frozen=True, slots=True)
class FeedForms:
    """`/me/<key>/feeds...` and `/me/<key>/export.ics`."""

    mine: Mine

    def add(self, key: str) -> ResponseReturnValue:
        """Makes a further calendar. Raises NotFound."""
        person, parts = self.mine.person(key), self.mine.parts
        try:
            label, wishes = _asked(request.form)
            feed = feeds.add(parts.store, person.id, label or "", wishes, parts.clock())
        except (Refused, FeedError) as error:
            return self.mine.refuse(key, person, cards.ANOTHER, error)
        return self.mine.back(key, "added", feed.id)

    def change(self, key: str, feed: str) -> ResponseReturnValue:
        """Another label, other options; what the form does not name stays. Raises NotFound."""
        person, parts = self.mine.person(key), self.mine.parts
        held = self._own(person, feed)
        if held is None or held.revoked_at:
            return self._unknown(key, person)
        try:
            label, wishes = _asked(request.form)
            feeds.change(parts.store, feed, label, wishes, parts.clock())
        except (Refused, FeedError) as error:
            renames = set(request.form) == {"label"}
            form = cards.rename_form(feed) if renames else cards.options_form(feed)
            return self.mine.refuse(key, person, form, error)
        return self.mine.back(key, "changed", feed)

    def rotate(self, key: str, feed: str) -> ResponseReturnValue:
        """The same calendar under a new address. Raises NotFound."""
        person, parts = self.mine.person(key), self.mine.parts
        held = self._own(person, feed)
        if held is None or held.revoked_at:
            return self._unknown(key, person)
        fresh = feeds.rotate(parts.store, feed, parts.clock())
        return self.mine.back(key, "rotated", fresh.id)

    def revoke(self, key: str, feed: str) -> ResponseReturnValue:
        """Ends a calendar; one that has ended already stays so. Raises NotFound."""
        person, parts = self.mine.person(key), self.mine.parts
        held = self._own(person, feed)
        if held is None:
            return self._unknown(key, person)
        if held.revoked_at is None:
            feeds.revoke(parts.store, feed, parts.clock())
        return self.mine.back(key, "ended", "calendar")

    def file(self, key: str) -> ResponseReturnValue:
        """The file to import once; the page with the reason when nothing is planned. Raises NotFound."""
        person, parts = self.mine.person(key), self.mine.parts
        try:
            body = export.one_off(parts.store, person.id, parts.clock())
        except FeedError as error:
            return self.mine.render(key, person, Answer(422, words.sentence(str(error))))
        response = Response(body, content_type="text/calendar; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="{FILE}"'
        return response

    def _own(self, person: Person, feed: str) -> Feed | None:
        with self.mine.parts.store.reading() as db:
            found = stored.by_id(db, feed)
        return found if found and found.person == person.id else None

    def _unknown(self, key: str, person: Person) -> ResponseReturnValue:
        return self.mine.render(key, person, Answer(404, UNKNOWN))


def add_to(blueprint: Blueprint, mine: Mine) -> None:
    """Adds the addresses of `FeedForms`."""
    forms = FeedForms(mine)
    blueprint.add_url_rule("/me/<key>/feeds", "add_feed", forms.add, methods=["POST"])
    blueprint.add_url_rule("/me/<key>/feeds/<feed>", "change_feed", forms.change, methods=["POST"])
    blueprint.add_url_rule("/me/<key>/feeds/<feed>/rotate", "rotate_feed", forms.rotate, methods=["POST"])
    blueprint.add_url_rule("/me/<key>/feeds/<feed>/revoke", "revoke_feed", forms.revoke, methods=["POST"])
    blueprint.add_url_rule("/me/<key>/export.ics", "file", forms.file)


def _asked(typed: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """The label, where there is one, and the options that a form names. Raises Refused for an empty one."""
    wishes = {name: text.strip() for name, text in typed.items() if name != "label"}
    label = typed.get("label")
    if label is None and not wishes:
        raise Refused(NOTHING)
    if label is not None and not label.strip():
        raise Refused(feeds.NO_NAME)
    return label, wishes
