"""The one place that asks what time it is. Everything else is told."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present as an aware UTC instant."""


def system() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)
