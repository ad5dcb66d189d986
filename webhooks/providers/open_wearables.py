"""Open Wearables: one self-hosted hub for WHOOP, Oura, Polar, Suunto, Strava, Garmin, Apple and Android.

Documentation: the-momentum/open-wearables, backend/app/services/outgoing_webhooks/events.py (fitness-platforms 3.1). It
delivers through Svix, which signs by Standard Webhooks under header names of its own. Only new workouts are told of,
never a change or a deletion, and a watch may tell the hub days late.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from msgspec import Meta, Struct

from webhooks.activities import Activities
from webhooks.grade import Grade
from webhooks.payload import convert, instant, parse_json, shortened
from webhooks.report import Incoming, Kind, Likeness, Moment, Report
from webhooks.signatures import Proof, check_secret
from webhooks.signatures import verify as verify_signature

TITLE = "Open Wearables"
REALTIME = False
MIXED = True
SECRETS = Proof("required", "secret", "Signing secret of the webhook endpoint", check_secret)
GRADE = Grade(signed=True, names="activity", undo=False, sample="made")
ACTIVITIES = Activities(
    counts=frozenset({"stretching"}),
    opt_in=frozenset({"yoga", "pilates", "meditation"}),
)

SIGNED_PARTS = ("id", "timestamp", "signature")

Id = Annotated[str, Meta(pattern=r"\A[!-~]{1,255}\Z")]
Seconds = Annotated[float, Meta(ge=0, le=10_000_000)]


class Named(Struct):
    """The one field that every event has; the others are read once we know the event is for us."""

    type: str


class Workout(Struct):
    start_time: str
    id: Id | None = None
    user_id: str | None = None
    type: str | None = None
    end_time: str | None = None
    zone_offset: str | None = None
    duration_seconds: Seconds | None = None


class Event(Struct):
    data: Workout


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    verify_signature(_respelled(incoming), secrets)


def reports(incoming: Incoming) -> Sequence[Report]:
    body = parse_json(incoming)
    if convert(body, Named).type != "workout.created":
        return ()
    workout = convert(body, Event).data
    kind = shortened(workout.type or "")
    told = Report(
        kind=Kind.DONE,
        event_id=workout.id or _made_id(workout),
        performed=_moment(workout),
        habit=(kind,) if kind else (),
        likeness=ACTIVITIES.likeness(kind) if kind else Likeness.OTHER,
        duration_seconds=None if workout.duration_seconds is None else round(workout.duration_seconds),
    )
    return (told,)


def _respelled(incoming: Incoming) -> Incoming:
    """The request with Svix's three headers under the names of the standard, where all three are there."""
    svix = {f"webhook-{part}": incoming.headers.get(f"svix-{part}", "") for part in SIGNED_PARTS}
    return replace(incoming, headers={**incoming.headers, **svix}) if all(svix.values()) else incoming


def _moment(workout: Workout) -> Moment:
    """When it began. The hub keeps times in UTC, so only `zone_offset` says where the person was."""
    start = instant(workout.start_time, "data.start_time")
    if not workout.zone_offset:
        return Moment(start.at)
    # Any instant with that offset will do: it is read, and refused, as every other offset is.
    return Moment(start.at, instant(f"2000-01-02T00:00{workout.zone_offset}", "data.zone_offset").offset)


def _made_id(workout: Workout) -> str:
    parts = (workout.user_id, workout.type, workout.start_time, workout.end_time)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
