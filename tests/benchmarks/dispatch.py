"""make bench, second part: how fast messages go out, and what a bad service costs the others.

The server has one core; the services, all in one thread here, and whoever reports have another. What is printed is the
median of three rounds. The sessions lie long ago, so that no news of the streak goes along: each is one message to each
service.
"""

import argparse
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from run import ROUNDS, _memory
from tellers import Bench, Teller

from integration.dispatching.breaker import DOWN

MANY, WAITING, ALONE = 100, 5000, 1000
"""Services of one person; messages that wait at a start for all of them, and for one."""
SINGLY, TO_ALL = 200, 10
"""Sessions told in a round to one service, and to all."""
AWAY, MISSED = 20, 10
"""Services that are away, and the messages that each of them missed."""
CROWD = 40
"""People who all use one service."""
IDLE_SECONDS = 10
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--only", default="", help="only figures with this in their name")
    chosen = options.parse_args().only
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cases: dict[str, Callable[[Bench], str]] = {
        "report in, message out": _latency,
        f"{WAITING} waiting for {MANY} services": lambda bench: _rate(bench, MANY, WAITING),
        f"{ALONE} waiting for one service": lambda bench: _rate(bench, 1, ALONE),
        f"told at once to {MANY - 1} services": lambda bench: _at_once(bench, hole=False),
        "the same beside a black hole": lambda bench: _at_once(bench, hole=True),
        f"beside a black hole of {CROWD} people": _beside_a_crowd,
        f"idle, {MANY} services": _idle,
        f"back after an outage, {AWAY} services": _recovery,
    }
    for name, case in cases.items():
        if chosen in name:
            with tempfile.TemporaryDirectory() as folder:
                print(f"{name:36}{case(Bench(Path(folder)))}", flush=True)


def _latency(bench: Bench) -> str:
    """One at a time, from the first byte of the report to the last of the message; between them it is stored twice."""
    teller = bench.teller(bench.services(1))
    with bench.served() as line:
        return _spread(_rounds(bench, line, teller, SINGLY, 1))


def _at_once(bench: Bench, *, hole: bool) -> str:
    """With a hole: the first service of all takes every call and never answers."""
    places, addresses = bench.places(1 if hole else 0)
    for place in places:
        place.listen(128)
    teller = bench.teller([*addresses, *bench.services(MANY - 1)])
    with bench.served() as line:
        return _spread(_rounds(bench, line, teller, TO_ALL, MANY - 1))


def _beside_a_crowd(bench: Bench) -> str:
    """The service of many does not answer; how long the first message to another one takes."""
    [place], address = bench.places(1)
    place.listen(128)
    crowd, teller = bench.teller(address * CROWD), bench.teller(bench.services(1))
    bench.queue(crowd.told, 1)
    with bench.served() as line:
        time.sleep(1)
        [first, *_] = _told(bench, line, teller.toggle(0), 1)
    return f"{first * 1000:8.1f} ms the first message to another service"


def _rate(bench: Bench, services: int, waiting: int) -> str:
    """From the first message that comes after a start to the last."""
    teller, came = bench.teller(bench.services(services)), bench.endpoints.came
    rates, grown = [], []
    for _ in range(ROUNDS):
        bench.queue(teller.told, waiting // services)
        came.clear()
        with bench.served():
            bench.endpoints.work(lambda: len(came) >= waiting // 10)
            early = _memory(bench.pid)
            bench.endpoints.work(lambda: bench.waiting() == 0)
            grown.append(_memory(bench.pid) - early)
        if len(came) != waiting:
            raise SystemExit(f"of {waiting} messages {len(came)} came")
        rates.append(waiting / (came[-1][0] - came[0][0]))
    return f"{statistics.median(rates):8.0f} a second; memory {statistics.median(grown):+.1f} MB after the first tenth"


def _idle(bench: Bench) -> str:
    bench.teller(bench.services(MANY))
    shares = []
    with bench.served():
        for _ in range(ROUNDS):
            before = _ticks(bench.pid)
            time.sleep(IDLE_SECONDS)
            shares.append((_ticks(bench.pid) - before) / TICKS / IDLE_SECONDS)
        return f"{statistics.median(shares) * 100:8.2f} % of a core; {_memory(bench.pid):.0f} MB resident"


def _recovery(bench: Bench) -> str:
    """From the moment that they answer again until each has all that it missed."""
    places, addresses = bench.places(AWAY)
    teller, came = bench.teller(addresses), bench.endpoints.came
    bench.queue(teller.told, MISSED)
    with bench.served():
        while bench.stored(f"SELECT count(*) FROM outlets WHERE failures >= {DOWN}") < AWAY:
            time.sleep(0.05)
        begun = time.perf_counter()
        for number, place in enumerate(places):
            bench.endpoints.open(place, number)
        bench.endpoints.work(lambda: len(came) >= AWAY * MISSED)
    last = [max(at for at, service in came if service == number) - begun for number in range(AWAY)]
    return f"{statistics.median(last):8.1f} s in the middle, {max(last):.1f} s at worst"


def _rounds(bench: Bench, line: socket.socket, teller: Teller, sessions: int, services: int) -> list[list[float]]:
    """The seconds that each message took, of sessions that are told one after another."""
    numbers = count()
    # The first session brings the first news of the streak along.
    for messages in (2 * services, services):
        _told(bench, line, teller.toggle(next(numbers)), messages)
    return [
        [delay for _ in range(sessions) for delay in _told(bench, line, teller.toggle(next(numbers)), services)]
        for _ in range(ROUNDS)
    ]


def _told(bench: Bench, line: socket.socket, report: bytes, services: int) -> list[float]:
    came, answers = bench.endpoints.came, bench.endpoints.answers
    came.clear()
    answers.clear()
    begun = bench.endpoints.call(line, report)
    bench.endpoints.work(lambda: len(came) >= services and bool(answers))
    return [at - begun for at, _ in came]


def _spread(rounds: Sequence[list[float]]) -> str:
    p50, p99, worst = (
        statistics.median(sorted(delays)[min(len(delays) - 1, int(len(delays) * share))] for delays in rounds) * 1000
        for share in (0.5, 0.99, 1)
    )
    return f"{p50:8.1f} ms p50{p99:8.1f} ms p99{worst:8.1f} ms worst"


def _ticks(pid: int) -> int:
    """Processor time that a process has used."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(after_name[11]) + int(after_name[12])


if __name__ == "__main__":
    main()
