"""Hevy: word of a workout that was saved, for people with Hevy Pro. The workout itself we fetch.

Documentation: api.hevyapp.com/docs, `webhook-subscription`, which has left the published text while Hevy's settings and
five integrations still use it (fitness-platforms 3.5). It signs nothing and sends the token that was given to it as the
whole Authorization header. The body has two shapes; one without a workout is a trial of the address.
"""

from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Annotated

from msgspec import Meta, Struct, field

from webhooks.grade import Grade
from webhooks.payload import convert, parse_json
from webhooks.report import Answer, Incoming, Notice, Report
from webhooks.signatures import Proof, check_shared, shared_secret

TITLE = "Hevy"
REALTIME = False
MIXED = True


def new_token() -> str:
    """A token for Hevy to send, of 24 random bytes."""
    return token_urlsafe(24)


SECRETS = Proof("required", "token", "Authorization token", check_shared, new_token)
GRADE = Grade(signed=False, names="activity", undo=False, sample="made")

# It becomes part of an address that we fetch, so nothing that means something there may be in it.
WorkoutId = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9-]{1,64}\Z")]


class Named(Struct):
    workout_id: WorkoutId | None = field(name="workoutId", default=None)


class Body(Named):
    payload: Named | None = None


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    """Pass the token as the whole header, as Hevy sends it, or as a bearer."""
    sent = incoming.headers.get("authorization", "").strip()
    scheme, _, token = sent.partition(" ")
    shared_secret(token.strip() if scheme.lower() == "bearer" else sent, secrets)


def handshake(incoming: Incoming) -> Answer | None:
    return None if notices(incoming) else Answer()


def notices(incoming: Incoming) -> Sequence[Notice]:
    if not incoming.body.strip():
        return ()
    body = convert(parse_json(incoming), Body)
    found = body.workout_id or (body.payload and body.payload.workout_id)
    return (Notice(found),) if found else ()


def reports(incoming: Incoming) -> Sequence[Report]:
    """Nothing: a notice has no time and no exercise. What cannot be read is refused here too."""
    notices(incoming)
    return ()
