"""turntwice doctor where limits are counted in Redis: it counts one there, and names the setting where it cannot.

There is no Redis here: what answers is a few lines of its protocol (RESP) on loopback.
"""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from tests.cli.conftest import Run

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
PASSWORD = "hunter2-of-redis"
COUNTED = "ok: limits are counted in Redis"


class Commands(StreamRequestHandler):
    """Answers every command: a script with a number, all others as done."""

    server: "Redis"

    def handle(self) -> None:
        while line := self.rfile.readline():
            words = [self._word() for _ in range(int(line[1:]))]
            self.server.heard.append(words)
            self.wfile.write(self.server.answers.get(words[0], b"+OK\r\n"))

    def _word(self) -> bytes:
        length = int(self.rfile.readline()[1:])
        return self.rfile.read(length + 2)[:-2]


class Redis(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Commands)
        self.heard: list[list[bytes]] = []
        self.answers = {b"EVALSHA": b":1\r\n"}

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def reachable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNTWICE_PUBLIC_URL", "https://stretch.example.org")


def told_of(turntwice: Run, monkeypatch: pytest.MonkeyPatch, port: int) -> tuple[int, list[str]]:
    """Exit status of the doctor, and its lines but the first."""
    monkeypatch.setenv("TURNTWICE_REDIS_URL", f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
    result = turntwice("doctor")
    assert PASSWORD not in result.output
    return result.exit_code, result.stdout.splitlines()[1:]


def wrong(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("wrong: ")]


def test_a_redis_that_counts_is_well(turntwice: Run, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    status, lines = told_of(turntwice, monkeypatch, redis.port)
    assert (status, wrong(lines)) == (0, [])
    assert COUNTED in lines
    assert [b"AUTH", PASSWORD.encode()] in redis.heard
    assert [words[0] for words in redis.heard].count(b"EVALSHA") == 1


def test_without_redis_nothing_is_said_of_it(turntwice: Run) -> None:
    assert "Redis" not in turntwice("doctor").output


def test_a_redis_that_is_away_is_wrong_and_the_setting_is_named(
    turntwice: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        port = gone.getsockname()[1]
    status, lines = told_of(turntwice, monkeypatch, port)
    told = (
        "wrong: TURNTWICE_REDIS_URL: Redis cannot be used there (ConnectionError), and until it can nobody is limited;"
        " start it or correct the setting"
    )
    assert (status, wrong(lines)) == (1, [told])
    assert COUNTED not in lines


def test_a_redis_that_never_answers_is_waited_for_no_longer_than_a_delivery_waits(
    turntwice: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        status, lines = told_of(turntwice, monkeypatch, silent.getsockname()[1])
    assert status == 1
    assert "(TimeoutError)" in wrong(lines)[0]


@pytest.mark.parametrize(
    ("command", "answer", "told"),
    [
        (b"AUTH", b"-WRONGPASS invalid username-password pair\r\n", "AuthenticationError"),
        (b"EVALSHA", b"-NOPERM this user has no permissions to run it\r\n", "NoPermissionError"),
    ],
)
def test_a_redis_that_does_not_let_us_count_is_wrong_too(
    turntwice: Run, redis: Redis, monkeypatch: pytest.MonkeyPatch, command: bytes, answer: bytes, told: str
) -> None:
    redis.answers[command] = answer
    status, lines = told_of(turntwice, monkeypatch, redis.port)
    assert status == 1
    assert f"({told})" in wrong(lines)[0]
