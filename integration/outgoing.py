"""How we speak to other services: the values that a service's file declares, is given and gives back.

What such a file must have stands in integration/service.py; what most of them need in integration/replies.py.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

from integration.errors import TurntwiceError

Settings = Mapping[str, str]
"""A connection's settings and opened secrets by field name, and the remote habit of each slot under the slot's name."""

# As in webhooks/payload.py: what no database keeps, no page can show, or a terminal obeys.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a service, from which the connect form and `--set` are made. `secret` ones are kept encrypted.

    `address`: it is the service's own address (`url`); a secret is sent only to the host it was given for, so a changed
    address asks for the secrets again.
    """

    name: str
    label: str
    hint: str = ""
    secret: bool = False
    required: bool = True
    address: bool = False
    default: str = ""
    pattern: str = r".{1,200}"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a service can carry, said to people before they connect.

    `dated`: it takes a past day. `undo`: a completion can be taken back. `confirms`: its answer proves that it was
    kept. `holds`: what a remote habit can hold for one day: a tick, a number, or each session by itself.
    `habits`: a session needs a remote habit to be named. `events`: it also hears when the streak changes. `pace`:
    seconds to leave between two messages.
    `note`: one more sentence, where there is something to know.
    """

    dated: bool
    undo: bool
    confirms: bool
    holds: Literal["tick", "number", "sessions"]
    habits: bool = True
    events: bool = False
    pace: float = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a service is told of one session; the same values at every attempt.

    `key` is the idempotency key of this message. `slot` and `date` name the session, `at` is when it was done (or
    undone), aware, in the person's own offset; `said_at` is when we heard (UTC). `habit` is the remote habit that is
    meant, None where none was named. `done` counts the sessions of that date, of those mapped to this same habit, that
    are done once this is told; `due` how many are mapped to it. `today`: the date is the person's present logical
    date, judged at the attempt. `attempt` counts from 1, `sent_at` is its time (UTC). `extra` is for `standard`: what
    else its event says.
    """

    key: str
    slot: str
    date: date
    at: datetime
    said_at: datetime
    habit: str | None = None
    done: int = 1
    due: int = 1
    today: bool = True
    attempt: int = 1
    sent_at: datetime | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One call out. `body` is sent as it is; `largest` is how much of the answer is read, in bytes, 1 MiB at most."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    largest: int = 16 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: header names in lower case; `body` is cut at the request's `largest`."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """The body as JSON, U+FFFD for what no text may hold. Raises Refusal (to be tried again) where it is none."""
        try:
            return _fit(json.loads(self.body))
        except (ValueError, RecursionError):
            raise Refusal("unreadable_answer", "its answer could not be read") from None


def _fit(value: Any) -> Any:
    if isinstance(value, str):
        return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {_fit(name): _fit(one) for name, one in value.items()}
    return [_fit(one) for one in value] if isinstance(value, list) else value


class Call(Protocol):
    """The door: makes one call. Raises Refusal for what never reached the service or never came back."""

    def __call__(self, request: Request) -> Reply: ...


class Refusal(TurntwiceError):
    """A service did not take what we told it.

    `permanent`: trying again cannot help, so this was the last try. `tries`: it refuses this very message, and so many
    tries in all are enough; None: the usual schedule, as for a service that is down. `after`: seconds that it asked us
    to wait, None where it named none. `waiting`: it is well, only the time has not come; this never counts against it.
    `gone`: it wants nothing from us any more (410), or never saw a good credential: the connection is switched off.
    `message` is a sentence for the person, with the cure where there is one, and never quotes a body or a secret.
    """

    reason = "refusal"

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        permanent: bool = False,
        tries: int | None = None,
        after: float | None = None,
        waiting: bool = False,
        gone: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason, self.permanent, self.gone = reason, permanent or gone, gone
        self.tries, self.after, self.waiting = tries, after, waiting

    @property
    def outage(self) -> bool:
        """It says nothing of this message, only that the service cannot take any now; so others need not be tried."""
        return not (self.permanent or self.tries or self.waiting)


@dataclass(frozen=True, slots=True)
class Sent:
    """It is so now at the service. `already`: it was so before we came. `remote` is the service's id of what we made.
    `words` says it to the person, such as "kept".
    """

    already: bool = False
    remote: str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Habit:
    """Something at the service that a slot can be mapped to."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Remote:
    """One completion in a service's own history. `habit` is its id there; `at` is aware where it tells the time;
    `date` is the service's own day of it; `event` its id of the completion, if it has one."""

    habit: str
    date: date
    at: datetime | None = None
    count: int = 1
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Streaks:
    """How many in a row a service itself counts, by the remote habit as a slot names it. `reason`: a sentence on how it
    counts otherwise than we do (its day boundary, its skips), which is shown where the numbers disagree.
    """

    counts: Mapping[str, int]
    reason: str
