"""Any service or script that signs by Standard Webhooks 1.0.0 (standard-webhooks/spec/standard-webhooks.md).

The body is ours: `{"type": "session.completed", "timestamp": ..., "data": {...}}`, every field but `type` optional.
"""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from webhooks.grade import Grade
from webhooks.payload import convert, day, given, instant, parse_json, text
from webhooks.report import Incoming, Kind, Report
from webhooks.signatures import Proof, check_secret, message_id, new_secret
from webhooks.signatures import verify as verify_signature

TITLE = "Signed webhook"
REALTIME = True
MIXED = False
SECRETS = Proof("required", "secret", "Signing secret", check_secret, new_secret)
GRADE = Grade(signed=True, names="delivery", undo=True, sample="documented")

KINDS = {"session.completed": Kind.DONE, "session.undone": Kind.UNDONE}

# A stretch of over a day is a mistake of the sender.
Seconds = Annotated[float, Meta(ge=0, le=86400)]


class Data(Struct):
    """What the sender knows of the session."""

    performed_at: str | None = None
    slot: str | None = None
    date: str | None = None
    habit: str | None = None
    duration_seconds: Seconds | None = None
    note: str | None = None
    origin: str | None = None
    cause: str | None = None


class Named(Struct):
    """The one field that every event has; the others are read once we know the event is for us."""

    type: str


class Event(Struct):
    timestamp: str | None = None
    data: Data | None = None


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    verify_signature(incoming, secrets)


def reports(incoming: Incoming) -> Sequence[Report]:
    body = parse_json(incoming)
    kind = KINDS.get(convert(body, Named).type)
    if kind is None:
        return ()
    event = convert(body, Event)
    return (report(kind, message_id(incoming), event.timestamp, event.data or Data(), "data."),)


def report(kind: Kind, event_id: str, timestamp: str | None, data: Data, path: str) -> Report:
    """The report of checked fields. `path` stands before their names in messages. Raises Invalid."""
    said = given(instant, timestamp, "timestamp")
    habit, slot = given(text, data.habit, f"{path}habit"), given(text, data.slot, f"{path}slot")
    return Report(
        kind=kind,
        event_id=event_id,
        said_at=said.at if said else None,
        performed=given(instant, data.performed_at, f"{path}performed_at"),
        # Phones begin what is typed with a capital letter; the slots of a plan have none.
        slot=slot.lower() if slot else None,
        date=given(day, data.date, f"{path}date"),
        habit=(habit,) if habit else (),
        # The first who told of it knows its own word again, however many passed it on.
        origin=given(text, data.cause or data.origin, f"{path}origin") or None,
        duration_seconds=None if data.duration_seconds is None else round(data.duration_seconds),
        note=given(text, data.note, f"{path}note") or None,
    )
