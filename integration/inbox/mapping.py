"""Which of a service's habits and activities are the stretch: asked once for each, and then earlier deliveries count.

A habit is asked about while a slot has none; one whose name says that it is a stretch counts by itself. An activity is
asked about where it may hold a stretch, such as yoga. What was answered is never asked again (see core/habits.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from integration.connecting.checking import LONGEST, SHORTEST_WORD, is_name
from integration.connecting.linking import SHARED_HABIT
from integration.core import habits
from integration.core.habits import Settings
from integration.core.model import Connection, Person
from integration.core.placing import names_one_of, sounds_like_a_stretch
from integration.errors import NotFound, Refused
from integration.inbox.admission import words
from integration.inbox.healing import ASKED, LOOKED, asked, healed, reports_of
from integration.inbox.kept import opened
from integration.parts import Parts
from integration.store import connections, deliveries, people
from integration.store.deliveries import Which
from webhooks.report import Likeness, Report

OFFERED = 5
"""How many habits of a connection are asked about at a time."""

Change = Callable[[Settings, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Offer:
    """A habit, or an activity, of which the person has not said yet what it is.

    `habit` is the name by which it is kept, `title` the one that people know. `slots` have no habit yet; `whole` when
    that is all of them, so that the time may decide. `pressing`: nothing of that service is chosen yet.
    """

    connection: str
    label: str
    habit: str
    title: str
    activity: bool
    slots: tuple[str, ...] = ()
    whole: bool = False
    pressing: bool = True


def offers(parts: Parts, person: Person) -> list[Offer]:
    """What is to be asked about the last deliveries of a person's live connections, each habit once, newest first.

    Raises StoreUnavailable.
    """
    with parts.store.reading() as db:
        live = [one for one in connections.of(db, person.id) if one.service in parts.providers]
        heard = {one.id: deliveries.bodies(db, Which(connection=one.id, reasons=ASKED), LOOKED) for one in live}
    found = list[Offer]()
    for one in live:
        reports = [report for kept in heard[one.id] for report in reports_of(opened(parts, kept, one, person))]
        found += _offers(one, _slots(person), reports)
    return found


def choose(parts: Parts, person: Person, connection: str, habit: str, slots: Sequence[str]) -> tuple[int, ...]:
    """A habit is the stretch of those slots, of several as its time decides. Earlier deliveries of it then count, and
    their ids are returned, oldest first.

    Raises NotFound for a connection that is not this person's or has ended, Refused for a slot that is not in the plan
    and for a name that cannot be, StoreUnavailable.
    """
    if not slots or not set(slots) <= set(_slots(person)):
        raise Refused(f"choose one of {', '.join(_slots(person))}")

    def change(settings: Settings, habit: str) -> Mapping[str, str]:
        # One remote tick for all sessions of a day is one habit for all of them.
        shared = settings.get("when") in SHARED_HABIT
        return habits.mapped(settings, habit, _slots(person) if shared else slots)

    return _changed(parts, person, connection, habit, change)


def count_too(parts: Parts, person: Person, connection: str, activity: str) -> tuple[int, ...]:
    """An activity counts as the stretch, with its earlier deliveries. Raises as `choose`."""
    if len(habits.word(activity)) < SHORTEST_WORD:
        raise Refused("one letter stands in nearly every name; choose the habit by its name instead")
    return _changed(parts, person, connection, activity, habits.counted)


def ignore(parts: Parts, person: Person, connection: str, habit: str) -> tuple[int, ...]:
    """A habit or activity is no stretch, and nobody is asked of it again. Raises as `choose`."""
    return _changed(parts, person, connection, habit, habits.put_away)


def take_back(parts: Parts, person: Person, connection: str, habit: str) -> tuple[int, ...]:
    """A habit or activity was put away no more: it is asked about again, or counts by its name. Raises as `choose`."""
    return _changed(parts, person, connection, habit, habits.taken_up)


def _offers(connection: Connection, plan: Sequence[str], reports: Sequence[Report]) -> list[Offer]:
    settings, found = connection.settings, list[Offer]()
    free = tuple(slot for slot in plan if slot not in settings)
    whole = len(free) == len(plan)
    answered = {habits.folded(settings[slot]) for slot in plan if slot in settings} | habits.ignored(settings)
    for report in reports:
        habit, activity = habits.identity(report), report.likeness is not None
        if not _asks(report, settings, free, whole) or habits.named(report, answered) or not is_name(habit):
            continue
        answered |= {habits.folded(habit)}
        title, slots = (habit, ()) if activity else (habits.title(report), free)
        found.append(Offer(connection.id, connection.label, habit, title, activity, slots, whole, activity or whole))
    return found[:OFFERED]


def _asks(report: Report, settings: Settings, free: Sequence[str], whole: bool) -> bool:
    by_word = names_one_of(report, words(settings))
    if report.likeness is not None:
        return report.likeness is Likeness.RELATED and not by_word
    return bool(free) and not by_word and not (whole and sounds_like_a_stretch(report))


def _changed(parts: Parts, person: Person, connection: str, habit: str, change: Change) -> tuple[int, ...]:
    if not is_name(habit):
        raise Refused(f"a habit's name has 1 to {LONGEST} characters on one line; rename it in its service")
    habit = habits.composed(habit)
    with parts.store.writing() as db:
        people.lock(db, person.id)
        found = connections.by_id(db, connection)
        if found is None or found.person != person.id or found.revoked_at:
            raise NotFound("no such connection")
        settings = change(found.settings, habit)
        connections.alter(db, found.id, settings)
    name, after = habits.folded(habit), replace(found, settings=settings)
    about = (one for one in asked(parts, after, person) if any(habits.named(report, (name,)) for report in one[1]))
    return healed(parts, about, habits.ignored(settings) & {name})


def _slots(person: Person) -> tuple[str, ...]:
    return tuple(slot.name for slot in person.plan.versions[-1].slots)
