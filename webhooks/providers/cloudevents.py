"""CloudEvents 1.0 over HTTP: the whole event as JSON, or its attributes as `ce-` headers around its data.

Documentation: cloudevents/spec, cloudevents/bindings/http-protocol-binding.md and formats/json-format.md, 1.0.2. What
lies in `data` is ours (README, "the signed webhook's body"). A sender's events are told apart by `source` and `id`
together. A batch is refused: nobody may send one unasked (3.3), and one bad event of it would hold up the others.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import unquote_to_bytes

from msgspec import Meta, Struct

from webhooks.errors import Invalid, WrongType
from webhooks.grade import Grade
from webhooks.payload import convert, given, instant, parse_json
from webhooks.providers.standard import Data, report
from webhooks.report import Incoming, Kind, Report
from webhooks.signatures import Proof, bearer, check_shared

TITLE = "CloudEvents"
# The arrival stands in only for a sender that leaves `time` out.
REALTIME = True
MIXED = False
SECRETS = Proof("optional", "bearer", "Bearer token", check_shared)
GRADE = Grade(signed=False, names="delivery", undo=True, sample="made")

# A type may have its owner's name before it, as in `org.example.session.completed`.
KINDS = {"session.completed": Kind.DONE, "session.undone": Kind.UNDONE}
STRUCTURED = "application/cloudevents+json"
ATTRIBUTES = ("specversion", "type", "source", "id", "time")

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
Given = Annotated[str, Meta(min_length=1)]


class Event(Struct):
    specversion: Literal["1.0"]
    type: Given
    source: Given
    id: Given
    time: str | None = None


class Content(Struct):
    data: Data | None = None
    data_base64: str | None = None


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    if secrets:
        bearer(incoming, secrets)


def reports(incoming: Incoming) -> Sequence[Report]:
    whole = parse_json(incoming) if _is_whole(incoming) else None
    event = convert(_attributes(incoming) if whole is None else whole, Event)
    kind = next((kind for name, kind in KINDS.items() if f".{event.type}".endswith(f".{name}")), None)
    if kind is None:
        return ()
    content = convert(_carried(incoming) if whole is None else whole, Content)
    if content.data_base64 is not None:
        raise Invalid("field", "data_base64: send the fields as JSON in data instead")
    return (_report(kind, event, content.data or Data()),)


def _is_whole(incoming: Incoming) -> bool:
    """Whether the body is the event and not only its data. Raises WrongType for what is no CloudEvent we can read."""
    media = incoming.content_type
    if media.startswith("application/cloudevents"):
        if media != STRUCTURED:
            raise WrongType("content_type", f"send one event at a time, as {STRUCTURED}")
        return True
    if "ce-specversion" not in incoming.headers:
        raise WrongType("content_type", f"send the event as {STRUCTURED}, or its attributes as ce- headers")
    return False


def _attributes(incoming: Incoming) -> dict[str, str]:
    sent = {name: incoming.headers.get(f"ce-{name}") for name in ATTRIBUTES}
    return {name: _decoded(value) for name, value in sent.items() if value}


def _decoded(header: str) -> str:
    """The attribute's text: quotes away, then percent-decoded once (HTTP binding 3.1.3.2). Raises Invalid."""
    quoted = _QUOTED.fullmatch(header)
    plain = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    try:
        return unquote_to_bytes(plain.encode("latin-1")).decode()
    except ValueError:
        raise Invalid("header", "a ce- header is not percent-encoded UTF-8") from None


def _carried(incoming: Incoming) -> dict[str, object]:
    return {"data": parse_json(incoming)} if incoming.body.strip() else {}


def _report(kind: Kind, event: Event, data: Data) -> Report:
    """`time` is when it happened; of a withdrawal that is not when the session was done."""
    happened = given(instant, event.time, "time")
    told = report(kind, _event_id(event), None, data, "data.")
    return replace(
        told,
        said_at=happened.at if happened else None,
        performed=told.performed or (happened if kind is Kind.DONE else None),
    )


def _event_id(event: Event) -> str:
    return hashlib.sha256(json.dumps((event.source, event.id)).encode()).hexdigest()
