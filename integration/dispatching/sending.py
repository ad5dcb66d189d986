"""From a message to a call of the service's own file, and what came of it: every answer is a value."""

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import monotonic

import msgspec

from integration.connecting import kinds, tokens
from integration.dispatching import queueing
from integration.dispatching.judging import Dropped, PutBack, Result
from integration.errors import ConfigError, StoreUnavailable, TurntwiceError
from integration.keys import Keys
from integration.outbox import Leased
from integration.outgoing import Call, Refusal, Reply, Request, Sent, Settings, Told
from integration.service import Service
from integration.store.dispatches import Kind
from integration.store.people import decode_plan
from webhooks.report import Report

LONGEST = 40.0
"""Seconds: after so long no further call is made for a message, so that the last one ends within the lease."""
GRACE = 3.0
"""Seconds: so long after we are told to stop a message may still make further calls."""
LOOK_AGAIN = 300.0
MISTAKES = 5
NO_UNDO = Dropped("no_undo", "not sent: cannot be undone there")
PAST_DAY = Dropped("past_day", "not sent: it takes no past day")
NO_FETCH = Dropped("no_fetch", "not fetched: nothing can be asked for there")
UNSEALED = (
    "waiting: its secrets cannot be opened now; whoever runs this Turntwice must give the key they were stored under"
)

Heard = Callable[[str, str, Sequence[Report]], None]
"""Takes the reports that a connection's notice of a remote id amounted to, and stores them. Raises StoreUnavailable."""

log = logging.getLogger(__name__)


class Stopped(TurntwiceError):
    """A message wants to make a further call and must not. `begun`: it has made one."""

    def __init__(self, reason: str, begun: bool) -> None:
        super().__init__(reason)
        self.reason, self.begun = reason, begun


@dataclass(frozen=True, slots=True)
class Sender:
    """What sending needs: our keys, the services' files, the way out, and who takes what was fetched.

    `stopping` answers for how many seconds we have been told to stop, None while we are not; `holds` whether a queue is
    still ours: a process may be halted until another has it.
    """

    keys: Keys
    services: Mapping[str, Service]
    door: Call
    heard: Heard | None = None
    stopping: Callable[[], float | None] = lambda: None
    holds: Callable[[Leased], bool] = lambda _leased: True

    def pace(self, leased: Leased) -> timedelta:
        """What to leave between two messages to that service."""
        service = self.services.get(leased.to.service)
        return timedelta(seconds=service.ABILITIES.pace) if service else timedelta()

    def send(self, leased: Leased, now: datetime) -> Result:
        """Tells the service, at `now` (UTC)."""
        service = self.services.get(leased.to.service)
        if leased.to.revoked:
            return Dropped("disconnected", "not sent: the connection was ended")
        if service is None:
            return PutBack("no_service", f"waiting: {leased.to.service} cannot be told now", LOOK_AGAIN)
        try:
            settings = self._settings(service, leased)
        except ConfigError:
            log.warning("cannot open the secrets of connection %s: sending to it pauses", leased.to.connection)
            return PutBack("unsealed", UNSEALED, LOOK_AGAIN)
        return self._told(service, settings, leased, now)

    def _settings(self, service: Service, leased: Leased) -> Settings:
        """What the service's file asks for, and nothing else that the connection knows."""
        to = leased.to
        known = msgspec.json.decode(to.settings, type=dict[str, str])
        secrets = tokens.opened(self.keys, to.connection, to.tokens)
        slots = kinds.slots_of(decode_plan(to.plan))
        return kinds.for_service(kinds.Kind(to.service, None, service), known, secrets, slots)

    def _told(self, service: Service, settings: Settings, leased: Leased, now: datetime) -> Result:
        call, today = self._call(leased), decode_plan(leased.to.plan).today(now)
        try:
            if leased.dispatch.kind is Kind.FETCH:
                return self._fetched(service, settings, leased, call)
            if leased.dispatch.kind is not Kind.EVENT and leased.dispatch.date < today and not service.ABILITIES.dated:
                return PAST_DAY
            named = settings.get(leased.dispatch.slot) if service.ABILITIES.habits else None
            return _tell(service, call, settings, told_of(leased, named, today, now), leased.dispatch.kind)
        except Refusal as refusal:
            # What was raised holds every value that was at hand, secrets too.
            return refusal.with_traceback(None)
        except Stopped as stopped:
            return PutBack(stopped.reason, "", begun=stopped.begun)
        except StoreUnavailable:
            return PutBack("no_store", "waiting: we could not keep the answer", LOOK_AGAIN, begun=True)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            kind = type(error).__name__
            log.error("a mistake in telling %s: %s in %s:%s", leased.to.service, kind, where.filename, where.lineno)
            return Refusal("mistake", "we made a mistake in telling it", tries=MISTAKES, waiting=True)

    def _fetched(self, service: Service, settings: Settings, leased: Leased, call: Call) -> Result:
        fetch = getattr(service, "fetch", None)
        if fetch is None or self.heard is None:
            return NO_FETCH
        wanted = leased.dispatch.remote or ""
        self.heard(leased.to.connection, wanted, fetch(call, settings, wanted))
        return Sent(words="fetched")

    def _call(self, leased: Leased) -> Call:
        started, begun = monotonic(), False

        def call(request: Request) -> Reply:
            nonlocal begun
            since = self.stopping()
            if since is not None and since > GRACE:
                raise Stopped("stopped", begun)
            if not self.holds(leased):
                raise Stopped("lease_over", begun)
            if monotonic() - started > LONGEST:
                raise Refusal("too_slow", "it took too long to answer")
            begun = True
            return self.door(request)

        return call


def told_of(leased: Leased, named: str | None, today: date, now: datetime) -> Told:
    """What the service is told at this attempt. `named`: the remote habit that the connection names now; None where
    habits are only words, which stay the same under one key (webhook-reliability S2).
    """
    dispatch, said = leased.dispatch, queueing.decode(leased.dispatch.told)
    back = dispatch.kind is Kind.UNDONE or said.lowered
    return Told(
        key=dispatch.key,
        slot=dispatch.slot,
        date=dispatch.date,
        at=said.at,
        said_at=said.said_at,
        habit=(said.habit or named) if back else (named or said.habit),
        done=said.done,
        due=said.due,
        today=dispatch.date == today,
        attempt=dispatch.attempts + 1,
        sent_at=now,
        extra=said.extra,
    )


def _tell(service: Service, call: Call, settings: Settings, told: Told, kind: Kind) -> Result:
    if kind is not Kind.UNDONE:
        return service.complete(call, settings, told)
    undo = getattr(service, "undo", None)
    if undo is None or not service.ABILITIES.undo:
        return NO_UNDO
    sent: Sent = undo(call, settings, told)
    return sent
