"""What came before the person said what a habit is: judged again, so that it counts or is asked about anew.

What counts stays, and so does what the person placed (see inbox/replay.py).
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from integration.connecting.kinds import slots_of
from integration.core import habits
from integration.core.habits import Settings
from integration.core.model import Connection, Person
from integration.core.placing import mapped_slots, names_one_of
from integration.inbox import wording
from integration.inbox.admission import NOT_CHOSEN, PUT_AWAY, RELATED, UNMAPPED, words
from integration.inbox.kept import Kept, following, opened
from integration.inbox.replay import tried
from integration.inbox.waiting import put_away
from integration.parts import Parts
from integration.record import ACCEPTED, IGNORED, Recorded
from integration.store import connections, deliveries, people
from integration.store.deliveries import Which
from integration.store.survey import UNPLACED
from webhooks.errors import Rejected
from webhooks.report import Report

ASKED = (UNMAPPED.reason, NOT_CHOSEN.reason, RELATED.reason)
"""Why a delivery was left for the person to say which habit it tells of."""
WAITING = (*ASKED, PUT_AWAY.reason, *UNPLACED)
"""What another mapping or another word may be an answer to."""
LOOKED = 20
"""How many deliveries of a connection are looked through for names."""

Asked = tuple[Kept, Sequence[Report]]

log = logging.getLogger(__name__)


def changed(parts: Parts, connection: str, changes: Settings) -> tuple[int, ...] | None:
    """After a connection was altered: of what waits, that which its settings name is judged again, and so is what was
    put away and is no more. Gives the ids of what counts since, oldest first.

    Never raises, as the settings are saved by then: None where it could not be finished.
    """
    try:
        with parts.store.reading() as db:
            live = connections.live(db, connection)
        if live is None or changes.keys().isdisjoint({*slots_of(live[1].plan), "when", habits.WORDS, habits.IGNORE}):
            return ()
        wanted = asked(parts, _taken_up(parts, *live), live[1])
        return healed(parts, (one for one in wanted if _is_named(*one)))
    except Exception as error:
        # No traceback: the error's own text may quote a body.
        log.error("connection %s: what came earlier cannot be judged again: %s", connection, type(error).__name__)
        return None


def healed(parts: Parts, wanted: Iterable[Asked], away: Collection[str] = ()) -> tuple[int, ...]:
    """Judges deliveries again, and gives the ids of what counts since. What tells of nothing but habits that were just
    put `away`, folded, is put away. Raises StoreUnavailable.
    """
    counted = list[int]()
    for kept, reports in wanted:
        if all(habits.named(report, away) for report in reports):
            put_away(parts, kept, _no_stretch(kept, reports[0]))
        elif (result := tried(parts, kept.delivery.id)) and result.outcome == ACCEPTED:
            counted.append(kept.delivery.id)
    return tuple(counted)


def asked(parts: Parts, connection: Connection, person: Person) -> Iterator[Asked]:
    """What waits or was put away, with what it reports, oldest first. Raises NotFound, StoreUnavailable."""
    for kept in following(parts, connection, person, Which(reasons=WAITING)):
        yield kept, reports_of(kept)


def away(parts: Parts, person: Person, connection: Connection) -> dict[str, str]:
    """The habits that the person has put away, each with the name that people know, where the last deliveries tell it.

    Raises StoreUnavailable.
    """
    names = habits.put_aside(connection.settings)
    if not names or connection.service not in parts.providers:
        return {name: name for name in names}
    with parts.store.reading() as db:
        found = deliveries.bodies(db, Which(connection=connection.id, reasons=(PUT_AWAY.reason, *ASKED)), LOOKED)
    reports = [report for kept in found for report in reports_of(opened(parts, kept, connection, person))]
    # An activity is kept by the name that was shown.
    titles = {habits.folded(habits.identity(one)): habits.title(one) for one in reports if one.likeness is None}
    return {name: titles.get(habits.folded(name), name) for name in names}


def in_words(counted: int) -> str:
    """How many counted, such as: 3 earlier messages counted with it."""
    return f"{counted} earlier message{'' if counted == 1 else 's'} counted with it."


def reports_of(kept: Kept) -> Sequence[Report]:
    """What a delivery reports; nothing where it cannot be read."""
    try:
        return kept.reports()
    except Rejected:
        return ()


def _taken_up(parts: Parts, connection: Connection, person: Person) -> Connection:
    """The connection without what was put away by its id and is now named by its title: the later word holds."""
    chosen = habits.chosen(connection.settings, slots_of(person.plan))
    titles = away(parts, person, connection).items()
    named = [name for name, title in titles if title != name and habits.folded(title) in chosen]
    if not named:
        return connection
    with parts.store.writing() as db:
        people.lock(db, person.id)
        found = connections.by_id(db, connection.id) or connection
        settings = habits.taken_up(found.settings, *named)
        connections.alter(db, found.id, settings)
    return replace(found, settings=settings)


def _is_named(kept: Kept, reports: Sequence[Report]) -> bool:
    """Whether the settings name one of its habits, or put away no more what they did."""
    inbound, settings = kept.inbound, kept.inbound.connection.settings
    ignored, chosen = habits.ignored(settings), words(settings)
    if kept.delivery.reason == PUT_AWAY.reason and not all(habits.named(report, ignored) for report in reports):
        return True
    return any(mapped_slots(inbound.mapping, report) or names_one_of(report, chosen) for report in reports)


def _no_stretch(kept: Kept, report: Report) -> Recorded:
    label, plan = kept.inbound.connection.label, kept.inbound.person.plan
    message = wording.left(label, report, plan, kept.delivery.received_at, PUT_AWAY)
    return Recorded(IGNORED, PUT_AWAY.reason, message)
