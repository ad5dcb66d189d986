"""Keeps what is secret out of the logs, whoever writes them: webhook-reliability K5.

Keys in addresses, signing secrets, credentials of a header, passwords and queries in a URL become ***. Of an error that
is none of ours only its kind and its place are told: its text may quote a body or a secret, as int("...") does.
"""

import logging
import re
import traceback

from calendar_export.errors import CalendarError
from integration.errors import TurntwiceError
from webhooks.errors import WebhookError

OURS = (TurntwiceError, CalendarError, WebhookError)
"""Errors whose text is made of our own words."""
MASKS = (
    (re.compile(r"\b(me|feed|hook|session|badge)_[A-Za-z0-9_~-]{8,}(\.[A-Za-z0-9_-]*)?"), r"\1_***"),
    (re.compile(r"\b(whsec|whsk|whpk)_[A-Za-z0-9+/=_-]+"), r"\1_***"),
    (re.compile(r"(?i)\b(bearer|basic)([ :=]+)[A-Za-z0-9._~+/=-]{6,}"), r"\1\2***"),
    (re.compile(r"://[^/\s@]+@"), "://***@"),
    (re.compile(r"(?i)(\bhttps?://[^\s?#\"']+)\?[^\s\"']+"), r"\1?***"),
)


class Redacting(logging.Filter):
    """Masks a record before its handler writes it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record pass, masked."""
        try:
            record.msg, record.args = masked(record.getMessage()), ()
        except Exception:  # it would end the caller, and logging itself would print all that it was given
            record.msg, record.args = f"a message of {record.pathname}:{record.lineno} cannot be put together", ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = masked(told(record.exc_info[1]))
        record.exc_info = None
        return True


def log_to_stderr(level: int = logging.INFO) -> None:
    """Sends the program's log to standard error, masked. Does nothing where somebody has set logging up already."""
    handler = logging.StreamHandler()
    handler.addFilter(Redacting())
    logging.basicConfig(level=level, format="%(levelname)s %(name)s %(message)s", handlers=[handler])


def masked(text: str) -> str:
    """A text without what looks like a key or a credential."""
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text


def told(error: BaseException) -> str:
    """An error with its causes, first cause first: where each came from and of what kind it is."""
    chain, found = list[str](), set[int]()
    one: BaseException | None = error
    while one is not None and id(one) not in found:
        found.add(id(one))
        words = f": {one}" if isinstance(one, OURS) else ""
        chain.append(f"{''.join(traceback.format_tb(one.__traceback__))}{type(one).__qualname__}{words}")
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\n".join(reversed(chain))
