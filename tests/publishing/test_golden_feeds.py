"""Golden feeds: the product still makes them byte by byte, and every reader sees in them what was planned."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from calendar_export import feed
from calendar_export.event import State
from calendar_export.options import Detail
from integration.core.model import FactKind
from integration.store.engine import Store
from tests.publishing import make_golden
from tests.publishing.make_golden import ALL, CHANGES, FOLDER, SESSIONS, Golden
from tests.publishing.readers import READERS, Reading, Seen, by_icalendar, in_node, need_node

FILES = {file.stem: file for file in sorted(FOLDER.glob("*.ics"))}
CURE = "the golden feed is another now; if that is meant, run: python tests/publishing/make_golden.py"
FIVE_MINUTES = timedelta(minutes=5)
MEANS = {FactKind.DONE: State.DONE, FactKind.SKIPPED: State.SKIPPED, FactKind.HURT: State.HURT}
MARKS = {State.DONE: "{} ✓", State.SKIPPED: "{} (skipped)", State.HURT: "{} (it hurt)", State.DUE: "{}"}
ENGLISH = sorted(name for name, golden in SESSIONS.items() if golden.options.language == "en")

every_file = pytest.mark.parametrize("name", FILES)


@pytest.fixture(scope="module")
def made(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    """The golden feeds as the product makes them now."""
    file = shutil.copy(migrated_file, tmp_path_factory.mktemp("golden") / "golden.sqlite3")
    store = Store(f"sqlite:///{file}")
    yield make_golden.make(store)
    store.close()


@pytest.fixture(scope="module")
def readings() -> dict[tuple[str, str], Reading]:
    """What every reader of this interpreter makes of every file, by reader and file."""
    bodies = {name: file.read_bytes() for name, file in FILES.items()}
    return {(reader, name): read(body) for reader, read in READERS.items() for name, body in bodies.items()}


@pytest.fixture(scope="module")
def node_readings() -> dict[str, dict[str, Reading]]:
    need_node()
    return in_node(FILES)


def states(golden: Golden) -> dict[tuple[object, str], State]:
    """The state of each session after all that was said; a done one stays done whatever comes, but an undo."""
    found = {(session.date, session.slot): State.DUE for session in golden.sessions}
    for session, kind, _ in golden.told:
        found[session.date, session.slot] = MEANS.get(kind, State.DUE)
    return found


def planned(golden: Golden) -> tuple[Seen, ...]:
    """What every reader of an English feed must see, by the plan and by what was said."""
    told = states(golden)
    return tuple(
        sorted(
            (
                session.starts,
                session.starts + FIVE_MINUTES,
                title(golden, session.slot, told[session.date, session.slot]),
            )
            for session in golden.sessions
        )
    )


def title(golden: Golden, slot: str, state: State) -> str:
    if golden.options.detail is Detail.DISCREET:
        return "Personal time ✓" if state is State.DONE else "Personal time"
    return MARKS[state].format(f"{slot.capitalize()} stretch")


def test_there_is_a_file_for_every_golden_feed_and_no_other() -> None:
    assert sorted(FILES) == sorted(ALL), CURE


@every_file
def test_the_product_still_makes_the_same_bytes(name: str, made: dict[str, bytes]) -> None:
    assert made[name] == FILES[name].read_bytes(), CURE


@every_file
def test_a_golden_feed_passes_the_check(name: str) -> None:
    body = FILES[name].read_bytes()
    assert feed.check(body) is body


@pytest.mark.parametrize("name", ENGLISH)
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_sees_every_planned_session_and_its_state(
    reader: str, name: str, readings: dict[tuple[str, str], Reading]
) -> None:
    assert readings[reader, name].events == planned(SESSIONS[name])


@every_file
@pytest.mark.parametrize("reader", READERS)
def test_all_readers_see_the_same_events_and_alarms(
    reader: str, name: str, readings: dict[tuple[str, str], Reading]
) -> None:
    assert readings[reader, name] == readings["icalendar", name]


@every_file
@pytest.mark.parametrize("reader", ["ical.js", "node-ical"])
def test_a_reader_in_node_sees_the_same_events_and_alarms(
    reader: str, name: str, node_readings: dict[str, dict[str, Reading]]
) -> None:
    assert node_readings[reader][name] == by_icalendar(FILES[name].read_bytes())


@pytest.mark.parametrize("name", SESSIONS)
def test_only_sessions_of_which_nothing_was_said_have_an_alarm(
    name: str, readings: dict[tuple[str, str], Reading]
) -> None:
    golden = SESSIONS[name]
    silent = list(states(golden).values()).count(State.DUE) if golden.options.alarms else 0
    assert readings["icalendar", name].alarms == silent


@pytest.mark.parametrize("golden", CHANGES, ids=lambda golden: golden.name)
def test_the_wall_clock_shows_the_planned_times_on_both_sides_of_the_change(
    golden: Golden, readings: dict[tuple[str, str], Reading]
) -> None:
    starts = [event[0].astimezone(ZoneInfo(golden.zone)) for event in readings["icalendar", golden.name].events]
    assert len(starts) == 42
    odd = [wall for wall in starts if wall.time() not in (golden.morning, golden.evening)]
    # At most the one session inside the hour that the night skips, read with the offset before it (spec: section 6).
    assert [wall.date() for wall in odd] in ([], [golden.day])
    offsets = {wall.utcoffset() for wall in starts}
    assert len(offsets) == (1 if golden.zone == "Asia/Kathmandu" else 2)


@pytest.mark.parametrize(
    "name, starts",
    [
        ("new-york-spring", datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),  # 02:30 is skipped: 03:30 by the new time
        ("new-york-autumn", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),  # 01:30 comes twice: the first
        ("sydney-spring", datetime(2026, 10, 3, 16, 30, tzinfo=UTC)),
        ("sydney-autumn", datetime(2026, 4, 4, 15, 30, tzinfo=UTC)),
        ("lord-howe-spring", datetime(2026, 10, 3, 15, 45, tzinfo=UTC)),  # half an hour: 02:15 becomes 02:45
        ("lord-howe-autumn", datetime(2026, 4, 4, 14, 45, tzinfo=UTC)),
    ],
)
def test_the_session_inside_the_changing_hour_is_where_the_law_puts_it(
    name: str, starts: datetime, readings: dict[tuple[str, str], Reading]
) -> None:
    assert starts in {event[0] for event in readings["icalendar", name].events}
