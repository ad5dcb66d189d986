"""Intervals.icu: an activity for each session, of three minutes and without any distance.

Documentation: Intervals.icu API (intervals.icu/api-docs.html): listActivities, createMultipleManualActivities,
deleteActivity; a personal key is the password of the user `API_KEY`, whose own athlete is 0. An activity of ours bears
an `external_id` made of the session. What is sent again overwrites it only for an OAuth application, so we look first.
"""

import base64
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from urllib.parse import quote, urlencode

from msgspec import Struct

from integration.core.placing import STRETCH_WORDS
from integration.outgoing import Abilities, Call, Field, Remote, Request, Sent, Settings, Told
from integration.replies import accepted, began, read, send_json

TITLE = "Intervals.icu"
FIELDS = (
    Field(
        "api_key",
        "API key",
        "In Intervals.icu under Settings, Developer Settings.",
        secret=True,
        pattern=r"[!-~]{8,200}",
    ),
)
ABILITIES = Abilities(
    dated=True,
    undo=True,
    confirms=True,
    holds="sessions",
    habits=False,
    note="Each session becomes an activity of three minutes that is called Spinal rotation stretch.",
)

API = "https://intervals.icu/api/v1"
NAME = "Spinal rotation stretch"
LASTS = timedelta(minutes=3)
DAY = timedelta(days=1)
LARGEST = 1024 * 1024


class Athlete(Struct):
    name: str = ""


class Activity(Struct):
    """Of activities that came from Strava only a stub is shown."""

    id: str | int
    name: str | None = None
    external_id: str | None = None
    start_date_local: datetime | None = None
    start_date: datetime | None = None


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    if there := _ours(call, settings, told):
        return Sent(already=True, remote=str(there.id), words="kept")
    activity = {
        "name": NAME,
        "type": "Workout",
        "start_date_local": began(told, LASTS).replace(tzinfo=None).isoformat(),
        "moving_time": LASTS.seconds,
        "elapsed_time": LASTS.seconds,
        "external_id": _external_id(told),
    }
    reply = send_json(call, "POST", f"{API}/athlete/0/activities/manual/bulk", _headers(settings), [activity])
    made = read(reply, TITLE, list[Activity])
    return Sent(remote=str(made[0].id) if made else None, words="kept")


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    there = _ours(call, settings, told)
    if there is None:
        return Sent(already=True, words="taken back")
    reply = call(Request("DELETE", f"{API}/activity/{quote(str(there.id), safe='')}", _headers(settings)))
    if reply.status != 404:
        accepted(reply, TITLE)
    return Sent(remote=str(there.id), words="taken back")


def check(call: Call, settings: Settings) -> str:
    reply = call(Request("GET", f"{API}/athlete/0", _headers(settings), largest=LARGEST))
    return f"Connected as {read(reply, TITLE, Athlete).name or 'yourself'}."


def history(call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    """Activities whose name says that they are a stretch; `habit` is the name."""
    return [
        Remote(each.name, each.start_date_local.date(), at=_aware(each.start_date), event=str(each.id))
        for each in _listed(call, settings, first, last)
        if each.name and each.start_date_local and any(word in each.name.casefold() for word in STRETCH_WORDS)
    ]


def _ours(call: Call, settings: Settings, told: Told) -> Activity | None:
    near = _listed(call, settings, told.date - DAY, told.date + DAY)
    return next((each for each in near if each.external_id == _external_id(told)), None)


def _listed(call: Call, settings: Settings, first: date, last: date) -> Sequence[Activity]:
    fields = "id,name,external_id,start_date_local,start_date"
    asked = {"oldest": f"{first}T00:00:00", "newest": f"{last}T23:59:59", "fields": fields}
    url = f"{API}/athlete/0/activities?{urlencode(asked)}"
    return read(call(Request("GET", url, _headers(settings), largest=LARGEST)), TITLE, list[Activity])


def _external_id(told: Told) -> str:
    return f"turntwice-{told.date}-{told.slot}"


def _aware(instant: datetime | None) -> datetime | None:
    return instant if instant is not None and instant.tzinfo is not None else None


def _headers(settings: Settings) -> Settings:
    key = base64.b64encode(f"API_KEY:{settings['api_key']}".encode()).decode()
    return {"Authorization": f"Basic {key}"}
