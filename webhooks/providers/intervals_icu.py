"""intervals.icu: activities uploaded, analysed and deleted, for a person who has an app there.

Documentation: forum.intervals.icu, "Intervals.icu API Integration Cookbook", Webhooks (fitness-platforms 3.6). Nothing
is signed: the app's secret stands inside the body, and a header may be set beside it. A delivery may carry many events,
is tried again until the answer is 200, and is not sent for what came from Strava.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from webhooks.activities import Activities
from webhooks.batch import Id, Seconds, readable
from webhooks.errors import Forged, Rejected
from webhooks.grade import Grade
from webhooks.payload import FURTHEST, convert, from_epoch, instant, parse_json, shortened
from webhooks.report import Incoming, Kind, Moment, Report
from webhooks.signatures import Proof, check_shared, shared_secret

TITLE = "intervals.icu"
REALTIME = False
MIXED = True
SECRETS = Proof("required", "secret", "Webhook secret of the app", check_shared)
GRADE = Grade(signed=False, names="activity", undo=True, sample="made")
ACTIVITIES = Activities(
    counts=frozenset({"PhysicalTherapy"}),
    opt_in=frozenset({"Yoga", "Pilates", "Workout"}),
)
KINDS = {
    "ACTIVITY_UPLOADED": Kind.DONE,
    "ACTIVITY_ANALYZED": Kind.DONE,
    "ACTIVITY_DELETED": Kind.UNDONE,
}

# Every offset in use is a multiple of it; a difference that is not was no offset.
OFFSET_STEP = timedelta(minutes=15)
_BARE_OFFSET = re.compile(r"([+-][0-9]{2})([0-9]{2})$")


class Proved(Struct):
    secret: str


class Body(Struct):
    """Events are read one by one: one that is wrong must not lose the others."""

    events: list[Any] | None


class Named(Struct):
    type: str


class Activity(Struct):
    id: Id | int
    type: str | None = None
    name: str | None = None
    start_date: str | None = None
    start_date_local: str | None = None
    moving_time: Seconds | None = None
    elapsed_time: Seconds | None = None
    external_id: str | None = None


class Event(Struct):
    activity: Activity
    timestamp: str | float | None = None


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    """Pass the secret inside the body, or one in the Authorization header, bare or as a bearer."""
    header = incoming.headers.get("authorization", "").strip()
    scheme, _, token = header.partition(" ")
    for sent in (_inside(incoming), token.strip() if scheme.lower() == "bearer" else header):
        with suppress(Forged):
            shared_secret(sent, secrets)
            return
    raise Forged("shared_secret", "the secret in the body is not this connection's; copy it from the app's page")


def reports(incoming: Incoming) -> Sequence[Report]:
    return readable(convert(parse_json(incoming), Body).events or (), _report, "events")


def kept(incoming: Incoming) -> bytes:
    """The body without the secret that stands in it: what is kept is shown to people (webhook-reliability K6)."""
    body = convert(parse_json(incoming), dict[str, Any])
    return json.dumps({name: value for name, value in body.items() if name != "secret"}).encode()


def _inside(incoming: Incoming) -> str:
    """The secret in the body; empty for a body that has none. Before the proof, no other complaint is due."""
    try:
        return convert(parse_json(incoming), Proved).secret
    except Rejected:
        return ""


def _report(item: object, path: str) -> Report | None:
    kind = KINDS.get(convert(item, Named, path=path).type)
    if kind is None:
        return None
    event = convert(item, Event, path=path)
    said = _said(event.timestamp, f"{path}.timestamp")
    if kind is Kind.UNDONE:
        return Report(kind=kind, event_id=str(event.activity.id), thing=str(event.activity.id), said_at=said)
    return _done(event.activity, said, f"{path}.activity")


def _done(activity: Activity, said: datetime | None, path: str) -> Report:
    performed, wall = _when(activity, path)
    names = (shortened(name) for name in (activity.type, activity.name) if name)
    seconds = activity.moving_time or activity.elapsed_time
    return Report(
        kind=Kind.DONE,
        event_id=str(activity.id),
        said_at=said,
        performed=performed,
        wall=wall,
        thing=str(activity.id),
        habit=tuple(dict.fromkeys(name for name in names if name)),
        likeness=ACTIVITIES.likeness(activity.type or ""),
        origin=shortened(activity.external_id or "", 255) or None,
        duration_seconds=None if seconds is None else round(seconds),
    )


def _when(activity: Activity, path: str) -> tuple[Moment | None, datetime | None]:
    """The start, with the offset that follows from its UTC and its wall time; or the wall time alone."""
    wall = None
    if activity.start_date_local:
        # A wall time that is written as if it were UTC, with or without a Z.
        wall = instant(activity.start_date_local.removesuffix("Z") + "Z", f"{path}.start_date_local").at
    if not activity.start_date:
        return None, wall.replace(tzinfo=None) if wall else None
    start = instant(activity.start_date, f"{path}.start_date").at
    offset = wall - start if wall else None
    known = offset is not None and abs(offset) <= FURTHEST and not offset % OFFSET_STEP
    return Moment(start, offset if known else None), None


def _said(timestamp: str | float | None, field: str) -> datetime | None:
    if isinstance(timestamp, str):
        return instant(_BARE_OFFSET.sub(r"\1:\2", timestamp), field).at
    return None if timestamp is None else from_epoch(timestamp, field).at
