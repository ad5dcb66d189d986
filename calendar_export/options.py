"""What one subscription may choose. The same names stand on the page, the command line and the API."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from calendar_export.errors import FeedError

LANGUAGES = ("en", "de", "es", "fr")


class Detail(StrEnum):
    """How much a calendar says: all of it, or a neutral title that others may see (calendar-feed rule 39)."""

    FULL = "full"
    DISCREET = "discreet"


@dataclass(frozen=True, slots=True)
class Options:
    """Days are logical dates: `back` of them before this week's Monday, `ahead` from it on.

    `lead_minutes` is how long before its session an alarm rings. `rich` adds an HTML twin of the text, for Outlook and
    Thunderbird, and doubles the size. A discreet feed has neither link nor instructions.
    """

    detail: Detail = Detail.FULL
    alarms: bool = True
    lead_minutes: int = 0
    back: int = 14
    ahead: int = 60
    rich: bool = False
    language: str = "en"


RANGES = {"lead_minutes": range(121), "back": range(366), "ahead": range(7, 366)}
_SWITCH = {"on": True, "off": False}


def chosen(options: Options, wishes: Mapping[str, str]) -> Options:
    """The options with what somebody chose, as text. Raises FeedError that names the option and what it takes."""
    kinds = {field.name: type(getattr(options, field.name)) for field in fields(options)}
    unknown = set(wishes) - set(kinds)
    if unknown:
        raise FeedError(f"no option is called {min(unknown)[:40]!r}; there are {', '.join(kinds)}")
    return replace(options, **{name: _read(name, text, kinds[name]) for name, text in wishes.items()})


def as_text(options: Options) -> dict[str, str]:
    """The options as `chosen` takes them."""
    values = asdict(options)
    return {name: _written(value) for name, value in values.items()}


def _written(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _read(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text not in _SWITCH:
            raise FeedError(f"{name}: on or off")
        return _SWITCH[text]
    if name in RANGES:
        allowed = RANGES[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) in allowed):
            raise FeedError(f"{name}: a number from {allowed.start} to {allowed.stop - 1}")
        return int(text)
    choices = LANGUAGES if name == "language" else tuple(Detail)
    if text not in choices:
        raise FeedError(f"{name}: one of {', '.join(choices)}")
    return Detail(text) if name == "detail" else text
