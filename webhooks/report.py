"""What a provider said, and the request in which it came. Frozen values that know no person and no database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

# Report has a field called `date`, which hides the type's own name inside the class.
Day = date


class Kind(StrEnum):
    """What happened to a session."""

    DONE = "done"
    UNDONE = "undone"


class Likeness(StrEnum):
    """How near the sender's kind of activity is to the stretch; see webhooks/activities.py."""

    STRETCH = "stretch"
    RELATED = "related"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came: headers with lower-case names, the raw body, the arrival as an aware UTC instant."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime

    @property
    def content_type(self) -> str:
        """The media type in lower case without parameters; empty when the sender named none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Notice:
    """Word of something that the sender keeps, without the thing itself: we fetch it by that id."""

    id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service wants to hear when it tries an address (a handshake): a short text, headers, status 200."""

    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, and the sender's own offset where it gave one.

    A trailing `Z` tells the instant but not the local offset (RFC 9557 section 2): then `offset` is None.
    """

    at: datetime
    offset: timedelta | None = None

    @property
    def wall(self) -> datetime | None:
        """The naive wall time where the sender stood; None when it did not say."""
        return None if self.offset is None else (self.at.astimezone(UTC) + self.offset).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Report:
    """One completion, or its withdrawal, as a provider told it.

    `event_id` is the same for every copy of one event and different for any other of the same connection. Where the
    sender tells of a thing that it may change, such as a workout, it is that thing's id: a later report moves what the
    earlier one said. `thing` is the sender's id of such a workout or task, where it has one: its events are called
    `<thing>` or `<thing>@...`, and an undone report takes back what they said last, wherever that counts. `said_at` is
    the sender's own time of the event (UTC), None when it has none. `wall` is when it was done by the clock on the wall
    (naive), where the sender tells that and no instant. `habit` holds every name by which a person may have mapped the
    remote habit: id, alias, title, kind of activity. `likeness` is set by services that classify what was done.
    `origin` is the id under which we ourselves once told of this session, where the sender passes it back. `note` is at
    most 500 characters. `made`: the sender gave neither id nor time, so that `event_id` was made of the minute in which
    it came; said, taken back and said again within that minute, it is no copy. `stands`: what was done until then (UTC)
    is not what an undone report takes back.
    """

    kind: Kind
    event_id: str
    said_at: datetime | None = None
    performed: Moment | None = None
    slot: str | None = None
    date: Day | None = None
    habit: tuple[str, ...] = ()
    wall: datetime | None = None
    thing: str | None = None
    likeness: Likeness | None = None
    origin: str | None = None
    duration_seconds: int | None = None
    note: str | None = field(default=None, repr=False)
    made: bool = False
    stands: datetime | None = None
