"""Beaver Habits: one tick a day and habit, on a server of the person's own.

Documentation: daya0576/beaverhabits, `beaverhabits/routes/api.py`. A completion is set by its day, so saying it again
changes nothing. The server says yes before it stores, and calls in quick succession overwrite one another (measured:
habit-services 6). So we look first, set, read back, and come again when it was lost.
"""

from collections.abc import Sequence
from datetime import date
from urllib.parse import quote, urlencode

from msgspec import Struct

from integration.outgoing import Abilities, Call, Field, Habit, Refusal, Remote, Request, Sent, Settings, Told
from integration.replies import CHECK_ADDRESS, accepted, at_address, mapped, read, send_json

TITLE = "Beaver Habits"
FIELDS = (
    Field("url", "Address", "Where your Beaver Habits opens, such as https://beaver.example.org", address=True),
    Field("token", "API token", "The permanent one, from its settings.", secret=True, pattern=r"[!-~]{8,500}"),
)
ABILITIES = Abilities(
    dated=True,
    undo=True,
    confirms=True,
    holds="tick",
    pace=0.25,
)

ISO = "%Y-%m-%d"
LOOKS = 10
"""How often we come back for what the server said yes to and lost."""
LARGEST = 256 * 1024


class Named(Struct):
    id: str
    name: str


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    if told.done < told.due:
        return Sent(words="ticked once all are done")
    return _set(call, settings, told, done=True)


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    return _set(call, settings, told, done=False)


def check(call: Call, settings: Settings) -> str:
    return f"Connected. Habits there: {len(habits(call, settings))}."


def habits(call: Call, settings: Settings) -> Sequence[Habit]:
    reply = call(Request("GET", _url(settings), _headers(settings), largest=LARGEST))
    return [Habit(habit.id, habit.name) for habit in read(at_address(reply, TITLE), TITLE, list[Named], CHECK_ADDRESS)]


def history(call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    chosen = mapped(settings, FIELDS)
    return [Remote(habit, day) for habit in chosen for day in _ticked(call, settings, habit, first, last)]


def _set(call: Call, settings: Settings, told: Told, *, done: bool) -> Sent:
    habit = told.habit or ""
    if (told.date in _ticked(call, settings, habit, told.date, told.date)) == done:
        return Sent(already=True, words="kept")
    tick = {"date": told.date.isoformat(), "date_fmt": ISO, "done": done}
    accepted(send_json(call, "POST", _url(settings, habit), _headers(settings), tick), TITLE)
    if (told.date in _ticked(call, settings, habit, told.date, told.date)) != done:
        raise Refusal("not_kept_yet", f"{TITLE} said yes but has not kept it; we look again", tries=LOOKS, after=2)
    return Sent(words="kept")


def _ticked(call: Call, settings: Settings, habit: str, first: date, last: date) -> Sequence[date]:
    days = {"date_start": first.isoformat(), "date_end": last.isoformat(), "date_fmt": ISO}
    asked = {**days, "limit": (last - first).days + 1}
    reply = call(Request("GET", f"{_url(settings, habit)}?{urlencode(asked)}", _headers(settings), largest=LARGEST))
    return read(reply, TITLE, list[date], CHECK_ADDRESS)


def _url(settings: Settings, habit: str | None = None) -> str:
    base = f"{settings['url'].rstrip('/')}/api/v1/habits"
    return base if habit is None else f"{base}/{quote(habit, safe='')}/completions"


def _headers(settings: Settings) -> Settings:
    return {"Authorization": f"Bearer {settings['token']}"}
