"""A real `turntwice serve` in a process of its own, and the commands beside it, for tests from end to end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from time import monotonic
from typing import Any

from integration.failpoints import KILLED

ROOT = Path(__file__).resolve().parents[1]
TURNTWICE = (sys.executable, "-m", "integration")
# A start or a stop slower than this is taken for a hang; nothing is measured by it.
PATIENCE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def environment(data: Path, **settings: str) -> dict[str, str]:
    """Nothing of this process's own settings but what a program needs to start."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    ours = {f"TURNTWICE_{name}": value for name, value in {"DATA": str(data), **settings}.items()}
    return kept | {"HOME": str(data.parent), "PYTHONUNBUFFERED": "1"} | ours


def turntwice(env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    command = [*TURNTWICE, *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


def asked(env: Mapping[str, str], *arguments: str) -> Any:
    """What a command prints with --json."""
    done = turntwice(env, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A server that was started here; `stop` or `kill` ends it and nothing else."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    said: str = ""

    @property
    def env(self) -> dict[str, str]:
        return environment(self.data, **self.settings)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Served":
        """Returns when it answers, or died at its fail point before. Fails with what it said when it ends otherwise."""
        self.log = self.data.parent / f"serve-{self.port}.log"
        with self.log.open("ab") as log:
            command = [*TURNTWICE, "serve", "--port", str(self.port)]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        watchdog = threading.Timer(PATIENCE_SECONDS, self.kill)
        watchdog.start()
        assert self.process.stdout
        self.said = ""
        while f"Open {self.address}/" not in self.said:
            line = self.process.stdout.readline()
            if not line:
                break
            self.said += line
        watchdog.cancel()
        deadline = monotonic() + PATIENCE_SECONDS
        while not self.answers() and not self._died():
            assert monotonic() < deadline, "it never answered"
        return self

    def _died(self) -> bool:
        """At its fail point. What waits in the store may lead it there as soon as it starts."""
        status = self.process.poll()
        assert status in (None, KILLED), f"serve ended: {self.said}{self.log.read_text()}"
        return status == KILLED

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS).close()
        except OSError:
            return False
        return True

    def connect(self) -> HTTPConnection:
        """A connection that is kept from request to request."""
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def ask(self, method: str, address: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            return send(connection, method, address, body, **headers)
        finally:
            connection.close()

    def stop(self) -> int:
        """Tells it to stop as an operating system does; gives its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> int:
        """Ends it and whatever it started at once, as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        return self._ended()

    def _ended(self) -> int:
        status = self.process.wait(PATIENCE_SECONDS)
        if self.process.stdout and not self.process.stdout.closed:
            self.process.stdout.close()
        return status


def send(connection: HTTPConnection, method: str, address: str, body: bytes | None = None, **headers: str) -> Answer:
    """One request; the address may be whole or a path, header names may have _ for -."""
    path = "/" + address.split("/", 3)[3] if address.startswith("http") else address
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response: HTTPResponse = connection.getresponse()
    return Answer(response.status, {name.lower(): told for name, told in response.getheaders()}, response.read())
