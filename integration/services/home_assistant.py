"""Home Assistant: an event on its bus, or a call of a webhook that starts an automation.

Documentation: developers.home-assistant.io, REST API; home-assistant/core, `components/webhook`. An event needs a
long-lived token of an administrator, and its answer is honest. A webhook answers 200 to everything: to an id it does
not know, to a caller from outside that it keeps out, and when the automation failed. So a token goes first.
"""

from typing import Any
from urllib.parse import quote

from integration.outgoing import Abilities, Call, Field, Refusal, Reply, Request, Sent, Settings, Told
from integration.replies import TRIES, accepted, send_json

TITLE = "Home Assistant"
FIELDS = (
    Field("url", "Address", "Where your Home Assistant opens, such as https://home.example.org", address=True),
    Field(
        "token",
        "Long-lived access token",
        "In your profile there, under Security, as an administrator. It gets the event turntwice_session.",
        secret=True,
        required=False,
        pattern=r"[!-~]{20,500}",
    ),
    Field(
        "webhook",
        "Webhook id",
        "Of an automation, in place of a token. Home Assistant says yes to any id, so try it.",
        secret=True,
        required=False,
        pattern=r"[!-~]{1,200}",
    ),
)
ABILITIES = Abilities(
    dated=True,
    undo=True,
    confirms=False,
    holds="sessions",
    habits=False,
    note="It hears of each session and does with it what your automation says.",
)

EVENT = "turntwice_session"


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    return _tell(call, settings, told, "session.completed")


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    """An event of its own; what it changes there is up to the automation."""
    return _tell(call, settings, told, "session.undone")


def check(call: Call, settings: Settings) -> str:
    if not _token(settings):
        return "Not tried: Home Assistant says yes to any webhook id, so look there after the next session."
    _judged(call(Request("GET", f"{_base(settings)}/api/", _headers(settings))))
    return "Connected. Events need the token of an administrator."


def _tell(call: Call, settings: Settings, told: Told, kind: str) -> Sent:
    data = _data(told, kind)
    if _token(settings):
        _judged(send_json(call, "POST", f"{_base(settings)}/api/events/{EVENT}", _headers(settings), data))
        return Sent(words="event fired")
    url = f"{_base(settings)}/api/webhook/{quote(settings['webhook'], safe='')}"
    _judged(send_json(call, "POST", url, {}, data))
    return Sent(words="sent")


def _data(told: Told, kind: str) -> dict[str, Any]:
    session = {"slot": told.slot, "date": told.date.isoformat(), "at": told.at.isoformat()}
    return {"type": kind, **session, "done": told.done, "due": told.due, "origin": told.key}


def _token(settings: Settings) -> str:
    """The token, empty where a webhook stands in. Raises Refusal when there is neither."""
    if not (settings.get("token") or settings.get("webhook")):
        raise Refusal("incomplete", f"{TITLE} needs a token or a webhook id; give one", permanent=True)
    return settings.get("token", "")


def _judged(reply: Reply) -> None:
    if reply.status == 401:
        raise Refusal("credentials", f"{TITLE} refused the token; give one of an administrator", tries=TRIES)
    if reply.status == 404:
        raise Refusal("not_found", f"there is no {TITLE} at that address; give the right one", tries=TRIES)
    accepted(reply, TITLE)


def _base(settings: Settings) -> str:
    return settings["url"].rstrip("/")


def _headers(settings: Settings) -> Settings:
    return {"Authorization": f"Bearer {_token(settings)}"}
