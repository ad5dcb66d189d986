"""Withdrawals of tasks and activities, which may come before what they withdraw.

Each takes back the last word of its thing before it, in whatever order both come: it is kept (store/remembered.py), and
moves to a later word before it once that comes. Spec: streaks section 8, rule 2 as amended (core/merge.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from integration.core.merge import told_at
from integration.core.model import Fact, FactKind
from integration.inbox.admission import worded_at
from integration.ledger import Ledger
from integration.store import remembered
from integration.store.remembered import Withdrawal
from webhooks.report import Report

TAKEN_BACK = "~"
"""Stands after the content of a report where it takes back what it, or an earlier one of its event, says."""


def remember(ledger: Ledger, source: str, report: Report, received_at: datetime, found: bool) -> None:
    """Keeps a withdrawal that came then (UTC) for what it withdraws, which may come yet; `found`: something stood.

    Not where a thing is told as it is now, without a time: then what comes later knows better.
    """
    thing, at = report.thing, worded_at(report, received_at)
    if thing is None or (report.said_at is None and report.event_id == thing):
        return
    said = [] if found else ledger.of_thing(source, thing, at)
    words = [told_at(fact) for fact in said if fact.kind is FactKind.DONE]
    since = max([*words, report.stands] if report.stands else words, default=None)
    remembered.withdraw(ledger.db, source, thing, Withdrawal(at, report.event_id, found, since))


def take_back(ledger: Ledger, done: Fact) -> None:
    """Enters the withdrawals of a word that came before it."""
    withdrawals, thing = ledger.around(done).withdrawn, done.thing or ""
    for one in _meant_for_it(withdrawals):
        undo = _undo(done, one)
        if not ledger.held(undo):
            ledger.enter(undo)
        remembered.withdraw(ledger.db, done.source, thing, replace(one, found=True))
    if withdrawals:
        remembered.answered(ledger.db, done.source, thing, told_at(done))


def _meant_for_it(withdrawals: Sequence[Withdrawal]) -> list[Withdrawal]:
    """Those withdrawals of a thing that may be meant for a word said before them: all that took back an earlier one,
    and of those that found none the first.
    """
    found = {one.event: one for one in withdrawals if one.found}
    lost = [one for one in withdrawals if one.event not in found]
    return [*sorted(lost, key=lambda one: one.at)[:1], *found.values()]


def _undo(done: Fact, by: Withdrawal) -> Fact:
    """What takes that word back. As a content of its event it is as new as the word, so that the last word has it."""
    return Fact(
        source=done.source,
        event=by.event,
        kind=FactKind.UNDONE,
        slot=done.slot,
        date=done.date,
        said_at=by.at,
        received_at=done.received_at,
        content=done.content + TAKEN_BACK,
        thing=done.thing,
        worded_at=done.worded_at,
    )
