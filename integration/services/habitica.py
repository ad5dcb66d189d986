"""Habitica: ticks a daily or a to-do, or presses a habit's plus, by its API v3.

Documentation: https://habitica.com/apidoc; HabitRPG/habitica: libs/tasks/index.js, ops/scoreTask.js and
libs/user/index.js; wiki "API Usage Guidelines" (30 seconds between calls, `x-client`). A score counts for Habitica's
present day alone. That day begins with its "cron", which takes health for dailies undone: we wait for it and never
start it. `GET /user` tells `needsCron` only together with the whole user, so the day is worked out from `lastCron`.

Length: three kinds of task with a rule each, and the webhook that has to be kept alive there.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, TypeVar
from urllib.parse import quote

from msgspec import Meta, Struct, field

from integration.outgoing import (
    Abilities,
    Call,
    Field,
    Habit,
    Refusal,
    Remote,
    Reply,
    Request,
    Sent,
    Settings,
    Streaks,
    Told,
)
from integration.replies import CHECK_ADDRESS, accepted, at_address, mapped, send_json, shaped, times

T = TypeVar("T")
Instant = Annotated[datetime, Meta(tz=True)]
UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

TITLE = "Habitica"
FIELDS = (
    Field("user", "User ID", "In Habitica under Settings, Site Data.", pattern=UUID),
    Field("token", "API Token", "In the same place.", secret=True, pattern=UUID),
    Field(
        "url", "Address", required=False, address=True, default="https://habitica.com", pattern=r"https?://\S{1,190}"
    ),
)
ABILITIES = Abilities(
    dated=False,
    undo=True,
    confirms=True,
    holds="tick",
    pace=30,
    note="Use one daily for each session. It waits until you begin your day there; a habit's plus cannot be undone.",
)
LARGEST = 1024 * 1024
LATEST = 4102444800000
KINDS = {"dailys": "daily", "habits": "habit", "todos": "to-do"}


class Entry(Struct):
    """One line of a task's history. Lines of long ago are averages, without `completed` and `scoredUp`."""

    date: Annotated[float, Meta(ge=0, le=LATEST)] | str | None = None
    completed: bool | None = None
    up: float | None = field(name="scoredUp", default=None)


class Task(Struct):
    id: str
    type: str
    text: str = ""
    completed: bool = False
    completed_at: Instant | None = field(name="dateCompleted", default=None)
    up: bool = True
    history: list[Entry] = []


class Counted(Struct):
    """What only `streaks` reads of a task, so that a strange number keeps no session from being told."""

    type: str
    streak: float | None = None


class Preferences(Struct):
    """`offset`: minutes, positive to the west; `starts`: the hour at which a day begins."""

    offset: Annotated[float, Meta(ge=-900, le=900)] = field(name="timezoneOffset", default=0)
    starts: Annotated[float, Meta(ge=0, lt=24)] = field(name="dayStart", default=0)


class Profile(Struct):
    name: str | None = None


class User(Struct):
    last_cron: Instant | None = field(name="lastCron", default=None)
    preferences: Preferences = field(default_factory=Preferences)
    profile: Profile = field(default_factory=Profile)

    def day(self, when: datetime) -> date:
        """Habitica's own day of an instant."""
        return (when.astimezone(UTC) - timedelta(minutes=self.preferences.offset, hours=self.preferences.starts)).date()


class Webhook(Struct):
    id: str
    url: str
    enabled: bool = True


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    user, task = _look(call, settings, told)
    if task.type == "habit":
        return _press(call, settings, told, user, task)
    if told.done < told.due:
        return Sent(words="ticked once all are done")
    if task.type == "todo" and task.completed_at and user.day(task.completed_at) < told.date:
        raise Refusal("finished", f"that to-do is done for good at {TITLE}; choose a daily", permanent=True)
    return Sent(already=task.completed or _score(call, settings, told, "up"), words="ticked")


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    _, task = _look(call, settings, told)
    if task.type == "habit":
        raise Refusal("cannot_be_undone", f"a habit's plus cannot be taken back at {TITLE}", permanent=True)
    return Sent(already=not task.completed or _score(call, settings, told, "down"), words="unticked")


def check(call: Call, settings: Settings) -> str:
    return f"Connected as {_user(call, settings).profile.name or 'you'}."


def habits(call: Call, settings: Settings) -> Sequence[Habit]:
    return [
        Habit(task.id, f"{task.text} ({kind})")
        for asked, kind in KINDS.items()
        for task in _read(at_address(_get(call, settings, f"tasks/user?type={asked}"), TITLE), list[Task])
        if task.up
    ]


def history(call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    user, tasks = _user(call, settings), _tasks(call, settings, Task)
    return [
        Remote(habit, user.day(at), at, count)
        for habit, task in tasks.items()
        for at, count in _completions(task)
        if first <= user.day(at) <= last
    ]


def streaks(call: Call, settings: Settings) -> Streaks:
    """Of dailies alone: a habit's plus and a to-do have none (ops/scoreTask.js; "Cron" in the wiki)."""
    starts, tasks = _user(call, settings).preferences.starts, _tasks(call, settings, Counted)
    begins = f"A day at {TITLE} begins at {int(starts):02}:00."
    due = "A day on which a daily is not due counts for nothing there"
    missed = "one that was due and is missed ends the streak, also where you skipped it here"
    counts = {habit: times(task.streak) for habit, task in tasks.items() if task.type == "daily"}
    return Streaks(counts, f"{begins} {due}; {missed}.")


def webhook(call: Call, settings: Settings, address: str) -> Sent:
    """Makes Habitica tell us of scores at that address; switches on what it switched off after failures."""
    path = "user/webhook"
    found = next((hook for hook in _read(_get(call, settings, path), list[Webhook]) if hook.url == address), None)
    if found and found.enabled:
        return Sent(already=True, remote=found.id)
    wish = {"url": address, "label": "Turntwice", "enabled": True, "type": "taskActivity", "options": {"scored": True}}
    if found:
        reply = send_json(call, "PUT", _url(settings, f"{path}/{found.id}"), _headers(settings), wish)
    else:
        reply = send_json(call, "POST", _url(settings, path), _headers(settings), wish)
    return Sent(remote=_read(reply, Webhook).id, words="switched on")


def _look(call: Call, settings: Settings, told: Told) -> tuple[User, Task]:
    """The person and the task there. Raises Refusal where a score would not count for the session's day."""
    if not told.today:
        raise Refusal("past_day", f"{TITLE} takes nothing for a day that is over", permanent=True)
    user, task = _user(call, settings), _read(_get(call, settings, _path(told)), Task)
    if task.type == "reward":
        raise Refusal("wrong_kind", f"that is a reward at {TITLE}; choose a daily", permanent=True)
    if task.type == "daily" and user.last_cron:
        begun = user.day(user.last_cron)
        if begun < told.date:
            words = f"{TITLE} has not begun its new day; open it once"
            raise Refusal("waiting_for_new_day", words, after=1800, waiting=True)
        if begun > told.date:
            cure = "set its Custom Day Start to the hour at which your day begins here"
            raise Refusal("past_day", f"{TITLE} has begun its next day already; {cure}", permanent=True)
    return user, task


def _press(call: Call, settings: Settings, told: Told, user: User, task: Task) -> Sent:
    """Presses plus until it was pressed as often as sessions are done; what the person pressed counts too."""
    if not task.up:
        raise Refusal("no_plus", f"that habit has no plus at {TITLE}; give it one or choose another", permanent=True)
    pressed = sum(count for at, count in _completions(task) if user.day(at) >= told.date)
    for _ in range(told.done - pressed):
        _score(call, settings, told, "up")
    return Sent(already=pressed >= told.done, words="plus pressed")


def _score(call: Call, settings: Settings, told: Told, direction: Literal["up", "down"]) -> bool:
    """Whether it stood so already: somebody was faster, which is answered with 401 ("session outdated")."""
    reply = call(Request("POST", _url(settings, f"{_path(told)}/score/{direction}"), _headers(settings)))
    if reply.status != 401 or b"NotAuthorized" not in reply.body:
        accepted(reply, TITLE)
        return False
    if _read(_get(call, settings, _path(told)), Task).completed != (direction == "up"):
        raise Refusal("not_scored", f"{TITLE} does not let us score that task; choose one of your own", permanent=True)
    return True


def _completions(task: Task) -> Iterator[tuple[datetime, int]]:
    """When, and how often on that day."""
    if task.completed and task.completed_at:
        yield task.completed_at, 1
    for entry in task.history:
        count = times(entry.up) if task.type == "habit" else int(entry.completed or 0)
        if count and isinstance(entry.date, float | int):
            yield datetime.fromtimestamp(entry.date / 1000, UTC), count


def _tasks(call: Call, settings: Settings, shape: type[T]) -> dict[str, T]:
    """Those that slots are mapped to, by the name that the slot gives them; one that is gone is left out."""
    replies = {habit: _get(call, settings, f"tasks/{quote(habit, safe='')}") for habit in mapped(settings, FIELDS)}
    return {habit: _read(reply, shape) for habit, reply in replies.items() if reply.status != 404}


def _user(call: Call, settings: Settings) -> User:
    reply = _get(call, settings, "user?userFields=lastCron,preferences,profile.name")
    return _read(at_address(reply, TITLE), User)


def _get(call: Call, settings: Settings, path: str) -> Reply:
    return call(Request("GET", _url(settings, path), _headers(settings), largest=LARGEST))


def _path(told: Told) -> str:
    return f"tasks/{quote(told.habit or '', safe='')}"


def _url(settings: Settings, path: str) -> str:
    return f"{(settings.get('url') or 'https://habitica.com').rstrip('/')}/api/v3/{path}"


def _headers(settings: Settings) -> Settings:
    user = settings["user"]
    return {"x-api-user": user, "x-api-key": settings["token"], "x-client": f"{user}-Turntwice"}


def _read(reply: Reply, shape: type[T]) -> T:
    """What stands under `data` in every answer."""
    answer = accepted(reply, TITLE).json()
    return shaped(answer.get("data") if isinstance(answer, dict) else None, TITLE, shape, CHECK_ADDRESS)
