"""The one way a delivery comes in: cap the size, find the hook, verify the raw bytes, parse, hand over, answer 200.

The only Flask file of this package. It stores nothing itself: a Receiver does, and tells what became of it. Bad input
never ends in a 5xx; storage that is not there ends in 503 with Retry-After. Nothing here logs a key or a body.

What an address answers tells nothing about keys: an unknown, revoked and forged key, an unknown provider and an app
without a secret are one and the same 404; HEAD, OPTIONS and GET look nothing up. Only who knows a key, which cannot be
guessed, can see a 401. Source: webhook-reliability R8, R11, R15, R16, R18, R19; habit-services 1.1, 17 and 22.

Length: the one path that every delivery takes is read in one place.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from webhooks.errors import Forged, Invalid, Outdated, Rejected, TooLarge, Unavailable, Unreadable
from webhooks.limits import Limiter, What
from webhooks.receiver import H, Hook, Outcome, Receiver
from webhooks.registry import Provider
from webhooks.report import Answer, Incoming

__all__ = ["HEADERS", "LARGEST", "LONGEST_HEADER", "Hook", "Outcome", "Receiver", "create"]

LARGEST, LARGEST_EVER = 64 * 1024, 1024 * 1024
"""How long a body may be in bytes (R11); and how long one of a provider that has a `LARGEST` of its own."""
HEADERS = 100
LONGEST_HEADER = 8 * 1024
LENGTH = re.compile("[0-9]{1,18}")
COME_BACK = "30"
FAILED = "provider_failed"
METHODS = ("POST", "HEAD", "OPTIONS", "GET", "PUT", "PATCH", "DELETE")
ALLOW = {"Allow": "POST, HEAD, OPTIONS"}
# Some services post from the person's browser, which asks first (Fetch standard, CORS). No cookie is ever looked at.
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "content-type, authorization",
    "Access-Control-Max-Age": "86400",
}

log = logging.getLogger(__name__)


def create(
    receiver: Receiver[H],
    providers: Mapping[str, Provider],
    now: Callable[[], datetime],
    limiter: Limiter | None = None,
) -> Blueprint:
    """The blueprint with `/hooks/<provider>/<key>`, and `/hooks/<provider>` for apps with one address for all users.

    `now` tells the arrival as an aware UTC instant. Without a limiter nobody is told to slow down.
    """
    blueprint = Blueprint("hooks", __name__)
    intake = _Intake(receiver, providers, now, limiter)
    for endpoint, rule in (("receive", "/hooks/<provider>/<key>"), ("receive_for_app", "/hooks/<provider>")):
        blueprint.add_url_rule(rule, endpoint, intake.answer, methods=METHODS, provide_automatic_options=False)
    return blueprint


class _Unsure(Exception):
    """A delivery would be refused by what is remembered of its hook."""


@dataclass(frozen=True, slots=True)
class _Intake(Generic[H]):
    receiver: Receiver[H]
    providers: Mapping[str, Provider]
    now: Callable[[], datetime]
    limiter: Limiter | None

    def answer(self, provider: str, key: str | None = None) -> Response:
        """The view. Without a key the account in the body says whose delivery it is."""
        response = self._receive(provider, key) if request.method == "POST" else self._probed()
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    def _probed(self) -> Response:
        """Some services try an address with HEAD or OPTIONS before they post: yes, somebody is here (R19)."""
        if request.method == "HEAD":
            return Response()
        if request.method != "OPTIONS":
            body = {"error": "method", "message": "this address takes completions: give it to a service, to POST to"}
            return _json(body, 405, ALLOW)
        if "WebHook-Request-Origin" not in request.headers:
            return Response(status=204, headers={**ALLOW, **PREFLIGHT})
        # CloudEvents, http-webhook 1.0.2 section 4.2: all may send, at the rate of one hook.
        rate = self.limiter.hook_per_minute if self.limiter else None
        consent = {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": str(rate or "*")}
        return Response(status=200, headers={**ALLOW, **PREFLIGHT, **consent})

    def _receive(self, name: str, key: str | None) -> Response:
        if seconds := self._wait(What.ADDRESS, request.remote_addr or ""):
            return _too_many(seconds)
        provider = self.providers.get(name)
        if provider is None:
            return self._missed(_unknown())
        try:
            return self._taken(name, provider, key)
        except Unavailable:
            body = {"error": "unavailable", "message": "we cannot store this just now; please send it again"}
            return _json(body, 503, {"Retry-After": COME_BACK})

    def _taken(self, name: str, provider: Provider, key: str | None) -> Response:
        headers, arrival = dict[str, str](), self.now()
        try:
            headers = _headers()
            incoming = Incoming(headers, _body(_largest(provider)), arrival)
        except Rejected as why:
            unread = Incoming(headers, b"", arrival)
            hooks = self._noted(name, provider, key, unread) if isinstance(why, TooLarge) else ()
            return self._refused(hooks, name, unread, why)
        try:
            return self._judged(name, provider, key, incoming, anew=False)
        except _Unsure:
            return self._judged(name, provider, key, incoming, anew=True)
        except Outdated:
            return self._judged(name, provider, key, incoming, anew=True, let_in=True)

    def _judged(
        self, name: str, provider: Provider, key: str | None, incoming: Incoming, anew: bool, let_in: bool = False
    ) -> Response:
        """`anew`: by nothing that is remembered. `let_in`: it is counted in the limit of its hook already."""
        if key is None:
            return self._for_app(name, provider, incoming, let_in)
        return self._for_one(name, provider, key, incoming, anew, let_in)

    def _noted(self, name: str, provider: Provider, key: str | None, incoming: Incoming) -> Sequence[H]:
        """Whose page tells of a body that is too large: only where the proof holds without it, since it was not read.

        That is a provider whose address is the proof, or one with a secret in a header. What only a signature over the
        body could prove may be anybody's who has seen the address, and leaves nothing but a line in the log.
        """
        hook = self.receiver.find(name, key, anew=True) if key else None
        if hook is None:
            return ()
        try:
            _guarded(name, Forged, provider.verify, incoming, hook.secrets)
        except Rejected:
            return ()
        return (hook,)

    def _for_one(
        self, name: str, provider: Provider, key: str, incoming: Incoming, anew: bool, let_in: bool
    ) -> Response:
        """What is remembered of a hook lets a delivery in, where `record` checks it; any other answer asks anew."""
        hook = self.receiver.find(name, key, anew)
        if hook is None:
            return self._missed(_unknown())
        try:
            answer = _proved(name, provider, incoming, hook.secrets) or self._slowed(key, let_in)
            if answer is None:
                return self._kept(name, provider, (hook,), incoming)
        except Rejected as why:
            if isinstance(why, Forged) and not anew:
                raise _Unsure from why
            return self._refused((hook,), name, incoming, why)
        if not anew:
            raise _Unsure
        return answer

    def _for_app(self, name: str, provider: Provider, incoming: Incoming, let_in: bool) -> Response:
        """A delivery for whoever connected the account it names: nobody, or more than one person."""
        account_of = getattr(provider, "account", None)
        secrets = self.receiver.app_secrets(name) if account_of else ()
        if not account_of or not secrets:
            return self._missed(_unknown())
        hooks: Sequence[H] = ()
        try:
            answer = _proved(name, provider, incoming, secrets)
            if answer is not None:
                return answer
            account: str = _guarded(name, Invalid, account_of, incoming)
            hooks = self.receiver.find_account(name, account)
            if not hooks:
                return _told(Outcome("ignored", "nobody here has connected that account"))
            return self._slowed(f"{name}/{account}", let_in) or self._kept(name, provider, hooks, incoming)
        except Rejected as why:
            return self._refused(hooks, name, incoming, why)

    def _slowed(self, who: str, let_in: bool) -> Response | None:
        """Counted only once it is proved: who merely knows an address cannot use up its limit."""
        seconds = 0 if let_in else self._wait(What.HOOK, who)
        return _too_many(seconds) if seconds else None

    def _kept(self, name: str, provider: Provider, hooks: Sequence[H], incoming: Incoming) -> Response:
        reports = _guarded(name, Invalid, provider.reports, incoming)
        noticed = getattr(provider, "notices", None)
        notices = _guarded(name, Invalid, noticed, incoming) if noticed else ()
        arguments = (incoming, reports, notices) if notices else (incoming, reports)
        outcomes = [self.receiver.record(hook, *arguments) for hook in hooks]
        return _told(outcomes[0] if len(outcomes) == 1 else _together(outcomes))

    def _refused(self, hooks: Sequence[H], name: str, incoming: Incoming, why: Rejected) -> Response:
        for hook in hooks or (None,):
            self.receiver.refuse(hook, name, incoming, why)
        if isinstance(why, Forged):
            return self._missed(_refusal(why))
        # Our own mistake: it is kept and can be replayed, so the sender need neither try again nor give up (R13).
        return _told(Outcome("quarantined", str(why))) if hooks and why.reason == FAILED else _refusal(why)

    def _missed(self, answer: Response) -> Response:
        """That answer, or 429 to an address that was wrong too often (F7)."""
        seconds = self._wait(What.MISS, request.remote_addr or "")
        return _too_many(seconds) if seconds else answer

    def _wait(self, what: What, who: str) -> int:
        return self.limiter.wait(what, who) if self.limiter else 0


def _proved(name: str, provider: Provider, incoming: Incoming, secrets: Sequence[str]) -> Response | None:
    """Verifies, else raises Forged; the answer to a handshake, None for a delivery."""
    _guarded(name, Forged, provider.verify, incoming, secrets)
    handshake = getattr(provider, "handshake", None)
    answer: Answer | None = _guarded(name, Invalid, handshake, incoming) if handshake else None
    return Response(answer.text, 200, answer.headers, mimetype="text/plain") if answer else None


def _guarded(name: str, refusal: type[Rejected], step: Callable[..., Any], *arguments: object) -> Any:
    """Run a provider's step; a mistake in a provider refuses the delivery and never turns into a 5xx (R12, R13)."""
    try:
        return step(*arguments)
    except Rejected:
        raise
    except Exception as error:
        # No traceback: the error's own text may quote the body.
        log.error("provider %s failed with %s", name, type(error).__name__)
        raise refusal(FAILED, "we could not read this; it is our mistake, please report it") from None


def _headers() -> dict[str, str]:
    headers = {name.lower(): value for name, value in request.headers}
    if len(headers) > HEADERS:
        raise Unreadable("headers", f"more than {HEADERS} headers")
    if any(len(value) > LONGEST_HEADER for value in headers.values()):
        raise Unreadable("headers", f"a header is over {LONGEST_HEADER} bytes")
    return headers


def _largest(provider: Provider) -> int:
    """How long a body of that provider may be, in bytes."""
    return min(getattr(provider, "LARGEST", LARGEST), LARGEST_EVER)


def _body(largest: int) -> bytes:
    """The whole raw body, read one byte past the cap at most.

    Raises TooLarge; Unreadable when its end cannot be known, or did not come: a part of it may mean something else.
    """
    environ = request.environ
    length, coded = environ.get("CONTENT_LENGTH") or "0", "HTTP_TRANSFER_ENCODING" in environ
    # Only HTTP/1.1 has codings (RFC 9112 6.1): waitress leaves them in what is older, and gives an empty body.
    decoded = environ.get("wsgi.input_terminated") and environ.get("SERVER_PROTOCOL") == "HTTP/1.1"
    # Such a body is taken for an empty one, and an empty one may mean "done".
    if not LENGTH.fullmatch(length) or (coded and not decoded):
        raise Unreadable("length", "send a Content-Length that is a number")
    # At its own limit Werkzeug cuts a chunked body without a word, so the limit lies one byte further than ours.
    request.max_content_length = largest + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise _too_large(largest) from None
    except Exception:  # the sender is gone, or a chunk is none, for which each server has errors of its own
        raise _cut_short() from None
    if len(body) > largest:
        raise _too_large(largest)
    # gunicorn ends a body that breaks off without a word.
    if not coded and len(body) != int(length):
        raise _cut_short()
    return body


def _cut_short() -> Unreadable:
    return Unreadable("cut_short", "the body did not come whole; please send it again")


def _too_large(largest: int) -> TooLarge:
    cure = "send less at a time: leave out routes and metadata, or choose a shorter period"
    return TooLarge("too_large", f"the body is over {largest // 1024} KiB; {cure}")


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """One word for several people's outcomes: the best. Nobody is told of another's sessions."""
    words = {outcome.outcome for outcome in outcomes}
    return Outcome(next(word for word in ("accepted", "quarantined", "duplicate", "ignored") if word in words))


def _told(outcome: Outcome) -> Response:
    counted = [{"date": day, "slot": slot, "state": state} for day, slot, state in outcome.counted]
    return _json({"outcome": outcome.outcome, "message": outcome.message, "counted": counted}, 200)


def _refusal(why: Rejected) -> Response:
    return _json({"error": why.reason, "message": str(why)}, why.status)


def _too_many(seconds: int) -> Response:
    body = {"error": "too_many", "message": f"that is more than we take at a time; please come back in {seconds} s"}
    return _json(body, 429, {"Retry-After": str(seconds)})


def _unknown() -> Response:
    """One answer for an unknown provider and an unknown, revoked or forged key: it tells a guesser nothing (R15)."""
    return _json({"error": "unknown_hook", "message": "there is no such address; copy it again from your page"}, 404)


def _json(body: Mapping[str, object], status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, content_type="application/json")
