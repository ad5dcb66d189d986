"""The one way a delivery comes in: cap the size, find the hook, verify the raw bytes, parse, hand over, answer 200.

The only Flask file of this package. It stores nothing itself: a Receiver does, and tells what became of it. Bad input
never ends in a 5xx; storage that is not there ends in 503 with Retry-After. Nothing here logs a key or a body.
Source: webhook-reliability R8, R11, R15, R18, R19; habit-services 1.1.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from webhooks.errors import Forged, Invalid, Rejected, TooLarge, Unavailable, Unreadable
from webhooks.registry import Provider
from webhooks.report import Answer, Incoming, Report

LARGEST = 64 * 1024
HEADERS = 100
COME_BACK = "30"

log = logging.getLogger(__name__)


class Hook(Protocol):
    """What a receiver found under a key: the live secrets, and whatever else it wants back in `record`."""

    @property
    def secrets(self) -> Sequence[str]: ...


H = TypeVar("H", bound=Hook)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery. `outcome` is accepted, ignored, duplicate or quarantined; `message` is for people.

    `counted` lists the sessions it touched as (date, slot, state); `reason` labels why it was not accepted.
    """

    outcome: str
    message: str = ""
    counted: tuple[tuple[date, str, str], ...] = ()
    reason: str | None = None


class Receiver(Protocol[H]):
    """Who keeps deliveries. Each method may raise Unavailable, which is answered with 503."""

    def find(self, provider: str, key: str) -> H | None:
        """The hook of that key; None when there is none, whatever the reason."""

    def record(self, hook: H, incoming: Incoming, reports: Sequence[Report]) -> Outcome:
        """Keep a verified delivery, durably, and what it reports; with no reports it is kept as ignored."""

    def refuse(self, hook: H | None, provider: str, incoming: Incoming, why: Rejected) -> None:
        """Count a refusal. Keep the delivery (quarantined) only when it was verified: a hook, and not Forged."""


def create(receiver: Receiver[H], providers: Mapping[str, Provider], now: Callable[[], datetime]) -> Blueprint:
    """The blueprint with `/hooks/<provider>/<key>`. `now` tells the arrival as an aware UTC instant."""
    blueprint = Blueprint("hooks", __name__)
    intake = _Intake(receiver, providers, now)
    blueprint.add_url_rule("/hooks/<provider>/<key>", "receive", intake.answer, methods=["POST", "HEAD"])
    return blueprint


@dataclass(frozen=True, slots=True)
class _Intake(Generic[H]):
    receiver: Receiver[H]
    providers: Mapping[str, Provider]
    now: Callable[[], datetime]

    def answer(self, provider: str, key: str) -> Response:
        """The view. Some services probe with HEAD before they post: yes, somebody is here (R19)."""
        if request.method == "HEAD":
            return Response()
        known = self.providers.get(provider)
        if known is None:
            return _unknown()
        try:
            return self._receive(provider, known, key)
        except Unavailable:
            body = {"error": "unavailable", "message": "we cannot store this just now; please send it again"}
            return _json(body, 503, {"Retry-After": COME_BACK})

    def _receive(self, name: str, provider: Provider, key: str) -> Response:
        arrival, hook = Incoming({}, b"", self.now()), None
        try:
            arrival = Incoming(_headers(), _body(), arrival.received_at)
            hook = self.receiver.find(name, key)
            return _unknown() if hook is None else self._accept(name, provider, hook, arrival)
        except Rejected as why:
            self.receiver.refuse(hook, name, arrival, why)
            return _json({"error": why.reason, "message": str(why)}, why.status)

    def _accept(self, name: str, provider: Provider, hook: H, incoming: Incoming) -> Response:
        _guarded(name, Forged, provider.verify, incoming, hook.secrets)
        handshake = getattr(provider, "handshake", None)
        answer: Answer | None = _guarded(name, Invalid, handshake, incoming) if handshake else None
        if answer is not None:
            return Response(answer.text, 200, answer.headers, mimetype="text/plain")
        return _told(self.receiver.record(hook, incoming, _guarded(name, Invalid, provider.reports, incoming)))


def _guarded(name: str, refusal: type[Rejected], step: Callable[..., Any], *arguments: object) -> Any:
    """Run a provider's step; a mistake in a provider refuses the delivery and never turns into a 5xx (R12, R13)."""
    try:
        return step(*arguments)
    except Rejected:
        raise
    except Exception as error:
        # No traceback: the error's own text may quote the body.
        log.error("provider %s failed with %s", name, type(error).__name__)
        raise refusal("provider_failed", "we could not read this; it is our mistake, please report it") from None


def _headers() -> dict[str, str]:
    headers = {name.lower(): value for name, value in request.headers}
    if len(headers) > HEADERS:
        raise Unreadable("headers", f"more than {HEADERS} headers")
    return headers


def _body() -> bytes:
    """The raw body, read one byte past the cap at most. Raises TooLarge, or Unreadable when its end cannot be known."""
    environ = request.environ
    length = environ.get("CONTENT_LENGTH") or "0"
    # Werkzeug takes such a body for an empty one, and an empty one may mean "done".
    if not environ.get("wsgi.input_terminated") and (
        not (length.isascii() and length.isdigit()) or "HTTP_TRANSFER_ENCODING" in environ
    ):
        raise Unreadable("length", "send a Content-Length that is a number")
    # At its own limit Werkzeug cuts a chunked body without a word, so the limit lies one byte further than ours.
    request.max_content_length = LARGEST + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise _too_large() from None
    except BadRequest:
        raise Unreadable("cut_short", "the body ended before its Content-Length") from None
    if len(body) > LARGEST:
        raise _too_large()
    return body


def _too_large() -> TooLarge:
    return TooLarge("too_large", f"the body is over {LARGEST} bytes")


def _told(outcome: Outcome) -> Response:
    counted = [{"date": day, "slot": slot, "state": state} for day, slot, state in outcome.counted]
    return _json({"outcome": outcome.outcome, "message": outcome.message, "counted": counted}, 200)


def _unknown() -> Response:
    """One answer for an unknown provider and an unknown, revoked or forged key: it tells a guesser nothing (R15)."""
    return _json({"error": "unknown_hook", "message": "there is no such address; copy it again from your page"}, 404)


def _json(body: Mapping[str, object], status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, mimetype="application/json")
