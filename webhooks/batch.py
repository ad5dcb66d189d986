"""Deliveries that carry many entries, each of which may be wrong by itself."""

from collections.abc import Callable, Sequence
from typing import Annotated

from msgspec import Meta

from webhooks.errors import Invalid
from webhooks.report import Report

MOST = 100

Id = Annotated[str, Meta(pattern=r"\A[!-~]{1,255}\Z")]
Seconds = Annotated[float, Meta(ge=0, le=10_000_000)]
"""How long an activity took; what lies above is no duration."""


def readable(items: Sequence[object], read: Callable[[object, str], Report | None], path: str) -> Sequence[Report]:
    """The reports of a batch; an entry that is wrong is left out as long as another can be reported.

    `read(entry, path)` gives None for an entry that means nothing to us. Raises Invalid for the first wrong entry when
    nothing can be reported, and for more than MOST entries (webhook-reliability 2.7).
    """
    if len(items) > MOST:
        raise Invalid("too_many", f"{path}: at most {MOST} at a time; choose a shorter period")
    found, wrong = list[Report](), list[Invalid]()
    for place, item in enumerate(items):
        try:
            report = read(item, f"{path}[{place}]")
        except Invalid as why:
            wrong.append(why)
        else:
            found += [report] if report else []
    if wrong and not found:
        raise wrong[0]
    return tuple(found)
