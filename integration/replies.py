"""What most services' files need: to send JSON, and to judge an answer as webhook-reliability S4 and S5 say."""

import json
import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, TypeVar

from msgspec import ValidationError, convert

from integration.outgoing import Call, Field, Refusal, Reply, Request, Settings, Told

T = TypeVar("T")

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
# Webhook-reliability S5: of the refusals by 4xx, these ask us to come again; any other is final after three tries.
PASSING = frozenset({408, 409, 425, 429})
TRIES = 3
OURS = frozenset({"label", "when", "words", "account", "ignore"})
"""Settings of a connection that are neither a service's field nor a slot."""
CHECK_ADDRESS = "; is the address right?"
MOST = 1_000_000
"""A number of times beyond this is taken for so many."""


def send_json(call: Call, method: Literal["POST", "PUT", "PATCH"], url: str, headers: Settings, value: object) -> Reply:
    """Sends a value as compact JSON."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return call(Request(method, url, {"Content-Type": "application/json", **headers}, body))


def accepted(reply: Reply, title: str) -> Reply:
    """The reply itself when it says yes (2xx). Raises Refusal, judged as webhook-reliability S4 and S5 say."""
    status = reply.status
    if 200 <= status < 300:
        return reply
    after = retry_after(reply)
    if status in (401, 403):
        raise Refusal("credentials", f"{title} refused our key; give it a new one", tries=TRIES)
    if status == 404:
        raise Refusal("not_found", f"{title} has no such habit any more; choose another", tries=TRIES)
    if status == 410:
        raise Refusal("gone", f"{title} wants nothing more from us; connect it again to go on", gone=True)
    if status == 429:
        raise Refusal("rate_limited", f"{title} asks us to wait", after=max(after or 0, 60))
    if 300 <= status < 400:
        raise Refusal("redirect", f"{title} answered with another address; give that one")
    if 400 <= status < 500 and status not in PASSING:
        raise Refusal(f"http_{status}", f"{title} did not understand us (status {status})", tries=TRIES)
    raise Refusal(f"http_{status}", f"{title} is in trouble (status {status})", after=after)


def at_address(reply: Reply, title: str) -> Reply:
    """The reply itself, to what every such server knows, whatever habits it has. Raises Refusal for a 404."""
    if reply.status == 404:
        raise Refusal("not_found", f"nothing answers like {title} at that address; is it right?", tries=TRIES)
    return reply


def read(reply: Reply, title: str, shape: type[T], cure: str = "") -> T:
    """The JSON of an answer that says yes, as that shape. Raises Refusal, also for an answer that is not so."""
    return shaped(accepted(reply, title).json(), title, shape, cure)


def shaped(value: object, title: str, shape: type[T], cure: str = "", strict: bool = True) -> T:
    """A value from an answer, as that shape. Raises Refusal, with what a person may do about it as `cure`."""
    try:
        return convert(value, shape, strict=strict)
    except ValidationError:
        raise Refusal("unreadable_answer", f"{title} answered what we cannot read{cure}") from None


def mapped(settings: Settings, fields: Sequence[Field]) -> list[str]:
    """The remote habits that slots are mapped to, each once: what is neither a field nor a setting of ours."""
    other = OURS | {field.name for field in fields}
    return sorted({habit for name, habit in settings.items() if name not in other})


def began(told: Told, lasts: timedelta) -> datetime:
    """When a session that takes so long was begun, to the second, by the person's own clock: noon of its date where
    that lies on another, so that it counts for no day on which it was only said done.
    """
    at = (told.at - lasts).replace(microsecond=0)
    return at if at.date() == told.date else datetime.combine(told.date, time(12), told.at.tzinfo)


def times(number: float | None) -> int:
    """How often, from a number in an answer: whole, 0 for what is below 1 or no number, `MOST` for what is beyond."""
    return int(min(number, MOST)) if number is not None and number >= 1 else 0


def retry_after(reply: Reply) -> float | None:
    """Seconds asked for by `Retry-After`: a number, fractions allowed (Habitica sends them), or a date, counted from
    the answer's own `Date`. None for anything else, and for what lies in the past (S4).
    """
    found = reply.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(found):
        return float(found)
    try:
        wait = parsedate_to_datetime(found) - parsedate_to_datetime(reply.headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return wait.total_seconds() if wait.total_seconds() > 0 else None
