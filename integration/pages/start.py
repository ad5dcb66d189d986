"""The first page: what it is, what it is for, and a plan in three fields. No account, no cookie."""

from dataclasses import dataclass

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from calendar_export import routine
from calendar_export.errors import PlanError
from integration import people
from integration.keys import KeyKind
from integration.pages import forms
from integration.pages.answers import page, posted_from_elsewhere
from integration.pages.forms import PlanForm
from integration.pages.words import sentence
from integration.parts import Parts

ELSEWHERE = "That form came from another site. Please make your plan here."
# Whom to ask comes first: it is read before anything is made.
SAFETY = (routine.ASK_FIRST, routine.HYPERMOBILITY, routine.NO_PUSHING, *routine.WHEN_TO_STOP)


@dataclass(frozen=True, slots=True)
class StartPage:
    """`/`."""

    parts: Parts

    def show(self) -> ResponseReturnValue:
        """The empty form."""
        return _form(PlanForm())

    def make(self) -> ResponseReturnValue:
        """Makes the person and goes to their page; what cannot be read is asked again."""
        if posted_from_elsewhere(request, self.parts.links.public_url):
            return _form(PlanForm(), 403, ELSEWHERE)
        form = forms.read(request.form)
        if form.wish is None:
            return _form(form, 422)
        try:
            person, _ = people.add(self.parts.store, form.wish, self.parts.clock())
        except PlanError as error:
            return _form(form, 422, sentence(str(error)))
        return redirect(url_for("pages.me", key=self.parts.keys.key(KeyKind.ME, person.key)), 303)


def _form(form: PlanForm, status: int = 200, notice: str = "") -> Response:
    response = page(
        "start.html",
        status,
        form=form,
        zones=forms.zones(),
        routine=routine,
        steps=routine.steps(routine.Dose()),
        safety=SAFETY,
        notice=notice,
    )
    # This address is no key. Under `no-referrer` a browser would send `Origin: null` even from our own form, and over
    # plain http nothing else tells it from a form of another site.
    response.headers["Referrer-Policy"] = "same-origin"
    return response
