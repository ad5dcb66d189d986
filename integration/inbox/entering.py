"""What becomes of each report of a delivery: a new word, a copy, a correction of an earlier one, or nothing at all.

Spec: streaks section 8. Where the person put an event it stays, and what they said is no stretch is none, however often
it is told.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from integration.core.model import Fact, FactKind
from integration.core.placing import Placed, Unplaced
from integration.inbox import echoes, withdrawals
from integration.inbox.admission import (
    NO_STRETCH,
    NOTHING_TO_TAKE_BACK,
    OTHERWISE,
    RELATED,
    Inbound,
    admit,
    content,
    fact_of,
)
from integration.inbox.withdrawals import TAKEN_BACK
from integration.ledger import Ledger
from integration.store import remembered
from webhooks.report import Kind, Report


@dataclass(frozen=True, slots=True)
class Told:
    """A report, the fact or the reason that it came to, and whether that is new."""

    report: Report
    became: Fact | Unplaced
    new: bool = False


def contents(reports: Iterable[Report]) -> tuple[str, ...]:
    """The contents of all facts that reports may come to."""
    return tuple(said for report in reports for said in (content(report), content(report) + TAKEN_BACK))


class Entering:
    """The reports of one delivery, which came at `received_at` (UTC), on their way into a ledger.

    With `again` it is judged anew, with `choice` it counts where the person says.
    """

    def __init__(
        self,
        inbound: Inbound,
        reports: Sequence[Report],
        ledger: Ledger,
        received_at: datetime,
        again: bool = False,
        choice: Placed | None = None,
    ) -> None:
        self._inbound, self._reports, self._ledger, self._received_at = inbound, reports, ledger, received_at
        self._again, self._choice = again, choice
        self._events = [report.event_id for report in reports]
        self._put_away: set[str] | None = None

    def told(self) -> list[Told]:
        """Enters what is new. A report that counts no longer and may count yet comes twice."""
        return [one for report in self._reports for one in self._entered(report)]

    def settled(self, report: Report) -> bool:
        """Whether the person has said of its event what it is."""
        standing = self._standing(report)
        return bool(standing and standing.chosen) or self._is_put_away(report)

    def _entered(self, report: Report) -> Iterator[Told]:
        source, choice = self._inbound.connection.id, self._choice
        # A copy of what was placed once stays there, whatever would be thought of it now.
        asked = self._again and not choice
        if held := self._ledger.known(source, report.event_id, content(report)) if asked else None:
            yield Told(report, held)
            return
        fact = admit(self._inbound, report, self._ledger, self._received_at, choice)
        if isinstance(fact, Unplaced) and fact.near:
            fact = self._heard_already(report, fact.near) or fact
        if isinstance(fact, Unplaced):
            yield from self._left_out(report, fact)
        elif copy := self._copy(report, fact):
            yield Told(report, copy)
        elif not fact.chosen and self._ledger.around(fact).put_away:
            yield Told(report, NO_STRETCH)
        else:
            self._enter(report, fact)
            yield Told(report, fact, new=True)

    def _heard_already(self, report: Report, near: Placed) -> Fact | None:
        """What came too early, where it is a copy of what counts or our own word: of that nobody is asked."""
        fact = fact_of(self._inbound, report, near, self._ledger, self._received_at)
        if self._copy(report, fact):
            return fact
        return replace(fact, echo=True) if self._is_echo(report, fact) else None

    def _is_echo(self, report: Report, fact: Fact) -> bool:
        return self._ledger.was_echo(fact) or echoes.is_one(self._ledger.db, self._inbound, report, fact)

    def _copy(self, report: Report, fact: Fact) -> Fact | None:
        """The fact that this one says again, or that stays because the person chose its place."""
        self._ledger.around(fact)
        if (standing := self._standing(report)) and _stays(standing, fact.kind) and not fact.chosen:
            return standing
        held = self._ledger.held(fact)
        return None if held and report.made and not self._ledger.stands(held) else held

    def _enter(self, report: Report, fact: Fact) -> None:
        ledger = self._ledger
        if not fact.echo and self._is_echo(report, fact):
            fact = replace(fact, echo=True)
        ledger.enter(fact, report.origin)
        if fact.chosen:
            remembered.take_up(ledger.db, fact.source, fact.event)
        elif fact.kind is FactKind.UNDONE:
            withdrawals.remember(ledger, fact.source, report, fact.received_at, found=True)
        else:
            withdrawals.take_back(ledger, fact)

    def _left_out(self, report: Report, why: Unplaced) -> Iterator[Told]:
        """Of a report that counts for nothing; what its event counted for until now may count no longer."""
        standing = self._standing(report)
        if standing and _stays(standing, FactKind(report.kind)):
            yield Told(report, standing)
        elif self._is_put_away(report):
            yield Told(report, NO_STRETCH)
        elif why is NOTHING_TO_TAKE_BACK:
            withdrawals.remember(self._ledger, self._inbound.connection.id, report, self._received_at, found=False)
            yield Told(report, why)
        elif standing and why.reason in OTHERWISE and (undo := self._correction(report, standing)):
            self._ledger.enter(undo)
            yield Told(report, undo, new=True)
            if why is RELATED:
                yield Told(report, why)
        else:
            yield Told(report, why)

    def _correction(self, report: Report, standing: Fact) -> Fact | None:
        """The undo of what an event counted for, by word that it was something else; None for one heard before."""
        if report.kind is not Kind.DONE or standing.kind is not FactKind.DONE or standing.chosen or standing.echo:
            return None
        placed = Placed(standing.slot, standing.date)
        said = fact_of(self._inbound, report, placed, self._ledger, self._received_at)
        undo = replace(said, kind=FactKind.UNDONE, content=said.content + TAKEN_BACK)
        return None if self._ledger.held(said) or self._ledger.held(undo) else undo

    def _standing(self, report: Report) -> Fact | None:
        return self._ledger.standing(self._inbound.connection.id, report.event_id, self._events)

    def _is_put_away(self, report: Report) -> bool:
        if self._put_away is None:
            source = self._inbound.connection.id
            self._put_away = remembered.are_put_away(self._ledger.db, source, self._events)
        return report.event_id in self._put_away


def _stays(standing: Fact, kind: FactKind) -> bool:
    """Whether the person put an event where it is, so that no later word of its service but an undo moves it."""
    return standing.chosen and standing.kind is kind
