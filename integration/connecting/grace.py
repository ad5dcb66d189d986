"""Secrets that are being changed: several are live at once, and an old one only until an instant that stands by it.

A text of secrets has commas between them, newest first, and one that ends bears ` until SECONDS` since 1970. Source:
webhook-reliability S15: both sign for 24 hours, then the old one is gone; five at most.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from webhooks.signatures import LIVE_SECRETS

GRACE = timedelta(hours=24)

_ENDING = re.compile(r"(.*) until ([0-9]{9,11})")


def live(text: str, now: datetime) -> tuple[str, ...]:
    """The secrets of a text that are live at an aware instant, newest first."""
    return tuple(secret for secret, end in _parts(text) if end is None or now.timestamp() < end)


def rotated(text: str, fresh: str, now: datetime) -> str:
    """The text with a fresh secret in front; what was live until now stays so for 24 hours, or as long as it had."""
    latest = int((now + GRACE).timestamp())
    held = [(secret, latest if end is None else end) for secret, end in _parts(text)]
    kept = [f"{secret} until {end}" for secret, end in held if now.timestamp() < end]
    return ",".join([fresh, *kept[: LIVE_SECRETS - 1]])


def _parts(text: str) -> Iterator[tuple[str, int | None]]:
    for part in text.split(","):
        found = _ENDING.fullmatch(part.strip())
        yield (found[1], int(found[2])) if found else (part.strip(), None)
