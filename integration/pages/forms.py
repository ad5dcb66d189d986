"""The form that makes a plan: what was typed, what is wrong in one sentence a field, and the wish it adds up to."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time
from difflib import get_close_matches
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from calendar_export.errors import PlanError
from calendar_export.plan import two_slots
from calendar_export.routine import HOLD_SECONDS, REPETITIONS, Dose
from calendar_export.zones import zone
from integration.pages.words import sentence
from integration.people import Wish

ASKED = {"zone": "", "morning": "07:00", "evening": "22:00"}
MORE = {"day_start": "04:00", "repetitions": "4", "hold_seconds": "0"}
"""Folded away, so a form that leaves them out means these."""
LONGEST = 64

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(:00)?")
# Names that the zone database keeps for machines; they are taken when typed, and not offered.
_MACHINES = ("Etc/", "SystemV/", "posix/", "right/")


@dataclass(frozen=True, slots=True)
class PlanForm:
    """A filled form. `errors` has one sentence for each wrong field; `wish` is there when there are none."""

    values: Mapping[str, str] = field(default_factory=lambda: ASKED | MORE)
    errors: Mapping[str, str] = field(default_factory=dict)
    wish: Wish | None = None


def read(typed: Mapping[str, str]) -> PlanForm:
    """Reads the form. Never raises: what cannot be read stands in `errors`."""
    values = {name: _clean(typed.get(name, "")) for name in ASKED}
    values |= {name: _clean(typed.get(name, "")) or usual for name, usual in MORE.items()}
    parsed, errors = dict[str, Any](), dict[str, str]()
    for name, parse in _PARSERS.items():
        try:
            parsed[name] = parse(values[name])
        except PlanError as error:
            errors[name] = sentence(str(error))
    if {"morning", "evening", "day_start"} <= parsed.keys():
        try:
            two_slots(parsed["morning"], parsed["evening"], parsed["day_start"])
        except PlanError as error:
            errors["evening"] = sentence(str(error))
    return PlanForm(values, errors, None if errors else _wish(parsed))


def parsed(name: str, text: str) -> Any:
    """One field of a plan as a value. Raises PlanError for what cannot be read."""
    if len(text) > LONGEST or not text.isprintable():
        raise PlanError(f"give up to {LONGEST} plain characters")
    return _PARSERS[name](text.strip())


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """The zones to choose from, in order of their names."""
    return tuple(name for name in sorted(_all_zones()) if "/" in name and not name.startswith(_MACHINES))


@lru_cache(maxsize=1)
def _all_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _wish(parsed: Mapping[str, Any]) -> Wish:
    dose = Dose(parsed["repetitions"], parsed["hold_seconds"])
    return Wish(parsed["zone"], parsed["morning"], parsed["evening"], None, parsed["day_start"], dose)


def _clean(text: str) -> str:
    return "".join(char for char in text[:LONGEST] if char.isprintable()).strip()


def _zone(text: str) -> str:
    if not text:
        raise PlanError("choose your time zone, such as Europe/Berlin")
    wanted = text.replace(" ", "_").casefold()
    named = {name.casefold(): name for name in _all_zones()}
    cities = {name.rpartition("/")[2].casefold(): name for name in zones()}
    if wanted in named:
        return zone(named[wanted]).key
    near = get_close_matches(wanted.rpartition("/")[2], cities, n=1)
    hint = f"did you mean {cities[near[0]]}?" if near else "choose one from the list, such as Europe/Berlin"
    raise PlanError(f"we know no time zone {text!r}; {hint}")


def _time(text: str) -> time:
    found = _TIME.fullmatch(text)
    if not found:
        raise PlanError("give a time from 00:00 to 23:59, such as 07:00")
    return time(int(found[1]), int(found[2]))


def _number(allowed: range) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) not in allowed:
            raise PlanError(f"give a whole number from {allowed[0]} to {allowed[-1]}")
        return int(text)

    return parse


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "zone": _zone,
    "morning": _time,
    "evening": _time,
    "day_start": _time,
    "repetitions": _number(REPETITIONS),
    "hold_seconds": _number(HOLD_SECONDS),
}
