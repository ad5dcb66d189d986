import io
import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.doubles import BODIES, KEY, NOW, SECRET, FakeReceiver, client_of, nothing, signed
from webhooks import blueprint
from webhooks.errors import Forged
from webhooks.payload import FORM
from webhooks.report import Answer, Incoming, Kind, Report
from webhooks.signatures import Proof

NAMES = ["standard", "simple", "habitica"]


def fail(*_arguments: object) -> Any:
    raise KeyError("canary of the body")


@pytest.fixture
def receiver() -> FakeReceiver:
    return FakeReceiver()


@pytest.fixture
def client(receiver):
    return client_of(receiver)


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
# The simple webhook leaves them out: what they say decides nothing.
BESIDE_THE_POINT = {"note", "duration_seconds", "timestamp"}
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
    # What is too large is not read: then only a proof that needs no body still holds.
    assert (hook is None) == (answer.status_code == 413 and name == "standard")
    assert incoming.body == (b"" if answer.status_code == 413 else body)


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
    strict = [("standard", nested)] if name in BESIDE_THE_POINT and proved else [("simple", flat), ("standard", nested)]
    for provider, body in strict:
        answer = post(receiver, provider, json.dumps(body).encode(), {}, proved)
        assert answer.status_code == status
        assert (name in answer.json["message"]) == proved
    assert receiver.recorded == []


@pytest.mark.parametrize("name, value", [(name, value) for name, value in WRONG if name in BESIDE_THE_POINT])
def test_a_wrong_field_beside_the_point_loses_no_session_of_the_simple_webhook(receiver, name, value):
    answer = post(receiver, "simple", json.dumps({"slot": "morning", name: value}).encode(), {})
    assert answer.status_code == 200
    assert [report.slot for report in receiver.recorded[0]] == ["morning"]


SIGNATURES = {
    "missing": "",
    "not ASCII": "v1,\xe9",
    "1,000 of them": "v1,AAAA " * 1_000,
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
    assert (answer.status_code, answer.json["error"]) == (405, "method")
    assert "POST" in answer.headers["Allow"]
    assert client.head(f"/hooks/simple/{KEY}").status_code == 200
    assert client.put(f"/hooks/simple/{KEY}").status_code == 405
    assert (receiver.found, receiver.recorded, receiver.refused) == ([], [], [])


def big(size: int) -> bytes:
    return b'{"slot": "' + b"x" * (size - 12) + b'"}'


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


def test_a_header_over_8_kib_is_400():
    receiver = FakeReceiver()
    for size, status in ((8192, 200), (8193, 400)):
        assert client_of(receiver).post(f"/hooks/simple/{KEY}", headers={"x-long": "x" * size}).status_code == status
    assert len(receiver.recorded) == 1


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


def mistaken(step: str) -> Any:
    return {"odd": SimpleNamespace(**{"verify": nothing, "reports": nothing, step: fail})}


def test_a_mistake_in_a_provider_while_it_verifies_is_401_and_nothing_is_logged_of_it(receiver, caplog):
    with caplog.at_level(logging.DEBUG):
        answer = client_of(receiver, mistaken("verify")).post(f"/hooks/odd/{KEY}", data=b"canary of the body")
    assert (answer.status_code, answer.json["error"]) == (401, "provider_failed")
    assert "KeyError" in caplog.text
    assert not any(word in caplog.text + answer.text for word in ("canary", KEY))


@pytest.mark.parametrize("step", ["reports", "handshake", "notices"])
def test_what_a_provider_fails_at_is_proved_and_kept_so_the_sender_is_done(receiver, caplog, step):
    """It is our mistake, and it heals by a replay: a service must not switch the hook off for it (R13)."""
    with caplog.at_level(logging.DEBUG):
        answer = client_of(receiver, mistaken(step)).post(f"/hooks/odd/{KEY}", data=b"canary of the body")
    assert (answer.status_code, answer.json["outcome"]) == (200, "quarantined")
    [(hook, _, incoming, why)] = receiver.refused
    assert (hook is None, incoming.body, why.reason) == (False, b"canary of the body", "provider_failed")
    assert receiver.recorded == []
    assert "KeyError" in caplog.text
    assert not any(word in caplog.text + answer.text for word in ("canary", KEY))


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
