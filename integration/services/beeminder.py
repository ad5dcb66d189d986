"""Beeminder: one datapoint a session, by its API v1.

Documentation: https://api.beeminder.com (beeminder/apidocs: datapoint, user, errors). `requestid` makes the POST an
upsert within its goal: it names the session, so a copy is ignored ("duplicate datapoint"; the status is not
documented) and taking back is the same datapoint with the value 0. The base URL must be exactly this one: others are
redirected and lose what was posted.
"""

from collections.abc import Sequence
from datetime import date
from urllib.parse import quote, urlencode

from msgspec import Struct

from integration.outgoing import Abilities, Call, Field, Habit, Refusal, Remote, Request, Sent, Settings, Told
from integration.replies import mapped, read

TITLE = "Beeminder"
FIELDS = (
    Field("token", "Auth token", "beeminder.com/api/v1/auth_token.json shows yours", secret=True, pattern=r"\S{8,100}"),
    Field("user", "User name", required=False, default="me", pattern=r"[A-Za-z0-9_-]{1,100}"),
)
ABILITIES = Abilities(
    dated=True,
    undo=True,
    confirms=True,
    holds="sessions",
    note="Each stretch adds 1 to the goal on its day; taken back, it counts 0.",
)

BASE = "https://www.beeminder.com/api/v1"
LARGEST = 1024 * 1024
# How many datapoints of a goal are looked back at, newest day first.
LOOK_BACK = 400


class User(Struct):
    username: str
    goals: list[str] = []


class Datapoint(Struct):
    id: str
    daystamp: str = ""
    value: float = 0
    is_dummy: bool = False
    is_initial: bool = False


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    return _put(call, settings, told, 1)


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    return _put(call, settings, told, 0)


def check(call: Call, settings: Settings) -> str:
    return f"Connected as {_user(call, settings).username}."


def habits(call: Call, settings: Settings) -> Sequence[Habit]:
    """The goals by slug; their full list carries every road ever planned and can be of any size."""
    return [Habit(slug, slug) for slug in _user(call, settings).goals]


def history(call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    goals = mapped(settings, FIELDS)
    return [remote for goal in goals for remote in _datapoints(call, settings, goal, first, last)]


def _put(call: Call, settings: Settings, told: Told, value: int) -> Sent:
    form = {
        "value": value,
        "daystamp": f"{told.date:%Y%m%d}",
        "requestid": f"turntwice-{told.date:%Y%m%d}-{told.slot}",
        "comment": f"{told.slot} stretch, told by Turntwice",
    }
    headers = {**_headers(settings), "Content-Type": "application/x-www-form-urlencoded"}
    reply = call(Request("POST", _goal_url(settings, told.habit or ""), headers, urlencode(form).encode()))
    if reply.status < 500 and b"duplicate datapoint" in reply.body.lower():
        return Sent(already=True)
    if reply.status == 422:
        raise Refusal("goal_refused", f"{TITLE} took nothing for this goal; is it archived or frozen?", permanent=True)
    return Sent(remote=read(reply, TITLE, Datapoint).id, words=f"kept with the value {value}")


def _datapoints(call: Call, settings: Settings, goal: str, first: date, last: date) -> list[Remote]:
    url = f"{_goal_url(settings, goal)}?sort=daystamp&count={LOOK_BACK}"
    reply = call(Request("GET", url, _headers(settings), largest=LARGEST))
    if reply.status == 404:
        return []
    found = [point for point in read(reply, TITLE, list[Datapoint]) if _counts(point)]
    days = (f"{first:%Y%m%d}", f"{last:%Y%m%d}")
    return [
        Remote(goal, date.fromisoformat(point.daystamp), event=point.id)
        for point in found
        if days[0] <= point.daystamp <= days[1]
    ]


def _counts(point: Datapoint) -> bool:
    """Whether somebody did something: Beeminder adds points of its own where a goal begins or derails."""
    return point.value > 0 and not point.is_dummy and not point.is_initial


def _user(call: Call, settings: Settings) -> User:
    reply = call(Request("GET", f"{_user_url(settings)}.json", _headers(settings), largest=LARGEST))
    return read(reply, TITLE, User)


def _user_url(settings: Settings) -> str:
    return f"{BASE}/users/{quote(settings.get('user') or 'me', safe='')}"


def _goal_url(settings: Settings, goal: str) -> str:
    return f"{_user_url(settings)}/goals/{quote(goal, safe='')}/datapoints.json"


def _headers(settings: Settings) -> dict[str, str]:
    return {"Authorization": f"Bearer {settings['token']}"}
