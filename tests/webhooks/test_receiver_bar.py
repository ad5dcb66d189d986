"""The receiver's bar at the door itself, for every provider there is: webhook-reliability R8 to R12, R15, R17 and R19.

What is posted are the samples, so a provider that is dropped in is held to it by its own files. Faults and real sockets
stand in tests/faults/test_receiver_faults.py and tests/e2e/test_receiver_sockets.py.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.connecting import connections
from integration.errors import Refused
from integration.keys import KeyKind, Keys, random_id
from integration.parts import Parts
from tests.integration.conftest import newcomer
from tests.webhooks.doubles import BODIES, KEY, FakeReceiver, client_of, nothing
from webhooks.blueprint import LARGEST
from webhooks.errors import BadSecret, Forged
from webhooks.payload import FORM
from webhooks.registry import Provider, providers

SAMPLES = Path(__file__).parents[1] / "samples"
HARMLESS = {200, 400, 401, 413, 415, 422}
# Bodies that nobody may take for JSON or a form, whatever its fields mean to him.
UNREADABLE = set(BODIES) - {"top-level text", "object for a text", "number for a text"}


@dataclass(frozen=True)
class Sample:
    """A delivery of a service, as its file has it."""

    provider: str
    name: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    secrets: tuple[str, ...]
    reports: bool
    fields: Any = field(repr=False)

    def __str__(self) -> str:
        return f"{self.provider}-{self.name}"


def read(path: Path) -> Sample:
    told = json.loads(path.read_text(encoding="utf-8"))
    body = told["body"] if isinstance(told["body"], str) else json.dumps(told["body"])
    at, secrets = datetime.fromisoformat(told["received_at"]), tuple(told.get("secrets", ()))
    fields = told["body"] if isinstance(told["body"], dict) else None
    reports = bool(told.get("reports")) and "rejected" not in told
    return Sample(path.parent.name, path.stem, told["headers"], body.encode(), at, secrets, reports, fields)


ALL = [read(path) for name in providers() for path in sorted((SAMPLES / name).glob("*.json"))]
COUNTED = [sample for sample in ALL if sample.reports]
each = pytest.mark.parametrize("name", providers())


def of(name: str) -> Sample:
    """A sample of that provider that says something, with a secret if there is one."""
    ours = [sample for sample in ALL if sample.provider == name]
    ours.sort(key=lambda sample: (not sample.secrets, not sample.reports, len(sample.body)))
    return ours[0]


def send(sample: Sample, receiver: FakeReceiver | None = None, known: Any = None, **changed: Any) -> Any:
    """Posts a sample when it came; headers go as raw as a socket would hand them over."""
    sent = replace(sample, **changed)
    receiver = receiver or FakeReceiver()
    receiver.secrets, receiver.now = receiver.secrets or sent.secrets, sample.received_at
    raw = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.headers.items()}
    raw |= {"CONTENT_TYPE": raw.pop("HTTP_CONTENT_TYPE", "")}
    return client_of(receiver, known).post(
        f"/hooks/{sample.provider}/{KEY}", data=sent.body, environ_overrides={**raw, "HTTP_CONTENT_LENGTH": None}
    )


def proved(provider: Provider) -> Any:
    """That provider for a sender whose proof holds, whatever he sends."""
    parts = {name: getattr(provider, name) for name in ("handshake", "notices") if hasattr(provider, name)}
    return SimpleNamespace(verify=nothing, reports=provider.reports, **parts)


@pytest.mark.parametrize("sample", ALL, ids=str)
def test_a_sample_comes_through_the_door(sample: Sample) -> None:
    receiver = FakeReceiver()
    answer = send(sample, receiver)
    assert answer.status_code in HARMLESS - {401}, answer.text
    assert [bool(reports) for reports in receiver.recorded] == [True] * sample.reports or not sample.reports


# --- R8: every bit counts ---------------------------------------------------------------------------------------------

SIGNED = [name for name, provider in providers().items() if provider.GRADE.signed]


def flipped(value: bytes) -> Iterator[bytes]:
    """At every byte one bit, another one from byte to byte; and the whole of it cut, doubled and gone."""
    for place in range(len(value)):
        yield value[:place] + bytes([value[place] ^ (1 << place % 8)]) + value[place + 1 :]
    yield from (value[:-1], value + value, b"")


def proofs(sample: Sample) -> list[str]:
    """The headers without which it is refused."""
    without = {name: {n: v for n, v in sample.headers.items() if n != name} for name in sample.headers}
    return [name for name, headers in without.items() if send(sample, headers=headers).status_code == 401]


@pytest.mark.parametrize("name", SIGNED)
def test_a_bit_flipped_anywhere_in_body_or_proof_is_401(name: str) -> None:
    sample, receiver = of(name), FakeReceiver()
    assert send(sample, receiver).status_code == 200
    found = proofs(sample)
    assert found, "something proves it"
    for body in flipped(sample.body):
        assert send(sample, receiver, body=body).status_code == 401
    for header in found:
        for value in flipped(sample.headers[header].encode("latin-1")):
            changed = {**sample.headers, header: value.decode("latin-1")}
            assert send(sample, receiver, headers=changed).status_code == 401, (header, value)
    assert len(receiver.recorded) == 1
    assert all(isinstance(why, Forged) for *_, why in receiver.refused), "and nothing of it is kept"


@pytest.mark.parametrize("name", [name for name in providers() if of(name).secrets])
def test_every_live_secret_is_tried_and_no_sixth(name: str) -> None:
    sample = of(name)
    make = providers()[name].SECRETS.make or (lambda: random_id())
    for place in range(5):
        live = [make() for _ in range(4)]
        live.insert(place, sample.secrets[0])
        assert send(sample, secrets=tuple(live)).status_code == 200
    assert send(sample, secrets=(*(make() for _ in range(5)), sample.secrets[0])).status_code == 401


# --- R9: closed unless it is proved -----------------------------------------------------------------------------------

WEAK = {"empty": "", "prefix alone": "whsec_", "three bytes": "whsec_YWJj", "23 characters": "x" * 23, "a space": " "}


@each
@pytest.mark.parametrize("weak", WEAK.values(), ids=WEAK)
def test_a_weak_secret_cannot_be_set_up(name: str, weak: str) -> None:
    check = providers()[name].SECRETS.check
    if check:
        with pytest.raises(BadSecret):
            check(weak)
    else:
        assert providers()[name].SECRETS.needed == "none", "who asks for a secret must look at it"


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@each
def test_a_connection_that_needs_a_secret_is_never_without_one(parts: Parts, name: str) -> None:
    proof, person = parts.providers[name].SECRETS, newcomer(parts).id
    settings = {proof.setting: ""} if proof.setting else {}
    if settings:
        with pytest.raises(Refused):
            connections.add(parts.store, parts.keys, parts.providers, person, name, settings, parts.clock())
    if proof.needed == "required" and proof.make is None:
        with pytest.raises(Refused):
            connections.add(parts.store, parts.keys, parts.providers, person, name, {}, parts.clock())
    else:
        made = connections.add(parts.store, parts.keys, parts.providers, person, name, {}, parts.clock())
        assert bool(made.secret) == (proof.needed == "required")


NEEDED = {name: provider.SECRETS.needed for name, provider in providers().items()}
UNUSABLE = [("",), ("whsec_",), ("whpk_",), (" ",)]
CLOSED = [(name, live) for name, needed in NEEDED.items() if needed != "none" for live in UNUSABLE]
CLOSED += [(name, ()) for name, needed in NEEDED.items() if needed == "required"]


@pytest.mark.parametrize("name, live", CLOSED)
def test_a_hook_without_a_usable_secret_lets_nothing_pass(name: str, live: tuple[str, ...]) -> None:
    for sample in (sample for sample in ALL if sample.provider == name):
        for headers in (sample.headers, {**sample.headers, "authorization": ""}):
            receiver = FakeReceiver(secrets=list(live))
            receiver.now = sample.received_at
            answer = client_of(receiver).post(f"/hooks/{name}/{KEY}", data=sample.body, headers=dict(headers))
            assert (answer.status_code, receiver.recorded) == (401, [])


# --- R10: five minutes both ways --------------------------------------------------------------------------------------

TIMED = [name for name in SIGNED if any("timestamp" in header for header in of(name).headers)]


@pytest.mark.parametrize("late, status", [(-301, 401), (-300, 200), (0, 200), (300, 200), (301, 401), (86_400, 401)])
@pytest.mark.parametrize("name", TIMED)
def test_a_signed_time_holds_for_five_minutes_both_ways(name: str, late: int, status: int) -> None:
    sample = of(name)
    signed_at = next(int(value) for header, value in sample.headers.items() if "timestamp" in header)
    moved = replace(sample, received_at=datetime.fromtimestamp(signed_at, sample.received_at.tzinfo))
    assert send(replace(moved, received_at=moved.received_at + timedelta(seconds=late))).status_code == status


@pytest.mark.parametrize("spelling", ["{}_0", " {} ", "+{}", "{}.0", "1e9", "nan", "inf", "-{}", "0x{}", "{},{}", ""])
@pytest.mark.parametrize("name", TIMED)
def test_a_time_is_whole_seconds_and_nothing_else(name: str, spelling: str) -> None:
    sample = of(name)
    header = next(header for header in sample.headers if "timestamp" in header)
    changed = {**sample.headers, header: spelling.replace("{}", sample.headers[header])}
    assert send(sample, headers=changed).status_code == 401


# --- R12: bad input ---------------------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize("bad", BODIES)
def test_a_bad_body_is_harmless_signed_and_unsigned(name: str, bad: str) -> None:
    body, headers = BODIES[bad]
    provider, sample = providers()[name], of(name)
    headers = {"content-type": "application/json", **headers}
    for known, unproved in (({name: proved(provider)}, False), (None, bool(sample.secrets))):
        receiver = FakeReceiver()
        answer = send(replace(sample, headers=headers, body=body), receiver, known)
        if unproved:
            assert answer.status_code == (413 if len(body) > getattr(provider, "LARGEST", LARGEST) else 401)
        elif bad in UNREADABLE:
            assert answer.status_code in HARMLESS - {200, 401}
        else:
            assert answer.status_code in HARMLESS - {401}
        assert not any(receiver.recorded), "nobody has done anything"
        assert not any(receiver.noticed)


HEADERS = {
    "an odd length": ("CONTENT_LENGTH", "\xb2"),
    "two types": ("CONTENT_TYPE", "application/json, text/plain"),
    "a type that is no type": ("CONTENT_TYPE", "\x00\xff;;=;"),
    "a bearer of bytes": ("HTTP_AUTHORIZATION", "Bearer \xff\xfe"),
    "a NUL": ("HTTP_AUTHORIZATION", "Bearer \x00"),
    "a tab": ("HTTP_AUTHORIZATION", "Bearer\tx"),
    "another scheme": ("HTTP_AUTHORIZATION", "Basic eDp5"),
    "an encoding": ("HTTP_CONTENT_ENCODING", "br"),
    "a coding": ("HTTP_TRANSFER_ENCODING", "x"),
}


@each
@pytest.mark.parametrize("variable, value", HEADERS.values(), ids=HEADERS)
def test_a_bad_header_is_harmless(name: str, variable: str, value: str) -> None:
    sample = of(name)
    receiver = FakeReceiver(secrets=list(sample.secrets))
    receiver.now = sample.received_at
    client = client_of(receiver)
    answer = client.post(f"/hooks/{name}/{KEY}", data=sample.body, environ_overrides={variable: value})
    assert answer.status_code in HARMLESS
    if variable == "HTTP_CONTENT_ENCODING" and name != "simple" and answer.status_code != 401:
        assert answer.status_code == 415


# --- R15: one answer --------------------------------------------------------------------------------------------------


@dataclass
class Work:
    """What a request made the server do."""

    statements: int
    keys_read: int
    signatures_checked: int


def test_unknown_ended_and_strange_keys_get_one_answer_for_one_amount_of_work(
    parts: Parts, client: FlaskClient, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work is what a clock would show; 2,000 requests, so that nothing shows in the long run either."""
    read, checks, reads = Keys._read, list[str](), list[str]()
    monkeypatch.setattr(parts.keys, "read", lambda kind, key: reads.append(key) or read(parts.keys, kind, key))
    monkeypatch.setattr(parts.providers["standard"], "verify", lambda *_told: checks.append("checked"))
    person = newcomer(parts)
    ended, other = person.connect("standard"), person.connect("simple")
    connections.revoke(parts.store, ended.id, parts.clock())
    unknown = {
        "never made": parts.keys.key(KeyKind.HOOK, random_id()),
        "ended": parts.keys.key(KeyKind.HOOK, ended.key or ""),
        "of another service": parts.keys.key(KeyKind.HOOK, other.key or ""),
    }

    def work(key: str) -> tuple[Work, set[Any]]:
        told = set()
        for lot in (statements, reads, checks):
            lot.clear()
        for _ in range(2000 // len(unknown)):
            answer = client.post(f"/hooks/standard/{key}", data=b"{}")
            told.add((answer.status_code, answer.data, str(answer.headers)))
        return Work(len(statements), len(reads), len(checks)), told

    done = [work(key) for key in unknown.values()]
    assert len({repr(each) for each, _ in done}) == 1, done
    assert done[0][0].signatures_checked == 0
    [told] = set.union(*(told for _, told in done))
    assert told[0] == 404
    forged, answered = work(unknown["ended"][:-3] + "AAA")
    assert answered == {told}
    assert (forged.statements, forged.signatures_checked) == (0, 0), "refused before any query"


# --- R17: the type decides once ---------------------------------------------------------------------------------------

TYPES = ["text/plain", "multipart/form-data; boundary=x", "application/xml", "application/octet-stream", FORM]


JSON = [sample for sample in COUNTED if sample.fields is not None]


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("sample", [sample for sample in JSON if "ce-specversion" not in sample.headers], ids=str)
def test_json_under_another_name_is_refused(sample: Sample, content_type: str) -> None:
    receiver = FakeReceiver()
    answer = send(sample, receiver, headers={**sample.headers, "content-type": content_type})
    assert answer.status_code in {400, 401, 415}, "401 where the proof is inside the body"
    assert receiver.recorded == []


@each
@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_a_form_under_another_name_is_refused(name: str, content_type: str) -> None:
    receiver = FakeReceiver()
    headers = {"content-type": content_type}
    known = {name: proved(providers()[name])}
    answer = send(replace(of(name), headers=headers, body=b"type=done&slot=morning"), receiver, known)
    assert answer.status_code in {400, 415, 422}
    assert receiver.recorded == []


OURS = {
    "person": "x",
    "connection": "x",
    "received_at": "2000-01-01T00:00:00Z",
    "source": "person",
    "content": "x",
    "key": "x",
    "outcome": "accepted",
    "said_at": "2000-01-01T00:00:00Z",
    "event_id": "x",
    "likeness": "stretch",
    "files": {"x": {"filepath": "/etc/passwd"}},
    "realtime": True,
    "mixed": False,
}


@pytest.mark.parametrize("sample", JSON, ids=str)
def test_fields_that_we_set_ourselves_are_never_taken_from_a_body(sample: Sample) -> None:
    """As n8n's CVE-2026-21858: names that mean something inside must mean nothing from outside."""
    provider = providers()[sample.provider]
    more = json.dumps({**{name: value for name, value in OURS.items() if name not in sample.fields}, **sample.fields})
    known = {sample.provider: proved(provider)}
    plain, with_more = FakeReceiver(), FakeReceiver()
    send(sample, plain, known)
    if send(replace(sample, body=more.encode()), with_more, known).status_code == 200:
        assert with_more.recorded == plain.recorded


# --- R19: what is no delivery -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, provider in providers().items() if hasattr(provider, "handshake")])
def test_a_service_that_tries_an_address_is_answered_and_nothing_is_written(name: str) -> None:
    trials = 0
    for sample in (sample for sample in ALL if sample.provider == name):
        receiver = FakeReceiver()
        answer = send(sample, receiver)
        if answer.status_code == 200 and answer.mimetype == "text/plain":
            trials += 1
            assert (receiver.recorded, receiver.refused) == ([], [])
    assert trials, f"tests/samples/{name} has a trial of the address"


@each
@pytest.mark.parametrize("method", ["HEAD", "GET", "OPTIONS"])
def test_a_probe_of_any_hook_writes_and_looks_up_nothing(name: str, method: str) -> None:
    receiver = FakeReceiver()
    for query in ("", "?hub.mode=subscribe&hub.challenge=x&hub.verify_token=y"):
        answer = client_of(receiver).open(f"/hooks/{name}/{KEY}{query}", method=method)
        assert answer.status_code == {"HEAD": 200, "GET": 405, "OPTIONS": 204}[method]
        assert "hub" not in answer.text
    assert (receiver.found, receiver.recorded, receiver.refused) == ([], [], [])
