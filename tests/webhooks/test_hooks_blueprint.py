import gzip
import io
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from webhooks import blueprint, signatures
from webhooks.errors import Forged, Rejected, Unavailable
from webhooks.payload import FORM
from webhooks.registry import providers
from webhooks.report import Answer, Incoming, Kind, Report
from webhooks.signatures import Proof

NOW = datetime(2026, 6, 2, 5, 10, 6, tzinfo=UTC)
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEY = "hook_4f9a.c2lnbmF0dXJl"
NAMES = ["standard", "simple", "habitica"]


@dataclass
class Hook:
    secrets: Sequence[str]


@dataclass
class FakeReceiver:
    secrets: Sequence[str] = ()
    found: list[tuple[str, str]] = field(default_factory=list)
    recorded: list[Sequence[Report]] = field(default_factory=list)
    refused: list[tuple[Hook | None, str, Incoming, Rejected]] = field(default_factory=list)
    failing: str = ""

    def find(self, provider: str, key: str) -> Hook | None:
        self.found.append((provider, key))
        self._fail("find")
        return Hook(self.secrets) if key == KEY else None

    def record(self, hook: Hook, incoming: Incoming, reports: Sequence[Report]) -> blueprint.Outcome:
        self._fail("record")
        assert hook.secrets == self.secrets
        assert incoming.received_at == NOW
        self.recorded.append(reports)
        if not reports:
            return blueprint.Outcome("ignored", "nothing for us")
        return blueprint.Outcome("accepted", "counted", ((date(2026, 6, 2), "morning", "done"),))

    def refuse(self, hook: Hook | None, provider: str, incoming: Incoming, why: Rejected) -> None:
        self._fail("refuse")
        self.refused.append((hook, provider, incoming, why))

    def _fail(self, step: str) -> None:
        if step == self.failing:
            raise Unavailable


def client_of(receiver: FakeReceiver, known: Any = None):
    app = Flask(__name__)
    app.testing = True
    app.register_blueprint(blueprint.create(receiver, known or providers(), lambda: NOW))
    return app.test_client()


def nothing(*_arguments: object) -> Any:
    return ()


def fail(*_arguments: object) -> Any:
    raise KeyError("canary of the body")


@pytest.fixture
def receiver() -> FakeReceiver:
    return FakeReceiver()


@pytest.fixture
def client(receiver):
    return client_of(receiver)


def signed(body: bytes, message_id: str = "msg_1") -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signatures.sign(SECRET, message_id, NOW, body),
    }


def post(receiver: FakeReceiver, name: str, body: bytes, headers: dict[str, str], proved: bool = True):
    """Post to a provider with whatever proof it takes; without it, `standard` and `simple` must answer 401."""
    receiver.secrets = {"standard": [SECRET], "simple": [] if proved else ["x" * 24]}.get(name, [])
    proof = signed(body) if name == "standard" and proved else {}
    all_headers = {"content-type": "application/json", **headers, **proof}
    return client_of(receiver).post(f"/hooks/{name}/{KEY}", data=body, headers=all_headers)


def test_a_signed_completion_is_recorded_and_answered_with_what_it_counted(receiver):
    body = b'{"type":"session.completed","data":{"slot":"morning"}}'
    answer = post(receiver, "standard", body, {})
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.json == {
        "outcome": "accepted",
        "message": "counted",
        "counted": [{"date": "2026-06-02", "slot": "morning", "state": "done"}],
    }
    assert receiver.recorded == [(Report(Kind.DONE, "msg_1", slot="morning"),)]
    assert receiver.refused == []


def test_an_event_that_means_nothing_to_us_is_recorded_as_such_and_answered_200(receiver):
    answer = post(receiver, "standard", b'{"type":"invoice.paid"}', {})
    assert (answer.status_code, answer.json["outcome"]) == (200, "ignored")
    assert receiver.recorded == [()]


def test_an_empty_post_to_the_simple_address_is_done_now(receiver, client):
    answer = client.post(f"/hooks/simple/{KEY}")
    assert answer.status_code == 200
    assert receiver.recorded[0][0].kind is Kind.DONE


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
FIELDS: dict[str, dict[str, Any]] = {
    "performed_at": {"missing offset": "2026-06-02T07:05:00", "week date": "2026-W01-1", "compact": "20260101T070000Z"},
    "date": {"no such day": "2026-02-30", "number": 20260602, "year 1": "0001-01-01"},
    "slot": {"object": {}, "array": ["morning"], "long": "m" * 501},
    "note": {"501 characters": "x" * 501, "number": 5},
    "habit": {"null in array": [None], "truth": True},
    "duration_seconds": {"negative": -1, "too long": 86_401, "text": "180", "truth": True},
    "timestamp": {
        "far": "9999-12-31T23:59:59-13:59",
        "near": "0001-01-01T00:00:00+13:59",
        "offset": "2026-06-02T07:05+15:00",
    },
}
WRONG = [(name, value) for name, values in FIELDS.items() for value in values.values()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body, headers", BODIES.values(), ids=BODIES.keys())
def test_a_bad_body_is_refused_kept_for_quarantine_and_never_recorded(receiver, name, body, headers):
    answer = post(receiver, name, body, headers)
    assert answer.status_code in {400, 413, 415, 422}
    assert set(answer.json) == {"error", "message"}
    assert receiver.recorded == []
    [(hook, provider, incoming, why)] = receiver.refused
    assert (provider, why.status) == (name, answer.status_code)
    assert (hook is None) == (answer.status_code == 413)
    assert incoming.body == (b"" if hook is None else body)


@pytest.mark.parametrize("name", ["standard", "simple"])
@pytest.mark.parametrize("body, headers", BODIES.values(), ids=BODIES.keys())
def test_a_bad_body_without_proof_is_only_told_that(receiver, name, body, headers):
    answer = post(receiver, name, body, headers, proved=False)
    assert answer.status_code == (413 if len(body) > blueprint.LARGEST else 401)
    assert receiver.recorded == []
    assert [hook is None or isinstance(why, Forged) for hook, _, _, why in receiver.refused] == [True]


@pytest.mark.parametrize("proved, status", [(True, 422), (False, 401)])
@pytest.mark.parametrize("name, value", WRONG)
def test_a_wrong_field_is_named_to_whoever_has_proved_himself(receiver, name, value, proved, status):
    flat = {"type": "session.completed", name: value}
    nested = flat if name == "timestamp" else {"type": "session.completed", "data": {name: value}}
    for provider, body in (("simple", flat), ("standard", nested)):
        answer = post(receiver, provider, json.dumps(body).encode(), {}, proved)
        assert answer.status_code == status
        assert (name in answer.json["message"]) == proved
    assert receiver.recorded == []


SIGNATURES = {
    "missing": "",
    "not ASCII": "v1,\xe9",
    "10,000 of them": "v1,AAAA " * 10_000,
    "repeated": "v1,AAAA,v1,AAAA",
    "bad base64": "v1,@@@",
    "Stripe's form": "t=1,v1=00",
    "tab": "v1,\tAAAA",
    "NUL": "v1,\x00",
}


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_an_odd_signature_header_is_401(receiver, client, signature):
    receiver.secrets = [SECRET]
    environ = {"HTTP_WEBHOOK_ID": "msg_1", "HTTP_WEBHOOK_TIMESTAMP": "1780377006", "HTTP_WEBHOOK_SIGNATURE": signature}
    answer = client.post(f"/hooks/standard/{KEY}", data=b"{}", environ_overrides=environ)
    assert answer.status_code == 401
    assert receiver.recorded == []


def test_two_message_ids_are_401(receiver, client):
    receiver.secrets = [SECRET]
    body = b'{"type":"session.completed"}'
    headers = [*signed(body).items(), ("webhook-id", "msg_2")]
    assert client.post(f"/hooks/standard/{KEY}", data=body, headers=headers).status_code == 401


def test_a_connection_without_a_usable_secret_takes_nothing_in(receiver, client):
    body = b'{"type":"session.completed"}'
    for receiver.secrets in ([], [""], ["whsec_"]):
        assert client.post(f"/hooks/standard/{KEY}", data=body, headers=signed(body)).status_code == 401


def test_unknown_provider_and_unknown_key_get_one_answer(receiver, client):
    answers = [
        client.post(f"/hooks/{path}", data=b"{}") for path in (f"nobody/{KEY}", "standard/guess", "simple/guess")
    ]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.data for answer in answers}) == 1
    assert receiver.found == [("standard", "guess"), ("simple", "guess")]
    assert (receiver.recorded, receiver.refused) == ([], [])


def test_a_get_is_told_to_post_and_a_head_is_told_somebody_is_here(receiver, client):
    answer = client.get(f"/hooks/simple/{KEY}")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert client.head(f"/hooks/simple/{KEY}").status_code == 200
    assert client.put(f"/hooks/simple/{KEY}").status_code == 405
    assert (receiver.found, receiver.recorded, receiver.refused) == ([], [], [])


def big(size: int) -> bytes:
    return b'{"note": "' + b"x" * (size - 12) + b'"}'


def test_the_cap_is_64_kib_to_the_byte(receiver, client):
    headers = {"content-type": "application/json"}
    at_cap = client.post(f"/hooks/simple/{KEY}", data=big(65_536), headers=headers)
    assert at_cap.json["error"] == "text"
    assert client.post(f"/hooks/simple/{KEY}", data=big(65_537), headers=headers).status_code == 413


class Counting(io.BytesIO):
    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        part = super().read(size)
        self.taken += len(part)
        return part

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        self.taken += count
        return count


def test_a_body_that_says_it_is_too_large_is_not_read(client):
    stream = Counting(b"x" * 10_000_000)
    answer = client.post(f"/hooks/simple/{KEY}", input_stream=stream, content_length=10_000_000)
    assert (answer.status_code, stream.taken) == (413, 0)


def test_a_chunked_body_is_read_to_the_cap_and_no_further(receiver, client):
    stream = Counting(b"x" * 10_000_000)
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post(f"/hooks/simple/{KEY}", input_stream=stream, environ_overrides=chunked)
    assert answer.status_code == 413
    assert stream.taken < 150_000
    assert receiver.recorded == []


def test_a_small_chunked_body_is_taken_in(receiver, client):
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post(f"/hooks/simple/{KEY}", input_stream=io.BytesIO(b'{"id": 5}'), environ_overrides=chunked)
    assert answer.status_code == 200
    assert receiver.recorded[0][0].event_id == "5"


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_LENGTH": "abc"},
        {"CONTENT_LENGTH": "-5"},
        {"CONTENT_LENGTH": "1e3"},
        {"CONTENT_LENGTH": "\xb2"},
        {"CONTENT_LENGTH": "50"},
        {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"},
        {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "x"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
    ],
    ids=str,
)
def test_a_body_whose_end_cannot_be_known_is_400_and_no_completion(receiver, client, environ):
    answer = client.post(
        f"/hooks/simple/{KEY}", input_stream=io.BytesIO(b'{"type": "undo"}'), environ_overrides=environ
    )
    assert answer.status_code == 400
    assert answer.json["error"] in {"length", "cut_short"}
    assert receiver.recorded == []


def test_a_body_longer_than_its_content_length_is_cut_there(receiver, client):
    body = b'{"type":"session.completed"}'
    receiver.secrets = [SECRET]
    answer = client.post(
        f"/hooks/standard/{KEY}",
        input_stream=io.BytesIO(body),
        environ_overrides={"CONTENT_LENGTH": "5"},
        headers=signed(body),
    )
    assert answer.status_code == 401


def test_more_than_100_headers_are_400():
    seen = []
    spy = SimpleNamespace(verify=lambda incoming, _: seen.append(len(incoming.headers)), reports=nothing)
    receiver = FakeReceiver()
    client = client_of(receiver, {"spy": spy})
    client.post(f"/hooks/spy/{KEY}")
    for count, status in ((100, 200), (101, 400)):
        headers = {f"x-header-{number}": "1" for number in range(count - seen[0])}
        assert client.post(f"/hooks/spy/{KEY}", headers=headers).status_code == status
    assert seen[1:] == [100]
    assert len(receiver.recorded) == 2


def test_header_names_are_lower_case_and_values_as_they_came(receiver):
    seen = []

    def look(incoming: Incoming, *_secrets: object) -> None:
        seen.append(incoming)

    spy = SimpleNamespace(verify=look, reports=nothing)
    client = client_of(receiver, {"spy": spy})
    client.post(f"/hooks/spy/{KEY}", data=b"raw\x00\xff", headers={"X-Strange-ONE": "Va Lue", "Content-Type": "a/B"})
    assert seen[0].headers["x-strange-one"] == "Va Lue"
    assert seen[0].headers["content-type"] == "a/B"
    assert seen[0].body == b"raw\x00\xff"
    assert seen[0].received_at == NOW


@pytest.mark.parametrize("step", ["find", "record", "refuse"])
def test_when_storage_is_away_the_sender_is_asked_to_come_back(receiver, client, step):
    receiver.failing = step
    body = b"[]" if step == "refuse" else b"{}"
    answer = client.post(f"/hooks/simple/{KEY}", data=body, headers={"content-type": "application/json"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert answer.json["error"] == "unavailable"


def test_a_handshake_is_answered_and_nothing_is_recorded(receiver):
    provider = SimpleNamespace(
        SECRETS=Proof("none"),
        verify=nothing,
        handshake=lambda incoming: (
            Answer("hello", {"X-Hook-Secret": "s"}) if "x-hook-secret" in incoming.headers else None
        ),
        reports=lambda _incoming: (Report(Kind.DONE, "1"),),
    )
    client = client_of(receiver, {"asana": provider})
    answer = client.post(f"/hooks/asana/{KEY}", headers={"X-Hook-Secret": "s"})
    assert (answer.status_code, answer.text, answer.headers["X-Hook-Secret"]) == (200, "hello", "s")
    assert receiver.recorded == []
    assert client.post(f"/hooks/asana/{KEY}").json["outcome"] == "accepted"


@pytest.mark.parametrize("step, status", [("verify", 401), ("reports", 422), ("handshake", 422)])
def test_a_mistake_in_a_provider_refuses_the_delivery_and_logs_nothing_of_it(receiver, caplog, step, status):
    odd = SimpleNamespace(**{"verify": nothing, "reports": nothing, step: fail})
    client = client_of(receiver, {"odd": odd})
    with caplog.at_level(logging.DEBUG):
        answer = client.post(f"/hooks/odd/{KEY}", data=b"canary of the body")
    assert (answer.status_code, answer.json["error"]) == (status, "provider_failed")
    assert "KeyError" in caplog.text
    assert "canary" not in caplog.text + answer.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_key_body_or_secret_is_logged_or_answered(receiver, caplog, name):
    with caplog.at_level(logging.DEBUG):
        for proved in (True, False):
            for body in (b'{"type": "canary"}', b'{"type": "session.completed", "note": "canary', b'["canary"]'):
                answer = post(receiver, name, body, {"x-canary": "canary"}, proved)
                assert "canary" not in answer.text
    assert not any(word in caplog.text for word in ("canary", KEY, SECRET))


@pytest.mark.parametrize("name", NAMES)
@given(
    body=st.binary(max_size=200) | st.text(alphabet='{}[]":,type0e\\ud8', max_size=40).map(str.encode),
    content_type=st.sampled_from(["application/json", FORM, ""])
    | st.text(st.characters(codec="latin-1", min_codepoint=32)),
    proved=st.booleans(),
)
def test_random_bytes_never_end_in_a_server_error(name, body, content_type, proved):
    receiver = FakeReceiver()
    answer = post(receiver, name, body, {"content-type": content_type}, proved)
    if proved or name == "habitica":
        assert answer.status_code in {200, 400, 415, 422}
        assert len(receiver.recorded) == (answer.status_code == 200)
    else:
        assert answer.status_code == 401
        assert receiver.recorded == []
