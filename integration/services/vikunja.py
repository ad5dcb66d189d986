"""Vikunja: sets a task done, on a server of the person's own.

Documentation: go-vikunja/vikunja, pkg/models/tasks.go and pkg/routes/api/v2/tasks.go. API v2 changes single fields
(PATCH); an older server has v1 alone, whose POST clears what is left out, so there the task goes back whole. A
repeating task set done opens again at once with later dates: it is read first, and is done for a day when it is due
after that day or was set done since. The token needs Tasks: Read All, Read One, Update.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import quote

from msgspec import Meta, Struct

from integration.outgoing import Abilities, Call, Field, Habit, Refusal, Remote, Request, Sent, Settings, Told
from integration.replies import accepted, at_address, mapped, send_json, shaped

Instant = Annotated[datetime, Meta(tz=True)]

TITLE = "Vikunja"
FIELDS = (
    Field("url", "Address", "Where your Vikunja opens.", address=True, pattern=r"https?://\S{1,190}"),
    Field(
        "token", "API token", "Needs Tasks: Read All, Read One, Update.", secret=True, pattern=r"tk_[0-9a-f]{20,100}"
    ),
)
ABILITIES = Abilities(
    dated=False,
    undo=True,
    confirms=True,
    holds="tick",
    note="Best are repeating tasks with a due time, one for each session; only those cannot be opened again.",
)
LARGEST = 1024 * 1024
PAGES = 20
# How a server without that version of the API, or a token without a right in it, answers.
ELSEWHERE = frozenset({400, 401, 403, 404, 405})


class Task(Struct):
    """Instants that are not set lie in the year 1."""

    id: int
    title: str = ""
    done: bool = False
    done_at: Instant | None = None
    due_date: Instant | None = None
    repeat_after: int = 0
    repeat_mode: int = 0

    @property
    def repeats(self) -> bool:
        return self.repeat_after > 0 or self.repeat_mode == 1


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    if told.done < told.due:
        return Sent(words="ticked once all are done")
    version, whole = _find(call, settings, told.habit or "")
    task = shaped(whole, TITLE, Task)
    if _is_done(task, told):
        return Sent(already=True)
    if task.repeats and not told.today:
        raise Refusal("past_day", f"{TITLE} would skip a day if told now of one that is over", permanent=True)
    after = shaped(_set(call, settings, version, whole, done=True), TITLE, Task)
    # What was overdue may give way to what is due later on this same day, and that is what was done.
    if task.repeats and _before(_day(task.due_date, told), told.date) and _day(after.due_date, told) == told.date:
        version, whole = _find(call, settings, told.habit or "")
        _set(call, settings, version, whole, done=True)
    return Sent(words="set done")


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    version, whole = _find(call, settings, told.habit or "")
    task = shaped(whole, TITLE, Task)
    if task.repeats and _is_done(task, told):
        raise Refusal("cannot_be_undone", f"a repeating task cannot be taken back at {TITLE}", permanent=True)
    if not task.done:
        return Sent(already=True)
    _set(call, settings, version, whole, done=False)
    return Sent(words="opened again")


def check(call: Call, settings: Settings) -> str:
    return f"Connected. Open tasks there: {len(habits(call, settings))}."


def habits(call: Call, settings: Settings) -> Sequence[Habit]:
    """All open tasks, repeating ones first."""
    found = list[Task]()
    for page in range(1, PAGES + 1):
        asked = f"?page={page}&per_page=50"
        _, answer = _ask(call, settings, ("v2/tasks", "v1/tasks", "v1/tasks/all"), asked)
        listed = answer["items"] if isinstance(answer, dict) and "items" in answer else answer
        tasks = shaped(listed, TITLE, list[Task])
        found += tasks
        if len(tasks) < 50:
            break
    found.sort(key=lambda task: not task.repeats)
    return [Habit(str(task.id), task.title) for task in found if not task.done]


def history(call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    """The last completion of each task is all that it remembers; the day is that of the server's own zone."""
    times = [(habit, _last(call, settings, habit)) for habit in mapped(settings, FIELDS)]
    return [
        Remote(habit, at.date(), at, event=f"{habit}@{at.isoformat()}")
        for habit, at in times
        if at and first <= at.date() <= last
    ]


def _is_done(task: Task, told: Told) -> bool:
    """Whether it is done for the session's day. Raises Refusal where it was done for good on a day before."""
    day = _day(task.done_at, told)
    if not task.repeats:
        if task.done and _before(day, told.date):
            raise Refusal("finished", f"that task is done for good at {TITLE}; choose a repeating one", permanent=True)
        return task.done
    due = _day(task.due_date, told)
    if due is None:
        return day is not None and day >= told.date
    since = task.done_at is not None and task.done_at >= told.at.replace(microsecond=0)
    return due > told.date or since


def _last(call: Call, settings: Settings, habit: str) -> datetime | None:
    try:
        return shaped(_find(call, settings, habit)[1], TITLE, Task).done_at
    except Refusal as refusal:
        if refusal.reason != "not_found":
            raise
        return None


def _day(when: datetime | None, told: Told) -> date | None:
    """The person's day of an instant; None where it is not set."""
    return when.astimezone(told.at.tzinfo).date() if when and 1 < when.year < 9999 else None


def _before(day: date | None, other: date) -> bool:
    return day is not None and day < other


def _find(call: Call, settings: Settings, habit: str) -> tuple[str, Mapping[str, Any]]:
    """The version of the API that knows the task, and the whole task."""
    path = f"tasks/{quote(habit, safe='')}"
    found, task = _ask(call, settings, (f"v2/{path}", f"v1/{path}"))
    return found.partition("/")[0], shaped(task, TITLE, dict[str, Any])


def _set(call: Call, settings: Settings, version: str, task: Mapping[str, Any], *, done: bool) -> object:
    url, headers = _url(settings, f"{version}/tasks/{task.get('id')}"), _headers(settings)
    if version == "v2":
        headers = {**headers, "Content-Type": "application/merge-patch+json"}
        return accepted(send_json(call, "PATCH", url, headers, {"done": done}), TITLE).json()
    return accepted(send_json(call, "POST", url, headers, {**task, "done": done}), TITLE).json()


def _ask(call: Call, settings: Settings, paths: Sequence[str], asked: str = "") -> tuple[str, Any]:
    """The first path that is answered, and its answer. `asked`: of a list, which every server has."""
    for path in paths:
        reply = call(Request("GET", _url(settings, path) + asked, _headers(settings), largest=LARGEST))
        page = "html" in reply.headers.get("content-type", "")
        if reply.status not in ELSEWHERE and not page:
            return path, accepted(reply, TITLE).json()
    accepted(at_address(reply, TITLE) if asked else reply, TITLE)
    raise Refusal("unreadable_answer", f"{TITLE} does not answer at that address; is it right?")


def _url(settings: Settings, path: str) -> str:
    return f"{settings['url'].rstrip('/').removesuffix('/api/v1')}/api/{path}"


def _headers(settings: Settings) -> Settings:
    return {"Authorization": f"Bearer {settings['token']}"}
