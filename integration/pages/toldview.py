"""What was told to other services last, as my page shows it: each message in words, and who of them is not well."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import request

from integration.core.model import Person
from integration.pages import toldwords
from integration.parts import Parts
from integration.store import outlets, recent
from integration.store.outlets import Told
from integration.store.recent import Recent

LISTED = 10
SAID = {
    "sent_again": "Thank you. It goes out again now.",
    "switched_on": "It is switched on. What was not sent meanwhile can be sent again below.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A message: `label` names the service, `became` says what became of it, `about` what it is about. `again`: it may
    be sent again.
    """

    id: int
    label: str
    became: str
    about: str
    again: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """A connection that is not well, in a sentence. `off`: it was switched off."""

    connection: str
    label: str
    sentence: str
    off: bool


@dataclass(frozen=True, slots=True)
class View:
    """The section. `connected`: something is told, or was. `said` answers the form that was just taken."""

    connected: bool
    said: str
    troubles: tuple[Trouble, ...]
    lines: tuple[Line, ...]


def section(parts: Parts, person: Person, now: datetime) -> View:
    """What a person's services were told last, at an instant (UTC): two queries. Raises StoreUnavailable."""
    with parts.store.reading() as db:
        rows = recent.newest(db, person.id, LISTED)
        told = outlets.of(db, person.id) if person.tells else []
    by_id = {one.connection: one for one in told}
    lines = tuple(_line(parts, person, row, rows, by_id.get(row.connection), now) for row in rows)
    troubles = tuple(found for one in told if (found := _trouble(parts, person, one, now)))
    return View(bool(rows or told), SAID.get(request.args.get("said", ""), ""), troubles, lines)


def _line(parts: Parts, person: Person, row: Recent, rows: Sequence[Recent], told: Told | None, now: datetime) -> Line:
    service, outlet, plan = parts.services.get(row.service), told.outlet if told else None, person.plan
    title = service.TITLE if service else row.label
    return Line(
        id=row.id,
        label=row.label,
        became=toldwords.became(row, title, outlet, plan, now),
        about=toldwords.about(row),
        again=toldwords.may_go_again(row, rows, outlet, service, plan.today(now)),
    )


def _trouble(parts: Parts, person: Person, told: Told, now: datetime) -> Trouble | None:
    service = parts.services.get(told.service)
    sentence = toldwords.trouble(told, service.TITLE if service else told.label, person.plan, now)
    off = told.outlet.health.disabled_at is not None
    return Trouble(told.connection, told.label, sentence, off) if sentence else None
