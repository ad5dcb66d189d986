"""make bench: how fast Turntwice is beside a bare Flask view, in the same run, under the same server.

The servers share one core and the client has another, because threads of one Python process fight over its lock and
unpinned figures are wrong by half. Rounds are taken in turns; what is printed is the median of three.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path

from standardwebhooks import Webhook

sys.path.insert(0, str(Path(__file__).parent))
from load import Round, drive

HERE = Path(__file__).parent
PLAN = ["--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", "2026-01-05"]
ROUNDS = 3
PEOPLE = 20
SIGNED = 10_000
"""Deliveries for one round at most."""


@dataclass(frozen=True, slots=True)
class Case:
    """One measured request: its name, the case it is compared with, where it goes, and an endless supply of it."""

    name: str
    beside: str
    port: int
    status: int
    requests: Callable[[], Iterator[bytes]]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=3.0, help="length of a round")
    options.add_argument("--connections", type=int, default=4, help="requests in flight")
    options.add_argument("--only", default="", help="only cases with this in their name")
    chosen = options.parse_args()
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _measure(stack, folder, chosen)


def _measure(stack: ExitStack, folder: Path, chosen: argparse.Namespace) -> None:
    bare, ours = _free_port(), _free_port()
    _started(stack, [sys.executable, str(HERE / "bare.py"), str(bare), str(folder / "bare.sqlite3")], bare, "/ok")
    environ = {**os.environ, "TURNTWICE_DATA": str(folder), "TURNTWICE_PUBLIC_URL": f"http://127.0.0.1:{ours}"}
    environ["TURNTWICE_HOOK_LIMIT"] = "off"  # one sender stands for a thousand
    os.environ.update(environ)
    serve = [sys.executable, "-m", "integration", "serve", "--port", str(ours)]
    first_start, first = _started(ExitStack(), serve, ours, "/healthz")
    first.terminate()
    first.wait(20)
    start, process = _started(stack, serve, ours, "/healthz")
    people = [_turntwice("person", "add", *PLAN) for _ in range(PEOPLE)]
    hooks = [_turntwice("connection", "add", made["person"], "standard") for made in people]
    print(f"start to first answer: {start:.2f} s (with migration {first_start:.2f} s)")
    cases = _cases(bare, ours, people[0]["feed"], hooks)
    named = [case for case in cases if chosen.only in case.name]
    cases = [case for case in cases if case in named or case.name in {one.beside for one in named}]
    results = {case.name: [] for case in cases}
    for _ in range(ROUNDS):
        for case in cases:
            results[case.name].append(_round(case, chosen.connections, chosen.seconds))
    _print(cases, results)
    print(f"memory after it all: {_memory(process.pid):.0f} MB resident")


def _cases(bare: int, ours: int, feed: str, hooks: list[dict[str, str]]) -> list[Case]:
    path = feed.partition(str(ours))[2]
    with urllib.request.urlopen(feed) as answer:
        size = len(answer.read())
    deliveries, changes = _signed(ours, hooks, 300), _signed(ours, hooks[:1], 14)
    word, constant, commit = "bare Flask GET", f"bare Flask, {size} bytes", "bare Flask POST, one commit"
    zipped = "Accept-Encoding: gzip\r\n"
    return [
        Case(word, "", bare, 200, lambda: _forever(_get("/ok"))),
        Case("feed 304", word, ours, 304, lambda: _forever(_poll(feed, path))),
        Case("feed 200 gzip", word, ours, 200, lambda: _forever(_get(path, zipped))),
        Case(constant, "", bare, 200, lambda: _forever(_get(f"/constant/{size}"))),
        Case("feed 200 plain", constant, ours, 200, lambda: _forever(_get(path))),
        Case("naive feed, rendered each time", word, bare, 200, lambda: _forever(_get("/naive"))),
        Case(commit, "", bare, 200, lambda: _forever(_post("/commit", b"x" * 200))),
        # Signed before the clock runs: the sender's work is no part of the figure.
        Case("signed intake", commit, ours, 200, lambda: iter(list(islice(deliveries, SIGNED)))),
        Case("change, and the feed with it", word, ours, 200, lambda: _alternate(changes, _get(path, zipped))),
    ]


def _round(case: Case, connections: int, seconds: float) -> Round:
    if case.name.startswith("change"):
        connections = 1  # a change and then a poll, so that each poll finds something new
    made = drive(case.port, case.requests(), connections, seconds)
    if set(made.statuses) != {case.status}:
        raise SystemExit(f"{case.name}: answers were {made.statuses}")
    return made


def _print(cases: list[Case], results: dict[str, list[Round]]) -> None:
    print(f"{'':32}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'worst ms':>10}{'of bare':>9}")
    for case in cases:
        rounds = results[case.name]
        rate = statistics.median(r.rate for r in rounds)
        p50, p99, worst = (statistics.median(r.percentile(s) for r in rounds) * 1000 for s in (0.5, 0.99, 1))
        pairs = zip(rounds, results[case.beside or case.name], strict=True)
        ratio = statistics.median(ours.rate / bare.rate for ours, bare in pairs)
        print(f"{case.name:32}{rate:10.0f}{p50:9.2f}{p99:9.2f}{worst:10.1f}{ratio:9.2f}")


def _get(path: str, extra: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{extra}\r\n".encode()


def _poll(feed: str, path: str) -> bytes:
    """A poll with the tag of the present document, as a calendar sends it."""
    with urllib.request.urlopen(feed) as answer:
        return _get(path, f"If-None-Match: {answer.headers['ETag']}\r\n")


def _post(path: str, body: bytes, extra: str = "") -> bytes:
    length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: bench\r\n{length}{extra}\r\n".encode() + body


def _forever(request: bytes) -> Iterator[bytes]:
    while True:
        yield request


def _signed(ours: int, hooks: list[dict[str, str]], days: int) -> Iterator[bytes]:
    """Completions that each say something new: of each person in turn, over the last days, done and then undone."""
    signers = [(Webhook(hook["secret"]), hook["hook"].partition(str(ours))[2]) for hook in hooks]
    for number in count():
        signer, path = signers[number % len(signers)]
        turn, now = number // len(signers), datetime.now(UTC)
        day = now.date() - timedelta(days=1 + turn // 2 % days)
        data = {"date": day.isoformat(), "slot": ("morning", "evening")[turn % 2]}
        kind = ("session.completed", "session.undone")[turn // (2 * days) % 2]
        body = json.dumps({"type": kind, "timestamp": now.isoformat(), "data": data})
        event = f"bench{time.time_ns()}"
        proof = f"webhook-id: {event}\r\nwebhook-timestamp: {int(now.timestamp())}\r\n"
        yield _post(path, body.encode(), f"{proof}webhook-signature: {signer.sign(event, now, body)}\r\n")


def _alternate(changes: Iterator[bytes], poll: bytes) -> Iterator[bytes]:
    for change in changes:
        yield change
        yield poll


def _turntwice(*arguments: str) -> dict[str, str]:
    done = subprocess.run([sys.executable, "-m", "integration", *arguments, "--json"], capture_output=True, check=True)
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def _started(stack: ExitStack, command: list[str], port: int, path: str) -> tuple[float, subprocess.Popen[bytes]]:
    """Starts a server on the first core; returns the seconds until its first answer."""
    pinned = ["taskset", "-c", "0", *command] if shutil.which("taskset") else command
    begin = time.perf_counter()
    process = subprocess.Popen(pinned, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}"):
                return time.perf_counter() - begin, process
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"{command} ended with {process.returncode}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


if __name__ == "__main__":
    main()
