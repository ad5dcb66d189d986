"""Hevy: a private workout for each session, with the exercise that the person chose. Needs Hevy Pro.

Documentation: Hevy API (api.hevyapp.com/docs), which warns that it may change. Making a workout twice makes two, so we
look first among all that changed lately; none can be deleted. A page past the last is answered with 404, and a workout
comes bare, wrapped, or wrapped in a list. Our webhook there only names a workout, and `fetch` gets it.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

from msgspec import Meta, Struct

from calendar_export.routine import Dose
from integration.outgoing import Abilities, Call, Field, Habit, Refusal, Remote, Reply, Request, Sent, Settings, Told
from integration.replies import accepted, began, mapped, read, send_json, shaped
from webhooks.payload import shortened
from webhooks.report import Kind, Likeness, Moment, Report

T = TypeVar("T")
Instant = Annotated[datetime, Meta(tz=True)]

TITLE = "Hevy"
FIELDS = (Field("api_key", "API key", "At hevy.com: Settings, Developer", secret=True, pattern=r"[!-~]{8,100}"),)
ABILITIES = Abilities(
    dated=True,
    undo=False,
    confirms=True,
    holds="sessions",
    note="Needs Hevy Pro. Each session becomes a workout of three minutes that only you can see.",
)

API = "https://api.hevyapp.com/v1"
NAME = "Spinal rotation stretch"
MARK = "turntwice-"
# Narrower than for other services: a Russian twist and a torso rotation train the belly.
WORDS = ("stretch", "spinal", "supine", "turntwice")
LASTS = timedelta(minutes=3)
DAY = timedelta(days=1)
PAGES = 20
LARGEST = 1024 * 1024


class Exercise(Struct):
    title: str = ""
    exercise_template_id: str = ""


class Workout(Struct):
    id: str
    start_time: Instant
    title: str = ""
    description: str | None = None
    end_time: Instant | None = None
    updated_at: Instant | None = None
    exercises: list[Exercise] = []


class Event(Struct):
    workout: Workout | None = None


class Template(Struct):
    id: str
    title: str


class Entry(Struct):
    workout_id: str
    workout_start_time: Instant


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    mark, start = f"{MARK}{told.date}-{told.slot}", began(told, LASTS)
    for workout in _changed_since(call, settings, told.said_at - 2 * DAY):
        if _is_ours(workout, mark, start):
            return Sent(already=True, remote=workout.id, words="kept")
    value = {"workout": _workout(told.habit or "", mark, start)}
    reply = accepted(send_json(call, "POST", f"{API}/workouts", _headers(settings), value), TITLE)
    return Sent(remote=_id_of(reply), words="kept")


def check(call: Call, settings: Settings) -> str:
    accepted(call(Request("GET", f"{API}/workouts/count", _headers(settings))), TITLE)
    return "Connected."


def habits(call: Call, settings: Settings) -> Sequence[Habit]:
    """Every exercise, those first that sound like a stretch."""
    found = list(_paged(call, settings, "exercise_templates", list[Template], "/exercise_templates?pageSize=100"))
    found.sort(key=lambda each: (not _is_stretch(each.title), each.title.casefold()))
    return [Habit(each.id, each.title) for each in found]


def history(call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    """Workouts with a chosen exercise. Hevy tells no local day, so `date` is that of UTC, and a day more is asked."""
    asked = urlencode({"start_date": f"{first - DAY}T00:00:00Z", "end_date": f"{last + DAY}T23:59:59Z"})
    found = dict[tuple[str, str], Remote]()
    for habit in mapped(settings, FIELDS):
        reply = _get(call, settings, f"/exercise_history/{quote(habit, safe='')}?{asked}")
        answer = read(reply, TITLE, dict[str, Any])
        for entry in shaped(answer.get("exercise_history"), TITLE, list[Entry]):
            at = entry.workout_start_time.astimezone(UTC)
            found[habit, entry.workout_id] = Remote(habit, at.date(), at=at, event=entry.workout_id)
    return list(found.values())


def fetch(call: Call, settings: Settings, id: str) -> Sequence[Report]:  # noqa: A002 (the contract's name)
    """The workout as it now is; one that is gone takes back what it counted for."""
    reply = _get(call, settings, f"/workouts/{quote(id, safe='')}")
    if reply.status == 404:
        return (Report(Kind.UNDONE, id, thing=id),)
    return (_report(shaped(_bare(accepted(reply, TITLE).json()), TITLE, Workout)),)


def _report(workout: Workout) -> Report:
    titles = [workout.title, *(each.title for each in workout.exercises)]
    names = [shortened(name) for name in (*titles, *(each.exercise_template_id for each in workout.exercises))]
    start, end, note = workout.start_time, workout.end_time, workout.description or ""
    return Report(
        kind=Kind.DONE,
        event_id=workout.id,
        said_at=workout.updated_at.astimezone(UTC) if workout.updated_at else None,
        performed=Moment(start.astimezone(UTC)),
        thing=workout.id,
        habit=tuple(dict.fromkeys(name for name in names if name)),
        likeness=Likeness.STRETCH if any(map(_is_stretch, titles)) else Likeness.OTHER,
        origin=shortened(note, 255) if note.startswith(MARK) else None,
        duration_seconds=round((end - start).total_seconds()) if end and end >= start else None,
    )


def _changed_since(call: Call, settings: Settings, since: datetime) -> Iterator[Workout]:
    asked = urlencode({"since": _utc(since), "pageSize": 10})
    events = _paged(call, settings, "events", list[Event], f"/workouts/events?{asked}")
    return (event.workout for event in events if event.workout)


def _is_ours(workout: Workout, mark: str, start: datetime) -> bool:
    """By its mark, or by its title and start where somebody wrote another note: two sessions may have one start."""
    note = workout.description or ""
    return note == mark if note.startswith(MARK) else (workout.title, workout.start_time) == (NAME, start)


def _workout(habit: str, mark: str, start: datetime) -> dict[str, Any]:
    """Half the time and the usual number of turns for each side."""
    turns = {"type": "normal", "reps": Dose().repetitions, "duration_seconds": LASTS.seconds // 2}
    side = {**turns, "weight_kg": None, "distance_meters": None, "custom_metric": None, "rpe": None}
    return {
        "title": NAME,
        "description": mark,
        "start_time": _utc(start),
        "end_time": _utc(start + LASTS),
        "is_private": True,
        "exercises": [{"exercise_template_id": habit, "superset_id": None, "notes": None, "sets": [side, side]}],
    }


def _id_of(reply: Reply) -> str | None:
    """None where the answer does not say: the workout is made all the same, and to come again would make another."""
    try:
        return shaped(_bare(reply.json()), TITLE, Workout).id
    except Refusal:
        return None


def _bare(value: Any) -> Any:
    inner = value.get("workout", value) if isinstance(value, dict) else value
    return inner[0] if isinstance(inner, list) and inner else inner


def _is_stretch(title: str) -> bool:
    return any(word in title.casefold() for word in WORDS)


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _headers(settings: Settings) -> Settings:
    return {"api-key": settings["api_key"]}


def _get(call: Call, settings: Settings, path: str) -> Reply:
    return call(Request("GET", API + path, _headers(settings), largest=LARGEST))


def _paged(call: Call, settings: Settings, name: str, shape: type[list[T]], path: str) -> Iterator[T]:
    for number in range(1, PAGES + 1):
        reply = _get(call, settings, f"{path}&page={number}")
        if reply.status == 404:
            return
        page = read(reply, TITLE, dict[str, Any])
        yield from shaped(page.get(name), TITLE, shape)
        if number >= shaped(page.get("page_count"), TITLE, int):
            return
