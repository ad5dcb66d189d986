"""gunicorn with two processes on one real PostgreSQL: they answer beside each other, and count everything once."""

import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest

from tests.e2e.test_worker_process import Listening, Working
from tests.serving import PATIENCE_SECONDS, ROOT, Served, asked, environment, free_port
from tests.sinks import Sink

SECRET = "a secret of the operator for tests only"
PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", "2026-06-01")
COPIES = 40
# Without threads: a process that is kept waiting by one sender leaves all others to its neighbour.
OPTIONS = ("--workers", "2", "--no-control-socket", "--access-logfile", "-", "--access-logformat", "%(p)s %(s)s %(U)s")


@dataclass
class Several(Served):
    """gunicorn in the place of `turntwice serve`; it makes the tables of a new database as it starts."""

    def start(self) -> "Several":
        """Returns when it answers."""
        self.log = self.data.parent / "gunicorn.log"
        command = [sys.executable, "-m", "gunicorn", *OPTIONS, "--bind", f"127.0.0.1:{self.port}", "integration.wsgi"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True
            )
        deadline = monotonic() + PATIENCE_SECONDS
        while not self.answers():
            assert self.process.poll() is None, self.log.read_text()
            assert monotonic() < deadline, "it never answered"
        assert self.ask("GET", "/readyz").status == 200
        return self

    def logged(self, done: Callable[[str], bool]) -> str:
        """The log, once it is as it must become: an answer is logged a little after it was given."""
        for _ in range(PATIENCE_SECONDS * 100):
            if done(logged := self.log.read_text()):
                return logged
            Event().wait(0.01)
        pytest.fail(f"it never logged that: {self.log.read_text()}")


def answered(logged: str) -> set[str]:
    """The processes that have answered."""
    return set(re.findall(r"^<?(\d+)>? 200 ", logged, re.MULTILINE))


@pytest.fixture(scope="module")
def several(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Several]:
    settings = {"DATABASE_URL": new_database().replace("+psycopg", ""), "SECRET_KEY": SECRET}
    made = Several(tmp_path_factory.mktemp("several") / "data", settings | {"ALLOW_PRIVATE": "127.0.0.0/8"})
    made.settings["PUBLIC_URL"] = made.address
    try:
        yield made.start()
    finally:
        made.kill()


@pytest.fixture(scope="module")
def person(several: Several) -> Any:
    return asked(several.env, "person", "add", *PLAN)


def test_while_one_process_waits_for_a_slow_sender_the_other_answers(several: Several) -> None:
    with socket.create_connection(("127.0.0.1", several.port), PATIENCE_SECONDS) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n")
        assert several.ask("GET", "/healthz").status == 200
        slow.sendall(b"Connection: close\r\n\r\n")
        assert slow.makefile("rb").readline().startswith(b"HTTP/1.1 200 ")
    several.logged(lambda log: len(answered(log)) == 2)


def test_copies_that_come_at_once_are_counted_once(several: Several, person: Any) -> None:
    hook = asked(several.env, "connection", "add", person["person"], "simple")["hook"]
    body = b'{"id": "one", "slot": "morning", "date": "2026-06-01"}'
    with ThreadPoolExecutor(8) as senders:
        sent = [senders.submit(several.ask, "POST", hook, body, Content_Type="application/json") for _ in range(COPIES)]
        answers = [one.result() for one in sent]
    assert Counter(one.json["outcome"] for one in answers) == {"accepted": 1, "duplicate": COPIES - 1}
    assert asked(several.env, "status", person["person"])["best_active"] == 1


@pytest.fixture
def worker(several: Several, tmp_path: Path) -> Iterator[Working]:
    made = Working(several.env, tmp_path / "worker.log").start()
    yield made
    made.close()


def test_what_a_process_queues_a_worker_beside_it_sends(several: Several, person: Any, worker: Working) -> None:
    listening = Listening()
    with Sink(listening) as sink:
        url = f"http://127.0.0.1:{sink.port}/hook"
        asked(several.env, "connection", "add", person["person"], "standard", "--set", f"url={url}")
        form, kind = b"date=2026-06-02&slot=evening&action=done", "application/x-www-form-urlencoded"
        assert several.ask("POST", f"{person['page']}/session", form, Content_Type=kind).status == 303
        listening.wait()
        assert b'"session.completed"' in sink.requests[0]


def test_its_logs_name_no_key_even_where_every_request_is_logged(several: Several, person: Any) -> None:
    assert several.ask("GET", person["page"]).status == 200
    logged = several.logged(lambda log: " 200 /me/me_" in log)
    assert " 200 /me/me_***" in logged
    assert not any(word in logged for word in (person["page"].rpartition("me_")[2], SECRET))


def test_told_to_stop_it_ends_well(several: Several) -> None:
    assert several.stop() == 0
    assert "Traceback" not in several.log.read_text()


CANNOT = {
    "on SQLite": ({}, "TURNTWICE_DATABASE_URL: several processes need PostgreSQL"),
    "without the database": (
        {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/n", "SECRET_KEY": SECRET},
        "the database cannot be used now",
    ),
    "with a bad setting": ({"PROXIES": "many"}, "TURNTWICE_PROXIES: "),
}


@pytest.mark.parametrize(("settings", "told"), CANNOT.values(), ids=CANNOT)
def test_what_cannot_start_ends_at_once_and_says_why(tmp_path: Path, settings: dict[str, str], told: str) -> None:
    command = [sys.executable, "-m", "gunicorn", *OPTIONS, "--bind", f"127.0.0.1:{free_port()}", "integration.wsgi"]
    env = environment(tmp_path / "data", **settings)
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert ended.returncode > 0
    assert told in ended.stderr
    assert "hunter2" not in ended.stderr
