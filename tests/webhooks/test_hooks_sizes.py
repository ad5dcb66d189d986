"""How large a body may be: 64 KiB, or what its provider declares; and who learns of one that is larger (R11)."""

import io
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tests.webhooks.doubles import KEY, FakeReceiver, client_of, nothing
from webhooks import blueprint
from webhooks.errors import Forged, TooLarge
from webhooks.registry import providers
from webhooks.report import Answer, Incoming

PATH = f"/hooks/odd/{KEY}"
SIZES = {
    "as usual": (None, 65_536),
    "larger": (200_000, 200_000),
    "smaller": (1_000, 1_000),
    "no bound": (10**9, 2**20),
}


def odd(**members: Any) -> dict[str, Any]:
    return {"odd": SimpleNamespace(**{"verify": nothing, "reports": nothing, **members})}


def shared(incoming: Incoming, secrets: Sequence[str]) -> None:
    if incoming.headers.get("x-proof") not in secrets:
        raise Forged("proof", "wrong proof")


@pytest.mark.parametrize("declared, most", SIZES.values(), ids=SIZES)
def test_a_provider_may_declare_how_large_its_bodies_are_within_a_bound(declared: int | None, most: int) -> None:
    receiver = FakeReceiver()
    client = client_of(receiver, odd(LARGEST=declared) if declared else odd())
    assert [client.post(PATH, data=b"x" * size).status_code for size in (most, most + 1)] == [200, 413]
    assert len(receiver.recorded) == 1


def test_ours_let_in_64_kib_and_more_only_where_a_phone_sends_weeks_of_workouts() -> None:
    largest = {name: blueprint._largest(provider) for name, provider in providers().items()}
    assert {name: most for name, most in largest.items() if most != 65_536} == {"health_auto_export": 524_288}


def test_a_refusal_for_size_says_what_to_do() -> None:
    answer = client_of(FakeReceiver(), odd(LARGEST=100 * 1024)).post(PATH, data=b"x" * (100 * 1024 + 1))
    assert answer.json == {
        "error": "too_large",
        "message": "the body is over 100 KiB; "
        "send less at a time: leave out routes and metadata, or choose a shorter period",
    }


@pytest.mark.parametrize("path", [PATH, "/hooks/odd/guess", "/hooks/odd", "/hooks/health_auto_export/guess"])
def test_of_a_body_that_says_it_is_too_large_nothing_is_read_whoever_sends_it(path: str) -> None:
    class Untouched(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("it was read")

        readinto = read  # type: ignore[assignment]

    receiver = FakeReceiver(secrets=["s"])
    client = client_of(receiver, {**providers(), **odd(verify=shared)})
    size = {"CONTENT_LENGTH": "10000000"}
    assert client.post(path, input_stream=Untouched(), environ_overrides=size).status_code == 413


@pytest.mark.parametrize("secrets, proof, noted", [((), "", False), (("s",), "s", True), (("s",), "t", False)])
def test_a_connection_is_told_of_it_only_where_the_proof_holds(secrets: Any, proof: str, noted: bool) -> None:
    receiver = FakeReceiver(secrets=secrets)
    client = client_of(receiver, odd(verify=shared))
    answer = client.post(PATH, data=b"x" * 65_537, headers={"x-proof": proof})
    assert answer.status_code == 413
    [(hook, name, incoming, why)] = receiver.refused
    assert (hook is not None, name, incoming.body, type(why)) == (noted, "odd", b"", TooLarge)
    assert receiver.recorded == []


@pytest.mark.parametrize("path", ["/hooks/odd/guess", "/hooks/odd"])
def test_who_has_no_key_of_ours_tells_nobody(path: str) -> None:
    receiver = FakeReceiver(of_app={"odd": ["s"]})
    known = odd(account=lambda _: "somebody")
    assert client_of(receiver, known).post(path, data=b"x" * 65_537).status_code == 413
    assert [hook for hook, *_ in receiver.refused] == [None]


def test_it_is_no_handshake_and_a_mistake_in_a_provider_is_no_proof() -> None:
    def mistaken(*_: object) -> None:
        raise KeyError("canary")

    for members in ({"handshake": lambda _: Answer("here")}, {"verify": mistaken}):
        receiver = FakeReceiver()
        answer: Any = client_of(receiver, odd(**members)).post(PATH, data=b"x" * 65_537)
        assert (answer.status_code, answer.json["error"]) == (413, "too_large")
        assert [hook is None for hook, *_ in receiver.refused] == ["verify" in members]


def test_when_storage_is_away_the_sender_is_asked_to_come_back() -> None:
    for step in ("find", "refuse"):
        receiver = FakeReceiver(failing=step)
        assert client_of(receiver, odd()).post(PATH, data=b"x" * 65_537).status_code == 503
