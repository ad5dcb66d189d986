"""Deliveries that carry many entries, each of which may be wrong by itself."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Annotated

from msgspec import Meta

from webhooks.errors import Invalid
from webhooks.report import Kind, Likeness, Report

MOST = 100

PATTERN = r"\A[!-~]{1,255}\Z"
Id = Annotated[str, Meta(pattern=PATTERN)]
Seconds = Annotated[float, Meta(ge=0, le=10_000_000)]
"""How long an activity took; what lies above is no duration."""


def readable(
    items: Sequence[object],
    read: Callable[[object, str], Report | None],
    path: str,
    guess: Callable[[object], Report] | None = None,
) -> Sequence[Report]:
    """The reports of a batch; an entry that is wrong does not lose the others.

    `read(entry, path)` gives None for an entry that means nothing to us, `guess(entry)` what is told of a wrong one
    beside others (see `untimed`). Raises Invalid for the first wrong entry when nothing else can be reported (without
    `guess`: nothing else that may be a stretch), and for more than MOST entries (webhook-reliability 2.7).
    """
    if len(items) > MOST:
        raise Invalid("too_many", f"{path}: at most {MOST} at a time; choose a shorter period")
    found, guessed, wrong = list[Report](), list[Report](), list[Invalid]()
    for place, item in enumerate(items):
        try:
            report = read(item, f"{path}[{place}]")
        except Invalid as why:
            wrong.append(why)
            guessed += [guess(item)] if guess else []
        else:
            found += [report] if report else []
    alone = not found if guess else all(report.likeness is Likeness.OTHER for report in found)
    if wrong and alone:
        raise wrong[0]
    return (*found, *guessed)


def untimed(item: object, names: Sequence[str], likeness: Likeness | None, event: object = None) -> Report:
    """What is told of an entry that cannot be read: it was done, nobody knows when. Where it may have been a stretch,
    as it may without a `likeness`, it waits for the person. `item` is as it is kept; `event` is its id, if it has one.
    """
    known = likeness is not None and isinstance(event, str) and re.match(PATTERN, event)
    return Report(
        kind=Kind.DONE,
        event_id=str(event) if known else hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest(),
        habit=tuple(dict.fromkeys(name for name in names if name)),
        likeness=likeness or Likeness.RELATED,
    )
