"""Random lives: words, other plans, journeys, pauses, options; after each step every promise of the feed holds.

TURNTWICE_TEST_EXAMPLES asks for more lives than the normal run has.
"""

import gzip
import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import icalendar
import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from calendar_export import event, feed, reading
from calendar_export.blueprint import Document
from calendar_export.errors import CalendarError
from calendar_export.routine import Dose
from integration import people, planning, record
from integration.core.merge import Merged
from integration.core.model import FactKind, Feed, Person
from integration.core.placing import Placed
from integration.errors import Refused
from integration.keys import KeyKind, Keys
from integration.links import Links
from integration.people import Wish
from integration.publishing import documents, feeds
from integration.publishing.documents import Draft, monday
from integration.publishing.publish import Publisher
from integration.status import merged_sessions
from integration.store import facts
from integration.store import feeds as stored_feeds
from integration.store.engine import Store

EXAMPLES = int(os.environ.get("TURNTWICE_TEST_EXAMPLES", "20"))
STEPS = 12
# To shrink a whole life takes minutes; the steps of the first bad one are told as they are.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
KEYS = Keys(("a secret of the operator, for tests only",))
LINKS = Links("https://stretch.example.org", KEYS)
ZONES = (
    "Europe/Berlin",
    "Europe/Paris",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Pacific/Honolulu",
)
EVENT = re.compile(rb"BEGIN:VEVENT\r\nUID:([^\r]+)\r\n.*?END:VEVENT\r\n", re.DOTALL)
OPTIONS: dict[str, st.SearchStrategy[str]] = {
    "detail": st.sampled_from(["full", "discreet"]),
    "alarms": st.sampled_from(["on", "off"]),
    "lead_minutes": st.sampled_from(["0", "15"]),
    "back": st.sampled_from(["0", "5", "14"]),
    "ahead": st.sampled_from(["7", "20", "60"]),
    "rich": st.sampled_from(["on", "off"]),
    "language": st.sampled_from(["en", "de"]),
}


@dataclass(frozen=True, slots=True)
class Times:
    """When a day begins, and the two sessions after that."""

    morning: time
    evening: time
    day_start: time


def _clock_at(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def _times(day_start: int, first: int, length: int) -> Times:
    evening = min(first + length, 1439)
    return Times(_clock_at(day_start + min(first, 1438)), _clock_at(day_start + evening), _clock_at(day_start))


zones = st.sampled_from(ZONES)
times = st.builds(_times, st.integers(0, 1439), st.integers(0, 1438), st.integers(1, 1439))
doses = st.builds(Dose, st.integers(3, 5), st.sampled_from([0, 5, 30]))
instants = st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 10), timezones=st.just(UTC))
waits = st.one_of(
    st.sampled_from([timedelta(), timedelta(seconds=0.4), timedelta(seconds=1), timedelta(days=1), timedelta(days=7)]),
    st.timedeltas(timedelta(), timedelta(days=3)),
)


@dataclass(slots=True)
class Subscriber:
    """A feed and all that its subscriber was told: the last document, and each event's newest revision."""

    feed: Feed
    events: dict[str, bytes] = field(default_factory=dict)
    made_for: dict[str, object] = field(default_factory=dict)
    revisions: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Life(RuleBasedStateMachine):
    """One person, a feed that is fetched after every step, and another that is fetched now and then."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store, self.now = store, datetime(2026, 1, 1, tzinfo=UTC)
        self.publisher = Publisher(store, KEYS, LINKS, lambda: self.now)

    @initialize(zone=zones, at=times, dose=doses, now=instants, lived=st.sampled_from([None, 2, 20]))
    def arrive(self, zone: str, at: Times, dose: Dose, now: datetime, lived: int | None) -> None:
        self.now = now
        # Where the clock is behind UTC and the day begins late, the logical date is two days back.
        start = now.date() - timedelta(days=lived) if lived else None
        wish = Wish(zone, at.morning, at.evening, start, at.day_start, dose)
        person, first = people.add(self.store, wish, now)
        self.id = person.id
        self.always = Subscriber(first)
        self.seldom = Subscriber(feeds.add(self.store, person.id, "Partner", {"ahead": "20"}, now))

    @property
    def person(self) -> Person:
        return people.find(self.store, self.id)

    @property
    def today(self) -> date:
        return self.person.plan.today(self.now)

    @rule(kind=st.sampled_from(FactKind), back=st.integers(0, 10), slot=st.sampled_from(["morning", "evening"]))
    def tell(self, kind: FactKind, back: int, slot: str) -> None:
        placed = Placed(slot, self.today - timedelta(days=back))
        self.attempt(lambda: record.tell(self.store, self.person, placed, kind, self.now))

    @rule(at=times, dose=doses)
    def change_times(self, at: Times, dose: Dose) -> None:
        self.attempt(
            lambda: planning.change_times(self.store, self.id, at.morning, at.evening, at.day_start, dose, self.now)
        )

    @rule(zone=zones)
    def move(self, zone: str) -> None:
        # A second move in the same instant would say that the first never was.
        self.now += timedelta(seconds=1)
        self.attempt(lambda: planning.move(self.store, self.id, zone, self.now))

    @rule(zone=zones, ahead=st.integers(0, 9), days=st.integers(0, 9))
    def travel(self, zone: str, ahead: int, days: int) -> None:
        first = self.today + timedelta(days=ahead)
        self.attempt(lambda: planning.travel(self.store, self.id, zone, first, first + timedelta(days=days), self.now))

    @rule(ahead=st.integers(-8, 9), days=st.none() | st.integers(0, 9))
    def pause(self, ahead: int, days: int | None) -> None:
        first = self.today + timedelta(days=ahead)
        last = None if days is None else first + timedelta(days=days)
        self.attempt(lambda: planning.pause(self.store, self.id, first, last, self.now))

    @rule()
    def resume(self) -> None:
        self.attempt(lambda: planning.resume(self.store, self.id, self.now))

    @rule(wishes=st.fixed_dictionaries({}, optional=OPTIONS), always=st.booleans())
    def choose(self, wishes: dict[str, str], always: bool) -> None:
        chosen = self.always if always else self.seldom
        self.attempt(lambda: feeds.change(self.store, chosen.feed.id, None, wishes, self.now))

    @rule(wait=waits)
    def wait(self, wait: timedelta) -> None:
        self.now += wait

    @rule()
    def others_fetch(self) -> None:
        self.fetch(self.seldom)

    @invariant()
    def every_promise_holds(self) -> None:
        before, made_for = self.always.events, self.always.made_for
        self.fetch(self.always)
        for uid, shown in self.always.made_for.items():
            if made_for.get(uid) == shown and uid in before:
                assert self.always.events[uid] == before[uid], f"{uid} did not change, but its bytes did"

    def attempt(self, change: Callable[[], object]) -> None:
        try:
            change()
        except (Refused, CalendarError) as error:
            note(f"refused: {error}")

    def fetch(self, subscriber: Subscriber) -> None:
        """What a poll of a feed gives, held against all that the subscriber was told before."""
        found = self.publisher.find(KEYS.key(KeyKind.FEED, subscriber.feed.key), "")
        assert isinstance(found, Document)
        assert not self.publisher.failures
        body = found.body()
        assert gzip.decompress(found.gzipped()) == body
        subscriber.body, subscriber.events = body, events_of(body)
        self.check_document(subscriber, found.etag)
        self.check_revisions(subscriber)
        self.check_past(subscriber)

    def check_document(self, subscriber: Subscriber, etag: str) -> None:
        body = subscriber.body
        read = reading.read(feed.check(body))
        assert (read.broken, read.unclosed) == (0, 0)
        uids = Counter(component.value("UID") for component in everything(read.calendar))
        assert set(uids.values()) == {1}
        with self.store.reading() as db:
            held = stored_feeds.poll(db, subscriber.feed.key)
            assert held
            draft = Draft(held[0], held[1], monday(self.today), LINKS)
            assert documents.build(db, draft, {}) == body
            subscriber.feed, stored = held[0], held[2]
            merged = merged_sessions(facts.since(db, self.id, draft.first))
        assert stored
        assert stored.etag == etag == hashlib.sha256(body).hexdigest()[:32]
        subscriber.made_for = made_for(draft, merged)
        notice = {f"notice-{draft.look.uid}"}
        assert set(subscriber.events) == (set(subscriber.made_for) or notice)

    def check_revisions(self, subscriber: Subscriber) -> None:
        """Whatever a subscriber once got under a UID, what differs from it is newer by both counts (rules 11, 12)."""
        for uid, found in subscriber.events.items():
            if uid.startswith("notice-"):
                continue
            now = (int(value(found, "SEQUENCE")), value(found, "LAST-MODIFIED"))
            assert value(found, "DTSTAMP") == now[1]
            sequence, modified, old = subscriber.revisions.get(uid, (-1, "", b""))
            if found != old:
                assert now[0] > sequence, f"{uid} changed, but its SEQUENCE {sequence} became {now[0]}"
                assert now[1] > modified, f"{uid} changed, but its LAST-MODIFIED {modified} became {now[1]}"
            subscriber.revisions[uid] = (*now, found)

    def check_past(self, subscriber: Subscriber) -> None:
        """A session whose time has come never moves again."""
        for uid, found in subscriber.events.items():
            starts = value(found, "DTSTART")
            assert subscriber.begun.get(uid, starts) == starts, f"{uid} is past and moved"
            if starts < f"{self.now:%Y%m%dT%H%M%SZ}" and not uid.startswith("notice-"):
                subscriber.begun[uid] = starts

    def teardown(self) -> None:
        if hasattr(self, "always"):
            calendar = icalendar.Calendar.from_ical(self.always.body)
            assert len(calendar.walk("VEVENT")) == len(self.always.events)


def events_of(body: bytes) -> dict[str, bytes]:
    return {found[1].decode(): found[0] for found in EVENT.finditer(body)}


def everything(component: reading.Component) -> Iterator[reading.Component]:
    yield component
    for part in component.parts:
        yield from everything(part)


def value(vevent: bytes, name: str) -> str:
    found = re.search(rf"^{name}:(\S+)\r$".encode(), vevent, re.MULTILINE)
    assert found
    return found[1].decode()


def made_for(draft: Draft, told: dict[tuple[date, str], Merged]) -> dict[str, object]:
    """All that an event of each session depends on; one that is not due shows only when something was said of it."""
    plan, found = draft.person.plan, {}
    for session in plan.sessions(draft.first, draft.last):
        key, due = (session.date, session.slot), session.not_due is None
        version, merged = plan.version_on(session.date), told.get(key, Merged())
        if due or merged.said:
            shown = (session.starts, due, merged.state, merged.said, version and version.dose, draft.feed.edition)
            found[event.uid(draft.person.id, *key)] = shown
    return found


@pytest.fixture
def one_store(migrated_file: Path, tmp_path: Path) -> Iterator[Store]:
    """One for all lives of a run: each has a person of its own."""
    store = Store(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'lives.sqlite3')}")
    yield store
    store.close()


def test_whatever_somebody_does_the_feed_keeps_its_promises(one_store: Store) -> None:
    run_state_machine_as_test(
        lambda: Life(one_store),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=PHASES,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
