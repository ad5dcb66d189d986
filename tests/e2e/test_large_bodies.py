"""Bodies that are too large, over a real socket: the app answers, whatever their size, and nothing lies behind them."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from integration.config import DATABASE_FILE
from tests.serving import Served, asked

PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", "2026-01-01")
LARGEST = 512 * 1024


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("large") / "data", {"HOOK_LIMIT": "off"}).start()
    yield made
    made.kill()


def traces(served: Served) -> int:
    with closing(sqlite3.connect(served.data / DATABASE_FILE)) as database:
        [[count]] = database.execute("SELECT COUNT(*) FROM deliveries WHERE reason = 'too_large'")
    return int(count)


def sent(served: Served, hook: str, size: int, behind: bytes = b"") -> tuple[int, Any, str | None]:
    """Says a length and sends no more than is heard; `behind` is what a second request in the body would be."""
    with closing(served.connect()) as line:
        line.putrequest("POST", "/" + hook.split("/", 3)[3])
        line.putheader("Content-Type", "application/json")
        line.putheader("Content-Length", str(size))
        line.endheaders()
        with suppress(BrokenPipeError, ConnectionResetError):
            line.send(behind or b'{"data": {}}'.ljust(size) if size <= 1024 * 1024 else behind)
        answer = line.getresponse()
        return answer.status, json.loads(answer.read()), answer.getheader("Connection")


@pytest.mark.parametrize(
    "size, status", [(LARGEST, 200), (LARGEST + 1, 413), (1024 * 1024, 413), (10**7, 413), (10**12, 413)]
)
def test_a_body_of_any_size_is_answered_by_the_hook_and_leaves_a_trace(served: Served, size: int, status: int) -> None:
    person = asked(served.env, "person", "add", *PLAN)["person"]
    hook, before = asked(served.env, "connection", "add", person, "health_auto_export")["hook"], traces(served)
    code, body, connection = sent(served, hook, size)
    assert (code, body.get("error")) == (status, "too_large" if status == 413 else None)
    assert traces(served) - before == (status == 413)
    assert connection == ("close" if size > 1024 * 1024 else None)


def test_what_stands_in_a_body_that_was_not_read_is_no_request(served: Served) -> None:
    person = asked(served.env, "person", "add", *PLAN)["person"]
    hook = asked(served.env, "connection", "add", person, "simple")["hook"]
    path = "/" + hook.split("/", 3)[3]
    hidden = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
    assert sent(served, hook, 10**7, hidden)[0] == 413
    with closing(sqlite3.connect(served.data / DATABASE_FILE)) as database:
        assert database.execute("SELECT COUNT(*) FROM facts").fetchall() == [(0,)]
