"""`turntwice serve` on real sockets: where a request ends, and whether its sender waits to be asked for the body.

Source: RFC 9110 10.1.1 (Expect); RFC 9112 6.1 and 6.3 (Transfer-Encoding).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from integration.server import LARGEST_BODY
from tests.serving import Served, asked
from tests.speaking import chunk, post, spoken, statuses

PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", "2026-01-01")
BODY = b'{"id": "one", "slot": "morning", "date": "2026-06-02"}'
JSON, ASKS = "Content-Type: application/json", "Expect: 100-continue"
CHUNKED = "Transfer-Encoding: chunked"


@dataclass
class Hook:
    """One of a person of its own."""

    served: Served
    person: str
    path: str

    def post(self, *headers: str, body: bytes = b"", version: str = "1.1") -> bytes:
        return spoken(self.served.port, post(self.path, *headers, body=body, version=version))

    def inbox(self) -> list[tuple[str, str]]:
        told = asked(self.served.env, "deliveries", "list", self.person)
        return [(one["outcome"], one["reason"]) for one in told]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("framing") / "data", {"HOOK_LIMIT": "off"}).start()
    yield made
    made.kill()


@pytest.fixture
def hook(served: Served) -> Hook:
    person = asked(served.env, "person", "add", *PLAN)["person"]
    made: Any = asked(served.env, "connection", "add", person, "simple")
    return Hook(served, person, made["hook"].removeprefix(served.address))


# --- Expect -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [("Content-Length: 0",), ()], ids=["a length of nought", "no length"])
def test_who_asks_before_a_body_that_is_empty_is_answered_and_counted(hook: Hook, length: tuple[str, ...]) -> None:
    assert statuses(hook.post(*length, ASKS)) == [200]
    assert hook.inbox() == [("accepted", "")]


def test_what_follows_such_a_request_on_its_connection_is_answered_too(hook: Hook) -> None:
    first = f"POST {hook.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{ASKS}\r\n\r\n".encode()
    assert statuses(spoken(hook.served.port, first * 2 + post(hook.path, "Content-Length: 0"))) == [200] * 3


def test_who_asks_before_a_body_that_is_too_large_is_told_at_once_and_so_is_the_person(hook: Hook) -> None:
    """As curl sends a file: it waits to be asked, so nothing of the body is on its way."""
    answer = hook.post(JSON, f"Content-Length: {LARGEST_BODY + 500_000}", ASKS)
    assert statuses(answer) == [413]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "too_large"
    assert [reason for _, reason in hook.inbox()] == ["too_large"]


def test_who_asks_with_a_length_that_is_none_is_refused_at_once(hook: Hook) -> None:
    assert statuses(hook.post(JSON, "Content-Length: abc", ASKS)) == [400]
    assert hook.inbox() == []


def test_who_asks_before_a_body_that_fits_is_told_to_go_on(hook: Hook) -> None:
    answer = hook.post(JSON, f"Content-Length: {len(BODY)}", ASKS, body=BODY)
    assert statuses(answer) == [100, 200]
    assert hook.inbox() == [("accepted", "")]


# --- Transfer-Encoding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.2", "2.0"])
def test_chunks_in_anything_but_http_1_1_are_refused_and_count_for_nothing(hook: Hook, version: str) -> None:
    assert statuses(hook.post(JSON, CHUNKED, body=chunk(BODY), version=version)) == [400]
    assert hook.inbox() == []


@pytest.mark.parametrize("coding", ["Transfer-Encoding:", "transfer-encoding: ,", "Transfer-Encoding:\r\n ,"])
def test_a_coding_without_a_name_is_refused_and_counts_for_nothing(hook: Hook, coding: str) -> None:
    assert statuses(hook.post(JSON, coding, body=chunk(BODY))) == [400]
    assert hook.inbox() == []


@pytest.mark.parametrize("coding", [CHUNKED, "TRANSFER-ENCODING: Chunked"])
def test_chunks_in_http_1_1_are_one_delivery(hook: Hook, coding: str) -> None:
    answer = hook.post(JSON, coding, body=chunk(BODY))
    assert statuses(answer) == [200]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["counted"][0]["date"] == "2026-06-02"
