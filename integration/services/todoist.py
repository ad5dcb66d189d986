"""Todoist: ticks a task off, by its API v1.

Documentation: https://developer.todoist.com/api/v1 and Doist/todoist-api-python. Ticking a repeating task moves it to
its next date and cannot be taken back, so the task is read first: it is done for a day when its date lies after that
day. A task without a time of day moves past the present day, one with a time to the next such hour. The completions
of repeating tasks stand in the activity log alone.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote, urlencode
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Meta, Struct

from integration.outgoing import Abilities, Call, Field, Habit, Refusal, Remote, Reply, Request, Sent, Settings, Told
from integration.replies import accepted, mapped, read

T = TypeVar("T")
Instant = Annotated[datetime, Meta(tz=True)]

TITLE = "Todoist"
FIELDS = (
    Field(
        "token",
        "API token",
        "In Todoist under Settings, Integrations, Developer.",
        secret=True,
        pattern=r"[!-~]{20,200}",
    ),
)
ABILITIES = Abilities(
    dated=False,
    undo=True,
    confirms=True,
    holds="tick",
    note="Best are repeating tasks with a time of day, one for each session; only those cannot be opened again.",
)

BASE = "https://api.todoist.com/api/v1"
LARGEST = 1024 * 1024
PAGES = 20


class Due(Struct):
    """`date` is a day, a time of day wherever one is, or an instant with `Z`."""

    date: str
    is_recurring: bool = False
    string: str | None = None


class Task(Struct):
    id: str
    content: str = ""
    checked: bool = False
    is_deleted: bool = False
    completed_at: Instant | None = None
    due: Due | None = None


class Event(Struct):
    event_type: str
    event_date: Instant
    id: int | float | str | None = None


class User(Struct):
    id: str
    full_name: str = ""
    tz_info: dict[str, Any] = {}


class Page(Struct, Generic[T]):
    results: list[T]
    next_cursor: str | None = None


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    if told.done < told.due:
        return Sent(words="ticked once all are done")
    task = _task(call, settings, told)
    if task.due is None or not task.due.is_recurring:
        return _tick_once(call, settings, told, task)
    day = _day(task.due, told)
    if day > told.date:
        return Sent(already=True)
    if not told.today:
        raise Refusal("past_day", f"{TITLE} would skip a day if told now of one that is over", permanent=True)
    _post(call, settings, told, "close", task.due.date)
    # What was overdue may give way to what is due later on this same day, and that is what was done.
    due = _task(call, settings, told).due if day < told.date else None
    if due and _day(due, told) <= told.date:
        _post(call, settings, told, "close", due.date)
    return Sent(words="ticked off")


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    task = _task(call, settings, told)
    if task.due and task.due.is_recurring and _day(task.due, told) > told.date:
        raise Refusal("cannot_be_undone", f"a repeating task cannot be taken back at {TITLE}", permanent=True)
    if not task.checked:
        return Sent(already=True)
    _post(call, settings, told, "reopen")
    return Sent(words="opened again")


def check(call: Call, settings: Settings) -> str:
    return f"Connected as {read(_get(call, settings, 'user'), TITLE, User).full_name or 'you'}."


def account(call: Call, settings: Settings) -> str:
    """The user's id, by which the webhooks of a Todoist app name the person. Raises Refusal."""
    return read(_get(call, settings, "user"), TITLE, User).id


def habits(call: Call, settings: Settings) -> Sequence[Habit]:
    """All open tasks, repeating ones first."""
    found = list(_pages(call, settings, "tasks", Page[Task], limit="200"))
    found.sort(key=lambda task: not (task.due and task.due.is_recurring))
    return [Habit(task.id, f"{task.content} ({task.due.string})" if task.due else task.content) for task in found]


def history(call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    name = str(read(_get(call, settings, "user"), TITLE, User).tz_info.get("timezone"))
    zone = ZoneInfo(name) if name in available_timezones() else UTC
    kept = [
        Remote(task, event.event_date.astimezone(zone).date(), event.event_date, event=str(event.id))
        for task in mapped(settings, FIELDS)
        for event in _completions(call, settings, task, first, last)
    ]
    return [remote for remote in kept if first <= remote.date <= last]


def _tick_once(call: Call, settings: Settings, told: Told, task: Task) -> Sent:
    if task.checked and task.completed_at and task.completed_at.astimezone(told.at.tzinfo).date() < told.date:
        raise Refusal("finished", f"that task is done for good at {TITLE}; choose a repeating one", permanent=True)
    if not task.checked:
        _post(call, settings, told, "close")
    return Sent(already=task.checked, words="ticked off")


def _completions(call: Call, settings: Settings, task: str, first: date, last: date) -> list[Event]:
    """Those that were not taken back, oldest first; of a day more on both sides, since the days asked for are UTC."""
    days = {"date_from": f"{first - timedelta(1)}", "date_to": f"{last + timedelta(1)}"}
    asked = {"object_event_types": '["item:completed","item:uncompleted"]', "object_id": task, "limit": "100", **days}
    kept = list[Event]()
    events = _pages(call, settings, "activities", Page[Event], **asked)
    for event in sorted(events, key=lambda event: event.event_date):
        kept = [*kept, event] if event.event_type == "completed" else kept[:-1]
    return kept


def _task(call: Call, settings: Settings, told: Told) -> Task:
    task = read(_get(call, settings, f"tasks/{quote(told.habit or '', safe='')}"), TITLE, Task)
    if task.is_deleted:
        raise Refusal("not_found", f"{TITLE} has no such task any more; choose another", permanent=True)
    return task


def _day(due: Due, told: Told) -> date:
    """The person's day on which it is due."""
    try:
        when = datetime.fromisoformat(due.date)
    except ValueError:
        raise Refusal("unreadable_answer", f"{TITLE} named a day that we cannot read") from None
    return (when.astimezone(told.at.tzinfo) if when.tzinfo else when).date()


def _pages(call: Call, settings: Settings, path: str, shape: type[Page[T]], **asked: str) -> Iterator[T]:
    for _ in range(PAGES):
        reply = _get(call, settings, f"{path}?{urlencode(asked)}")
        if reply.status == 403 and path == "activities":
            raise Refusal("not_in_plan", f"{TITLE} shows this account no history on its plan", permanent=True)
        page = read(reply, TITLE, shape)
        yield from page.results
        if not page.next_cursor:
            return
        asked["cursor"] = page.next_cursor


def _get(call: Call, settings: Settings, path: str) -> Reply:
    return call(Request("GET", f"{BASE}/{path}", {"Authorization": f"Bearer {settings['token']}"}, largest=LARGEST))


def _post(call: Call, settings: Settings, told: Told, verb: str, occurrence: str = "") -> None:
    """The request's id is the same at every attempt for the same occurrence, and another for the next one."""
    request = str(uuid5(NAMESPACE_URL, f"turntwice:{told.key}:{verb}:{occurrence}"))
    headers = {"Authorization": f"Bearer {settings['token']}", "X-Request-Id": request}
    accepted(call(Request("POST", f"{BASE}/tasks/{quote(told.habit or '', safe='')}/{verb}", headers)), TITLE)
