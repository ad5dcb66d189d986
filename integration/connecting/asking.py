"""Asks a service while somebody waits: whatever goes wrong is a Refusal, which holds nothing that was at hand."""

import logging
import traceback
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from integration.outgoing import Call, Refusal, Reply, Request
from integration.service import Service

PATIENCE = 12.0
"""Seconds: after so long no further call is made, so that nobody waits for more than this and one call."""

T = TypeVar("T")

log = logging.getLogger(__name__)


def asked(service: Service, ask: Callable[[], T]) -> T:
    """What the service's file answers. Raises Refusal, also for a mistake of ours."""
    try:
        return ask()
    except Refusal as refusal:
        # What was raised holds every value that was at hand, secrets too.
        told = refusal.with_traceback(None)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        kind, title = type(error).__name__, service.TITLE
        log.error("a mistake in asking %s: %s in %s:%s", title, kind, where.filename, where.lineno)
        told = Refusal("mistake", f"we made a mistake in asking {title}; please report it")
    raise told


def patient(call: Call) -> Call:
    """The way out for one question, which may take several calls."""
    begun = monotonic()

    def called(request: Request) -> Reply:
        if monotonic() - begun > PATIENCE:
            raise Refusal("too_slow", "it took too long to answer; please try again later")
        return call(request)

    return called
