"""Whatever can post to an address: Apple Shortcuts, IFTTT, Zapier, Home Assistant, Tasker, curl.

The body is ours (README, "Simple webhook"): the fields of the signed webhook's `data`, flat, as JSON or as a form, all
optional; an empty body means "done, now". The secret address is the proof, and a bearer where the person set one.

People type the fields on phones, which capitalise, into tools that write numbers and times as they like. So their names
are read whatever their case, and what says neither which session nor whether it was done loses no session.

One tool cannot be told what to send: Super Productivity posts its task (johannesjo/super-productivity,
packages/plugin-dev/automations), and that is read as well.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from msgspec import Struct, field

from webhooks.errors import Invalid
from webhooks.grade import Grade
from webhooks.payload import FORM, convert, from_epoch, parse_form, parse_json, shortened, unique
from webhooks.providers.standard import Data, report
from webhooks.report import Incoming, Kind, Report
from webhooks.signatures import Proof, bearer, check_shared

TITLE = "Simple webhook"
REALTIME = True
MIXED = False
SECRETS = Proof("optional", "bearer", "Bearer token", check_shared)
GRADE = Grade(signed=False, names="made", undo=True, sample="made")

LONGEST_ID = 255
KINDS = {
    "done": Kind.DONE,
    "completed": Kind.DONE,
    "session.completed": Kind.DONE,
    "undo": Kind.UNDONE,
    "undone": Kind.UNDONE,
    "session.undone": Kind.UNDONE,
}
TASK = "taskcompleted"


class Named(Struct):
    type: str | None = None
    event: str | None = None


class Flat(Data):
    """The session's fields, with those of the event beside them."""

    id: str | int | None = None
    timestamp: str | None = None


class Task(Struct):
    """A task of Super Productivity. `done_on` is in milliseconds after 1970."""

    id: str
    title: str
    done_on: float | None = field(name="doneOn", default=None)


class OfTask(Struct):
    task: Task


KNOWN = {*Named.__struct_encode_fields__, *Flat.__struct_encode_fields__, *OfTask.__struct_encode_fields__}
# They say neither which session nor whether it was done.
SIDE = {"timestamp", "duration_seconds", "note", "origin", "cause"}


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    if secrets:
        bearer(incoming, secrets)


def reports(incoming: Incoming) -> Sequence[Report]:
    fields = _fields(incoming)
    named = convert(fields, Named)
    word = (named.type or named.event or "done").strip().lower()
    if word == TASK:
        return (_of_task(convert(fields, OfTask).task, incoming),)
    kind = KINDS.get(word)
    if kind is None:
        return ()
    try:
        return (_told(kind, fields, incoming),)
    except Invalid:
        return (_told(kind, _readable(fields, incoming), incoming),)


def _fields(incoming: Incoming) -> dict[str, object]:
    """The body's fields without those left blank, which templates and forms send for "nothing"."""
    if not incoming.body.strip():
        return {}
    body = parse_form(incoming) if incoming.content_type == FORM else parse_json(incoming)
    sent = ((name.strip().lower(), value) for name, value in convert(body, dict[str, object]).items())
    fields = unique([(name, value) for name, value in sent if name in KNOWN])
    return {name: value for name, value in fields.items() if value is not None and str(value).strip()}


def _readable(fields: dict[str, object], incoming: Incoming) -> dict[str, object]:
    """The fields without those beside the point that cannot be read, as a time is beside a slot and a date."""
    side = SIDE | {"performed_at"} if {"slot", "date"} <= fields.keys() else SIDE
    return {name: value for name, value in fields.items() if name not in side or _is_readable(name, value, incoming)}


def _is_readable(name: str, value: object, incoming: Incoming) -> bool:
    try:
        _told(Kind.DONE, {name: value}, incoming)
    except Invalid:
        return False
    return True


def _told(kind: Kind, fields: dict[str, object], incoming: Incoming) -> Report:
    flat = convert(fields, Flat, from_text=True)
    flat.note = shortened(flat.note or "")
    return _identified(report(kind, "", flat.timestamp, flat, ""), flat.id, incoming)


def _of_task(task: Task, incoming: Incoming) -> Report:
    """Of a recurring task each day's copy has an id of its own: its title is the habit, the id tells events apart."""
    when = None if task.done_on is None else from_epoch(task.done_on, "task.doneOn")
    names = tuple(name for name in map(shortened, (task.title, task.id)) if name)
    told = Report(Kind.DONE, "", said_at=when.at if when else None, performed=when, habit=names)
    return replace(_identified(told, None, incoming), habit=names[:1])


def _identified(told: Report, sent: str | int | None, incoming: Incoming) -> Report:
    given, timed = _given_id(sent), told.performed or told.said_at
    return replace(told, event_id=given or _made_id(told, incoming), made=not (given or timed))


def _given_id(value: str | int | None) -> str | None:
    if value is not None and len(str(value)) > LONGEST_ID:
        raise Invalid("id", f"id: at most {LONGEST_ID} characters")
    return None if value is None else str(value)


def _made_id(told: Report, incoming: Incoming) -> str:
    """The same for every copy of one event, from what makes it that event (webhook-reliability R5).

    Without a time of its own, the minute of arrival stands in: a double tap is one event, while doing it, taking it
    back and doing it again are three, within a minute too. A copy across the minute's end does no harm, as a session
    done twice is done once.
    """
    arrival = incoming.received_at.astimezone(UTC).replace(second=0, microsecond=0)
    times = (told.performed.at if told.performed else None, told.said_at)
    parts = (times if any(times) else arrival, told.slot, told.date, told.habit, told.kind)
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
