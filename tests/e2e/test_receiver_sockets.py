"""The receiver on real sockets: lengths that lie, chunks, sizes, and limits behind a proxy.

Source: webhook-reliability R11 and R16.
"""

import gzip
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.config import DATABASE_FILE
from integration.server import HEADERS, LARGEST_BODY, LONGEST_HEADER, LONGEST_LINE
from tests.serving import PATIENCE_SECONDS, Served, asked, send
from webhooks.blueprint import LARGEST

PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00")
BODY = b'{"id": "1", "slot": "morning"}'


@dataclass
class Door:
    """A served Turntwice and one hook of it."""

    served: Served
    person: str
    path: str

    def raw(self, head: str, body: bytes = b"", ends: bool = False, path: str = "") -> bytes:
        """The answer to a request as it stands; `ends`: nothing more is sent after it."""
        first = f"POST {path or self.path} HTTP/1.1"
        request = f"{first}\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n".encode("latin-1")
        with socket.create_connection(("127.0.0.1", self.served.port), PATIENCE_SECONDS) as line:
            # It may be refused before all is sent; the answer is there all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                line.sendall(request + body)
                if ends:
                    line.shutdown(socket.SHUT_WR)
            return _read(line)

    def kept(self) -> tuple[int, int]:
        """Deliveries and facts that are stored, without the traces of what was too large."""
        read = "deliveries WHERE reason IS NOT 'too_large'"
        with closing(sqlite3.connect(self.served.data / DATABASE_FILE)) as db:
            return tuple(db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in (read, "facts"))


def _read(line: socket.socket) -> bytes:
    answer = b""
    with suppress(ConnectionResetError):
        while part := line.recv(65536):
            answer += part
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    served = Served(tmp_path_factory.mktemp("sockets") / "data").start()
    person = asked(served.env, "person", "add", *PLAN)["person"]
    hook = asked(served.env, "connection", "add", person, "simple")["hook"]
    yield Door(served, person, hook.removeprefix(served.address))
    served.kill()


@pytest.fixture(autouse=True)
def answering(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever came, the next one is served."""
    yield
    if "door" in request.fixturenames:
        assert request.getfixturevalue("door").served.ask("GET", "/healthz").status == 200


JSON = "Content-Type: application/json\r\n"


def big(size: int) -> bytes:
    return b'{"note": "' + b"x" * (size - 12) + b'"}'


def chunked(body: bytes, size: int = 1000) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


REFUSED = {
    "one byte over the cap": (f"{JSON}Content-Length: {LARGEST + 1}", big(LARGEST + 1), 413),
    "all that the server buffers": (f"{JSON}Content-Length: {LARGEST_BODY}", big(LARGEST_BODY), 413),
    "a petabyte, said and not sent": (f"{JSON}Content-Length: {10**15}", b"{", 413),
    "a length of 5,000 digits": (f"Content-Length: {'9' * 5000}", b"{", 400),
    "a length that is no number": ("Content-Length: abc", b"{}", 400),
    "a length below nought": ("Content-Length: -2", b"{}", 400),
    "a length with a sign": ("Content-Length: +2", b"{}", 400),
    "two lengths": ("Content-Length: 2\r\nContent-Length: 30", b"{}", 400),
    "shorter than it says": (f"{JSON}Content-Length: 5", BODY, 400),
    "chunks over the cap": (f"{JSON}Transfer-Encoding: chunked", chunked(big(LARGEST + 1)), 413),
    "chunks without an end": (f"{JSON}Transfer-Encoding: chunked", chunked(big(4 * LARGEST_BODY))[:-5], 413),
    "a chunk of no size": (f"{JSON}Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk longer than it says": (f"{JSON}Transfer-Encoding: chunked", b"1\r\n{}\r\n0\r\n\r\n", 400),
    "another coding": ("Transfer-Encoding: gzip", b"{}", 501),
    "a compressed body": (f"{JSON}Content-Encoding: gzip\r\nContent-Length: 60", gzip.compress(BODY).ljust(60), 415),
    "a header over 8 KiB": (f"X-Long: {'x' * LONGEST_HEADER}", b"", 400),
    "101 headers": ("\r\n".join(f"X-{number}: 1" for number in range(HEADERS)), b"", 400),
    "16 KiB of headers": ("\r\n".join(f"X-{number}: {'x' * 4000}" for number in range(5)), b"", 431),
    "a header without a name": (": x", b"", 400),
    "a NUL in a header": ("X-Nul: a\x00b", b"", 400),
}


@pytest.mark.parametrize("head, body, expected", REFUSED.values(), ids=REFUSED)
def test_what_is_too_much_or_lies_is_refused_and_never_counted(
    door: Door, head: str, body: bytes, expected: int
) -> None:
    deliveries, facts = door.kept()
    assert status(door.raw(head, body)) == expected
    proved = "Encoding: gzip" in head or "Length: 5" in head
    assert door.kept() == (deliveries + (JSON in head and proved), facts), "what was proved is kept, in quarantine"


def test_a_body_that_never_comes_is_no_delivery(door: Door) -> None:
    """Longer than what is sent: the sender hangs up, and nothing was said."""
    before = door.kept()
    door.raw(f"{JSON}Content-Length: 500", BODY, ends=True)
    assert door.kept() == before


def test_a_request_line_over_4_kib_is_refused(door: Door) -> None:
    fits = LONGEST_LINE - len("POST  HTTP/1.1") - len("/hooks/simple/")
    assert status(door.raw("Content-Length: 0", path=f"/hooks/simple/{'x' * fits}")) == 404
    assert status(door.raw("Content-Length: 0", path=f"/hooks/simple/{'x' * (fits + 1)}")) == 400


def test_what_just_fits_is_taken_in_with_a_length_and_in_chunks(door: Door) -> None:
    note = json.dumps({"id": "fits", "date": "2020-01-01", "slot": "morning"}).encode()
    padded = note[:-1] + b" " * (LARGEST - len(note)) + b"}"
    for head, body in ((f"Content-Length: {LARGEST}", padded), ("Transfer-Encoding: chunked", chunked(padded))):
        answer = door.raw(f"Content-Type: application/json\r\n{head}", body)
        assert status(answer) == 200, answer
    for names, expected in ((HEADERS - 3, 404), (HEADERS - 2, 400)):
        headers = [f"X-{number}: 1" for number in range(names)] + [f"X-Long: {'x' * (LONGEST_HEADER - 8)}"]
        assert status(door.raw("\r\n".join(headers), path="/hooks/simple/x")) == expected


def test_an_address_that_is_half_of_one_is_400_and_logs_no_traceback(door: Door) -> None:
    assert status(door.raw("Content-Length: 0", path="http://[::1/hooks/simple/x")) == 400
    assert "Traceback" not in door.served.log.read_text()


def test_a_post_without_a_length_has_no_body(door: Door) -> None:
    """Ten of them on one connection: what follows a request without a length is the next request."""
    request = f"POST {door.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    last = f"POST {door.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", door.served.port), PATIENCE_SECONDS) as line:
        line.sendall(request * 9 + last)
        answer = _read(line)
    assert len(re.findall(rb"HTTP/1.1 200 ", answer)) == 10


def test_a_page_in_a_browser_may_post(door: Door) -> None:
    asks = {"Origin": "https://app.example.org", "Access_Control_Request_Method": "POST"}
    before = door.served.ask("OPTIONS", door.path, **asks)
    assert (before.status, before.headers["access-control-allow-origin"]) == (204, "*")
    assert door.served.ask("POST", door.path, BODY, Origin="https://x").headers["access-control-allow-origin"] == "*"


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_hook_has_a_limit_and_a_loopback_address_none(tmp_path: Path) -> None:
    served = Served(tmp_path / "data", {"HOOK_LIMIT": "60/minute"}).start()
    try:
        person = asked(served.env, "person", "add", *PLAN)["person"]
        hooks = [asked(served.env, "connection", "add", person, "simple")["hook"] for _ in range(2)]
        with closing(served.connect()) as line:
            answers = [send(line, "POST", hooks[0]) for _ in range(61)]
            assert [answer.status for answer in answers] == [200] * 60 + [429]
            assert 0 < int(answers[60].headers["retry-after"]) <= 60
            assert send(line, "POST", hooks[1]).status == 200
            assert {send(line, "POST", "/hooks/simple/guess").status for _ in range(700)} == {404}
    finally:
        served.kill()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server behind one proxy, with an address limit of five an hour."""
    settings = {"PROXIES": "1", "ADDRESS_LIMIT": "5/hour", "HOOK_LIMIT": "off"}
    served = Served(tmp_path_factory.mktemp("behind") / "data", settings).start()
    person = asked(served.env, "person", "add", *PLAN)["person"]
    yield served, asked(served.env, "connection", "add", person, "simple")["hook"]
    served.kill()


def test_behind_a_proxy_an_address_is_what_the_proxy_says_and_not_what_is_claimed(behind: Any) -> None:
    served, hook = behind
    for number in range(5):
        claimed = f"192.0.2.{number}, 203.0.113.1"
        assert served.ask("POST", hook, X_Forwarded_For=claimed).status == 200
    limited = served.ask("POST", hook, X_Forwarded_For="198.51.100.7, 203.0.113.1")
    assert (limited.status, int(limited.headers["retry-after"]) > 3000) == (429, True)
    assert served.ask("POST", hook, X_Forwarded_For="203.0.113.2").status == 200
    assert served.ask("GET", "/healthz", X_Forwarded_For="203.0.113.1").status == 200


def test_behind_no_proxy_nobody_may_claim_an_address(tmp_path: Path) -> None:
    served = Served(tmp_path / "data", {"ADDRESS_LIMIT": "1/hour"}).start()
    try:
        answers = [served.ask("POST", "/hooks/simple/x", X_Forwarded_For="203.0.113.1").status for _ in range(3)]
        assert answers == [404] * 3, "a limit by a claimed address could be turned against anybody"
    finally:
        served.kill()
