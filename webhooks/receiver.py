"""What the blueprint asks of whoever keeps deliveries: nothing here knows Flask, a person or a database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar

from webhooks.errors import Rejected
from webhooks.report import Incoming, Notice, Report


class Hook(Protocol):
    """What a receiver found under a key: the live secrets, and whatever else it wants back in `record`."""

    @property
    def secrets(self) -> Sequence[str]: ...


H = TypeVar("H", bound=Hook)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery. `outcome` is accepted, ignored, duplicate or quarantined; `message` is for people.

    `counted` lists the sessions it touched as (date, slot, state); `reason` labels why it was not accepted.
    """

    outcome: str
    message: str = ""
    counted: tuple[tuple[date, str, str], ...] = ()
    reason: str | None = None


class Receiver(Protocol[H]):
    """Who keeps deliveries. Each method may raise Unavailable, which is answered with 503."""

    def find(self, provider: str, key: str, anew: bool = False) -> H | None:
        """The hook of that key; None when there is none, whatever the reason.

        It may be remembered from an earlier delivery, but not with `anew`: nobody is refused by what is remembered,
        and whoever keeps or refuses a delivery checks that it still holds.
        """

    def app_secrets(self, provider: str) -> Sequence[str]:
        """The operator's secrets of an app that has one address for all its users, newest first; empty without one."""

    def find_account(self, provider: str, account: str) -> Sequence[H]:
        """Every live hook of that provider for that account of the service; their own secrets are not asked for."""

    def record(self, hook: H, incoming: Incoming, reports: Sequence[Report], notices: Sequence[Notice] = ()) -> Outcome:
        """Keep a verified delivery, durably, with what it reports and what it announces; with neither, as ignored.

        Raises Outdated, and keeps nothing, when the hook is no longer what was found, so that the proof may be none.
        """

    def refuse(self, hook: H | None, provider: str, incoming: Incoming, why: Rejected) -> None:
        """Count a refusal. Keep the delivery (quarantined) only when it was verified: a hook, and not Forged.

        Raises Outdated as `record` does.
        """
