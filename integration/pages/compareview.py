"""What differs between a service's own history and ours, as my page and the connection's page show it."""

from dataclasses import dataclass
from datetime import date, datetime

from integration.connecting import hooking
from integration.core import naming
from integration.core.model import Connection, Person
from integration.pages import words
from integration.parts import Parts
from integration.reconciling import compared
from integration.reconciling.compared import Found, Outcome, Streak, What
from integration.reconciling.reconcile import Way
from integration.service import Service
from integration.store import connections as stored

GROUPS = (
    ((What.UNHEARD, What.UNSURE), "Done there, and we never heard of it", Way.HEAR, "Take them over"),
    ((What.LACKING,), "Done here, and not there", Way.SEND, "Send ours"),
    ((What.GONE,), "Done here, and not there any more, or it could not be sent", Way.AGAIN, "Send those again"),
    ((What.KEPT,), "Taken back here, and still done there", None, ""),
)


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions that differ alike, each in words, and the button that sets them right; `action` is empty without one."""

    title: str
    sessions: tuple[str, ...]
    action: str
    button: str


@dataclass(frozen=True, slots=True)
class View:
    """A connection as the page shows it. `told` is what came of the last look, `when` that was; `reason` says why the
    streaks of both sides disagree, empty where they agree.
    """

    id: str
    label: str
    title: str
    when: str
    told: str
    groups: tuple[Group, ...]
    streaks: tuple[Streak, ...]
    reason: str
    hooks: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """What my page asks of a connection; see me_asks.html."""

    id: str
    label: str
    told: str
    groups: tuple[Group, ...]


def asks(parts: Parts, person: Person, now: datetime) -> list[Ask]:
    """What my page asks of a person's connections, where more differs than is set right by itself.

    Raises StoreUnavailable.
    """
    with parts.store.reading() as db:
        labels = {one.id: one.label for one in stored.of(db, person.id) if one.outgoing}
    today = person.plan.today(now)
    kept = [one for one in compared.of(parts.store, person) if one.outcome is Outcome.ASKS and one.connection in labels]
    return [Ask(one.connection, labels[one.connection], one.message, _groups(one.found, today)) for one in kept]


def view(parts: Parts, person: Person, found: Connection, service: Service, now: datetime) -> View:
    """A connection's page. Raises StoreUnavailable."""
    kept = compared.last(parts.store, found.id)
    return View(
        id=found.id,
        label=found.label,
        title=service.TITLE,
        when=words.moment(kept.at, person.plan) if kept else "",
        told=words.sentence(kept.message) if kept else "",
        groups=_groups(kept.found, person.plan.today(now)) if kept else (),
        streaks=kept.found.streaks if kept else (),
        reason=kept.found.reason if kept else "",
        hooks=found.key is not None and hooking.can(service),
    )


def _groups(found: Found, today: date) -> tuple[Group, ...]:
    groups = []
    for whats, title, way, button in GROUPS:
        rows = found.of(*whats)
        named = tuple(f"{naming.day_name(row.date, today)}, {row.slot}" for row in rows)
        if named:
            groups.append(Group(title, named, str(way or ""), button))
    return tuple(groups)
