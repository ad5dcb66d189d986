"""HabitSync: a number a day and habit, on a server of the person's own.

Documentation: jofoerster/habitsync, `HabitRecordController` and `HabitRecordService`; its README says that it
may change. A record is found by its day and overwritten, so saying it again changes nothing. A record without a day
would be the server's own today, so the day is always sent.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from urllib.parse import quote

from msgspec import Meta, Struct

from integration.outgoing import Abilities, Call, Field, Habit, Refusal, Remote, Request, Sent, Settings, Told
from integration.replies import CHECK_ADDRESS, TRIES, at_address, mapped, read, send_json, times

TITLE = "HabitSync"
FIELDS = (
    Field("url", "Address", "Where your HabitSync opens, such as https://habits.example.org", address=True),
    Field(
        "token", "API key", "In HabitSync's settings. A new key ends the old one.", secret=True, pattern=r"[!-~]{8,500}"
    ),
)
ABILITIES = Abilities(
    dated=True,
    undo=True,
    confirms=True,
    holds="number",
    note="A habit can take both sessions: give it a daily goal of 2.",
)

EPOCH = date(1970, 1, 1).toordinal()
LARGEST = 1024 * 1024


class Named(Struct):
    uuid: str
    name: str


class Record(Struct, rename="camel"):
    epoch_day: Annotated[int, Meta(ge=0, le=100_000)]
    record_value: float


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    record = {"epochDay": _epoch_day(told.date), "recordValue": told.done}
    reply = send_json(call, "POST", _url(settings, told.habit or ""), _headers(settings), record)
    if read(reply, TITLE, Record, CHECK_ADDRESS) != Record(_epoch_day(told.date), told.done):
        raise Refusal("not_kept", f"{TITLE} kept another number than it was told", tries=TRIES)
    return Sent(words="kept")


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    """Sets the day to what is left of it."""
    return complete(call, settings, told)


def check(call: Call, settings: Settings) -> str:
    return f"Connected. Habits there: {len(habits(call, settings))}."


def habits(call: Call, settings: Settings) -> Sequence[Habit]:
    url = f"{settings['url'].rstrip('/')}/api/habit/list"
    reply = call(Request("GET", url, _headers(settings), largest=LARGEST))
    found = read(at_address(reply, TITLE), TITLE, list[Named], CHECK_ADDRESS)
    return [Habit(habit.uuid, habit.name) for habit in found]


def history(call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    chosen = mapped(settings, FIELDS)
    return [remote for habit in chosen for remote in _records(call, settings, habit, first, last)]


def _records(call: Call, settings: Settings, habit: str, first: date, last: date) -> list[Remote]:
    """Days without a record come as records of 0."""
    days = f"?epochDayFrom={_epoch_day(first)}&epochDayTo={_epoch_day(last)}"
    reply = call(Request("GET", _url(settings, habit) + days, _headers(settings), largest=LARGEST))
    return [
        Remote(habit, date.fromordinal(EPOCH + each.epoch_day), count=count)
        for each in read(reply, TITLE, list[Record], CHECK_ADDRESS)
        if (count := times(each.record_value))
    ]


def _epoch_day(day: date) -> int:
    return day.toordinal() - EPOCH


def _url(settings: Settings, habit: str) -> str:
    return f"{settings['url'].rstrip('/')}/api/record/{quote(habit, safe='')}"


def _headers(settings: Settings) -> Settings:
    return {"X-API-Key": settings["token"]}
