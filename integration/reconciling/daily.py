"""What is done once a day, beside the outbox: each connection is compared with its service's history, webhooks that we
set up are looked after, and deliveries that were kept long enough are deleted.

A thread of its own, which wakes once an hour, so that a slow service holds up no message. Each connection has its own
hour of its person's day; of several processes one does it.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from threading import Event, Thread
from zlib import crc32

from calendar_export.plan import Plan
from calendar_export.zones import to_instant
from integration.connecting import hooking
from integration.connecting.held import live
from integration.errors import ConfigError, NotFound, Refused, StoreUnavailable
from integration.inbox import retention
from integration.outgoing import Refusal
from integration.parts import Parts
from integration.people import find
from integration.reconciling import compared, reconcile
from integration.reconciling.compared import Found, Outcome
from integration.reconciling.looking import DAYS, compares
from integration.store import lookings
from integration.store.lookings import Candidate

EVERY = 3600.0
"""Seconds between two looks at what is due."""
AT_LEAST = timedelta(hours=12)
"""Two looks at one connection are never closer; the days of a traveller may be."""
PATIENCE = 16.0
"""Seconds that stopping waits: a call takes 15 at most."""
MISTAKE = "We made a mistake in comparing it; please report it."

log = logging.getLogger(__name__)


class Daily:
    """Works while it is started."""

    def __init__(self, parts: Parts, every: float = EVERY) -> None:
        self._parts, self._every, self._stopping = parts, every, Event()
        self._thread = Thread(target=self._run, name="turntwice-daily", daemon=True)

    def start(self) -> None:
        """Begins to work, at once with what is due."""
        self._thread.start()

    def stop(self, patience: float = PATIENCE) -> None:
        """Begins nothing more, and waits so many seconds for what it is at."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                daily(self._parts, self._parts.clock(), self._stopping.is_set)
                if not self._stopping.is_set():
                    retention.prune(self._parts.store, self._parts.clock(), self._parts.keep_days)
            except StoreUnavailable as error:
                log.warning("what is done daily rests: %s", error)
            except Exception:
                log.exception("a mistake in what is done daily")
            self._stopping.wait(self._every)


def daily(parts: Parts, now: datetime, stopping: Callable[[], bool] = lambda: False) -> int:
    """Looks at every connection that is due at `now` (UTC), one after another; how many. Raises StoreUnavailable."""
    count = 0
    for connection, since in due(parts, now):
        if stopping():
            break
        with parts.store.writing() as db:
            ours = lookings.claim(db, connection, since, now)
        if ours:
            _look_after(parts, connection)
            count += 1
    return count


def due(parts: Parts, now: datetime) -> list[tuple[str, datetime]]:
    """The connections to be looked at, each with the instant (UTC) since which it is due. Raises StoreUnavailable."""
    names = [name for name, service in parts.services.items() if compares(service)]
    with parts.store.reading() as db:
        return [*_due(lookings.candidates(db, names, now - AT_LEAST), now)]


def _due(candidates: Iterator[Candidate], now: datetime) -> Iterator[tuple[str, datetime]]:
    for one in candidates:
        since = turn(one.plan, one.connection, now)
        if (one.at or one.created_at) < since:
            yield one.connection, since


def turn(plan: Plan, connection: str, now: datetime) -> datetime:
    """When a connection's hour was last (UTC): one of the 24 of each logical day, always the same."""
    hour, today = timedelta(hours=crc32(connection.encode()) % 24), plan.today(now)
    turns = (to_instant(plan.day_start(today - timedelta(days=back)), plan.zone_at(now)) + hour for back in range(3))
    return next(at for at in turns if at <= now)


def _look_after(parts: Parts, connection: str) -> None:
    now = parts.clock()
    try:
        reconcile.set_right(parts, connection, now, _first(parts, connection, now))
        if told := hooking.mend(parts, connection):
            compared.add(parts.store, connection, told)
    except NotFound:
        return  # it has ended meanwhile
    except (Refusal, Refused, ConfigError) as error:
        _failed(parts, connection, now, str(error))
    except StoreUnavailable:
        raise
    except Exception as error:
        # No traceback: it holds what the service said.
        log.error("a mistake in comparing connection %s: %s", connection, type(error).__name__)
        _failed(parts, connection, now, MISTAKE)


def _first(parts: Parts, connection: str, now: datetime) -> date:
    """Not before somebody connected it: what was done earlier is taken over, or sent, only when they ask."""
    held = live(parts.store, connection)
    plan = find(parts.store, held.person).plan
    return max(plan.today(now) - timedelta(days=DAYS), plan.today(held.created_at))


def _failed(parts: Parts, connection: str, now: datetime, why: str) -> None:
    compared.keep(parts.store, connection, now, Outcome.FAILED, why, Found())
