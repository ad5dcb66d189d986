"""Health Auto Export (iOS): the workouts of Apple Health, posted by the phone.

Documentation: help.healthyapps.dev, "REST API" and "Workouts", export version 2 (fitness-platforms 3.2). The app signs
nothing; a person may add the header `Authorization: Bearer ...`. It sends whole periods again and again, hours or days
late. A phone with a twelve-hour clock writes `7:05:00 am` into its dates, with a space that is not an ordinary one
(irvinlim/apple-health-ingester#24).

With metadata it sends the pulse and the route of each workout too: that is let in, and not kept.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from webhooks.activities import Activities
from webhooks.batch import Id, Seconds, readable
from webhooks.errors import Invalid
from webhooks.grade import Grade
from webhooks.payload import convert, instant, parse_json, shortened
from webhooks.report import Incoming, Kind, Moment, Report
from webhooks.signatures import Proof, bearer, check_shared

TITLE = "Health Auto Export"
REALTIME = False
MIXED = True
SECRETS = Proof("optional", "bearer", "Bearer token", check_shared)
GRADE = Grade(signed=False, names="activity", undo=False, sample="made")
LARGEST = 512 * 1024
ACTIVITIES = Activities(
    counts=frozenset({"Flexibility", "Cooldown", "Preparation and Recovery"}),
    opt_in=frozenset({"Yoga", "Mind and Body", "Pilates", "Other"}),
)

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})\s([0-9]{1,2})(:[0-9]{2}:[0-9]{2})(?:\s?([ap])\.?\s?m\.?)?\s([+-][0-9]{2})([0-9]{2})",
    re.IGNORECASE,
)


class Workout(Struct):
    name: str
    start: str
    id: Id | None = None
    duration: Seconds | None = None


class Data(Struct):
    """Workouts are read one by one: one that is wrong must not lose the others."""

    workouts: list[Any] | None = None


class Body(Struct):
    data: Data


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    if secrets:
        bearer(incoming, secrets)


def reports(incoming: Incoming) -> Sequence[Report]:
    return readable(convert(parse_json(incoming), Body).data.workouts or (), _report, "data.workouts")


def kept(incoming: Incoming) -> bytes:
    """The workouts without the lists and objects in them, which are large and none of our business."""
    workouts = convert(parse_json(incoming), Body).data.workouts or []
    return json.dumps({"data": {"workouts": [_bare(item) for item in workouts]}}).encode()


def _bare(item: object) -> object:
    """Itself, with nothing in what is nested in it."""
    if isinstance(item, dict):
        return {name: type(value)() if isinstance(value, dict | list) else value for name, value in item.items()}
    return [] if isinstance(item, list) else item


def _report(item: object, path: str) -> Report:
    workout = convert(item, Workout, path=path)
    if workout.id is None:
        raise Invalid("field", f"{path}.id: is missing; choose export version 2 in the app")
    name = shortened(workout.name)
    return Report(
        kind=Kind.DONE,
        event_id=workout.id,
        performed=_moment(workout.start, f"{path}.start"),
        habit=(name,) if name else (),
        likeness=ACTIVITIES.likeness(name),
        duration_seconds=None if workout.duration is None else round(workout.duration),
    )


def _moment(value: str, field: str) -> Moment:
    """The instant of `2026-06-02 07:05:00 +0200`, with `am` or `pm` where the phone has a twelve-hour clock."""
    found = _TIME.fullmatch(value)
    if not found:
        raise Invalid("instant", f"{field}: write a time as 2026-06-02 07:05:00 +0200")
    day, hour, rest, half, hours, minutes = found.groups()
    of_day = int(hour) % 12 + 12 * (half in "pP") if half else int(hour)
    return instant(f"{day}T{of_day:02}{rest}{hours}:{minutes}", field)
