"""kill -9 under load, twenty times: nothing that was acknowledged is missing, and nothing counts twice.

Source: webhook-reliability R1. The clients do as a good sender does: they send the same id until it is answered.
"""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from itertools import count
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
from standardwebhooks import Webhook

from integration.config import DATABASE_FILE
from tests.serving import PATIENCE_SECONDS, Served, asked, send, turntwice

pytestmark = pytest.mark.faults

KILLS, CLIENTS, BETWEEN = 20, 4, 25
"""After every 25 acknowledged deliveries, at whatever they are then doing, all processes of the server are killed."""
DAYS = 300


class History:
    """What was acknowledged, by all clients together."""

    def __init__(self) -> None:
        self._lock, self._numbers = Lock(), count(1)
        self.acknowledged: dict[str, str] = {}
        self.enough, self.stop = Event(), Event()
        self.enough_at = BETWEEN

    def next_id(self) -> str:
        with self._lock:
            return f"msg_{next(self._numbers)}"

    def note(self, event: str, outcome: str) -> None:
        with self._lock:
            self.acknowledged[event] = outcome
            if len(self.acknowledged) >= self.enough_at:
                self.enough.set()

    def wait_for_more(self) -> None:
        assert self.enough.wait(PATIENCE_SECONDS), "no delivery is acknowledged any more"
        with self._lock:
            self.enough.clear()
            self.enough_at = len(self.acknowledged) + BETWEEN


def client(served: Served, connection: dict[str, str], history: History) -> int:
    """Sends one event after another, each until it is answered with 200; gives the number of attempts."""
    attempts = 0
    while not history.stop.is_set():
        event = history.next_id()
        for attempt in count(1):
            outcome = deliver(served, connection, event)
            if outcome:
                history.note(event, outcome)
                break
            if history.stop.is_set():
                return attempts + attempt
        attempts += attempt
    return attempts


def deliver(served: Served, connection: dict[str, str], event: str) -> str | None:
    """The outcome of one attempt; None when it was not answered with 200."""
    number = int(event.removeprefix("msg_"))
    day = datetime.now(UTC).date() - timedelta(days=number % DAYS + 1)
    kind = ("completed", "undone")[number // DAYS % 2]
    data = {"date": day.isoformat(), "slot": ("morning", "evening")[number % 2]}
    now, body = datetime.now(UTC), json.dumps({"type": f"session.{kind}", "data": data})
    headers = {
        "webhook_id": event,
        "webhook_timestamp": str(int(now.timestamp())),
        "webhook_signature": Webhook(connection["secret"]).sign(event, now, body),
        "content_type": "application/json",
    }
    with closing(served.connect()) as http:
        try:
            answer = send(http, "POST", connection["hook"], body.encode(), **headers)
        except (OSError, HTTPException):
            return None
    return str(answer.json["outcome"]) if answer.status == 200 else None


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path / "data", {"HOOK_LIMIT": "off"}).start()
    yield running
    running.kill()


def stored(served: Served, query: str) -> list[Any]:
    with closing(sqlite3.connect(served.data / DATABASE_FILE)) as database:
        return database.execute(query).fetchall()


def test_kill_9_loses_nothing_acknowledged_and_counts_nothing_twice(served: Served) -> None:
    start = (datetime.now(UTC).date() - timedelta(days=DAYS + 5)).isoformat()
    plan = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", start)
    made = asked(served.env, "person", "add", *plan)
    connection, history = asked(served.env, "connection", "add", made["person"], "standard"), History()
    with ThreadPoolExecutor(CLIENTS) as pool:
        sending = [pool.submit(client, served, connection, history) for _ in range(CLIENTS)]
        try:
            for _ in range(KILLS):
                history.wait_for_more()
                assert served.kill() != 0
                served.start()
            history.wait_for_more()
        finally:
            history.stop.set()
        attempts = sum(sent.result() for sent in sending)
    assert served.stop() == 0
    facts = [event for (event,) in stored(served, "SELECT event FROM facts")]
    assert len(facts) == len(set(facts)), "no event is a fact twice"
    assert set(history.acknowledged) - set(facts) == set(), "every acknowledged event is a fact"
    assert set(history.acknowledged.values()) <= {"accepted", "duplicate"}
    assert attempts >= len(history.acknowledged) >= KILLS * BETWEEN
    assert stored(served, "PRAGMA integrity_check") == [("ok",)]
    assert stored(served, "PRAGMA foreign_key_check") == []
    assert turntwice(served.env, "db", "check").returncode == 0


def test_after_the_kills_the_numbers_and_the_calendar_are_those_of_the_facts(served: Served) -> None:
    """A fact and what is derived from it are one transaction: neither is ever there without the other."""
    start = (datetime.now(UTC).date() - timedelta(days=DAYS + 5)).isoformat()
    plan = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", start)
    made = asked(served.env, "person", "add", *plan)
    connection, history = asked(served.env, "connection", "add", made["person"], "standard"), History()
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(CLIENTS):
            pool.submit(client, served, connection, history)
        try:
            for _ in range(3):
                history.wait_for_more()
                served.kill()
                served.start()
        finally:
            history.stop.set()
    counted = asked(served.env, "status", made["person"])
    assert served.kill() != 0
    sessions = "SELECT COUNT(*) FROM (SELECT DISTINCT date, slot FROM facts WHERE kind = 'done')"
    assert stored(served, sessions) == stored(served, "SELECT COUNT(*) FROM revisions WHERE sequence >= 1")
    assert stored(served, "SELECT SUM(sequence) FROM revisions") == stored(served, "SELECT changes FROM people")
    with closing(sqlite3.connect(served.data / DATABASE_FILE)) as database, database:
        database.execute("DELETE FROM checkpoints")
    assert asked(served.env, "status", made["person"]) == counted
