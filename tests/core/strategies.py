"""Plans, facts and random histories that the tests of the law share."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import strategies as st

from calendar_export.plan import EARLIEST, Plan, Version, ZoneChange, two_slots
from calendar_export.zones import to_instant
from integration.core.model import PERSON, Day, Fact, FactKind, State

START = date(2026, 1, 5)
MADE = datetime(2026, 1, 4, 12, tzinfo=UTC)
SLOTS = ("morning", "evening")
VERSION = Version(START, two_slots(time(7), time(22)), MADE)
STATES = {"D": State.DONE, "M": State.MISSED, "P": State.PENDING, "N": State.SKIPPED}


def plan_in(*zones, versions=(VERSION,), **more):
    """A plan whose timeline is a first zone and then (instant, zone) pairs."""
    first, *changes = zones
    timeline = (ZoneChange(EARLIEST, first), *(ZoneChange(since, name) for since, name in changes))
    return Plan(tuple(versions), timeline, **more)


BERLIN = plan_in("Europe/Berlin")


def utc(year, month, day, hour, minute=0):
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def berlin(day, hour, minute=0):
    """The instant at which a clock in Berlin shows that time of a date."""
    return to_instant(datetime.combine(day, time(hour, minute)), "Europe/Berlin")


def after(days):
    """The logical date so many days after the plan's first."""
    return START + timedelta(days=days)


def day_of(states, offset=0, over=True):
    """A day from two letters: D done, M missed, P pending, N neutral."""
    return Day(after(offset), tuple(zip(SLOTS, (STATES[letter] for letter in states), strict=True)), over)


def history(morning, evening, over=True):
    """Days from two words of such letters; `over` is said of the last one."""
    pairs = list(zip(morning, evening, strict=True))
    return [day_of(pair, i, over or i < len(pairs) - 1) for i, pair in enumerate(pairs)]


# How likely each kind of day is: of all kinds alike, mostly done, mostly empty, rarely empty, two slots always due.
KINDS = [
    ["DD", "DM", "MD", "MM", "DN", "ND", "MN", "NM", "NN"],
    ["DD"] * 8 + ["DM", "MD", "MM", "DN", "MN", "NN"],
    ["MM"] * 3 + ["NM", "MN", "NN"] + ["DM", "ND"],
    ["DD"] * 12 + ["MM", "NM"],
]
DUE_KINDS = [["DD", "DM", "MD", "MM"], ["DD"] * 6 + ["DM", "MD", "MM"]]
TODAYS = ["DD", "DM", "MD", "MM", "DP", "MP", "NP", "PP", "PN", "PD", "DN", "NM", "NN"]
DUE_TODAYS = [pair for pair in TODAYS if "N" not in pair]


@st.composite
def histories(draw, shortest=60, longest=200, kinds=KINDS, todays=TODAYS):
    """Days one after another; the last may be today, not over. One draw of bytes, because thousands are made."""
    raw = draw(st.binary(min_size=shortest + 2, max_size=longest + 2))
    table = kinds[raw[0] % len(kinds)]
    pairs = [table[byte % len(table)] for byte in raw[2:]]
    over = raw[1] % 2 == 0
    if not over:
        pairs[-1] = todays[raw[1] // 2 % len(todays)]
    return history([a for a, _ in pairs], [b for _, b in pairs], over)


def with_state(days, index, slot, state):
    """The same days, with another state of one session."""
    day = days[index]
    states = tuple((name, state if name == slot else old) for name, old in day.states)
    return [*days[:index], Day(day.date, states, day.over), *days[index + 1 :]]


def since(told):
    """What a store would answer: of what facts say, nothing before the date asked for."""
    return lambda first: {key: state for key, state in told.items() if key[0] >= first}


def done(source, event, said_at, **more):
    return fact(source, event, FactKind.DONE, said_at, **more)


def fact(source, event, kind, said_at, *, slot="morning", day=date(2026, 6, 1), received_at=None, **more):
    """A fact that arrived when it was said, unless told otherwise."""
    return Fact(source, event, kind, slot, day, said_at, received_at or said_at, **more)


SOURCES = ("habitica", "home-assistant", PERSON)
_WORDS = {
    PERSON: list(FactKind),
    "habitica": [FactKind.DONE, FactKind.UNDONE],
    "home-assistant": [FactKind.DONE, FactKind.UNDONE],
}


@st.composite
def facts(draw, sessions=((date(2026, 6, 1), "morning"),)):
    """A fact among few sources, events, things and times, so that copies, corrections and ties are common.

    `content` is what the source said: two facts of one event with the same content are copies, equal in all.
    """
    source = draw(st.sampled_from(SOURCES))
    kind = draw(st.sampled_from(_WORDS[source]))
    said, event = draw(st.integers(0, 5)), draw(st.integers(0, 4))
    performed = draw(st.none() | st.integers(0, 2))
    day, slot = draw(st.sampled_from(sessions))
    echo = source != PERSON and draw(st.integers(0, 4)) == 4
    thing = draw(st.sampled_from((None, "task", "workout"))) if source != PERSON else None
    worded, chosen = draw(st.none() | st.integers(0, 5)), draw(st.integers(0, 5)) == 5
    arrives = said + len(kind) + 3 * (performed or 0) % 4
    return Fact(
        source=source,
        event=str(event),
        kind=kind,
        slot=slot,
        date=day,
        said_at=utc(2026, 6, 1, 6, said),
        received_at=utc(2026, 6, 1, 6, arrives),
        performed_at=None if performed is None else utc(2026, 6, 1, 5, performed),
        echo=echo,
        content=f"{kind} {said} {performed} {day} {slot} {echo} {thing} {worded} {chosen}",
        thing=thing,
        worded_at=None if worded is None else utc(2026, 6, 1, 6, worded),
        chosen=chosen,
    )
