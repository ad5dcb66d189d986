"""ntfy: a message to the phones that listen to a topic. It names no body part, for a lock screen is read by many.

Documentation: docs.ntfy.sh/publish, "Publish as JSON" and "Updating + deleting notifications". The `sequence_id` is
the same at every attempt, so that a second one replaces the first on the phone; servers before 2.16 show both.
"""

import hashlib

from integration.outgoing import Abilities, Call, Field, Refusal, Reply, Request, Sent, Settings, Told
from integration.replies import TRIES, accepted, send_json

TITLE = "ntfy"
SERVER = "https://ntfy.sh"
FIELDS = (
    Field("url", "Server", "Leave it as it is unless you have your own.", required=False, address=True, default=SERVER),
    Field(
        "topic",
        "Topic",
        "Who knows its name can read it: make one that nobody guesses.",
        secret=True,
        pattern=r"[A-Za-z0-9_-]{1,64}",
    ),
    Field("token", "Access token", "Only for a reserved topic.", secret=True, required=False, pattern=r"[!-~]{8,100}"),
)
ABILITIES = Abilities(
    dated=True,
    undo=False,
    confirms=True,
    holds="sessions",
    habits=False,
    note="Each is a short message to your phone.",
)


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    when = told.slot if told.today else f"{told.slot}, {told.date.day} {told.date:%B}"
    message = {
        "topic": settings["topic"],
        "title": "Turntwice",
        "message": f"Done: {when}",
        "tags": ["white_check_mark"],
        "sequence_id": hashlib.sha256(told.key.encode()).hexdigest()[:32],
    }
    _judged(send_json(call, "POST", f"{_base(settings)}/", _headers(settings), message))
    return Sent(words="sent")


def check(call: Call, settings: Settings) -> str:
    """Whether the server is one, and knows the token; whether somebody listens only a message can show."""
    what = "account" if settings.get("token") else "health"
    _judged(call(Request("GET", f"{_base(settings)}/v1/{what}", _headers(settings))))
    return "Connected. Subscribe to your topic in the ntfy app to see what comes."


def _judged(reply: Reply) -> None:
    if reply.status in (401, 403):
        raise Refusal("credentials", f"{TITLE} does not let us write there; give the topic's token", tries=TRIES)
    if reply.status == 404:
        raise Refusal("not_found", "there is no ntfy server at that address; give the right one", tries=TRIES)
    accepted(reply, TITLE)


def _base(settings: Settings) -> str:
    return (settings.get("url") or SERVER).rstrip("/")


def _headers(settings: Settings) -> Settings:
    return {"Authorization": f"Bearer {settings['token']}"} if settings.get("token") else {}
