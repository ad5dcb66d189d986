"""How one connection stands, in the page's own words: what was heard, what was told, and the form that changes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from integration.connecting import abilities
from integration.connecting.kinds import Kind, slots_of
from integration.core.model import Connection, Person
from integration.dispatching import breaker
from integration.inbox import healing
from integration.outgoing import Habit
from integration.pages import causes, linkforms, words
from integration.pages.fields import Form
from integration.pages.linkforms import Block
from integration.parts import Parts
from integration.store import connections, outlets

FORM = "change"
SAID = {
    "saved": "Saved.",
    "unread": "Saved. Some earlier messages could not be read again just now; each has a button for that on my page.",
}
"""What a form did that has just sent the person here."""
BUTTON = "Their ids there; the button below fetches a list to choose from."
UNMAPPED = "Choose a habit for a session, so that it is told of any."


@dataclass(frozen=True, slots=True)
class View:
    """A connection as its page shows it. `state` are sentences on how it stands, `told` on what its service can carry.

    `recipe` names the recipe for what is to be set up there, empty where nothing is. `away` are the habits that are no
    stretch, as they are kept, each with the name that people know.
    """

    id: str
    label: str
    title: str
    state: tuple[str, ...]
    told: tuple[str, ...]
    form: Form
    blocks: tuple[Block, ...]
    checks: bool
    chooses: bool
    rotates: bool
    registers: bool
    compares: bool
    recipe: str
    away: Mapping[str, str]


def view(
    parts: Parts,
    person: Person,
    found: Connection,
    kind: Kind,
    typed: Mapping[str, str] | None = None,
    offered: Sequence[Habit] = (),
    error: str = "",
) -> View:
    """The page of a connection; `typed`, `offered` and `error` are for its form. Raises StoreUnavailable."""
    blocks = _blocks(person, found, kind, typed, offered)
    form = Form(FORM, "Change it", "", "Save")
    return View(
        id=found.id,
        label=found.label,
        title=kind.title,
        state=(*_inward(parts, person, found), *_outward(parts, person, found, kind)),
        told=abilities.sentences(kind.service) if kind.service else (),
        form=linkforms.refused(form, blocks, error) if error else form,
        blocks=tuple(blocks),
        checks=found.outgoing and hasattr(kind.service, "check"),
        chooses=found.outgoing and hasattr(kind.service, "habits"),
        rotates=kind.proof.make is not None and (found.sealed is not None or (found.outgoing and bool(kind.shared))),
        registers=found.outgoing and found.key is not None and hasattr(kind.service, "webhook"),
        compares=found.outgoing and hasattr(kind.service, "history"),
        recipe=kind.name if kind.provider else "",
        away={name: linkforms.shortened(title) for name, title in healing.away(parts, person, found).items()},
    )


def told(said: str, counted: int) -> str:
    """What a form did, by its key in `SAID`, and how many earlier messages count since."""
    done = SAID.get(said, "")
    return f"{done} {healing.in_words(counted)}" if done and counted > 0 else done


def _blocks(
    person: Person, found: Connection, kind: Kind, typed: Mapping[str, str] | None, offered: Sequence[Habit]
) -> list[Block]:
    """Every field with what was typed or is stored, but for secrets."""
    values = {"label": found.label, **found.settings, **(typed or {})}
    chosen = found.outgoing and kind.service is not None and kind.service.ABILITIES.habits
    hint = ("" if offered else BUTTON) if chosen else None
    mapping = linkforms.mapping(kind, slots_of(person.plan), values, offered, hint)
    inward = linkforms.inward(kind, stored=found.sealed is not None)
    return [*mapping, *inward, *linkforms.outward(kind, values, stored=found.outgoing)]


def _inward(parts: Parts, person: Person, found: Connection) -> list[str]:
    if not (found.key or found.settings.get("account")):
        return []
    with parts.store.reading() as db:
        heard = connections.heard_at(db, found.id)
    if heard is None:
        return ["Waiting for the first event.", causes.likely(found.service, parts.links.public_url)]
    return [f"Last heard {words.moment(heard, person.plan)}."]


def _outward(parts: Parts, person: Person, found: Connection, kind: Kind) -> list[str]:
    if not found.outgoing or kind.service is None:
        return []
    with parts.store.reading() as db:
        health = next((told.outlet.health for told in outlets.of(db, person.id) if told.connection == found.id), None)
    if health is None:
        return []
    since = words.moment(health.failing_since, person.plan) if health.failing_since else ""
    trouble = breaker.sentence(health, found.label, since)
    mapped = any(slot in found.settings for slot in slots_of(person.plan))
    lines = [UNMAPPED] if kind.service.ABILITIES.habits and not mapped else []
    return [*lines, trouble] if trouble else [*lines, _last_told(health.succeeded_at, person)]


def _last_told(when: datetime | None, person: Person) -> str:
    return f"Last told {words.moment(when, person.plan)}." if when else "Told nothing yet."
