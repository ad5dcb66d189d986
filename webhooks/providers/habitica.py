"""Habitica: its `taskActivity` webhook, event `scored`.

Documentation: HabitRPG/habitica, website/server/libs/webhook.js and website/common/script/ops/scoreTask.js. It signs
nothing and names no delivery, so the address is the secret and the event's id is made. Older servers leave
`webhookType` out.

It sends at once and does not try again, so each word is said when it comes. Ticks have a time and their withdrawals
have none: what its clock and ours say of both would not tell which was the last.

At ten failures it switches a hook off and tells nobody: what only makes the event's id, or tells its time, is taken as
it comes, and where no time can be read the arrival stands in.

What is taken back is the last tick of that very task, wherever it counts: no other task's, and nothing of one that
never counted.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from typing import Any, Literal

from msgspec import Struct, field

from webhooks.errors import Invalid
from webhooks.grade import Grade
from webhooks.payload import convert, from_epoch, instant, parse_json, shortened
from webhooks.report import Incoming, Kind, Moment, Report
from webhooks.signatures import Proof

TITLE = "Habitica"
REALTIME = True
MIXED = True
SECRETS = Proof("none")
GRADE = Grade(signed=False, names="made", undo=True, sample="made")

LONGEST_ID = 100
# A habit's minus button is a bad-habit click, no undo; a reward is a purchase. Neither is here.
KINDS = {
    ("daily", "up"): Kind.DONE,
    ("daily", "down"): Kind.UNDONE,
    ("todo", "up"): Kind.DONE,
    ("todo", "down"): Kind.UNDONE,
    ("habit", "up"): Kind.DONE,
}
# Numbers become floats, so that 4 and 4.0 make one id.
Whatever = float | bool | str | list[Any] | dict[str, Any] | None


class Envelope(Struct):
    type: str | None = None
    webhook_type: str | None = field(name="webhookType", default=None)


class Scored(Struct):
    """The entries of `history` are looked at one by one: only the last is ours to judge."""

    type: str
    id: str | None = None
    mongo_id: str | None = field(name="_id", default=None)
    alias: str | None = None
    text: str | None = None
    history: Whatever = None
    completed_at: Whatever = field(name="dateCompleted", default=None)
    counter_up: Whatever = field(name="counterUp", default=None)
    counter_down: Whatever = field(name="counterDown", default=None)
    streak: Whatever = None
    updated_at: Whatever = field(name="updatedAt", default=None)


class Event(Struct):
    direction: Literal["up", "down"]
    task: Scored
    user: Whatever = None


class Entry(Struct):
    date: Whatever = None


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    """Nothing to verify: Habitica sends no proof but the address."""


def reports(incoming: Incoming) -> Sequence[Report]:
    body = parse_json(incoming)
    envelope = convert(body, Envelope)
    if envelope.type is None and envelope.webhook_type is None:
        raise Invalid("field", "type: is missing; this address takes Habitica's webhooks")
    if envelope.type != "scored" or envelope.webhook_type not in (None, "taskActivity"):
        return ()
    event = convert(body, Event)
    kind = KINDS.get((event.task.type, event.direction))
    return () if kind is None else (_report(kind, event, incoming),)


def _report(kind: Kind, event: Event, incoming: Incoming) -> Report:
    task = event.task
    task_id = shortened(task.id or task.mongo_id or "", LONGEST_ID)
    if not task_id:
        raise Invalid("field", "task.id: is missing")
    last = _last_date(task)
    # Taking a daily back removes its newest history entry: what is last then tells of another day, and stands.
    done, moment = event.direction == "up", _moment(last)
    # The minute of arrival tells clicks apart that have no time of their own.
    timed = task.updated_at is not None or (done and moment is not None)
    minute = () if timed else (incoming.received_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ"),)
    names = (shortened(name) for name in (task_id, task.alias, task.text) if name)
    return Report(
        kind=kind,
        event_id=f"{task_id}@{_click(event, task_id, last, *minute)}",
        performed=moment if done else None,
        thing=task_id,
        stands=moment.at if moment and not done else None,
        habit=tuple(dict.fromkeys(name for name in names if name)),
        made=not timed,
    )


def _last_date(task: Scored) -> Whatever:
    if task.type == "todo":
        return task.completed_at
    last = task.history[-1] if isinstance(task.history, list) and task.history else None
    return convert(last, Entry).date if isinstance(last, dict) else None


def _moment(last: Whatever) -> Moment | None:
    with suppress(Invalid):
        if isinstance(last, str):
            return instant(last)
        if isinstance(last, float):
            return from_epoch(last)
    return None


def _click(event: Event, task_id: str, last: Whatever, *minute: str) -> str:
    """The same for copies of one click, another for the next: each click moves the streak, a counter or a date.

    `updatedAt` tells apart two withdrawals of one daily on one day, which are alike in all else.
    """
    task = event.task
    user = event.user.get("_id") if isinstance(event.user, dict) else event.user
    counts = (task.counter_up, task.counter_down, task.streak)
    parts = (user, task_id, event.direction, last, *counts, task.updated_at, *minute)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
