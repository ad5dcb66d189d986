"""turntwice worker as a process on a real PostgreSQL: it sends what another process queues, and stops as it is told."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from integration import people, record
from integration.config import Config
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.dispatching import operating
from integration.parts import Parts, assemble
from integration.store.dispatches import State
from tests.conftest import emptied
from tests.serving import PATIENCE_SECONDS, ROOT, TURNTWICE, asked, environment, turntwice
from tests.sinks import Sink, answer
from webhooks import signatures
from webhooks.report import Incoming

PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", "2026-06-01")
STOPS_WITHIN = 20
"""Seconds: webhook-reliability S16."""
SECRET = "a secret of the operator for tests only"


class Listening:
    """Takes every message at once; while it is held, it does not answer."""

    def __init__(self) -> None:
        self.heard, self.free = threading.Semaphore(0), threading.Event()
        self.free.set()

    def __call__(self, connection: Any, _request: bytes) -> None:
        self.heard.release()
        assert self.free.wait(PATIENCE_SECONDS)
        connection.sendall(answer())

    def wait(self) -> None:
        assert self.heard.acquire(timeout=PATIENCE_SECONDS), "nothing was sent"


@dataclass
class Working:
    """A worker in a process of its own."""

    env: dict[str, str]
    log: Path
    process: "subprocess.Popen[str]" = field(init=False)

    def start(self) -> "Working":
        """Returns once it says that it works."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*TURNTWICE, "worker"], cwd=ROOT, env=self.env, stdout=subprocess.PIPE, stderr=log, text=True
            )
        watchdog = threading.Timer(PATIENCE_SECONDS, self.process.kill)
        watchdog.start()
        assert self.process.stdout
        said = self.process.stdout.readline()
        watchdog.cancel()
        assert "Working the outbox" in said, self.log.read_text()
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(STOPS_WITHIN)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def env(tmp_path: Path, migrated_database: str) -> dict[str, str]:
    address = migrated_database.replace("+psycopg", "")
    settings = {"DATABASE_URL": address, "SECRET_KEY": SECRET, "ALLOW_PRIVATE": "127.0.0.0/8"}
    return environment(tmp_path / "data", **settings)


@pytest.fixture
def parts(env: dict[str, str]) -> Iterator[Parts]:
    """The same Turntwice in this process, as a web process has it; all that was stored is gone afterwards."""
    opened = assemble(Config.from_env(env))
    yield opened
    emptied(opened.store)
    opened.store.close()


@pytest.fixture
def listening() -> Listening:
    return Listening()


@pytest.fixture
def sink(listening: Listening) -> Iterator[Sink]:
    with Sink(listening) as made:
        yield made


@pytest.fixture
def worker(env: dict[str, str], tmp_path: Path, parts: Parts) -> Iterator[Working]:
    made = Working(env, tmp_path / "worker.log").start()
    yield made
    made.close()


@pytest.fixture
def connection(env: dict[str, str], sink: Sink, parts: Parts) -> Any:
    """Somebody whose signed webhook leads to the sink."""
    person = asked(env, "person", "add", *PLAN)["person"]
    url = f"http://127.0.0.1:{sink.port}/hook"
    return asked(env, "connection", "add", person, "standard", "--set", f"url={url}") | {"person": person}


def say(parts: Parts, person: str, kind: FactKind) -> None:
    """What the person says of today's first session, as the page stores it."""
    found, now = people.find(parts.store, person), parts.clock()
    slot = found.plan.versions[-1].slots[0].name
    record.tell(parts.store, found, Placed(slot, found.plan.today(now)), kind, now)


def settled(parts: Parts) -> list[State]:
    """The states of all messages, once none waits: an answer is stored a little after it was given."""
    for _ in range(PATIENCE_SECONDS * 100):
        states = [held.state for held in operating.listing(parts.store)]
        if State.WAITING not in states:
            return states
        threading.Event().wait(0.01)
    pytest.fail(f"still waiting: {operating.listing(parts.store)}")


def incoming(request: bytes, parts: Parts) -> Incoming:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    return Incoming({name.lower(): value for name, _, value in lines}, body, parts.clock())


def test_it_sends_what_another_process_stored_at_once_and_signed(
    worker: Working, parts: Parts, sink: Sink, listening: Listening, connection: Any
) -> None:
    say(parts, connection["person"], FactKind.DONE)
    listening.wait()
    listening.wait()
    heard = [incoming(request, parts) for request in sink.requests]
    assert [json.loads(one.body)["type"] for one in heard] == ["session.completed", "streak.changed"]
    for one in heard:
        signatures.verify(one, [connection["secret"]])
    assert settled(parts) == [State.SENT] * 2
    assert worker.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_is_on_its_way_and_leaves_the_rest(
    worker: Working, parts: Parts, sink: Sink, listening: Listening, connection: Any, how: signal.Signals
) -> None:
    """S16."""
    listening.free.clear()
    say(parts, connection["person"], FactKind.DONE)
    listening.wait()
    worker.process.send_signal(how)
    listening.free.set()
    assert worker.process.wait(STOPS_WITHIN) == 0, worker.log.read_text()
    held = operating.listing(parts.store)[::-1]
    assert [(one.state, one.attempts, one.reason) for one in held[:1]] == [(State.SENT, 1, None)]
    assert all(one.state in (State.SENT, State.WAITING) and one.reason is None for one in held)
    assert "Traceback" not in worker.log.read_text()


def test_what_was_left_is_sent_by_the_next_one_under_the_same_key(
    worker: Working,
    env: dict[str, str],
    tmp_path: Path,
    parts: Parts,
    sink: Sink,
    listening: Listening,
    connection: Any,
) -> None:
    assert worker.stop() == 0
    say(parts, connection["person"], FactKind.DONE)
    keys = {held.key for held in operating.listing(parts.store)}
    following = Working(env, tmp_path / "second.log").start()
    try:
        assert settled(parts) == [State.SENT] * 2
        assert {incoming(request, parts).headers["webhook-id"] for request in sink.requests} == keys
        assert following.stop() == 0
    finally:
        following.close()


def test_its_log_names_no_secret_and_no_address(
    worker: Working, parts: Parts, listening: Listening, connection: Any
) -> None:
    say(parts, connection["person"], FactKind.DONE)
    settled(parts)
    assert worker.stop() == 0
    logged = worker.log.read_text()
    hook = connection["hook"].rpartition("hook_")[2]
    assert not any(word in logged for word in (connection["secret"], SECRET, hook, "127.0.0.1"))


def test_without_the_database_it_ends_in_one_line(tmp_path: Path) -> None:
    env = environment(tmp_path / "data", DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/n", SECRET_KEY=SECRET)
    refused = turntwice(env, "worker")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    assert "hunter2" not in refused.stderr


def test_on_sqlite_it_is_refused_and_starts_nothing(tmp_path: Path) -> None:
    refused = turntwice(environment(tmp_path / "data"), "worker")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("turntwice: on SQLite 'turntwice serve' works the outbox itself")
