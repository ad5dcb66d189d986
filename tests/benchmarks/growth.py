"""make bench, third part: whether taking a completion costs the same however much is stored already.

Three servers side by side: fifty people with a month behind them, the same with ten years, and five thousand with a
month. Each is sent the same signed completions of fifty people in turns; what is printed is the median of the rounds,
and its share of the first.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from load import drive
from run import _free_port, _signed, _started

from integration import people
from integration.config import Config
from integration.connecting import connections
from integration.core.model import Fact, FactKind
from integration.parts import Parts, assemble
from integration.people import Wish
from integration.store import deliveries, facts, schema
from integration.store import people as stored
from integration.store.engine import Database

ROUNDS, SECONDS, SENDERS = 9, 2.0, 50
SIGNED = 3000
"""Deliveries a round at most."""
DAYS_SENT = 14
CASES = {"50 people, a month": (50, 30), "50 people, ten years": (50, 3650), "5,000 people, a month": (5000, 30)}


def main() -> None:
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = {name: _served(stack, folder / str(place), *CASES[name]) for place, name in enumerate(CASES)}
        rates = {name: list[float]() for name in CASES}
        for _ in range(ROUNDS):
            for name, (port, signed) in served.items():
                made = drive(port, iter(list(islice(signed, SIGNED))), 4, SECONDS)
                if set(made.statuses) != {200}:
                    raise SystemExit(f"{name}: answers were {made.statuses}")
                rates[name].append(made.rate)
        first = next(iter(rates.values()))
        for name, found in rates.items():
            share = statistics.median(one / other for one, other in zip(found, first, strict=True))
            print(f"{'intake, ' + name:32}{statistics.median(found):10.0f}{share:9.2f} of the first", flush=True)


def _served(stack: ExitStack, folder: Path, crowd: int, days: int) -> tuple[int, Iterator[bytes]]:
    """A server over so many people with so many days behind them; its port, and what to send."""
    port = _free_port()
    folder.mkdir()
    settings = {"DATA": str(folder), "PUBLIC_URL": f"http://127.0.0.1:{port}", "HOOK_LIMIT": "off"}
    os.environ.update({f"TURNTWICE_{name}": value for name, value in settings.items()})
    parts = assemble(Config.from_env(os.environ))
    schema.upgrade(parts.store)
    made = [_lived(parts, days) for _ in range(crowd)]
    parts.store.close()
    serve = [sys.executable, "-m", "integration", "serve", "--port", str(port)]
    _started(stack, serve, port, "/healthz")
    every = crowd // SENDERS
    hooks = [
        {"hook": f"http://127.0.0.1:{port}/hooks/standard/{one.hook}", "secret": one.secret or ""}
        for one in made[::every]
    ]
    return port, _signed(port, hooks, DAYS_SENT)


def _lived(parts: Parts, days: int) -> connections.Made:
    """Somebody with a connection, who did every session of so many days; the last ninety days of it were kept."""
    now = datetime.now(UTC)
    today = now.date()
    person, _ = people.add(parts.store, Wish("Europe/Berlin", time(7), time(22), start=today - timedelta(days)), now)
    made = connections.add(parts.store, parts.keys, parts.providers, person.id, "standard", {}, now)
    with parts.store.writing() as db:
        for back in range(DAYS_SENT + 2, days):
            for slot in ("morning", "evening"):
                day = today - timedelta(days=back)
                came = datetime.combine(day, time(20), UTC)
                kept = _kept(db, made.connection.id, came) if back < 90 else None
                facts.add(db, person.id, _done(made.connection.id, day, slot, came), 0, False, kept)
                facts.bump(db, person.id, day, slot, came)
                stored.touch(db, person.id)
    return made


def _kept(db: Database, connection: str, came: datetime) -> int:
    headers = {"content-type": "application/json", "webhook-id": f"msg_{came.timestamp()}"}
    return deliveries.add(db, connection, came, ("accepted", None, "It was done."), headers, b"x" * 180)


def _done(source: str, day: date, slot: str, came: datetime) -> Fact:
    return Fact(source, f"lived-{day}-{slot}", FactKind.DONE, slot, day, came, came, came, content="c" * 64)


if __name__ == "__main__":
    main()
