"""A Beaver Habits on loopback that misbehaves as the real one was seen to (habit-services 6).

It says yes to a tick before it stores it, `lag` seconds later by the test's clock, and what it then stores is the whole
copy that it took when the tick came: another tick stored meanwhile is overwritten.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

TOKEN = "beaver-token"


class Clock:
    """Seconds, moved by the test alone."""

    now = 0.0


class Beaver(HTTPServer):
    """Habits by id, each a set of ISO dates. `answered` counts the ticks that it said yes to."""

    def __init__(self, clock: Clock, lag: float, habits: dict[str, set[str]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.clock, self.lag, self.answered = clock, lag, 0
        self._stored, self._waiting = habits, list[tuple[float, dict[str, set[str]]]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def stored(self) -> dict[str, set[str]]:
        """What is kept by now."""
        while self._waiting and self._waiting[0][0] <= self.clock.now:
            self._stored = self._waiting.pop(0)[1]
        return self._stored

    def tick(self, habit: str, day: str, done: bool) -> None:
        copy = deepcopy(self.stored())
        (copy[habit].add if done else copy[habit].discard)(day)
        self._waiting.append((self.clock.now + self.lag, copy))
        self.answered += 1


class Handler(BaseHTTPRequestHandler):
    server: Beaver

    def do_GET(self) -> None:
        habit, asked = self._habit(), parse_qs(urlsplit(self.path).query)
        if habit is None:
            return
        first, last, form = (asked[name][0] for name in ("date_start", "date_end", "date_fmt"))
        days = sorted(day for day in self.server.stored()[habit] if first <= day <= last)
        self._answer(200, [datetime.fromisoformat(day).strftime(form) for day in days[: int(asked["limit"][0])]])

    def do_POST(self) -> None:
        tick = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        habit = self._habit()
        if habit is None:
            return
        day = datetime.strptime(tick["date"], tick["date_fmt"]).date().isoformat()
        self.server.tick(habit, day, tick["done"])
        self._answer(200, {"day": tick["date"], "done": tick["done"]})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Says nothing."""

    def _habit(self) -> str | None:
        habit = urlsplit(self.path).path.removeprefix("/api/v1/habits/").removesuffix("/completions")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._answer(401, {"detail": "Unauthorized"})
        return habit if habit in self.server.stored() else self._answer(404, {"detail": "Habit not found"})

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def beaver(lag: float, *habits: str) -> Iterator[Beaver]:
    """A running server with these habits, nothing ticked."""
    server = Beaver(Clock(), lag, {habit: set() for habit in habits})
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
