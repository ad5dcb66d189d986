"""HC Webhook (Android): the exercises of Health Connect, posted by the phone.

Documentation: mcnaveen/health-connect-webhook, README.md and MockPayloadBuilder.kt (fitness-platforms 3.3). The app
signs nothing and names no exercise; a person may add the header `Authorization: Bearer ...`. It sends what is new in
the last 48 hours and, after a failure, the same again. Its times are UTC without the person's offset.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from webhooks.activities import Activities
from webhooks.batch import Seconds, readable, untimed
from webhooks.errors import Invalid
from webhooks.grade import Grade
from webhooks.payload import convert, instant, parse_json, shortened
from webhooks.report import Incoming, Kind, Moment, Report
from webhooks.signatures import Proof, bearer, check_shared

TITLE = "HC Webhook (Health Connect)"
REALTIME = False
MIXED = True
SECRETS = Proof("optional", "bearer", "Bearer token", check_shared)
GRADE = Grade(signed=False, names="made", undo=False, sample="made")

# Types arrive as Health Connect's numbers; its own test sends names, and a later version may.
ACTIVITIES = Activities(
    counts=frozenset({"71", "stretching"}),
    opt_in=frozenset({"83", "yoga", "48", "pilates", "33", "guided breathing", "0", "other workout"}),
)
NAMES = {"71": "stretching", "83": "yoga", "48": "pilates", "33": "guided breathing", "0": "other workout"}
PREFIX = "EXERCISE_TYPE_"


class Exercise(Struct):
    type: str | int
    start_time: str
    end_time: str
    title: str | None = None
    duration_seconds: Seconds | None = None


class Body(Struct):
    """Exercises are read one by one: one that is wrong must not lose the others."""

    exercise: list[Any] | None = None
    app_version: Any = None
    test: Any = None


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    if secrets:
        bearer(incoming, secrets)


def reports(incoming: Incoming) -> Sequence[Report]:
    body = convert(parse_json(incoming), Body)
    if body.exercise is None and body.app_version is None:
        raise Invalid("field", "exercise: is missing; choose the payload preset Default in the app")
    # The app's test button sends invented exercises.
    return () if body.test is True else readable(body.exercise or (), _report, "exercise", _guess)


def _report(item: object, path: str) -> Report:
    exercise = convert(item, Exercise, path=path)
    kind = _kind(exercise.type)
    start, end = instant(exercise.start_time, f"{path}.start_time"), instant(exercise.end_time, f"{path}.end_time")
    names = (NAMES.get(kind, kind), shortened(exercise.title or ""))
    return Report(
        kind=Kind.DONE,
        event_id=_made_id(kind, start, end),
        performed=start,
        habit=tuple(dict.fromkeys(name for name in names if name)),
        likeness=ACTIVITIES.likeness(kind),
        duration_seconds=None if exercise.duration_seconds is None else round(exercise.duration_seconds),
    )


def _guess(item: object) -> Report:
    fields = item if isinstance(item, dict) else {}
    kind, title = _kind(fields.get("type")), fields.get("title")
    names = (NAMES.get(kind, kind), shortened(title) if isinstance(title, str) else "")
    return untimed(item, names, ACTIVITIES.likeness(kind) if kind else None)


def _kind(value: object) -> str:
    return shortened(str(value)).removeprefix(PREFIX) if isinstance(value, str | int) else ""


def _made_id(kind: str, start: Moment, end: Moment) -> str:
    parts = (kind, start.at.isoformat(), end.at.isoformat())
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
