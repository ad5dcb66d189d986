"""Todoist: `item:completed`, `item:uncompleted`, and `item:updated` with the intent to do either.

Documentation: Todoist API v1, "Webhooks" (developer.todoist.com/api/v1). The app's client secret signs the raw body.

A recurring task never comes back checked: it only moves to its next date, and so does one that is put off. The
difference is `update_intent`; neither `checked` nor `due` is looked at. One tick may come as `item:completed` and as
`item:updated`, and only the latter tells the old due date, so what both share makes the event's id: the task and the
minute. Hence doing, taking back and doing again are three events, and a task put back to an old date is a new one.

A withdrawal takes back what was last said of its task, wherever that counts.
"""

from collections.abc import Sequence
from datetime import UTC

from msgspec import Struct, field

from webhooks.errors import Invalid
from webhooks.grade import Grade
from webhooks.hmacs import base64_hmac, check_signing
from webhooks.payload import convert, given, instant, parse_json, shortened, text
from webhooks.report import Incoming, Kind, Report
from webhooks.signatures import Proof

TITLE = "Todoist"
# It tries again after 15 minutes, but every event has its own time; only one without it leans on the arrival.
REALTIME = True
MIXED = True
SECRETS = Proof("required", "client_secret", "Client secret", check_signing)
GRADE = Grade(signed=True, names="made", undo=True, sample="made")

SIGNATURE = "x-todoist-hmac-sha256"
LONGEST_ID = 100
UPDATED = "item:updated"
EVENTS = {"item:completed": Kind.DONE, "item:uncompleted": Kind.UNDONE}
INTENTS = {"item_completed": Kind.DONE, "item_uncompleted": Kind.UNDONE}

Id = str | int


class Named(Struct):
    event_name: str


class Addressed(Struct):
    user_id: Id


class Extra(Struct):
    update_intent: str | None = None


class Updated(Struct):
    extra: Extra | None = field(name="event_data_extra", default=None)


class Task(Struct):
    id: Id
    content: str | None = None
    labels: list[str] | None = None
    completed_at: str | None = None


class Initiator(Struct):
    id: Id | None = None


class Event(Struct):
    event_data: Task
    user_id: Id | None = None
    initiator: Initiator | None = None
    triggered_at: str | None = None


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    base64_hmac(incoming, SIGNATURE, secrets)


def account(incoming: Incoming) -> str:
    """The Todoist user to whom the event belongs: an app has one address for all its users. Raises Rejected."""
    return _id(convert(parse_json(incoming), Addressed).user_id, "user_id")


def reports(incoming: Incoming) -> Sequence[Report]:
    body = parse_json(incoming)
    kind = _kind(body)
    if kind is None:
        return ()
    event = convert(body, Event)
    return () if _by_somebody_else(event) else (_report(kind, event, incoming),)


def _kind(body: object) -> Kind | None:
    name = convert(body, Named).event_name
    if name != UPDATED:
        return EVENTS.get(name)
    extra = convert(body, Updated).extra
    return INTENTS.get(extra.update_intent or "") if extra else None


def _by_somebody_else(event: Event) -> bool:
    """In a shared project each member hears of the ticks of the others."""
    by = event.initiator.id if event.initiator else None
    return None not in (by, event.user_id) and str(by) != str(event.user_id)


def _report(kind: Kind, event: Event, incoming: Incoming) -> Report:
    task, item = event.event_data, _id(event.event_data.id, "event_data.id")
    said = given(instant, event.triggered_at or None, "triggered_at")
    completed = given(instant, task.completed_at or None, "event_data.completed_at") if kind is Kind.DONE else None
    when = completed or said
    minute = (when.at if when else incoming.received_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    names = (shortened(name) for name in (item, task.content or "", *(task.labels or ())))
    return Report(
        kind=kind,
        event_id=f"{item}@{minute}@{kind}",
        said_at=said.at if said else None,
        performed=when,
        thing=item,
        habit=tuple(dict.fromkeys(name for name in names if name)),
    )


def _id(value: Id, place: str) -> str:
    found = text(str(value), place, LONGEST_ID)
    if not found:
        raise Invalid("field", f"{place}: is empty")
    return found
