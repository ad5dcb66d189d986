"""Any service or script that takes our own signed webhooks, by Standard Webhooks 1.0.0.

Documentation: standard-webhooks/spec/standard-webhooks.md. The body is what our provider `standard` takes in, with
`origin`: the id under which we tell of it. The id and the body stay the same at every attempt, the time and so the
signatures do not. Of several secrets each signs, so that a receiver can change to the new one while the old one holds.
"""

import json
from datetime import datetime
from typing import Any

from integration.connecting.grace import live
from integration.outgoing import Abilities, Call, Field, Refusal, Request, Sent, Settings, Told
from integration.replies import TRIES, accepted
from webhooks.errors import BadSecret
from webhooks.signing import check_signing_secret, sign_all

TITLE = "Signed webhook"
FIELDS = (
    Field("url", "Address", "Where our messages go, such as https://example.org/hooks/stretch", address=True),
    Field(
        "secret",
        "Signing secret",
        "Begins with whsec_ (or whsk_). To change it, give the new and the old one with a comma between.",
        secret=True,
        pattern=r"wh(sec|sk)_[A-Za-z0-9+/=]+( ?, ?wh(sec|sk)_[A-Za-z0-9+/=]+){0,4}",
    ),
)
ABILITIES = Abilities(
    dated=True,
    undo=True,
    confirms=True,
    holds="sessions",
    habits=False,
    events=True,
    note="It hears of sessions done and taken back, and of changes of your streak.",
)

COMPLETED, UNDONE = "session.completed", "session.undone"


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    """Tells of a session, or of the event that `told.extra` names as its type, such as `streak.changed`."""
    return _tell(call, settings, told, COMPLETED)


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    return _tell(call, settings, told, UNDONE)


def check(call: Call, settings: Settings) -> str:
    """A look at the address without a message: what takes messages may well say no to that."""
    reply = call(Request("GET", settings["url"]))
    if reply.status >= 500 or 300 <= reply.status < 400:
        accepted(reply, TITLE)
    return "Something answers at that address; whether it takes our messages shows with the first one."


def _tell(call: Call, settings: Settings, told: Told, usual: str) -> Sent:
    body, at = _body(told, usual), told.sent_at or told.said_at
    headers = {
        "Content-Type": "application/json",
        "webhook-id": told.key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": sign_all(_secrets(settings, at), told.key, at, body),
    }
    reply = call(Request("POST", settings["url"], headers, body))
    if reply.status == 404:
        raise Refusal("not_found", "nothing takes messages at that address; give the right one", tries=TRIES)
    accepted(reply, TITLE)
    return Sent(words="taken")


def _body(told: Told, usual: str) -> bytes:
    """The same bytes for the same values: sorted names, no space, the instants as they were given."""
    more = dict(told.extra)
    kind = more.pop("type", usual)
    data = {**_session(told, kind), **more, "origin": told.key}
    event = {"type": kind, "timestamp": told.said_at.isoformat(), "data": data}
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _session(told: Told, kind: str) -> dict[str, Any]:
    named = {"date": told.date.isoformat(), "slot": told.slot, **({"habit": told.habit} if told.habit else {})}
    return {**named, "performed_at": told.at.isoformat()} if kind == COMPLETED else named


def _secrets(settings: Settings, at: datetime) -> list[str]:
    try:
        return [check_signing_secret(secret) for secret in live(settings.get("secret", ""), at)]
    except BadSecret as error:
        raise Refusal("secret", f"the signing secret cannot be used: {error}", permanent=True) from None
