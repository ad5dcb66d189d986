"""A feed's document: built whole, or mended where sessions changed. The events that did not change keep their bytes.

Rule numbers are those of calendar-feed.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from calendar_export import feed
from calendar_export.event import Entry, State, uid
from calendar_export.feed import Look
from calendar_export.options import Options
from calendar_export.plan import Session
from calendar_export.routine import Dose
from integration.core import model
from integration.core.merge import Merged, merge
from integration.core.model import Feed, Person
from integration.links import Links
from integration.status import merged_sessions
from integration.store import facts
from integration.store.engine import Database
from integration.store.facts import Revisions

BEGIN, END = b"BEGIN:VEVENT\r\n", b"END:VEVENT\r\n"
NOTICE = b"\r\nUID:notice-"
MANY = 40
"""More changed sessions than this are quicker rendered in one go than looked up one by one."""
_SHOWN = {model.State.DONE: State.DONE, model.State.SKIPPED: State.SKIPPED, model.State.HURT: State.HURT}

Key = tuple[date, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a document is made for: a feed, its person, and the Monday from which its window is laid."""

    feed: Feed
    person: Person
    week: date
    links: Links

    @property
    def first(self) -> date:
        return self.week - timedelta(days=self.feed.options.back)

    @property
    def last(self) -> date:
        return self.week + timedelta(days=self.feed.options.ahead - 1)

    @property
    def look(self) -> Look:
        options = self.feed.options
        return Look(
            name=feed.name_of(options),
            description=feed.description_of(options),
            zone=self.person.plan.zones[-1].zone,
            uid=f"{self.feed.id}@turntwice",
            stamp=self.person.plan.versions[-1].made_at,
            options=options,
        )

    @property
    def fingerprint(self) -> str:
        """Changes with all that every event shows: options, their edition, words, address and signing secret."""
        return f"{self.feed.edition} {_sample(self.feed.options)} {self.links.keys.mark} {self.links.public_url}"


def monday(day: date) -> date:
    """The Monday on or before a date: the window is laid from it, so it moves once a week (rule 4)."""
    return day - timedelta(days=day.weekday())


def build(db: Database, draft: Draft, kept: Mapping[bytes, bytes]) -> bytes:
    """The whole document; events whose UID is in `kept` are taken as they are. Raises FeedError, StoreUnavailable."""
    person, look = draft.person, draft.look
    merged = merged_sessions(facts.since(db, person.id, draft.first))
    revisions = facts.revisions_between(db, person.id, draft.first, draft.last)
    events = []
    for session in person.plan.sessions(draft.first, draft.last):
        key = (session.date, session.slot)
        if session.not_due is None or (key in merged and merged[key].said):
            held = kept.get(_uid(draft, key))
            events.append(held or feed.event_bytes(look, _entry(draft, session, merged.get(key), revisions)))
    return feed.document(look, events)


def mend(db: Database, draft: Draft, old: bytes, revised: Collection[Key]) -> bytes | None:
    """The old document with the revised sessions as they are now; None when it takes more than replacing events.

    Only what is new is rendered and checked, so the cost does not grow with the feed. Raises FeedError,
    StoreUnavailable.
    """
    if len(revised) > MANY or NOTICE in old:
        return None
    fresh = {key: _one(db, draft, key) for key in revised}
    present = [event for event in fresh.values() if event]
    header = feed.document(draft.look, present).partition(BEGIN)[0]
    text = header + old[old.index(BEGIN) :]
    for key, event in fresh.items():
        begin = text.find(BEGIN + b"UID:" + _uid(draft, key) + b"\r\n")
        if begin < 0 and event:
            return None
        if begin >= 0:
            text = text[:begin] + (event or b"") + text[text.index(END, begin) + len(END) :]
    return text if BEGIN in text else None


def reusable(draft: Draft, old: bytes, revised: Iterable[Key]) -> dict[bytes, bytes]:
    """The events of an old document by UID, without those that were revised since."""
    parts = old.removesuffix(feed.FOOTER).split(BEGIN)[1:]
    events = {part[4 : part.index(b"\r\n")]: BEGIN + part for part in parts}
    for key in revised:
        events.pop(_uid(draft, key), None)
    return events


def _one(db: Database, draft: Draft, key: Key) -> bytes | None:
    """The event of one session; None when it is shown no more."""
    day, name = key
    slot = draft.person.plan.slot_on(name, day)
    held = facts.of_session(db, draft.person.id, day, name)
    if slot is None or not (draft.first <= day <= draft.last):
        return None
    session = draft.person.plan.session(slot, day)
    merged = merge(held)
    if session.not_due is not None and not merged.said:
        return None
    revisions = facts.revisions_between(db, draft.person.id, day, day)
    return feed.event_bytes(draft.look, _entry(draft, session, merged, revisions))


def _entry(draft: Draft, session: Session, merged: Merged | None, revisions: Revisions) -> Entry:
    person, subscription = draft.person, draft.feed
    version = person.plan.version_on(session.date)
    sequence, changed_at = revisions.get((session.date, session.slot), (0, person.created_at))
    return Entry(
        uid=uid(person.id, session.date, session.slot),
        slot=session.slot,
        date=session.date,
        starts=session.starts,
        state=_SHOWN.get(merged.state, State.DUE) if merged and merged.state else State.DUE,
        sequence=sequence + subscription.edition,
        changed_at=_stamp(changed_at, sequence, subscription),
        dose=version.dose if version else Dose(),
        link=draft.links.session(subscription.id, session.date, session.slot),
    )


def _stamp(changed_at: datetime, sequence: int, subscription: Feed) -> datetime:
    """LAST-MODIFIED: a second later or more with each revision of the session and edition of the feed (rule 12)."""
    if subscription.altered_at is None:
        return changed_at
    edition, revision = timedelta(seconds=subscription.edition), timedelta(seconds=sequence)
    return max(changed_at + edition, subscription.altered_at + revision)


def _uid(draft: Draft, key: Key) -> bytes:
    return uid(draft.person.id, *key).encode()


@lru_cache(maxsize=256)
def _sample(options: Options) -> str:
    """A digest of an event in this program's words, so that a new release with other words builds anew."""
    look = Look("", "", "UTC", "sample", _SAMPLE.changed_at, options)
    return hashlib.sha256(feed.event_bytes(look, _SAMPLE)).hexdigest()[:16]


_SAMPLE = Entry("sample", "morning", date(2026, 1, 5), feed.EPOCH, State.DUE, 0, feed.EPOCH, Dose(), "https://sample")
