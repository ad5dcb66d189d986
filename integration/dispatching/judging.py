"""What an attempt comes to: for the message, and for the connection it went over. Pure: it is told time and luck."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from integration.dispatching import breaker, schedule
from integration.dispatching.breaker import Health
from integration.outgoing import Refusal, Sent
from integration.store import echoes
from integration.store.dispatches import Dispatch, State

KILLS = 5
"""A message that killed its worker so often is given up (webhook-reliability R13)."""
UNNOTICED = frozenset({"rate_limited", "http_429", "unsealed", "no_service"})
"""Reasons of tries that came to nothing, as if they had not been made."""
KILLER = "given up: we stopped five times over it, which is our mistake"


@dataclass(frozen=True, slots=True)
class Dropped:
    """It was not sent, and never will be. `message` says why, to the person."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """It was not sent, through no fault of the service. `after`: seconds until we look again. `begun`: it may have
    arrived all the same.
    """

    reason: str
    message: str
    after: float = 0
    begun: bool = False


Result = Sent | Refusal | Dropped | PutBack


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a message: when it began and ended (UTC), the `pace` of its service, what came of it. `spread` is the
    luck of the jitter, from -1 to 1.
    """

    started: datetime
    ended: datetime
    result: Result
    pace: timedelta = timedelta()
    spread: float = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`dispatch`: the columns of the message that change. `hasten`: until then, all that waits becomes due."""

    dispatch: Mapping[str, Any]
    health: Health
    hasten: datetime | None = None


def judged(health: Health, dispatch: Dispatch, attempt: Attempt) -> Verdict:
    """What an attempt changes."""
    result, now = attempt.result, attempt.ended
    if isinstance(result, Dropped):
        return Verdict(_ended(State.DROPPED, now, result.reason, result.message), health)
    if isinstance(result, PutBack):
        return _put_back(health, dispatch, result, attempt)
    if isinstance(result, Sent):
        after, values = breaker.succeeded(health, now), _sent(dispatch, attempt, result)
    else:
        after, values = _refused(health, dispatch, attempt, result)
    after = replace(after, not_before=max(after.not_before or now, now + attempt.pace))
    return Verdict(values, after, _hasten(health, after, now))


def killed(dispatch: Dispatch, now: datetime) -> Mapping[str, Any]:
    """What changes of a message whose worker died with it: that counts as an attempt, and each time it rests a little
    longer, so that others go first.
    """
    attempts, kills = dispatch.attempts + 1, dispatch.kills + 1
    tried = {"attempts": attempts, "kills": kills, "attempted_at": now}
    if kills >= KILLS:
        return tried | _ended(State.DEAD, now, "killed", KILLER)
    return tried | {"due_at": now + schedule.planned(kills, 0), "reason": "killed", "message": "we were cut off"}


def _sent(dispatch: Dispatch, attempt: Attempt, sent: Sent) -> dict[str, Any]:
    values = _ended(State.SENT, attempt.ended, None, sent.words or ("it was so already" if sent.already else ""))
    values |= {"attempts": dispatch.attempts + 1, "attempted_at": attempt.started}
    # What was so before we came is no change there, and nothing of it comes back to us.
    return values | ({"remote": sent.remote} if sent.remote else {}) | ({"echoed": True} if sent.already else {})


def _refused(health: Health, dispatch: Dispatch, attempt: Attempt, refusal: Refusal) -> tuple[Health, dict[str, Any]]:
    now = attempt.ended
    after = breaker.failed(health, refusal, attempt.started, now, attempt.spread)
    after = replace(after, not_before=schedule.pause(refusal, now))
    reason = _reason(dispatch, refusal.reason)
    values = {"attempted_at": attempt.started, "reason": reason, "message": str(refusal)}
    if refusal.outage and dispatch.due_at > attempt.started:
        return after, values  # only a probe: it found nobody, and says nothing of this message
    tries = dispatch.attempts + 1
    due_at = schedule.next_try(refusal, tries, now, attempt.spread)
    if due_at is None:
        return after, values | {"attempts": tries} | _ended(State.DEAD, now, refusal.reason, str(refusal))
    return after, values | {"attempts": tries, "due_at": due_at}


def _put_back(health: Health, dispatch: Dispatch, result: PutBack, attempt: Attempt) -> Verdict:
    values: dict[str, Any] = {"attempted_at": attempt.started} if result.begun else {}
    if not result.after:
        # An earlier plain no says nothing of what may have arrived now.
        unsure = {"reason": None} if result.begun and echoes.was_refused(dispatch.reason) else {}
        return Verdict(values | unsure, health)
    values |= {"reason": _reason(dispatch, result.reason), "message": result.message}
    return Verdict(values, replace(health, not_before=attempt.ended + timedelta(seconds=result.after)))


def _hasten(before: Health, after: Health, now: datetime) -> datetime | None:
    """A service that was away answers again, if only to refuse this one message: the others need not wait longer."""
    if before.probe_at is None or after.probe_at is not None or after.disabled_at is not None:
        return None
    return now if before.down else now + schedule.PROBE


def _reason(dispatch: Dispatch, reason: str) -> str | None:
    """What stands for all tries of a message so far: a try of which the service took no notice says nothing of an
    earlier one, which may have arrived.
    """
    may_have_arrived = dispatch.attempted_at is not None and not echoes.was_refused(dispatch.reason)
    return dispatch.reason if may_have_arrived and reason in UNNOTICED else reason


def _ended(state: State, now: datetime, reason: str | None, message: str) -> dict[str, Any]:
    return {"state": state, "finished_at": now, "reason": reason, "message": message}
