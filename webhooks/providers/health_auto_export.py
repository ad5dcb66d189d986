"""Health Auto Export (iOS): the workouts of Apple Health, posted by the phone.

Documentation: help.healthyapps.dev, "REST API" and "Workouts", export version 2 (fitness-platforms 3.2). The app signs
nothing; a person may add the header `Authorization: Bearer ...`. It sends whole periods again and again, hours or days
late. A phone with a twelve-hour clock writes `7:05:00 am` into its dates, with a space that is not an ordinary one
(irvinlim/apple-health-ingester#24).

With metadata it sends the pulse and the route of each workout too: that is let in, and not kept. What is no JSON may
hold them anywhere, so nothing of it is kept.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from webhooks.activities import Activities
from webhooks.batch import Id, Seconds, readable, untimed
from webhooks.errors import Invalid, Unreadable
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

LEVELS = ("data", "workouts")
WHOLE = frozenset({"id", "name", "start", "end", "duration"})
LONGEST = 500
"""Characters of JSON that one of those fields may have where it is a list or an object, to be kept as it is."""

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
    return readable(convert(parse_json(incoming), Body).data.workouts or (), _report, "data.workouts", _guess)


def kept(incoming: Incoming) -> bytes:
    """The workouts without the lists and objects in them, which are large and none of our business.

    A body of another shape than ours is kept too, as far as that goes, so that a mended adapter can read it. Raises
    Unreadable for what is no JSON at all.
    """
    try:
        return json.dumps(_bare(json.loads(incoming.body.decode(), object_pairs_hook=_merged), LEVELS)).encode()
    except (ValueError, RecursionError):
        raise Unreadable("json", "the body is not JSON in UTF-8") from None


def _merged(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of an object; one that is given twice has a list of its values, so that it stays as wrong as it is."""
    fields = dict[str, list[Any]]()
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _bare(value: object, levels: Sequence[str] = ()) -> object:
    """Itself, with nothing in what is nested in it, but for those levels of it."""
    if isinstance(value, dict):
        return {name: _field(name, inner, levels) for name, inner in value.items()}
    if isinstance(value, list):
        return [_bare(item, levels) for item in value]
    return None if value is None else type(value)()


def _field(name: str, value: object, levels: Sequence[str]) -> object:
    if name in levels:
        return _bare(value, levels[levels.index(name) + 1 :])
    whole = not isinstance(value, dict | list) or (name in WHOLE and len(json.dumps(value)) <= LONGEST)
    return value if whole else type(value)()


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


def _guess(item: object) -> Report:
    fields = item if isinstance(item, dict) else {}
    name = shortened(fields["name"]) if isinstance(fields.get("name"), str) else ""
    return untimed(_bare(item), (name,), ACTIVITIES.likeness(name) if name else None, fields.get("id"))


def _moment(value: str, field: str) -> Moment:
    """The instant of `2026-06-02 07:05:00 +0200`, with `am` or `pm` where the phone has a twelve-hour clock."""
    found = _TIME.fullmatch(value)
    if not found:
        raise Invalid("instant", f"{field}: write a time as 2026-06-02 07:05:00 +0200")
    day, hour, rest, half, hours, minutes = found.groups()
    of_day = int(hour) % 12 + 12 * (half in "pP") if half else int(hour)
    return instant(f"{day}T{of_day:02}{rest}{hours}:{minutes}", field)
