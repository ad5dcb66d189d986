"""Vikunja: its project webhooks `task.updated` and `task.created`; no event is called "completed".

Documentation: vikunja.io/docs/webhooks and go-vikunja/vikunja, pkg/models/webhooks.go and tasks.go. The hook's secret,
where the person set one, signs the raw body.

A task with a `done_at` was done then. A repeating one is open again by the time we hear of it, so `done` alone tells
nothing (go-vikunja/vikunja#2040). Task and `done_at` are the event's id: three deliveries of one click are one event,
and so is every later edit of that task.

Taking a plain task back empties its `done_at`; then it looks like any edit of a task that was never done. Both are
reported as a withdrawal of what was last said of that task: where nothing was, nothing changes.
"""

from collections.abc import Sequence
from datetime import UTC, timedelta

from msgspec import Struct

from webhooks.grade import Grade
from webhooks.hmacs import check_signing, hex_hmac
from webhooks.payload import convert, instant, parse_json, shortened
from webhooks.report import Incoming, Kind, Moment, Report
from webhooks.signatures import Proof

TITLE = "Vikunja"
# It sends at once and tries again for some three seconds.
REALTIME = True
MIXED = True
SECRETS = Proof("optional", "secret", "Secret", check_signing)
GRADE = Grade(signed=True, names="made", undo=True, sample="made")

SIGNATURE = "x-vikunja-signature"
CREATED, UPDATED = "task.created", "task.updated"
# Go writes "no time" as the year 1, which in a zone west of Greenwich is the year 0.
UNSET = ("", "0000", "0001")
MONTHLY = 1
# Adding a task writes its labels and dates right after it. Within the second in which a script also ticks it off, such
# a change would take that back.
NEW = timedelta(seconds=5)


class Named(Struct):
    event_name: str


class Label(Struct):
    title: str = ""


class Task(Struct):
    id: int
    title: str = ""
    labels: list[Label] | None = None
    done: bool = False
    done_at: str | None = None
    repeat_after: int = 0
    repeat_mode: int = 0
    created: str | None = None
    updated: str | None = None


class Data(Struct):
    task: Task


class Event(Struct):
    data: Data
    time: str | None = None


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    if secrets:
        hex_hmac(incoming, SIGNATURE, secrets)


def reports(incoming: Incoming) -> Sequence[Report]:
    body = parse_json(incoming)
    name = convert(body, Named).event_name
    if name not in (CREATED, UPDATED):
        return ()
    event = convert(body, Event)
    task = event.data.task
    done = _moment(task.done_at, "data.task.done_at")
    changed = _moment(task.updated, "data.task.updated") or _moment(event.time, "time")
    if task.done or done:
        return (_report(Kind.DONE, task, done, done or changed, incoming),)
    if name == UPDATED and not _repeats(task) and not _is_new(task, changed):
        return (_report(Kind.UNDONE, task, changed, changed, incoming),)
    return ()


def _repeats(task: Task) -> bool:
    """An open repeating task may have lost its `done_at` to an edit: that takes nothing back."""
    return task.repeat_after > 0 or task.repeat_mode == MONTHLY


def _is_new(task: Task, changed: Moment | None) -> bool:
    created = _moment(task.created, "data.task.created")
    return created is not None and changed is not None and changed.at - created.at < NEW


def _moment(value: str | None, place: str) -> Moment | None:
    """The instant alone, as the offset is that of the server and not of the person; in the whole seconds of Vikunja's
    database, as one event may come straight from memory and its copy from there.
    """
    if value is None or value[:4] in UNSET:
        return None
    return Moment(instant(value, place).at.replace(microsecond=0))


def _report(kind: Kind, task: Task, performed: Moment | None, said: Moment | None, incoming: Incoming) -> Report:
    second = (said.at if said else incoming.received_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = (shortened(name) for name in (str(task.id), task.title, *(label.title for label in task.labels or ())))
    return Report(
        kind=kind,
        event_id=f"{task.id}@{second}@{kind}",
        said_at=said.at if said else None,
        performed=performed,
        thing=str(task.id),
        habit=tuple(dict.fromkeys(name for name in names if name)),
    )
