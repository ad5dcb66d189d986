"""Makes the golden feeds: fixed people, keys and clock, through the same path as a poll.

`python tests/publishing/make_golden.py` rewrites tests/samples/feeds/; the tests make the same bytes and compare.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from calendar_export.blueprint import Document
from calendar_export.options import LANGUAGES, Options, chosen
from calendar_export.plan import Session
from integration import planning, record
from integration.core.model import FactKind, Feed, Person
from integration.core.placing import Placed
from integration.keys import KeyKind, Keys
from integration.links import Links
from integration.people import Wish, plan_for
from integration.publishing.publish import Publisher
from integration.store import feeds, people, schema
from integration.store.engine import Store

FOLDER = Path(__file__).parents[1] / "samples" / "feeds"
SECRET = "the golden feeds are made with this and with no other secret"
PUBLIC_URL = "https://stretch.example.org"
DONE, UNDONE, SKIPPED, HURT = FactKind.DONE, FactKind.UNDONE, FactKind.SKIPPED, FactKind.HURT
# What the person says of one session after another, again and again.
SAID: tuple[tuple[FactKind, ...], ...] = ((DONE,), (SKIPPED,), (HURT,), (DONE, UNDONE), (), (HURT, DONE), (DONE,))


@dataclass(frozen=True, slots=True)
class Golden:
    """One golden feed: whose, and seen from when. `day` is the Sunday on which the clocks change, where they do."""

    name: str
    zone: str
    day: date
    morning: time = time(7)
    evening: time = time(22)
    back: int = 14
    wishes: Mapping[str, str] = field(default_factory=dict)
    paused: bool = False
    revoked: bool = False

    @property
    def now(self) -> datetime:
        """Noon UTC on the Wednesday after the change."""
        return datetime.combine(self.day + timedelta(days=3), time(12), UTC)

    @property
    def options(self) -> Options:
        return chosen(Options(back=self.back, ahead=7), self.wishes)

    @property
    def person(self) -> Person:
        came = self.now - timedelta(days=30)
        plan = plan_for(Wish(self.zone, self.morning, self.evening, came.date() - timedelta(days=1)), came)
        return Person(f"{self.name.replace('-', ''):2<16}", f"page-{self.name}", plan, 0, came)

    @property
    def feed(self) -> Feed:
        person = self.person
        return Feed(f"f{person.id[:-1]}", person.id, f"key-{self.name}", "Golden", person.created_at, self.options)

    @property
    def sessions(self) -> list[Session]:
        """Every session of the window, in order."""
        monday = self.day + timedelta(days=1)
        return list(self.person.plan.sessions(monday - timedelta(days=self.back), monday + timedelta(days=6)))

    @property
    def told(self) -> Iterator[tuple[Session, FactKind, datetime]]:
        """What the person says, and when: from ten minutes after a session begins on."""
        for number, session in enumerate(s for s in self.sessions if s.starts + timedelta(hours=1) < self.now):
            for nth, kind in enumerate(SAID[number % len(SAID)], 1):
                yield session, kind, session.starts + nth * timedelta(minutes=10)


SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
# Evening times inside the hour that a night skips or repeats stand where they hurt most.
CHANGES = (
    Golden("berlin-spring", "Europe/Berlin", SPRING),
    Golden("berlin-autumn", "Europe/Berlin", AUTUMN),
    Golden("new-york-spring", "America/New_York", date(2026, 3, 8), time(6, 45), time(2, 30)),
    Golden("new-york-autumn", "America/New_York", date(2026, 11, 1), time(6, 45), time(1, 30)),
    Golden("sydney-autumn", "Australia/Sydney", date(2026, 4, 5), time(5, 30), time(2, 30)),
    Golden("sydney-spring", "Australia/Sydney", date(2026, 10, 4), time(5, 30), time(2, 30)),
    Golden("lord-howe-autumn", "Australia/Lord_Howe", date(2026, 4, 5), time(7, 15), time(1, 45)),
    Golden("lord-howe-spring", "Australia/Lord_Howe", date(2026, 10, 4), time(7, 15), time(2, 15)),
    Golden("kathmandu-spring", "Asia/Kathmandu", SPRING),
    Golden("kathmandu-autumn", "Asia/Kathmandu", AUTUMN),
)
# One week is enough for every state.
KINDS = tuple(
    Golden(name, "Europe/Berlin", SPRING, back=0, wishes=wishes)
    for name, wishes in {
        "discreet": {"detail": "discreet"},
        "no-alarms": {"alarms": "off"},
        "lead": {"lead_minutes": "15"},
        "rich": {"rich": "on"},
        **{f"language-{language}": {"language": language} for language in LANGUAGES if language != "en"},
    }.items()
)
NOTICES = (
    Golden("paused", "Europe/Berlin", SPRING, back=0, paused=True),
    Golden("ended", "Europe/Berlin", SPRING, revoked=True),
)
SESSIONS = {golden.name: golden for golden in (*CHANGES, *KINDS)}
ALL = {golden.name: golden for golden in (*CHANGES, *KINDS, *NOTICES)}


def make(store: Store) -> dict[str, bytes]:
    """The bytes of every golden feed by name, made in a store that has none of their people."""
    return {name: _made(store, golden) for name, golden in ALL.items()}


def _made(store: Store, golden: Golden) -> bytes:
    keys = Keys((SECRET,))
    _live(store, golden)
    found = Publisher(store, keys, Links(PUBLIC_URL, keys), lambda: golden.now).find(
        keys.key(KeyKind.FEED, golden.feed.key), agent=""
    )
    if not isinstance(found, Document):
        raise TypeError(f"{golden.name}: {found} instead of a document")
    return found.body()


def _live(store: Store, golden: Golden) -> None:
    """Everything that the person does until the feed is fetched."""
    person, feed = golden.person, golden.feed
    with store.writing() as db:
        people.add(db, person)
        feeds.add(db, feed)
    if golden.paused:
        planning.pause(store, person.id, golden.day, None, golden.now)
    else:
        for session, kind, now in golden.told:
            record.tell(store, person, Placed(session.slot, session.date), kind, now)
    if golden.revoked:
        with store.writing() as db:
            feeds.revoke(db, feed.id, golden.now)


def main() -> None:
    """Rewrites every golden file, and removes those that are golden no more."""
    with TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/golden.sqlite3")
        schema.upgrade(store)
        made = make(store)
        store.close()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.ics"):
        old.unlink()
    for name, body in made.items():
        (FOLDER / f"{name}.ics").write_bytes(body)
    sys.stdout.write(f"{len(made)} golden feeds, {sum(map(len, made.values()))} bytes, in {FOLDER}\n")


if __name__ == "__main__":
    main()
