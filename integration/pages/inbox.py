"""The forms under "What was heard": where a delivery belongs, which habits are the stretch, judging once more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from integration.core.model import Person
from integration.core.placing import Placed
from integration.errors import NotFound, Refused
from integration.inbox import mapping, waiting
from integration.inbox.kept import find
from integration.inbox.replay import again
from integration.pages import words
from integration.pages.heard import LONGEST_ID, TOLD
from integration.pages.mine import Answer, Mine
from integration.record import IGNORED

NO_BUTTON = "Please use one of the buttons on this page."
NO_DAY = "Please give a day such as"


@dataclass(frozen=True, slots=True)
class InboxForms:
    """`/me/<key>/heard/...` and `/me/<key>/habits`."""

    mine: Mine

    def settle(self, key: str, delivery: str) -> ResponseReturnValue:
        """Takes the person's word for what a delivery was. Raises NotFound."""
        person, number = self.mine.person(key), _number(delivery)
        parts = self.mine.parts
        try:
            choice = _choice(request.form, person.plan.today(parts.clock()))
            asked = waiting.may_settle(find(parts, number, person.id).delivery)
            result = waiting.settle(parts, person, number, choice)
        except Refused as error:
            return self._refused(key, person, error)
        if choice is None and result.outcome == IGNORED:
            return _back(key, "put_away")
        return _back(key, "settled" if choice and asked else "counts", [number])

    def again(self, key: str, delivery: str) -> ResponseReturnValue:
        """Judges a delivery again. Raises NotFound."""
        person, number = self.mine.person(key), _number(delivery)
        again(self.mine.parts, find(self.mine.parts, number, person.id))
        return _back(key, "again", [number])

    def habit(self, key: str) -> ResponseReturnValue:
        """Takes the person's word for what a habit or an activity is. Raises NotFound."""
        person, typed, parts = self.mine.person(key), request.form, self.mine.parts
        chosen = (parts, person, typed.get("connection", ""), typed.get("habit", ""))
        try:
            match typed.get("choice", ""):
                case "no":
                    mapping.ignore(*chosen)
                    return _back(key, "ignored")
                case "count":
                    counted = mapping.count_too(*chosen)
                case "time":
                    counted = mapping.choose(*chosen, [slot.name for slot in person.plan.versions[-1].slots])
                case _:
                    counted = mapping.choose(*chosen, [typed.get("slot", "")])
        except Refused as error:
            return self._refused(key, person, error)
        return _back(key, "chosen", counted[-TOLD:], len(counted))

    def _refused(self, key: str, person: Person, error: Refused) -> ResponseReturnValue:
        return self.mine.render(key, person, Answer(422, words.sentence(str(error))))


def add_to(blueprint: Blueprint, mine: Mine) -> None:
    """Adds the addresses of `InboxForms`."""
    forms = InboxForms(mine)
    blueprint.add_url_rule("/me/<key>/heard/<delivery>/settle", "settle", forms.settle, methods=["POST"])
    blueprint.add_url_rule("/me/<key>/heard/<delivery>/again", "judge_again", forms.again, methods=["POST"])
    blueprint.add_url_rule("/me/<key>/habits", "choose_habit", forms.habit, methods=["POST"])


def _back(key: str, said: str, about: Sequence[int] = (), counted: int | None = None) -> ResponseReturnValue:
    """To the section, which says what was done and what those deliveries say."""
    told = ".".join(map(str, about)) or None
    return redirect(url_for("pages.me", key=key, said=said, about=told, counted=counted, _anchor="heard"), 303)


def _number(delivery: str) -> int:
    if not (delivery.isascii() and delivery.isdigit() and len(delivery) < LONGEST_ID):
        raise NotFound("no such delivery")
    return int(delivery)


def _choice(typed: Mapping[str, str], today: date) -> Placed | None:
    """The session that a button or a form names; None for no stretch. Raises Refused for what neither sends."""
    if typed.get("choice") == "no":
        return None
    day, _, slot = typed.get("session", "").partition(" ")
    slot, day = slot or typed.get("slot", ""), day or typed.get("date", "")
    if not slot:
        raise Refused(NO_BUTTON)
    try:
        return Placed(slot, date.fromisoformat(day))
    except ValueError:
        raise Refused(f"{NO_DAY} {today}") from None
