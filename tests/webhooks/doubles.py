"""Stand-ins for a receiver, and the bad bodies that every provider gets, for the tests of the hooks."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from webhooks import blueprint, signatures
from webhooks.errors import Rejected, Unavailable
from webhooks.limits import Limiter
from webhooks.payload import FORM
from webhooks.registry import providers
from webhooks.report import Incoming, Notice, Report

NOW = datetime(2026, 6, 2, 5, 10, 6, tzinfo=UTC)
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEY = "hook_4f9a.c2lnbmF0dXJl"


@dataclass
class Hook:
    secrets: Sequence[str]
    name: str = ""


@dataclass
class FakeReceiver:
    """One hook under KEY, and `accounts` with theirs; what is recorded and refused is noted, nothing is kept."""

    secrets: Sequence[str] = ()
    of_app: dict[str, Sequence[str]] = field(default_factory=dict)
    accounts: dict[str, Sequence[Hook]] = field(default_factory=dict)
    found: list[tuple[str, str]] = field(default_factory=list)
    recorded: list[Sequence[Report]] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    noticed: list[Sequence[Notice]] = field(default_factory=list)
    refused: list[tuple[Hook | None, str, Incoming, Rejected]] = field(default_factory=list)
    now: datetime = NOW
    failing: str = ""
    outcomes: list[str] = field(default_factory=list)

    def find(self, provider: str, key: str, anew: bool = False) -> Hook | None:  # noqa: ARG002
        self.found.append((provider, key))
        self._fail("find")
        return Hook(self.secrets) if key == KEY else None

    def app_secrets(self, provider: str) -> Sequence[str]:
        return self.of_app.get(provider, ())

    def find_account(self, provider: str, account: str) -> Sequence[Hook]:
        self.found.append((provider, account))
        self._fail("find_account")
        return self.accounts.get(account, ())

    def record(
        self, hook: Hook, incoming: Incoming, reports: Sequence[Report], notices: Sequence[Notice] = ()
    ) -> blueprint.Outcome:
        self._fail("record")
        assert incoming.received_at == self.now
        self.recorded.append(reports)
        self.hooks.append(hook)
        self.noticed.append(notices)
        if self.outcomes:
            return blueprint.Outcome(self.outcomes.pop(0), "of one person", ((date(2026, 6, 2), "evening", "open"),))
        if not reports:
            return blueprint.Outcome("ignored", "nothing for us")
        return blueprint.Outcome("accepted", "counted", ((date(2026, 6, 2), "morning", "done"),))

    def refuse(self, hook: Hook | None, provider: str, incoming: Incoming, why: Rejected) -> None:
        self._fail("refuse")
        self.refused.append((hook, provider, incoming, why))

    def _fail(self, step: str) -> None:
        if step == self.failing:
            raise Unavailable


def app_of(receiver: Any, known: Any = None, limiter: Limiter | None = None) -> Flask:
    app = Flask(__name__)
    app.testing = True
    app.register_blueprint(blueprint.create(receiver, known or providers(), lambda: receiver.now, limiter))
    return app


def client_of(receiver: Any, known: Any = None, limiter: Limiter | None = None) -> FlaskClient:
    return app_of(receiver, known, limiter).test_client()


def nothing(*_arguments: object) -> Any:
    return ()


def signed(body: bytes, message_id: str = "msg_1") -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signatures.sign(SECRET, message_id, NOW, body),
    }


# Source: webhook-reliability 2.7. Bodies as (bytes, headers); every provider gets each of them.
DEEP = b'{"type": "session.completed", "data": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "top-level array": (b"[]", {}),
    "top-level null": (b"null", {}),
    "top-level text": (b'"done"', {}),
    "nested 20,000 deep": (DEEP, {}),
    "2 to the 63rd": (b'{"type": "scored", "data": {"duration_seconds": 9223372036854775808}}', {}),
    "5,000 digits": (b'{"type": "scored", "n": ' + b"9" * 5000 + b"}", {}),
    "half a surrogate": (b'{"type": "scored", "note": "\\ud800"}', {}),
    "NUL": (b'{"type": "scored", "note": "\\u0000"}', {}),
    "control": (b'{"type": "scored", "note": "\\u0007"}', {}),
    "object for a text": (b'{"type": {"a": 1}}', {}),
    "number for a text": (b'{"type": 7}', {}),
    "NaN": (b'{"type": "scored", "delta": NaN}', {}),
    "1e999": (b'{"type": "scored", "delta": 1e999}', {}),
    "duplicate names": (b'{"type": "scored", "type": "x"}', {}),
    "UTF-16": ('{"type": "scored"}'.encode("utf-16"), {}),
    "byte order mark": (b'\xef\xbb\xbf{"type": "scored"}', {}),
    "bad UTF-8": (b'{"type": "\xff"}', {}),
    "gzip, said": (gzip.compress(b'{"type": "scored"}'), {"content-encoding": "gzip"}),
    "gzip, not said": (gzip.compress(b'{"type": "scored"}'), {}),
    "over the cap": (b'{"type": "' + b"x" * 65_536 + b'"}', {}),
    "plain text": (b"done", {"content-type": "text/plain"}),
    "multipart": (b"--x--", {"content-type": "multipart/form-data; boundary=x"}),
    "JSON called a form": (b'{"type": "scored"}', {"content-type": FORM}),
    "form called JSON": (b"type=scored", {}),
    "form in bad UTF-8": (b"note=%FF", {"content-type": FORM}),
    "UTF-7": (b"{}", {"content-type": "application/json; charset=utf-7"}),
    "cut short": (b'{"type": "sco', {}),
}
